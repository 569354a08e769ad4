"""The sections of the page of a dataset of lines of print, in their order.

Shapes: N lines, H height, W greatest width, C channels.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.core.messages import pluralise
from saccade.data.alphabet import decode
from saccade.data.prepared import DatasetInfo, Split, open_split
from saccade.data.sampling import spread
from saccade.data.spec import PAD, RESERVED, SPLITS, UNKNOWN
from saccade.display.page import (
    Cell,
    Code,
    Figure,
    Gallery,
    Group,
    Line,
    LinkedImage,
    Name,
    PageBlock,
    Section,
    Share,
    Table,
)
from saccade.display.prepared_values import prepared_values
from saccade.kinds.image.checks.line_fitness import LineFitness, why_unlike
from saccade.kinds.image.page.checked import Checked
from saccade.kinds.image.page.contact_sheets import line_picture
from saccade.kinds.image.page.image_sizes import brightness
from saccade.kinds.image.page.problems import conflicts, exact_duplicates, leaks, left_out
from saccade.kinds.image.pixels.line import real_columns

_SHOWN = 40  # lines of the sheet
_PERCENTILES = (0, 5, 10, 25, 50, 75, 90, 95, 100)
_LENGTHS = (0, 2, 5, 10, 15, 20, 30, 40, 60, 100)  # characters at which bars begin
_WIDTHS = (0, 32, 64, 128, 192, 256, 384, 512, 768, 1024)  # columns
_PER_CHARACTER = (0, 4, 6, 8, 10, 12, 16, 24, 32)  # columns
_MAX_NAMED = 24  # lines, of those squeezed or unfit
_MANY_SQUEEZED = 0.05  # of all lines, above which the page asks for a look


def line_sections(
    info: DatasetInfo,
    prepared: Path,
    checked: Checked,
    fitness: LineFitness,
    views_address: str | None = None,
) -> list[Section]:
    """All sections, in their order.

    Args:
        info: of the prepared arrays.
        prepared: their folder.
        checked: what was found on the way.
        fitness: which lines can be learnt from.
        views_address: address of a sheet of augmented views, relative to the page; None: there will be none.

    Returns:
        Sections of a page.
    """
    splits = {split: open_split(prepared, split) for split in SPLITS}
    return [
        _prepared(info),
        _alphabet(info, splits),
        _lengths(splits["train"]),
        _sheet(info, splits["train"], checked),
        *([] if views_address is None else [_views(views_address)]),
        left_out(checked, _reasons(checked, fitness)),
        _unlike_lines(checked, fitness),
        _squeezed(info, checked, fitness),
        conflicts(checked),
        leaks(checked),
        exact_duplicates(checked),
        _heights(info, checked),
        brightness(checked),
    ]


def _prepared(info: DatasetInfo) -> Section:
    height, width, channels = info.spec.shape
    about = (
        f"Lines {height} pixels high and up to {width} wide, {'grey' if channels == 1 else 'RGB'}, their proportions "
    )
    lines: list[Line] = [(f"{about}kept; columns of 0 behind each fill it up, and are passed over everywhere.",)]
    names = ["grey"] if channels == 1 else ["red", "green", "blue"]
    return prepared_values(info, lines, names, titles=("channel", "mean (0..1)", "standard deviation"))


def _alphabet(info: DatasetInfo, splits: dict[str, Split]) -> Section:
    vocabulary = info.spec.vocabulary
    counts = {name: np.bincount(split.labels.ravel(), minlength=len(vocabulary)) for name, split in splits.items()}
    order = sorted(range(len(RESERVED), len(vocabulary)), key=lambda n: (-counts["train"][n], vocabulary[n]))
    rows: list[list[Cell]] = [
        [Name(_shown(vocabulary[number])), *(int(counts[split][number]) for split in SPLITS)] for number in order
    ]
    unknown = sum(int(count[UNKNOWN]) for count in counts.values())
    if unknown:
        rows.append(["not in the alphabet", *(int(counts[split][UNKNOWN]) for split in SPLITS)])
    size = len(vocabulary) - len(RESERVED)
    lines: list[Line] = [
        (f"{size} characters, in the order of their code points in the bundle; here the most frequent first.",)
    ]
    rare = sum(0 < int(counts["train"][n]) < 10 for n in range(len(RESERVED), len(vocabulary)))
    if rare:
        lines.append((f"{rare} of them occur fewer than ten times in training: they are hardly learnt.",))
    head = ["character", *SPLITS]
    return Section("alphabet", "The alphabet", f"{size} characters", not unknown, lines, [Table(head, rows)])


def _shown(character: str) -> str:
    return "space" if character == " " else character


def _lengths(train: Split) -> Section:
    length_N = (train.labels != PAD).sum(axis=1)
    width_N = np.array([real_columns(image) for image in train.examples])
    columns = [length_N, width_N, width_N / np.maximum(length_N, 1)]
    rows: list[list[Cell]] = []
    for percentile in _PERCENTILES:
        values = [float(np.percentile(column, percentile)) for column in columns]
        rows.append([f"{percentile} %", f"{values[0]:.0f}", f"{values[1]:.0f}", f"{values[2]:.1f}"])
    head = ["of the training lines", "characters", "columns", "columns a character"]
    lines: list[Line] = [
        (
            f"Of {pluralise(len(length_N), 'training line')}, with {int(length_N.sum()):,} characters; "
            f"{int((length_N == 1).sum()):,} are a single character. The table says how much as many of them as stand "
            "on the left have at most.",
        )
    ]
    blocks = [
        Table(head, rows),
        _bars("characters", length_N, _LENGTHS),
        _bars("columns", width_N, _WIDTHS),
        _bars("columns a character", columns[2], _PER_CHARACTER),
    ]
    return Section("lengths", "Lengths and widths", lines=lines, blocks=blocks)


def _bars(what: str, value_N: np.ndarray, starts: Sequence[int]) -> Table:
    """How many of the lines lie from each start to the next."""
    bin_N = np.searchsorted(starts, value_N, side="right") - 1
    counts = np.bincount(bin_N).tolist()  # up to the last that occurs
    starts, ends = starts[: len(counts)], [*(f" to below {end}" for end in starts[1:]), " or more"][: len(counts)]
    rows: list[list[Cell]] = [
        [f"{start}{end}", count, Share(count / len(value_N), count / max(counts))]
        for start, end, count in zip(starts, ends, counts, strict=True)
    ]
    return Table([what, "training lines", "share"], rows)


def _sheet(info: DatasetInfo, train: Split, checked: Checked) -> Section:
    length_N = (train.labels != PAD).sum(axis=1)
    groups = []
    for row in spread(np.argsort(length_N, kind="stable"), _SHOWN):
        text = decode(train.labels[row].tolist(), info.spec.vocabulary)
        name = checked.name(int(train.rows[row]))
        groups.append(Group([Figure(line_picture(train.examples[row]), name, (Name(text),))]))
    blocks: list[PageBlock] = [Gallery("From the shortest to the longest", groups)]
    lines: list[Line] = [
        (
            "Training lines as the network sees them, with what stands in them. Read a few: a transcript that does "
            "not fit its picture teaches something wrong.",
        )
    ]
    return Section("sheets", "Examples", lines=lines, blocks=blocks)


def _reasons(checked: Checked, fitness: LineFitness) -> list[tuple[str, int]]:
    """Why lines were left out, besides those that cannot be read and those with several transcripts."""
    is_counted_N = np.zeros(len(checked.splits), dtype=bool)
    is_counted_N[[row for rows in checked.findings.conflicting for row in rows]] = True
    return [
        ("without a transcript", int((fitness.is_empty & ~is_counted_N).sum())),
        ("too narrow for their transcripts", int((fitness.is_unfit & ~is_counted_N).sum())),
    ]


def _unlike_lines(checked: Checked, fitness: LineFitness) -> Section:
    title = "Lines that do not fit their transcripts"
    unfit, odd = np.flatnonzero(fitness.is_unfit).tolist(), np.flatnonzero(fitness.is_odd).tolist()
    if not unfit and not odd:
        none = "Every line is wide enough for its transcript, and none looks like a page or like vertical text."
        return Section("unfit", title, "none", lines=[(none,)])
    lines: list[Line] = []
    blocks: list[PageBlock] = []
    for rows, said, head in (
        (
            unfit,
            "left out, too narrow for the transcript whatever reads it: boxes that were cut badly, pages, vertical "
            "text, or wrong transcripts.",
            "Too narrow",
        ),
        (odd, "in a split, though they look like pages or like vertical text.", "In doubt"),
    ):
        if rows:
            lines.append((f"{pluralise(len(rows), 'line')} {'is' if len(rows) == 1 else 'are'} {said}",))
            shown = [
                Group([checked.figure(row, why_unlike(checked.examples, checked.inspected, fitness, row))])
                for row in rows[:_MAX_NAMED]
            ]
            blocks.append(Gallery(f"{head}{_first(len(shown), len(rows))}", shown))
    return Section("unfit", title, f"{len(unfit):,} left out, {len(odd):,} in doubt", False, lines, blocks)


def _squeezed(info: DatasetInfo, checked: Checked, fitness: LineFitness) -> Section:
    most, total = info.spec.shape[1], len(checked.splits)
    rows = np.flatnonzero(fitness.is_squeezed)
    if not len(rows):
        return Section("squeezed", "Squeezed lines", "none", lines=[(f"No line was wider than {most} columns.",)])
    order = rows[np.argsort(-fitness.columns[rows], kind="stable")]
    lines: list[Line] = [
        (
            f"{len(rows):,} of {total:,} lines were wider than {most} columns, and were squeezed to it: their "
            "characters are narrower than those of the others. To keep them as they are: ",
            Code(f"preprocess.max_width: {int(fitness.columns.max())}"),
            ", which takes as much more room on the disk.",
        )
    ]
    groups = [
        Group(
            [checked.figure(row, f"{fitness.columns[row]:,} columns, {fitness.columns[row] / most:.2f} times as many")]
        )
        for row in order[:_MAX_NAMED].tolist()
    ]
    blocks: list[PageBlock] = [Gallery(f"The widest{_first(len(groups), len(rows))}", groups)]
    is_fine = len(rows) <= _MANY_SQUEEZED * total
    return Section("squeezed", "Squeezed lines", f"{len(rows):,} of {total:,}", is_fine, lines, blocks)


def _heights(info: DatasetInfo, checked: Checked) -> Section:
    """How high the pictures were; widths differ with what stands in them, and say nothing."""
    high_R = checked.inspected.sides[checked.inspected.is_readable][:, 0].astype(np.int64)
    height = info.spec.shape[0]
    lower = int((high_R < height).sum())
    rows: list[list[Cell]] = [[f"{share} %", f"{np.percentile(high_R, share):.0f}"] for share in _PERCENTILES]
    lines: list[Line] = [
        (
            f"Pictures of lines were {high_R.min():,} to {high_R.max():,} pixels high; {lower:,} of {len(high_R):,} "
            f"were lower than {height} and were enlarged, which adds nothing to read.",
        )
    ]
    blocks = [Table(["of the lines", "pixels high at most"], rows)]
    return Section("heights", "Original heights", lines=lines, blocks=blocks)


def _first(shown: int, total: int) -> str:
    return f" (the first {shown:,} of {total:,})" if shown < total else ""


def _views(address: str) -> Section:
    about: Line = (
        "Training lines as they are, as training sees them, and below that each transform alone, always applied. ",
        Code("saccade augment DATASET"),
        " draws this anew.",
    )
    without = "There is no such picture: no views are made of this dataset, or augment has not run."
    return Section("views", "Augmented views", lines=[about], blocks=[LinkedImage(address, without)])
