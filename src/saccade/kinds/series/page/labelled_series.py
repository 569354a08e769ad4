"""The dataset report of labelled series.

Shapes: N examples, T steps, F features.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.data.prepared import DatasetInfo, open_split
from saccade.display.class_balance import class_balance
from saccade.display.embedded import embedded_png
from saccade.display.page import Cell, Code, Figure, Line, Name, PageBlock, Section, Sheet, Table
from saccade.kinds.series.page.checked import CheckedSeries
from saccade.kinds.series.page.figures import draw_classes

_MAX_LISTED = 40
_MAX_COPIES = 4  # of a file, in a row
_MAX_FEATURES = 200  # in a table


def labelled_series_sections(
    description: DatasetInfo, prepared: Path, checked: CheckedSeries, picture: Path
) -> list[Section]:
    """All sections, in their order.

    Args:
        description: of the prepared arrays.
        prepared: their folder.
        checked: what was found on the way.
        picture: where to draw examples of each class.

    Returns:
        Sections of a page.
    """
    return [
        class_balance(description),
        _examples(description, prepared, picture),
        _values(description, checked),
        _lengths(description, checked),
        _missing(checked),
        _constant(checked),
        _groups(
            "conflicts",
            "Equal files under several classes",
            checked,
            checked.found.conflicting,
            "left out",
            is_fine=False,
        ),
        _groups("copies", "Equal files", checked, checked.found.repeated, "kept in one split", is_fine=True),
    ]


def _examples(description: DatasetInfo, prepared: Path, picture: Path) -> Section:
    spec, train = description.spec, open_split(prepared, "train")
    drawn = draw_classes(train.examples, train.labels, spec.classes, spec.features, picture)
    lines: list[Line] = [("Training series of each class over each other, spread evenly over the class.",)]
    if len(drawn) < len(spec.classes):
        lines.append((f"{len(drawn)} of {len(spec.classes):,} classes are drawn, spread evenly over all.",))
    sheet = Sheet(("series of each class",), [Figure(embedded_png(picture), Name("series of each class"))])
    return Section("examples", "Examples of each class", lines=lines, blocks=[sheet])


def _values(description: DatasetInfo, checked: CheckedSeries) -> Section:
    spec = description.spec
    rows: list[list[Cell]] = [
        [Name(name), f"{mean:.6g}", f"{std:.6g}"]
        for name, mean, std in zip(spec.features[:_MAX_FEATURES], description.mean, description.std, strict=False)
    ]
    up_to = "Up to " if spec.is_padded else ""
    each = f", a row every {spec.step}" if spec.step else ""
    line = (
        f"{up_to}{spec.shape[0]:,} steps of {spec.shape[1]:,} features{each}. Of the training split, which normalises "
        "all three:",
    )
    table = Table(["feature", "mean", "standard deviation"], rows)
    return Section("prepared", "The prepared series", lines=[line], blocks=[table])


def _lengths(description: DatasetInfo, checked: CheckedSeries) -> Section:
    lengths_N, kept = checked.found.lengths, description.spec.shape[0]
    cut, short = int((lengths_N > kept).sum()), int((lengths_N < kept).sum())
    if not cut and not short:
        return Section("lengths", "Lengths", f"all {kept:,}", lines=[(f"All series have {kept:,} steps.",)])
    lines: list[Line] = [
        (f"From {lengths_N.min():,} to {lengths_N.max():,} steps; half have {int(np.median(lengths_N)):,} or less.",)
    ]
    outcomes = []
    if cut:
        outcomes.append(f"{cut:,} cut to {kept:,} steps")
        after = f", {kept:,}: what comes after the first {kept:,} steps was cut off."
        lines.append((f"{cut:,} of {len(lengths_N):,} are longer than ", Code("preprocess.length"), after))
    if short:
        outcomes.append(f"{short:,} padded to {kept:,} steps")
        told = "padded behind their end. Networks are told where each ends, and no answer depends on the padding."
        lines.append((f"{short:,} of {len(lengths_N):,} are shorter than {kept:,} steps and {told}",))
    return Section("lengths", "Lengths", ", ".join(outcomes), lines=lines)


def _missing(checked: CheckedSeries) -> Section:
    filled_N, title = checked.found.filled, "Missing values"
    filled, rows = int(filled_N.sum()), int(checked.found.missing_rows.sum())
    if not filled:
        return Section("missing", title, "none", lines=[("No value was missing, and no row.",)])
    worst = np.argsort(-filled_N, kind="stable")[:_MAX_LISTED]
    table: list[list[Cell]] = [[checked.name(i), int(filled_N[i])] for i in worst.tolist() if filled_N[i]]
    line = (
        f"{filled:,} values of {int((filled_N > 0).sum()):,} files were missing, those of {rows:,} missing rows among "
        "them, and straight lines were drawn over them. The files with the most:",
    )
    return Section("missing", title, f"{filled:,} interpolated", True, [line], [Table(["file", "filled in"], table)])


def _constant(checked: CheckedSeries) -> Section:
    rows, title = np.flatnonzero(checked.found.is_constant).tolist(), "Series that never change"
    if not rows:
        return Section("constant", title, "none", lines=[("In every series some feature changes.",)])
    listed: list[list[Cell]] = [[checked.name(i), checked.class_name(i)] for i in rows[:_MAX_LISTED]]
    first = f"; the first {_MAX_LISTED}" if len(rows) > _MAX_LISTED else ""
    line = (f"{len(rows):,} hold one row throughout: was the sensor off{first}?",)
    return Section("constant", title, f"{len(rows):,}", False, [line], [Table(["file", "class"], listed)])


def _groups(
    key: str, title: str, checked: CheckedSeries, groups: Sequence[Sequence[int]], outcome: str, *, is_fine: bool
) -> Section:
    if not groups:
        none = "No two files are the same in every step that is read." if is_fine else "No file is in two classes."
        return Section(key, title, "none", lines=[(none,)])
    rows: list[list[Cell]] = []
    for members in groups[:_MAX_LISTED]:
        names = ", ".join(checked.name(row).escaped for row in members[:_MAX_COPIES])
        classes = ", ".join(dict.fromkeys(checked.class_name(row).escaped for row in members))
        rows.append([Name(names), Name(classes), len(members), checked.where(members)])
    first = f"; the first {_MAX_LISTED}" if len(groups) > _MAX_LISTED else ""
    line = (f"{len(groups):,} files occur several times, the same in every step that is read; {outcome}{first}.",)
    blocks: list[PageBlock] = [Table(["files", "classes", "copies", "in"], rows)]
    return Section(key, title, f"{len(groups):,}, {outcome}", is_fine, [line], blocks)
