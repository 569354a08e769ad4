"""The times of a series: read from text, sorted, checked to be regular, and continued where the series ends.

Regular means one step from each time to the next. Months and years differ in days and are regular all the same: a step
of whole months counts by the calendar, and so do the last days of months, the first and last business days, and
business days themselves. Where a zone is named, steps of a day and more are counted as its clocks show them, and
shorter ones as they pass.

Shapes: R rows of a file, U different times in ascending order.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.data.time_formats import NUMBER, UNIX_PER_SECOND, date_of, date_text, is_date
from saccade.data.time_zones import clock_changes, zones_with_change
from saccade.data.timeline import MONDAY_TO_FRIDAY, UNITS, Calendar, counted, number_text
from saccade.io.time_detection import TimeOptions, find_form
from saccade.io.timestamps import Dates, TimeForm, read_dates, read_numbers_of_times

OnRepeat = Literal["error", "mean", "last"]
Counts = Literal["clock", "utc"]
_CLOCK: Counts = "clock"
_UTC: Counts = "utc"

_DAY_US = 86_400_000_000
_MIN_WEEKS = 2  # without a weekday, before days are taken for business days
_NUMBER_ROWS = (
    "where rows stand at no regular times, such as hours of trade, number them in a column of their own, and name that "
    "one with time_column"
)


@dataclass(frozen=True)
class Times:
    """What was read.

    Attributes:
        calendar: of the series, with the rows that are missing.
        steps: step at which each row of the file stands, int64 (R,); 0 is the earliest, and equal times share one.
        notes: lines for people on what was decided, without the name of the file.
    """

    calendar: Calendar
    steps: np.ndarray
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Grid:
    """Different times on a grid of one step.

    Attributes:
        step: text of the step.
        places: how many steps each time stands behind the first, exact, U of them.
        rules: fields of ``Calendar`` that decide the grid.
    """

    step: str
    places: Sequence[Fraction | int]
    rules: dict[str, object]

    @property
    def is_regular(self) -> bool:
        """Whether each time stands at a whole step."""
        return all(place.denominator == 1 for place in self.places)


@dataclass(frozen=True)
class _Rows:
    """The rows of a file by their times, and how messages speak of them."""

    texts: Sequence[str]
    lines: Sequence[int]
    name: str
    show: Callable[[int], str]
    first_rows: np.ndarray  # (U,): the first row of each time

    def text(self, u: int) -> str:
        return self.texts[int(self.first_rows[u])]

    def line(self, u: int) -> int:
        return self.lines[int(self.first_rows[u])]


def _no_values(row: int) -> str:
    return ""


def read_times(
    texts: Sequence[str],
    lines: Sequence[int],
    name: str,
    *,
    options: TimeOptions = TimeOptions(),
    may_miss_rows: bool = False,
    on_repeat: OnRepeat = "error",
    show: Callable[[int], str] = _no_values,
) -> Times:
    """Read the times of a series, and find the step between them.

    Args:
        texts: a time a row, at least two.
        lines: where each row begins, for messages.
        name: name of the file and its column, for messages.
        options: what a user says of how they are written.
        may_miss_rows: whether a step that is a multiple of the others means that rows are missing, and is no error.
        on_repeat: whether equal times are an error; mean and last leave them to the caller.
        show: function from a row to its values as text, for messages.

    Returns:
        The calendar, and the step of each row.

    Raises:
        UserError: a time cannot be read, can be read in two ways, stands twice, or is a step away that the others are
            not; each with its line.
    """
    form = find_form(texts, options, f"{name}, line {lines[0]}")
    if form.form == NUMBER:
        numbers = read_numbers_of_times(texts, lines, name, form.why)
        different = sorted(set(numbers))
        place_of = {number: u for u, number in enumerate(different)}
        places_R = np.array([place_of[number] for number in numbers], dtype=np.int64)
        rows, notes = _sorted_rows(places_R, texts, lines, name, show)
        _refuse_repeats(places_R, rows, on_repeat, None)
        grid = _number_grid(different, texts)
        decimals = max(len(text.partition(".")[2]) for text in texts)
        calendar = Calendar(rows.text(0), grid.step, f"{NUMBER}.{decimals}")
        return _on_grid(grid, calendar, places_R, rows, may_miss_rows, form.notes + notes)
    dates = read_dates(texts, lines, name, form)
    may_skip_weekdays = options.step in (None, "1 business day")
    is_second_R = np.zeros(len(texts), dtype=bool)
    if options.zone:
        dates, is_second_R = _in_zone(dates, options.zone, texts, lines, name)
    time_R = dates.clock if dates.utc is None else dates.utc
    different_U, places_R = np.unique(time_R, return_inverse=True)
    rows, notes = _sorted_rows(places_R, texts, lines, name, show)
    clock_U = dates.clock[rows.first_rows]
    _refuse_repeats(places_R, rows, on_repeat, clock_U if dates.utc is None else None)
    if dates.utc is None:
        grid, counts = _clock_grid(clock_U, may_skip_weekdays), _CLOCK
    else:
        grid, counts = _grid_of_instants(clock_U, different_U, rows, options.zone, may_skip_weekdays)
    is_second = bool(is_second_R[rows.first_rows[0]])
    calendar, zone_notes = _calendar(form, grid, rows, options.zone, is_second, counts, clock_U, different_U)
    _hint_at_zone(grid, rows, clock_U, dates.utc is None, may_miss_rows)
    return _on_grid(grid, calendar, places_R, rows, may_miss_rows, form.notes + notes + zone_notes)


# --- order and repeats ------------------------------------------------------------------------------------------------


def _sorted_rows(
    places_R: np.ndarray, texts: Sequence[str], lines: Sequence[int], name: str, show: Callable[[int], str]
) -> tuple[_Rows, tuple[str, ...]]:
    """The first row of each time, and what is said where rows do not stand in order."""
    _, first_rows_U = np.unique(places_R, return_index=True)
    back_R = np.diff(places_R) < 0
    rows = _Rows(texts, lines, name, show, first_rows_U)
    if not back_R.any():
        return rows, ()
    if (np.diff(places_R) <= 0).all():
        return rows, ("rows stood from the newest to the oldest: sorted by time",)
    count = int(back_R.sum())
    which = "1 row stood" if count == 1 else f"{count:,} rows stood"
    return rows, (f"{which} below a later one: sorted by time",)


def _refuse_repeats(places_R: np.ndarray, rows: _Rows, on_repeat: OnRepeat, clock_U: np.ndarray | None) -> None:
    """Refuse equal times; ``clock_U`` are the times where nothing says how far they are from UTC."""
    count_U = np.bincount(places_R)
    if len(count_U) < 2 and on_repeat != "error":
        raise UserError(f"{rows.name} must hold two different times at least, but holds {rows.text(0)!r} alone")
    if on_repeat != "error" or count_U.max() == 1:
        return
    repeated_U = np.flatnonzero(count_U > 1)
    first, second = np.flatnonzero(places_R == repeated_U[0])[:2].tolist()
    both = " and ".join(
        f"line {rows.lines[row]}{f' ({text})' if (text := rows.show(row)) else ''}" for row in (first, second)
    )
    begin = f"{rows.name}: the time {rows.texts[first]!r} must stand once, but stands in {both}"
    if count_U.max() == 2 and clock_U is not None and (zones := zones_with_change(clock_U[repeated_U], twice=True)):
        raise UserError(
            f"{begin}, where the clocks of {' and '.join(zones[:2])} go back an hour: local times, as it seems. Name "
            f"their zone, such as time_zone: {zones[0]}"
        )
    often = np.bincount(count_U).argmax()
    if often > 1:
        raise UserError(
            f"{begin}, and most times stand {often} times: several series in one table? series_table tells them "
            "apart by series_column. If they are one, decide with preprocess.on_repeat: mean, or last"
        )
    more = f"; {len(repeated_U) - 1:,} more times are repeated" if len(repeated_U) > 1 else ""
    raise UserError(
        f"{begin}{more}. Take one of the rows out, or decide with preprocess.on_repeat: mean, or last (the lower row)"
    )


# --- zones ------------------------------------------------------------------------------------------------------------


def _in_zone(
    dates: Dates, zone: str, texts: Sequence[str], lines: Sequence[int], name: str
) -> tuple[Dates, np.ndarray]:
    """What the clocks of a zone show, and UTC; and which rows are the second of two times that they show alike."""
    time_R = dates.clock if dates.utc is None else dates.utc
    changes = clock_changes(zone, int(time_R.min()), int(time_R.max()))
    if dates.utc is not None:
        return Dates(changes.clock(dates.utc), dates.utc), np.zeros(len(time_R), dtype=bool)
    if (skipped_R := changes.skipped(dates.clock)).any():
        row = int(np.flatnonzero(skipped_R)[0])
        raise UserError(
            f"{name}, line {lines[row]}: the time {texts[row]!r} must be one that clocks in {zone} show, but they go "
            f"forward over it ({int(skipped_R.sum())} such rows). Take such rows out, or name the zone in which the "
            "times were written, such as time_zone: UTC"
        )
    steps_R = np.diff(dates.clock)
    order_R = slice(None, None, -1 if (steps_R < 0).sum() > (steps_R > 0).sum() else 1)
    clock_R = dates.clock[order_R]
    _, first_rows = np.unique(clock_R, return_index=True)
    is_second_R = changes.ambiguous(clock_R)
    is_second_R[first_rows] = False
    utc_R = changes.utc(clock_R, is_second_R)
    return Dates(dates.clock, utc_R[order_R]), is_second_R[order_R]


def _grid_of_instants(
    clock_U: np.ndarray, utc_U: np.ndarray, rows: _Rows, zone: str | None, may_skip_weekdays: bool
) -> tuple[_Grid, Counts]:
    """The grid of times that are known in UTC: on the clock for days and more, else as they pass."""
    if len(np.unique(clock_U - utc_U)) == 1 and not zone:
        return _clock_grid(clock_U, may_skip_weekdays), _CLOCK
    passing = _even_grid(utc_U)
    if (np.diff(clock_U) <= 0).any():
        return passing, _UTC
    shown = _clock_grid(clock_U, may_skip_weekdays)
    is_in_days = shown.step.endswith(("day", "days", "month", "months", "year", "years"))
    if shown.is_regular and (is_in_days or not passing.is_regular):
        if zone:
            return shown, _CLOCK
        offset_U = clock_U - utc_U
        other = rows.text(int((offset_U != offset_U[0]).argmax()))
        raise UserError(
            f"{rows.name}: the times are {shown.step} apart as clocks show them, with several offsets from UTC, such "
            f"as {rows.text(0)} and {other}. Name the zone "
            "of these clocks, such as time_zone: Europe/Lisbon"
        )
    return passing, _UTC


def _calendar(
    form: TimeForm,
    grid: _Grid,
    rows: _Rows,
    zone: str | None,
    is_second: bool,
    counts: Counts,
    clock_U: np.ndarray,
    utc_U: np.ndarray,
) -> tuple[Calendar, tuple[str, ...]]:
    first = rows.text(0)
    if form.form not in UNIX_PER_SECOND and not is_date(first, form.form):  # midnight without its hour
        first = date_text(date_of(int(clock_U[0])), form.form)
    notes: tuple[str, ...] = ()
    if counts == "utc" and not zone and len(np.unique(clock_U - utc_U)) > 1:
        first = date_text(date_of(int(utc_U[0])).replace(tzinfo=UTC), form.form)
        notes = ("times with several offsets from UTC are counted and written in UTC; time_zone would name a zone",)
    calendar = Calendar(first, grid.step, form.form, zone=zone or "", fold=int(is_second), counts=counts)
    return replace(calendar, **grid.rules), notes  # type: ignore[arg-type]  # fields of Calendar


def _hint_at_zone(grid: _Grid, rows: _Rows, clock_U: np.ndarray, is_local: bool, may_miss_rows: bool) -> None:
    """Name the zone where the only hours that are missing are those that its clocks go forward over."""
    places = grid.places
    if not is_local or may_miss_rows or not grid.is_regular or grid.rules or len(places) < 2:
        return
    gaps = [u for u in range(1, len(places)) if places[u] - places[u - 1] > 1]
    step_us = int(clock_U[1] - clock_U[0]) // max(int(places[1]), 1)
    missing = [int(clock_U[u - 1]) + step_us for u in gaps]
    if gaps and step_us < _DAY_US and (zones := zones_with_change(np.array(missing), twice=False)):
        u, where = gaps[0], " and ".join(zones[:2])
        raise UserError(
            f"{rows.name}, line {rows.line(u)}: the time {rows.text(u)!r} must be {grid.step} after "
            f"{rows.text(u - 1)!r}, but clocks in {where} go forward over the hour between them: local times, as it "
            f"seems. Name their zone, such as time_zone: {zones[0]}"
        )


# --- the grid ---------------------------------------------------------------------------------------------------------


def _on_grid(
    grid: _Grid, calendar: Calendar, places_R: np.ndarray, rows: _Rows, may_miss_rows: bool, notes: tuple[str, ...]
) -> Times:
    """The step of each row; refuses what is no whole step, and gaps where none may be."""
    places = grid.places
    for u in range(1, len(places)):
        gap = places[u] - places[u - 1]
        if gap == 1 or (may_miss_rows and gap.denominator == 1):
            continue
        missing = int(gap) - 1
        what = (
            f"{missing:,} row{' is' if missing == 1 else 's are'} missing between them. Fill them in, let them be "
            "filled in (preprocess.missing: interpolate, or previous), or"
            if gap.denominator == 1
            else f"the other times are {grid.step} apart. Correct it, or"
        )
        raise UserError(
            f"{rows.name}, line {rows.line(u)}: the time {rows.text(u)!r} must be {grid.step} after "
            f"{rows.text(u - 1)!r}, but {what}, {_NUMBER_ROWS}{_zone_of_days(calendar, rows, gap)}"
        )
    if int(places[-1]) + 1 > 2 * len(places):
        raise UserError(
            f"{rows.name}: {len(rows.texts):,} rows from {rows.text(0)!r} to {rows.text(-1)!r} must be {grid.step} "
            "apart, but then more rows are missing than there are. Correct the times, or take a part of the series."
        )
    if calendar.weekdays:
        notes += (_business_note(calendar.weekdays),)
    steps_U = np.array([int(place) for place in places], dtype=np.int64)
    return Times(calendar, steps_U[places_R], notes)


def _zone_of_days(calendar: Calendar, rows: _Rows, gap: Fraction | int) -> str:
    """What to try where days in UTC are an hour off: the midnight of another zone."""
    if gap.denominator == 1 or calendar.zone or not calendar.form.endswith(("Z", "z", "UTC")):
        return ""
    return "; where they are midnights of a zone, name it with time_zone"


def _business_note(weekdays: str) -> str:
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    if weekdays == MONDAY_TO_FRIDAY:
        which = "Monday to Friday"
    else:
        which = ", ".join(name for name, digit in zip(names, weekdays, strict=True) if digit == "1")
    return f"rows stand on business days ({which}): a step leads from one to the next"


def _number_grid(numbers: Sequence[Fraction], texts: Sequence[str]) -> _Grid:
    """The step that most numbers are apart, and each number in such steps from the first."""
    digit = Fraction(1, 10 ** max(len(text.partition(".")[2]) for text in texts))
    mean = (numbers[-1] - numbers[0]) / (len(numbers) - 1)
    off = max(abs(number - numbers[0] - i * mean) for i, number in enumerate(numbers))
    if 0 < off <= digit < min(mean / 10, Fraction(1)):  # thirds of a second, written 0.333, 0.667, 1.000
        return _Grid(f"{float(mean):.10g}", list(range(len(numbers))), {})
    step = Fraction(_most_common([b - a for a, b in pairwise(numbers)]))
    decimals = next(d for d in range(400) if step * 10**d == int(step * 10**d))
    return _Grid(number_text(step, decimals), [(number - numbers[0]) / step for number in numbers], {})


def _clock_grid(clock_U: np.ndarray, may_skip_weekdays: bool) -> _Grid:
    """The grid of dates as a clock shows them: whole months or business days where they fit, else even."""
    day_U, rest_U = np.divmod(clock_U, _DAY_US)
    if len(np.unique(rest_U)) > 1:
        return _even_grid(clock_U)
    date_U = day_U.astype("datetime64[D]")
    month_U = date_U.astype("datetime64[M]")
    if (np.diff(month_U.astype(np.int64)) > 0).all() and (rules := _day_of_month(date_U, month_U)) is not None:
        months = month_U.astype(np.int64)
        count = int(_most_common(np.diff(months).tolist()))
        step = counted(count // 12, "year") if count % 12 == 0 else counted(count, "month")
        return _Grid(step, _in_steps(months, count), rules)
    grid = _even_grid(clock_U)
    if grid.step == "1 day" and may_skip_weekdays:
        return _business_grid(date_U) or grid
    return grid


def _day_of_month(date_U: np.ndarray, month_U: np.ndarray) -> dict[str, object] | None:
    """Fields of ``Calendar`` for days that stand at one place of their months; None where they do not."""
    first_U, next_U = month_U.astype("datetime64[D]"), (month_U + 1).astype("datetime64[D]")
    if len(np.unique(date_U - first_U)) == 1:
        return {}
    if (date_U + 1 == next_U).all():
        return {"is_month_end": True}
    if (date_U == np.busday_offset(next_U, -1, roll="forward")).all():
        return {"business_day": "last"}
    if (date_U == np.busday_offset(first_U, 0, roll="forward")).all():
        return {"business_day": "first"}
    return None


def _business_grid(date_U: np.ndarray) -> _Grid | None:
    """Days of which some weekday is never one; None where there are too few weeks to tell, or all occur."""
    weekday_U = (date_U.astype(np.int64) + 3) % 7  # 1970 began on a Thursday
    is_there = np.bincount(weekday_U, minlength=7) > 0
    weeks = int((date_U[-1] - date_U[0]).astype(np.int64)) // 7
    if is_there.all() or is_there.sum() < 4 or weeks < _MIN_WEEKS:
        return None
    weekdays = "".join("1" if there else "0" for there in is_there)
    counts_U = np.busday_count(date_U[0], date_U, weekmask=weekdays)
    return _Grid("1 business day", counts_U.tolist(), {"weekdays": weekdays})


def _even_grid(time_U: np.ndarray) -> _Grid:
    """The step in microseconds that most times are apart, and each time in such steps from the first."""
    step = int(_most_common(np.diff(time_U).tolist()))
    unit, size = next((unit, size) for unit, size in UNITS if step % size == 0)
    return _Grid(counted(step // size, unit), _in_steps(time_U, step), {})


def _in_steps(time_U: np.ndarray, step: int) -> list[Fraction | int]:
    whole_U, rest_U = np.divmod(time_U - time_U[0], step)
    if not rest_U.any():
        return list(whole_U.tolist())
    return [Fraction(int(since), step) for since in (time_U - time_U[0]).tolist()]


def _most_common(gaps: Sequence[Fraction | int]) -> Fraction | int:
    """The gap that occurs most often, of several the smallest."""
    counts: Counter[Fraction | int] = Counter(gaps)
    return min(counts, key=lambda gap: (-counts[gap], gap))
