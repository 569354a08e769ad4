"""An interval that may be missing, and metrics beside their intervals as metrics.json holds them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MIN_UNITS = 5
"""Examples, groups or blocks that an interval needs. Of three groups, it is as wide as one likes."""


@dataclass(frozen=True)
class Interval:
    """Where a metric is likely to lie on more examples of the same sort.

    Attributes:
        low: lower end; None where there is no interval.
        high: upper end, likewise.
        reason: why there is none; empty where there is one.
    """

    low: float | None
    high: float | None
    reason: str = ""

    @classmethod
    def of(cls, ends: tuple[float, float], value: float, *, alike: str) -> "Interval":
        """An interval from its ends, which may be no numbers or a single point.

        Args:
            ends: lower and upper end.
            value: the metric itself; the interval is widened to hold it.
            alike: reason where the ends are no interval, such as that all examples are alike.

        Returns:
            The interval, or none with the reason.
        """
        low, high = min(ends[0], value), max(ends[1], value)
        if not (math.isfinite(ends[0]) and math.isfinite(ends[1])) or low == high:
            return cls(None, None, alike)
        return cls(low, high)


def missing(reason: str) -> Interval:
    """No interval, and why."""
    return Interval(None, None, reason)


def too_few(count: int, things: str) -> Interval:
    """No interval, because examples, groups or blocks are too few."""
    return missing(f"too few {things} ({count}): it takes {MIN_UNITS} that do not depend on each other")


def with_intervals(measured: Mapping[str, Any], intervals: Mapping[str, Interval]) -> dict[str, Any]:
    """Metrics, each followed by the ends of its interval, in the order of the metrics.

    Args:
        measured: metric name to value.
        intervals: metric name to its interval; those of metrics that were not measured are left out.

    Returns:
        Metric name to value; ``<metric>_low`` and ``<metric>_high``, None beside ``<metric>_interval_reason`` where
        there is no interval.

    >>> with_intervals({"mae": 2.0, "r2": 0.5}, {"mae": Interval(1.0, 3.0)})
    {'mae': 2.0, 'mae_low': 1.0, 'mae_high': 3.0, 'r2': 0.5}
    """
    found: dict[str, Any] = {}
    for name, value in measured.items():
        found[name] = value
        if name in intervals and value is not None:
            one = intervals[name]
            found |= {f"{name}_low": one.low, f"{name}_high": one.high}
            found |= {f"{name}_interval_reason": one.reason} if one.reason else {}
    return found
