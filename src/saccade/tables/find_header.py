"""Whether the first row of a table names its columns, told by how it differs from the rows below."""

import re
from collections.abc import Sequence
from itertools import pairwise

from saccade.core.errors import UserError
from saccade.tables.numbers import is_missing, is_number

_TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([T ]\d.*)?|\d{1,2}[:.]\d{2}([:.]\d{2}(\.\d+)?)?( ?[AaPp][Mm])?")
_USUAL_NAMES = {
    "text",
    "label",
    "labels",
    "class",
    "category",
    "target",
    "sentence",
    "message",
    "id",
    "path",
    "file",
    "filename",
    "image",
    "value",
    "date",
    "time",
    "v1",
    "v2",
    "x",
    "y",
}
_FEW_ROWS = 200  # rows that are looked at
_FEW_CELLS = 40  # cells of a column that are numbers or times, or not


def has_header(first: Sequence[str], rows: Sequence[Sequence[str]], wanted: Sequence[str], where: str) -> bool:
    """Decide whether a first row is the header.

    A text above numbers or times is a name. A number above numbers is a row, and so is a text that stands in its column
    again; but names may be numbers that count up, such as years.

    Args:
        first: cells of the first row.
        rows: cells of rows below.
        wanted: headers that are asked for.
        where: table and line of the first row, for the message.

    Returns:
        Whether it is.

    Raises:
        UserError: it may be either.
    """
    if any(column in first for column in wanted):
        return True
    names, rows_like = _evidence(first, rows)
    if names or not rows_like:
        return True
    counting = _counts_up([cell for cell in first if not is_missing(cell) and is_number(cell)])
    others = [cell for cell in first if cell and not _is_counted(cell)]
    if counting and rows and not any(_counts_up(list(row)) for row in rows[:_FEW_ROWS]):
        raise undecided_header(first, where)
    return bool(others) and not rows


def undecided_header(first: Sequence[str], where: str) -> UserError:
    """The question whether a first row names the columns.

    Args:
        first: cells of the row.
        where: table and line of the row.

    Returns:
        An error that asks.
    """
    shown = ", ".join(map(repr, first[:5]))
    return UserError(
        f"{where} may name the columns ({shown}), or be the first row. Say which: header: true or header: false"
    )


def looks_like_names(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a row may name the columns where they are asked for by number: a name above numbers, or a usual name.

    Args:
        first: cells of the row.
        rows: cells of rows below.

    Returns:
        Whether it may.
    """
    return _evidence(first, rows)[0] > 0 or any(cell.lower() in _USUAL_NAMES for cell in first)


def names_columns(first: Sequence[str], rows: Sequence[Sequence[str]], wanted: Sequence[str]) -> bool:
    """Whether a row certainly names the columns: all cells are different texts, wanted or above numbers or times.

    Args:
        first: cells of the row.
        rows: cells of rows below.
        wanted: headers that are asked for.

    Returns:
        Whether it does.
    """
    if not all(first) or len(set(first)) < len(first):
        return False
    return any(column in first for column in wanted) or _evidence(first, rows)[0] > 0


def _evidence(first: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """In how many columns the first cell looks like a name, and in how many like the cells below."""
    names = rows_like = 0
    for place, cell in enumerate(first):
        below = [row[place] for row in rows[:_FEW_ROWS] if place < len(row) and not is_missing(row[place])]
        few = below[:_FEW_CELLS]
        is_counted = bool(few) and sum(map(_is_counted, few)) >= 0.9 * len(few)
        if is_missing(cell):
            names += not cell and is_counted and place == 0 and len(first) > 1  # an index without a name
        elif _is_counted(cell):
            rows_like += is_counted or not rows
        elif is_counted:
            names += 1
        else:
            rows_like += cell in below
    return names, rows_like


def numbered(width: int) -> list[str]:
    """The names of columns where there is no header: 0, 1, 2, ..."""
    return [str(place) for place in range(width)]


def _is_counted(cell: str) -> bool:
    """Whether a cell is a number or a time."""
    return is_number(cell) or _TIME.fullmatch(cell) is not None


def _counts_up(cells: Sequence[str]) -> bool:
    """Whether at least two whole numbers, and nothing else, stand the same step apart."""
    if len(cells) < 2 or not all(cell.isascii() and cell.isdigit() for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    steps = {b - a for a, b in pairwise(numbers)}
    return len(steps) == 1 and steps.pop() > 0
