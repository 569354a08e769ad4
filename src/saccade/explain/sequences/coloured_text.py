"""Numbers of tokens as the colour behind each: in a terminal, as HTML, as a PNG.

Blue speaks for, orange against, and the deeper the more; both remain apart with every kind of colour blindness.
"""

import html
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style

LINE_END = "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}"
_COLUMNS = 84  # characters of a line in a figure
_MAX_TOKENS = 1200  # in a figure; each takes a millisecond to draw
_CELL_INCHES, _LINE_INCHES = 0.083, 0.19
RGB = tuple[int, int, int]


@dataclass(frozen=True)
class ColouredText:
    """Tokens and a number for each.

    Attributes:
        title: line above the text.
        tokens: tokens as they stand in the text.
        values: float (T,).
        unit: characters stand close together, words have a space between them.
        unknown: places of tokens that the network does not know; they are underlined.
    """

    title: str
    tokens: Sequence[str]
    values: np.ndarray
    unit: str
    unknown: frozenset[int] = frozenset()


def colour(value: float, largest: float) -> RGB:
    """White at 0, blue at ``largest``, orange at its negative.

    >>> colour(0.0, 1.0), colour(2.0, 2.0), colour(-2.0, 2.0)
    ((255, 255, 255), (0, 114, 178), (213, 94, 0))
    """
    share = min(1.0, abs(value) / largest) if largest > 0 else 0.0
    full = BLUE if value > 0 else ORANGE
    red, green, blue = (round(255 + share * (int(full[at : at + 2], 16) - 255)) for at in (1, 3, 5))
    return red, green, blue


def largest_of(texts: Sequence[ColouredText]) -> float:
    """The number that has the deepest colour, the same for all of them."""
    return max((float(np.abs(one.values).max()) for one in texts if len(one.values)), default=0.0)


def _is_dark(rgb: RGB) -> bool:
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] < 140


def shown(token: str) -> str:
    """A token that can be seen: the end of a line as an arrow, what is no letter as its escape."""
    if token == "\n":
        return LINE_END
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in token)


def shown_answer(name: str) -> str:
    """The name of an answer; one that is white or cannot be printed in quotation marks.

    >>> shown_answer("dog"), shown_answer(" ")
    ('dog', "' '")
    """
    return repr(name) if name != name.strip() or not name.isprintable() else name


# --- in a terminal ----------------------------------------------------------------------------------------------------


def as_ansi(text: ColouredText, largest: float) -> str:
    """The text with colours of a terminal that knows 24 bits."""
    parts = []
    for token, value in zip(text.tokens, text.values.tolist(), strict=True):
        red, green, blue = rgb = colour(value, largest)
        letters = "255;255;255" if _is_dark(rgb) else "0;0;0"
        parts.append(f"\x1b[48;2;{red};{green};{blue}m\x1b[38;2;{letters}m{shown(token)}\x1b[0m")
        parts += ["\n"] if token == "\n" else []
    return ("" if text.unit == "characters" else " ").join(parts)


# --- as HTML ----------------------------------------------------------------------------------------------------------


def as_html(text: ColouredText, largest: float) -> str:
    """The text as a paragraph; the number of a token stands in its title."""
    return f'<p class="text">{"".join(_spans(text, largest))}</p>'


def _spans(text: ColouredText, largest: float) -> Iterator[str]:
    between = "" if text.unit == "characters" else " "
    for place, (token, value) in enumerate(zip(text.tokens, text.values.tolist(), strict=True)):
        red, green, blue = rgb = colour(value, largest)
        classes = " ".join((["u"] if place in text.unknown else []) + (["d"] if _is_dark(rgb) else []))
        named = f' class="{classes}"' if classes else ""
        style_ = f' style="background:#{red:02x}{green:02x}{blue:02x}"'
        title = html.escape(f"{shown(token)}  {value:+.4g}")
        yield f'<span{named}{style_} title="{title}">{html.escape(shown(token))}</span>{between}'
        if token == "\n":
            yield "<br>"


# --- as a PNG ---------------------------------------------------------------------------------------------------------


def draw_texts(
    texts: Sequence[ColouredText], path: Path, legend: str = "blue speaks for it, orange against it"
) -> None:
    """Draw texts below each other, on one scale.

    Args:
        texts: one at least; of longer ones than 1,200 tokens the beginning.
        path: the PNG to write.
        legend: what the colours mean.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    largest = largest_of(texts)
    placed = [list(_placed(one)) for one in texts]
    lines = [1 + max((line for _, line, _, _ in one), default=0) for one in placed]
    height = sum(lines) + 2.2 * len(texts) + 1
    with style(), warnings.catch_warnings():
        # A letter that the font does not have is drawn as a box; the HTML page has it
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = new_figure(_COLUMNS * _CELL_INCHES + 0.2, height * _LINE_INCHES)
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.set_xlim(0, _COLUMNS)
        axes.set_ylim(height, 0)
        top = 0.0
        for one, cells, count in zip(texts, placed, lines, strict=True):
            left_out = len(one.tokens) - len(cells)
            note = f" (the first {len(cells):,} of {len(one.tokens):,} {one.unit})" if left_out else ""
            axes.text(0, top + 0.9, shorten(one.title, 110) + note, fontsize=9.5, va="center")
            boxes, colours = [], []
            for place, line, column, width in cells:
                rgb = colour(float(one.values[place]), largest)
                y = top + 1.6 + line
                boxes.append(Rectangle((column, y), width, 0.94))
                colours.append([channel / 255 for channel in rgb])
                ink = "white" if _is_dark(rgb) else "black"
                axes.text(
                    column + width / 2, y + 0.5, shown(one.tokens[place]), ha="center", va="center",
                    family="DejaVu Sans Mono", fontsize=8.5, color=ink,
                )  # fmt: skip
                if place in one.unknown:
                    axes.plot([column, column + width], [y + 0.97] * 2, color=GREY, linewidth=1, linestyle=":")
            axes.add_collection(PatchCollection(boxes, facecolors=colours, edgecolors="none", zorder=0))
            top += count + 2.2
        scale = f"; the deepest colour is {largest:.3g}" if largest > 0 else "; no step moves it"
        axes.text(0, top + 0.3, legend + scale, fontsize=8, color=GREY, va="center")
        save_figure(figure, path)


def _placed(text: ColouredText) -> Iterator[tuple[int, int, int, int]]:
    """Place, line, column and width in letter cells of each token; lines break where the text does, or are full."""
    line = column = 0
    gap = 0 if text.unit == "characters" else 1
    for place, token in enumerate(text.tokens[:_MAX_TOKENS]):
        width = min(_COLUMNS, _cells(shown(token)))
        if column + width > _COLUMNS:
            line, column = line + 1, 0
        yield place, line, column, width
        column += width + gap
        if token == "\n":
            line, column = line + 1, 0


def _cells(token: str) -> int:
    """Letter cells that a token takes: two for a wide letter, such as a Chinese one, none for a mark above another."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in token)
    marks = sum(unicodedata.combining(c) > 0 for c in token)
    return max(1, len(token) + wide - marks)
