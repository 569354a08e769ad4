"""What a forecast is given beside the measured past: columns that are known ahead, the calendar, holidays, statics.

Shapes: R rows of a file, T steps up to the last measured one, A steps behind it, C measured columns, K channels known
ahead, S static channels, W steps of a window, F features.
"""

import functools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.data.forecast_inputs import ForecastInputs, StaticColumn
from saccade.data.time_formats import NUMBER
from saccade.data.timeline import Calendar
from saccade.kinds.series.reading.regular import OnMissing, RegularSeries, regular_series
from saccade.kinds.series.reading.time_axis import OnRepeat
from saccade.readers.examples import FileSeries, LongSeries

CALENDAR_WORDS = ("minute", "hour", "weekday", "day", "yearday", "month")
"""What can be said of a time: minute of the hour, hour of the day, day of the week, of the month and of the year,
month of the year."""

_IS_AHEAD = "\0is ahead"  # a feature that no file can have
_HOLIDAY_FILE_CHARACTERS = 1_000_000


@dataclass(frozen=True)
class SeriesInputs:
    """One series at regular times, with all that a network is shown of it.

    Attributes:
        regular: measured columns, without holes; values float32 (T, C).
        known: channels known ahead, float32 (T + A, K).
        static: static channels, float32 (S,).
        name: name of the series among several; empty of one alone.
    """

    regular: RegularSeries
    known: np.ndarray
    static: np.ndarray
    name: str = ""

    def window(self, start: int, window: int, inputs: ForecastInputs) -> np.ndarray:
        """The channels of a window, float32 (W, F), measured columns in their own unit.

        Args:
            start: first step.
            window: number of steps W.
            inputs: how channels are made.

        Returns:
            The window; each channel that is known ahead must reach W + horizon steps from ``start`` on.
        """
        shown = [self.regular.values[start : start + window]]
        shown += [self.known[start + shift : start + shift + window] for shift in (0, *inputs.shifts)]
        return np.concatenate([*shown, np.broadcast_to(self.static, (window, len(self.static)))], axis=1)


def calendar_word(word: str, when: datetime) -> float:
    """How far a time is through its hour, day, week, month or year, in [0, 1).

    >>> calendar_word("hour", datetime(2024, 5, 1, 18, 0)), calendar_word("weekday", datetime(2024, 5, 1))
    (0.75, 0.2857142857142857)
    """
    match word:
        case "minute":
            return when.minute / 60
        case "hour":
            return (when.hour + when.minute / 60) / 24
        case "weekday":
            return when.weekday() / 7
        case "day":
            return (when.day - 1) / 31
        case "yearday":
            return (when.timetuple().tm_yday - 1) / 366
        case "month":
            return (when.month - 1) / 12
    raise ValueError(f"word ({word!r}) must be one of {', '.join(CALENDAR_WORDS)}")


def read_holidays(holidays: Sequence[str] | str | None, here: Path = Path()) -> tuple[str, ...]:
    """The days that a user calls holidays, sorted, each once.

    Args:
        holidays: days such as 2024-12-25; or the name of a text file that begins each line with one; None: none.
        here: folder that the name of a file is relative to.

    Returns:
        Days in the form 2024-12-25.

    Raises:
        UserError: there is no such file, or something is no day.
    """
    if holidays is None:
        return ()
    found = [(f"holidays[{i}]", day) for i, day in enumerate(holidays)]
    if isinstance(holidays, str):
        path = here / holidays
        if not path.is_file():
            raise UserError(
                f"holidays ({holidays}) must be a list of days such as [2024-12-25], or a text file with one a line, "
                "but there is no such file"
            )
        lines = path.read_text(encoding="utf-8-sig")[:_HOLIDAY_FILE_CHARACTERS].splitlines()
        found = [
            (f"{holidays}, line {i}", re.split(r"[,;\t ]", line)[0]) for i, line in enumerate(lines, 1) if line.strip()
        ]
        if found and not re.match(r"\d", found[0][1]):
            del found[0]  # a header
    days = set()
    for where, text in found:
        try:
            days.add(date.fromisoformat(text.strip()).isoformat())
        except ValueError as error:
            raise UserError(f"{where} ({printable(text)}) must be a day such as 2024-12-25. Correct it.") from error
    return tuple(sorted(days))


def static_columns(series: Sequence[LongSeries]) -> tuple[StaticColumn, ...]:
    """What the static columns of a panel hold: a number where each cell is one, else a category.

    Args:
        series: series of a panel.

    Returns:
        The columns in their order.

    Raises:
        UserError: a column says the same of all series.
    """
    columns = []
    for column in series[0].static:
        cells = sorted({one.static[column] for one in series})
        if len(cells) < 2:
            raise UserError(
                f"static ({column}) must tell series apart, but is {cells[0]!r} in all of them. Leave it out of static."
            )
        columns.append(StaticColumn(column, () if all(map(_is_number, cells)) else tuple(cells)))
    return tuple(columns)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) is not None and not re.match(r"0\d", text)


@dataclass(frozen=True)
class Filling:
    """What is done with holes and repeated times.

    Attributes:
        missing: empty cells and missing rows: error, interpolate or previous.
        on_repeat: rows of equal times: error, mean or last.
        longest_gap: most steps in a row that are filled in, from 1; None: any number.
    """

    missing: OnMissing = "error"
    on_repeat: OnRepeat = "error"
    longest_gap: int | None = None

    @classmethod
    def of(cls, preprocess: Mapping[str, Any]) -> "Filling":
        """What ``preprocess:`` of a dataset says."""
        return cls(**{field.name: preprocess[field.name] for field in fields(cls) if field.name in preprocess})

    def regular(self, series: FileSeries) -> RegularSeries:
        """The series at regular times, its holes filled."""
        return regular_series(series, self.missing, on_repeat=self.on_repeat, longest_gap=self.longest_gap)


def series_inputs(long: LongSeries, inputs: ForecastInputs, filling: Filling, *, ahead: int = 0) -> SeriesInputs:
    """Bring a series to regular times, and put beside it what is known ahead.

    Rows behind the last measured one that hold nothing but what is known ahead are no holes: they are what a forecast
    beyond the end of the table is given.

    Args:
        long: series of a source.
        inputs: how channels are made.
        filling: what is done with holes.
        ahead: number of steps A behind the last measured one for which all must be known.

    Returns:
        The series.

    Raises:
        UserError: it has holes, or times that are none; a word of the calendar cannot be said of such times; something
            that must be known is not; or a static column says what training has not seen.
    """
    regular, known_TK = _regular_and_known(long, filling)
    T, K = len(regular.values), len(inputs.known)
    if K and len(known_TK) < T + ahead:
        calendar = regular.calendar
        assert calendar is not None
        raise UserError(
            f"{long.series.name}: {', '.join(inputs.known)} must be known for the {ahead:,} steps to forecast, from "
            f"{calendar.text(T)} to {calendar.text(T + ahead - 1)}, but rows with them end at "
            f"{calendar.text(len(known_TK) - 1)}. Add the rows, and leave {', '.join(inputs.measured)} empty there."
        )
    steps = T + ahead
    made = [known_TK[:steps].astype(np.float32)] if K else []
    if inputs.calendar or inputs.holidays:
        assert regular.calendar is not None
        _refuse_numbers(regular.calendar, inputs, long.series.name)
        made.append(_calendar_channels(regular.calendar, inputs.calendar, inputs.holidays, steps))
    known = np.concatenate(made, axis=1) if made else np.zeros((steps, 0), dtype=np.float32)
    return SeriesInputs(regular, known, static_channels(long, inputs.static), long.name)


def static_channels(long: LongSeries, columns: Sequence[StaticColumn]) -> np.ndarray:
    """What never changes in a series as numbers.

    Args:
        long: series of a source.
        columns: static columns, as training has them.

    Returns:
        float32 (S,).

    Raises:
        UserError: a column says what training has not seen.
    """
    return np.array([value for column in columns for value in _static_values(column, long)], dtype=np.float32)


def _regular_and_known(long: LongSeries, filling: Filling) -> tuple[RegularSeries, np.ndarray]:
    """Measured columns up to their last row, and the columns known ahead, (T + A, K), at the same regular times."""
    source, C = long.series, len(long.series.features) - len(long.known)
    if not long.known:
        return filling.regular(source), np.zeros((0, 0))
    is_ahead_R = _is_ahead(source.values[:, :C])
    # Regular times are found of all rows at once; a feature of its own tells afterwards where the measured part ends.
    values_RF = np.concatenate([source.values, is_ahead_R[:, None]], axis=1)
    values_RF[is_ahead_R, :C] = 0.0  # cut off below; empty cells would be called holes
    whole = filling.regular(replace(source, features=(*source.features, _IS_AHEAD), values=values_RF))
    is_measured_T = (whole.values[:, -1] == 0) & ~whole.is_filled[:, -1]
    T = int(np.flatnonzero(is_measured_T)[-1]) + 1 if is_measured_T.any() else 0
    measured = FileSeries(
        source.name,
        source.features[:C],
        source.values[~is_ahead_R, :C],
        [line for line, is_ahead in zip(source.lines, is_ahead_R, strict=True) if not is_ahead],
        source.time_column,
        [time for time, is_ahead in zip(source.times, is_ahead_R, strict=True) if not is_ahead],
        source.time_options,
        source.notes,
    )
    if T < 2:
        raise UserError(
            f"{source.name} must have at least two rows in which {', '.join(measured.features)} is measured"
        )
    missing_rows = T - len(measured.values) if whole.missing_rows else 0
    regular = replace(
        whole,
        source=measured,
        values=whole.values[:T, :C],
        is_filled=whole.is_filled[:T, :C],
        missing_rows=missing_rows,
    )
    return regular, whole.values[:, C:-1]


def _is_ahead(measured_RC: np.ndarray) -> np.ndarray:
    """bool (R,): rows without any measured value at the end of a file, or at its beginning where it is newest first."""
    is_empty_R = np.isnan(measured_RC).all(axis=1)
    filled = np.flatnonzero(~is_empty_R)
    if not len(filled):
        return is_empty_R
    is_ahead_R = np.zeros(len(measured_RC), dtype=bool)
    is_ahead_R[filled[-1] + 1 :] = True
    if not is_ahead_R.any():
        is_ahead_R[: filled[0]] = True
    return is_ahead_R


def _refuse_numbers(calendar: Calendar, inputs: ForecastInputs, name: str) -> None:
    if calendar.form.startswith(NUMBER):
        asked = ", ".join([*inputs.calendar, *(["holidays"] if inputs.holidays else [])])
        raise UserError(
            f"{name}: the times must be dates where preprocess asks for {asked}, but are numbers. Name a column of "
            "dates with time_column, or leave covariates and holidays out."
        )


@functools.lru_cache(maxsize=8)  # the series of a panel mostly have the same times, and each takes seconds a million
def _calendar_channels(calendar: Calendar, words: tuple[str, ...], holidays: tuple[str, ...], steps: int) -> np.ndarray:
    """float32 (steps, 2 a word and 1 of holidays); not to be written to."""
    times = [when for i in range(steps + 1) if (when := calendar.date(i)) is not None]  # None of numbers alone
    columns: list[Sequence[float]] = []
    for word in words:
        turn_T = [2 * math.pi * calendar_word(word, when) for when in times[:-1]]
        columns += [list(map(math.sin, turn_T)), list(map(math.cos, turn_T))]
    if holidays:
        columns.append([float(count) for count in _holidays_in_steps(times, holidays)])
    return np.array(columns, dtype=np.float32).T


def _holidays_in_steps(times: Sequence[datetime], holidays: Sequence[str]) -> Iterator[int]:
    """How many holidays lie in each step, up to the next one; a step that is shorter than a day has that of its day."""
    days = np.array([date.fromisoformat(day).toordinal() for day in holidays])
    for when, then in pairwise(times):
        first, end = when.date(), max(then.date(), when.date() + timedelta(days=1))
        yield int(np.searchsorted(days, end.toordinal()) - np.searchsorted(days, first.toordinal()))


def _static_values(column: StaticColumn, long: LongSeries) -> Iterator[float]:
    cell = long.static[column.name]
    if not column.categories:
        if not _is_number(cell):
            raise UserError(
                f"{long.series.name}: static ({column.name}) must be a number, as it was in training, but is {cell!r}"
            )
        yield float(cell)
        return
    if cell not in column.categories:
        known = ", ".join(map(repr, column.categories[:20]))
        raise UserError(
            f"{long.series.name}: static ({column.name}) must be one of those that training has seen, {known}, but is "
            f"{cell!r}. Correct it, or train with such a series."
        )
    yield from (float(cell == category) for category in column.categories)
