"""The picture of a learning rate range test."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style
from saccade.lr_finder.suggest import Reading


def draw_range(
    rates: Sequence[float], losses: Sequence[Sequence[float]], reading: Reading, present: float, name: str, path: Path
) -> None:
    """Draw the loss over the rate, each repeat's and their smoothed median, with the suggestion and the present rate.

    Losses far above the first one are cut off: of a network that breaks, how badly says nothing.

    Args:
        rates: learning rate of each update.
        losses: losses of each repeat.
        reading: what ``suggest.read_range`` found in both.
        present: learning rate that params.yaml names.
        name: name of the run.
        path: PNG file to write.
    """
    first, least = reading.first, min(map(min, losses))
    fall = max(first - min(reading.least, least), 0.05 * abs(first))
    with style():
        figure = new_figure(8, 4.2)
        axes = figure.add_subplot()
        for number, values in enumerate(losses):
            label = f"each of {len(losses)} repeats" if number == 0 else None
            axes.plot(rates[: len(values)], values, color=GREY, alpha=0.35, linewidth=0.8, label=label)
        if reading.valley is not None:
            axes.axvspan(*reading.valley, color=BLUE, alpha=0.08, linewidth=0, label="valley, at half its depth")
        axes.plot(reading.rates, reading.smoothed, color=BLUE, linewidth=2, label="smoothed, median")
        axes.axvline(present, color=GREY, linestyle=":", linewidth=1.6, label=f"params.yaml: {present:g}")
        if reading.suggestion is not None:
            suggested = {"color": ORANGE, "linestyle": "--", "linewidth": 1.8}
            axes.axvline(reading.suggestion, label=f"suggested: {reading.suggestion:g}", **suggested)
        axes.set_xscale("log")
        axes.set_xticks(10.0 ** np.arange(np.ceil(np.log10(rates[0])), np.log10(rates[-1]) + 0.01))
        axes.xaxis.set_major_formatter("{x:g}")  # the default, powers of ten, is set in mathematical type
        axes.minorticks_off()
        axes.set_xlim(rates[0], rates[-1])
        axes.set_ylim(first - 1.1 * fall, first + 0.7 * fall)
        axes.set_xlabel("learning rate, which rises from update to update")
        axes.set_ylabel("training loss")
        axes.set_title(f"{shorten(name, 60)}: {reading.doubt.partition(':')[0] or 'learning rate range test'}")
        axes.grid(axis="y")
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        save_figure(figure, path)
