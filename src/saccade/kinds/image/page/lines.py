"""The sections of the page of a dataset of lines of print, in their order.

Shapes: N lines, H height, W greatest width, C channels.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from saccade.data.alphabet import decode
from saccade.data.prepared import DatasetInfo, Split, open_split
from saccade.data.sampling import spread
from saccade.data.spec import RESERVED, SPLITS, UNKNOWN
from saccade.display.page import Cell, Code, Figure, Gallery, Group, Line, LinkedImage, Name, PageBlock, Section, Table
from saccade.display.prepared_values import prepared_values
from saccade.kinds.image.page.checked import Checked
from saccade.kinds.image.page.contact_sheets import line_picture
from saccade.kinds.image.page.image_sizes import brightness, sizes
from saccade.kinds.image.page.problems import conflicts, exact_duplicates, leaks, left_out

_SHOWN = 40  # lines of the sheet
_LENGTHS = (0, 5, 10, 25, 50, 75, 90, 95, 100)  # percentiles
_MAX_SQUEEZED = 20  # named


def line_sections(
    info: DatasetInfo,
    prepared: Path,
    checked: Checked,
    is_squeezed_N: np.ndarray,
    views_address: str | None = None,
) -> list[Section]:
    """All sections, in their order.

    Args:
        info: of the prepared arrays.
        prepared: their folder.
        checked: what was found on the way.
        is_squeezed_N: bool (N,), the lines that were wider than the arrays.
        views_address: address of a sheet of augmented views, relative to the page; None: there will be none.

    Returns:
        Sections of a page.
    """
    splits = {split: open_split(prepared, split) for split in SPLITS}
    return [
        _prepared(info, checked, is_squeezed_N),
        _alphabet(info, splits),
        _lengths(splits["train"]),
        _sheet(info, splits["train"], checked),
        *([] if views_address is None else [_views(views_address)]),
        left_out(checked),
        conflicts(checked),
        leaks(checked),
        exact_duplicates(checked),
        sizes(checked, info.spec.shape),
        brightness(checked),
    ]


def _prepared(info: DatasetInfo, checked: Checked, is_squeezed_N: np.ndarray) -> Section:
    height, width, channels = info.spec.shape
    squeezed = np.flatnonzero(is_squeezed_N)
    about = f"{len(squeezed):,} of {len(is_squeezed_N):,} pictures were wider, and squeezed"
    such: Line = (about, ", such as ", checked.name(int(squeezed[0])), ".") if len(squeezed) else (about, ".")
    lines: list[Line] = [
        (f"Lines {height} pixels high and up to {width} wide, {'grey' if channels == 1 else 'RGB'}.",),
        such,
    ]
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
    length_N = (train.labels != 0).sum(axis=1)
    width_N = np.array([int(image.any(axis=(0, 2)).sum()) for image in train.examples])
    columns = [length_N, width_N, width_N / np.maximum(length_N, 1)]
    rows: list[list[Cell]] = []
    for percentile in _LENGTHS:
        values = [float(np.percentile(column, percentile)) for column in columns]
        rows.append([f"{percentile} %", f"{values[0]:.0f}", f"{values[1]:.0f}", f"{values[2]:.1f}"])
    head = ["of the training lines", "characters", "columns", "columns a character"]
    lines: list[Line] = [("No more than so many, of as many lines as stand on the left.",)]
    words = Counter(min(int(length), 10) for length in length_N)
    lines.append((f"{words[1]:,} lines are a single character.",))
    return Section("lengths", "Lengths and widths", lines=lines, blocks=[Table(head, rows)])


def _sheet(info: DatasetInfo, train: Split, checked: Checked) -> Section:
    length_N = (train.labels != 0).sum(axis=1)
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


def _views(address: str) -> Section:
    about: Line = (
        "Training lines as they are, as training sees them, and below that each transform alone, always applied. ",
        Code("saccade augment DATASET"),
        " draws this anew.",
    )
    without = "There is no such picture: no views are made of this dataset, or augment has not run."
    return Section("views", "Augmented views", lines=[about], blocks=[LinkedImage(address, without)])
