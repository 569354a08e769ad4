"""Picture of a metric against the number of training examples: what more of them might bring."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np

from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, style


def draw_label_cost(
    examples_F: Sequence[int],
    values_F: Sequence[float],
    low_F: Sequence[float],
    high_F: Sequence[float],
    path: Path,
    *,
    metric: str,
    curve: tuple[float, float] | None,
    is_error: bool,
    sentence: str,
) -> None:
    """Draw what was measured with its intervals and, to twice the examples, the curve that was fitted.

    Args:
        examples_F: numbers of training examples, ascending.
        values_F: metric of each.
        low_F: lower ends of the intervals; NaN where there are none.
        high_F: upper ends.
        path: the PNG to write.
        metric: name of the metric.
        curve: coefficient and exponent of ``error = a n ** -b``; None: none was fitted.
        is_error: whether the metric is that error, and not 1 less it.
        sentence: what follows from it, for the title.
    """
    n_F, values, low, high = (np.array(each, dtype=np.float64) for each in (examples_F, values_F, low_F, high_F))
    with style():
        figure = new_figure(6.4, 4.0)
        axes = figure.add_subplot()
        if curve is not None:
            n = np.geomspace(n_F[0], 2 * n_F[-1], 60)
            error = curve[0] * n ** -curve[1]
            shown, is_known = (error if is_error else 1 - error), n <= n_F[-1]
            axes.plot(n[is_known], shown[is_known], color=GREY, linewidth=1.2, label="power law")
            axes.plot(n[~is_known], shown[~is_known], color=ORANGE, linewidth=1.4, linestyle="--", label="extrapolated")
            axes.legend(frameon=False)
        reach = np.abs(np.stack([values - low, high - values]))
        axes.errorbar(n_F, values, np.nan_to_num(reach), fmt="o", color=BLUE, capsize=3, markersize=5)
        axes.set_xscale("log", base=2)
        ticks = [*n_F.tolist(), *([2 * n_F[-1]] if curve is not None else [])]
        axes.set_xticks(ticks, [f"{n:,.0f}" for n in ticks])
        axes.minorticks_off()
        axes.set_title(fill(sentence, 88), fontsize=9)
        axes.set_xlabel("training examples (logarithmic scale)")
        axes.set_ylabel(f"{metric.replace('_', ' ')} on the test split")
        axes.grid(axis="y")
        save_figure(figure, path)
