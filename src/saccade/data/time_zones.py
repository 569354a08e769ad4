"""Time zones: when their clocks change, and what UTC is where a clock shows a time.

Shapes: N times, C changes of the clocks.
"""

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np

from saccade.core.errors import UserError
from saccade.data.time_formats import EPOCH, microseconds

_DAY_US = 86_400_000_000
# Zones to propose where local times look like those of some clock, one for each rule by which clocks change.
SUGGESTED_ZONES = (
    "Europe/London",
    "Europe/Lisbon",
    "Europe/Berlin",
    "Europe/Helsinki",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "America/Santiago",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Asia/Jerusalem",
    "Asia/Tehran",
)


@lru_cache(maxsize=32)
def open_zone(name: str) -> ZoneInfo:
    """A zone by its name.

    Args:
        name: name of the IANA data base, such as Europe/Lisbon or UTC.

    Returns:
        The zone.

    Raises:
        UserError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        known = sorted(available_timezones())
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0) or ["UTC"]
        city = [each for each in known if each.casefold().endswith(f"/{name.casefold().replace(' ', '_')}")]
        raise UserError(
            f"time_zone ({name!r}) must be a zone of the IANA data base, such as Europe/Lisbon or UTC; the nearest is "
            f"{(city or near)[0]}"
        ) from error


@dataclass(frozen=True)
class ClockChanges:
    """When the clocks of a zone change between two times.

    Attributes:
        at: microseconds from 1970 on in UTC, int64 (C,), ascending.
        offsets: what clocks show above UTC before the first change and after each, microseconds, int64 (C + 1,).
    """

    at: np.ndarray
    offsets: np.ndarray

    def ambiguous(self, clock_N: np.ndarray) -> np.ndarray:
        """Which times a clock shows twice, bool (N,), of times on it in microseconds, int64 (N,)."""
        found_N = np.zeros(len(clock_N), dtype=bool)
        for at, before, after in zip(self.at, self.offsets, self.offsets[1:], strict=False):
            found_N |= (clock_N >= at + after) & (clock_N < at + before)
        return found_N

    def skipped(self, clock_N: np.ndarray) -> np.ndarray:
        """Which times a clock never shows, bool (N,), of times in microseconds, int64 (N,)."""
        found_N = np.zeros(len(clock_N), dtype=bool)
        for at, before, after in zip(self.at, self.offsets, self.offsets[1:], strict=False):
            found_N |= (clock_N >= at + before) & (clock_N < at + after)
        return found_N

    def utc(self, clock_N: np.ndarray, is_second_N: np.ndarray) -> np.ndarray:
        """UTC of times on the clock.

        Args:
            clock_N: what the clock shows, microseconds from 1970 on, int64.
            is_second_N: whether it is the second time that the clock shows it, bool.

        Returns:
            Microseconds from 1970 on, int64 (N,).
        """
        before_N = self.offsets[np.searchsorted(self.at + self.offsets[:-1], clock_N, side="right")]
        after_N = self.offsets[np.searchsorted(self.at + self.offsets[1:], clock_N, side="right")]
        utc_N: np.ndarray = clock_N - np.where(is_second_N | ~self.ambiguous(clock_N), after_N, before_N)
        return utc_N

    def clock(self, utc_N: np.ndarray) -> np.ndarray:
        """What the clock shows at times in UTC, both microseconds from 1970 on, int64 (N,)."""
        shown_N: np.ndarray = utc_N + self.offsets[np.searchsorted(self.at, utc_N, side="right")]
        return shown_N


def clock_changes(name: str, first: int, last: int) -> ClockChanges:
    """The changes of the clocks of a zone.

    Args:
        name: name of the zone.
        first: earliest time of interest, microseconds from 1970 on, on the clock or in UTC.
        last: latest time of interest.

    Returns:
        All changes from two days before to two days after.

    Raises:
        UserError: there is no such zone.
    """
    zone = open_zone(name)
    lowest, highest = microseconds(datetime(1, 1, 3)), microseconds(datetime(9999, 12, 29))
    start, end = max(first - 2 * _DAY_US, lowest), min(last + 2 * _DAY_US, highest)
    days = [*range(start, end, _DAY_US), end]
    offsets = [_offset(zone, day) for day in days]
    at, after = [], [offsets[0]]
    for before_day, day, before, offset in zip(days, days[1:], offsets, offsets[1:], strict=False):
        if before != offset:
            at.append(_change_between(zone, before_day, day, before))
            after.append(offset)
    return ClockChanges(np.array(at, dtype=np.int64), np.array(after, dtype=np.int64))


def zones_with_change(clock_N: np.ndarray, *, twice: bool) -> list[str]:
    """Zones whose clocks show each of some times twice, or never.

    Args:
        clock_N: times on a clock, microseconds from 1970 on, int64, at least one.
        twice: twice, as when clocks go back; else never, as when they go forward.

    Returns:
        Those of ``SUGGESTED_ZONES``.
    """
    found = []
    for name in SUGGESTED_ZONES:
        changes = clock_changes(name, int(clock_N.min()), int(clock_N.max()))
        if (changes.ambiguous(clock_N) if twice else changes.skipped(clock_N)).all():
            found.append(name)
    return found


def _offset(zone: ZoneInfo, utc_us: int) -> int:
    date = (EPOCH + timedelta(microseconds=utc_us)).replace(tzinfo=UTC)
    offset = date.astimezone(zone).utcoffset()
    assert offset is not None
    return offset // timedelta(microseconds=1)


def _change_between(zone: ZoneInfo, low: int, high: int, before: int) -> int:
    """The first second with another offset than before, found by halving."""
    low, high = low // 1_000_000, high // 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle * 1_000_000) == before else (low, middle)
    return high * 1_000_000
