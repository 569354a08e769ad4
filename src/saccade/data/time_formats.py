"""Dates read from text and written in the same form.

A form is what ``datetime.strptime`` takes, and these directives more, which files need and strptime lacks:

    %-d %-m %-H    without a leading zero, as spreadsheets write them
    %q             quarter of the year, 1 to 4, beside a letter Q
    %3f            fraction of a second in 3 digits, or another number of them; beyond 6 they are not counted
    %:z %_z        offset from UTC as +01:00, and as +01; %z is +0100
    %G-W%V         a week of ISO 8601 without its day, which is Monday
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

NUMBER = "number"  # the form of times that are plain numbers
UNIX_PER_SECOND = {"unix": 1, "unix_ms": 10**3, "unix_us": 10**6, "unix_ns": 10**9}
"""Forms of times that count from 1970 on: how many of their units are a second."""

EPOCH = datetime(1970, 1, 1)
_DIRECTIVE = re.compile(r"%[-:_]?\d?[A-Za-z%]")
_QUARTERS = (re.compile(r"(?<=Q)[1-4]", re.IGNORECASE), re.compile(r"[1-4](?=Q)", re.IGNORECASE))
_HOUR_OFFSET = re.compile(r"[+-]\d\d$")
_HOUR_24 = re.compile(r"(?:^|(?<=[ T]))24(?=$|[:.h]00)")


def is_utc(form: str) -> bool:
    """Whether a form ends with a letter or word that means UTC, such as Z."""
    return form.endswith(("Z", "UTC", "GMT")) and not form.endswith("%Z")


def has_offset(form: str) -> bool:
    """Whether each time of a form says how far it is from UTC."""
    return is_utc(form) or bool(re.search(r"%[:_]?z", form)) or form in UNIX_PER_SECOND


def strptime_form(form: str) -> str:
    """A form in the words of ``datetime.strptime``, as far as it has some."""
    return re.sub(r"%-([dmHMSIj])", r"%\1", re.sub(r"%\df", "%f", form)).replace("%:z", "%z").replace("%_z", "%z")


def parse_date(text: str, form: str) -> datetime:
    """Read a date; hour 24 is hour 0 of the next day.

    >>> parse_date("2023-Q2", "%Y-Q%q"), parse_date("31.12.2023 24:00", "%d.%m.%Y %H:%M")
    (datetime.datetime(2023, 4, 1, 0, 0), datetime.datetime(2024, 1, 1, 0, 0))

    Args:
        text: the time.
        form: form of it, no number.

    Returns:
        A date with an offset where the form has one, else without.

    Raises:
        ValueError: it is not of this form.
    """
    plain, days = strptime_form(form), 0
    if "%q" in form:
        quarter = _QUARTERS["%qQ" in form.upper().replace("%Q", "%q")].search(text)
        if quarter is None:
            raise ValueError(f"{text!r} must hold a quarter such as Q1")
        text = f"{text[: quarter.start()]}{3 * int(quarter[0]) - 2:02d}{text[quarter.end() :]}"
        plain = plain.replace("%q", "%m")
    if re.search("%[789]f", form):
        text = re.sub(r"([.,]\d{6})\d{1,3}", r"\1", text)  # finer than datetime counts
    if "%_z" in form and _HOUR_OFFSET.search(text):
        text += "00"
    if "%V" in form and "%u" not in form:
        text, plain = f"{text} 1", f"{plain} %u"
    if "%H" in plain and (hour := _HOUR_24.search(text)):
        text, days = f"{text[: hour.start()]}00{text[hour.end() :]}", 1
    date = datetime.strptime(text, plain) + timedelta(days=days)
    return date.replace(tzinfo=UTC) if is_utc(form) else date


def is_date(text: str, form: str) -> bool:
    """Whether a text is a date of a form."""
    try:
        parse_date(text, form)
    except ValueError:
        return False
    return True


def date_text(date: datetime, form: str) -> str:
    """A date in a form; years before 1000 with their four digits, which C's strftime leaves to the machine.

    >>> date_text(datetime(820, 2, 1), "%Y-%m"), date_text(datetime(2023, 5, 9, 7), "%-d/%-m/%Y %H:%M, Q%q")
    ('0820-02', '9/5/2023 07:00, Q2')

    Args:
        date: the date; with an offset where the form has one.
        form: form to write.

    Returns:
        The text.
    """
    if date.year >= 1000 and _is_strftime_form(form):
        return date.strftime(form)
    return _DIRECTIVE.sub(lambda found: _part(date, found[0]), form)


@lru_cache(maxsize=64)
def _is_strftime_form(form: str) -> bool:
    """Whether a form holds no directive but those of Python."""
    return all(len(directive) == 2 and directive != "%q" for directive in _DIRECTIVE.findall(form))


def _part(date: datetime, directive: str) -> str:
    letter = directive[-1]
    if letter == "Y":
        return f"{date.year:04d}"
    if letter == "q":
        return str((date.month + 2) // 3)
    if letter == "z" and directive != "%z":
        plain = date.strftime("%z")  # +0100
        return plain[:3] if directive == "%_z" else f"{plain[:3]}:{plain[3:5]}"
    if letter == "f" and directive != "%f":
        return f"{date.microsecond:06d}000"[: int(directive[1])]
    if directive[1] == "-":
        return date.strftime(f"%{letter}").lstrip("0") or "0"
    return date.strftime(directive)


def microseconds(date: datetime) -> int:
    """Microseconds from 1970 on of the date as a clock shows it, whatever its offset."""
    return (date.replace(tzinfo=None) - EPOCH) // timedelta(microseconds=1)


def date_of(microseconds: int) -> datetime:
    """The inverse of ``microseconds``, without an offset."""
    return EPOCH + timedelta(microseconds=microseconds)
