"""Your own images as arrays: a .npz, or a folder of .npy or IDX files, with a label for each image.

    source: {name: image_arrays, path: mnist.npz}

Arrays of images are called x, X, images or data, their labels y, labels or targets; with train, val, validation or test
before or behind (``x_train``, ``test-images-idx3-ubyte.gz``) they are the published splits.
"""

import gzip
import hashlib
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import ArchiveLimits
from saccade.io.archives import open_archive
from saccade.io.locations import existing_path
from saccade.io.packing import copy_file, pack_folder
from saccade.readers.array_names import ArrayPlace, place_of
from saccade.readers.examples import ImageExamples
from saccade.readers.fetch_archive import name_filter, single_file

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "image"
LABELS = "classes"

_PACKED = "arrays.tar"
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_DAMAGE = (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, struct.error)


def fetch(folder: Path, *, path: str, progress: Progress = no_progress) -> None:
    """Bring the arrays into ``folder``: a .npz as it is, the files of a folder packed into a tar.

    Args:
        folder: output folder.
        path: a .npz, an archive, or a folder with .npy or IDX files, on this machine.
        progress: callback, called with a file's name, the bytes there and its size.

    Raises:
        UserError: nothing is there, or no arrays of images and labels.
    """
    source = existing_path("path", path)
    if source.is_dir():
        names = name_filter(None, None)
        pack_folder(source, folder / _PACKED, lambda name: names(name) and place_of(name) is not None, progress)
    else:
        copy_file(source, folder / source.name, progress)
    read(folder)


def read(folder: Path, *, class_names: list[str] | None = None) -> ImageExamples:
    """Read the arrays; all of them are in memory.

    Images are (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels, or flat (N, H * W) of squares. Whole
    numbers are grey levels from 0 to 255; floats lie in [0, 1], and become such levels.

    Args:
        folder: the folder that ``fetch`` filled.
        class_names: names of the classes 0, 1, ...; None: the labels themselves, sorted.

    Returns:
        The examples, in the order of the arrays, training first; ids are digests of the pixels.

    Raises:
        UserError: an array is missing or damaged, or is not of images, or labels do not fit it.
    """
    where = single_file(folder)
    parts = _pairs(_arrays(where), where)
    images = [_as_levels(part.images, f"{where}: {part.name}") for part in parts]
    labels = [_as_labels(part.labels, part.images, f"{where}: {part.name}") for part in parts]
    if len({each.shape[1:] for each in images}) > 1:
        raise UserError(f"{where} must hold images of one size, but has {', '.join(str(x.shape[1:]) for x in images)}")
    known, index = np.unique(np.concatenate(labels), return_inverse=True)
    if len(known) < 2:
        raise UserError(f"{where} must hold at least two classes, but there is only {known[0]}")
    classes = tuple(str(value) for value in known.tolist())
    if class_names is not None:
        if not np.array_equal(known, np.arange(len(class_names))):
            last = len(class_names) - 1
            raise UserError(
                f"class_names names {len(class_names)} classes, 0 to {last}, but labels are {', '.join(classes[:20])}"
            )
        classes = tuple(class_names)
    ends = np.cumsum([len(each) for each in images])

    def image(i: int) -> np.ndarray:
        part = int(np.searchsorted(ends, i, side="right"))
        return images[part][i - (ends[part - 1] if part else 0)]

    total, splits = int(ends[-1]), [part.split for part in parts for _ in range(len(part.labels)) if part.split]
    return ImageExamples(
        classes=classes,
        labels=index.reshape(-1).astype(np.int64),
        load=image,
        ids=[hashlib.blake2b(image(i).tobytes(), digest_size=16).hexdigest() for i in range(total)],
        published_splits=splits or None,
    )


def recognise(look: "Look") -> "list[Reading]":
    """Arrays of images with their labels; see ``saccade.recognition``."""
    from saccade.recognition.arrays import arrays_of_images

    return arrays_of_images(look)


class _Part(NamedTuple):
    """Images and labels of one split."""

    name: str
    split: str | None
    images: np.ndarray
    labels: np.ndarray


def _arrays(where: Path) -> dict[ArrayPlace, tuple[str, np.ndarray]]:
    """The arrays of a file that say what they are by their names."""
    found: dict[ArrayPlace, tuple[str, np.ndarray]] = {}

    def add(name: str, load: Callable[[], np.ndarray]) -> None:
        place = place_of(name)
        if place is None:
            return
        if place in found:
            raise UserError(
                f"{where} must hold one array of {place.what} a split, but has {found[place][0]} and {name}"
            )
        try:
            found[place] = (name, load())
        except _DAMAGE as error:
            raise UserError(f"{where}: {name} must be a whole array without pickled objects: {error}") from error

    if where.suffix == ".npz":
        try:
            with np.load(where, allow_pickle=False) as arrays:
                for name in arrays.files:
                    add(name, lambda name=name: arrays[name])  # type: ignore[misc]
        except _DAMAGE as error:
            raise UserError(f"{where} must be a whole .npz file: {error}. Replace it, and fetch again.") from error
        return found
    archive = open_archive(where, ArchiveLimits())
    for member in archive.members(lambda name: place_of(name) is not None):
        content = archive.read(member)
        add(member.name, lambda content=content: read_array(content))  # type: ignore[misc]
    return found


def read_array(content: bytes) -> np.ndarray:
    """An array as .npy or IDX, compressed by gzip or not.

    Args:
        content: bytes of the file.

    Returns:
        The array.

    Raises:
        ValueError: it is neither, or cut short.
    """
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    if content.startswith(b"\x93NUMPY"):
        array: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
        return array
    if content[:2] != b"\0\0" or len(content) < 4 or content[2] not in _IDX_TYPES:
        raise ValueError("neither .npy nor IDX")
    ndim = content[3]
    shape = struct.unpack_from(f">{ndim}I", content, 4)
    return np.frombuffer(content, _IDX_TYPES[content[2]], math.prod(shape), 4 + 4 * ndim).reshape(shape)


def _pairs(arrays: dict[ArrayPlace, tuple[str, np.ndarray]], where: Path) -> list[_Part]:
    parts = []
    for split in ("train", "validation", "test", None):
        images, labels = arrays.get(ArrayPlace("examples", split)), arrays.get(ArrayPlace("labels", split))
        if images is None and labels is None:
            continue
        if images is None or labels is None:
            name, lacking = (labels or images or ("", None))[0], "images" if images is None else "labels"
            raise UserError(f"{where}: {name} must have an array of {lacking} beside it, such as x_train and y_train")
        parts.append(_Part(images[0], split, images[1], labels[1]))
    if not parts:
        raise UserError(
            f"{where} must hold arrays of images and labels, such as x_train and y_train, or images and labels"
        )
    if None in {part.split for part in parts} and len(parts) > 1:
        raise UserError(f"{where} must name the split of each array or of none; {parts[-1].name} has none")
    return parts


def _as_levels(images: np.ndarray, where: str) -> np.ndarray:
    """uint8 (N, H, W) or (N, H, W, 3)."""
    if images.ndim == 2 and (side := math.isqrt(images.shape[1])) ** 2 == images.shape[1]:
        images = images.reshape(-1, side, side)
    if images.ndim == 4 and images.shape[-1] not in (1, 3, 4) and images.shape[1] in (1, 3, 4):
        images = images.transpose(0, 2, 3, 1)  # (N, H, W, C)
    if images.ndim == 4 and images.shape[-1] in (1, 3, 4):
        images = images[..., 0] if images.shape[-1] == 1 else images[..., :3]
    elif images.ndim != 3:
        raise UserError(
            f"{where} must be images, (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels, but has the "
            f"shape {images.shape}"
        )
    if images.dtype == np.uint8:
        return images
    low, high = (images.min(), images.max()) if images.size else (0, 0)
    if images.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.rint(images * 255).astype(np.uint8)
    if low >= 0 and high <= 255 and (images.dtype.kind in "iu" or bool((images == np.rint(images)).all())):
        return images.astype(np.uint8)
    raise UserError(
        f"{where} must hold grey levels from 0 to 255, or floats in [0, 1], but goes from {low:g} to {high:g}"
    )


def _as_labels(labels: np.ndarray, images: np.ndarray, where: str) -> np.ndarray:
    """int64 or text (N,)."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif labels.ndim == 2 and bool(((labels == 0) | (labels == 1)).all()) and bool((labels.sum(axis=1) == 1).all()):
        labels = labels.argmax(axis=1)
    if labels.shape != (len(images),):
        raise UserError(f"{where}: {len(images):,} images must have as many labels, but the labels are {labels.shape}")
    if labels.dtype.kind == "S":
        return np.char.decode(labels, "utf-8")
    if labels.dtype.kind == "f" and bool((labels == np.rint(labels)).all()):
        return labels.astype(np.int64)
    if labels.dtype.kind not in "iuU":
        raise UserError(f"{where}: labels must be whole numbers or words, but are {labels.dtype}")
    return labels if labels.dtype.kind == "U" else labels.astype(np.int64)
