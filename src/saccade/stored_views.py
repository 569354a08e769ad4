"""Augmented views of a training split, made once, by any number of processes."""

import contextlib
import multiprocessing
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.arrays import ArrayFile, open_array
from saccade.augmentation import augment_image, build, colors_for
from saccade.cores import usable_cores
from saccade.errors import UserError
from saccade.examples import Progress, no_progress
from saccade.files import sha256_of_file, write_json
from saccade.prepared import VIEWS_FORMAT

_BLOCK_IMAGES = 512  # images a task: long enough to hide its cost, short enough to keep the cores even


@dataclass(frozen=True)
class ViewMaker:
    """How the views of one training split are made: the same function for those that are stored and those shown.

    Attributes:
        compose: from ``build``.
        seed: of the whole augmentation.
        include_original: view 0 is the image as it is.
    """

    compose: Any
    seed: int
    include_original: bool = False

    def __call__(self, image_HWC: np.ndarray, *, view: int, index: int) -> np.ndarray:
        """View ``view`` of image ``index`` of the training split: uint8 (H, W, C)."""
        if view == 0 and self.include_original:
            return image_HWC
        return augment_image(self.compose, image_HWC, seed=self.seed, view=view, index=index)


def write_views(
    folder: Path,
    images_path: Path,
    *,
    views: int,
    transforms: Sequence[Mapping[str, Any]],
    seed: int,
    include_original: bool = False,
    evaluate_crop: float = 1.0,
    processes: int | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write ``views`` augmented copies of a training split, and augment.json that says how they were made.

    ``views: 0`` copies nothing: training then reads the prepared images themselves.

    Args:
        folder: an empty folder; the caller moves it into place. Gets train.npy, uint8 (views, N, H, W, C).
        images_path: the prepared train.npy, uint8 (N, H, W, C).
        views: how many copies.
        transforms: names and arguments, in order: ``{"name": "Affine", "rotate": [-10, 10]}``.
        seed: the pixels of (seed, view, index) are the same on every run.
        include_original: view 0 is the images as they are; the others stay what they would be without it.
        evaluate_crop: the share of each side that evaluation shall look at; written beside them, for training.
        processes: how many make them; None: one a core. Changes nothing in the result.
        progress: called with images written so far.

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
        build(transforms, colors)  # refuses bad arguments here, once, and not in every process
        _check_room(folder, images, views)
        path = folder / "train.npy"
        with ArrayFile(path, np.uint8, (views, *images.shape)):
            pass  # reserves the space: what another process takes meanwhile is found now
        blocks = [
            (view, start, min(start + _BLOCK_IMAGES, len(images)))
            for view in range(views)
            for start in range(0, len(images), _BLOCK_IMAGES)
        ]
        done = 0
        worker = (images_path, path, transforms, colors, seed, include_original)
        with _pool(processes or usable_cores(), worker) as pool:
            for count in pool.map(_write_block, blocks):
                done += count
                progress("views", done, views * len(images))
        written["sha256"] = sha256_of_file(path)
    write_json(folder / "augment.json", written)


def describe_views(
    folder: Path,
    images_path: Path,
    *,
    transforms: Sequence[Mapping[str, Any]],
    seed: int,
    include_original: bool,
    evaluate_crop: float = 1.0,
) -> None:
    """Write augment.json alone: how views are made while training runs. One is made here, to see that it can be.

    Args:
        folder: an empty folder; the caller moves it into place.
        images_path: the prepared train.npy, uint8 (N, H, W, C).
        transforms: as of ``write_views``.
        seed: likewise.
        include_original: likewise.
        evaluate_crop: likewise.

    Raises:
        UserError: a transform refuses its arguments or the images, or changes the size or dtype of one.
    """
    images = open_array(images_path)
    ViewMaker(build(transforms, colors_for(transforms, images)), seed)(images[0], view=1, index=0)
    how = {"transforms": [dict(t) for t in transforms], "seed": seed, "include_original": include_original}
    how |= {} if evaluate_crop == 1 else {"evaluate_crop": evaluate_crop}
    write_json(folder / "augment.json", {"format": VIEWS_FORMAT, "mode": "online", "views": None, **how})


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


@contextlib.contextmanager
def _pool(processes: int, arguments: tuple[Any, ...]) -> Iterator[Any]:
    if processes == 1:
        _start_worker(*arguments)
        yield type("Here", (), {"map": staticmethod(map)})
        return
    # fork inherits the imported albumentations (2.6 s a process otherwise); no thread has been started at this point
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(processes, context, _start_worker, arguments) as pool:
        yield pool


def _start_worker(
    images_path: Path,
    path: Path,
    transforms: Sequence[Mapping[str, Any]],
    colors: np.ndarray | None,
    seed: int,
    include_original: bool,
) -> None:
    import cv2

    cv2.setNumThreads(0)  # the processes are the parallelism
    views = np.load(path, mmap_mode="r+")  # the space is reserved: no write can fail for want of disk
    make = ViewMaker(build(transforms, colors), seed, include_original)
    _worker.update(images=open_array(images_path), views=views, make=make)


def _write_block(block: tuple[int, int, int]) -> int:
    view, start, stop = block
    images, make = _worker["images"], _worker["make"]
    _worker["views"][view, start:stop] = [make(images[i], view=view, index=i) for i in range(start, stop)]
    return stop - start
