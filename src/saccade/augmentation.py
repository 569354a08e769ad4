"""Augmented views of a training split, made once by albumentations: the only file that knows that library.

The pixels of a view depend on (seed, view, index) alone, never on which process makes them or in which order.
"""

import contextlib
import hashlib
import inspect
import multiprocessing
import os
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from saccade.arrays import ArrayFile, open_array
from saccade.cores import usable_cores
from saccade.errors import UserError
from saccade.examples import Progress, no_progress
from saccade.files import sha256_of_file, write_json

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else importing it asks the package registry for news

NESTING = ("OneOf", "SomeOf", "Sequential")
_NO_TRANSFORMS = (
    "BasicTransform",
    "DualTransform",
    "ImageOnlyTransform",
    "Transform3D",
    "Lambda",
)  # base classes; code
_BLOCK_IMAGES = 512  # images a task: long enough to hide its cost, short enough to keep the cores even


def write_views(
    folder: Path,
    images_path: Path,
    *,
    views: int,
    transforms: Sequence[Mapping[str, Any]],
    seed: int,
    processes: int | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write ``views`` augmented copies of a training split, and augment.json that says how they were made.

    ``views: 0`` copies nothing: training then reads the prepared images themselves.

    Args:
        folder: an empty folder; the caller moves it into place. Gets train.npy, uint8 (views, N, H, W, C).
        images_path: the prepared train.npy, uint8 (N, H, W, C).
        views: how many copies.
        transforms: albumentations' own names and arguments, in order: ``{"name": "Affine", "rotate": [-10, 10]}``.
        seed: the pixels of (seed, view, index) are the same on every run.
        processes: how many make them; None: one a core. Changes nothing in the result.
        progress: called with images written so far.

    Raises:
        UserError: a transform refuses its arguments or the images, or changes the size or dtype of one.
    """
    written: dict[str, Any] = {"format": 1, "views": views, "seed": seed, "transforms": [dict(t) for t in transforms]}
    if views > 0:
        build(transforms)  # refuses bad arguments here, once, and not in every process
        images = open_array(images_path)
        path = folder / "train.npy"
        with ArrayFile(path, np.uint8, (views, *images.shape)):
            pass  # reserves the space: a full disk is found now
        blocks = [
            (view, start, min(start + _BLOCK_IMAGES, len(images)))
            for view in range(views)
            for start in range(0, len(images), _BLOCK_IMAGES)
        ]
        done = 0
        with _pool(processes or usable_cores(), (images_path, path, transforms, seed)) as pool:
            for count in pool.map(_write_block, blocks):
                done += count
                progress("views", done, views * len(images))
        written["sha256"] = sha256_of_file(path)
    write_json(folder / "augment.json", written)


def build(transforms: Sequence[Mapping[str, Any]]) -> Any:
    """An ``albumentations.Compose`` of the transforms.

    Args:
        transforms: albumentations' own names and arguments, in order.

    Returns:
        What ``augment_image`` takes.

    Raises:
        UserError: a name that albumentations does not have, or arguments that it refuses.
    """
    import albumentations

    compose = albumentations.Compose([_build_one(transform) for transform in transforms], seed=0)
    # The constructor gives each transform generators of its own; augment_image sets one pair that all of them share.
    compose.set_random_state(np.random.Generator(np.random.PCG64(0)), random.Random(0))
    return compose


def _build_one(transform: Mapping[str, Any]) -> Any:
    import albumentations

    arguments = dict(transform)
    name = arguments.pop("name")
    if name in NESTING:
        arguments["transforms"] = [_build_one(inner) for inner in arguments["transforms"]]
    kind = getattr(albumentations, name, None)
    if kind is None:
        raise UserError(f"transform {name!r} must be one of albumentations {albumentations.__version__}")
    try:
        return kind(
            **{
                key: tuple(value) if isinstance(value, list) and name not in NESTING else value
                for key, value in arguments.items()
            }
        )
    except (ValueError, TypeError) as error:
        lines = [line.split(" [type=")[0].strip() for line in str(error).splitlines()]
        reasons = [line for line in lines if line and "errors.pydantic" not in line]
        raise UserError(f"transform {name} refuses {arguments}: {'; '.join(reasons[1:4] or reasons)}") from error


def describe_transforms() -> dict[str, list[str]]:
    """Every transform of the installed albumentations that works on an image alone, with the names of its arguments."""
    import albumentations

    described = {}
    for name in dir(albumentations):
        kind = getattr(albumentations, name)
        if not isinstance(kind, type) or not issubclass(kind, albumentations.BasicTransform) or name in _NO_TRANSFORMS:
            continue
        parameters = list(inspect.signature(kind).parameters.values())
        if all(parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) for parameter in parameters):
            described[name] = [parameter.name for parameter in parameters]
    return described


def augment_image(compose: Any, image_HWC: np.ndarray, *, seed: int, view: int, index: int) -> np.ndarray:
    """View ``view`` of image ``index``: the same pixels whenever and wherever it is called.

    A Compose shares two generators with its transforms; both are set anew for this image, in place, because
    albumentations' own ``set_random_seed`` walks all transforms and costs a quarter of the throughput.

    Args:
        compose: from ``build``.
        image_HWC: uint8 (H, W, C).
        seed: of the whole augmentation.
        view: from 0.
        index: position in the training split, from 0.

    Returns:
        uint8 (H, W, C).

    Raises:
        UserError: the transforms cannot take such an image, or change its size or dtype.
    """
    digest = hashlib.blake2b(f"{seed}/{view}/{index}".encode(), digest_size=24).digest()
    state, increment = int.from_bytes(digest[:16], "little"), int.from_bytes(digest[16:], "little") * 2 + 1
    compose.random_generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": state, "inc": increment},
        "has_uint32": 0,
        "uinteger": 0,
    }
    compose.py_random.seed(state)
    try:
        result = compose(image=image_HWC)["image"]
    except (ValueError, KeyError) as error:
        raise UserError(
            f"the transforms cannot take an image of {image_HWC.dtype} {image_HWC.shape}: {error}"
        ) from error
    if result.shape != image_HWC.shape or result.dtype != np.uint8:
        raise UserError(
            f"the transforms turn an image of {image_HWC.dtype} {image_HWC.shape} into {result.dtype} {result.shape}; "
            "they must keep dtype and size: end with a crop or resize to the size in preprocess"
        )
    return result


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


def _start_worker(images_path: Path, path: Path, transforms: Sequence[Mapping[str, Any]], seed: int) -> None:
    import cv2

    cv2.setNumThreads(0)  # the processes are the parallelism
    compose = build(transforms)
    views = np.load(path, mmap_mode="r+")  # the space is reserved: no write can fail for want of disk
    _worker.update(images=open_array(images_path), views=views, compose=compose, seed=seed)


def _write_block(block: tuple[int, int, int]) -> int:
    view, start, stop = block
    images, compose, seed = _worker["images"], _worker["compose"], _worker["seed"]
    made = [augment_image(compose, images[i], seed=seed, view=view, index=i) for i in range(start, stop)]
    _worker["views"][view, start:stop] = made
    return stop - start
