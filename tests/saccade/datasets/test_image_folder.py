"""Pictures in folders and archives."""

import http.server
import io
import os
import struct
import tarfile
import threading
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.datasets import image_folder
from saccade.io.path_patterns import escape_pattern
from saccade.readers.examples import ImageExamples

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


TILES = {
    f"{around}MT_{name}/Imgs/{number}.{suffix}": file_of(picture(number, 4, 5), kind)
    for around in ("", "tiles-master/")
    for name in ("Blowhole", "Crack")
    for number, suffix, kind in ((1, "jpg", "JPEG"), (1, "png", "PNG"), (2, "jpg", "JPEG"))
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("around", ["", "tiles-master/"])
def test_photographs_are_taken_and_masks_beside_them_left(tmp_path: Path, name: str, around: str) -> None:
    files = {name: content for name, content in TILES.items() if name.startswith(around or "MT_")}
    files[f"{around}Readme.md"] = b"x"
    examples = fetched(tmp_path, name, files, include=["MT_*/Imgs/*.jpg"], class_from="MT_{class}/Imgs/*")
    assert examples.classes == ("Blowhole", "Crack")
    assert examples.labels.tolist() == [0, 0, 1, 1]
    assert list(examples.names) == [f"{around}MT_{c}/Imgs/{n}.jpg" for c in ("Blowhole", "Crack") for n in (1, 2)]
    assert examples.notes == ()


def test_a_pattern_from_the_root_leaves_folders_further_below(tmp_path: Path) -> None:
    examples = fetched(tmp_path, "pets.zip", TILES, exclude=["/MT_Crack/", "*.png"], class_from="MT_{class}/Imgs/*")
    assert [name for name in examples.names if "Crack" in name] == [
        f"tiles-master/MT_Crack/Imgs/{n}.jpg" for n in (1, 2)
    ]


def test_what_is_left_out_of_a_folder_is_not_packed(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "pets", PICTURES | {"dog/raw/huge.bin": b"x"})
    image_folder.fetch(tmp_path / "raw", path=str(source), exclude=["dog/*"])
    with tarfile.open(tmp_path / "raw" / "images.tar") as tar:
        assert tar.getnames() == ["gato/old/ção.png", "猫/a b.webp", "猫/b.gif"]


def test_an_unreadable_picture_is_left_out_by_the_pattern_of_its_name(tmp_path: Path) -> None:
    examples = fetched(tmp_path, "pets.tar", PICTURES | {"dog/x [1].png": b"<html>"})
    assert list(examples.names) == [*PICTURES, "dog/x [1].png"]
    content = examples.load(5)
    with pytest.raises(UserError, match=r"^must be a picture: its 6 bytes are none that Pillow knows"):
        examples.decode(content)
    again = image_folder.read(tmp_path / "raw", exclude=[escape_pattern(examples.name(5))])
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
    ],
)
def test_an_archive_without_classes_is_refused(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(UserError, match=rf"pets\.zip.* {message}"):
        fetched(tmp_path, "pets.zip", files)


def test_archives_in_an_archive_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pets\.zip holds archives in place of pictures \(\.md 1, \.zip 1\)"):
        fetched(tmp_path, "pets.zip", {"set/inner.zip": b"PK", "set/about.md": b"x"})


def animation(*levels: int) -> bytes:
    file, frames = io.BytesIO(), [Image.new("L", (5, 4), level) for level in levels]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def test_frames_are_examples_of_one_group_or_the_first_is_taken_with_a_word(tmp_path: Path) -> None:
    files = {"a/1.gif": animation(10, 20, 30), "a/2.gif": animation(40), "b/3.gif": animation(50, 60)}
    first = fetched(tmp_path, "pets.zip", files)
    assert list(first.names) == list(files) and first.paths == ()
    assert first.notes == (
        "2 files of several frames (5 in all), such as 'a/1.gif': the first of each is taken; frames: all takes all of "
        "them",
    )
    every = image_folder.read(tmp_path / "raw", frames="all")
    assert list(every.names) == [
        *(f"a/1.gif (frame {i})" for i in (1, 2, 3)),
        "a/2.gif",
        *(f"b/3.gif (frame {i})" for i in (1, 2)),
    ]
    assert list(every.paths) == ["a/1.gif"] * 3 + ["a/2.gif"] + ["b/3.gif"] * 2
    assert [every.image(i).flat[0] for i in range(6)] == [10, 20, 30, 40, 50, 60]
    assert every.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert [len(set(every.ids[rows])) for rows in (slice(0, 3), slice(0, 4), slice(4, 6))] == [1, 2, 1]
    assert every.notes[0].endswith("each frame is an example")


def test_dicoms_are_known_by_their_content(tmp_path: Path) -> None:
    image = bytes(128) + b"DICM" + bytes(100)
    files = {"a/IM0001": image, "b/1.2.840.113619": image, "b/README": b"about", "b/about.md": image}
    examples = fetched(tmp_path, "pets.zip", files)
    assert list(examples.names) == ["a/IM0001", "b/1.2.840.113619"]
    assert examples.notes == ("left out files that are no pictures by their names: .md 1, without a suffix 1",)


def test_small_classes_are_left_out_by_one_line(tmp_path: Path) -> None:
    source = write_zip(tmp_path / "pets.zip", PICTURES)
    image_folder.fetch(tmp_path / "raw", path=str(source))
    with pytest.raises(UserError, match=r"min_per_class \(3\) must leave at least two .* are 'dog' 2, '猫' 2"):
        image_folder.read(tmp_path / "raw", min_per_class=3)
    examples = image_folder.read(tmp_path / "raw", min_per_class=2)
    assert examples.classes == ("dog", "猫") and examples.labels.tolist() == [0, 0, 1, 1]
    assert list(examples.names) == [name for name in PICTURES if not name.startswith("gato")]
    assert examples.notes == ("left out 1 class of fewer than 2 examples (min_per_class): 'gato' (1); 1 example",)
    np.testing.assert_array_equal(examples.image(1), picture(2, 5, 7))


def test_paths_that_are_no_source_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"path \(.*gone\) must be a folder or a file, but .*gone does not exist"):
        image_folder.fetch(tmp_path / "raw", path=str(tmp_path / "gone"))
    with pytest.raises(UserError, match=r"path \(~nobody-of-that-name/x\) must be a folder or a file"):
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
        ({"path": "pets", "sha256": "0" * 64}, "belong to url; leave them out where there is none"),
        ({"path": "pets", "mirror": "there"}, "belong to url"),
        ({"url": "https://example.org/pets.zip"}, r"url \(https://example\.org/pets\.zip\) needs sha256 and size"),
        ({"url": "https://example.org/pets.zip", "size": 7}, "needs sha256 and size beside it"),
        ({"url": "https://example.org/", "size": 7, "sha256": "0" * 64}, "must end with the name of a file"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(tmp_path: Path, arguments: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        image_folder.fetch(tmp_path / "raw", **arguments)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pets.tar")
    with pytest.raises(UserError, match=r"path \(.*pets\.tar\) must be a folder, a \.zip or a \.tar"):
        image_folder.fetch(tmp_path / "raw", path=str(tmp_path / "pets.tar"))


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_files": 4}, r"must hold at most 4 files \(max_files\)"),
        ({"max_file_bytes": 300}, r"'.*' must be at most 300 bytes long \(max_file_bytes\)"),
        ({"max_bytes": 700}, r"must unpack to at most 700 bytes \(max_bytes\)"),
        ({"max_bytes": 0}, r"max_bytes \(0\) must be at least 1"),
        ({"class_from": "last"}, r"class_from \(last\) must be first, parent, or a pattern"),
        ({"include": ["a", ""]}, r"a pattern of file names \(''\) must not be empty"),
    ],
)
def test_limits_and_what_cannot_be_meant_are_refused(tmp_path: Path, name: str, arguments: Any, message: str) -> None:
    assert sum(map(len, PICTURES.values())) > 700 and max(map(len, PICTURES.values())) > 300
    with pytest.raises(UserError, match=message):
        fetched(tmp_path, name, PICTURES, **arguments)


def claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims another size than its data have."""
    whole = file_of(picture(1, 4, 5), "PNG")
    body = b"IHDR" + struct.pack(">LL", width, height) + whole[24:29]
    return whole[:12] + body + struct.pack(">L", zlib.crc32(body)) + whole[33:]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("page.jpg", b"<!DOCTYPE html><html>404</html>", "must be a picture: its 31 bytes are none"),
        ("empty.png", b"", "must be a picture: its 0 bytes are none"),
        ("cut.jpg", PICTURES["dog/1.JPG"][:-200], "must be a whole picture: "),
        ("huge.png", claiming(100_000, 100_000), "must be a whole picture: "),
    ],
)
def test_what_is_no_picture_is_an_error_of_that_file_alone(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    examples = fetched(tmp_path, "pets.zip", {f"dog/{name}": content} | PICTURES)
    assert len(examples.labels) == 6 and examples.name(0) == f"dog/{name}"
    with pytest.raises(UserError, match=f"^{message}"):
        examples.image(0)
    np.testing.assert_array_equal(examples.image(2), picture(2, 5, 7))


def test_the_content_says_of_which_kind_a_picture_is(tmp_path: Path) -> None:
    examples = fetched(tmp_path, "pets.zip", PICTURES | {"dog/really a png.jpg": file_of(picture(9, 3, 4), "PNG")})
    np.testing.assert_array_equal(examples.image(5), picture(9, 3, 4))


def test_nothing_is_written_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    hostile = {"dog/1.JPG": PICTURES["dog/1.JPG"], "../../up.jpg": b"x", "cat/1.jpg": PICTURES["dog/1.JPG"]}
    write_zip(tmp_path / "source" / "pets.zip", hostile)
    before = set(tmp_path.rglob("*"))
    image_folder.fetch(tmp_path / "raw", path=str(tmp_path / "source" / "pets.zip"))
    with pytest.raises(UserError, match=r"member '\.\./\.\./up\.jpg' must not lead out"):
        image_folder.read(tmp_path / "raw")
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "raw", tmp_path / "raw" / "pets.zip"}


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


@pytest.mark.slow  # 60,000 pictures are listed
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
