"""A metric beside its interval and its baselines, as lines and tables say it."""

from collections.abc import Mapping
from typing import Any

from saccade.evaluate.intervals import difference_in_words
from saccade.evaluate.shortfall import ERRORS, better_baseline, interval_of


def numbers_of(measured: Mapping[str, Any]) -> dict[str, float]:
    """Metrics that are numbers: not what could not be measured (None), the reason for that, or those of members."""
    return {name: value for name, value in measured.items() if isinstance(value, int | float)}


def interval_text(measured: Mapping[str, Any], metric: str) -> str:
    """The 95 % interval of a metric, such as "0.9733 to 0.9980"; empty where none was measured."""
    interval = interval_of(measured, metric)
    return f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else ""


def verdict_on_baseline(measured: Mapping[str, Any], metric: str, paired: str | None = None) -> str:
    """How a run stands beside the better of its baselines, in words.

    Args:
        measured: metric name to value.
        metric: name of a metric.
        paired: verdict of a paired test on the same examples; None: none was made, and intervals that do not touch
            decide.

    Returns:
        "better", "worse" or "no real difference"; empty where either has no interval.
    """
    if paired is not None:
        return paired
    prefix = better_baseline(measured, metric)
    if prefix is None:
        return ""
    interval, other = interval_of(measured, metric), interval_of(measured, prefix + metric)
    if not interval or not other:
        return ""
    return difference_in_words(other, interval) if metric in ERRORS else difference_in_words(interval, other)


def missing_values_in_words(measured: Mapping[str, Any]) -> list[str]:
    """Why metrics or their intervals are null: a line for each reason, with all that it is the reason for."""
    metrics_of: dict[tuple[str, str], list[str]] = {}
    for name, reason in measured.items():
        if name.endswith("_interval_reason"):
            metrics_of.setdefault(("no 95 % interval of", reason), []).append(name.removesuffix("_interval_reason"))
        elif name.endswith("_reason"):
            metrics_of.setdefault(("null:", reason), []).append(name.removesuffix("_reason"))
    return [f"{what} {', '.join(names)}: {reason}" for (what, reason), names in metrics_of.items()]
