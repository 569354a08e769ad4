"""A table of numbers: a row a step in time, and perhaps a column that says when."""

import difflib
import sys
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.io.time_detection import TimeOptions, check_time_format
from saccade.kinds.series.reading.array_file import read_array_series
from saccade.kinds.series.reading.time_columns import TimeColumns, find_time_columns
from saccade.readers.examples import FileSeries
from saccade.tables.numbers import RowReader
from saccade.tables.table import Column, Table, open_table
from saccade.tables.table_format import TableFormat


def read_numbers(
    path: Path,
    name: str,
    *,
    time_column: Column | Sequence[Column] | None,
    value_columns: Sequence[Column] | None,
    first_is_time: bool,
    time_options: TimeOptions = TimeOptions(),
    form: TableFormat | None = None,
    text_columns: Mapping[str, str] | None = None,
) -> FileSeries:
    """Read and check a table of numbers.

    Args:
        path: the file.
        name: what a user calls it, for messages.
        time_column: header of the times, or several whose cells are joined; None takes the first column, or those at
            the beginning that hold a date and a time of day, or none.
        value_columns: headers of the numbers, in the order that is wanted; None takes all others.
        first_is_time: whether the first column holds the times where ``time_column`` is None.
        time_options: what a user says of how the times are written; handed on.
        form: what the user states of the table's form.
        text_columns: headers of columns that are kept as text, by the argument that names each, such as series_column.

    Returns:
        Its rows in their order.

    Raises:
        UserError: it is no such table, with the line; or the time format is none.
    """
    wanted = [str(column) for column in value_columns or ()]
    if name.lower().endswith(".npy"):
        return read_array_series(path, name, wanted)
    times_asked = [time_column] if isinstance(time_column, str | int) else list(time_column or ())
    time_columns = [str(column) for column in times_asked]
    asked = [*time_columns, *wanted]
    if twice := next((column for column in asked if asked.count(column) > 1), None):
        raise UserError(f"time_column and value_columns must name different columns, but {twice!r} stands there twice")
    if time_options.form:
        check_time_format(time_options.form)
    by_key = {f"time_column{f'[{i}]' * (len(time_columns) > 1)}": each for i, each in enumerate(time_columns)}
    kept_as_text = list((text_columns or {}).values())
    asked_for: dict[str, Column | None] = {**(by_key or {"time_column": None}), **(text_columns or {})}
    table = open_table(path, name, asked_for, form=form, hints=wanted)
    header = table.columns
    _refuse_missing_columns(header, wanted, name)
    times = None
    if time_columns or first_is_time:
        first = table.sample[0][1] if table.sample else header
        times = find_time_columns(header, first, time_columns, values=wanted, others=kept_as_text, options=time_options)
    taken = set(times.places + times.left_out) if times else set()
    taken |= {table.place(column) for column in kept_as_text}
    names = wanted or [column for i, column in enumerate(header) if i not in taken]
    if times and (both := next((header[place] for place in times.places if header[place] in names), None)) is not None:
        raise UserError(f"{name}: {both!r} must not hold both the times and numbers. Name another time_column.")
    if not names:
        raise UserError(f"{name}: the header must name a column of numbers beside {header[0]!r}, but names none")
    if "" in names:
        raise UserError(
            f"{name}: the header must name each column of numbers, but cell {_unnamed(header, taken)} is empty. Fill "
            "it, or name the columns to take with value_columns."
        )
    texts: dict[str, list[str]] = {column: [] for column in kept_as_text}
    values_TF, written, lines = _read_rows(table, times, names, texts)
    return FileSeries(
        name,
        tuple(names),
        values_TF,
        lines,
        times.name if times else None,
        written,
        time_options,
        (*table.notes, *(f"{name}: {note}" for note in (times.notes if times else ()))),
        texts=texts,
    )


def _unnamed(header: Sequence[str], taken: set[int]) -> int:
    """The cell, from 1, of the first column of numbers without a name."""
    return next(i for i, cell in enumerate(header, start=1) if not cell and i - 1 not in taken)


def _refuse_missing_columns(header: Sequence[str], wanted: Sequence[str], name: str) -> None:
    for column in wanted:
        if column not in header:
            near = difflib.get_close_matches(column, header, n=1, cutoff=0.0) or list(header)
            raise UserError(
                f"{name} must have a column {column!r} of numbers, but has {', '.join(map(repr, header))}; the nearest "
                f"is {near[0]!r}"
            )


def _read_rows(
    table: Table, time_columns: TimeColumns | None, columns: Sequence[str], texts: Mapping[str, list[str]]
) -> tuple[np.ndarray, list[str], "array[int]"]:
    numbers, times, lines = array("d"), list[str](), array("q")
    places = [table.place(column) for column in columns]
    read = RowReader([table.number_reader(column) for column in columns])
    text_places = [(cells_of, table.place(column)) for column, cells_of in texts.items()]
    for line, cells in table.rows():
        if time_columns is not None:
            text = time_columns.text(cells)
            if not text:
                raise UserError(
                    f"{table.where(line)}: {time_columns.name or 'the time'} must not be empty. Fill it, or take the "
                    "row out."
                )
            times.append(text)
        numbers.extend(read([cells[place] for place in places], line))
        for cells_of, place in text_places:
            cells_of.append(sys.intern(cells[place]))  # few different ones, each a million times
        lines.append(line)
    if not lines:
        raise UserError(f"{table.name} must have rows below its header, but has none")
    return np.array(numbers, dtype=np.float64).reshape(len(lines), len(columns)), times, lines
