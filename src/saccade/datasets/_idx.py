"""IDX, the format of MNIST and of its successors: big-endian numbers, then one byte per value.

Source: the format's description on http://yann.lecun.com/exdb/mnist/.
"""

import gzip
import hashlib
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from saccade.errors import UserError
from saccade.examples import ImageExamples

_IMAGES_MAGIC = 2051  # 0x0803: unsigned bytes, three dimensions
_LABELS_MAGIC = 2049  # 0x0801: unsigned bytes, one dimension
_REMEDY = "Fetch the dataset again."


def _read_array(path: Path, magic: int, num_dimensions: int) -> np.ndarray:
    header_bytes = 4 * (1 + num_dimensions)
    try:
        with gzip.open(path, "rb") as file:
            header = file.read(header_bytes)
            if len(header) < header_bytes:
                raise UserError(
                    f"{path} must start with {header_bytes} bytes of header, but holds {len(header)}. {_REMEDY}"
                )
            found_magic, *shape = struct.unpack(f">{1 + num_dimensions}I", header)
            if found_magic != magic:
                raise UserError(
                    f"{path} must start with the magic number {magic}, but starts with {found_magic}. {_REMEDY}"
                )
            values = file.read()
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing. {_REMEDY}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} must be a whole gzip file: {error}. {_REMEDY}") from error
    if len(values) != math.prod(shape):
        announced = " x ".join(str(length) for length in shape)
        raise UserError(f"{path} must hold {announced} bytes of values, but holds {len(values)}. {_REMEDY}")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def read_images(path: Path) -> np.ndarray:
    """Grey images of a gzipped IDX file, uint8 (N, H, W)."""
    return _read_array(path, _IMAGES_MAGIC, 3)


def read_labels(path: Path, num_classes: int) -> np.ndarray:
    """Labels of a gzipped IDX file, int64 (N,), each in [0, ``num_classes``)."""
    labels = _read_array(path, _LABELS_MAGIC, 1).astype(np.int64)
    if len(labels) > 0 and labels.max() >= num_classes:
        position = int((labels >= num_classes).argmax())
        raise UserError(
            f"{path} must hold labels in [0, {num_classes}), but label {position} is {labels[position]}. {_REMEDY}"
        )
    return labels


def read_examples(split_files: Mapping[str, tuple[Path, Path]], classes: tuple[str, ...]) -> ImageExamples:
    """Read a dataset published as one file of images and one of labels for each split.

    Args:
        split_files: paths of images and labels under the split's name, "train" or "test".
        classes: class names; a label is an index into them.

    Returns:
        The splits one after the other; ids are digests of the pixels.

    Raises:
        UserError: a file is missing, damaged or of another kind, or two files do not belong together.
    """
    image_arrays: list[np.ndarray] = []
    label_arrays: list[np.ndarray] = []
    published_splits: list[str] = []
    for split, (images_path, labels_path) in split_files.items():
        images, labels = read_images(images_path), read_labels(labels_path, len(classes))
        if len(images) != len(labels):
            raise UserError(
                f"{images_path} holds {len(images)} images, {labels_path} {len(labels)} labels: "
                f"there must be as many of both. {_REMEDY}"
            )
        if image_arrays and images.shape[1:] != image_arrays[0].shape[1:]:
            raise UserError(
                f"{images_path} must hold images of {image_arrays[0].shape[1:]} as the files before it, "
                f"but holds {images.shape[1:]}. {_REMEDY}"
            )
        image_arrays.append(images)
        label_arrays.append(labels)
        published_splits += [split] * len(labels)
    images_NHW = np.concatenate(image_arrays)
    return ImageExamples(
        classes=classes,
        labels=np.concatenate(label_arrays),
        image=images_NHW.__getitem__,
        ids=[hashlib.blake2b(image_HW.tobytes(), digest_size=16).hexdigest() for image_HW in images_NHW],
        published_splits=published_splits,
    )
