"""The font that texts are drawn with over a page: DejaVu Sans, which matplotlib brings.

No font is looked for on the machine, so that the picture is the same everywhere.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont


@lru_cache(maxsize=64)
def _font(size: int) -> "FreeTypeFont":
    from matplotlib import font_manager
    from PIL import ImageFont

    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)


def font_of_height(text: str, width: int, height: int) -> "FreeTypeFont":
    """The largest font in which a text fits into a box, 6 pixels at least.

    Args:
        text: what is drawn.
        width: of the box in pixels.
        height: of the box in pixels.

    Returns:
        The font.
    """
    size = max(6, round(0.7 * height))
    needed = _font(size).getlength(text)
    return _font(size if needed <= width else max(6, int(size * width / needed)))
