"""A time as text: a number, or a date that can be read in one way only; read, and written in the same format."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

from saccade.core.errors import UserError
from saccade.data.timeline import NUMBER

Time = Fraction | datetime

# Those that can be read in one way only; a source's time_format names any other.
TIME_FORMATS = (
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
_MAX_NUMBER_CHARACTERS = 40  # characters: more than any clock counts, and few enough to reckon with


def detect_time_format(texts: Sequence[str], where: str) -> str:
    """How times are written, by the first of them.

    Args:
        texts: all of them.
        where: place of the first one, for the message.

    Returns:
        NUMBER, or a format as ``datetime.strptime`` takes it.

    Raises:
        UserError: the first one is neither.
    """
    text = texts[0]
    if _PLAIN_NUMBER.fullmatch(text):
        dates = _DIGITS.get(len(text), "")
        is_date = bool(dates) and all(len(t) == len(text) and _date_or_none(t, dates) for t in texts)
        return dates if is_date else NUMBER
    for time_format in TIME_FORMATS:
        if _date_or_none(text, time_format) is not None:
            return time_format
    raise UserError(
        f"{where}: the time {text!r} must be a number, or a date such as 1749-01, 1749-01-31 or 2024-05-01 13:00. "
        "Another format is named with time_format, such as time_format: '%m/%d/%Y'; another column with time_column"
    )


def check_time_format(time_format: str) -> None:
    """Refuse a format that no time can have.

    Args:
        time_format: format that a user gave.

    Raises:
        UserError: Python's ``datetime.strptime`` cannot read by it.
    """
    some = datetime(2024, 2, 28, 13, 59, 58, tzinfo=UTC)
    try:
        datetime.strptime(some.strftime(time_format), time_format)
    except (ValueError, re.error) as error:
        reason = "names a part twice" if isinstance(error, re.error) else f"does not: {error}"
        raise UserError(
            f"time_format ({time_format!r}) must be a format that Python's datetime.strptime reads, such as '%m/%d/%Y'"
            f", but {reason}"
        ) from error


def parse_time(text: str, time_format: str, where: str, why: str) -> Time:
    """Read a time.

    Args:
        text: the cell.
        time_format: NUMBER, or a format as ``datetime.strptime`` takes it.
        where: place of the text, for messages.
        why: reason for which it must have this format, for messages.

    Returns:
        A number for NUMBER, else a date.

    Raises:
        UserError: it is not of this form, or a number too long to be a time.
    """
    if time_format != NUMBER:
        if (date := _date_or_none(text, time_format)) is not None:
            return date
        raise UserError(f"{where}: the time {text!r} must be of the format {time_format}, {why}. Correct it.")
    if len(text) > _MAX_NUMBER_CHARACTERS:
        raise UserError(
            f"{where}: the time {text[:_MAX_NUMBER_CHARACTERS]!r}... ({len(text):,} characters) must be a number of at "
            f"most {_MAX_NUMBER_CHARACTERS} characters. Correct it."
        )
    if _PLAIN_NUMBER.fullmatch(text):
        return Fraction(text)
    raise UserError(f"{where}: the time {text!r} must be a number, {why}")


def is_time(text: str, time_format: str | None) -> bool:
    """Whether a text is a time of a format; None: of any that is detected."""
    if time_format:
        return _date_or_none(text, time_format) is not None
    return bool(_PLAIN_NUMBER.fullmatch(text)) or any(_date_or_none(text, time_format) for time_format in TIME_FORMATS)


def _date_or_none(text: str, time_format: str) -> datetime | None:
    try:
        return datetime.strptime(text, time_format)
    except ValueError:
        return None
