"""How times are written as text: as a number, or as a date in one of the forms that files have.

``timestamps`` reads by the form that is found here.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from saccade.core.errors import UserError
from saccade.data.time_formats import (
    NUMBER,
    UNIX_PER_SECOND,
    date_of,
    date_text,
    is_date,
    microseconds,
    parse_date,
)
from saccade.io.timestamps import OFFSET, PLAIN_NUMBER, TimeForm, is_bare_day, read_quickly

_DIGITS = {6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""What numbers of so many digits are, if all of them are dates."""
_UNIX_DIGITS = {10: "unix", 13: "unix_ms", 16: "unix_us", 19: "unix_ns"}  # of the years 2001 to 2286
_UNIX_YEARS = (2001, 2100)  # in which such numbers are taken for times
_NAMES = ("a number", "a date such as 1749-01, 2024-05-01 13:00, 31/01/2024 or 5 Jan 2024")
_LOOKED_AT = 100  # times at the beginning of a column
_SHOWN = 3  # times of a column, in a message
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2})(?:(?P<colon>[:.h])(?P<minute>\d{2})(?:(?P<colon2>[:.])(?P<second>\d{2})"
    r"(?:(?P<point>[.,])(?P<fraction>\d{1,9}))?)?)?(?P<half>\s?[AaPp][Mm])?$"
)
_GAP = re.compile("[T ]")
_COMPACT_CLOCK = {2: "%H", 4: "%H%M", 6: "%H%M%S"}
_SEPARATED = re.compile(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})")
_YEAR_MONTH = re.compile(r"(\d{4})([-/])(\d{1,2})")
_MONTH_YEAR = re.compile(r"(\d{1,2})([-/])(\d{4})")
_QUARTER = re.compile(r"(\d{4})([-/ ]?)([Qq])[1-4]|([Qq])[1-4]([-/ ]?)(\d{4})|[1-4]([Qq])([-/ ]?)(\d{4})")
_WEEK = re.compile(r"\d{4}(-?)W\d{2}")
_YEAR_M_MONTH = re.compile(r"\d{4}([-]?)M\d{2}")
_NAMED_PARTS = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class TimeOptions:
    """What a user says of how times are written.

    Attributes:
        form: ``number``, ``unix``, ``unix_ms``, or a form as ``datetime.strptime`` takes it; None: it is detected.
        day_first: whether 01/02/2023 is the first of February; None: a day above 12 decides.
        zone: name of the time zone that the times were written in; None: they say it themselves, or it is not known.
        step: step that a network was trained with, where new times are read; None: it is found.
    """

    form: str | None = None
    day_first: bool | None = None
    zone: str | None = None
    step: str | None = None


def find_form(texts: Sequence[str], options: TimeOptions, where: str) -> TimeForm:
    """How the times of a column are written.

    Args:
        texts: all of them, at least one.
        options: what a user says of them.
        where: place of the first one, for messages.

    Returns:
        The form.

    Raises:
        UserError: the first one is neither a number nor a date, a date can be read in two ways, or a user's form is
            none.
    """
    if options.form:
        check_time_format(options.form)
        return TimeForm(options.form, "which time_format names")
    why = "as the first one is"
    if PLAIN_NUMBER.fullmatch(texts[0]):
        return _number_form(texts, why)
    first = _typical(texts[:_LOOKED_AT])
    candidates = _forms_of(first)
    if not candidates:
        raise UserError(
            f"{where}: the time {first!r} must be {' or '.join(_NAMES)}. Another format is named with time_format, "
            "such as time_format: '%m/%d/%Y'; another column with time_column"
        )
    by_order = {order: _with_bare_digits(form, texts) for order, form in candidates}
    if options.day_first is not None and by_order.keys() & {"day first", "month first"}:
        wanted = "day first" if options.day_first else "month first"
        if wanted not in by_order:
            raise UserError(
                f"{where}: the time {first!r} must be a date with the {wanted.split()[0]} first, as day_first "
                f"({str(options.day_first).lower()}) says, but no month is called so. Write day_first: "
                f"{str(not options.day_first).lower()}"
            )
        return TimeForm(by_order[wanted], f"as day_first ({str(options.day_first).lower()}) says")
    if by_order.get("day first", "").startswith(("%d.", "%-d.")):  # who parts a date by points begins with the day
        by_order = {"day first": by_order["day first"]}
    if len(by_order) == 1:
        return TimeForm(next(iter(by_order.values())), why)
    return _decide_order(texts, by_order, where)


def _typical(texts: Sequence[str]) -> str:
    """The first time; where it is a date alone, as some programs write midnight, the first with a time of day."""
    with_clock = [text for text in texts if ":" in text]
    return texts[0] if ":" in texts[0] or 2 * len(with_clock) <= len(texts) else with_clock[0]


def _number_form(texts: Sequence[str], why: str) -> TimeForm:
    first = texts[0]
    dates = _DIGITS.get(len(first), "")
    if dates and all(len(text) == len(first) for text in texts) and _are_dates(texts, dates):
        return TimeForm(dates, why)
    whole = first.partition(".")[0]
    unix = _UNIX_DIGITS.get(len(whole), "")
    is_coarse = unix != "unix_ns" or all(text.endswith("000") for text in texts)  # dates count microseconds
    if unix and is_coarse and all(_unix_year(text, unix) for text in texts):
        since = date_text(_unix_date(first, unix), "%Y-%m-%d %H:%M:%S")
        unit = {"unix": "seconds", "unix_ms": "milliseconds", "unix_us": "microseconds", "unix_ns": "nanoseconds"}[unix]
        note = f"times read as {unit} since 1970: the first is {since} UTC. time_format: number counts them as numbers"
        return TimeForm(unix, why, (note,))
    return TimeForm(NUMBER, why)


def _decide_order(texts: Sequence[str], by_order: dict[str, str], where: str) -> TimeForm:
    """Which of several readings all times allow."""
    fitting = dict(by_order)
    for text in _of_each_day(texts):
        possible = {order: form for order, form in fitting.items() if is_date(text, form) or is_bare_day(text, form)}
        fitting = possible or fitting  # what is no date at all is named when all are read
        if len(fitting) == 1:
            break
    day_and_month = {order: form for order, form in fitting.items() if order != "year first"}
    fitting = day_and_month or fitting  # 05/06/07 begins with its year only where nothing else is possible
    if len(fitting) == 1:
        (order, form), sample = next(iter(fitting.items())), texts[0]
        note = f"times read {order}: {sample} is {_plain(sample, form)}"
        return TimeForm(form, f"{order}, as other rows decide", (note,))
    if len({tuple(_plain(text, form) for text in texts) for form in fitting.values()}) == 1:
        return TimeForm(next(iter(fitting.values())), "as the first one is")
    readings = [
        f"{order} {', '.join(_plain(text, form) for text in texts[:_SHOWN])}" for order, form in fitting.items()
    ]
    raise UserError(
        f"{where}: the times {', '.join(texts[:_SHOWN])} must be readable in one way, but are two: "
        f"{'; or '.join(readings)}. Say which: day_first: true, or day_first: false"
    )


def _of_each_day(texts: Sequence[str]) -> Iterable[str]:
    """One text of each day, for the time of day tells nothing."""
    seen = set()
    for text in texts:
        day = _GAP.split(text, maxsplit=1)[0]
        if day not in seen:
            seen.add(day)
            yield text


def _plain(text: str, form: str) -> str:
    date = parse_date(text, form)
    return date_text(date, "%Y-%m-%d %H:%M" if "H" in form or "I" in form else "%Y-%m-%d")


def _forms_of(text: str) -> list[tuple[str, str]]:
    """Each way to read a date: in which order its parts stand, and its form; those by which it is one."""
    body, offset = text, ""
    if (found := OFFSET.search(text)) and ":" in text[: found.start()]:
        body, offset = text[: found.start()], found[1] + _offset_form(found[2])
    elif text.endswith("Z") and re.fullmatch(r"\d{8}T\d{2,6}Z", text):
        body, offset = text[:-1], "Z"
    forms = []
    for date, clock in _splits(body):
        forms += [(order, form + clock + offset) for order, form in _date_forms(date)]
    return [(order, form) for order, form in dict.fromkeys(forms) if is_date(text, form)]


def _offset_form(offset: str) -> str:
    if offset[0].isalpha():
        return offset
    return "%:z" if ":" in offset else "%z" if len(offset) == 5 else "%_z"


def _splits(body: str) -> Iterable[tuple[str, str]]:
    """Where a text may be parted into a date and the form of a time of day, with what stands between."""
    yield body, ""
    for gap in re.finditer(r"T(?=\d)|[ _]+|(?<=\d{4}):(?=\d)", body):
        date, rest = body[: gap.start()], body[gap.end() :]
        if rest.isdigit() and len(rest) in _COMPACT_CLOCK and not re.search(r"[-/. ]", date):
            yield date, gap[0] + _COMPACT_CLOCK[len(rest)]
        elif clock := clock_form(rest):
            yield date, gap[0] + clock


def clock_form(text: str) -> str:
    """The form of a time of day, such as 18:00:00, 18.00.00, 6:00 PM or 18; empty where it is none."""
    found = _CLOCK.fullmatch(text)
    if not found or int(found["hour"]) > 24:
        return ""
    form = "%I" if found["half"] else "%H"
    if found["minute"]:
        form += f"{found['colon']}%M"
    if found["second"]:
        form += f"{found['colon2']}%S"
    if found["fraction"]:
        form += f"{found['point']}%{len(found['fraction'])}f"
    if found["half"]:
        form += f"{found['half'][:-2]}%p"
    return form


def is_clock(text: str) -> bool:
    """Whether a text is a time of day that is no plain number: 18:00, 18.00.00, 6:00 PM."""
    return bool(clock_form(text)) and not re.fullmatch(r"\d+([.,]\d+)?", text)


def _date_forms(text: str) -> list[tuple[str, str]]:
    """Each way to read a date without a time of day, as the order of its parts and a form."""
    if found := _SEPARATED.fullmatch(text):
        return _separated(*found.groups())
    if found := _YEAR_MONTH.fullmatch(text):
        return [("", f"%Y{found[2]}%m")]
    if found := _MONTH_YEAR.fullmatch(text):
        return [("", f"%m{found[2]}%Y")]
    if found := _QUARTER.fullmatch(text):
        year, gap, q, q2, gap2, _, q3, gap3, _ = found.groups()
        return [("", f"%Y{gap}{q}%q" if year else f"{q2}%q{gap2}%Y" if q2 else f"%q{q3}{gap3}%Y")]
    if found := _WEEK.fullmatch(text):
        return [("", f"%G{found[1]}W%V")]
    if found := _YEAR_M_MONTH.fullmatch(text):
        return [("", f"%Y{found[1]}M%m")]
    if text.isdigit() and len(text) in (6, 8):
        return [("", _DIGITS[len(text)])]
    return _named(text)


def _separated(first: str, separator: str, second: str, third: str) -> list[tuple[str, str]]:
    s = separator
    if len(first) == 4:
        return [("", f"%Y{s}%m{s}%d")]
    if len(third) == 4:
        year = "%Y"
    elif len(third) == 2 and len(first) <= 2:
        year = "%y"
    else:
        return []
    day_first = ("day first", f"%d{s}%m{s}{year}")
    two_digits = [("year first", f"%y{s}%m{s}%d")] if year == "%y" else []
    return [day_first, ("month first", f"%m{s}%d{s}{year}"), *two_digits]


def _named(text: str) -> list[tuple[str, str]]:
    """Forms with the name of a month, such as 5 Jan 2024, Jan-24 or Fri, 5 January 2024."""
    form, numbers, has_month = "", [], False
    for part in _NAMED_PARTS.findall(text):
        if part.isdigit():
            numbers.append(part)
            form += "{}"
        elif not part.isalpha():
            form += part
        elif part[:3].lower() in _MONTHS and not has_month:
            form, has_month = form + ("%b" if len(part) == 3 else "%B"), True
        elif part[:3].lower() in _WEEKDAYS:
            form += "%a" if len(part) == 3 else "%A"
        else:
            return []
    if not has_month or "%" in text:
        return []
    if len(numbers) == 1:
        return [("", form.format("%Y" if len(numbers[0]) == 4 else "%y"))]
    if len(numbers) != 2:
        return []
    if len(numbers[0]) == 4:
        return [("", form.format("%Y", "%d"))]
    return [("", form.format("%d", "%Y" if len(numbers[1]) == 4 else "%y"))]


def _with_bare_digits(form: str, texts: Sequence[str]) -> str:
    """The same form; without leading zeros in the date, or in the hour, where the first times that tell have none."""
    tells = {"[dm]": r"(?<!\d)(0?)\d(?!\d).*?(?=[T ]\d|$)", "[H]": r"(?<=[T ])(0?)\d(?=[:.h])"}
    for directives, pattern in tells.items():
        found = next(filter(None, (re.search(pattern, text) for text in texts[:1000])), None)
        if found and not found[1]:
            form = re.sub(f"%({directives})", r"%-\1", form)
    return form


def check_time_format(time_format: str) -> None:
    """Refuse a format that no time can have.

    Args:
        time_format: format that a user gave.

    Raises:
        UserError: Python's ``datetime.strptime`` cannot read by it.
    """
    if time_format == NUMBER or time_format in UNIX_PER_SECOND:
        return
    some = datetime(2024, 2, 28, 13, 59, 58, tzinfo=UTC)
    try:
        parse_date(date_text(some, time_format), time_format)
    except (ValueError, re.error) as error:
        reason = "names a part twice" if isinstance(error, re.error) else f"does not: {error}"
        raise UserError(
            f"time_format ({time_format!r}) must be a format that Python's datetime.strptime reads, such as '%m/%d/%Y'"
            f", or unix, unix_ms or number, but {reason}"
        ) from error


def is_time(text: str, options: TimeOptions) -> bool:
    """Whether a text is a time of the form that a user names, or of any that is detected."""
    form = options.form
    if form and form != NUMBER and form not in UNIX_PER_SECOND:
        return is_date(text, form)
    return bool(PLAIN_NUMBER.fullmatch(text)) or (not form and bool(_forms_of(text)))


def is_day(text: str) -> bool:
    """Whether a text is a date without a time of day, and no plain number but one of eight digits."""
    if PLAIN_NUMBER.fullmatch(text):
        return len(text) == 8 and is_date(text, "%Y%m%d")
    return any(is_date(text, form) and "d" in form for _, form in _date_forms(text))


def _unix_date(text: str, form: str) -> datetime:
    return date_of(int(Fraction(text) * 10**6 / UNIX_PER_SECOND[form]))


def _unix_year(text: str, form: str) -> bool:
    whole, _, rest = text.partition(".")
    if not whole.isdigit() or len(whole) > 19 or rest.strip("0"):
        return False
    lowest, highest = (_seconds_of(year) * UNIX_PER_SECOND[form] for year in _UNIX_YEARS)
    return lowest <= int(whole) < highest


def _seconds_of(year: int) -> int:
    return microseconds(datetime(year, 1, 1)) // 10**6


def _are_dates(texts: Sequence[str], form: str) -> bool:
    return read_quickly(texts, form) is not None or all(is_date(text, form) for text in texts)
