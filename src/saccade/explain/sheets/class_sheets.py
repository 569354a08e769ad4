"""Where a network looks, class by class, and how far its maps are to be believed, drawn.

Shapes: H height, W width, C channels, K classes, S steps.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style
from saccade.explain.attribution.faithfulness import area
from saccade.explain.attribution.methods import METHODS
from saccade.explain.sheets.pictures import brightest, say_no_evidence, show_map

_COLORS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")  # Okabe and Ito


def draw_classes(
    means_KHWC: Sequence[np.ndarray],
    maps_KHW: Sequence[np.ndarray],
    captions: Sequence[tuple[str, str]],
    title: str,
    path: Path,
) -> None:
    """Draw the mean map of each class over the mean of its images.

    Args:
        means_KHWC: mean image of each class, of 0 to 255.
        maps_KHW: mean map of each.
        captions: name and number of examples of each.
        title: title of the sheet.
        path: the PNG to write.
    """
    columns = min(len(maps_KHW), 5)
    rows = -(-len(maps_KHW) // columns)
    top = brightest(maps_KHW)
    height, width = maps_KHW[0].shape
    cell = 1.7
    with style():
        figure = new_figure(max(cell * columns + 0.3, 6.0), (cell * min(height / width, 2) + 0.5) * rows + 0.7)
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        all_axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axes in all_axes:
            axes.set_axis_off()
        for axes, mean_HWC, map_HW, (name, count) in zip(all_axes, means_KHWC, maps_KHW, captions, strict=False):
            show_map(axes, mean_HWC, map_HW, top, is_overlay=True)
            axes.set_title(f"{shorten(name, 20)}", fontsize=9, color=BLUE)
            axes.text(0, -0.03, count, transform=axes.transAxes, ha="left", va="top", fontsize=7.5, color=GREY)
            if not (map_HW > 0).any():
                say_no_evidence(axes)
        save_figure(figure, path)


def draw_curves(
    deletion: Mapping[str, np.ndarray], insertion: Mapping[str, np.ndarray], num_examples: int, path: Path
) -> None:
    """Draw how the probability of the answer falls and rises as a map's pixels go and come, beside a random order.

    Args:
        deletion: method, or "random", to mean probability after each share of pixels, (S + 1,).
        insertion: the same while they are put in.
        num_examples: number of examples that the means are of.
        path: the PNG to write.
    """
    panels = (
        ("deletion: the sooner it falls, the better", deletion, False),
        ("insertion: the sooner it rises, the better", insertion, True),
    )
    with style():
        figure = new_figure(14.5, 4.0)
        figure.suptitle(
            f"mean over {num_examples:,} examples: does the answer follow the maps?", x=0.01, ha="left", fontsize=10
        )
        for axes, (title, curves, highest_first) in zip(figure.subplots(1, 2), panels, strict=True):
            for name in sorted(curves, key=lambda name: area(curves[name]), reverse=highest_first):
                curve, is_random = curves[name], name == "random"
                color = GREY if is_random else _COLORS[list(METHODS).index(name) % len(_COLORS)]
                axes.plot(
                    np.linspace(0, 100, len(curve)), curve, color=color, linewidth=1.6,
                    linestyle="--" if is_random else "-", label=f"{area(curve):.3f}  {name}",
                )  # fmt: skip
            axes.set(title=title, xlabel="pixels, %", ylabel="probability of the answer", ylim=(-0.02, 1.02))
            axes.grid()
            axes.legend(
                title="area", fontsize=8, title_fontsize=8, frameon=False, alignment="left",
                loc="center left", bbox_to_anchor=(1.0, 0.5),
            )  # fmt: skip
        save_figure(figure, path)
