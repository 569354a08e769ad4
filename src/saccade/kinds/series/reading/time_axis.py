"""The times of a series: read from text, checked to be regular, and continued where the series ends.

Regular means one step from each time to the next. Months and years differ in days and are regular all the same: a step
of whole months counts by the calendar, and so do the last days of months.
"""

import calendar
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from saccade.core.errors import UserError
from saccade.data.timeline import _UNITS, NUMBER, Calendar, _counted, number_text
from saccade.io.timestamps import Time, check_time_format, detect_time_format, parse_time


@dataclass(frozen=True)
class Times:
    """What was read.

    Attributes:
        calendar: of the series, with the rows that are missing.
        steps: at which step each row stands, ascending from 0; a number is left out where a row is missing.
    """

    calendar: Calendar
    steps: list[int]


def read_times(
    texts: Sequence[str],
    lines: Sequence[int],
    name: str,
    *,
    form: str | None = None,
    may_miss_rows: bool = False,
) -> Times:
    """Read the times of a series, and find the step between them.

    Args:
        texts: a time a row, at least two.
        lines: where each row begins, for messages.
        name: of the file and its column, for messages.
        form: of the times, as ``datetime.strptime`` takes it; None: a number, or one of ``TIME_FORMATS``.
        may_miss_rows: a step that is a multiple of the others means that rows are missing, and is no error.

    Returns:
        The calendar, and the step of each row.

    Raises:
        UserError: a time cannot be read, stands twice, comes before the one above it, or is a step away that the others
            are not; each with its line.
    """
    if form:
        check_time_format(form)
    form, why = (
        (form, "which time_format names")
        if form
        else (detect_time_format(texts, f"{name}, line {lines[0]}"), "as the first one is")
    )
    times: list[Time] = [
        parse_time(text, form, f"{name}, line {line}", why) for text, line in zip(texts, lines, strict=True)
    ]
    _refuse_disorder(times, texts, lines, name)
    is_month_end = _are_month_ends(times)
    step, steps = _numeric(times, texts) if form == NUMBER else _by_calendar(times, is_month_end, name)
    for row in range(1, len(texts)):
        gap = steps[row] - steps[row - 1]
        if gap == 1 or (may_miss_rows and gap.denominator == 1):
            continue
        missing = int(gap) - 1
        what = (
            f"{missing:,} row{' is' if missing == 1 else 's are'} missing between them. Fill them in, let them be "
            "interpolated (preprocess.missing: interpolate), or"
            if gap.denominator == 1
            else f"the other times are {step} apart. Correct it, or"
        )
        raise UserError(
            f"{name}, line {lines[row]}: the time {texts[row]!r} must be {step} after {texts[row - 1]!r}, but {what}, "
            "where rows stand at no regular times, such as days of trade, number them in a column of their own, and "
            "name that one with time_column"
        )
    if steps[-1] + 1 > 2 * len(steps):
        raise UserError(
            f"{name}: {len(texts):,} rows from {texts[0]!r} to {texts[-1]!r} must be {step} apart, but then more rows "
            "are missing than there are. Correct the times, or take a part of the series."
        )
    if form == NUMBER:
        form = f"{NUMBER}.{_decimals(texts)}"
    return Times(Calendar(texts[0], step, form, is_month_end), [int(at) for at in steps])


def _refuse_disorder(times: Sequence[Time], texts: Sequence[str], lines: Sequence[int], name: str) -> None:
    line_of: dict[Time, int] = {}
    for row, time in enumerate(times):
        if (earlier := line_of.setdefault(time, lines[row])) != lines[row]:
            raise UserError(
                f"{name}, line {lines[row]}: the time {texts[row]!r} must stand once, but stands in line {earlier} too."
                " Take one of the rows out; several series need a file each."
            )
        if row and time < times[row - 1]:  # type: ignore[operator]  # all are of one type
            raise UserError(
                f"{name}, line {lines[row]}: the time {texts[row]!r} must be later than {texts[row - 1]!r} above it. "
                "Sort the rows by time."
            )


def _numeric(times: Sequence[Time], texts: Sequence[str]) -> tuple[str, list[Fraction]]:
    """The step that most numbers are apart, and each number in such steps from the first."""
    numbers = [time for time in times if isinstance(time, Fraction)]
    mean, digit = (numbers[-1] - numbers[0]) / (len(numbers) - 1), Fraction(1, 10 ** _decimals(texts))
    off = max(abs(number - numbers[0] - i * mean) for i, number in enumerate(numbers))
    if 0 < off <= digit < min(mean / 10, Fraction(1)):  # thirds of a second, written 0.333, 0.667, 1.000
        return f"{float(mean):.10g}", [Fraction(i) for i in range(len(numbers))]
    step = _most_common([b - a for a, b in pairwise(numbers)])
    decimals = next(d for d in range(400) if step * 10**d == int(step * 10**d))
    return number_text(step, decimals), [(number - numbers[0]) / step for number in numbers]


def _decimals(texts: Sequence[str]) -> int:
    """The most digits after the point."""
    return max(len(text.partition(".")[2]) for text in texts)


def _by_calendar(times: Sequence[Time], is_month_end: bool, name: str) -> tuple[str, list[Fraction]]:
    """Likewise of dates: whole months where days and hours of all agree, else seconds."""
    dates = [time for time in times if isinstance(time, datetime)]
    in_months = [date.year * 12 + date.month for date in dates]
    rest = {(0 if is_month_end else date.day, date.time()) for date in dates}
    if len(rest) == 1 and len(set(in_months)) == len(in_months):
        months = _most_common([Fraction(b - a) for a, b in pairwise(in_months)])
        count = int(months)
        step = _counted(count // 12, "year") if count % 12 == 0 else _counted(count, "month")
        return step, [Fraction(month - in_months[0]) / months for month in in_months]
    gaps = [Fraction((b - a) // timedelta(microseconds=1), 10**6) for a, b in pairwise(dates)]
    seconds = _most_common(gaps)
    since = [Fraction((date - dates[0]) // timedelta(microseconds=1), 10**6) / seconds for date in dates]
    if seconds.denominator != 1:
        raise UserError(
            f"{name}: the times are {float(seconds):g} seconds apart, and must be whole seconds apart. Number the rows "
            "in a column of their own, and name that one with time_column"
        )
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return _counted(int(seconds) // size, unit), since


def _most_common(gaps: Sequence[Fraction]) -> Fraction:
    """The gap that occurs most often, of several the smallest."""
    counts = Counter(gaps)
    return min(counts, key=lambda gap: (-counts[gap], gap))


def _are_month_ends(times: Sequence[Time]) -> bool:
    """Whether all are last days of months, and not all of the same number, which needs no such rule."""
    dates = [time for time in times if isinstance(time, datetime)]
    last = all(date.day == calendar.monthrange(date.year, date.month)[1] for date in dates)
    return bool(dates) and last and len({date.day for date in dates}) > 1
