"""Pictures of forecasts: beside what came, step by step, and into the future.

Shapes: N windows, W steps of inputs, H steps to forecast, G targets, O = H * G numbers, in the order of
``windows.names_of_targets``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style

_MAX_TARGETS = 4  # that are drawn
_HISTORY = 4  # horizons of inputs before a forecast, at most
_LABELS = 4  # times written below an axis
_LINES = {"persistence": (GREY, ":"), "seasonal": (GREY, "-."), "ridge": (ORANGE, "--")}


@dataclass(frozen=True)
class Shown:
    """One forecast of one target, to be drawn.

    Attributes:
        title: above it.
        times: of the inputs and of what is forecast, as text.
        before: the inputs, float (W,).
        forecast: float (H,).
        low: lower end of the band, float (H,); None where there is no band.
        high: upper end, likewise.
        truth: what came, float (H,); None where nobody knows.
    """

    title: str
    times: Sequence[str]
    before: np.ndarray
    forecast: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    truth: np.ndarray | None = None


def draw_forecasts(shown: Sequence[Shown], path: Path, *, columns: int = 2, share: float | None = None) -> None:
    """Draw forecasts behind the last of their inputs, a panel each, on one scale for each target.

    Args:
        shown: what to draw, panel by panel.
        path: the PNG to write.
        columns: panels beside each other.
        share: of the truths that the bands are to hold, for the legend.

    Raises:
        ValueError: there is nothing to draw.
    """
    if not shown:
        raise ValueError("shown (0 forecasts) must hold at least one")
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    with style():
        figure = new_figure(5.6 * columns if columns > 1 else 9, 2.4 * rows + 0.5)
        all_axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axes, one in zip(all_axes, shown, strict=False):
            _draw_one(axes, one, share)
        for axes in all_axes[len(shown) :]:
            axes.set_axis_off()
        handles, labels = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
        save_figure(figure, path)


def _draw_one(axes: Any, one: Shown, share: float | None) -> None:
    H = len(one.forecast)
    before = one.before[-_HISTORY * H :]
    times = one.times[len(one.before) - len(before) :]
    now, ahead = len(before) - 1, np.arange(len(before), len(before) + H)
    if one.low is not None and one.high is not None:
        label = f"{share:.0%} band".replace("%", " %") if share else "band"
        axes.fill_between(ahead, one.low, one.high, color=BLUE, alpha=0.18, linewidth=0, label=label)
    axes.plot(np.arange(len(before)), before, color=GREY, linewidth=1.2, label="measured")
    marker = "o" if H <= 31 else None
    line: dict[str, Any] = {"marker": marker, "markersize": 3}
    if one.truth is not None:
        axes.plot([now, *ahead], [before[-1], *one.truth], color=GREY, linewidth=1.2, linestyle=(0, (2, 1.5)))
        axes.plot(
            ahead,
            one.truth,
            color=ORANGE,
            linewidth=1.2,
            linestyle="none",
            label="what came",
            **{**line, "marker": "o"},
        )
    axes.plot(ahead, one.forecast, color=BLUE, linewidth=1.8, label="forecast", **line)
    axes.axvline(now + 0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_title(shorten(one.title, 60))
    at = np.unique(np.linspace(0, len(times) - 1, _LABELS).round().astype(int))
    axes.set_xticks(at, [times[i] for i in at])
    axes.grid(axis="y")


def draw_by_step(errors: Mapping[str, np.ndarray], unit: str, path: Path) -> None:
    """Draw how the mean absolute error grows with the steps ahead: the network's, and those of the baselines.

    Args:
        errors: name to float (H,); the network's is the first.
        unit: of the horizontal axis, such as "1 month".
        path: the PNG to write.
    """
    with style():
        figure = new_figure(7, 4)
        axes = figure.add_subplot()
        for name, error_H in errors.items():
            color, line = _LINES.get(name, (BLUE, "-"))
            steps = np.arange(1, len(error_H) + 1)
            marker = "o" if len(error_H) <= 40 else None
            width = 2.2 if name not in _LINES else 1.5
            axes.plot(
                steps, error_H, color=color, linestyle=line, linewidth=width, marker=marker, markersize=3, label=name
            )
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"steps ahead, of {unit}" if unit else "steps ahead")
        axes.set_title("Mean absolute error on the test split")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y")
        axes.legend(frameon=False)
        save_figure(figure, path)


def spread_rows(count: int, most: int) -> np.ndarray:
    """At most so many of ``count`` rows, spread evenly, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))


def targets_to_draw(targets: Sequence[str]) -> Sequence[str]:
    """The first few of many."""
    return targets[:_MAX_TARGETS]
