"""A time as text: a number, or a date that can be read in one way only; read, and written in the same form."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

from saccade.core.errors import UserError
from saccade.data.timeline import NUMBER

Time = Fraction | datetime

# Those that can be read in one way only; a source's time_format names any other.
FORMS = (
    "%Y-%m",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
)
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_DIGITS = {8: "%Y%m%d", 6: "%Y%m"}  # what numbers of so many digits are, if all of them are dates
_LONGEST_NUMBER = 40  # characters: more than any clock counts, and few enough to reckon with


def form_of(texts: Sequence[str], where: str) -> str:
    """How times are written, by the first of them.

    Args:
        texts: all of them.
        where: the first one stands, for the message.

    Returns:
        NUMBER, or a form as ``datetime.strptime`` takes it.

    Raises:
        UserError: the first one is neither.
    """
    text = texts[0]
    if _PLAIN_NUMBER.fullmatch(text):
        dates = _DIGITS.get(len(text), "")
        is_date = bool(dates) and all(len(t) == len(text) and _date_or_none(t, dates) for t in texts)
        return dates if is_date else NUMBER
    for form in FORMS:
        if _date_or_none(text, form) is not None:
            return form
    raise UserError(
        f"{where}: the time {text!r} must be a number, or a date such as 1749-01, 1749-01-31 or 2024-05-01 13:00. "
        "Another form is named with time_format, such as time_format: '%m/%d/%Y'; another column with time_column"
    )


def refuse_bad_form(form: str) -> None:
    """Refuse a form that no time can have.

    Args:
        form: the user's.

    Raises:
        UserError: Python's ``datetime.strptime`` cannot read by it.
    """
    some = datetime(2024, 2, 28, 13, 59, 58, tzinfo=UTC)
    try:
        datetime.strptime(some.strftime(form), form)
    except (ValueError, re.error) as error:
        reason = "names a part twice" if isinstance(error, re.error) else f"does not: {error}"
        raise UserError(
            f"time_format ({form!r}) must be a form that Python's datetime.strptime reads, such as '%m/%d/%Y', but "
            f"{reason}"
        ) from error


def parse(text: str, form: str, where: str, why: str) -> Time:
    """Read a time.

    Args:
        text: the cell.
        form: NUMBER, or as ``datetime.strptime`` takes it.
        where: it stands, for messages.
        why: it must have this form, likewise.

    Returns:
        A number for NUMBER, else a date.

    Raises:
        UserError: it is not of this form, or a number too long to be a time.
    """
    if form != NUMBER:
        if (date := _date_or_none(text, form)) is not None:
            return date
        raise UserError(f"{where}: the time {text!r} must be of the form {form}, {why}. Correct it.")
    if len(text) > _LONGEST_NUMBER:
        raise UserError(
            f"{where}: the time {text[:_LONGEST_NUMBER]!r}... ({len(text):,} characters) must be a number of at most "
            f"{_LONGEST_NUMBER} characters. Correct it."
        )
    if _PLAIN_NUMBER.fullmatch(text):
        return Fraction(text)
    raise UserError(f"{where}: the time {text!r} must be a number, {why}")


def is_time(text: str, form: str | None) -> bool:
    """Whether a text is a time of a form, or where None is named, of any that is found out."""
    if form:
        return _date_or_none(text, form) is not None
    return bool(_PLAIN_NUMBER.fullmatch(text)) or any(_date_or_none(text, form) for form in FORMS)


def _date_or_none(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None
