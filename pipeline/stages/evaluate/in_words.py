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
    """Why metrics or their intervals are null, or far from what is expected: a line for each reason, with all that it
    is the reason for.
    """
    metrics_of: dict[tuple[str, str], list[str]] = {}
    for name, reason in measured.items():
        if name.endswith("_interval_reason"):
            metrics_of.setdefault(("no 95 % interval of", reason), []).append(name.removesuffix("_interval_reason"))
        elif name.endswith("_reason") and name != "temperature_reason":  # ``calibration_lines`` tells that
            metric = name.removesuffix("_reason")
            value = measured.get(metric)
            what = "null:" if value is None else f"not as expected ({value:.4f}):"
            metrics_of.setdefault((what, reason), []).append(metric)
    return [f"{what} {', '.join(names)}: {reason}" for (what, reason), names in metrics_of.items()]


def calibration_lines(measured: Mapping[str, Any]) -> list[str]:
    """How sure a classifier is beside how right it is, and what is left when it may say that it is unsure."""
    lines = []
    if "temperature" in measured:
        before, after, temperature = (measured[key] for key in ("ece", "ece_calibrated", "temperature"))
        ece = f"calibration error {before:.4f} ({measured['ece_low']:.4f} to {measured['ece_high']:.4f})"
        if temperature != 1:
            lines.append(f"{ece}, with temperature {temperature:g} {after:.4f}")
        else:
            why = measured.get("temperature_reason", "this bundle was written before temperatures were fitted")
            lines.append(f"{ece}; the temperature stays 1: {why}")
    if measured.get("reject_error") is not None:
        error, coverage = measured["reject_error"], measured["reject_coverage"]
        lines.append(
            f"unsure below {measured['reject_threshold']:.4f}: answers {coverage:.2%} of the test examples, and "
            f"{error:.2%} of these answers are wrong (95 %: {measured['reject_error_low']:.2%} to "
            f"{measured['reject_error_high']:.2%})"
        )
    return lines
