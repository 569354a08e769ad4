"""Augmented views of a training split, made once, by any number of processes."""

import contextlib
import hashlib
import multiprocessing
import shutil
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from saccade.core.cpu import usable_cores
from saccade.core.errors import UserError
from saccade.core.files import write_json
from saccade.core.progress import Progress, no_progress
from saccade.data.arrays import ArrayFile, open_array, write_part
from saccade.data.prepared import VIEWS_FORMAT
from saccade.transforms import views as views_module
from saccade.transforms.albumentations_adapter import build, colors_for
from saccade.transforms.views import ViewMaker

_BLOCK_IMAGES = 512  # images a task: long enough to hide its cost, short enough to keep the cores even
_BLOCK_BYTES = 4 * 2**20  # at most, a task: what each process keeps in memory, however large the images are
_WAITING_BLOCKS = 8  # a process: nobody runs out of work while the others wait for a slow one

Block = tuple[int, int, int]
"""Number of the view, first image, and the image after the last."""


def write_views(
    folder: Path,
    images_path: Path,
    *,
    views: int,
    transforms: Sequence[Mapping[str, Any]],
    seed: int,
    include_original: bool = False,
    evaluate_crop: float = 1.0,
    is_padded: bool = False,
    processes: int | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write ``views`` augmented copies of a training split, and augment.json that says how they were made.

    ``views: 0`` copies nothing: training then reads the prepared images themselves.

    Args:
        folder: an empty folder; the caller moves it into place. Gets train.npy, uint8 (views, N, H, W, C).
        images_path: the prepared train.npy, uint8 (N, H, W, C).
        views: number of copies.
        transforms: names and arguments, in order: ``{"name": "Affine", "rotate": [-10, 10]}``.
        seed: the pixels of (seed, view, index) are the same on every run.
        include_original: whether view 0 is the images as they are; the others stay what they would be without it.
        evaluate_crop: the share of each side that evaluation shall look at; written beside them, for training.
        is_padded: whether columns of 0 stand right of narrower images, which no view touches.
        processes: number of processes that make them; None: one a core. The result does not depend on it.
        progress: callback, called with images written so far.

    Raises:
        UserError: a transform refuses its arguments or the images, or changes the size or dtype of one; or the views
            do not fit on the disk.
    """
    written: dict[str, Any] = {
        "format": VIEWS_FORMAT,
        "views": views,
        "seed": seed,
        "transforms": [dict(t) for t in transforms],
    }
    if include_original:
        written["include_original"] = True
    if evaluate_crop != 1:
        written["evaluate_crop"] = evaluate_crop
    if views > 0:
        images = open_array(images_path)
        colors = colors_for(transforms, images)
        compose = build(transforms, colors)  # refuses bad arguments here, once, and not in every process
        if is_padded:
            ViewMaker(compose, seed, is_padded=True).check(images[0])
        _check_room(folder, images, views)
        path = folder / "train.npy"
        with ArrayFile(path, np.uint8, (views, *images.shape)):
            pass  # reserves the space: what another process takes meanwhile is found now
        worker = (images_path, path, transforms, colors, seed, include_original, is_padded)
        stored, done = open_array(path), 0
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(path.stat().st_size - stored.nbytes))  # the header
        with contextlib.closing(_written(_blocks(images, views), processes or usable_cores(), worker)) as blocks:
            for view, start, stop in blocks:
                digest.update(stored[view, start:stop].data)  # while the next ones are made
                done += stop - start
                progress("views", done, views * len(images))
        written["sha256"] = digest.hexdigest()
    write_json(folder / "augment.json", written)


def describe_online_views(
    folder: Path,
    images_path: Path,
    *,
    transforms: Sequence[Mapping[str, Any]],
    seed: int,
    include_original: bool,
    evaluate_crop: float = 1.0,
    is_padded: bool = False,
) -> None:
    """Write augment.json alone: how views are made while training runs. One is made here, to see that it can be.

    Args:
        folder: an empty folder; the caller moves it into place.
        images_path: the prepared train.npy, uint8 (N, H, W, C).
        transforms: names and arguments, in order.
        seed: seed of the whole augmentation.
        include_original: whether view 0 is the images as they are.
        evaluate_crop: share of each side that evaluation looks at, in (0, 1].
        is_padded: whether columns of 0 stand right of narrower images, which no view touches.

    Raises:
        UserError: a transform refuses its arguments or the images, or changes the size or dtype of one.
    """
    images = open_array(images_path)
    compose = build(transforms, colors_for(transforms, images))
    ViewMaker(compose, seed, is_padded=is_padded).check(images[0])
    how = {"transforms": [dict(t) for t in transforms], "seed": seed, "include_original": include_original}
    how |= {} if evaluate_crop == 1 else {"evaluate_crop": evaluate_crop}
    how |= {"is_padded": True} if is_padded else {}
    how["code"] = _code_sha256()
    write_json(folder / "augment.json", {"format": VIEWS_FORMAT, "mode": "online", "views": None, **how})


def _code_sha256() -> str:
    """The digest of the code that makes views: where they are not stored, training has nothing else to know it by."""
    digest = hashlib.sha256()
    for path in sorted(Path(views_module.__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _blocks(images: np.ndarray, views: int) -> Iterator[Block]:
    """All blocks, in the order in which they lie in the file."""
    size = max(1, min(_BLOCK_IMAGES, _BLOCK_BYTES // max(images[:1].nbytes, 1)))
    for view in range(views):
        for start in range(0, len(images), size):
            yield view, start, min(start + size, len(images))


def _check_room(folder: Path, images: np.ndarray, views: int) -> None:
    """Refuse what cannot fit, before a byte is written."""
    free, needed = shutil.disk_usage(folder).free, views * images.nbytes
    if needed <= free:
        return
    sides = "x".join(map(str, images.shape[1:]))
    fit = free // images.nbytes
    raise UserError(
        f"{views} views of {len(images):,} images of {sides} take {_gigabytes(needed)}, but {_gigabytes(free)} are "
        f"free on the disk of {folder.parent}: {fit} would fit. Set augment.views to {fit}, or free some space."
    )


def _gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:,.3g} GB"


_worker: dict[str, Any] = {}


def _written(blocks: Iterable[Block], processes: int, worker: tuple[Any, ...]) -> Generator[Block]:
    """Write the blocks; each is given back when it and all before it are written."""
    if processes == 1:
        _start_worker(*worker)
        yield from map(_write_block, blocks)
        return
    # fork inherits the imported albumentations (2.6 s a process otherwise); no thread has been started at this point
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(processes, context, _start_worker, worker) as pool:
        waiting: deque[Future[Block]] = deque()  # the executor's own map would hold a future for each block of all
        for block in blocks:
            waiting.append(pool.submit(_write_block, block))
            if len(waiting) == processes * _WAITING_BLOCKS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _start_worker(
    images_path: Path,
    path: Path,
    transforms: Sequence[Mapping[str, Any]],
    colors: np.ndarray | None,
    seed: int,
    include_original: bool,
    is_padded: bool,
) -> None:
    import cv2

    cv2.setNumThreads(0)  # the processes are the parallelism
    images = np.asarray(open_array(images_path))  # as a memory map, each row would be one more, which takes time
    make = ViewMaker(build(transforms, colors), seed, include_original, is_padded)
    _worker.update(images=images, path=path, make=make)


def _write_block(block: Block) -> Block:
    view, start, stop = block
    images, make = _worker["images"], _worker["make"]
    made = np.empty((stop - start, *images.shape[1:]), np.uint8)
    for i in range(start, stop):
        made[i - start] = make(images[i], view=view, index=i)
    write_part(_worker["path"], (view, start), made)
    return block
