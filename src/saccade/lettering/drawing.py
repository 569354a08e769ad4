"""One character or a line of them as a picture: dark ink on light paper, before anything spoils it.

Letters are drawn four times as large and averaged down, as a scanner averages light: FreeType's grid, which differs
from version to version, then hardly shows.

Shapes: H height, W width.
"""

import functools
import math

import numpy as np

from saccade.core.errors import UserError
from saccade.lettering.fonts import Font

PAPER, INK = 245, 25  # grey levels
MIN_SIZE, MAX_SIZE = 4, 200  # pixels of a capital

_FINER = 4
_ABOVE, _BELOW = 0.5, 0.5  # of a capital's height: room for accents and descenders
_JITTER = 0.06  # of a capital's height: how far a letter lies off its place


@functools.lru_cache(maxsize=256)
def _face(font: Font, size: int) -> "tuple[object, int]":
    """The font at a size, and the height of its capitals, both in fine pixels."""
    from PIL import ImageFont

    capital = size * _FINER
    points = max(1, round(capital / font.capital_share))
    return ImageFont.truetype(font.path, points, index=font.index, layout_engine=ImageFont.Layout.BASIC), capital


def draw_character(character: str, font: Font, size: int, random: np.random.Generator) -> np.ndarray:
    """One character on a square as high as a line, so that o and O, comma and apostrophe differ by their places.

    Args:
        character: one character that the font has.
        font: font to draw with.
        size: height of its capital letters in pixels.
        random: generator of the character's place, off the middle by up to 6 % of the size.

    Returns:
        uint8 (H, H): twice the size, or as wide as the character needs.
    """
    return _draw(character, font, size, random, is_square=True)


def draw_line(text: str, font: Font, size: int, random: np.random.Generator) -> np.ndarray:
    """A line of print, with half a capital of paper above, below and at the ends.

    Args:
        text: characters that the font has, and spaces.
        font: font to draw with.
        size: height of its capital letters in pixels.
        random: generator of the line's place.

    Returns:
        uint8 (H, W): as high as twice the size.
    """
    return _draw(text, font, size, random, is_square=False)


def _draw(text: str, font: Font, size: int, random: np.random.Generator, *, is_square: bool) -> np.ndarray:
    from PIL import Image, ImageDraw

    if not MIN_SIZE <= size <= MAX_SIZE:
        raise UserError(f"size ({size}) must lie in [{MIN_SIZE}, {MAX_SIZE}] pixels, the height of a capital letter")
    lost = [character for character in text if character in font.missing]
    assert not lost, f"{font.name} has no {lost[:1]}"
    face, capital = _face(font, size)
    left, _, right, _ = face.getbbox(text, anchor="ls")  # type: ignore[attr-defined]
    shift_x, shift_y = random.uniform(-_JITTER, _JITTER, 2) * capital
    height = round((1 + _ABOVE + _BELOW) * size)
    margin = 0.1 if is_square else _ABOVE
    width = math.ceil((right - left + 2 * margin * capital) / _FINER)
    if is_square:
        width = height = max(width, height)
    canvas = Image.new("L", (width * _FINER, height * _FINER), 0)
    baseline = height * _FINER / 2 + capital / 2
    place = ((width * _FINER - (right - left)) / 2 - left + shift_x, baseline + shift_y)
    ImageDraw.Draw(canvas).text(place, text, fill=255, font=face, anchor="ls")
    fine = np.asarray(canvas, dtype=np.uint32).reshape(height, _FINER, width, _FINER)
    coverage_HW = fine.sum(axis=(1, 3)) / (255 * _FINER**2)
    return np.rint(PAPER - (PAPER - INK) * coverage_HW).astype(np.uint8)
