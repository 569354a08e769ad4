"""MNIST and the IDX files it comes in."""

import gzip
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.datasets import mnist

RealData = Callable[[str], Path]

TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # as published, by class
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]

# Two training images and one test image of 2 x 3 pixels: no two lengths are equal but those that must be.
TRAIN_IMAGES = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
TEST_IMAGES = np.arange(100, 106, dtype=np.uint8).reshape(1, 2, 3)
TRAIN_LABELS = np.array([7, 2], dtype=np.uint8)
TEST_LABELS = np.array([9], dtype=np.uint8)


def idx_bytes(magic: int, array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small MNIST in the published form."""
    for name, magic, array in (
        ("train-images-idx3-ubyte.gz", 2051, TRAIN_IMAGES),
        ("train-labels-idx1-ubyte.gz", 2049, TRAIN_LABELS),
        ("t10k-images-idx3-ubyte.gz", 2051, TEST_IMAGES),
        ("t10k-labels-idx1-ubyte.gz", 2049, TEST_LABELS),
    ):
        (tmp_path / name).write_bytes(gzip.compress(idx_bytes(magic, array)))
    return tmp_path


# --- the real files


def test_the_real_files_hold_the_published_counts(real_data: RealData) -> None:
    examples = mnist.read(real_data("mnist"))
    assert examples.classes == tuple("0123456789")
    assert examples.published_splits == ["train"] * 60_000 + ["test"] * 10_000
    assert examples.labels.dtype == np.int64
    assert np.bincount(examples.labels[:60_000]).tolist() == TRAIN_COUNTS
    assert np.bincount(examples.labels[60_000:]).tolist() == TEST_COUNTS
    assert len(examples.ids) == len(set(examples.ids)) == 70_000  # no image occurs twice


def test_the_real_images_are_upright_and_bright_on_dark(real_data: RealData) -> None:
    examples = mnist.read(real_data("mnist"))
    first, one = examples.image(0), examples.image(3)
    assert first.shape == (28, 28) and first.dtype == np.uint8
    assert (examples.labels[0], first[0, 0], first.max()) == (5, 0, 255)
    # The fourth training image is a one, which stands upright: taller than broad.
    rows, columns = np.nonzero(one > 128)
    assert examples.labels[3] == 1 and np.ptp(rows) > np.ptp(columns)
    # Mean and standard deviation of the training pixels, as quoted everywhere: 0.1307 and 0.3081.
    pixels = np.stack([examples.image(i) for i in range(60_000)]) / np.float32(255)
    assert pixels.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert pixels.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)


def test_fetch_copies_the_real_files_from_a_mirror(real_data: RealData, tmp_path: Path) -> None:
    source, seen = real_data("mnist"), set()
    mnist.fetch(tmp_path / "raw", mirror=str(source), progress=lambda what, *_: seen.add(what))
    names = sorted(path.name for path in source.glob("*.gz"))
    assert len(names) == 4 and seen == set(names)
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == names
    for name in names:
        assert sha256_of_file(tmp_path / "raw" / name) == sha256_of_file(source / name)


def test_fetch_refuses_other_bytes(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz must be 9912422 bytes long, but is \d+"):
        mnist.fetch(tmp_path / "raw", mirror=str(folder))


# --- a small copy


def test_the_small_files_are_read_in_order(folder: Path) -> None:
    examples = mnist.read(folder)
    np.testing.assert_array_equal([examples.image(i) for i in range(3)], np.concatenate([TRAIN_IMAGES, TEST_IMAGES]))
    assert examples.labels.tolist() == [7, 2, 9]
    assert examples.published_splits == ["train", "train", "test"]
    assert examples.ids[2] == hashlib.blake2b(bytes(range(100, 106)), digest_size=16).hexdigest()


def test_equal_pixels_have_equal_ids(folder: Path) -> None:
    twice = np.stack([TRAIN_IMAGES[0], TRAIN_IMAGES[0]])
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(2051, twice)))
    ids = mnist.read(folder).ids
    assert ids[0] == ids[1] != ids[2]


IMAGES = idx_bytes(2051, TRAIN_IMAGES)
LABELS = idx_bytes(2049, TRAIN_LABELS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("train-images", b"<html>", "must be a whole gzip file: Not a gzipped file", id="not gzip"),
        pytest.param(
            "train-images", gzip.compress(IMAGES)[:-9], "must be a whole gzip file: Compressed", id="gzip cut"
        ),
        pytest.param(
            "train-images", gzip.compress(IMAGES)[:10] + b"\xff" * 30, "must be a whole gzip file: Error", id="gzip bad"
        ),
        pytest.param(
            "train-images",
            gzip.compress(IMAGES)[:-8] + bytes(8),
            "must be a whole gzip file: CRC check failed",
            id="gzip checksum",
        ),
        pytest.param("train-images", gzip.compress(LABELS + bytes(9)), "magic number 2051, but .* 2049", id="labels"),
        pytest.param("train-labels", gzip.compress(IMAGES), "magic number 2049, but .* 2051", id="images"),
        pytest.param(
            "train-images", gzip.compress(IMAGES[:-1]), "must hold 2 x 2 x 3 bytes of values, but holds 11", id="short"
        ),
        pytest.param(
            "train-images", gzip.compress(IMAGES + b"x"), "must hold 2 x 2 x 3 bytes .* but holds 13", id="long"
        ),
        pytest.param("train-labels", gzip.compress(LABELS[:7]), "8 bytes of header, but holds 7", id="header cut"),
        pytest.param(
            "train-labels",
            gzip.compress(idx_bytes(2049, np.array([1, 2, 3], dtype=np.uint8))),
            r"3 labels: there must be as many of both\.",
            id="counts differ",
        ),
        pytest.param(
            "train-labels",
            gzip.compress(idx_bytes(2049, np.array([9, 10], dtype=np.uint8))),
            r"must hold labels in \[0, 10\), but label 1 is 10",
            id="label outside",
        ),
        pytest.param(
            "t10k-images",
            gzip.compress(idx_bytes(2051, np.zeros((1, 3, 2), dtype=np.uint8))),
            r"must hold images of \(2, 3\) .* but holds \(3, 2\)",
            id="sizes differ",
        ),
    ],
)
def test_a_damaged_file_is_named(folder: Path, name: str, content: bytes, message: str) -> None:
    (path,) = folder.glob(f"{name}*")
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}.*{message}.* Fetch the dataset again\."):
        mnist.read(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte\.gz is missing"):
        mnist.read(folder)
