"""IDX, the format of MNIST and of its successors: big-endian numbers, then one byte per value.

Source: the format's description on http://yann.lecun.com/exdb/mnist/.
"""

import bisect
import gzip
import hashlib
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.io.downloads import RemoteFile
from saccade.readers.examples import ImageExamples

_IMAGES_MAGIC = 2051  # 0x0803: unsigned bytes, three dimensions
_LABELS_MAGIC = 2049  # 0x0801: unsigned bytes, one dimension
_CHUNK_BYTES = 2**20
_REMEDY = "Fetch the dataset again."
_SPLIT_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}

Source = Path | zipfile.Path
"""A file, in a folder or in an open zip."""


def mnist_files(addresses: Sequence[str], contents: Mapping[str, tuple[int, str]]) -> tuple[RemoteFile, ...]:
    """MNIST's four files, or those of a successor under the same names.

    Args:
        addresses: what to put before a file's name.
        contents: size in bytes and SHA-256 of each, by its name.

    Returns:
        What to fetch.
    """
    assert sorted(contents) == sorted(name for pair in _SPLIT_FILES.values() for name in pair)
    return tuple(
        RemoteFile(name, sha256, size, tuple(address + name for address in addresses))
        for name, (size, sha256) in contents.items()
    )


def read_mnist_files(folder: Path, classes: tuple[str, ...]) -> ImageExamples:
    """Read the four files of ``mnist_files`` in a folder, see ``read_examples``."""
    split_files = {split: (folder / images, folder / labels) for split, (images, labels) in _SPLIT_FILES.items()}
    return read_examples(split_files, classes)


def _read_array(source: Source, magic: int, num_dimensions: int) -> np.ndarray:
    header_bytes = 4 * (1 + num_dimensions)
    values = bytearray()  # grows in place: file.read() would hold all of it twice
    try:
        with source.open("rb") as packed, gzip.open(packed, "rb") as file:
            header = file.read(header_bytes)
            if len(header) < header_bytes:
                raise UserError(
                    f"{source} must start with {header_bytes} bytes of header, but holds {len(header)}. {_REMEDY}"
                )
            found_magic, *shape = struct.unpack(f">{1 + num_dimensions}I", header)
            if found_magic != magic:
                raise UserError(
                    f"{source} must start with the magic number {magic}, but starts with {found_magic}. {_REMEDY}"
                )
            while chunk := file.read(_CHUNK_BYTES):
                values += chunk
    except FileNotFoundError as error:
        raise UserError(f"{source} is missing. {_REMEDY}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        raise UserError(f"{source} must be a whole gzip file: {error}. {_REMEDY}") from error
    if len(values) != math.prod(shape):
        announced = " x ".join(str(length) for length in shape)
        raise UserError(f"{source} must hold {announced} bytes of values, but holds {len(values)}. {_REMEDY}")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def read_images(source: Source) -> np.ndarray:
    """Grey images of a gzipped IDX file, uint8 (N, H, W)."""
    return _read_array(source, _IMAGES_MAGIC, 3)


def read_labels(source: Source, num_classes: int, first_label: int = 0) -> np.ndarray:
    """Labels of a gzipped IDX file as int64 (N,), each in [0, ``num_classes``); in the file 0 is ``first_label``."""
    labels = _read_array(source, _LABELS_MAGIC, 1).astype(np.int64)
    is_outside = (labels < first_label) | (labels >= first_label + num_classes)
    if is_outside.any():
        position = int(is_outside.argmax())
        raise UserError(
            f"{source} must hold labels in [{first_label}, {first_label + num_classes}), but label {position} is "
            f"{labels[position]}. {_REMEDY}"
        )
    return labels - first_label


def read_examples(
    split_files: Mapping[str, tuple[Source, Source]],
    classes: tuple[str, ...],
    *,
    first_label: int = 0,
    transposed: bool = False,
) -> ImageExamples:
    """Read a dataset published as one file of images and one of labels for each split.

    Args:
        split_files: images and labels under the split's name, "train" or "test".
        classes: class names; a label, less ``first_label``, is an index into them.
        first_label: the smallest label that the files use.
        transposed: the files hold each image column by column; the examples are upright.

    Returns:
        The splits one after the other; ids are digests of the pixels.

    Raises:
        UserError: a file is missing, damaged or of another kind, or two files do not belong together.
    """
    image_arrays: list[np.ndarray] = []
    label_arrays: list[np.ndarray] = []
    published_splits: list[str] = []
    for split, (images_file, labels_file) in split_files.items():
        images, labels = read_images(images_file), read_labels(labels_file, len(classes), first_label)
        if len(images) != len(labels):
            raise UserError(
                f"{images_file} holds {len(images)} images, {labels_file} {len(labels)} labels: "
                f"there must be as many of both. {_REMEDY}"
            )
        if image_arrays and images.shape[1:] != image_arrays[0].shape[1:]:
            raise UserError(
                f"{images_file} must hold images of {image_arrays[0].shape[1:]} as the files before it, "
                f"but holds {images.shape[1:]}. {_REMEDY}"
            )
        image_arrays.append(images)
        label_arrays.append(labels)
        published_splits += [split] * len(labels)
    starts = [sum(map(len, label_arrays[:split])) for split in range(len(label_arrays))]

    def load(i: int) -> np.ndarray:  # the arrays stay apart: joined, all pixels would be held twice for a while
        split = bisect.bisect_right(starts, i) - 1
        image_HW = image_arrays[split][i - starts[split]]
        return np.ascontiguousarray(image_HW.T) if transposed else image_HW

    labels_N = np.concatenate(label_arrays)
    return ImageExamples(
        classes=classes,
        labels=labels_N,
        load=load,
        ids=[hashlib.blake2b(load(i).tobytes(), digest_size=16).hexdigest() for i in range(len(labels_N))],
        published_splits=published_splits,
    )
