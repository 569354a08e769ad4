"""The picture of a line of print, brought to the height of its dataset with its proportions kept.

Shapes: H height, W width, C channels.
"""

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import PAD
from saccade.kinds.image.pixels.resize import prepare_image

_PAGE_HEIGHTS, _PAGE_SHAPE = 8, 4  # see is_page


def is_page(sides: tuple[int, int], height: int) -> bool:
    """Whether a picture looks like a page, or several lines: higher than 8 lines as they are stored, and not 4 times
    as wide as high.

    >>> is_page((3508, 2480), 32), is_page((300, 2400), 32), is_page((40, 30), 32)
    (True, False, False)
    """
    return sides[0] > _PAGE_HEIGHTS * height and sides[1] < _PAGE_SHAPE * sides[0]


def refuse_page(sides: tuple[int, int], height: int) -> None:
    """Refuse a picture of which nothing could be read.

    Args:
        sides: height and width of the picture in pixels.
        height: height of a stored line in pixels.

    Raises:
        UserError: it looks like a page; the message goes on after the file's name.
    """
    if is_page(sides, height):
        raise UserError(
            f"must be one line of print, but looks like a page, {sides[1]:,} x {sides[0]:,} pixels: cut it into lines; "
            f"if it is one line, shrink it to a height of {_PAGE_HEIGHTS * height} pixels at most"
        )


def line_width(sides: tuple[int, int], height: int) -> int:
    """Columns that a picture of such height and width has at another height, at least 1.

    >>> line_width((64, 500), 32), line_width((40, 1), 32)
    (250, 1)
    """
    return max(1, round(sides[1] * height / max(sides[0], 1)))


def prepare_line(image: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Bring one picture of a line to a height, and fill it up on the right.

    Args:
        image: uint8 (H, W), (H, W, 1) or (H, W, 3).
        shape: height, greatest width and channels of the result; wider pictures are squeezed to it.

    Returns:
        uint8 of that shape: grey levels from 1 to 255, and columns of 0 behind the line.

    Raises:
        UserError: the image has another dtype or number of axes, or no pixel.
    """
    height, most, channels = shape
    width = min(line_width((image.shape[0], image.shape[1]), height), most) if image.ndim >= 2 else most
    line_HWC = prepare_image(image, (height, width), channels)
    padded_HWC = np.full(shape, PAD, np.uint8)
    padded_HWC[:, :width] = np.maximum(line_HWC, PAD + 1)
    return padded_HWC


def real_columns(image_HWC: np.ndarray) -> int:
    """How many columns of a stored line belong to it, at least 1."""
    return max(1, int(image_HWC.any(axis=(0, 2)).sum()))
