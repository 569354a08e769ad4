"""A table of numbers: a CSV file with a header, a row a step in time, and perhaps a column that says when."""

import difflib
import re
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.io.csv_rows import Row, find_delimiter, open_rows
from saccade.io.timestamps import check_time_format, is_time
from saccade.readers.examples import FileSeries

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MISSING = ("", "na", "n/a", "nan", "null")  # in small letters
_LARGEST = float(np.finfo(np.float32).max)


def read_numbers(
    path: Path,
    name: str,
    *,
    time_column: str | None,
    value_columns: Sequence[str] | None,
    first_is_time: bool,
    time_format: str | None = None,
    encoding: str = "utf-8",
) -> FileSeries:
    """Read and check a table of numbers.

    Commas, semicolons or tabs part the columns; where semicolons do, a comma may stand for the decimal point.

    Args:
        path: the file.
        name: what a user calls it, for messages.
        time_column: header of the times; None takes the first column, or none.
        value_columns: headers of the numbers, in the order that is wanted; None takes all others.
        first_is_time: whether the first column holds the times where ``time_column`` is None.
        time_format: of the times; handed on.
        encoding: of the text, as Python names it; of UTF-8, a byte order mark is left out.

    Returns:
        Its rows in their order.

    Raises:
        UserError: it is no such table, with the line; or time_format is none.
    """
    asked = [time_column, *(value_columns or ())]
    if twice := next((column for column in asked if column is not None and asked.count(column) > 1), None):
        raise UserError(f"time_column and value_columns must name different columns, but {twice!r} stands there twice")
    if time_format:
        check_time_format(time_format)
    asked_for = {"time_column": time_column}
    header, rows = open_rows(path, name, asked_for, encoding=encoding)
    _refuse_missing_columns(header, value_columns or (), name)
    time_at = header.index(time_column) if time_column is not None else 0 if first_is_time else None
    _refuse_no_header(header, time_at, time_format, name)
    names = list(value_columns or (column for i, column in enumerate(header) if i != time_at))
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
    wanted = [column for column in asked_for.values() if column is not None]
    has_decimal_comma = find_delimiter(path, name, wanted, encoding=encoding) == ";"
    values_TF, times, lines = _read_rows(rows, name, header, time_at, names, has_decimal_comma=has_decimal_comma)
    return FileSeries(
        name, tuple(names), values_TF, lines, None if time_at is None else header[time_at], times, time_format
    )


def _refuse_no_header(header: Sequence[str], time_at: int | None, time_format: str | None, name: str) -> None:
    """Refuse a first row of data: numbers alone, or a time beside numbers; columns may be called by numbers."""
    others = [cell for i, cell in enumerate(header) if i != time_at]
    is_row = time_at is None or is_time(header[time_at], time_format)
    if is_row and others and all(_NUMBER.fullmatch(cell.replace(",", ".")) for cell in others):
        raise UserError(
            f"{name} must begin with a header that names the columns, but begins with numbers: {', '.join(header[:5])}"
        )


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


def _read_rows(
    rows: Iterator[Row],
    name: str,
    header: Sequence[str],
    time_at: int | None,
    columns: Sequence[str],
    *,
    has_decimal_comma: bool,
) -> tuple[np.ndarray, list[str], "array[int]"]:
    numbers, times, lines = array("d"), [], array("q")
    places = [(column, header.index(column)) for column in columns]
    for line, cells in rows:
        where = f"{name}, line {line}"
        if time_at is not None:
            if not cells[time_at]:
                raise UserError(
                    f"{where}: {header[time_at] or 'the time'} must not be empty. Fill it, or take the row out."
                )
            times.append(cells[time_at])
        numbers.extend(_number(cells[place], f"{where}: {column}", has_decimal_comma) for column, place in places)
        lines.append(line)
    if not lines:
        raise UserError(f"{name} must have rows below its header, but has none")
    return np.array(numbers, dtype=np.float64).reshape(len(lines), len(columns)), times, lines


def _number(cell: str, where: str, has_decimal_comma: bool) -> float:
    text = cell.replace(",", ".") if has_decimal_comma and "." not in cell else cell
    if _NUMBER.fullmatch(text):
        value = float(text)
        if abs(value) <= _LARGEST:
            return value
        raise UserError(f"{where} ({cell}) must lie within ±{_LARGEST:.3g}, as far as 32 bits reach. Correct it.")
    if text.lower() in _MISSING:
        return float("nan")
    if text.lower().lstrip("+-") in ("inf", "infinity"):
        raise UserError(f"{where} ({cell}) must be a finite number. Correct it, or leave the cell empty.")
    hint = " Write a point before the decimals." if "," in cell else ""
    raise UserError(
        f"{where} ({cell!r}) must be a number.{hint} Correct it, leave the cell empty where nothing was measured, or "
        "name the columns of numbers with value_columns."
    )
