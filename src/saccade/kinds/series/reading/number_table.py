"""A table of numbers: a row a step in time, and perhaps a column that says when."""

import difflib
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.io.timestamps import check_time_format
from saccade.readers.examples import FileSeries
from saccade.tables.numbers import RowReader
from saccade.tables.table import Column, Table, open_table
from saccade.tables.table_format import TableFormat


def read_numbers(
    path: Path,
    name: str,
    *,
    time_column: Column | None,
    value_columns: Sequence[Column] | None,
    first_is_time: bool,
    time_format: str | None = None,
    form: TableFormat | None = None,
) -> FileSeries:
    """Read and check a table of numbers.

    Args:
        path: the file.
        name: what a user calls it, for messages.
        time_column: header of the times; None takes the first column, or none.
        value_columns: headers of the numbers, in the order that is wanted; None takes all others.
        first_is_time: whether the first column holds the times where ``time_column`` is None.
        time_format: of the times; handed on.
        form: what the user states of the table's form.

    Returns:
        Its rows in their order.

    Raises:
        UserError: it is no such table, with the line; or time_format is none.
    """
    wanted = [str(column) for column in value_columns or ()]
    asked = [*([] if time_column is None else [str(time_column)]), *wanted]
    if twice := next((column for column in asked if asked.count(column) > 1), None):
        raise UserError(f"time_column and value_columns must name different columns, but {twice!r} stands there twice")
    if time_format:
        check_time_format(time_format)
    table = open_table(path, name, {"time_column": time_column}, form=form, hints=wanted)
    header = table.columns
    _refuse_missing_columns(header, wanted, name)
    time_at = table.place(time_column) if time_column is not None else 0 if first_is_time else None
    names = wanted or [column for i, column in enumerate(header) if i != time_at]
    if time_at is not None and header[time_at] in names:
        raise UserError(
            f"{name}: {header[time_at]!r} must not hold both the times and numbers. Name another time_column."
        )
    if not names:
        raise UserError(f"{name}: the header must name a column of numbers beside {header[0]!r}, but names none")
    if "" in names:
        raise UserError(
            f"{name}: the header must name each column of numbers, but cell {_unnamed(header, time_at)} is empty. Fill "
            "it, or name the columns to take with value_columns."
        )
    values_TF, times, lines = _read_rows(table, time_at, names)
    time_name = None if time_at is None else header[time_at]
    return FileSeries(name, tuple(names), values_TF, lines, time_name, times, time_format, tuple(table.notes))


def _unnamed(header: Sequence[str], time_at: int | None) -> int:
    """The cell, from 1, of the first column of numbers without a name."""
    return next(i for i, cell in enumerate(header, start=1) if not cell and i - 1 != time_at)


def _refuse_missing_columns(header: Sequence[str], wanted: Sequence[str], name: str) -> None:
    for column in wanted:
        if column not in header:
            near = difflib.get_close_matches(column, header, n=1, cutoff=0.0) or list(header)
            raise UserError(
                f"{name} must have a column {column!r} of numbers, but has {', '.join(map(repr, header))}; the nearest "
                f"is {near[0]!r}"
            )


def _read_rows(table: Table, time_at: int | None, columns: Sequence[str]) -> tuple[np.ndarray, list[str], "array[int]"]:
    numbers, times, lines = array("d"), list[str](), array("q")
    places = [table.place(column) for column in columns]
    read = RowReader([table.number_reader(column) for column in columns])
    for line, cells in table.rows():
        if time_at is not None:
            if not cells[time_at]:
                raise UserError(
                    f"{table.where(line)}: {table.columns[time_at] or 'the time'} must not be empty. Fill it, or take "
                    "the row out."
                )
            times.append(cells[time_at])
        numbers.extend(read([cells[place] for place in places], line))
        lines.append(line)
    if not lines:
        raise UserError(f"{table.name} must have rows below its header, but has none")
    return np.array(numbers, dtype=np.float64).reshape(len(lines), len(columns)), times, lines
