"""When the windows of a forecast lie, and what else is known of the series that they were cut from."""

import bisect
import calendar
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.data.time_formats import NUMBER, UNIX_PER_SECOND, date_text, is_utc, parse_date
from saccade.data.time_zones import open_zone

UNITS = (
    ("day", 86_400_000_000),
    ("hour", 3_600_000_000),
    ("minute", 60_000_000),
    ("second", 1_000_000),
    ("millisecond", 1_000),
    ("microsecond", 1),
)
"""Units of a step below a month, and how many microseconds each has."""

MONDAY_TO_FRIDAY = "1111100"


@dataclass(frozen=True)
class Calendar:
    """Regular times.

    Attributes:
        first: the time at step 0, as written.
        step: from each time to the next, such as "1 month", "3 hours", "1 business day", or "0.5" where times are
            numbers.
        form: how times are written: "number.2" with two digits after the point, "unix" or another key of
            ``UNIX_PER_SECOND``, else as ``time_formats`` takes it.
        is_month_end: each time is the last day of its month.
        weekdays: of business days: seven digits from Monday to Sunday, 1 for a day that counts; empty elsewhere.
        business_day: each time is the first or the last of its month that is no Saturday or Sunday; empty elsewhere.
        zone: time zone in which times are written without an offset, such as Europe/Lisbon; empty where none is known.
        fold: 1 where ``first`` is the second of two times that a clock shows alike, else 0.
        counts: "clock" where steps are counted as the clocks of the zone show them, "utc" where each takes as long.
    """

    first: str
    step: str
    form: str
    is_month_end: bool = False
    weekdays: str = ""
    business_day: Literal["", "first", "last"] = ""
    zone: str = ""
    fold: int = 0
    counts: Literal["clock", "utc"] = "clock"

    def text(self, i: int) -> str:
        """The time at step ``i``, also after the last that was read, in the form in which times are written.

        >>> Calendar("1983-11", "1 month", "%Y-%m").text(3)
        '1984-02'
        >>> Calendar("2024-03-30 00:00", "1 day", "%Y-%m-%d %H:%M", zone="Europe/Lisbon").text(2)
        '2024-04-01 00:00'

        Args:
            i: from 0.

        Returns:
            The text.

        Raises:
            UserError: it lies after the year 9999.
        """
        if self.form.startswith(NUMBER):
            decimals = int(self.form.removeprefix(f"{NUMBER}."))
            return number_text(Fraction(self.first) + i * Fraction(self.step), decimals)
        date = self.date(i)
        assert date is not None
        if self.form in UNIX_PER_SECOND:
            since = (date.astimezone(UTC) - _UNIX_START) // timedelta(microseconds=1)
            return number_text(Fraction(since * UNIX_PER_SECOND[self.form], 10**6), len(self.first.partition(".")[2]))
        return date_text(date.astimezone(UTC) if is_utc(self.form) else date, self.form)

    def date(self, i: int) -> datetime | None:
        """The date at step ``i`` as the clocks show it where the series was measured.

        Args:
            i: from 0.

        Returns:
            A date, with an offset where the zone is named or the times say theirs; None where times are numbers.

        Raises:
            UserError: it lies after the year 9999.
        """
        if self.form.startswith(NUMBER):
            return None
        try:
            return self._date(i)
        except (OverflowError, ValueError) as error:
            raise UserError(
                f"{i:,} steps of {self.step} after {self.first!r} must lie in the years 1 to 9999, but do not. Correct "
                "the times, or number the rows in a column of their own, and name that one with time_column"
            ) from error

    def from_step(self, i: int) -> "Calendar":
        """The same times without the first ``i``."""
        if self.form.startswith(NUMBER) or not i:
            return replace(self, first=self.text(i))
        date = self.date(i)
        assert date is not None
        return replace(self, first=self.text(i), fold=date.fold)

    def _date(self, i: int) -> datetime:
        start, (count, unit) = _start(self), self.step.split(maxsplit=1)
        unit = unit.removesuffix("s")
        if unit in ("month", "year"):
            months = i * int(count) * (12 if unit == "year" else 1)
            return self._in_month(start, months)
        if unit == "business day":
            day = np.datetime64(start.date(), "D")
            later = np.busday_offset(day, i * int(count), weekmask=self.weekdays or MONDAY_TO_FRIDAY)
            return start + timedelta(days=int((later - day).astype(int)))
        passed = i * timedelta(microseconds=int(count) * dict(UNITS)[unit])
        if self.counts == "utc" and start.tzinfo is not None:
            return (start.astimezone(UTC) + passed).astimezone(start.tzinfo)
        return start + passed  # on the clock: with a zone, Python adds what it shows

    def _in_month(self, start: datetime, months: int) -> datetime:
        if not self.business_day:
            return _months_later(start, months, self.is_month_end)
        there = np.datetime64(_months_later(start.replace(day=1), months, is_month_end=False).date(), "M")
        if self.business_day == "first":
            day = np.busday_offset(there.astype("datetime64[D]"), 0, roll="forward")
        else:
            day = np.busday_offset((there + 1).astype("datetime64[D]"), -1, roll="forward")
        return datetime.combine(day.astype(object), start.timetz())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what an older saccade does not know is left out where it says nothing."""
        late = {field.name: field.default for field in fields(self)[4:]}
        return {key: value for key, value in asdict(self).items() if key not in late or value != late[key]}


_UNIX_START = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=256)
def _start(times: Calendar) -> datetime:
    """The date at step 0: read once, for it is asked for with each time."""
    zone = open_zone(times.zone) if times.zone else None
    if times.form in UNIX_PER_SECOND:
        since = Fraction(times.first) / UNIX_PER_SECOND[times.form]
        start = _UNIX_START + timedelta(microseconds=int(since * 10**6))
    else:
        start = parse_date(times.first, times.form)
    if zone is None:
        return start
    return start.astimezone(zone) if start.tzinfo is not None else start.replace(tzinfo=zone, fold=times.fold)


def counted(count: int, unit: str) -> str:
    """A step such as "3 hours"."""
    return f"{count} {unit}" + ("s" if count > 1 else "")


def _months_later(start: datetime, months: int, is_month_end: bool) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    most = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=most if is_month_end else min(start.day, most))


def number_text(number: Fraction, decimals: int) -> str:
    """A number with so many digits after the point, exact where floats would not be.

    >>> number_text(Fraction(1_700_000_000_000_000_001), 0), number_text(Fraction(-1, 3), 2)
    ('1700000000000000001', '-0.33')
    """
    digits = f"{abs(scaled := round(number * 10**decimals)):0{decimals + 1}d}"
    point = len(digits) - decimals
    return "-" * (scaled < 0) + digits[:point] + "." * (decimals > 0) + digits[point:]


@dataclass(frozen=True)
class SeriesTimeline:
    """Of the windows of one series among several.

    Attributes:
        name: name of the series.
        calendar: of its steps.
        first_start: the first step of its first window.
        first_window: the number of that window among all.
        naive_mae: mean absolute error of the naive forecast on its training part, one a target; see ``Timeline``.
        mean: mean of each target over its training part; what is stored is the value less the mean, over ``std``.
        std: standard deviation of each target over its training part, above 0.
    """

    name: str
    calendar: Calendar
    first_start: int
    first_window: int
    naive_mae: tuple[float | None, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Timeline:
    """Of the windows of a forecast, of one series or of several.

    Attributes:
        calendar: of the steps of the series; of several, of the first.
        first_start: the first step of window 0.
        stride: steps from each window to the next.
        seasons: of each target, after how many steps it repeats itself; None where no season was found or given.
        naive_mae: mean absolute error, on the training part, of the forecast that says what was one season ago (one
            step, where there is no season), one a target: the unit of MASE. None where it cannot be measured; empty in
            files of older versions, and where there are several series.
        panel: timelines of several series, in the order of their windows; empty of one.
    """

    calendar: Calendar
    first_start: int
    stride: int
    seasons: tuple[int | None, ...]
    naive_mae: tuple[float | None, ...] = ()
    panel: tuple[SeriesTimeline, ...] = ()

    def time(self, window: int, step: int) -> str:
        """The time of a step of a window, counted from its first input; as the file writes times."""
        if not self.panel:
            return self.calendar.text(self.first_start + window * self.stride + step)
        one = self.panel[self.series_of(window)]
        return one.calendar.text(one.first_start + (window - one.first_window) * self.stride + step)

    def series_of(self, window: int) -> int:
        """Which series of the panel a window is of."""
        return bisect.bisect_right(self.panel, window, key=lambda one: one.first_window) - 1

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what one series has no use for is left out."""
        values = {**asdict(self), "calendar": self.calendar.to_dict(), "seasons": list(self.seasons)}
        values["panel"] = [{**asdict(one), "calendar": one.calendar.to_dict()} for one in self.panel]
        return {key: value for key, value in values.items() if value or key not in ("naive_mae", "panel")}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Timeline":
        """The inverse of ``to_dict``."""
        panel = tuple(_series_timeline(one) for one in values.get("panel", ()))
        return cls(
            calendar=Calendar(**values["calendar"]),
            first_start=values["first_start"],
            stride=values["stride"],
            seasons=tuple(values["seasons"]),
            naive_mae=tuple(values.get("naive_mae", ())),
            panel=panel,
        )


def _series_timeline(values: dict[str, Any]) -> SeriesTimeline:
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return SeriesTimeline(**{**plain, "calendar": Calendar(**values["calendar"])})
