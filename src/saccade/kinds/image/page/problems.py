"""Sections of the dataset report: what cannot be read, what is there twice, what lies where it should not.

A section without a finding stays, as one line: the reader knows that it was looked for.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from saccade.data.spec import SPLITS
from saccade.display.page import Cell, Code, Gallery, Group, Line, Name, PageBlock, Section, Table
from saccade.kinds.image.checks.near_duplicates import NearPair
from saccade.kinds.image.page.checked import Checked

_MAX_LISTED = 100
_MAX_GROUPS = 12
_MAX_COPIES = 4  # of a group
_MAX_PAIRS = 24


def left_out(checked: Checked, others: Sequence[tuple[str, int]] = ()) -> Section:
    """Unreadable pictures, and everything else that is in no split.

    Args:
        checked: what was found.
        others: further reasons for which pictures were left out, each with how many.

    Returns:
        One line where all are in a split.
    """
    unreadable, total = checked.findings.unreadable, len(checked.splits)
    is_out_N = checked.findings.left_out
    spare = int(((checked.splits == "") & ~is_out_N).sum())
    counts: list[tuple[str, int]] = [
        ("cannot be read", len(unreadable)),
        (_equal_under_several(checked).lower(), sum(map(len, checked.findings.conflicting))),
        *others,
        ("beyond split.train_fraction", spare),
    ]
    counts = [(why, count) for why, count in counts if count]
    if not counts:
        return Section(
            "left-out", "Unreadable and left out", "none", lines=[("Every picture could be read, and is in a split.",)]
        )
    blocks: list[PageBlock] = [Table(["left out", "pictures"], counts)]
    lines: list[Line] = [(f"{sum(n for _, n in counts):,} of {total:,} pictures are in none of the splits.",)]
    if unreadable:
        label = "transcript" if checked.examples.texts else "class"
        rows: list[list[Cell]] = []
        for row, reason in list(unreadable.items())[:_MAX_LISTED]:
            rows.append([checked.name(row), checked.class_name(row), Name(reason)])
        blocks.append(Table([f"cannot be read{_first(len(rows), len(unreadable))}", label, "why"], rows))
    what = ", ".join(f"{count:,} {why}" for why, count in counts)
    return Section("left-out", "Unreadable and left out", what, not is_out_N.any(), lines, blocks)


def _equal_under_several(checked: Checked) -> str:
    return f"Equal pictures {'with several transcripts' if checked.examples.texts else 'under several classes'}"


def conflicts(checked: Checked) -> Section:
    """Equal pictures under several classes, or with several transcripts."""
    groups, are_lines = checked.findings.conflicting, bool(checked.examples.texts)
    title = _equal_under_several(checked)
    if not groups:
        none = "with two transcripts" if are_lines else "under two classes"
        return Section("conflicts", title, "none", lines=[(f"No picture is there {none}.",)])
    several = "with several transcripts" if are_lines else "under several classes"
    advice = "Give each the transcript that is right" if are_lines else "Keep each in the class it belongs to"
    lines: list[Line] = [
        (
            f"{_count(len(groups), 'picture')} can be found {several}, pixel for pixel the same. At most one of "
            f"the labels can be right, so all {sum(map(len, groups)):,} copies were left out. {advice}, and run this "
            "again.",
        )
    ]
    return Section("conflicts", title, _count(len(groups), "picture"), False, lines, [_gallery(checked, groups)])


def leaks(checked: Checked) -> Section:
    """What belongs together, in several published splits."""
    groups = checked.findings.leaking
    title = "Published splits that share pictures"
    if not groups:
        return Section("leaks", title, "none", lines=[("No picture or group lies in several published splits.",)])
    published = checked.examples.published_splits or ()
    shown = []
    for rows in groups[:_MAX_GROUPS]:
        one_a_split = {published[row]: row for row in reversed(rows)}
        shown.append([one_a_split[split] for split in sorted(one_a_split)])
    lines: list[Line] = [
        (
            f"{_count(len(groups), 'picture')} or groups of pictures lie in several of the splits as they were "
            "published. They were let through by ",
            Code("split.allow_leakage: true"),
            ". A result on the test split is partly what was learnt by heart. To split anew: ",
            Code("split.test: 0.15"),
            ".",
        )
    ]
    gallery = _gallery(checked, shown, total=len(groups))
    return Section(
        "leaks", title, _count(len(groups), "picture or group", "pictures or groups"), False, lines, [gallery]
    )


def exact_duplicates(checked: Checked) -> Section:
    """Equal pictures of one class, or with one transcript."""
    groups, are_lines = checked.findings.equal, bool(checked.examples.texts)
    if not groups:
        none = (
            "No two pictures with one transcript are equal." if are_lines else "No two pictures of a class are equal."
        )
        return Section("equal", "Exact duplicates", "none", lines=[(none,)])
    copies = sum(map(len, groups)) - len(groups)
    where = _splits_of_groups(checked, groups)
    apart = sum(count for splits, count in where if "," in splits)
    there = "with one transcript" if are_lines else "in their class"
    lines: list[Line] = [
        (
            f"{_count(len(groups), 'picture')} can be found more than once {there}, pixel for pixel the same: "
            f"{_count(copies, 'copy', 'copies')} too many. {_apart(apart, len(groups))}",
        )
    ]
    rows: list[list[Cell]] = [[splits, count] for splits, count in where]
    result = _count(copies, "copy", "copies") + (f", {apart:,} across splits" if apart else ", none across splits")
    blocks: list[PageBlock] = [Table(["all copies are in", "pictures"], rows), _gallery(checked, groups)]
    return Section("equal", "Exact duplicates", result, not apart, lines, blocks)


def near_duplicates(checked: Checked) -> Section:
    """Pairs that are nearly the same picture."""
    pairs, title = checked.findings.near, "Near duplicates"
    if pairs is None:
        return Section(
            "near", title, "not searched", lines=[("Not searched: ", Code("preprocess.near_duplicates: false"))]
        )
    if not pairs:
        return Section("near", title, "none", lines=[("No two pictures are nearly the same.",)])
    bits_N = checked.split_bits()
    firsts, seconds = (np.fromiter((getattr(p, end) for p in pairs), np.int64) for end in ("first", "second"))
    is_apart = (bits_N[firsts] != bits_N[seconds]) & (bits_N[firsts] > 0) & (bits_N[seconds] > 0)
    is_mixed = checked.examples.labels[firsts] != checked.examples.labels[seconds]
    is_mixed = is_mixed if is_mixed.ndim == 1 else is_mixed.any(axis=1)
    apart, mixed = int(is_apart.sum()), int(is_mixed.sum())
    lines: list[Line] = [
        (
            f"{_count(len(pairs), 'pair')} of pictures look nearly the same: one picture saved twice, one thing "
            "photographed again, or plain things that look alike, such as two prints of one digit. The difference is "
            f"what is left between the two, laid over each other. {_apart(apart, len(pairs))}",
        )
    ]
    if mixed:
        lines.append(
            (f"{_count(mixed, 'pair')} {'is' if mixed == 1 else 'are'} of two classes: look whether both are right.",)
        )
    if apart:
        lines.append(
            (
                "A network that has seen one of them in training knows the answer to the other: results look better "
                "than they are. To keep such pairs together: ",
                Code("split.group_near_duplicates: true"),
                ".",
            )
        )
    order = np.argsort(~is_apart, kind="stable")[:_MAX_PAIRS]
    shown = [pairs[i] for i in order]
    head = f"{'Pairs in two splits first' if apart else 'Pairs'}{_first(len(shown), len(pairs))}"
    gallery = Gallery(head, [_pair(checked, pair) for pair in shown])
    result = f"{_count(len(pairs), 'pair')}, {apart if apart else 'none'} across splits"
    return Section("near", title, result, not apart, lines, [gallery])


def _pair(checked: Checked, pair: NearPair) -> Group:
    figures = [checked.figure(row) for row in (pair.first, pair.second)]
    return Group(figures, f"difference {pair.difference:.1f} grey levels")


def _splits_of_groups(checked: Checked, groups: Sequence[Sequence[int]]) -> list[tuple[str, int]]:
    """How many groups lie in each combination of splits, the most frequent first."""
    rows = np.fromiter(chain.from_iterable(groups), np.int64)
    starts = np.cumsum([0, *map(len, groups)])[:-1]
    combined = np.bitwise_or.reduceat(checked.split_bits()[rows], starts)
    counts = np.bincount(combined, minlength=2 ** len(SPLITS))

    def named(bits: int) -> str:
        return ", ".join(split for bit, split in enumerate(SPLITS) if bits >> bit & 1) or "no split"

    return [(named(bits), int(counts[bits])) for bits in np.argsort(-counts, kind="stable").tolist() if counts[bits]]


def _gallery(checked: Checked, groups: Sequence[Sequence[int]], total: int | None = None) -> Gallery:
    shown = [
        Group(
            [checked.figure(row) for row in rows[:_MAX_COPIES]],
            f"and {len(rows) - _MAX_COPIES:,} more" if len(rows) > _MAX_COPIES else "",
        )
        for rows in groups[:_MAX_GROUPS]
    ]
    return Gallery(f"Copies{_first(len(shown), total or len(groups))}", shown)


def _apart(apart: int, total: int) -> str:
    if not apart:
        return "None of them lies in more than one split."
    return f"{apart:,} of {total:,} {'lies' if apart == 1 else 'lie'} in more than one split."


def _first(shown: int, total: int) -> str:
    return f" (the first {shown:,} of {total:,})" if shown < total else ""


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"
