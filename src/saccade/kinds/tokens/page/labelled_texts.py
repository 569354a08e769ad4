"""The dataset report of labelled texts."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.data.prepared import DatasetInfo, Split, open_split
from saccade.data.sampling import rows_of_classes, spread
from saccade.data.spec import SPLITS
from saccade.display.class_balance import class_balance
from saccade.display.labels import co_occurrence
from saccade.display.page import Cell, Code, Line, Name, PageBlock, Section, Table, percent
from saccade.kinds.tokens.page.checked import CheckedTexts
from saccade.kinds.tokens.page.lengths import lengths_section
from saccade.kinds.tokens.page.vocabulary import vocabulary_section
from saccade.kinds.tokens.text.tokenizer import tokenizer_of

_MAX_CLASSES = 40  # that show examples
_MAX_EXAMPLES = 120  # of all classes together
_FEW_EXAMPLES = 5  # of a class
_SHORT = 24  # characters; so short ones stand side by side
_MAX_LISTED = 100
_MAX_GROUPS = 40


def text_sections(description: DatasetInfo, prepared: Path, checked: CheckedTexts) -> list[Section]:
    """All sections, in their order.

    Args:
        description: of the prepared arrays.
        prepared: their folder.
        checked: what was found on the way.

    Returns:
        Sections of a page.
    """
    spec, train = description.spec, open_split(prepared, "train")
    return [
        _prepared(description),
        class_balance(description),
        *([co_occurrence(spec.classes, train.labels)] if spec.multilabel else []),
        _examples(description, train),
        _left_out(checked),
        _conflicts(checked),
        _leaks(checked),
        _repeats(checked),
        lengths_section(checked),
        vocabulary_section(checked.tokens),
    ]


def _prepared(description: DatasetInfo) -> Section:
    spec = description.spec
    small = ", capitals made small" if spec.lower_case else ""
    line = (
        f"Each text is {spec.shape[0]:,} ids of {spec.unit}{small}; shorter ones are filled up with 0 at the end, "
        "which networks leave out.",
    )
    return Section("prepared", "The prepared texts", lines=[line])


def _examples(description: DatasetInfo, train: Split) -> Section:
    spec = description.spec
    classes = spread(np.arange(len(spec.classes)), _MAX_CLASSES).tolist()
    most = max(1, min(_FEW_EXAMPLES, _MAX_EXAMPLES // len(classes)))
    tokens = tokenizer_of(spec)
    shown = [
        (Name(spec.classes[k]), [Name(tokens.decode(train.examples[row].tolist())) for row in chosen.tolist()])
        for k, chosen in zip(classes, rows_of_classes(train.labels, classes, most), strict=True)
    ]
    lines: list[Line] = [
        (
            "Training texts of each class as the network reads them, spread evenly over the class: � is what the "
            "vocabulary does not have.",
        )
    ]
    if len(classes) < len(spec.classes):
        lines.append((f"{len(classes)} of {len(spec.classes):,} classes are shown, spread evenly over all.",))
    if all(len(text.text) <= _SHORT for _, texts in shown for text in texts):  # a line a class
        table = Table(["class", "texts", *[""] * (most - 1)], [[k, *_filled(texts, most)] for k, texts in shown])
    else:
        table = Table(["class", "text"], [[k, text] for k, texts in shown for text in texts])
    return Section("examples", "Examples of each class", lines=lines, blocks=[table])


def _filled(texts: Sequence[Name], most: int) -> list[Cell]:
    return [*texts, *[""] * (most - len(texts))]


def _left_out(checked: CheckedTexts) -> Section:
    findings, total = checked.findings, len(checked.splits)
    unreadable, is_out_N = findings.unreadable, findings.left_out
    conflicting = int(is_out_N.sum()) - len(unreadable) - findings.dropped
    counts = [
        ("cannot be read, or are empty", len(unreadable)),
        ("the same text under several classes", conflicting),
        ("repeated", findings.dropped),
        ("beyond split.train_fraction", int(((checked.splits == "") & ~is_out_N).sum())),
    ]
    counts = [(why, count) for why, count in counts if count]
    title = "Unreadable and left out"
    if not counts:
        return Section("left-out", title, "none", lines=[("Every text could be read, and is in a split.",)])
    blocks: list[PageBlock] = [Table(["left out", "texts"], counts)]
    if unreadable:
        rows: list[list[Cell]] = []
        for row, reason in list(unreadable.items())[:_MAX_LISTED]:
            rows.append([checked.name(row), checked.class_name(row), Name(reason)])
        blocks.append(Table([f"cannot be read{_first(len(rows), len(unreadable))}", "class", "why"], rows))
    lines: list[Line] = [(f"{sum(n for _, n in counts):,} of {total:,} texts are in none of the splits.",)]
    what = ", ".join(f"{count:,} {why}" for why, count in counts)
    return Section("left-out", title, what, not is_out_N.any(), lines, blocks)


def _conflicts(checked: CheckedTexts) -> Section:
    groups, title = checked.findings.conflicting, "The same text under several classes"
    if not groups:
        return Section("conflicts", title, "none", lines=[("No text is there under two classes.",)])
    copies = sum(map(len, groups))
    are_kept = not checked.findings.left_out[groups[0]].all()
    lines: list[Line] = [(f"{_texts(len(groups))} can be found under several classes, {copies:,} examples in all.",)]
    if are_kept:
        best = ", ".join(f"{percent(_best_accuracy(checked, groups, split))} on {split}" for split in SPLITS)
        lines.append(
            (
                "They were kept (",
                Code("preprocess.on_conflict: keep"),
                "), each text in one split. Who sees the text alone cannot be right about all of them: the most that "
                f"can be reached is an accuracy of {best}.",
            )
        )
    else:
        lines.append(("All of them were left out.",))
    largest = sorted(groups, key=lambda rows: (-len(rows), rows[0]))
    rows_shown: list[list[Cell]] = [
        [checked.text(rows[0]), Name(_labels(checked, rows)), checked.where(rows)] for rows in largest[:_MAX_GROUPS]
    ]
    head = f"text{_first(len(rows_shown), len(groups), 'the most frequent')}"
    result = f"{_texts(len(groups))}, {copies:,} examples{', kept' if are_kept else ''}"
    return Section("conflicts", title, result, False, lines, [Table([head, "classes", "in"], rows_shown)])


def _best_accuracy(checked: CheckedTexts, groups: Sequence[Sequence[int]], split: str) -> float:
    """Of a split, when each text gets the class that it has most often there."""
    total, lost = int((checked.splits == split).sum()), 0
    for rows in groups:
        inside = [row for row in rows if checked.splits[row] == split]
        if inside:
            lost += len(inside) - int(np.unique(checked.examples.labels[inside], axis=0, return_counts=True)[1].max())
    return 1 - lost / max(total, 1)


def _labels(checked: CheckedTexts, rows: Sequence[int]) -> str:
    counts = Counter(map(checked.examples.label, rows))
    return ", ".join(
        f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    )


def _leaks(checked: CheckedTexts) -> Section:
    groups, title = checked.findings.leaking, "Published splits that share texts"
    if not groups:
        return Section("leaks", title, "none", lines=[("No text or group lies in several published splits.",)])
    lines: list[Line] = [
        (
            f"{_texts(len(groups))} or groups of texts lie in several of the splits as they were published. They were "
            "let through by ",
            Code("split.allow_leakage: true"),
            ". A result on the test split is partly what was learnt by heart. To split anew: ",
            Code("split.test: 0.15"),
            ".",
        )
    ]
    rows_shown: list[list[Cell]] = [
        [checked.text(rows[0]), Name(_labels(checked, rows)), checked.where(rows)] for rows in groups[:_MAX_GROUPS]
    ]
    table = Table([f"text{_first(len(rows_shown), len(groups))}", "classes", "in"], rows_shown)
    return Section("leaks", title, f"{len(groups):,} texts or groups", False, lines, [table])


def _repeats(checked: CheckedTexts) -> Section:
    groups, title = checked.findings.repeated, "Repeated texts"
    if not groups:
        return Section("repeats", title, "none", lines=[("No two texts of a class are the same.",)])
    copies, splits = sum(map(len, groups)) - len(groups), checked.splits
    apart = sum(len(set(splits[rows].tolist()) - {""}) > 1 for rows in groups)
    what = "were left out" if checked.findings.dropped else "were kept"
    lines: list[Line] = [
        (
            f"{_texts(len(groups))} can be found more than once in their class, {copies:,} times too many. The copies "
            f"{what}; {f'{apart:,} texts lie' if apart else 'none of the texts lies'} in more than one split.",
        )
    ]
    if not checked.findings.dropped:
        lines.append(("To have each text once in its class: ", Code("preprocess.repeats: drop"), "."))
    largest = sorted(groups, key=lambda rows: (-len(rows), rows[0]))[:_MAX_GROUPS]
    rows_shown: list[list[Cell]] = [
        [checked.text(rows[0]), checked.class_name(rows[0]), len(rows), checked.where(rows)] for rows in largest
    ]
    table = Table(
        [f"text{_first(len(rows_shown), len(groups), 'the most frequent')}", "class", "times", "in"], rows_shown
    )
    result = f"{copies:,} copies, {f'{apart:,} texts' if apart else 'none'} across splits"
    return Section("repeats", title, result, not apart, lines, [table])


def _first(shown: int, total: int, which: str = "the first") -> str:
    return f" ({which} {shown:,} of {total:,})" if shown < total else ""


def _texts(count: int) -> str:
    return f"{count:,} text{'' if count == 1 else 's'}"
