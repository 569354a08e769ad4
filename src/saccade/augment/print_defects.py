"""What printers, time and scanners do to letters, each with a strength from 0 to 1, and names for five strengths.

Plain data, as ``policies.py`` is. Pixels are shares of the shorter side, so that a letter and a line of the same height
are treated alike. 0 does nothing, 1 leaves hardly anything of small letters.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from saccade.core.errors import UserError

STRENGTHS = {"none": 0.0, "light": 0.25, "middling": 0.5, "heavy": 0.75, "worst": 1.0}
"""The named strengths, from none to worst."""

Transform = dict[str, Any]


@dataclass(frozen=True)
class Defect:
    """One defect.

    Attributes:
        share: share of the pictures that have it, where several defects are mixed.
        note: effect, in words for people.
        transform: function from a least and a greatest strength, a height and a width to a transform's name and
            arguments.
    """

    share: float
    note: str
    transform: Callable[[float, float, int, int], Transform]


def _skew(low: float, high: float, height: int, width: int) -> Transform:
    # A line that is turned about its middle must not leave the picture: its ends move by a tenth of the height
    most = min(14.0, math.degrees(math.atan(0.2 * height / width)))
    turn, slant = round(most * high, 3), round(16 * high, 3)
    shear = {"x": [-slant, slant], "y": [0.0, 0.0]}
    return {"name": "Affine", "rotate": [-turn, turn], "shear": shear, "border_mode": 1}


def _ink_spread(low: float, high: float, height: int, width: int) -> Transform:
    return {"name": "InkSpread", "amount_range": [round(-high, 3), round(min(1.0, 1.6 * high), 3)]}


def _broken_strokes(low: float, high: float, height: int, width: int) -> Transform:
    widest = max(1, round(min(height, width) / 40))
    return {"name": "BrokenStrokes", "count_range": [max(1, round(4 * low)), max(1, round(4 * high))]} | {
        "width_range": [1, widest]
    }


def _texture(low: float, high: float, height: int, width: int) -> Transform:
    return {"name": "PaperTexture", "strength_range": [round(0.5 * low, 3), round(0.5 * high, 3)]}


def _stamp(low: float, high: float, height: int, width: int) -> Transform:
    return {"name": "Stamp", "darkness_range": [round(0.7 * low, 3), round(0.7 * high, 3)]}


def _blur(low: float, high: float, height: int, width: int) -> Transform:
    widest = 0.8 + min(height, width) / 28
    # Below half a pixel, a blur is lost in the rounding of grey levels
    bounds = [round(max(0.1, widest * low), 3), round(max(0.5, widest * high), 3)]
    return {"name": "GaussianBlur", "blur_limit": 0, "sigma_limit": bounds}


def _contrast(low: float, high: float, height: int, width: int) -> Transform:
    faded = {"contrast_limit": [round(-0.85 * high, 3), round(-0.85 * low, 3)]}
    return {"name": "RandomBrightnessContrast", **faded, "brightness_limit": [0.0, round(0.3 * high, 3)]}


def _noise(low: float, high: float, height: int, width: int) -> Transform:
    return {"name": "GaussNoise", "std_range": [round(0.2 * low, 3), round(0.2 * high, 3)]}


def _jpeg(low: float, high: float, height: int, width: int) -> Transform:
    return {"name": "ImageCompression", "quality_range": [round(95 - 90 * high), round(95 - 90 * low)]}


DEFECTS: dict[str, Defect] = {
    "skew": Defect(0.6, "turned and slanted, degrees", _skew),
    "ink spread": Defect(0.6, "strokes thin out or swell, by part of a pixel", _ink_spread),
    "broken strokes": Defect(0.3, "short cuts in the colour of the paper", _broken_strokes),
    "background texture": Defect(0.4, "clouds and fibres of the paper, shares of white", _texture),
    "stamps": Defect(0.2, "part of a stamp's ring or of its bars across the letters", _stamp),
    "blur": Defect(0.5, "out of focus", _blur),
    "low contrast": Defect(0.5, "faded", _contrast),
    "noise": Defect(0.5, "grain; shares of white", _noise),
    "JPEG": Defect(0.4, "blocks and ringing of a compressed picture", _jpeg),
}
"""Defects in the order in which they come about: the printer's, the paper's, the scanner's, the file's."""


def strength_of(strength: str | float) -> float:
    """A strength as a number in [0, 1].

    Args:
        strength: a name of ``STRENGTHS``, or a number.

    Returns:
        The number.

    Raises:
        UserError: there is no such name, or the number lies outside.

    >>> strength_of("middling")
    0.5
    """
    if isinstance(strength, str):
        if strength not in STRENGTHS:
            raise UserError(f"strength of defects ({strength!r}) must be one of {', '.join(STRENGTHS)}, or a number")
        return STRENGTHS[strength]
    if isinstance(strength, bool) or not 0 <= strength <= 1:
        raise UserError(f"strength of defects ({strength}) must lie in [0, 1], or be one of {', '.join(STRENGTHS)}")
    return float(strength)


def mixed_defects(strength: float, height: int, width: int) -> list[tuple[Transform, str]]:
    """All defects, each in some of the pictures and of any strength up to a greatest one.

    Args:
        strength: greatest strength, in [0, 1].
        height: height of the pictures, in pixels.
        width: width of the pictures, in pixels.

    Returns:
        Transforms in order, each with its effect in words; none at strength 0.
    """
    if strength == 0:
        return []
    low = 0.2 * strength
    return [
        (defect.transform(low, strength, height, width) | {"p": defect.share}, defect.note)
        for defect in DEFECTS.values()
    ]


def single_defect(name: str, strength: float, height: int, width: int) -> list[Transform]:
    """One defect alone, in every picture and of one strength (skew and ink spread: of either sign, up to it).

    Args:
        name: a name of ``DEFECTS``.
        strength: strength, in [0, 1].
        height: height of the pictures, in pixels.
        width: width of the pictures, in pixels.

    Returns:
        The transform; none at strength 0.
    """
    return [DEFECTS[name].transform(strength, strength, height, width) | {"p": 1.0}] if strength else []
