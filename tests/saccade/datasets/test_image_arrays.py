"""Images as arrays: .npz, .npy and IDX files, compared with what was saved."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.datasets.image_arrays import fetch, read


def images(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 255, (count, *shape), dtype=np.uint8)


def fetched(folder: Path, source: Path, **arguments: list[str]):
    raw = folder / "raw"
    raw.mkdir()
    fetch(raw, path=str(source))
    return read(raw, **arguments)


def idx(array: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def test_a_npz_with_published_splits(tmp_path: Path) -> None:
    train, test = images(6, 5, 4), images(4, 5, 4)
    np.savez(tmp_path / "m.npz", x_test=test, y_test=[1, 0, 0, 1], x_train=train, y_train=[0, 1, 0, 1, 1, 0])
    examples = fetched(tmp_path, tmp_path / "m.npz")
    assert examples.classes == ("0", "1")
    assert examples.labels.tolist() == [0, 1, 0, 1, 1, 0, 1, 0, 0, 1]
    assert examples.published_splits == ["train"] * 6 + ["test"] * 4
    np.testing.assert_array_equal([examples.image(i) for i in range(10)], np.concatenate([train, test]))


def test_idx_files_packed_and_not(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    pixels, labels = images(5, 7, 6), np.array([3, 1, 3, 1, 1], dtype=np.uint8)
    (tmp_path / "d" / "train-images.idx3-ubyte").write_bytes(idx(pixels))
    (tmp_path / "d" / "train-labels.idx1-ubyte").write_bytes(idx(labels))
    (tmp_path / "d" / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels[:2])))
    (tmp_path / "d" / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels[:2])))
    examples = fetched(tmp_path, tmp_path / "d", class_names=None)
    assert examples.classes == ("1", "3") and examples.labels.tolist() == [1, 0, 1, 0, 0, 1, 0]
    assert examples.published_splits == ["train"] * 5 + ["test"] * 2
    assert examples.ids[:2] == examples.ids[5:], "the same pixels have the same id"
    np.testing.assert_array_equal(examples.image(4), pixels[4])


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        (images(3, 4, 5, 3), images(3, 4, 5, 3)),
        (images(3, 3, 4, 5), images(3, 3, 4, 5).transpose(0, 2, 3, 1)),
        (images(3, 4, 5, 1), images(3, 4, 5, 1)[..., 0]),
        (images(3, 16), images(3, 16).reshape(3, 4, 4)),
        (images(3, 4, 5) / np.float32(255), images(3, 4, 5)),
        (images(3, 4, 5).astype(np.int64), images(3, 4, 5)),
        (images(3, 4, 5).astype(np.float64), images(3, 4, 5)),
    ],
)
def test_forms_of_images(tmp_path: Path, saved: np.ndarray, expected: np.ndarray) -> None:
    np.savez_compressed(tmp_path / "m.npz", X=saved, y=[0, 1, 1])
    examples = fetched(tmp_path, tmp_path / "m.npz")
    np.testing.assert_array_equal([examples.image(i) for i in range(3)], expected)


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]]), ("0", "1", "2"), [1, 0, 2]),
        (np.array([[4], [7], [4]]), ("4", "7"), [0, 1, 0]),
        (np.array(["dog", "cat", "dog"]), ("cat", "dog"), [1, 0, 1]),
        (np.array([b"dog", b"cat", b"dog"]), ("cat", "dog"), [1, 0, 1]),
        (np.array([2.0, 0.0, 2.0]), ("0", "2"), [1, 0, 1]),
    ],
)
def test_forms_of_labels(tmp_path: Path, labels: np.ndarray, classes: tuple[str, ...], expected: list[int]) -> None:
    np.savez(tmp_path / "m.npz", images=images(3, 4, 5), labels=labels)
    examples = fetched(tmp_path, tmp_path / "m.npz")
    assert examples.classes == classes and examples.labels.tolist() == expected


def test_classes_may_have_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", images=images(3, 4, 5), labels=[0, 1, 0])
    assert fetched(tmp_path, tmp_path / "m.npz", class_names=["cat", "dog"]).classes == ("cat", "dog")
    with pytest.raises(UserError, match=r"class_names names 3 classes, 0 to 2, but labels are 0, 1"):
        read(tmp_path / "raw", class_names=["cat", "dog", "owl"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": images(3, 4, 5)}, "images must have an array of labels beside it, such as x_train and y_train"),
        ({"a": images(3, 4)}, "must hold arrays of images and labels, such as x_train and y_train"),
        ({"x": images(3, 4, 5), "y": [0, 1]}, r"3 images must have as many labels, but the labels are \(2,\)"),
        ({"x": images(3, 5), "y": [0, 1, 1]}, r"but has the shape \(3, 5\)"),
        (
            {"x": images(3, 4, 5) * 2.5, "y": [0, 1, 1]},
            r"grey levels from 0 to 255, or floats in \[0, 1\], but goes from",
        ),
        ({"x": images(3, 4, 5), "y": [1, 1, 1]}, "at least two classes, but there is only 1"),
        ({"x": images(3, 4, 5), "y": [0.5, 1, 1]}, "labels must be whole numbers or words, but are float64"),
        ({"x": images(3, 4, 5), "images": images(3, 4, 5)}, "one array of examples a split, but has x and images"),
        (
            {"x_train": images(3, 4, 5), "y_train": [0, 1, 1], "x": images(3, 4, 5), "y": [0, 1, 1]},
            "must name the split of each array or of none; x has none",
        ),
        ({"x": images(3, 4, 5), "y": np.array([0, "a", None], dtype=object)}, "without pickled objects"),
    ],
)
def test_what_is_refused(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "m.npz", **arrays)
    with pytest.raises(UserError, match=message):
        fetched(tmp_path, tmp_path / "m.npz")


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", x=images(30, 9, 9), y=[0, 1] * 15)
    (tmp_path / "m.npz").write_bytes((tmp_path / "m.npz").read_bytes()[:900])
    with pytest.raises(UserError, match=r"must be a whole .npz file"):
        fetched(tmp_path, tmp_path / "m.npz")
