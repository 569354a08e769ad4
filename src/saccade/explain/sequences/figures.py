"""Figures of sequences: influence of steps and columns, gates and cells over time, gradients over time.

Shapes: T time steps, F features, D units.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style
from saccade.explain.sequences.states import (
    CANDIDATE,
    CELL,
    FORGET,
    HIDDEN,
    IN_01,
    INPUT,
    OUTPUT,
    RESET,
    UPDATE,
    LayerStates,
)

_UNITS = 20
_STEPS = 120  # in a figure of gates
_TICKS = 40
_MEANINGS = {
    FORGET: "forget gate f: what of the cell is kept, from none (0) to all (1)",
    INPUT: "input gate i: how much of the candidate is let in",
    CANDIDATE: "candidate c~ = tanh(...): what could be written",
    CELL: "cell c = f * c before + i * c~",
    OUTPUT: "output gate o: how much of the cell is shown",
    HIDDEN: "output h",
    RESET: "reset gate r: how much of what was is looked at",
    UPDATE: "update gate z: what of the output is kept, from none (0) to all (1)",
}


def draw_influence(
    panels: Mapping[str, np.ndarray], steps: Sequence[str], columns: Sequence[str], path: Path, unit: str = "step"
) -> None:
    """Draw what each step and column adds to answers, a panel an answer: as a map, or of one column as bars.

    Args:
        panels: title to float (T, F), or (T,) where a step has one number; one at least, on a common scale.
        steps: names of the T steps.
        columns: names of the F columns; ignored where a step has one number.
        path: the PNG to write.
        unit: what a step is, for the axis.
    """
    from matplotlib.collections import PolyCollection

    largest = max(float(np.abs(values).max()) for values in panels.values()) or 1.0
    least = min(0.0, *(float(values.min()) for values in panels.values()))
    rows = 1 if next(iter(panels.values())).ndim == 1 else len(columns)
    with style():
        figure = new_figure(10, len(panels) * (1.9 if rows == 1 else 1.0 + 0.26 * rows) + 0.4)
        all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (title, values) in zip(all_axes, panels.items(), strict=True):
            values_TF = values.reshape(len(values), -1)
            axes.set_title(shorten(title, 120), fontsize=10)
            if rows == 1:
                colors = np.where(values_TF[:, 0] > 0, BLUE, ORANGE)
                bars = [
                    [(t - 0.45, 0), (t - 0.45, v), (t + 0.45, v), (t + 0.45, 0)] for t, v in enumerate(values_TF[:, 0])
                ]
                axes.add_collection(PolyCollection(bars, facecolors=colors))  # `bar` takes a millisecond each
                axes.set_xlim(-0.5, len(bars) - 0.5)
                axes.axhline(0, color=GREY, linewidth=0.8)
                axes.set_ylim(-1.05 * largest if least < 0 else 0.0, 1.05 * largest)
            else:
                drawn = axes.imshow(
                    values_TF.T, cmap=_diverging(), vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest"
                )
                axes.set_yticks(range(rows), [shorten(name, 24) for name in columns], fontsize=8)
                figure.colorbar(drawn, ax=axes, pad=0.01).outline.set_visible(False)
            _name_steps(axes, steps)
        all_axes[-1].set_xlabel(unit)
        save_figure(figure, path)


def draw_states(
    states: LayerStates, steps: Sequence[str], path: Path, *, title: str = "", units: Sequence[int] | None = None
) -> None:
    """Draw gates and states of a layer over the steps, a panel each, a row a unit; step t below its token.

    Args:
        states: values of one layer and direction.
        steps: names of the T steps; the first 120 are drawn.
        path: the PNG to write.
        title: title above all of it.
        units: units to draw; None: the 20 whose memory changes most over the steps.
    """
    T = min(len(steps), _STEPS)
    if units is None:
        spread_D = states.values[states.memory][:T].std(axis=0)
        units = sorted(np.argsort(-spread_D, kind="stable")[:_UNITS].tolist())
    names = [name for name in _MEANINGS if name in states.values]
    with style():
        figure = new_figure(max(6.0, 2.2 + 0.13 * T), (0.7 + 0.11 * max(len(units), 4)) * len(names) + 0.8)
        all_axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
        for axes, name in zip(all_axes, names, strict=True):
            values_UT = states.values[name][:T, list(units)].T
            largest = float(np.abs(values_UT).max()) or 1.0
            scale = {"cmap": "Blues", "vmin": 0, "vmax": 1} if name in IN_01 else {
                "cmap": _diverging(), "vmin": -largest, "vmax": largest
            }  # fmt: skip
            drawn = axes.imshow(values_UT, aspect="auto", interpolation="nearest", **scale)
            axes.set_title(_MEANINGS[name], fontsize=9)
            axes.set_yticks(range(len(units)), [str(unit) for unit in units], fontsize=6)
            axes.set_ylabel("unit", fontsize=8)
            bar = figure.colorbar(drawn, ax=axes, pad=0.01)
            bar.outline.set_visible(False)
            bar.ax.tick_params(labelsize=7)
            _name_steps(axes, steps[:T], all_of_them=True)
        more = f", the first {T:,} of {len(steps):,} steps" if len(steps) > T else ""
        chosen = f", {len(units)} of {states.values[HIDDEN].shape[1]} units"
        figure.suptitle(f"{title or states.name}{chosen}{more}", x=0.01, ha="left", fontsize=11)
        save_figure(figure, path)


def draw_gradients_over_time(norms: Mapping[str, np.ndarray], path: Path, *, title: str = "") -> None:
    """Draw the norms of gradients over the steps, on a logarithmic scale.

    Args:
        norms: name such as "dL/dh_t" to float (T,); what is 0 leaves a gap.
        path: the PNG to write.
        title: title above it.
    """
    with style():
        figure = new_figure(8, 3.2)
        axes = figure.add_subplot()
        for number, (name, norm_T) in enumerate(norms.items()):
            shown_T = np.where(norm_T > 0, norm_T, np.nan)
            axes.plot(np.arange(1, len(norm_T) + 1), shown_T, color=(BLUE, ORANGE, GREY)[number % 3], label=name)
        if any((norm_T > 0).any() for norm_T in norms.values()):
            axes.set_yscale("log")
            low, high = axes.get_ylim()
            axes.set_ylim(min(low, high / 1e3), high)  # a span in which what is even looks even
            axes.yaxis.set_major_formatter("{x:.0e}")
        axes.set_xlabel("step t")
        axes.set_ylabel("L2 norm over a batch")
        axes.set_title(title)
        axes.grid(axis="y")
        axes.legend(frameon=False)
        save_figure(figure, path)


def _diverging() -> Any:
    """From orange through white to blue."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("against_for", [ORANGE, "white", BLUE])


def _name_steps(axes: Any, steps: Sequence[str], *, all_of_them: bool = False) -> None:
    every = 1 if all_of_them else max(1, -(-len(steps) // _TICKS))
    at = list(range(0, len(steps), every))
    names = [_shown(steps[t]) for t in at]
    long = max((len(name) for name in names), default=1) > 2
    axes.set_xticks(at, names, fontsize=7, rotation=90 if long else 0, family="DejaVu Sans Mono")
    axes.tick_params(axis="x", length=0, labelbottom=True)


def _shown(step: str) -> str:
    if step == " ":
        return "\N{OPEN BOX}"
    from saccade.explain.sequences.coloured_text import shown

    return shorten(shown(step), 16) or step
