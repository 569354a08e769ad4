"""Which columns of a table say when a row was measured: one, a date beside a time of day, or year, month, day, hour."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from saccade.io.time_detection import TimeOptions, clock_form, is_clock, is_day, is_time

_PARTS = ("year", "month", "day", "hour", "minute", "second")
_OTHER_WORDS = {"yyyy": "year", "yr": "year", "mm": "month", "mo": "month", "dd": "day", "hh": "hour", "hr": "hour"}
UNIX_TIME = re.compile(r"\d{10}|\d{13}")  # seconds or milliseconds since 1970, from 2001 on
_ROW_NUMBERS = ("", "no", "no.", "nr", "index", "unnamed: 0", "rownames")  # what a column of row numbers is called
_PLACES = (("", 4), ("-", 2), ("-", 2), (" ", 2), (":", 2), (":", 2))
_MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0+)?)?$")


@dataclass(frozen=True)
class TimeColumns:
    """The columns of the times.

    Attributes:
        name: header, or headers with a plus between them, for messages.
        places: place of each column in a row, in the order in which they are joined.
        are_parts: whether they hold year, month and so on as whole numbers.
        left_out: places of columns that are neither times nor numbers to learn from, such as row numbers.
        notes: lines for people on what was found.
    """

    name: str
    places: tuple[int, ...]
    are_parts: bool = False
    left_out: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def text(self, cells: Sequence[str]) -> str:
        """The time of a row as one text; empty where each of its cells is.

        >>> TimeColumns("a", (0, 1)).text(["2023-01-31", "18:00"])
        '2023-01-31 18:00'
        >>> TimeColumns("a", (2, 1, 0, 3), are_parts=True).text(["31", "1", "2023", "6"])
        '2023-01-31 06'
        """
        found = [cells[place] for place in self.places]
        if len(found) == 1 or not any(found):
            return found[0]
        if self.are_parts:
            return "".join(
                f"{sign}{part.removesuffix('.0').rjust(width, '0')}"
                for part, (sign, width) in zip(found, _PLACES, strict=False)
            )
        return " ".join([_MIDNIGHT.sub("", found[0]), *found[1:]])  # spreadsheets give a date its midnight


def find_time_columns(
    header: Sequence[str],
    first: Sequence[str],
    time_columns: Sequence[str],
    *,
    values: Sequence[str] = (),
    others: Sequence[str] = (),
    options: TimeOptions = TimeOptions(),
) -> TimeColumns:
    """The columns of the times, named or found.

    Args:
        header: names of the columns.
        first: cells of the first row.
        time_columns: their names, whose cells are joined; none: they are looked for among the first columns.
        values: names of columns that a user calls numbers; none is joined to a date.
        others: names of columns that are something else; the times are looked for behind them.
        options: what a user says of how times are written.

    Returns:
        The columns.
    """
    if time_columns:
        return _joined([header.index(name) for name in time_columns], header, first)
    free = [place for place, name in enumerate(header) if name not in others]
    return _found(free, header, first, values, options) if free else TimeColumns(header[0], (0,))


def _found(
    free: Sequence[int], header: Sequence[str], first: Sequence[str], values: Sequence[str], options: TimeOptions
) -> TimeColumns:
    """What the first columns hold, or those behind a column of row numbers."""
    is_numbered = header[free[0]].strip().lower() in _ROW_NUMBERS and re.fullmatch(r"[01]", first[free[0]])
    for skipped in (0, 1) if is_numbered else (0,):
        places = free[skipped:]
        left_out = tuple(free[:skipped])
        parts = list(takewhile(lambda place: _part(header[place]) in _PARTS and header[place] not in values, places))
        if len(parts) >= 2 and {"year", "month"} <= {_part(header[place]) for place in parts}:
            return _noted(_joined(parts, header, first), left_out, header)
        is_joined = len(places) >= 2 and header[places[1]] not in values
        if is_joined and is_day(first[places[0]]) and _is_clock(header[places[1]], first[places[1]]):
            return _noted(_joined(places[:2], header, first), left_out, header)
        is_moment = bool(places) and (not first[places[0]].isdigit() or bool(UNIX_TIME.fullmatch(first[places[0]])))
        if skipped and is_moment and is_time(first[places[0]], options):
            return _noted(TimeColumns(header[places[0]], (places[0],)), left_out, header)
    return TimeColumns(header[free[0]], (free[0],))


def _is_clock(name: str, cell: str) -> bool:
    return is_clock(cell) or (_part(name) == "hour" and bool(clock_form(cell)))


def _part(name: str) -> str:
    word = name.strip().lower()
    return _OTHER_WORDS.get(word, word)


def _joined(places: Sequence[int], header: Sequence[str], first: Sequence[str]) -> TimeColumns:
    """Several columns as one; of parts in the order year, month, day, where their names say which is which."""
    name = " + ".join(header[place] for place in places)
    are_parts = len(places) > 1 and all(re.fullmatch(r"\d{1,4}(\.0)?", first[place]) for place in places)
    if are_parts and {_part(header[place]) for place in places} <= set(_PARTS):
        places = sorted(places, key=lambda place: _PARTS.index(_part(header[place])))
    return TimeColumns(name, tuple(places), are_parts)


def _noted(columns: TimeColumns, left_out: tuple[int, ...], header: Sequence[str]) -> TimeColumns:
    names = [repr(header[place]) for place in columns.places]
    notes = []
    if len(names) > 1:
        notes.append(f"times read from the columns {', '.join(names[:-1])} and {names[-1]} together")
    if left_out:
        which = f"column {header[left_out[0]]!r}" if header[left_out[0]] else "first column, without a name,"
        notes.append(f"the {which} holds row numbers: left out; times read from {', '.join(names)}")
    return TimeColumns(columns.name, columns.places, columns.are_parts, left_out, tuple(notes))
