"""A picture file as it was stored: its format found by its first bytes, its values not yet brought to grey levels.

Shapes: H height, W width, C channels.
"""

import functools
import io
import re
import struct
import threading
import tokenize
import zlib
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.kinds.image.pixels.dicom import is_dicom, read_dicom
from saccade.kinds.image.pixels.frames import TIFF_STARTS, Frame, silence_pillow
from saccade.kinds.image.pixels.grey_levels import ImageValues

# Others are left to those who ask Pillow for them: EPS, for one, runs Ghostscript on what somebody sent.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
_ORIENTATION, _LYING = 274, (5, 6, 7, 8)  # of EXIF: its tag, and the values that swap height and width
_BITS, _PHOTOMETRIC, _SAMPLES, _WIDTH, _LENGTH = 258, 262, 277, 256, 257  # tags of a TIFF
MAX_PIXELS = 178_956_970  # twice what Pillow warns of: more than that it refuses, too
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_ANIMATION = threading.local()  # .held: bytes of a file, and the file opened
_SIZ = b"\xff\x4f\xff\x51"  # start of a JPEG 2000 codestream, followed by the sizes of the image
_TURNS = {2: (1, 0), 3: (0, 2), 4: (1, 2), 5: (1, 1), 6: (0, 3), 7: (1, 3), 8: (0, 1)}  # EXIF: mirrored, quarters left


def read_values(loaded: bytes | Frame, least_side: int | None = None, max_pixels: int = MAX_PIXELS) -> ImageValues:
    """Read a picture file: those of Pillow, DICOM, HEIC, and arrays of NumPy.

    Args:
        loaded: bytes of the file, or one of its frames.
        least_side: pixels that are enough: a JPEG of at least twice that side is decoded at a half, a quarter or an
            eighth; None: all of them.
        max_pixels: most pixels that it may have, which are looked at before it is decoded.

    Returns:
        Its values, turned upright as EXIF says; transparent parts show white.

    Raises:
        UserError: no such file, or one that is cut short or too large; the message goes on after the file's name.
    """
    frame = loaded if isinstance(loaded, Frame) else Frame(loaded)
    content = frame.content
    if is_dicom(content):
        return read_dicom(content, frame.number, max_pixels)
    if content.startswith(b"\x93NUMPY"):
        return _read_array(content, max_pixels)
    if content.startswith(b"\x89PNG") and len(content) > 26 and content[24] == 16 and content[25] in (2, 4, 6):
        _require_sides(_sides(content), max_pixels)
        return _read_deep_colour(frame, _turn_of_png(content))
    if content.startswith(TIFF_STARTS) and (deep := _sides_of_deep_colour_tiff(frame)):
        _require_sides(deep, max_pixels)
        return _read_deep_colour(frame)
    return _read_by_pillow(frame, least_side, max_pixels)


def _read_by_pillow(frame: Frame, least_side: int | None, max_pixels: int) -> ImageValues:
    from PIL import Image, ImageOps, UnidentifiedImageError

    silence_pillow()
    content = frame.content
    try:
        if frame.number and not content.startswith(TIFF_STARTS):
            picture = _grey_or_rgb(_frame_of_animation(frame))
            return ImageValues(np.asarray(picture), picture.size[::-1])
        with Image.open(io.BytesIO(content), formats=_formats(content)) as picture:
            if frame.number:
                picture.seek(frame.number)
            stored = picture.size
            _require_sides(stored[::-1], max_pixels)
            turn = picture.getexif().get(_ORIENTATION, 1)  # decodes a PNG
            if least_side is not None:
                picture.draft(None, (least_side, least_side))
            ImageOps.exif_transpose(picture, in_place=True)  # decodes, too
            kind, is_white_zero = picture.format, False
            if kind == "TIFF":
                is_white_zero = picture.tag_v2.get(_PHOTOMETRIC) == 0
    except UserError:
        raise
    except UnidentifiedImageError:
        raise UserError(f"must be a picture: its {len(content):,} bytes are none that Pillow knows") from None
    except (
        *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError),
        *(struct.error, zlib.error, Image.DecompressionBombError),
    ) as error:  # what Pillow's readers raise on damaged files
        raise UserError(f"must be a whole picture: {error}") from error
    is_lying = turn in _LYING and kind != "TIFF"  # Pillow tells the sides of a TIFF as they are upright
    sides = stored if is_lying else stored[::-1]
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return _deep_grey(picture, kind, content, sides, is_white_zero)
    return ImageValues(np.asarray(_grey_or_rgb(picture)), sides)


def _frame_of_animation(frame: Frame) -> Any:
    """A frame, which is made of those before it: the file stays open in this thread for the next one."""
    from PIL import Image

    held = getattr(_ANIMATION, "held", None)
    if held is None or held[0] is not frame.content or held[1].tell() > frame.number:
        held = frame.content, Image.open(io.BytesIO(frame.content), formats=_FORMATS)
    _ANIMATION.held = None  # where seeking fails, the file is of no more use
    held[1].seek(frame.number)
    picture = held[1].copy()
    _ANIMATION.held = held
    return picture


def _deep_grey(picture: Any, kind: str, content: bytes, sides: tuple[int, int], is_inverted: bool) -> ImageValues:
    if picture.mode == "F":
        return ImageValues(np.asarray(picture, dtype=np.float32), sides, is_inverted=is_inverted)
    if picture.mode.startswith("I;16") or kind in ("PPM", "PNG"):
        array = np.asarray(picture).astype(np.uint16)
        depth = _jpeg_2000_bits(content) if kind == "JPEG2000" else 16
        if 8 < depth < 16:  # Pillow fills up 16 bits; the file says how many there are
            return ImageValues(array >> (16 - depth), sides, (0.0, float(2**depth - 1)))
        if kind == "PPM" and (maximum := _ppm_maximum(content)) < 2**16 - 1:
            array = np.rint(array.astype(np.float64) * maximum / (2**16 - 1)).astype(np.uint16)
            return ImageValues(array, sides, (0.0, float(maximum)))
        return ImageValues(array, sides, is_inverted=is_inverted)
    return ImageValues(np.asarray(picture, dtype=np.int32), sides, is_inverted=is_inverted)


def _ppm_maximum(content: bytes) -> int:
    found = re.match(rb"P5(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+(\d+)", content)
    return int(found[1]) if found else 2**16 - 1


def _jpeg_2000_bits(content: bytes) -> int:
    place = content.find(_SIZ)
    return (content[place + 42] & 0x7F) + 1 if 0 <= place < len(content) - 42 else 16


def _formats(content: bytes) -> tuple[str, ...]:
    """What Pillow may take a file for; HEIC is read by a package of its own."""
    start = content[4:64]
    if not start.startswith(b"ftyp") or b"avif" in start or b"avis" in start or start[4:8] not in _HEIF_BRANDS:
        return _FORMATS
    _register_heif()
    return ("HEIF",)


@functools.cache
def _register_heif() -> None:
    try:
        import pi_heif
    except ImportError:
        raise UserError("is HEIC, which takes pi-heif to read: pip install 'saccade[heic]'") from None
    pi_heif.register_heif_opener()


def _sides(content: bytes) -> tuple[int, int]:
    """Height and width of a PNG."""
    width, height = struct.unpack_from(">II", content, 16)
    return height, width


def _turn_of_png(content: bytes) -> int:
    from PIL import Image

    silence_pillow()
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            return int(picture.getexif().get(_ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 1  # damaged; decoding says how


def _sides_of_deep_colour_tiff(frame: Frame) -> tuple[int, int] | None:
    """Height and width of a TIFF of several channels of more than 8 bits, which Pillow cuts; None: it is none."""
    from PIL import TiffImagePlugin

    silence_pillow()
    file = io.BytesIO(frame.content)
    try:
        is_big = frame.content[2:4] in (b"+\0", b"\0+")
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(16 if is_big else 8))
        for _ in range(frame.number + 1):
            if not tags.next:
                return None
            file.seek(tags.next)
            tags.load(file)
        bits, samples = tags.get(_BITS, (1,)), int(tags.get(_SAMPLES, 1))
        if samples < 3 or max(bits) <= 8:
            return None
        return int(tags[_LENGTH]), int(tags[_WIDTH])
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return None  # damaged; Pillow says how


def _require_sides(sides: tuple[int, int], max_pixels: int) -> None:
    if sides[0] * sides[1] > max_pixels:
        raise UserError(f"must have at most {max_pixels:,} pixels, but has {sides[0]}x{sides[1]}")


def _read_deep_colour(frame: Frame, turn: int = 1) -> ImageValues:
    """Read several channels of more than 8 bits by OpenCV, for Pillow would keep the upper 8.

    OpenCV turns a TIFF upright, and nothing else.
    """
    import cv2

    buffer = np.frombuffer(frame.content, np.uint8)
    try:
        if frame.number:
            _, pages = cv2.imdecodemulti(buffer, cv2.IMREAD_UNCHANGED)
            array = pages[frame.number] if frame.number < len(pages) else None
        else:
            array = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise UserError(f"must be a whole picture: {' '.join(str(error).split())[:160]}") from error
    if array is None:
        raise UserError("must be a whole picture: OpenCV cannot decode its channels of more than 8 bits")
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.ndim == 3 and array.shape[2] == 4:
        array = _on_white(array)
    array = array[..., ::-1] if array.ndim == 3 else array  # BGR to RGB
    mirrored, quarters = _TURNS.get(turn, (0, 0))
    array = np.rot90(array[:, ::-1] if mirrored else array, quarters)
    return ImageValues(np.ascontiguousarray(array), (array.shape[0], array.shape[1]))


def _on_white(array_HWC: np.ndarray) -> np.ndarray:
    white = 1.0 if array_HWC.dtype.kind == "f" else float(np.iinfo(array_HWC.dtype).max)
    alpha = array_HWC[..., 3:].astype(np.float64) / white
    return (array_HWC[..., :3] * alpha + white * (1 - alpha)).astype(array_HWC.dtype)


def _read_array(content: bytes, max_pixels: int) -> ImageValues:
    """Read a picture that NumPy saved: (H, W), (H, W, C) or, where that is clear, (C, H, W), of 1, 3 or 4 channels."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if int(np.prod(shape, dtype=np.float64)) > 4 * max_pixels:
            raise UserError(f"must have at most {max_pixels:,} pixels, but is an array of {shape}")
        if dtype.kind not in "buif":
            raise UserError(f"must be an array of numbers, but its dtype is {dtype}")
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except UserError:
        raise
    except (ValueError, EOFError, SyntaxError, TypeError, tokenize.TokenError) as error:
        raise UserError(f"must be a whole array of NumPy: {' '.join(str(error).split())[:160]}") from error
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3, 4):
        array = array.transpose(1, 2, 0)  # C H W to H W C
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not is_picture or not array.size:
        raise UserError(f"must be a picture, (H, W) or (H, W, 3), but is an array of {shape}")
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * 255
    elif array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif array.dtype not in (np.uint8, np.uint16):
        if array.dtype.itemsize > 4 and (int(array.max()) >= 2**31 or int(array.min()) < -(2**31)):
            raise UserError("must hold whole numbers of at most 32 bits")
        array = array.astype(np.int32)
    array = _on_white(array) if array.ndim == 3 and array.shape[2] == 4 else array
    return ImageValues(np.ascontiguousarray(array), (array.shape[0], array.shape[1]))


def _grey_or_rgb(picture: Any) -> Any:
    from PIL import Image

    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture.convert("RGBA"))
        return white.convert("RGB")
    mode = "L" if picture.mode in ("1", "L") else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)
