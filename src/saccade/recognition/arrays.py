"""Arrays with labels: images or series in .npz and .npy files, images in IDX files."""

import io
import math
import zipfile
import zlib
from typing import Any

import numpy as np

from saccade.readers.array_names import place_of
from saccade.recognition.look import Look
from saccade.recognition.recognised import CERTAIN, LIKELY, POSSIBLE, Reading, Recognised, Unusable

_LAYOUT = "Save images and labels as x_train, y_train, x_test and y_test, or as images and labels"
_MAX_FILES = 20

Header = tuple[tuple[int, ...], np.dtype[Any]]
"""Shape and type of an array, by the beginning of its file."""


def arrays_of_images(look: Look) -> list[Reading]:
    """Arrays that are images by their shapes, and those of their labels.

    Args:
        look: what is there.

    Returns:
        A reading, or why there is none.
    """
    try:
        headers = _headers(look)
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        return [Unusable(f"{look.place} must hold whole arrays without pickled objects: {error}", CERTAIN)]
    if not headers:
        return []
    known = {name: place for name in headers if (place := place_of(name)) is not None}
    shown = ", ".join(f"{name} {_in_words(headers[name])}" for name in known or headers)
    if {place.what for place in known.values()} != {"examples", "labels"}:
        why = f"{look.place} holds the arrays {shown}, and no images with labels by their names. {_LAYOUT}"
        return [Unusable(why, LIKELY)]
    images = [headers[name] for name, place in known.items() if place.what == "examples"]
    if not all(_may_be_images(header) for header in images):
        return []
    is_sure = all(_look_like_images(header) for header in images)
    return [
        Recognised(
            meaning="images in arrays, with their labels",
            arguments={"path": look.place},
            sureness=LIKELY if is_sure else POSSIBLE,
            seen=(f"arrays {shown}",),
            preprocess={"on_conflict": "quarantine"},
            reasons={"preprocess.on_conflict": "images under two classes are left out and listed on the page"},
        )
    ]


def arrays_of_series(look: Look) -> list[Reading]:
    """Arrays that are series by their shapes, (N, T) or (N, T, F), and those of their labels.

    Args:
        look: what is there.

    Returns:
        A reading, or none.
    """
    try:
        headers = _headers(look)
    except (zipfile.BadZipFile, ValueError, OSError):
        return []  # what is wrong with it, the reading as images says
    known = {name: place for name in headers if (place := place_of(name)) is not None}
    series = [headers[name] for name, place in known.items() if place.what == "examples"]
    if {place.what for place in known.values()} != {"examples", "labels"} or any(len(shape) > 3 for shape, _ in series):
        return []
    is_sure = not any(map(_look_like_images, series))
    return [
        Recognised(
            meaning="series in arrays, with their labels",
            arguments={"path": look.place},
            sureness=LIKELY if is_sure else POSSIBLE,
            seen=(f"arrays {', '.join(f'{name} {_in_words(headers[name])}' for name in known)}",),
            preprocess={"on_conflict": "quarantine"},
            alternatives=({"steps_axis": 1}, {"steps_axis": 2}),
        )
    ]


def _in_words(header: Header) -> str:
    return f"{'x'.join(map(str, header[0]))} {header[1]}"


def _look_like_images(header: Header) -> bool:
    """Of whole numbers, in squares, or with channels."""
    shape, dtype = header
    return len(shape) == 4 or dtype.kind in "iu" or (len(shape) == 3 and shape[1] == shape[2])


def _may_be_images(header: Header) -> bool:
    shape, _ = header
    is_flat = len(shape) == 2 and math.isqrt(shape[1]) ** 2 == shape[1] >= 16
    has_channels = len(shape) == 4 and (shape[3] in (1, 3, 4) or shape[1] in (1, 3, 4))
    return is_flat or len(shape) == 3 or has_channels


def _headers(look: Look) -> dict[str, Header]:
    if look.is_file and look.path.suffix == ".npz":
        headers = {}
        with zipfile.ZipFile(look.path) as archive:
            for info in archive.infolist():
                with archive.open(info) as file:
                    headers[info.filename.removesuffix(".npy")] = _of_npy(file.read(2**16))
        return headers
    names = [name for name in look.sizes if name.endswith((".npy", "-ubyte", "-ubyte.gz"))]
    if len(look.sizes) > _MAX_FILES:
        return {}
    return {name: _of_npy(look.start(name)) if name.endswith(".npy") else _of_idx(look.start(name)) for name in names}


def _of_npy(content: bytes) -> Header:
    start = io.BytesIO(content)
    is_old = np.lib.format.read_magic(start) == (1, 0)
    shape, _, dtype = (np.lib.format.read_array_header_1_0 if is_old else np.lib.format.read_array_header_2_0)(start)
    if dtype.hasobject:
        raise ValueError("there are pickled objects in it")
    return shape, dtype


def _of_idx(content: bytes) -> Header:
    if content.startswith(b"\x1f\x8b"):
        content = zlib.decompressobj(31).decompress(content, 64)
    if content[:2] != b"\0\0" or len(content) < 4 + 4 * content[3]:
        raise ValueError("it is no IDX file")
    return tuple(int(n) for n in np.frombuffer(content, ">u4", content[3], 4)), np.dtype(np.uint8)
