"""One image: from what a source holds to the size and channels that a model takes; for preprocess and predict."""

import io
import struct
import zlib
from typing import Any

import numpy as np

from saccade.errors import UserError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, the weights Pillow uses for "L"


def decode_image(content: bytes) -> np.ndarray:
    """Read a picture file: JPEG, PNG and whatever else Pillow knows; of several frames the first.

    It is turned upright as its EXIF data say. Transparent parts show white. 16 bits a channel become 8:
    ``rint(value / 257)``.

    Args:
        content: the file's bytes.

    Returns:
        uint8 (H, W) for grey, else (H, W, 3) in RGB.

    Raises:
        UserError: no such file, or one that is cut short; the message goes on after the file's name.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as picture:
            ImageOps.exif_transpose(picture, in_place=True)  # decodes, too
            depth_16 = picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PPM")
    except UnidentifiedImageError:
        raise UserError(f"must be a picture: its {len(content):,} bytes are none that Pillow knows") from None
    except (
        *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError),
        *(struct.error, zlib.error, Image.DecompressionBombError),
    ) as error:  # what Pillow's readers raise on damaged files
        raise UserError(f"must be a whole picture: {error}") from error
    if depth_16:
        return np.rint(np.asarray(picture, dtype=np.float32) / 257).astype(np.uint8)
    if picture.mode in ("I", "F"):
        raise UserError(f"must have 8 or 16 bits a channel, but has 32 (mode {picture.mode}); convert it")
    return np.asarray(_grey_or_rgb(picture))


def _grey_or_rgb(picture: Any) -> Any:
    from PIL import Image

    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture.convert("RGBA"))
        return white.convert("RGB")
    mode = "L" if picture.mode in ("1", "L") else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def prepare_image(image: np.ndarray, size: tuple[int, int], channels: int) -> np.ndarray:
    """Bring one image to ``size`` and ``channels``.

    Resizing is bilinear with the filter widened when shrinking (Pillow's, so no aliasing); the sides may stretch.

    Args:
        image: uint8 (H, W), (H, W, 1) or (H, W, 3).
        size: height and width in pixels of the result.
        channels: 1 (grey) or 3 (RGB); grey becomes RGB by repetition, RGB becomes grey by BT.601 luma.

    Returns:
        uint8 (size[0], size[1], channels).

    Raises:
        UserError: the image has another dtype or number of axes.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise UserError(
            f"an image of dtype {image.dtype} and shape {image.shape} must be uint8 and (H, W), (H, W, 1) or (H, W, 3)"
        )
    image_HWC = image[..., None] if image.ndim == 2 else image
    if image_HWC.shape[2] == 3 and channels == 1:
        image_HWC = np.rint(image_HWC @ _LUMA).astype(np.uint8)[..., None]
    if image_HWC.shape[:2] != tuple(size):
        image_HWC = _resize(image_HWC, size)
    if image_HWC.shape[2] == 1 and channels == 3:
        image_HWC = np.repeat(image_HWC, 3, axis=2)
    return image_HWC


def _resize(image_HWC: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    flat = image_HWC[..., 0] if image_HWC.shape[2] == 1 else image_HWC
    resized = Image.fromarray(flat).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(resized).reshape(*size, image_HWC.shape[2])
