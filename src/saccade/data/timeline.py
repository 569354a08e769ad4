"""When the windows of a forecast lie, and what else is known of the series that they were cut from."""

import calendar
import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from saccade.core.errors import UserError

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True)
class Calendar:
    """Regular times.

    Attributes:
        first: the time at step 0, as written.
        step: from each time to the next, such as "1 month", "3 hours", or "0.5" where times are numbers.
        form: how times are written: "number.2" with two digits after the point, else as ``datetime.strptime`` takes it.
        is_month_end: each time is the last day of its month.
    """

    first: str
    step: str
    form: str
    is_month_end: bool = False

    def text(self, i: int) -> str:
        """The time at step ``i``, also after the last that was read, in the form in which times are written.

        >>> Calendar("1983-11", "1 month", "%Y-%m").text(3)
        '1984-02'

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
        try:
            return date_text(self._date(i), self.form)
        except (OverflowError, ValueError) as error:
            raise UserError(
                f"{i:,} steps of {self.step} after {self.first!r} must lie in the years 1 to 9999, but do not. Correct "
                "the times, or number the rows in a column of their own, and name that one with time_column"
            ) from error

    def _date(self, i: int) -> datetime:
        start, (count, unit) = datetime.strptime(self.first, self.form), self.step.split()
        if unit.removesuffix("s") in ("month", "year"):
            months = i * int(count) * (12 if unit.startswith("year") else 1)
            return _months_later(start, months, self.is_month_end)
        return start + i * timedelta(seconds=int(count) * dict(_UNITS)[unit.removesuffix("s")])


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" + ("s" if count > 1 else "")


def _months_later(start: datetime, months: int, is_month_end: bool) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    most = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=most if is_month_end else min(start.day, most))


NUMBER = "number"  # the form of times that are numbers


def number_text(number: Fraction, decimals: int) -> str:
    """A number with so many digits after the point, exact where floats would not be.

    >>> number_text(Fraction(1_700_000_000_000_000_001), 0), number_text(Fraction(-1, 3), 2)
    ('1700000000000000001', '-0.33')
    """
    digits = f"{abs(scaled := round(number * 10**decimals)):0{decimals + 1}d}"
    point = len(digits) - decimals
    return "-" * (scaled < 0) + digits[:point] + "." * (decimals > 0) + digits[point:]


def date_text(date: datetime, form: str) -> str:
    """A date in a form; years before 1000 with their four digits, which C's strftime leaves to the machine.

    >>> date_text(datetime(820, 2, 1), "%Y-%m")
    '0820-02'
    """
    year = f"{date.year:04d}"
    return date.strftime(re.sub("%.", lambda part: year if part[0] == "%Y" else part[0], form))


@dataclass(frozen=True)
class Timeline:
    """Of the windows of one series.

    Attributes:
        calendar: of its steps.
        first_start: the first step of window 0.
        stride: steps from each window to the next.
        seasons: of each target, after how many steps it repeats itself; None where no season was found or given.
    """

    calendar: Calendar
    first_start: int
    stride: int
    seasons: tuple[int | None, ...]

    def time(self, window: int, step: int) -> str:
        """The time of a step of a window, counted from its first input; as the file writes times."""
        return self.calendar.text(self.first_start + window * self.stride + step)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "seasons": list(self.seasons)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Timeline":
        """The inverse of ``to_dict``."""
        return cls(**{**values, "calendar": Calendar(**values["calendar"]), "seasons": tuple(values["seasons"])})
