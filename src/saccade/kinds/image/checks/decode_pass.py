"""One pass over a dataset's images: each is decoded once, on all cores, and brought to the size of training.

What it finds is kept beside the images: who is unreadable, which pixels are equal, how large and bright each was.

Shapes: N images, H height, W width, C channels, S side of a thumbnail.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.core.cpu import usable_cores
from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.data.arrays import ArrayFile, open_array
from saccade.data.spec import Fit
from saccade.kinds.image.checks.near_duplicates import THUMBNAIL_SIDE, thumbnail
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
    """

    images: np.ndarray
    thumbnails: np.ndarray
    digests: np.ndarray
    sides: np.ndarray
    unreadable: dict[int, str]

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
    with (
        ArrayFile(images_path, np.uint8, (N, *size, channels)) as images,
        ArrayFile(thumbnails_path, np.uint8, (N, THUMBNAIL_SIDE, THUMBNAIL_SIDE)) as thumbnails,
    ):

        def work(start: int, loaded: list[Any]) -> int:
            made = np.zeros((len(loaded), *images.shape[1:]), np.uint8)
            small = np.zeros((len(loaded), *thumbnails.shape[1:]), np.uint8)
            for i, content in enumerate(loaded):
                row = start + i
                loaded[i] = None  # its bytes are needed no more
                try:
                    image, sides = examples.decoded(content, size)
                    made[i] = prepare_image(image, size, channels, fit)
                except UserError as error:
                    unreadable[row] = str(error)
                    continue
                small[i] = thumbnail(image)
                digests_N[row] = digest_of(made[i], sides)
                sides_N2[row] = sides
            images.write(start, made)
            thumbnails.write(start, small)
            return len(loaded)

        done = 0
        for count in _in_threads(work, _blocks(examples, N), threads or usable_cores()):
            done += count
            progress("images", done, N)
    return Inspected(
        open_array(images_path), open_array(thumbnails_path), digests_N, sides_N2, dict(sorted(unreadable.items()))
    )


def _blocks(examples: ImageExamples, count: int) -> Iterator[tuple[int, list[Any]]]:
    for start in range(0, count, _BLOCK_IMAGES):
        yield start, [examples.load(row) for row in range(start, min(start + _BLOCK_IMAGES, count))]


def _in_threads(
    work: Callable[[int, list[Any]], int], blocks: Iterator[tuple[int, list[Any]]], threads: int
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
