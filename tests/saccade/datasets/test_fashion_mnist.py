"""Fashion-MNIST, in the form of MNIST's files."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.datasets import fashion_mnist
from saccade.kinds.image.pixels.idx import mnist_files

TRAIN_IMAGES = np.arange(10 * 6, dtype=np.uint8).reshape(10, 2, 3)
TEST_IMAGES = np.arange(100, 106, dtype=np.uint8).reshape(1, 2, 3)


def idx_bytes(magic: int, array: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes())


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Callable[[Path], str]) -> Path:
    """A small Fashion-MNIST in the published form, on a server that takes the publisher's place."""
    folder = tmp_path / "published"
    folder.mkdir()
    for name, content in {
        "train-images-idx3-ubyte.gz": idx_bytes(2051, TRAIN_IMAGES),
        "train-labels-idx1-ubyte.gz": idx_bytes(2049, np.arange(10, dtype=np.uint8)),
        "t10k-images-idx3-ubyte.gz": idx_bytes(2051, TEST_IMAGES),
        "t10k-labels-idx1-ubyte.gz": idx_bytes(2049, np.array([8], dtype=np.uint8)),
    }.items():
        (folder / name).write_bytes(content)
    contents = {path.name: (path.stat().st_size, sha256_of_file(path)) for path in folder.iterdir()}
    monkeypatch.setattr(fashion_mnist, "_FILES", mnist_files([f"{serve(folder)}/"], contents))
    return folder


def test_what_is_fetched_is_read_in_the_published_order(published: Path, tmp_path: Path) -> None:
    fashion_mnist.fetch(tmp_path / "raw")
    examples = fashion_mnist.read(tmp_path / "raw")
    pixels = np.stack([examples.image(i) for i in range(11)])
    np.testing.assert_array_equal(pixels, np.concatenate([TRAIN_IMAGES, TEST_IMAGES]))
    named = [examples.classes[label] for label in examples.labels]
    assert named == [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot", "Bag",
    ]  # fmt: skip
    assert examples.published_splits == ["train"] * 10 + ["test"]


def test_a_file_that_is_not_the_published_one_is_refused(published: Path, tmp_path: Path) -> None:
    path = published / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte\.gz could not be fetched: .* \(SHA-256 must be"):
        fashion_mnist.fetch(tmp_path / "raw")


def test_it_has_files_and_addresses_of_its_own() -> None:
    """Under MNIST's names, MNIST's own files would be taken for these."""
    from saccade.datasets import mnist

    ours, theirs = ({file.sha256 for file in module._FILES} for module in (fashion_mnist, mnist))
    assert len(ours) == 4 and not ours & theirs
    assert all("fashion" in address for file in fashion_mnist._FILES for address in file.addresses)


def test_mnists_files_are_refused(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz must be 26421880 bytes long, but is 9912422"):
        fashion_mnist.fetch(tmp_path, mirror=str(real_data("mnist")))
