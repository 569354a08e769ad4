"""Frames of a file: pages of a TIFF, pictures of an animation or of a DICOM series."""

import functools
import io
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from saccade.kinds.image.pixels.dicom import count_frames, is_dicom

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a TIFF; the last two of one that may be longer than 4 GB."""

_ANIMATED = (  # where a file may hold several: its first bytes, and what stands in it then
    (b"GIF8", b""),
    *((start, b"") for start in TIFF_STARTS),
    (b"\x89PNG", b"acTL"),
    (b"RIFF", b"ANIM"),
)
_FIRST = (0,)
_REDUCED = 254  # TIFF's tag NewSubfileType: bit 0 marks a smaller copy of another page


def _head(content: bytes) -> bytes:
    """What stands before the first picture of a PNG, or in the first chunk of a WebP."""
    place = content.find(b"IDAT") if content.startswith(b"\x89PNG") else 64
    return content[:place] if place > 0 else content


class Frame(NamedTuple):
    """One frame of a file.

    Attributes:
        content: bytes of the file.
        number: number of the frame, from 0.
    """

    content: bytes
    number: int = 0


def frame_numbers(content: bytes) -> Sequence[int]:
    """The frames of a file, from 0; smaller copies of a page do not count.

    Args:
        content: bytes of the file.

    Returns:
        Numbers, at least 0; that for what is damaged, too: decoding says what is wrong.
    """
    if is_dicom(content):
        return range(count_frames(content))
    is_avif = content[4:12] == b"ftypavis"
    if not is_avif and not any(content.startswith(start) and mark in _head(content) for start, mark in _ANIMATED):
        return _FIRST
    from PIL import Image

    silence_pillow()
    try:
        with Image.open(io.BytesIO(content), formats=("GIF", "TIFF", "PNG", "WEBP", "AVIF")) as picture:
            count = int(getattr(picture, "n_frames", 1))
            if picture.format != "TIFF" or count == 1:
                return range(count) if count > 1 else _FIRST
            kept = []
            for number in range(count):
                picture.seek(number)
                if not int(picture.tag_v2.get(_REDUCED, 0)) & 1:
                    kept.append(number)
            return tuple(kept) or _FIRST
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, Image.DecompressionBombError):
        return _FIRST


@functools.cache
def silence_pillow() -> None:
    """Let Pillow not warn of what is an error here, or none: damage that it can do with, and 89 million pixels.

    Once for the process: putting filters back afterwards would race between threads.
    """
    from PIL import Image

    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
