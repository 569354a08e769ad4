"""CIFAR-10: 60,000 colour pictures of ten kinds of things, 32 x 32; 50,000 published for training, 10,000 as test set.

Source: https://www.cs.toronto.edu/~kriz/cifar.html, the binary version. It is read out of the published .tar.gz and
not unpacked to the disk; the Python version holds the same pictures in pickles.
Citation: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", University of Toronto, 2009.
"""

import contextlib
import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.io.downloads import RemoteFile, fetch_file
from saccade.readers.examples import ImageExamples

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "image"
LABELS = "classes"
LICENCE = "none named by its publisher"

_FILE = RemoteFile(
    "cifar-10-binary.tar.gz",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    170052171,
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
)
_FOLDER = "cifar-10-batches-bin"  # in the archive
_SPLITS = {f"data_batch_{number}.bin": "train" for number in range(1, 6)} | {"test_batch.bin": "test"}
_NUM_RECORDS = 10_000  # of each batch
_SHAPE_CHW = (3, 32, 32)
_RECORD_BYTES = 1 + 3 * 32 * 32  # the label, then all red, all green and all blue values, row by row
_NAMES = "batches.meta.txt"
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_REMEDY = "Fetch the dataset again."


def fetch(folder: Path, *, mirror: str | None = None, progress: Progress = no_progress) -> None:
    """Bring the published archive into ``folder``.

    Args:
        folder: output folder of ``cifar-10-binary.tar.gz``, which is left alone when it is there and right.
        mirror: a local folder or an http(s) URL that holds a file of the same name.
        progress: callback, called with the file's name, the bytes there and its size.

    Raises:
        UserError: the file could not be had, or is not the published one.
    """
    fetch_file(_FILE, folder, mirror=mirror, progress=progress)


def read(folder: Path) -> ImageExamples:
    """Read the archive: uint8 (32, 32, 3) images, training batches 1 to 5 first.

    Args:
        folder: the folder that ``fetch`` filled.

    Returns:
        The examples in the published order; ids are digests of the pixels. All of them are in memory, 184 MB.

    Raises:
        UserError: the archive is missing or damaged, or does not hold the published files.
    """
    path = folder / _FILE.name
    records = np.empty((len(_SPLITS) * _NUM_RECORDS, _RECORD_BYTES), dtype=np.uint8)
    missing = dict.fromkeys([*_SPLITS, _NAMES])
    with _damage_as_user_error(path):
        for name, size, file in _files(path):
            if name == _NAMES:
                _check_classes(f"{path}: {name}", file.read().decode("ascii", "replace").split())
            else:
                start = list(_SPLITS).index(name) * _NUM_RECORDS
                _fill(records[start : start + _NUM_RECORDS], f"{path}: {name}", size, file)
            missing.pop(name, None)
    if missing:
        raise UserError(f"{path} must hold {', '.join(missing)} in {_FOLDER}, but does not. {_REMEDY}")

    def load(i: int) -> np.ndarray:
        return np.ascontiguousarray(records[i, 1:].reshape(_SHAPE_CHW).transpose(1, 2, 0))  # (H, W, C)

    return ImageExamples(
        classes=_CLASSES,
        labels=records[:, 0].astype(np.int64),
        load=load,
        ids=[hashlib.blake2b(record[1:].tobytes(), digest_size=16).hexdigest() for record in records],
        published_splits=[split for split in _SPLITS.values() for _ in range(_NUM_RECORDS)],
    )


def _files(path: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, length and content of the files that are wanted, in the archive's order: it is decompressed once."""
    with gzip.open(path, "rb") as stream:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for info in tar:
                folder, _, name = info.name.removeprefix("./").rpartition("/")
                if folder == _FOLDER and (name in _SPLITS or name == _NAMES) and info.isfile():
                    content = tar.extractfile(info)
                    assert content is not None
                    yield name, info.size, content
        while stream.read(2**20):  # the checksum stands at the end
            pass


def _fill(records: np.ndarray, where: str, size: int, file: IO[bytes]) -> None:
    """Read one batch into its place."""
    if size != records.size:
        raise UserError(
            f"{where} must be {records.size} bytes long, {len(records)} records of {_RECORD_BYTES}, but is {size}. "
            f"{_REMEDY}"
        )
    for record in records:  # a batch at once would be held twice
        record[:] = np.frombuffer(file.read(_RECORD_BYTES), dtype=np.uint8)
    labels = records[:, 0]
    if labels.max() >= len(_CLASSES):
        position = int(labels.argmax())
        raise UserError(
            f"{where} must hold labels in [0, {len(_CLASSES)}), but that of record {position} is {labels[position]}. "
            f"{_REMEDY}"
        )


def _check_classes(where: str, names: list[str]) -> None:
    if tuple(names) != _CLASSES:
        raise UserError(f"{where} must name {', '.join(_CLASSES)}, but names {', '.join(names) or 'none'}. {_REMEDY}")


@contextlib.contextmanager
def _damage_as_user_error(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing. {_REMEDY}") from error
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{path} must be a whole .tar.gz file: {error}. {_REMEDY}") from error


def recognise(look: "Look") -> "list[Reading]":
    """The published archive; the version in pickles is refused; see ``saccade.recognition``."""
    from saccade.recognition.published import pickled_batches, published_files

    remedy = f"The same pictures without pickles are {_FILE.name} ({_FILE.addresses[0]}): start with that file."
    return [
        *published_files(look, [_FILE], "CIFAR-10 as published"),
        *pickled_batches(look, "CIFAR-10 or CIFAR-100", remedy),
    ]
