"""The picture of a line of print, brought to the height of its dataset with its proportions kept.

Shapes: H height, W width, C channels.
"""

import numpy as np

from saccade.data.spec import PAD
from saccade.kinds.image.pixels.resize import prepare_image


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
