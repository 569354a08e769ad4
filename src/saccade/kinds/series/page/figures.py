"""Pictures of the dataset report of series.

Shapes: N examples, T steps, F features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style

GREEN = "#009E73"  # Okabe and Ito's, as the other colours
PART_COLORS = {"train": BLUE, "validation": GREEN, "test": ORANGE}
MAX_FEATURES = 6  # that are drawn
_MAX_POINTS = 3_000  # of a line; of more, the lowest and the highest of each stretch
_LABELS = 7  # times written below an axis
_MAX_BINS = 40
_OVERLAID = 8  # series of a class
_MAX_CLASSES = 12  # that are drawn


@dataclass(frozen=True)
class Stretch:
    """A stretch of a series: its steps, from and up to (not including), and what it is."""

    first: int
    end: int
    name: str
    color: str


def draw_parts(
    values_TF: np.ndarray, features: Sequence[str], stretches: Sequence[Stretch], times: Sequence[str], path: Path
) -> None:
    """Draw a whole series, a panel a feature, each part in its colour.

    Args:
        values_TF: float.
        features: the F names; of many, some are drawn.
        stretches: the parts, in their order.
        times: of the steps at which the axis is labelled, spread evenly from the first to the last.
        path: the PNG to write.
    """
    shown = min(len(features), MAX_FEATURES)
    with style():
        figure = new_figure(11, 1.9 * shown + 1.0)
        all_axes = figure.subplots(shown, 1, sharex=True, squeeze=False)[:, 0]
        for axes, name, values_T in zip(all_axes, features, values_TF.T, strict=False):
            for stretch in stretches:
                steps, values = _thinned(stretch.first, values_T[stretch.first : min(stretch.end + 1, len(values_T))])
                axes.plot(steps, values, color=stretch.color, linewidth=1, label=stretch.name)
            axes.set_title(shorten(name, 60))
            axes.grid(axis="y")
            axes.set_xlim(0, len(values_TF) - 1)
        at = np.linspace(0, len(values_TF) - 1, len(times)).round().astype(int)
        all_axes[-1].set_xticks(at, times)
        handles, labels = all_axes[0].get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=len(unique), frameon=False)
        save_figure(figure, path)


@dataclass(frozen=True)
class PanelLine:
    """One series among several, to be drawn.

    Attributes:
        title: text above it.
        values: float (T,).
        stretches: parts of the series, in their order.
        ends: first and last time.
    """

    title: str
    values: np.ndarray
    stretches: Sequence[Stretch]
    ends: tuple[str, str]


def draw_panel(lines: Sequence[PanelLine], path: Path) -> None:
    """Draw several series, each on axes of its own, with its parts in colour.

    Args:
        lines: what to draw.
        path: the PNG to write.
    """
    rows = -(-len(lines) // 2)
    with style():
        figure = new_figure(11, 1.9 * rows + 1.0)
        all_axes = list(figure.subplots(rows, 2, squeeze=False).flat)
        for axes, line in zip(all_axes, lines, strict=False):
            for stretch in line.stretches:
                end = min(stretch.end + 1, len(line.values))
                axes.plot(
                    *_thinned(stretch.first, line.values[stretch.first : end]),
                    color=stretch.color,
                    linewidth=1,
                    label=stretch.name,
                )
            axes.set_title(shorten(line.title, 50), fontsize=9)
            axes.grid(axis="y")
            axes.set_xticks([0, len(line.values) - 1], line.ends)
        for axes in all_axes[len(lines) :]:
            axes.set_axis_off()
        handles, labels = all_axes[0].get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=len(unique), frameon=False)
        save_figure(figure, path)


def steps_to_label(steps: int) -> list[int]:
    """The steps at which ``draw_parts`` writes times."""
    return np.linspace(0, steps - 1, min(_LABELS, steps)).round().astype(int).tolist()


def _thinned(first: int, values_T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a line; of a long one the extremes of each stretch, so that no peak is lost."""
    steps_T = np.arange(first, first + len(values_T))
    if len(values_T) <= _MAX_POINTS:
        return steps_T, values_T
    edges = np.linspace(0, len(values_T), _MAX_POINTS // 2 + 1).astype(int)
    kept = [
        start + place
        for start, end in pairwise(edges.tolist())
        for place in sorted({int(values_T[start:end].argmin()), int(values_T[start:end].argmax())})
    ]
    return steps_T[kept], values_T[kept]


def draw_windows(windows: Sequence[np.ndarray], ahead: Sequence[np.ndarray], titles: Sequence[str], path: Path) -> None:
    """Draw windows of one feature: the inputs, and what is to be forecast.

    Args:
        windows: inputs, float (W,) each.
        ahead: what followed, float (H,) each.
        titles: a line each.
        path: the PNG to write.
    """
    with style():
        figure = new_figure(11, 2.0 * -(-len(windows) // 2) + 0.5)
        all_axes = list(figure.subplots(-(-len(windows) // 2), 2, squeeze=False).flat)
        for axes, window_W, ahead_H, title in zip(all_axes, windows, ahead, titles, strict=False):
            W = len(window_W)
            axes.plot(np.arange(W), window_W, color=BLUE, linewidth=1.1, label="inputs")
            joined = np.concatenate([window_W[-1:], ahead_H])
            axes.plot(np.arange(W - 1, W + len(ahead_H)), joined, color=ORANGE, linewidth=1.4, label="to forecast")
            axes.axvline(W - 0.5, color=GREY, linewidth=0.8, linestyle=":")
            axes.set_title(shorten(title, 60), fontsize=9)
            axes.grid(axis="y")
        for axes in all_axes[len(windows) :]:
            axes.set_axis_off()
        handles, labels = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        save_figure(figure, path)


def draw_histograms(values: Mapping[str, np.ndarray], features: Sequence[str], path: Path) -> None:
    """Draw how often values occur in each part, a panel a feature.

    Args:
        values: part to float (T, F).
        features: the F names; of many, some are drawn.
        path: the PNG to write.
    """
    shown = min(len(features), MAX_FEATURES)
    columns = min(3, shown)
    with style():
        figure = new_figure(11, 2.6 * -(-shown // columns) + 0.4)
        all_axes = list(figure.subplots(-(-shown // columns), columns, squeeze=False).flat)
        for feature, axes in enumerate(all_axes[:shown]):
            whole = np.concatenate([part_TF[:, feature] for part_TF in values.values()])
            bins = int(np.clip(len(whole) ** 0.5, 8, _MAX_BINS))
            edges = np.linspace(float(whole.min()), float(whole.max()), bins + 1)
            for part, part_TF in values.items():
                counts, _ = np.histogram(part_TF[:, feature], edges)
                share = counts / max(len(part_TF), 1)
                axes.stairs(share, edges, color=PART_COLORS[part], linewidth=1.5, label=part)
            axes.set_title(shorten(features[feature], 40))
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
            axes.grid(axis="y")
        for axes in all_axes[shown:]:
            axes.set_axis_off()
        handles, labels = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        save_figure(figure, path)


def draw_autocorrelation(
    correlations: Mapping[str, np.ndarray], seasons: Sequence[int | None], path: Path, unit: str
) -> None:
    """Draw the autocorrelation of each target over the lags, and its season.

    Args:
        correlations: target to float (L,), from lag 0.
        seasons: of each, in steps; None where there is none.
        path: the PNG to write.
        unit: of the horizontal axis, such as "1 month".
    """
    shown = min(len(correlations), MAX_FEATURES)
    with style():
        figure = new_figure(11, 1.9 * shown + 0.6)
        all_axes = figure.subplots(shown, 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, r_L), season in zip(all_axes, correlations.items(), seasons, strict=False):
            axes.axhline(0, color=GREY, linewidth=0.8)
            axes.plot(r_L, color=BLUE, linewidth=1.4)
            if season is not None:
                axes.axvline(season, color=ORANGE, linewidth=1.2, linestyle="--")
                axes.text(season, 1.02, f" {season:,}", color=ORANGE, fontsize=9, va="bottom", ha="center")
            axes.set_ylim(-1.05, 1.05)
            axes.set_title(shorten(name, 60))
            axes.grid(axis="y")
        all_axes[-1].set_xlabel(f"steps apart, of {unit}")
        save_figure(figure, path)


def draw_classes(
    series_NTF: np.ndarray, labels_N: np.ndarray, classes: Sequence[str], features: Sequence[str], path: Path
) -> list[int]:
    """Draw a few series of each class over each other, a row a class, a column a feature.

    Args:
        series_NTF: float, may be memory-mapped.
        labels_N: class ids.
        classes: the K names; of many, some are drawn.
        features: the F names; of many, some are drawn.
        path: the PNG to write.

    Returns:
        The classes that are drawn.
    """
    kept = np.unique(np.linspace(0, len(classes) - 1, min(_MAX_CLASSES, len(classes))).round().astype(int)).tolist()
    columns = min(len(features), 3)
    with style():
        figure = new_figure(11 if columns > 1 else 8, 1.5 * len(kept) + 0.6)
        all_axes: Any = figure.subplots(len(kept), columns, sharex=True, sharey="col", squeeze=False)
        for row, k in enumerate(kept):
            members = np.flatnonzero(labels_N == k)
            members = members[np.linspace(0, len(members) - 1, min(_OVERLAID, len(members))).round().astype(int)]
            for column in range(columns):
                axes = all_axes[row, column]
                for i in members:
                    values_T = series_NTF[i, :, column]
                    steps, values = _thinned(0, values_T[~np.isnan(values_T)])  # without padding
                    axes.plot(steps, values, color=BLUE, linewidth=0.9, alpha=0.6)
                name = shorten(classes[k], 30)
                axes.set_title(f"{name}: {shorten(features[column], 24)}" if columns > 1 else name, fontsize=9)
                axes.grid(axis="y")
        for axes in all_axes[-1]:
            axes.set_xlabel("step")
            axes.xaxis.get_major_locator().set_params(integer=True)
        save_figure(figure, path)
    return kept
