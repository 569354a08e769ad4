"""One image: from what a source holds to the size and channels that a model takes; for preprocess and predict."""

from typing import NamedTuple

import numpy as np

from saccade.kinds.image.pixels.frames import Frame
from saccade.kinds.image.pixels.grey_levels import GreyScale, ImageValues
from saccade.kinds.image.pixels.resize import _REDUCING_GAP
from saccade.kinds.image.pixels.stored_values import MAX_PIXELS, read_values

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"),
    *(".avif", ".jp2", ".j2k", ".jpx", ".heic", ".heif", ".dcm", ".dicom", ".npy"),
)

_LEAST_SIDE = 128  # pixels that a JPEG keeps however small the network's images are: thumbnails need them


def decode_image(content: bytes | Frame) -> np.ndarray:
    """Read a picture file: JPEG, PNG, WebP, GIF, BMP, TIFF, PPM, AVIF, JPEG 2000, HEIC, DICOM, .npy.

    It is turned upright as its EXIF data say. Transparent parts show white. 16 bits a channel become 8 by the range of
    the type, ``rint(value / 257)``, or by what the file says of itself, such as a window.

    Args:
        content: the file's bytes, or one of its frames; of several frames the first.

    Returns:
        uint8 (H, W) for grey, else (H, W, 3) in RGB.

    Raises:
        UserError: no such file, or one that is cut short; the message goes on after the file's name.
    """
    return GreyScale().apply(read_values(content))


def decode_for(content: bytes | Frame, size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """As ``decode_image``, for a picture that will be shrunk to ``size``.

    A JPEG of at least six times that size comes out at a half, a quarter or an eighth of its own: its blocks of 8x8
    pixels are then decoded into fewer, in a fraction of the time.

    Args:
        content: the file's bytes, or one of its frames.
        size: height and width in pixels, as ``prepare_image`` takes them.

    Returns:
        The picture, and its own height and width.

    Raises:
        UserError: as ``decode_image``.
    """
    values = decode_values(content, size)
    return GreyScale().apply(values), values.sides


def decode_values(content: bytes | Frame, size: tuple[int, int] | None, max_pixels: int = MAX_PIXELS) -> ImageValues:
    """As ``decode_for``, with values as they are stored, for whoever decides how they become grey levels.

    Args:
        content: the file's bytes, or one of its frames.
        size: height and width in pixels that the picture will be shrunk to; None: it is wanted whole.
        max_pixels: most pixels that it may have.

    Returns:
        Its values.

    Raises:
        UserError: as ``decode_image``.
    """
    least_side = None if size is None else max(_LEAST_SIDE, int(_REDUCING_GAP * max(size)))
    return read_values(content, least_side, max_pixels)


class ScaledDecoder(NamedTuple):
    """Decoding by one scale of grey levels, in place of the type's range.

    Attributes:
        scale: values that become black and white.
    """

    scale: GreyScale

    def decode(self, content: bytes | Frame) -> np.ndarray:
        """As ``decode_image``."""
        return self.scale.apply(decode_values(content, None))

    def decode_for(self, content: bytes | Frame, size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
        """As ``decode_for``."""
        values = decode_values(content, size)
        return self.scale.apply(values), values.sides
