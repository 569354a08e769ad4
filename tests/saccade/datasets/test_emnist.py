"""EMNIST and the zip of gzipped IDX files that it comes in."""

import gzip
import hashlib
import io
import string
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.datasets import emnist
from saccade.io.downloads import RemoteFile

SUBSETS: Any = ("balanced", "byclass", "bymerge", "digits", "letters", "mnist")
MERGED = string.digits + string.ascii_uppercase + "abdefghnqrt"
CHARACTERS = {
    "balanced": MERGED,
    "byclass": string.digits + string.ascii_uppercase + string.ascii_lowercase,
    "bymerge": MERGED,
    "digits": string.digits,
    "letters": string.ascii_uppercase,
    "mnist": string.digits,
}


def drawn(character: str, size: tuple[int, int] = (28, 28)) -> np.ndarray:
    """A character, upright, white on black: uint8 (28, 28)."""
    image = Image.new("L", size)
    ImageDraw.Draw(image).text((9, 6), character, fill=255)
    return np.asarray(image)


def idx_bytes(magic: int, array: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes(), mtime=0)


def mapping(subset: str) -> bytes:
    characters = CHARACTERS[subset]
    if subset == "letters":
        lines = [f"{1 + k} {ord(character)} {ord(character.lower())}" for k, character in enumerate(characters)]
    else:
        lines = [f"{k} {ord(character)}" for k, character in enumerate(characters)]
    return ("\r\n".join(lines) + "\r\n").encode()


def published_files(subsets: tuple[str, ...] = SUBSETS) -> dict[str, bytes]:
    """Each subset's training images show all its characters once, the test images the last two; columns for rows."""
    files = {}
    for subset in subsets:
        characters, first = CHARACTERS[subset], 1 if subset == "letters" else 0
        labels = {"train": list(range(len(characters))), "test": [len(characters) - 1, len(characters) - 2]}
        files[f"gzip/emnist-{subset}-mapping.txt"] = mapping(subset)
        for split, of_split in labels.items():
            stored = np.stack([drawn(characters[k]).T for k in of_split])
            files[f"gzip/emnist-{subset}-{split}-images-idx3-ubyte.gz"] = idx_bytes(2051, stored)
            numbers = np.array(of_split, dtype=np.uint8) + first
            files[f"gzip/emnist-{subset}-{split}-labels-idx1-ubyte.gz"] = idx_bytes(2049, numbers)
    return files


def packed(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"gzip/": b"", **files}.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """``write(content)`` is a folder that holds the zip."""

    def to_folder(content: bytes) -> Path:
        (tmp_path / "gzip.zip").write_bytes(content)
        return tmp_path

    return to_folder


@pytest.mark.parametrize("subset", SUBSETS)
def test_each_subset_is_read_upright_and_by_name(write: Callable[[bytes], Path], subset: Any) -> None:
    examples = emnist.read(write(packed(published_files())), subset=subset)
    characters = CHARACTERS[subset]
    assert "".join(examples.classes) == characters
    shown = characters + characters[-1] + characters[-2]
    assert examples.labels.dtype == np.int64
    assert "".join(examples.classes[label] for label in examples.labels) == shown
    assert examples.published_splits == ["train"] * len(characters) + ["test"] * 2
    for i, character in enumerate(shown):
        image = examples.image(i)
        assert image.dtype == np.uint8 and image.flags.c_contiguous
        np.testing.assert_array_equal(image, drawn(character))
    assert examples.ids[-2:] == [examples.ids[len(characters) - 1], examples.ids[len(characters) - 2]]
    assert len(set(examples.ids)) == len(characters)


def test_balanced_is_the_default_and_params_may_name_the_others(write: Callable[[bytes], Path]) -> None:
    examples = emnist.read(write(packed(published_files(("balanced",)))))
    assert len(examples.classes) == 47
    argument = registry.keyword_arguments("datasets", "emnist", "read")["subset"]
    assert argument.default == "balanced" and argument.annotation == f"Literal{list(SUBSETS)}"
    assert list(registry.keyword_arguments("datasets", "emnist", "fetch")) == ["mirror", "progress"]


def test_the_zip_is_fetched(tmp_path: Path, serve: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(published_files(("digits",)))
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "gzip.zip").write_bytes(content)
    address = serve(tmp_path / "web")
    file = RemoteFile(
        "gzip.zip",
        hashlib.sha256(content).hexdigest(),
        len(content),
        (f"{address}/moved/gzip.zip", f"{address}/gzip.zip"),
    )
    monkeypatch.setattr(emnist, "_FILE", file)
    emnist.fetch(tmp_path / "raw")
    assert (tmp_path / "raw" / "gzip.zip").read_bytes() == content
    assert len(emnist.read(tmp_path / "raw", subset="digits").labels) == 12


def test_other_bytes_are_refused(tmp_path: Path, write: Callable[[bytes], Path]) -> None:
    folder = write(packed(published_files(("digits",))))
    with pytest.raises(UserError, match=r"gzip\.zip must be 561753746 bytes long, but is \d+"):
        emnist.fetch(tmp_path / "raw", mirror=str(folder))


LETTERS = published_files(("letters",))
MAPPING = "gzip/emnist-letters-mapping.txt"
LABELS = "gzip/emnist-letters-test-labels-idx1-ubyte.gz"
IMAGES = "gzip/emnist-letters-train-images-idx3-ubyte.gz"


def changed(name: str, content: bytes) -> bytes:
    return packed(LETTERS | {name: content})


def without(name: str) -> bytes:
    return packed({key: content for key, content in LETTERS.items() if key != name})


def with_wrong_byte_in(name: str) -> bytes:
    content = bytearray(packed(LETTERS))
    start = content.index(name.encode()) + len(name) + 40  # behind the header of the member
    content[start] ^= 0xFF
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"<html>", r"gzip\.zip must be a whole zip file: File is not a zip file", id="no zip"),
        pytest.param(packed(LETTERS)[:-30], r"gzip\.zip must be a whole zip file: ", id="cut"),
        pytest.param(without(MAPPING), rf"gzip\.zip/{MAPPING} is missing", id="mapping missing"),
        pytest.param(without(IMAGES), rf"gzip\.zip/{IMAGES} is missing", id="images missing"),
        pytest.param(changed(MAPPING, b"1 65\nB 66\n"), rf"{MAPPING} must hold a label and .* invalid", id="no number"),
        pytest.param(
            changed(MAPPING, b"1 65\n2\n"), rf"{MAPPING} must hold a label and a character's code", id="no code"
        ),
        pytest.param(changed(MAPPING, b"1 65\n3 66\n"), rf"{MAPPING} must number .* but has \[1, 3\]", id="gap"),
        pytest.param(changed(MAPPING, b"2 65\n3 66\n"), rf"{MAPPING} must number .* but has \[2, 3\]", id="from two"),
        pytest.param(changed(MAPPING, b""), rf"{MAPPING} must number .* but has \[\]", id="no classes"),
        pytest.param(
            changed(MAPPING, b"1 65\n2 65\n"), rf"{MAPPING} must give each class .* but has \('A', 'A'\)", id="twice"
        ),
        pytest.param(changed(MAPPING, b"1 65\n2 32\n"), rf"{MAPPING} must give each class .* \('A', ' '\)", id="blank"),
        pytest.param(
            changed(LABELS, idx_bytes(2049, np.array([0, 26], dtype=np.uint8))),
            rf"{LABELS} must hold labels in \[1, 27\), but label 0 is 0",
            id="label below",
        ),
        pytest.param(
            changed(LABELS, idx_bytes(2049, np.array([26, 27], dtype=np.uint8))),
            rf"{LABELS} must hold labels in \[1, 27\), but label 1 is 27",
            id="label above",
        ),
        pytest.param(changed(IMAGES, LETTERS[IMAGES][:-9]), rf"{IMAGES} must be a whole gzip file", id="gzip cut"),
        pytest.param(with_wrong_byte_in(IMAGES), rf"{IMAGES} must be a whole gzip file", id="byte in images"),
        pytest.param(with_wrong_byte_in(MAPPING), rf"{MAPPING} must hold a label and", id="byte in mapping"),
    ],
)
def test_a_damaged_zip_is_named(write: Callable[[bytes], Path], content: bytes, message: str) -> None:
    folder = write(content)
    with pytest.raises(UserError, match=rf"(?s){message}.* Fetch the dataset again\."):
        emnist.read(folder, subset="letters")


def test_a_missing_zip_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gzip\.zip is missing\. Fetch the dataset again\."):
        emnist.read(tmp_path)
