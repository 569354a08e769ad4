"""One image: from what a source holds to the size and channels that a model takes; for preprocess and predict."""

import functools
import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np

from saccade.errors import UserError
from saccade.spec import Fit

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")

# Others are left to those who ask Pillow for them: EPS, for one, runs Ghostscript on what somebody sent.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
# From 500x400 to 64x64 this takes a third of the time; on scikit-learn's two photographs pixels change by 0.3 grey
# levels on average, one in 200 by more than two. Pillow calls 3 hard to tell from none.
_REDUCING_GAP = 3.0
_LEAST_SIDE = 128  # pixels that a JPEG keeps however small the network's images are: thumbnails need them
_ORIENTATION, _LYING = 274, (5, 6, 7, 8)  # of EXIF: its tag, and the values that swap height and width
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, the weights Pillow uses for "L"


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


def prepare_image(image: np.ndarray, size: tuple[int, int], channels: int, fit: Fit = "stretch") -> np.ndarray:
    """Bring one image to ``size`` and ``channels``.

    Resizing is bilinear with the filter widened when shrinking (Pillow's, so no aliasing); of pictures more than six
    times as large, blocks of pixels are averaged first, down to three times the size.

    Args:
        image: uint8 (H, W), (H, W, 1) or (H, W, 3).
        size: height and width in pixels of the result.
        channels: 1 (grey) or 3 (RGB); grey becomes RGB by repetition, RGB becomes grey by BT.601 luma.
        fit: of an image of other proportions than ``size``: stretch its sides; crop the most that has the right
            proportions out of its middle; or pad it with black, in the middle.

    Returns:
        uint8 (size[0], size[1], channels).

    Raises:
        UserError: the image has another dtype or number of axes, or no pixel.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise UserError(
            f"an image of dtype {image.dtype} and shape {image.shape} must be uint8 and (H, W), (H, W, 1) or (H, W, 3)"
        )
    if image.size == 0:
        raise UserError(f"an image of shape {image.shape} must have at least one pixel")
    image_HWC = image[..., None] if image.ndim == 2 else image
    if image_HWC.shape[2] == 3 and channels == 1:
        image_HWC = np.rint(image_HWC @ _LUMA).astype(np.uint8)[..., None]
    if image_HWC.shape[:2] != tuple(size):
        image_HWC = _resize(image_HWC, size, fit)
    if image_HWC.shape[2] == 1 and channels == 3:
        image_HWC = np.repeat(image_HWC, 3, axis=2)
    return image_HWC


def _resize(image_HWC: np.ndarray, size: tuple[int, int], fit: Fit) -> np.ndarray:
    from PIL import Image

    height, width, channels = image_HWC.shape
    box = (0.0, 0.0, float(width), float(height))  # what of the image is shown: left, top, right, bottom
    inner = size  # what of the result it fills
    if fit == "crop":
        scale = min(height / size[0], width / size[1])
        across, down = (width - size[1] * scale) / 2, (height - size[0] * scale) / 2
        box = (across, down, width - across, height - down)
    elif fit == "pad":
        scale = max(height / size[0], width / size[1])
        inner = (max(1, round(height / scale)), max(1, round(width / scale)))
    flat = image_HWC[..., 0] if channels == 1 else image_HWC
    resized = Image.fromarray(flat).resize((inner[1], inner[0]), Image.Resampling.BILINEAR, box, _REDUCING_GAP)
    resized_HWC = np.asarray(resized).reshape(*inner, channels)
    if inner == size:
        return resized_HWC
    padded_HWC = np.zeros((*size, channels), np.uint8)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    padded_HWC[top : top + inner[0], left : left + inner[1]] = resized_HWC
    return padded_HWC
