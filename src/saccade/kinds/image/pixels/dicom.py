"""DICOM, by pydicom: rescaled values, the window that the file names, frames.

Shapes: H height, W width.
"""

import io
import re
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.kinds.image.pixels.grey_levels import ImageValues, Range

_REMEDY = "is DICOM, which takes pydicom to read: pip install 'saccade[dicom]'"


def is_dicom(content: bytes) -> bool:
    """Whether a file is DICOM, by the letters behind its preamble."""
    return content[128:132] == b"DICM"


def count_frames(content: bytes) -> int:
    """The number of frames, at least 1; 1 for what is damaged or cannot be read here."""
    try:
        import pydicom
    except ImportError:
        return 1
    try:
        found = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=["NumberOfFrames"])
        return max(1, int(found.get("NumberOfFrames", 1) or 1))
    except Exception:  # noqa: BLE001 - decoding says what is wrong
        return 1


def read_dicom(content: bytes, frame: int, max_pixels: int) -> ImageValues:
    """Read a frame: slope and intercept applied, the first window named, MONOCHROME1 marked as inverted, colour as RGB.

    Args:
        content: bytes of the file.
        frame: number of the frame, from 0.
        max_pixels: most pixels of a frame.

    Returns:
        Its values; uint8 where 8 bits are all that is there.

    Raises:
        UserError: pydicom is not there, or the file is damaged, compressed in a way that is not read, or too large.
    """
    try:
        import pydicom
        from pydicom.pixels import apply_color_lut, pixel_array
    except ImportError:
        raise UserError(_REMEDY) from None
    try:
        found = pydicom.dcmread(io.BytesIO(content))
        height, width = int(found.Rows), int(found.Columns)
        if height * width > max_pixels:
            raise UserError(f"must have at most {max_pixels:,} pixels, but has {height}x{width}")
        array = np.asarray(pixel_array(found, index=frame))
        kind = str(found.get("PhotometricInterpretation", "MONOCHROME2"))
        if kind == "PALETTE COLOR":
            array = apply_color_lut(array, found)
            return _colour(array >> 8 if array.dtype == np.uint16 else array)
        if array.ndim == 3:
            return _colour(array)
        return _grey(_rescaled(array, found, frame), _window(found, frame), kind == "MONOCHROME1")
    except UserError:
        raise
    except Exception as error:
        words = re.sub(r"\s+", " ", str(error))
        if words.startswith("Unable to decompress"):
            raise UserError(
                f"must be compressed in a way that pydicom reads here: {words[:160]}. Decompress it (`gdcmconv --raw`)"
            ) from error
        raise UserError(f"must be a whole DICOM picture: {words[:160] or type(error).__name__}") from error


def _colour(array: np.ndarray) -> ImageValues:
    return ImageValues(np.ascontiguousarray(array), (array.shape[0], array.shape[1]))


def _grey(array: np.ndarray, window: Range | None, is_inverted: bool) -> ImageValues:
    sides = (array.shape[0], array.shape[1])
    if array.dtype == np.uint8 and window is None:
        return ImageValues(255 - array if is_inverted else array, sides)
    if array.dtype not in (np.uint16, np.float32):
        array = array.astype(np.int32)
    return ImageValues(array, sides, window, is_inverted)


def _rescaled(array: np.ndarray, found: Any, frame: int) -> np.ndarray:
    slope = _value(found, frame, "PixelValueTransformationSequence", "RescaleSlope")
    intercept = _value(found, frame, "PixelValueTransformationSequence", "RescaleIntercept")
    slope, intercept = (1.0 if slope is None else float(slope)), float(intercept or 0.0)
    if (slope, intercept) == (1.0, 0.0):
        return array
    if slope.is_integer() and intercept.is_integer():
        return array.astype(np.int32) * int(slope) + int(intercept)
    return (array.astype(np.float64) * slope + intercept).astype(np.float32)


def _window(found: Any, frame: int) -> Range | None:
    """The first window, by PS3.3 C.11.2.1.2: LINEAR is one less wide than LINEAR_EXACT, at its upper end."""
    centre = _value(found, frame, "FrameVOILUTSequence", "WindowCenter")
    width = _value(found, frame, "FrameVOILUTSequence", "WindowWidth")
    if centre is None or width is None:
        return None
    centre, width = float(centre), float(width)
    function = _value(found, frame, "FrameVOILUTSequence", "VOILUTFunction")
    low = centre - width / 2
    return low, low + (max(width - 1, 1) if function in (None, "", "LINEAR") else width)


def _value(found: Any, frame: int, sequence: str, name: str) -> Any:
    """A value of the file or, in enhanced ones, of a frame; of several the first; None where there is none."""
    places = [found]
    for groups, index in (("SharedFunctionalGroupsSequence", 0), ("PerFrameFunctionalGroupsSequence", frame)):
        items = found.get(groups)
        if items and index < len(items) and (inner := items[index].get(sequence)):
            places.append(inner[0])
    for place in reversed(places):
        value = place.get(name)
        if value is not None and value != "":
            return value[0] if not isinstance(value, str) and hasattr(value, "__len__") else value
    return None
