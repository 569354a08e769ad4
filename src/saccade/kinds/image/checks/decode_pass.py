"""One pass over a dataset's images: each is decoded once, on all cores, and brought to the size of training.

What it finds is kept beside the images: who is unreadable, which pixels are equal, how large and bright each was.

Shapes: N images, H height, W width, C channels, S side of a thumbnail.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from saccade.core.cpu import usable_cores
from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.data.arrays import ArrayFile, open_array
from saccade.data.spec import Fit
from saccade.kinds.image.checks.near_duplicates import THUMBNAIL_SIDE, thumbnail
from saccade.kinds.image.pixels.frames import frame_numbers
from saccade.kinds.image.pixels.grey_levels import GreyScale, ImageValues, ValueStatistics, Wanted
from saccade.kinds.image.pixels.resize import prepare_image
from saccade.readers.examples import ImageExamples

_DIGEST_BYTES = 16
_BLOCK_IMAGES = 16  # a task for a thread: few enough that little is held in memory, enough to hide the handing over
_BLOCKS_AHEAD = 2  # of each thread, read and waiting


@dataclass(frozen=True)
class Inspected:
    """What the pass found, in the order of the examples.

    Attributes:
        images: uint8 (N, H, W, C), memory-mapped, of the size of training; unreadable ones are black.
        thumbnails: uint8 (N, S, S), memory-mapped, grey.
        digests: bytes (N,), 16 of each: equal where the resized pixels and the size before are. Cheap, and enough to
            know who may have had the same pixels before.
        sides: int32 (N, 2), height and width in pixels before resizing; 0 of unreadable ones.
        unreadable: row to what is wrong with it; the message goes on after the example's name.
        scale: how values of more than 8 bits became grey levels.
        values: what such values were.
        several: rows whose files hold several frames, of which the source took none by number: the first was decoded.
    """

    images: np.ndarray
    thumbnails: np.ndarray
    digests: np.ndarray
    sides: np.ndarray
    unreadable: dict[int, str]
    scale: GreyScale = field(default_factory=GreyScale)
    values: ValueStatistics = field(default_factory=ValueStatistics)
    several: Sequence[int] = ()

    @property
    def is_readable(self) -> np.ndarray:
        """Bool (N,)."""
        is_readable_N = np.ones(len(self.sides), dtype=bool)
        is_readable_N[list(self.unreadable)] = False
        return is_readable_N


def inspect_images(
    examples: ImageExamples,
    scratch: Path,
    *,
    size: tuple[int, int],
    channels: int,
    fit: Fit = "stretch",
    value_range: Wanted = "found",
    bring: Callable[[np.ndarray], np.ndarray] | None = None,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> Inspected:
    """Decode every image once and write it, at the size of training, into an array in the order of the examples.

    Memory stays flat: a few dozen images at a time. Pillow decodes and resizes outside Python's lock, so threads do.

    Args:
        examples: from a file in ``datasets/``.
        scratch: a folder for the arrays, which must stay there as long as the result is used.
        size: height and width in pixels.
        channels: 1 or 3.
        fit: what is done with images of other proportions.
        value_range: values of more than 8 bits that become black and white: two numbers; ``type``, the range of the
            type; or ``found``, the least full number of bits that holds all that is there. Such images are then decoded
            once more.
        bring: function from an image, uint8 (H, W[, C]), to uint8 (*size, channels); None: ``prepare_image``.
        threads: how many decode; None takes one a core. Changes nothing in the result.
        progress: called with images done so far.

    Returns:
        What was found. Images that cannot be read are in ``unreadable``; nothing is raised for them.

    Raises:
        UserError: the source cannot be read.
        OSError: the disk cannot hold the arrays.
    """
    N = len(examples.labels)
    images_path, thumbnails_path = scratch / "images.npy", scratch / "thumbnails.npy"
    digests_N = np.zeros(N, dtype=f"S{_DIGEST_BYTES}")
    sides_N2 = np.zeros((N, 2), dtype=np.int32)
    unreadable: dict[int, str] = {}
    values = ValueStatistics()
    several: set[int] = set()
    waiting: list[int] = []  # rows whose values nobody can scale before all were seen
    scale = GreyScale(None if isinstance(value_range, str) else value_range, not isinstance(value_range, str))
    with (
        ArrayFile(images_path, np.uint8, (N, *size, channels)) as images,
        ArrayFile(thumbnails_path, np.uint8, (N, THUMBNAIL_SIDE, THUMBNAIL_SIDE)) as thumbnails,
    ):

        def work(rows: Sequence[int], loaded: list[Any]) -> int:
            made = np.zeros((len(loaded), *images.shape[1:]), np.uint8)
            small = np.zeros((len(loaded), *thumbnails.shape[1:]), np.uint8)
            for i, content in enumerate(loaded):
                row = rows[i]
                loaded[i] = None  # its bytes are needed no more
                try:
                    if isinstance(content, bytes) and len(frame_numbers(content)) > 1:
                        several.add(row)
                    found = _values(examples, content, size)
                    if found.is_deep and found.scale is None and not scale.goes_first:
                        values.add_range(found)
                        if value_range == "found" and scale.limits is None:
                            waiting.append(row)
                            continue
                    image = scale.apply(found)
                    made[i] = prepare_image(image, size, channels, fit) if bring is None else bring(image)
                except UserError as error:
                    unreadable[row] = str(error)
                    continue
                if found.is_deep:
                    values.add_levels(found, scale, image)
                small[i] = thumbnail(image)
                digests_N[row] = digest_of(made[i], found.sides)
                sides_N2[row] = found.sides
            for first, last in _runs(rows):
                images.write(rows[first], made[first:last])
                thumbnails.write(rows[first], small[first:last])
            return len(loaded)

        def pass_over(rows: Sequence[int]) -> None:
            done = 0
            for count in _in_threads(work, _blocks(examples, rows), threads or usable_cores()):
                done += count
                progress("images", done, len(rows))

        pass_over(range(N))
        if waiting:
            scale = GreyScale(values.found_limits() or (0.0, 1.0))
            pass_over(sorted(waiting))
    return Inspected(
        open_array(images_path),
        open_array(thumbnails_path),
        digests_N,
        sides_N2,
        dict(sorted(unreadable.items())),
        scale,
        values,
        sorted(several),
    )


def _values(examples: ImageExamples, content: Any, size: tuple[int, int]) -> ImageValues:
    if examples.decode_values is not None:
        found: ImageValues = examples.decode_values(content, size)
        return found
    return ImageValues(*examples.decoded(content, size))


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where rows that follow each other begin and end."""
    first = 0
    for i in range(1, len(rows) + 1):
        if i == len(rows) or rows[i] != rows[i - 1] + 1:
            yield first, i
            first = i


def _blocks(examples: ImageExamples, rows: Sequence[int]) -> Iterator[tuple[Sequence[int], list[Any]]]:
    for start in range(0, len(rows), _BLOCK_IMAGES):
        block = rows[start : start + _BLOCK_IMAGES]
        yield block, [examples.load(row) for row in block]


def _in_threads(
    work: Callable[[Sequence[int], list[Any]], int], blocks: Iterator[tuple[Sequence[int], list[Any]]], threads: int
) -> Iterator[int]:
    """What ``work`` gives for each block. This thread reads the blocks, in order, and not far ahead."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    waiting: deque[Future[int]] = deque()
    try:
        for block in blocks:
            waiting.append(pool.submit(work, *block))
            if len(waiting) > threads * _BLOCKS_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # also when something is wrong in the middle
        pool.shutdown(cancel_futures=True)


def digest_of(image: np.ndarray, shape: tuple[int, ...] = ()) -> bytes:
    """A digest of pixels and shape.

    Args:
        image: uint8.
        shape: of the image that it was made of, which counts, too.

    Returns:
        16 bytes, equal for what is equal.
    """
    digest = hashlib.blake2b(f"{image.shape} {shape}".encode(), digest_size=_DIGEST_BYTES)
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()
