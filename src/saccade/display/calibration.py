"""Figures of how sure a classifier is beside how right it is, and of what is left when it may refuse to answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, style

_COLORS = (ORANGE, BLUE)


def draw_reliability(curves: Mapping[str, Sequence[Any]], path: Path) -> None:
    """Draw the accuracy of answers of similar confidence, and how many there are.

    Args:
        curves: title to bins, one or two of them; a bin has ``count``, ``confidence``, ``accuracy``, ``least``,
            ``most``, and ``low`` and ``high``, the ends of the interval of the accuracy.
        path: the PNG to write.
    """
    start = min(min(bin.low, bin.least) for bins in curves.values() for bin in bins)
    with style():
        figure = new_figure(5.2, 5.8)
        axes, below = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as sure as right")
        for (title, bins), color in zip(curves.items(), _COLORS, strict=False):
            x = [bin.confidence for bin in bins]
            y = [bin.accuracy for bin in bins]
            reach = [[bin.accuracy - bin.low for bin in bins], [bin.high - bin.accuracy for bin in bins]]
            axes.errorbar(x, y, yerr=reach, color=color, marker="o", markersize=4, linewidth=1.2, label=title)
            below.vlines(x, 0, [bin.count for bin in bins], color=color, linewidth=3, alpha=0.6)
        margin = 0.03 * (1 - start)
        axes.set_xlim(start - margin, 1 + margin)
        axes.set_ylim(start - margin, 1 + margin)
        axes.set_ylabel("accuracy, with 95 % intervals")
        axes.set_title("Is it right as often as it says?")
        axes.grid(True)
        axes.legend(frameon=False, loc="best")
        below.set_ylabel("answers")
        below.set_xlabel("confidence: mean of a bin")
        below.set_ylim(bottom=0)
        save_figure(figure, path)


def draw_risk_coverage(points: Sequence[Any], path: Path, *, threshold: float | None = None) -> None:
    """Draw how wrong the surest answers are, from few of them to all.

    Args:
        points: points with ``threshold``, ``coverage``, ``error``, and ``low`` and ``high``, the ends of its interval.
        path: the PNG to write.
        threshold: confidence below which the run is unsure, which is marked; None: there is none.
    """
    with style():
        figure = new_figure(5.6, 4.0)
        axes = figure.add_subplot()
        coverage = [100 * point.coverage for point in points]
        low, high = ([100 * getattr(point, end) for point in points] for end in ("low", "high"))
        axes.fill_between(coverage, low, high, color=BLUE, alpha=0.15, linewidth=0, label="95 % interval")
        marker = "o" if len(points) <= 30 else None
        axes.plot(coverage, [100 * point.error for point in points], color=BLUE, marker=marker, markersize=3.5)
        answered = [point for point in points if threshold is not None and point.threshold >= threshold]
        if answered:
            at = max(answered, key=lambda point: point.coverage)
            axes.axvline(100 * at.coverage, color=ORANGE, linewidth=1.2, label=f"unsure below {threshold:.4f}")
        highest = max(100 * points[-1].high, 1.0)
        axes.set_ylim(0, 1.5 * highest)
        axes.set_xlim(0, 100)
        axes.set_xlabel("answered, % of the examples, the surest first")
        axes.set_ylabel("wrong among them, %")
        axes.set_title("What is left when it may say unsure")
        axes.grid(True)
        axes.legend(frameon=False, loc="upper center")
        save_figure(figure, path)
