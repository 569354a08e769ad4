"""One image: from what a source holds to the size and channels that a model takes; for preprocess and predict."""

import functools
import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.kinds.image.pixels.resize import _REDUCING_GAP

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")

# Others are left to those who ask Pillow for them: EPS, for one, runs Ghostscript on what somebody sent.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_LEAST_SIDE = 128  # pixels that a JPEG keeps however small the network's images are: thumbnails need them
_ORIENTATION, _LYING = 274, (5, 6, 7, 8)  # of EXIF: its tag, and the values that swap height and width


def decode_image(content: bytes) -> np.ndarray:
    """Read a picture file: JPEG, PNG, WebP, GIF, BMP, TIFF, PPM; of several frames the first.

    It is turned upright as its EXIF data say. Transparent parts show white. 16 bits a channel become 8:
    ``rint(value / 257)``.

    Args:
        content: the file's bytes.

    Returns:
        uint8 (H, W) for grey, else (H, W, 3) in RGB.

    Raises:
        UserError: no such file, or one that is cut short; the message goes on after the file's name.
    """
    return _decode(content, None)[0]


def decode_for(content: bytes, size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """As ``decode_image``, for a picture that will be shrunk to ``size``.

    A JPEG of at least six times that size comes out at a half, a quarter or an eighth of its own: its blocks of 8x8
    pixels are then decoded into fewer, in a fraction of the time.

    Args:
        content: the file's bytes.
        size: height and width in pixels, as ``prepare_image`` takes them.

    Returns:
        The picture, and its own height and width.

    Raises:
        UserError: as ``decode_image``.
    """
    return _decode(content, max(_LEAST_SIDE, int(_REDUCING_GAP * max(size))))


def _decode(content: bytes, least_side: int | None) -> tuple[np.ndarray, tuple[int, int]]:
    from PIL import Image, ImageOps, UnidentifiedImageError

    _silence_pillow()
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            stored, turn = picture.size, picture.getexif().get(_ORIENTATION, 1)
            if least_side is not None:
                picture.draft(None, (least_side, least_side))
            ImageOps.exif_transpose(picture, in_place=True)  # decodes, too
            depth_16 = picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PPM")
    except UnidentifiedImageError:
        raise UserError(f"must be a picture: its {len(content):,} bytes are none that Pillow knows") from None
    except (
        *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError),
        *(struct.error, zlib.error, Image.DecompressionBombError),
    ) as error:  # what Pillow's readers raise on damaged files
        raise UserError(f"must be a whole picture: {error}") from error
    sides = stored if turn in _LYING else stored[::-1]
    if depth_16:
        return np.rint(np.asarray(picture, dtype=np.float32) / 257).astype(np.uint8), sides
    if picture.mode in ("I", "F"):
        raise UserError(f"must have 8 or 16 bits a channel, but has 32 (mode {picture.mode}); convert it")
    return np.asarray(_grey_or_rgb(picture)), sides


@functools.cache
def _silence_pillow() -> None:
    """Let Pillow not warn of what is an error here, or none: damage that it can do with, and 89 million pixels.

    Once for the process: putting filters back afterwards would race between threads.
    """
    from PIL import Image

    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def _grey_or_rgb(picture: Any) -> Any:
    from PIL import Image

    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture.convert("RGBA"))
        return white.convert("RGB")
    mode = "L" if picture.mode in ("1", "L") else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)
