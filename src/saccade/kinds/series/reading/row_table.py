"""A table that holds a labelled series in each row: its columns are steps, and one of them is the label.

The archives of UCR have this form without a header, the label first; exports of programs often have the label last.

Shapes: T steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.kinds.series.reading.labelled_rows import LabelledRows, plain_label
from saccade.tables.cells import parse_split
from saccade.tables.numbers import RowReader, is_missing, is_number
from saccade.tables.table import Column, Table, open_table
from saccade.tables.table_format import TableFormat

VALUE = "value"  # what the only feature of such series is called
_LABEL_WORDS = ("label", "class", "target", "y", "category", "activity", "outcome")
_ROW_NUMBERS = ("", "id", "index", "no", "nr", "unnamed: 0")
_MAX_CLASSES = 1000  # numbers, before a column of whole numbers is no longer taken for labels
_SHOWN = 3


@dataclass(frozen=True)
class _Roles:
    """Which column of a row table is what."""

    label: str | None
    split: str | None
    steps: tuple[str, ...]
    groups: tuple[str, ...]
    notes: tuple[str, ...]


def read_row_table(
    path: Path,
    name: str,
    *,
    label_column: Column | None = None,
    split_column: Column | None = None,
    value_columns: Sequence[Column] | None = None,
    form: TableFormat | None = None,
    new_steps: int | None = None,
) -> LabelledRows:
    """Read a table of series.

    Args:
        path: the file.
        name: the user's name of the file, for messages.
        label_column: column of the labels; None: it is looked for.
        split_column: column of the published split; None: there is none.
        value_columns: columns of the steps, in their order; None: all columns of numbers that nothing else names.
        form: what a user states of the table's form.
        new_steps: steps of the series that a network was trained with, where new ones are read, whose labels may be
            missing; None: labels are there.

    Returns:
        The series in the order of the rows.

    Raises:
        UserError: it is no such table, with its line; or several columns may hold the labels.
    """
    named: dict[str, Column | None] = {"label_column": label_column, "split_column": split_column}
    if new_steps is not None:
        named = {}
    table = open_table(path, name, named, form=form)
    roles = _roles(table, label_column, split_column, value_columns, new_steps)
    places = [table.place(column) for column in roles.steps]
    read = RowReader([table.number_reader(column) for column in roles.steps])
    values: list[np.ndarray] = []
    labels: list[str] = []
    names: list[str] = []
    splits: list[str] = []
    groups: dict[str, list[str]] = {column: [] for column in roles.groups}
    shorter = 0
    for line, cells in table.rows():
        row_T = np.array(read([cells[place] for place in places], line), np.float32)
        there = np.flatnonzero(~np.isnan(row_T))
        if not len(there):
            raise UserError(f"{table.where(line)} must hold numbers, but holds none. Take the row out.")
        shorter += int(there[-1]) + 1 < len(row_T)
        values.append(row_T[: there[-1] + 1, None])
        labels.append("" if roles.label is None else plain_label(cells[table.place(roles.label)]))
        names.append(table.where(line))
        if roles.split is not None:
            splits.append(parse_split(cells[table.place(roles.split)], roles.split, table.where(line)))
        for column, found in groups.items():
            found.append(cells[table.place(column)])
    if not values:
        raise UserError(f"{name} must have rows, but has none")
    notes = [*table.notes, *roles.notes]
    if shorter:
        notes.append(f"{name}: {shorter:,} of {len(values):,} series end before the last column, where cells are empty")
    return LabelledRows(
        name, (VALUE,), values, labels, names, groups, splits if roles.split is not None else None, tuple(notes)
    )


def _roles(
    table: Table,
    label_column: Column | None,
    split_column: Column | None,
    value_columns: Sequence[Column] | None,
    new_steps: int | None,
) -> _Roles:
    columns, notes = table.columns, list[str]()
    text = [column for column in columns if _is_text(table, column)]
    split = str(split_column) if split_column is not None and str(split_column) in columns else None
    steps = [str(column) for column in value_columns or ()]
    if unknown := next((column for column in steps if column not in columns), None):
        raise UserError(f"{table.name} must have a column {unknown!r}, but has {', '.join(map(repr, columns[:10]))}")
    ids = [] if value_columns else [column for column in columns[:1] if column.strip().lower() in _ROW_NUMBERS]
    is_bare = new_steps is not None and len(columns) == new_steps  # new series without labels
    if label_column is not None and not (is_bare and table.header_line is None):
        label = str(label_column) if str(label_column) in columns else None
    elif is_bare:
        label = None
    else:
        free = [column for column in columns if column not in (*steps, *ids, split)]
        label = _find_label(table, free, [column for column in text if column in free])
        notes.append(f"{table.name}: labels read from the column {label!r}")
    if not steps:
        steps = [column for column in columns if column not in (label, split, *text, *ids)]
    if ids and not columns[0].strip():
        notes.append(f"{table.name}: the first column, without a name, holds row numbers: left out")
    if not steps:
        raise UserError(f"{table.name} must have columns of numbers beside the label, but has none")
    groups = [column for column in (*ids, *text) if column not in (label, split, *steps) and column.strip()]
    return _Roles(label, split, tuple(steps), tuple(groups), tuple(notes))


def _is_text(table: Table, column: str) -> bool:
    place = table.place(column)
    return any(not is_number(cells[place]) and not is_missing(cells[place]) for _, cells in table.sample)


def _find_label(table: Table, free: Sequence[str], text: Sequence[str]) -> str:
    """The column of the labels: called so, the only one of text, or the first or last one if that alone can be."""
    called = [column for column in free if column.strip().lower() in _LABEL_WORDS]
    for found in (called, text):
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise UserError(
                f"{table.name}: the columns {', '.join(map(repr, found[:5]))} may each hold the labels. Say which with "
                "label_column"
            )
    ends = [column for column in dict.fromkeys((free[0], free[-1])) if _are_classes(table, column)]
    if len(ends) == 1:
        return ends[0]
    shown = [
        f"{column!r} ({', '.join(_cells(table, column)[:_SHOWN])}, ...)" for column in (ends or [free[0], free[-1]])
    ]
    if not ends:
        raise UserError(
            f"{table.name} must have a column of labels, but neither {' nor '.join(shown)} holds classes. Name it with "
            "label_column"
        )
    raise UserError(
        f"{table.name}: the labels may stand in the column {' or '.join(shown)}: both hold few whole numbers. Say "
        f"which: label_column: {ends[0]}, or label_column: {ends[1]}"
    )


def _cells(table: Table, column: str) -> list[str]:
    place = table.place(column)
    return [cells[place] for _, cells in table.sample]


def _are_classes(table: Table, column: str) -> bool:
    """Whether a column holds whole numbers, each of several rows."""
    labels = [plain_label(cell) for cell in _cells(table, column)]
    different = set(labels)
    if not all(label.lstrip("+-").isdecimal() for label in different):
        return False
    return 2 <= len(different) <= min(_MAX_CLASSES, max(2, len(labels) // 2))
