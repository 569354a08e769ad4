"""Lines as pictures: what was read below what stands there, and which step said what.

Shapes: T steps of a line, V tokens, H height, W width, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.data.spec import PAD
from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style
from saccade.transcripts.edits import aligned

MISSING = "\N{OPEN BOX}"  # what stands for a character that was left out

_INCHES_A_LINE = 0.62
_WIDTH_INCHES = 9.0
_FEWEST_COLUMNS = 160  # that a picture's width stands for
_MAX_CAPTION = 90  # characters
_MARKED = 0.02  # probability from which a curve is drawn


@dataclass(frozen=True)
class ShownLine:
    """A line to draw.

    Attributes:
        image: uint8 (H, W, C), its real columns alone.
        name: what people find it by.
        true: what stands in it.
        read: what was read.
    """

    image: np.ndarray
    name: str
    true: str
    read: str


def draw_read_lines(lines: Sequence[ShownLine], title: str, path: Path) -> None:
    """Draw lines one below the other, each with what stands there and what was read; what differs is orange.

    Args:
        lines: the lines; none: a sentence says so.
        title: title of the figure.
        path: the PNG to write.
    """
    with style():
        if not lines:
            figure = new_figure(6, 1.2)
            figure.text(0.5, 0.5, "no line was read wrongly", ha="center", va="center", fontsize=12)
            save_figure(figure, path)
            return
        figure = new_figure(_WIDTH_INCHES, 0.4 + 2 * _INCHES_A_LINE * len(lines))
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        widest = max(_FEWEST_COLUMNS, *(line.image.shape[1] for line in lines))
        for axes, line in zip(figure.subplots(len(lines), 1, squeeze=False)[:, 0], lines, strict=True):
            _show(axes, line.image, widest)
            height = line.image.shape[0]
            axes.text(0, height * 1.25, f"{shorten(line.name, _MAX_CAPTION)}", fontsize=6.5, color=GREY, va="top")
            pairs = list(aligned(line.true, line.read))[:_MAX_CAPTION]
            for row, (side, colour) in enumerate(((0, BLUE), (1, ORANGE))):
                is_plain = "".join(pair[side] or MISSING for pair in pairs)
                marked = "".join(
                    (pair[side] or MISSING) if pair[0] != pair[1] else " " for pair in pairs
                )  # over the plain text, in a fixed width: only what differs is coloured
                place = {"fontsize": 8, "family": "monospace", "va": "top"}
                axes.text(0, height * (1.75 + 0.6 * row), is_plain, color="black", **place)
                axes.text(0, height * (1.75 + 0.6 * row), marked, color=colour, weight="bold", **place)
            axes.set_ylim(height * 2.9, 0)
        save_figure(figure, path)


def _show(axes: object, image_HWC: np.ndarray, widest: int) -> None:
    plain = image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC
    axes.imshow(plain, cmap="gray", vmin=0, vmax=255, aspect="equal", interpolation="nearest")  # type: ignore[attr-defined]
    axes.set_xlim(0, widest)  # type: ignore[attr-defined]
    axes.set_axis_off()  # type: ignore[attr-defined]


def draw_activations(
    lines: Sequence[ShownLine], said: Sequence[np.ndarray], vocabulary: Sequence[str], title: str, path: Path
) -> None:
    """Draw below each line how probable each character is from step to step.

    Args:
        lines: the lines.
        said: log-probabilities of the tokens at each step of each line, float (T, V).
        vocabulary: the tokens.
        title: title of the figure.
        path: the PNG to write.
    """
    with style():
        figure = new_figure(_WIDTH_INCHES, 0.4 + 1.9 * len(lines))
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        grid = figure.subplots(2 * len(lines), 1, squeeze=False, gridspec_kw={"height_ratios": [1, 1.6] * len(lines)})
        for number, (line, said_TV) in enumerate(zip(lines, said, strict=True)):
            above, below = grid[2 * number, 0], grid[2 * number + 1, 0]
            width = line.image.shape[1]
            _show(above, line.image, width)
            above.set_aspect("auto")
            probability_TV = np.exp(said_TV.astype(np.float64))
            x_T = (np.arange(len(said_TV)) + 0.5) * width / len(said_TV)
            below.plot(x_T, probability_TV[:, PAD], color=GREY, linewidth=0.8, label="none")
            for token in np.flatnonzero((probability_TV[:, PAD + 1 :] > _MARKED).any(axis=0)) + PAD + 1:
                column_T = probability_TV[:, token]
                is_read = bool((probability_TV.argmax(axis=1) == token).any())
                below.plot(x_T, column_T, color=BLUE if is_read else ORANGE, linewidth=1.1)
            best_T = probability_TV.argmax(axis=1)
            for t in np.flatnonzero((best_T != PAD) & (best_T != np.concatenate([[PAD], best_T[:-1]]))):
                below.text(x_T[t], 1.04, vocabulary[best_T[t]], ha="center", fontsize=8, color=BLUE)
            below.set_xlim(0, width)
            below.set_ylim(0, 1.2)
            below.set_xticks([])
            below.set_ylabel("probability", fontsize=7)
            below.tick_params(labelsize=7)
        grid[-1, 0].legend(fontsize=7, loc="lower right")
        save_figure(figure, path)
