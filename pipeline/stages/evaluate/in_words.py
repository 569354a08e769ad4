"""A metric beside its interval and its baseline, as lines and tables say it."""

from collections.abc import Mapping
from typing import Any


def interval_text(measured: Mapping[str, Any], metric: str) -> str:
    """The 95 % interval of a metric, such as "0.9733 to 0.9980"; empty where none was measured."""
    interval = _interval(measured, metric)
    return f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else ""


def verdict_on_baseline(measured: Mapping[str, Any], metric: str) -> str:
    """How a metric stands beside its baseline's, in words; empty where either has no interval."""
    from saccade.evaluate.intervals import difference_in_words

    interval, other = _interval(measured, metric), _interval(measured, f"baseline_{metric}")
    return difference_in_words(interval, other) if interval and other else ""


def _interval(measured: Mapping[str, Any], metric: str) -> tuple[float, float] | None:
    low, high = (measured.get(f"{metric}_{end}") for end in ("low", "high"))
    return None if low is None or high is None else (low, high)
