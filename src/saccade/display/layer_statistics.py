"""A figure of how the layers of a network fared: layers by epochs, and the gradient over the steps of a recurrence.

Shapes: L layers, E epochs.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade.display.style import GREY, new_figure, save_figure, shorten, style

_MIN_VALUE = 1e-12  # on a logarithmic scale; what is smaller is drawn as this
_MIN_SPAN = 1e4  # of a logarithmic scale: what is healthy looks even
_MAX_NAMES = 45
_MISSING_COLOR = (0.85, 0.85, 0.85)  # grey: no gradient at all, or nothing measured


def draw_layer_statistics(epochs: Mapping[int, Sequence[Mapping[str, Any]]], path: Path, title: str = "") -> None:
    """Draw what gradients.csv holds: a panel for gradients, one for updates, for dead units, for dL/dh_t.

    The first layer stands at the top. Gradients and updates are shares of the layer's own weights, on a logarithmic
    scale: a layer that moves less than the others is darker. A panel without values is left out.

    Args:
        epochs: epoch to its rows, as ``VitalSigns.read`` gives them.
        path: the PNG to write.
        title: title above all of it.

    Raises:
        ValueError: there is nothing to draw.
    """
    layers = list(dict.fromkeys(row["layer"] for rows in epochs.values() for row in rows if "step" not in row))
    if not layers:
        raise ValueError("epochs (no layer in any) must hold at least one row of a layer")
    gradient_LE, weight_LE, moved_LE, dead_LE = (
        _table(epochs, layers, key) for key in ("gradient_norm", "weight_norm", "update_ratio", "dead_share")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        shares_LE = gradient_LE / weight_LE
    maps = [
        ("gradient, by the norm of the weights", shares_LE, True),
        ("move of an update, by the norm of the weights", moved_LE, True),
        ("units that are always 0", dead_LE, False),
    ]
    maps = [panel for panel in maps if np.isfinite(panel[1]).any()]
    over_time = {epoch: steps for epoch, rows in epochs.items() if (steps := [row for row in rows if "step" in row])}
    num_panels = len(maps) + bool(over_time)
    with style():
        height = float(np.clip(0.2 * len(layers) + 1.4, 3.2, 11))
        figure = new_figure(1.2 + 3.9 * num_panels, height)
        all_axes = figure.subplots(1, num_panels, squeeze=False)[0]
        for number, (axes, (name, values_LE, is_log)) in enumerate(zip(all_axes, maps, strict=False)):
            _draw_map(figure, axes, name, values_LE, list(epochs), is_log=is_log)
            names = range(0, len(layers), -(-len(layers) // _MAX_NAMES))
            axes.set_yticks(list(names), [shorten(layers[at], 32) for at in names] if number == 0 else [], fontsize=8)
        if over_time:
            _draw_over_time(all_axes[-1], over_time)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        save_figure(figure, path)


def _table(epochs: Mapping[int, Sequence[Mapping[str, Any]]], layers: Sequence[str], key: str) -> np.ndarray:
    """(L, E); NaN where there is no value."""
    table_LE = np.full((len(layers), len(epochs)), np.nan)
    for column, rows in enumerate(epochs.values()):
        for row in rows:
            if "step" not in row and key in row:
                table_LE[layers.index(row["layer"]), column] = row[key]
    return table_LE


def _draw_map(figure: Any, axes: Any, name: str, values_LE: np.ndarray, epochs: Sequence[int], *, is_log: bool) -> None:
    import matplotlib
    from matplotlib.colors import LogNorm, Normalize

    scale: Any = Normalize(0, 1)
    colors = matplotlib.colormaps["viridis" if is_log else "Oranges"].with_extremes(bad=_MISSING_COLOR)
    if is_log:
        values_LE = np.where(values_LE > 0, np.clip(values_LE, _MIN_VALUE, 1 / _MIN_VALUE), np.nan)
        known = values_LE[np.isfinite(values_LE)]
        low, high = (known.min(), known.max()) if known.size else (0.1, 1.0)
        low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))
        scale = LogNorm(min(low, high / _MIN_SPAN), high)
    sides = (epochs[0] - 0.5, epochs[-1] + 0.5, len(values_LE) - 0.5, -0.5)
    drawn = axes.imshow(
        np.ma.masked_invalid(values_LE), cmap=colors, norm=scale, aspect="auto", interpolation="nearest", extent=sides
    )
    axes.set_title(name, fontsize=9)
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)
    bar = figure.colorbar(drawn, ax=axes, orientation="horizontal", shrink=0.9, aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)
    bar.ax.xaxis.set_major_formatter("{x:.0e}" if is_log else lambda share, _: f"{100 * share:.0f}%")


def _draw_over_time(axes: Any, over_time: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    """A line an epoch, from light to dark."""
    import matplotlib

    colors = matplotlib.colormaps["viridis"]
    for number, (epoch, rows) in enumerate(over_time.items()):
        norms = [row["gradient_norm"] or math.nan for row in rows]  # no line where nothing arrives
        color = colors(0.9 * (1 - number / max(len(over_time) - 1, 1)))
        axes.plot([row["step"] for row in rows], norms, color=color, linewidth=1.5, label=f"epoch {epoch}")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, high / _MIN_SPAN), high)
    axes.yaxis.set_major_formatter("{x:.0e}")
    axes.set_title(f"norm of dL/dh_t of {shorten(rows[0]['layer'], 32)}", fontsize=9)
    axes.set_xlabel("step t")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(axis="y")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
