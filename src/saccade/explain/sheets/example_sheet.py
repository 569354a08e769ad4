"""One example: what the network saw, its answers, and a map for each method and answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.display.style import BLUE, GREY, new_figure, save_figure, shorten, style
from saccade.explain.attribution.image_explainer import Explanation
from saccade.explain.attribution.methods import METHODS
from saccade.explain.sheets.pictures import brightest, say_no_evidence, show_image, show_map, show_signed


@dataclass(frozen=True)
class AnswerRow:
    """One answer and its maps.

    Attributes:
        title: what is said of it, such as "answer: 7 (0.993)".
        explanations: maps for it, one a method.
    """

    title: str
    explanations: Sequence[Explanation]


def draw_example(
    name: str,
    image_HWC: np.ndarray,
    rows: Sequence[AnswerRow],
    path: Path | str,
    *,
    like_random: dict[str, float] | None = None,
) -> None:
    """Draw an image, and below each method its maps for the answers, on one scale.

    Args:
        name: name of the example.
        image_HWC: what the network saw, of 0 to 255.
        rows: answers, one at least, with the same methods each.
        path: the PNG to write.
        like_random: how much a method's map is like that of a network with random weights, a rank correlation.
    """
    methods = [METHODS[one.method] for one in rows[0].explanations]
    height, width = image_HWC.shape[:2]
    cell_width = 1.9
    cell_height = float(np.clip(cell_width * height / width, 0.9, 3.8))
    with style():
        figure = new_figure(cell_width * (len(methods) + 1) + 0.3, (cell_height + 0.45) * len(rows) + 0.8)
        figure.suptitle(shorten(name, 30 + 18 * len(methods)), x=0.01, ha="left", fontsize=11)
        grid = figure.subplots(len(rows), len(methods) + 1, squeeze=False)
        for number, (row, all_axes) in enumerate(zip(rows, grid, strict=True)):
            show_image(all_axes[0], image_HWC)
            all_axes[0].set_title(shorten(row.title, 27), fontsize=9, color=BLUE if number == 0 else GREY)
            for column, (method, found, axes) in enumerate(zip(methods, row.explanations, all_axes[1:], strict=True)):
                top = brightest([other.explanations[column].map for other in rows])
                if method.is_signed:
                    show_signed(axes, found.map, top)
                else:
                    show_map(axes, image_HWC, found.map, top, is_overlay=method.needs == "layer")
                if number == 0:
                    axes.set_title(_title(method.title, found), fontsize=9)
                if not found.has_evidence:
                    say_no_evidence(axes)
                if number == 0 and like_random and method.name in like_random:
                    axes.text(
                        0, -0.03, f"like untrained: {like_random[method.name]:.2f}", transform=axes.transAxes,
                        ha="left", va="top", fontsize=7.5, color=GREY,
                    )  # fmt: skip
        save_figure(figure, Path(path))


def _title(title: str, found: Explanation) -> str:
    words = title.split(" ")
    first = title if len(title) < 18 else f"{words[0]}\n{' '.join(words[1:])}"
    return f"{first}\nat {shorten(found.layer, 18)}" if found.layer else first
