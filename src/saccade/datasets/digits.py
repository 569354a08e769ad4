"""Digits: 1,797 handwritten digits, grey, 8 x 8, which come with scikit-learn: no network is needed.

Source: https://archive.ics.uci.edu/dataset/80, test part (13 writers), in the form scikit-learn packs it.
Citation: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
"""

import csv
import gzip
import hashlib
import importlib.util
import zlib
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.core.progress import Progress, no_progress
from saccade.readers.examples import ImageExamples

KIND = "image"
LABELS = "classes"
LICENCE = "CC BY 4.0"

_NAME = "digits.csv.gz"
_SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
_SIDE = 8
_NUM_CLASSES = 10
_BRIGHTEST = 16  # each value counts the inked points among 4 x 4


def _packed_path() -> Path:
    spec = importlib.util.find_spec("sklearn")  # finds the package without importing it, which takes a second
    if spec is None or not spec.submodule_search_locations:
        raise UserError("digits come with scikit-learn, which must be installed: pip install scikit-learn")
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / _NAME


def fetch(folder: Path, *, progress: Progress = no_progress) -> None:
    """Copy the bytes that scikit-learn packs into ``folder``.

    Args:
        folder: output folder of ``digits.csv.gz``.
        progress: callback, called once, at the end.

    Raises:
        UserError: scikit-learn is missing, or packs other bytes than the ones known.
    """
    packed = _packed_path()
    try:
        content = packed.read_bytes()
    except OSError as error:
        raise UserError(f"{packed} must be readable: {error.strerror}. Install scikit-learn again.") from error
    if (digest := hashlib.sha256(content).hexdigest()) != _SHA256:
        raise UserError(
            f"{packed} must have SHA-256 {_SHA256}, but has {digest}.\n"
            "Install scikit-learn again, in a version that this one was tested with."
        )
    with replacing_file(folder / _NAME) as partial:
        partial.write_bytes(content)
    progress(_NAME, len(content), len(content))


def read(folder: Path) -> ImageExamples:
    """Read ``digits.csv.gz``: uint8 (8, 8) images, background 0, no published split.

    The published values 0..16 are spread over 0..255 by ``rint(value * 255 / 16)``, which maps no two onto one.

    Args:
        folder: the folder that ``fetch`` filled.

    Returns:
        The examples in the published order; ids are digests of the scaled pixels.

    Raises:
        UserError: the file is missing, damaged, or not such a table.
    """
    path = folder / _NAME
    try:
        with gzip.open(path, "rt", encoding="ascii", newline="") as file:
            table = np.array([[float(value) for value in row] for row in csv.reader(file)])  # ragged: ValueError
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing. Fetch the dataset first.") from error
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise UserError(f"{path} must be a whole gzip file of numbers: {error}. Fetch the dataset again.") from error
    if table.ndim != 2 or table.shape[1] != _SIDE * _SIDE + 1:
        raise UserError(f"{path} must have {_SIDE * _SIDE + 1} columns, but has shape {table.shape}.")
    values_NP, labels_N = table[:, :-1], table[:, -1]
    for what, column, highest in (("values", values_NP, _BRIGHTEST), ("labels", labels_N, _NUM_CLASSES - 1)):
        is_wrong = (column < 0) | (column > highest) | (column != np.rint(column))
        if is_wrong.any():
            raise UserError(
                f"{path} must hold {what} that are whole and in [0, {highest}], but {column[is_wrong][0]:g} is there."
            )
    images_NHW = np.rint(values_NP * 255 / _BRIGHTEST).astype(np.uint8).reshape(-1, _SIDE, _SIDE)
    return ImageExamples(
        classes=tuple("0123456789"),
        labels=labels_N.astype(np.int64),
        load=images_NHW.__getitem__,
        ids=[hashlib.blake2b(image_HW.tobytes(), digest_size=16).hexdigest() for image_HW in images_NHW],
    )
