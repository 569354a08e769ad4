"""Plain ``.npy`` files, written in rows and read through a memory map.

Writing goes through ``pwrite`` and not through a memory map: on a full disk the first is an error, the second a crash.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file's name into an error of a call that knows only its descriptor."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


class ArrayFile:
    """A ``.npy`` file of known dtype and shape whose rows are written in any order, by any number of processes.

    Args:
        path: the file; its folder exists.
        dtype: of the elements.
        shape: of the whole array; "row" below means an index of the first axis.

    Raises:
        OSError: the disk cannot hold the array (ENOSPC, before a row is written where the file system reserves space).
    """

    def __init__(self, path: Path, dtype: Any, shape: Sequence[int]) -> None:
        self.path = path
        self.dtype = np.dtype(dtype)
        self.shape = tuple(int(side) for side in shape)
        self.row_bytes = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        with path.open("wb") as file:
            header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": self.shape}
            np.lib.format.write_array_header_1_0(file, header)
            self._data_start = file.tell()
            if hasattr(os, "posix_fallocate") and self.shape[0] * self.row_bytes > 0:
                with _naming(path):
                    os.posix_fallocate(file.fileno(), 0, self._data_start + self.shape[0] * self.row_bytes)
        self._descriptor = os.open(path, os.O_WRONLY)

    def write(self, first_row: int, rows: np.ndarray) -> None:
        """Write ``rows`` (n, *shape[1:]) at rows ``first_row`` to ``first_row + n - 1``."""
        assert rows.dtype == self.dtype and rows.shape[1:] == self.shape[1:], (rows.dtype, rows.shape, self.shape)
        assert first_row >= 0 and first_row + len(rows) <= self.shape[0]
        if rows.size == 0:
            return  # memoryview casts none of these
        with _naming(self.path):
            _write_at(self._descriptor, self._data_start + first_row * self.row_bytes, rows)

    def close(self) -> None:
        """Flush to the disk and close."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)

    def __enter__(self) -> "ArrayFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _write_at(descriptor: int, offset: int, values: np.ndarray) -> None:
    left = memoryview(np.ascontiguousarray(values).data).cast("B")
    while left:
        written = os.pwrite(descriptor, left, offset)
        left, offset = left[written:], offset + written


def write_part(path: Path, place: Sequence[int], rows: np.ndarray) -> None:
    """Write into an array that an ``ArrayFile`` has made, from any process: its elements from ``place`` on.

    Args:
        path: the file.
        place: of the first of the rows, an index for each leading axis; the rows lie along the last of these axes.
        rows: of the dtype of the array, (n, *shape[len(place):]), at least one.
    """
    with path.open("r+b") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        assert rows.dtype == dtype and rows.shape[1:] == shape[len(place) :], (rows.dtype, rows.shape, dtype, shape)
        assert 0 < len(rows) <= shape[len(place) - 1] - place[-1], (place, len(rows), shape)
        first = int(np.ravel_multi_index(tuple(place), shape[: len(place)]))
        with _naming(path):
            _write_at(file.fileno(), file.tell() + first * rows[0].nbytes, rows)


def write_array(path: Path, values: np.ndarray) -> None:
    """Write a small array whole."""
    with ArrayFile(path, values.dtype, values.shape) as file:
        file.write(0, values)


def open_array(path: Path) -> np.ndarray:
    """Open a ``.npy`` file as a private memory map (torch warns about read-only ones; writes would not reach the file).

    Pickled arrays are refused.

    Args:
        path: the file.

    Returns:
        An array whose pages are read from the file when they are used.

    Raises:
        UserError: there is no such file, it is not a ``.npy`` file, or shorter than its header says.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist. Run `dvc checkout`, or make it again.")
    try:
        return np.lib.format.open_memmap(path, mode="c")
    except (ValueError, EOFError) as error:
        raise UserError(f"{path} is not a whole .npy array ({error}). Run `dvc checkout`, or make it again.") from error


def describe_array(path: Path) -> dict[str, Any]:
    """What dataset.json says of an array: dtype, shape and the SHA-256 of the file's bytes."""
    array = open_array(path)
    return {"dtype": str(array.dtype), "shape": list(array.shape), "sha256": sha256_of_file(path)}
