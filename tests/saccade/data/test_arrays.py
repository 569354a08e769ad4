"""Plain .npy files: what we write is what numpy reads."""

import hashlib
import itertools
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.arrays import ArrayFile, describe_array, open_array, write_array, write_part

DTYPES = ["uint8", "int32", "int64", "float32", "float64"]


def values(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return (np.random.default_rng(0).random(shape) * 250).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(7,), (5, 3), (4, 3, 2, 1), (1, 1), (0,), (0, 3, 2)])
def test_numpy_reads_what_was_written(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    expected = values(dtype, shape)
    with ArrayFile(tmp_path / "a.npy", dtype, shape) as file:
        for row in range(shape[0]):
            file.write(row, expected[row : row + 1])
    loaded = np.load(tmp_path / "a.npy", allow_pickle=False)
    assert loaded.dtype == expected.dtype and loaded.shape == shape
    np.testing.assert_array_equal(loaded, expected)
    opened = open_array(tmp_path / "a.npy")
    assert opened.dtype == expected.dtype
    np.testing.assert_array_equal(opened, expected)


def test_the_bytes_are_those_that_numpy_writes(tmp_path: Path) -> None:
    expected = values("int32", (6, 5))
    np.save(tmp_path / "numpy.npy", expected)
    write_array(tmp_path / "ours.npy", expected)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_written_in_any_order_and_in_blocks_of_any_size(tmp_path: Path, seed: int) -> None:
    expected = values("float32", (23, 3, 2))
    rng = np.random.default_rng(seed)
    borders = [0, *sorted(rng.choice(np.arange(1, 23), size=6, replace=False)), 23]
    blocks = list(itertools.pairwise(borders))
    with ArrayFile(tmp_path / "a.npy", np.float32, expected.shape) as file:
        for index in rng.permutation(len(blocks)):
            start, stop = blocks[index]
            file.write(int(start), expected[start:stop])
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_parts_of_an_array_that_is_there_are_written_in_any_order(tmp_path: Path, axes: int) -> None:
    shape, path = (3, 7, 5, 2), tmp_path / "a.npy"
    expected = values("int32", shape)
    with ArrayFile(path, np.int32, shape):
        pass
    parts = [
        (*above, start)
        for above in np.ndindex(shape[: axes - 1])
        for start in range(0, shape[axes - 1], 2)  # the last part of each is shorter
    ]
    for number in np.random.default_rng(0).permutation(len(parts)):
        place = parts[number]
        write_part(path, place, expected[place[:-1]][place[-1] : place[-1] + 2])
    np.testing.assert_array_equal(np.load(path), expected)
    np.save(tmp_path / "numpy.npy", expected)
    assert path.read_bytes() == (tmp_path / "numpy.npy").read_bytes()


@pytest.mark.parametrize(
    ("place", "rows"),
    [
        ((0, 0), np.zeros((2, 4), np.int64)),
        ((0, 0), np.zeros((2, 3), np.int32)),
        ((0, 2), np.zeros((2, 4), np.int32)),
        ((2, 0), np.zeros((2, 4), np.int32)),
    ],
    ids=["dtype", "shape", "too many", "outside"],
)
def test_a_part_that_does_not_fit_changes_nothing(tmp_path: Path, place: tuple[int, int], rows: np.ndarray) -> None:
    write_array(tmp_path / "a.npy", np.ones((2, 3, 4), np.int32))
    before = (tmp_path / "a.npy").read_bytes()
    with pytest.raises((AssertionError, ValueError)):
        write_part(tmp_path / "a.npy", place, rows)
    assert (tmp_path / "a.npy").read_bytes() == before


def test_a_write_that_the_system_cuts_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = values("int64", (4, 3))
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, offset: pwrite(descriptor, data[:5], offset))
    write_array(tmp_path / "a.npy", expected)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)


def test_rows_that_do_not_lie_one_after_the_other_in_memory(tmp_path: Path) -> None:
    expected = values("int32", (5, 4)).T[::-1]
    write_array(tmp_path / "a.npy", expected)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)


def test_the_file_has_its_size_before_a_row_is_written(tmp_path: Path) -> None:
    with ArrayFile(tmp_path / "a.npy", np.int32, (50, 7)):
        assert (tmp_path / "a.npy").stat().st_size == 128 + 50 * 7 * 4
    assert not np.load(tmp_path / "a.npy").any()


def test_an_array_that_the_disk_cannot_hold_is_an_error_before_a_row_is_written(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            ArrayFile(tmp_path / "a.npy", np.uint8, (10_001,))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("first_row", "rows"),
    [
        pytest.param(0, np.zeros((1, 3), np.int64), id="dtype"),
        pytest.param(0, np.zeros((1, 4), np.int32), id="shape"),
        pytest.param(4, np.zeros((2, 3), np.int32), id="past the end"),
        pytest.param(-1, np.zeros((1, 3), np.int32), id="before the start"),
    ],
)
def test_rows_that_do_not_fit_are_our_own_mistake(tmp_path: Path, first_row: int, rows: np.ndarray) -> None:
    with ArrayFile(tmp_path / "a.npy", np.int32, (5, 3)) as file, pytest.raises(AssertionError):
        file.write(first_row, rows)


def test_writing_into_an_opened_array_does_not_reach_the_file(tmp_path: Path) -> None:
    write_array(tmp_path / "a.npy", values("int32", (5, 3)))
    before = (tmp_path / "a.npy").read_bytes()
    array = open_array(tmp_path / "a.npy")
    assert isinstance(array, np.memmap)
    array[:] = 7
    array.flush()
    assert (tmp_path / "a.npy").read_bytes() == before


@pytest.mark.parametrize("left", [0, 5, 60, 128, 187])
def test_a_file_cut_short_is_refused(tmp_path: Path, left: int) -> None:
    write_array(tmp_path / "a.npy", values("int32", (5, 3)))
    whole = (tmp_path / "a.npy").read_bytes()
    assert len(whole) == 188
    (tmp_path / "a.npy").write_bytes(whole[:left])
    with pytest.raises(UserError, match=r"a\.npy is not a whole \.npy array \(.+\)\. Run `dvc checkout`"):
        open_array(tmp_path / "a.npy")


def test_pickled_arrays_and_other_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    (tmp_path / "words.npy").write_text("no array at all")
    for name in ("objects", "words"):
        with pytest.raises(UserError, match=rf"{name}\.npy is not a whole \.npy array"):
            open_array(tmp_path / f"{name}.npy")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.npy does not exist"):
        open_array(tmp_path / "none.npy")


def test_the_description_gives_dtype_shape_and_the_digest_of_the_bytes(tmp_path: Path) -> None:
    write_array(tmp_path / "a.npy", values("uint8", (5, 3, 2)))
    assert describe_array(tmp_path / "a.npy") == {
        "dtype": "uint8",
        "shape": [5, 3, 2],
        "sha256": hashlib.sha256((tmp_path / "a.npy").read_bytes()).hexdigest(),
    }


def test_a_zip_under_the_name_of_an_array_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(UserError, match=r"a\.npy is not a whole \.npy array"):
        open_array(tmp_path / "a.npy")
