"""Pictures in folders and archives."""

import http.server
import io
import tarfile
import threading
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saccade.datasets import image_folder
from saccade.errors import UserError
from saccade.examples import ImageExamples
from saccade.files import sha256_of_file

RealData = Callable[[str], Path]


def picture(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size=shape, dtype=np.uint8)


def file_of(pixels: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


# Sorted by name, as a folder is packed. Sizes, kinds and channels differ, as in a folder of one's own.
PICTURES = {
    "dog/1.JPG": file_of(picture(1, 8, 9, 3), "JPEG"),
    "dog/2 of 3.png": file_of(picture(2, 5, 7), "PNG"),
    "gato/old/ção.png": file_of(picture(3, 6, 4, 3), "PNG"),
    "猫/a b.webp": file_of(picture(4, 6, 5, 3), "WEBP"),
    "猫/b.gif": file_of(picture(5, 3, 4), "GIF"),
}
LABELS = [0, 0, 1, 2, 2]


def write_folder(target: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    return target


def write_tar(target: Path, files: Mapping[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(target, mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target


def write_zip(target: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


WRITERS: dict[str, Callable[[Path, Mapping[str, bytes]], Path]] = {
    "pets": write_folder,
    "pets.tar": write_tar,
    "pets.tar.gz": partial(write_tar, mode="w:gz"),
    "pets.zip": write_zip,
}


def fetched(folder: Path, name: str, files: Mapping[str, bytes], **arguments: Any) -> ImageExamples:
    """``files`` as a source of that name, fetched and read."""
    (folder / "source").mkdir(exist_ok=True)
    source = WRITERS[name](folder / "source" / name, files)
    image_folder.fetch(folder / "raw", path=str(source), **arguments)
    return image_folder.read(folder / "raw", **arguments)


@pytest.mark.parametrize("name", WRITERS)
def test_pictures_are_those_that_pillow_reads(tmp_path: Path, name: str) -> None:
    examples = fetched(tmp_path, name, PICTURES)
    assert examples.classes == ("dog", "gato", "猫")
    assert examples.labels.tolist() == LABELS and examples.labels.dtype == np.int64
    assert examples.published_splits is None and examples.notes == ()
    for i, content in enumerate(PICTURES.values()):
        with Image.open(io.BytesIO(content)) as image:
            expected = np.asarray(image.convert("L" if image.mode == "L" else "RGB"))
        np.testing.assert_array_equal(examples.image(i), expected)
    np.testing.assert_array_equal(examples.image(1), picture(2, 5, 7))  # once more, and going back


@pytest.mark.parametrize("name", WRITERS)
def test_fetch_keeps_one_archive(tmp_path: Path, name: str) -> None:
    seen: list[tuple[str, int, int | None]] = []
    source = WRITERS[name](tmp_path / name, PICTURES)
    image_folder.fetch(tmp_path / "raw", path=str(source), progress=lambda *call: seen.append(call))
    (kept,) = (tmp_path / "raw").iterdir()
    what, done, total = seen[-1]
    assert what == kept.name == ("images.tar" if name == "pets" else name)
    assert done == total
    if name != "pets":
        assert kept.read_bytes() == source.read_bytes()


def test_the_published_splits_are_kept(tmp_path: Path) -> None:
    files = {
        f"pets/{split}/{name}": content
        for split in ("test", "train")
        for name, content in (("cat/1.png", PICTURES["dog/2 of 3.png"]), ("dog/1.jpg", PICTURES["dog/1.JPG"]))
    }
    examples = fetched(tmp_path, "pets.zip", files)
    assert examples.classes == ("cat", "dog")
    assert examples.labels.tolist() == [0, 1, 0, 1]
    assert examples.published_splits == ["test", "test", "train", "train"]


def test_equal_files_have_equal_ids_wherever_they_lie(tmp_path: Path) -> None:
    first, second = PICTURES["dog/1.JPG"], PICTURES["dog/2 of 3.png"]
    ids = fetched(tmp_path, "pets.tar", {"a/1.jpg": first, "a/2.png": second, "b/copy.jpg": first}).ids
    assert ids[0] == ids[2] != ids[1]


def test_other_files_are_left_out_and_counted(tmp_path: Path) -> None:
    others = {"README": b"x", "dog/notes.txt": b"x", "labels.csv": b"x", "猫/more.TXT": b"x"}
    hidden = {".DS_Store": b"x", "__MACOSX/dog/._1.JPG": b"x", "dog/.thumbs/1.jpg": b"x", ".dog/1.jpg": b"x"}
    examples = fetched(tmp_path, "pets.zip", PICTURES | others | hidden)
    assert examples.labels.tolist() == LABELS
    counts = r".csv 1, .txt 2, without a suffix 1"
    assert examples.notes == (f"left out files that are no pictures by their names: {counts}",)


@pytest.mark.parametrize("name", WRITERS)
def test_include_and_exclude_choose(tmp_path: Path, name: str) -> None:
    examples = fetched(tmp_path, name, PICTURES, include=["dog/*", "gato/*"], exclude=["*.JPG", "*/missing"])
    assert examples.labels.tolist() == [0, 1]
    np.testing.assert_array_equal(examples.image(0), picture(2, 5, 7))


def test_what_is_left_out_of_a_folder_is_not_packed(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "pets", PICTURES | {"dog/raw/huge.bin": b"x"})
    image_folder.fetch(tmp_path / "raw", path=str(source), exclude=["dog/*"])
    with tarfile.open(tmp_path / "raw" / "images.tar") as tar:
        assert tar.getnames() == ["gato/old/ção.png", "猫/a b.webp", "猫/b.gif"]


def test_an_unreadable_picture_is_named_with_the_line_that_leaves_it_out(tmp_path: Path) -> None:
    broken = {"dog/x [1].png": b"<html>"}
    examples = fetched(tmp_path, "pets.tar", PICTURES | broken)
    named = r"pets\.tar: dog/x \[1\]\.png must be a picture: its 6 bytes are none that Pillow knows\."
    with pytest.raises(UserError, match=named) as raised:
        examples.image(5)
    pattern = str(raised.value).split("exclude: ['")[1].removesuffix("']")
    again = image_folder.read(tmp_path / "raw", exclude=[pattern])
    assert again.labels.tolist() == LABELS


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param(
            {"cat/1.txt": b"x", "dog/2.txt": b"y"},
            r"must hold pictures \(\.jpg, .*\), but holds \.txt 2\. Correct path, include or exclude\.",
            id="no pictures",
        ),
        pytest.param({"empty/": b""}, r"must hold pictures \(.*\), but holds none\.", id="nothing"),
        pytest.param({"1.jpg": PICTURES["dog/1.JPG"]}, "examples in its root must lie in a folder", id="no class"),
        pytest.param({"dog/1.jpg": PICTURES["dog/1.JPG"]}, "two classes, but there is only 'dog'", id="one class"),
        pytest.param(
            {f"{place}/1.jpg": PICTURES["dog/1.JPG"] for place in ("train/cat", "train/dog", "test/dog")},
            "class 'cat' must have examples in each split, but has none in test",
            id="class missing in a split",
        ),
    ],
)
def test_an_archive_without_classes_is_refused(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(UserError, match=rf"pets\.zip.* {message}"):
        fetched(tmp_path, "pets.zip", files)


def test_paths_that_are_no_source_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"path \(.*gone\) must be a folder or an archive, but .*gone does not exist"):
        image_folder.fetch(tmp_path / "raw", path=str(tmp_path / "gone"))
    with pytest.raises(UserError, match=r"path \(~nobody-of-that-name/x\) must be a folder or an archive"):
        image_folder.fetch(tmp_path / "raw", path="~nobody-of-that-name/x")
    (tmp_path / "pets.rar").write_bytes(b"Rar!" * 400)
    with pytest.raises(UserError, match=r"path \(.*pets\.rar\) must be a folder, a \.zip or a \.tar .* Unpack it"):
        image_folder.fetch(tmp_path / "raw", path=str(tmp_path / "pets.rar"))
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"needs path \(a folder or an archive on this machine\) or url, and not both"),
        ({"path": "pets", "url": "https://example.org/pets.zip"}, "needs path .* or url, and not both"),
        ({"path": "pets", "sha256": "0" * 64}, r"belong to url; leave them out beside path \(pets\)"),
        ({"path": "pets", "mirror": "there"}, "belong to url"),
        ({"url": "https://example.org/pets.zip"}, r"url \(https://example\.org/pets\.zip\) needs sha256 and size"),
        ({"url": "https://example.org/pets.zip", "size": 7}, "needs sha256 and size beside it"),
        ({"url": "https://example.org/", "size": 7, "sha256": "0" * 64}, "must end with the name of a file"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(tmp_path: Path, arguments: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        image_folder.fetch(tmp_path / "raw", **arguments)


@pytest.mark.parametrize("names", [[], ["a.tar", "b.tar"]])
def test_a_raw_folder_with_other_files_is_named(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=f"must hold one archive, but holds {', '.join(names) or 'nothing'}. Fetch"):
        image_folder.read(tmp_path)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A web server of the folder ``web``."""
    (tmp_path / "web").mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_archive_is_fetched_from_an_address(tmp_path: Path, address: str) -> None:
    source = write_zip(tmp_path / "web" / "my pets.zip", PICTURES)
    arguments: dict[str, Any] = {"sha256": sha256_of_file(source).upper(), "size": source.stat().st_size}
    image_folder.fetch(tmp_path / "raw", url=f"{address}/my%20pets.zip?download=1", **arguments)
    assert (tmp_path / "raw" / "my pets.zip").read_bytes() == source.read_bytes()
    assert image_folder.read(tmp_path / "raw").labels.tolist() == LABELS
    image_folder.fetch(
        tmp_path / "mirrored", url="http://127.0.0.1:9/my%20pets.zip", mirror=str(tmp_path / "web"), **arguments
    )
    assert (tmp_path / "mirrored" / "my pets.zip").read_bytes() == source.read_bytes()


def test_memory_stays_flat(tmp_path: Path) -> None:
    pictures = {f"{'ab'[i % 2]}/{i}.bmp": file_of(picture(i, 200, 200, 3), "BMP") for i in range(60)}  # 7 MB
    write_tar(tmp_path / "pets.tar", pictures)
    pictures.clear()
    image_folder.fetch(tmp_path / "raw", path=str(tmp_path / "pets.tar"))
    tracemalloc.start()
    examples = image_folder.read(tmp_path / "raw")
    for i in range(60):
        examples.image(i)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2e6


# --- the real archive


def test_the_first_pictures_of_the_real_archive(real_data: RealData, tmp_path: Path) -> None:
    source = real_data("cifar10-images.tar.gz")
    image_folder.fetch(tmp_path / "raw", path=str(source))
    examples = image_folder.read(tmp_path / "raw")
    assert " ".join(examples.classes) == "airplane automobile bird cat deer dog frog horse ship truck"
    splits = np.array(examples.published_splits)
    assert np.bincount(examples.labels[splits == "train"]).tolist() == [5000] * 10
    assert np.bincount(examples.labels[splits == "test"]).tolist() == [1000] * 10
    with tarfile.open(source) as tar:
        for i in range(300):
            while not (info := tar.next()).isfile():  # type: ignore[union-attr]
                pass
            with Image.open(tar.extractfile(info)) as image:  # type: ignore[arg-type]
                np.testing.assert_array_equal(examples.image(i), np.asarray(image))
