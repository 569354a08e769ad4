"""Times as text, read by a form that is known; ``time_detection`` finds it.

Shapes: R rows of a file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from saccade.core.errors import UserError
from saccade.data.time_formats import UNIX_PER_SECOND, has_offset, is_date, microseconds, parse_date, strptime_form

PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
OFFSET = re.compile(r"(\s?)(Z|UTC|GMT|[+-]\d{2}:\d{2}|[+-]\d{4}|(?<=:\d\d)[+-]\d{2}|(?<=\.\d{3})[+-]\d{2})$")
_MAX_NUMBER_CHARACTERS = 40  # characters: more than any clock counts, and few enough to reckon with


@dataclass(frozen=True)
class TimeForm:
    """How the times of a column are written.

    Attributes:
        form: NUMBER, a key of ``UNIX_PER_SECOND``, or a form as ``data.time_formats`` takes it.
        why: reason for which every time must have it, for messages.
        notes: lines for people on what was decided, without the name of the file.
    """

    form: str
    why: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dates:
    """Dates of a column.

    Attributes:
        clock: what the clock shows, microseconds from 1970 on, int64 (R,).
        utc: the same times in UTC, int64 (R,); None where no time says how far it is from there.
    """

    clock: np.ndarray
    utc: np.ndarray | None


def read_numbers_of_times(texts: Sequence[str], lines: Sequence[int], name: str, why: str) -> list[Fraction]:
    """Times that are numbers, exactly.

    Args:
        texts: the cells.
        lines: line of each.
        name: name of the file and its column, for messages.
        why: reason for which they must be numbers, for messages.

    Returns:
        A number each.

    Raises:
        UserError: one is no number, or too long to be a time.
    """
    found = []
    for text, line in zip(texts, lines, strict=True):
        if len(text) > _MAX_NUMBER_CHARACTERS:
            raise UserError(
                f"{name}, line {line}: the time {text[:_MAX_NUMBER_CHARACTERS]!r}... ({len(text):,} characters) must "
                f"be a number of at most {_MAX_NUMBER_CHARACTERS} characters. Correct it."
            )
        if not PLAIN_NUMBER.fullmatch(text):
            raise UserError(f"{name}, line {line}: the time {text!r} must be a number, {why}")
        found.append(Fraction(text))
    return found


def read_dates(texts: Sequence[str], lines: Sequence[int], name: str, form: TimeForm) -> Dates:
    """Read times that are dates.

    Args:
        texts: the cells.
        lines: line of each.
        name: name of the file and its column, for messages.
        form: form of the times, no NUMBER.

    Returns:
        The dates.

    Raises:
        UserError: one is not of this form, with its line.
    """
    if form.form in UNIX_PER_SECOND:
        numbers = read_numbers_of_times(texts, lines, name, form.why)
        per_second = UNIX_PER_SECOND[form.form]
        utc_R = np.array([int(number * 10**6 / per_second) for number in numbers], dtype=np.int64)
        return Dates(utc_R, utc_R)
    quick = read_quickly(texts, form.form)
    return quick if quick is not None else _read_one_by_one(texts, lines, name, form)


def read_quickly(texts: Sequence[str], form: str) -> Dates | None:
    """Dates of this form, read all at once by pandas; None where it does not read them all, or is missing."""
    form, ending = _without_offset(form)
    if re.search(r"%[qVjz]|%[:_]z", form):
        return None
    offsets: dict[str, int] = {}
    if ending:
        parted = _parted_from_offsets(texts)
        if parted is None:
            return None
        texts, endings = parted
        offsets = {each: _offset_us(each) for each in set(endings)}
    try:
        import pandas
    except ImportError:
        return None
    try:
        read = pandas.to_datetime(pandas.Series(list(texts), dtype=object), format=strptime_form(form), exact=True)
        clock_R = read.to_numpy().astype("datetime64[us]")
    except (ValueError, OverflowError):  # one by one finds out which, and reads what pandas does not
        return None
    if np.isnat(clock_R).any():
        return None
    clock_R = clock_R.astype(np.int64)
    if not ending:
        return Dates(clock_R, None)
    return Dates(clock_R, clock_R - np.array([offsets[each] for each in endings], dtype=np.int64))


def _parted_from_offsets(texts: Sequence[str]) -> tuple[Sequence[str], Sequence[str]] | None:
    """Times without their offsets, and these; None where one has none."""
    first = OFFSET.search(texts[0])
    if first and all(text.endswith(first[0]) for text in texts):
        return [text[: -len(first[0])] for text in texts], [first[2]] * len(texts)
    found = [OFFSET.search(text) for text in texts]
    if not all(found):
        return None
    return [each.string[: each.start()] for each in found if each], [each[2] for each in found if each]


def _without_offset(form: str) -> tuple[str, str]:
    """A form without the offset at its end, and that offset; empty where it has none."""
    found = re.search(r"\s?(%[:_]?z|(?<!%)Z|UTC|GMT)$", form)
    return (form[: found.start()], found[1]) if found else (form, "")


def _offset_us(text: str) -> int:
    if text[0].isalpha():
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    return int(f"{text[0]}1") * (int(digits[:2]) * 60 + int(digits[2:4])) * 60_000_000


def _read_one_by_one(texts: Sequence[str], lines: Sequence[int], name: str, form: TimeForm) -> Dates:
    clock_R, utc_R = np.empty(len(texts), dtype=np.int64), np.empty(len(texts), dtype=np.int64)
    for row, text in enumerate(texts):
        try:
            date = parse_date(text, form.form)
        except ValueError as error:
            if not is_bare_day(text, form.form):
                raise UserError(
                    f"{name}, line {lines[row]}: the time {text!r} must be of the format {strptime_form(form.form)}, "
                    f"{form.why}. Correct it."
                ) from error
            date = parse_date(text, _day_of(form.form))
        clock_R[row] = microseconds(date)
        offset = date.utcoffset()
        utc_R[row] = clock_R[row] - (0 if offset is None else round(offset.total_seconds() * 10**6))
    return Dates(clock_R, utc_R if has_offset(form.form) else None)


def is_bare_day(text: str, form: str) -> bool:
    """Whether a text is the date of a form alone, at midnight, whose time of day some programs leave out."""
    day = _day_of(form)
    return bool(day) and is_date(text, day)


def _day_of(form: str) -> str:
    """The date of a form that has a time of day behind it, and no offset; else nothing."""
    clock = re.search(r"(?<!^)[T _]+%-?[HI]", form)
    return form[: clock.start()] if clock and not has_offset(form) else ""
