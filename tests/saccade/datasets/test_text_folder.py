"""Texts in folders and archives: files or lines as examples, and what is wrong with them."""

import io
import random
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.datasets import text_folder
from saccade.readers.examples import TextExamples

RealData = Callable[[str], Path]
REVIEWS = {
    "pos/a.txt": b"good\r\nfilm\n",
    "pos/b.txt": b"\xef\xbb\xbffine ",
    "neg/c.txt": "  schl\N{LATIN SMALL LETTER E WITH ACUTE}cht\n".encode(),
    "neg/d.text": "schl\N{COMBINING DIAERESIS}echt".encode(),
}
NAMES = {
    "names/French.txt": "Béné\n\n  Martin \nMartin\n".encode(),
    "names/Dutch.txt": b"Martin\r\nde Vries",
}


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)


def write_tar(target: Path, files: Mapping[str, bytes], mode: str = "w") -> None:
    with tarfile.open(target, mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def write_zip(target: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


WRITERS: dict[str, Callable[[Path, Mapping[str, bytes]], None]] = {
    "texts": write_folder,
    "texts.tar": write_tar,
    "texts.tar.gz": partial(write_tar, mode="w:gz"),
    "texts.tar.xz": partial(write_tar, mode="w:xz"),
    "texts.zip": write_zip,
}


def fetched(folder: Path, path: Path, **arguments: Any) -> TextExamples:
    (folder / "raw").mkdir(exist_ok=True)
    text_folder.fetch(folder / "raw", path=str(path), **arguments)
    return text_folder.read(folder / "raw", **arguments)


def of(folder: Path, files: Mapping[str, bytes], **arguments: Any) -> TextExamples:
    write_folder(folder / "texts", files)
    return fetched(folder, folder / "texts", **arguments)


def labelled(examples: TextExamples) -> dict[str, tuple[str, str]]:
    """Name to class and text."""
    return {
        examples.name(i): (examples.classes[examples.labels[i]], examples.texts[i]) for i in range(len(examples.labels))
    }


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_a_class(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, REVIEWS | {"pos/.hidden.txt": b"x", "README.md": b"x", "notes": b"x"})
    examples = fetched(tmp_path, tmp_path / name)
    assert examples.classes == ("neg", "pos") and examples.labels.dtype == np.int64
    assert labelled(examples) == {
        "pos/a.txt": ("pos", "good\nfilm"),
        "pos/b.txt": ("pos", "fine"),
        "neg/c.txt": ("neg", "schl\xe9cht"),
        "neg/d.text": ("neg", "schl\N{COMBINING DIAERESIS}echt"),
    }
    assert list(examples.paths) == [examples.name(i) for i in range(4)] and len(set(examples.ids)) == 4
    assert examples.published_splits is None and not examples.unreadable
    assert list(examples.notes) == ["left out files that are no texts by their names: .md 1, without a suffix 1"]


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_a_class(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, NAMES)
    examples = fetched(tmp_path, tmp_path / name, examples="lines")
    assert examples.classes == ("Dutch", "French") and list(examples.paths) == []
    assert labelled(examples) == {
        "names/French.txt, line 1": ("French", "Béné"),
        "names/French.txt, line 3": ("French", "Martin"),
        "names/French.txt, line 4": ("French", "Martin"),
        "names/Dutch.txt, line 1": ("Dutch", "Martin"),
        "names/Dutch.txt, line 2": ("Dutch", "de Vries"),
    }
    martins = [examples.ids[i] for i in range(5) if examples.texts[i] == "Martin"]
    assert len(martins) == 3 and len(set(martins)) == 1 and len(set(examples.ids)) == 3
    assert list(examples.notes) == ["left out 1 empty line"]


def test_texts_that_look_the_same_are_the_same(tmp_path: Path) -> None:
    examples = of(tmp_path, {"a/1.txt": "é\r\n".encode(), "b/1.txt": "e\N{COMBINING ACUTE ACCENT}".encode()})
    assert examples.ids[0] == examples.ids[1]


def test_published_splits_are_folders(tmp_path: Path) -> None:
    files = {f"{split}/{name}": content for split in ("train", "test") for name, content in REVIEWS.items()}
    examples = of(tmp_path, files)
    splits = {examples.name(i).split("/")[0] for i in range(8)}
    assert splits == {"train", "test"}
    assert [examples.name(i).split("/")[0] for i in range(8)] == examples.published_splits
    lines = {f"{split}/{Path(name).name}": content for split in ("train", "val") for name, content in NAMES.items()}
    write_folder(tmp_path / "lines", lines)
    examples = fetched(tmp_path / "lines", tmp_path / "lines", examples="lines")
    assert examples.classes == ("Dutch", "French") and len(examples.labels) == 10
    assert set(examples.published_splits or ()) == {"train", "validation"}


def test_other_layouts(tmp_path: Path) -> None:
    files = {"x/pos_1.txt": b"a", "x/pos_2.txt": b"b", "y/neg_1.txt": b"c"}
    assert of(tmp_path, files, class_from="{class}_[0-9]*.txt").classes == ("neg", "pos")
    lines = {"x/deep/1.txt": b"a\nb", "y/deep/2.txt": b"c"}
    write_folder(tmp_path / "lines", lines)
    examples = fetched(tmp_path / "lines", tmp_path / "lines", examples="lines", class_from="first")
    assert [examples.classes[label] for label in examples.labels] == ["x", "x", "y"]


def test_names_of_folders_are_read_as_those_of_pictures(tmp_path: Path) -> None:
    files = {
        f"{split}/{name}/{i}.txt": f"{split} {name} {i}".encode()
        for split in ("a", "b")
        for name in ("no", "Yes")
        for i in (1, 2)
    }
    examples = of(tmp_path / "1", {**files, "a/yes/1.txt": b"last"}, splits={"train": "a", "test": "b"})
    assert examples.classes == ("Yes", "no", "yes") and set(examples.published_splits or ()) == {"train", "test"}
    assert "'Yes' (4) and 'yes' (1) differ in capitals" in examples.warnings[0]
    one = of(tmp_path / "2", {**files, "a/yes/1.txt": b"last"}, class_from="parent", rename_classes={"yes": "Yes"})
    assert one.classes == ("Yes", "no") and one.published_splits is None and one.warnings == ()
    large = of(tmp_path / "3", {**files, "a/yes/1.txt": b"last"}, class_from="parent", min_per_class=2)
    assert large.classes == ("Yes", "no") and len(large.texts) == 8 and "left out 1 class" in large.notes[-1]


def test_small_classes_of_lines_are_left_out(tmp_path: Path) -> None:
    files = {"a.txt": b"1\n2\n\n", "b.txt": b"3\n4\n5", "c.txt": b"6\n \n"}
    examples = of(tmp_path / "x", files, examples="lines", min_per_class=2)
    assert list(examples.texts) == ["1", "2", "3", "4", "5"] and examples.classes == ("a", "b")
    assert "left out 1 class of fewer than 2 examples (min_per_class): 'c' (1); 1 example" in examples.notes


def test_include_takes_files_whatever_they_are_called(tmp_path: Path) -> None:
    files = {"sci.space/60123": b"a", "rec.autos/7": b"b", "rec.autos/8.gz": b"c"}
    with pytest.raises(UserError, match=r"must hold texts \(\.txt, \.text\), but holds \.gz 1, without a suffix 2"):
        of(tmp_path, files)
    assert of(tmp_path / "b", files, include=["*/[0-9]*"], exclude=["*.gz"]).classes == ("rec.autos", "sci.space")


def test_latin_1_by_name(tmp_path: Path) -> None:
    files = {"a/1.txt": "caf\xe9".encode("latin-1"), "b/1.txt": b"tea"}
    assert of(tmp_path, files, encoding="latin-1").texts[0] == "café"


def test_files_that_are_no_texts_are_told_one_by_one(tmp_path: Path) -> None:
    bad = {
        "pos/empty.txt": b"",
        "pos/space.txt": b" \n\t\n",
        "neg/latin.txt": b"ab\ncaf\xe9",
        "neg/binary.txt": b"GIF89a\0\1",
    }
    examples = of(tmp_path, REVIEWS | bad)
    assert len(examples.labels) == 8
    told = {examples.name(row): reason for row, reason in examples.unreadable.items()}
    assert told["pos/empty.txt"] == told["pos/space.txt"] == "must not be empty: it holds nothing but white space"
    assert told["neg/latin.txt"].startswith("must be utf-8, but line 2, column 4 holds the byte 0xe9.")
    assert told["neg/binary.txt"].startswith("must be text, but line 1, column 7 holds a NUL byte")
    assert len(told) == 4


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        pytest.param(
            {"a/1.txt": b"x"}, {}, "must hold at least two classes, but there is only 'a'. Put each", id="one"
        ),
        pytest.param(
            {"French.txt": b"x"},
            {"examples": "lines"},
            "only 'French'. Put each class into a file of its name",
            id="line",
        ),
        pytest.param({"1.txt": b"x", "a/2.txt": b"y"}, {}, "examples in its root must lie in a folder", id="root"),
        pytest.param(
            {"a.txt": b"x\ny\n\xff\n", "b.txt": b"x"},
            {"examples": "lines"},
            r"'a\.txt' must be utf-8, but line 3, column 1 holds the byte 0xff.* leave it out: exclude: \['/a\.txt'\]",
            id="byte",
        ),
        pytest.param(
            {"a.txt": b"x\ny\0z\n", "b.txt": b"x"},
            {"examples": "lines"},
            r"'a\.txt' must be text, but line 2, column 2 holds a NUL byte",
            id="nul",
        ),
        pytest.param(
            {"a.txt": b"\n \n", "b.txt": b"x"},
            {"examples": "lines"},
            r"'a\.txt' must hold a line with text, but is empty\. Fill it, or leave it out: exclude",
            id="empty",
        ),
        pytest.param(REVIEWS, {"examples": "words"}, r"examples \(words\) must be files or lines", id="examples"),
        pytest.param(REVIEWS, {"encoding": "utf-9"}, r"encoding \(utf-9\) must be one", id="encoding"),
        pytest.param(REVIEWS, {"class_from": "second"}, r"class_from \(second\) must be", id="class_from"),
        pytest.param(REVIEWS, {"include": ["*.doc"]}, "must hold files to pack, but there are none", id="include"),
        pytest.param(REVIEWS, {"max_files": 3}, "must hold at most 3 files", id="files"),
        pytest.param(REVIEWS, {"max_file_bytes": 11}, "must be at most 11 bytes long", id="bytes"),
        pytest.param(REVIEWS, {"max_bytes": 20}, "must unpack to at most 20 bytes", id="all bytes"),
    ],
)
def test_what_is_refused(tmp_path: Path, files: Mapping[str, bytes], arguments: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        of(tmp_path, files, **arguments)


def test_a_bad_argument_is_refused_before_anything_is_brought(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for wrong in ({"examples": "rows"}, {"encoding": "utf-9"}, {"class_from": "second"}):
        with pytest.raises(UserError):
            text_folder.fetch(tmp_path / "raw", url="http://127.0.0.1:1/x.zip", sha256="0" * 64, size=1, **wrong)  # type: ignore[arg-type]
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_name_that_leads_out_is_refused(tmp_path: Path) -> None:
    write_tar(tmp_path / "texts.tar", {"a/1.txt": b"x", "../b/1.txt": b"y"})
    with pytest.raises(UserError, match="must not lead out of the archive"):
        fetched(tmp_path, tmp_path / "texts.tar")


def test_an_address_is_fetched_and_checked(tmp_path: Path, serve: Callable[[Path], str]) -> None:
    packed = tmp_path / "texts.zip"
    write_zip(packed, REVIEWS)
    (tmp_path / "raw").mkdir()
    at = {"url": f"{serve(tmp_path)}/texts.zip", "sha256": sha256_of_file(packed), "size": packed.stat().st_size}
    text_folder.fetch(tmp_path / "raw", **at)  # type: ignore[arg-type]
    assert text_folder.read(tmp_path / "raw").classes == ("neg", "pos")
    (tmp_path / "again").mkdir()
    with pytest.raises(UserError, match="SHA-256"):
        text_folder.fetch(tmp_path / "again", **(at | {"sha256": "0" * 64}))  # type: ignore[arg-type]


def test_any_bytes_are_read_or_refused_never_worse(tmp_path: Path) -> None:
    choose = random.Random(1)
    for i in range(60):
        content = bytes(choose.choices(b"ab \n\r\t\xc3\xa9\xff\0", k=choose.randrange(0, 30)))
        folder = tmp_path / str(i)
        files = {"a/1.txt": content, "b/1.txt": b"b"}
        examples = of(folder, files)
        try:
            expected = content.decode("utf-8").strip()
        except UnicodeDecodeError:
            expected = ""
        readable = bool(expected) and b"\0" not in content
        assert (0 not in examples.unreadable) == readable
        try:
            lines = of(folder / "lines", {"a.txt": content, "b.txt": b"b"}, examples="lines")
            assert len(lines.labels) == 1 + sum(bool(line.strip()) for line in io.StringIO(expected, newline=None))
        except UserError:
            assert not readable


def test_the_surnames(tmp_path: Path, real_data: RealData) -> None:
    examples = fetched(tmp_path, real_data("names"), examples="lines")
    texts, labels = list(examples.texts), examples.labels.tolist()
    assert len(texts) == 20_050 and len(examples.classes) == 18
    assert len(set(zip(texts, labels, strict=True))) == 18_012
    assert len(set(texts)) == len(set(examples.ids)) == 17_450
    of_text: dict[str, set[int]] = {}
    for text, label in zip(texts, labels, strict=True):
        of_text.setdefault(text, set()).add(label)
    assert sum(len(of_text[text]) > 1 for text in texts) == 1_152


def test_the_reviews(tmp_path: Path, real_data: RealData) -> None:
    examples = fetched(tmp_path, real_data("review_polarity.tar.gz"))
    assert examples.classes == ("neg", "pos") and np.bincount(examples.labels).tolist() == [1000, 1000]
    assert not examples.unreadable and len(set(examples.ids)) == 2000
    assert examples.texts[0].startswith("plot : two teen couples go to a church party")
    assert list(examples.notes) == ["left out files that are no texts by their names: .0 1"]
