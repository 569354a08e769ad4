"""Pictures that a table names."""

import csv
import http.server
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.datasets import image_table
from saccade.readers.examples import ImageExamples


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size=(3 + seed, 4, 3), dtype=np.uint8)


def file_of(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(seed)).save(buffer, "PNG")
    return buffer.getvalue()


# In this order in the table; archives hold them in another.
NAMES = ["img/b.png", "img/a, 'b'.png", "folhas/ção 猫.png", "img/two\nlines.png"]
PICTURES = {name: file_of(seed) for seed, name in enumerate(NAMES)}
ROWS = [
    ["path", "label", "plant", "note"],
    [NAMES[0], "rust", "p2", "x"],
    [NAMES[1], "healthy", "p1", "1;2"],
    [NAMES[2], " rust ", "p1", ""],
    [NAMES[3], "healthy", "p3", 'so "called"'],
]
OTHERS = {"img/unnamed.png": file_of(9), "README.md": b"x"}


def table_bytes(rows: Sequence[Sequence[str]], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


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
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


WRITERS: dict[str, Callable[[Path, Mapping[str, bytes]], None]] = {
    "leaves": write_folder,
    "leaves.tar": write_tar,
    "leaves.tar.gz": partial(write_tar, mode="w:gz"),
    "leaves.zip": write_zip,
}


def fetched(folder: Path, **arguments: Any) -> ImageExamples:
    image_table.fetch(folder / "raw", **arguments)
    not_read = ("path", "url", "sha256", "size", "mirror", "progress")
    return image_table.read(folder / "raw", **{key: arguments[key] for key in arguments if key not in not_read})


def of_table(folder: Path, table: bytes, files: Mapping[str, bytes] = PICTURES, **arguments: Any) -> ImageExamples:
    """The pictures in a folder with a table beside them, fetched and read."""
    write_folder(folder / "leaves", {**files, "labels.csv": table})
    return fetched(folder, table=str(folder / "leaves" / "labels.csv"), **arguments)


def check_examples(examples: ImageExamples, notes: Sequence[str] = ()) -> None:
    assert examples.classes == ("healthy", "rust")
    assert examples.labels.tolist() == [1, 0, 1, 0] and examples.labels.dtype == np.int64
    assert examples.published_splits is None and list(examples.notes) == list(notes)
    assert examples.groups == {"plant": ["p2", "p1", "p1", "p3"], "note": ["x", "1;2", "", 'so "called"']}
    assert list(examples.names) == NAMES
    assert len(set(examples.ids)) == 4
    for i in (*range(4), 0):
        np.testing.assert_array_equal(examples.image(i), picture(i))


def packed(folder: Path) -> set[str]:
    assert {path.name for path in (folder / "raw").iterdir()} == {"table.csv", "images.tar"}
    with tarfile.open(folder / "raw" / "images.tar") as tar:
        return set(tar.getnames())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_beside_its_pictures(tmp_path: Path, delimiter: str, encoding: str) -> None:
    table = table_bytes(ROWS, delimiter, encoding)
    name, between = tmp_path / "leaves" / "labels.csv", {",": "", ";": "semicolons", "\t": "tabs"}[delimiter]
    notes = [f"{name}: {between} between the cells"] if between else []
    check_examples(of_table(tmp_path, table, PICTURES | OTHERS), notes)
    assert packed(tmp_path) == set(NAMES)
    assert (tmp_path / "raw" / "table.csv").read_bytes() == table


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("around", "place", "table"),
    [
        pytest.param("", "labels.csv", "labels.csv", id="in the root"),
        pytest.param("set/", "set/labels.csv", "set/labels.csv", id="with a folder around"),
        pytest.param("", "meta/labels.csv", "meta/labels.csv", id="in a folder beside"),
    ],
)
def test_a_table_inside(tmp_path: Path, name: str, around: str, place: str, table: str) -> None:
    files = {f"{around}{other}": content for other, content in reversed((PICTURES | OTHERS).items())}
    WRITERS[name](tmp_path / name, files | {place: table_bytes(ROWS)})
    check_examples(fetched(tmp_path, table=table, path=str(tmp_path / name)))
    assert packed(tmp_path) == set(NAMES)


@pytest.mark.parametrize("name", WRITERS)
def test_a_table_elsewhere(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, PICTURES | OTHERS)
    (tmp_path / "labels.csv").write_bytes(table_bytes(ROWS))
    check_examples(fetched(tmp_path, table=str(tmp_path / "labels.csv"), path=str(tmp_path / name)))


@pytest.mark.parametrize("name", ["leaves.tar.gz", "leaves.zip"])
def test_a_table_in_an_archive_is_found_by_the_end_of_its_name(tmp_path: Path, name: str) -> None:
    files = {f"set-main/{other}": content for other, content in PICTURES.items()}
    WRITERS[name](tmp_path / name, files | {"set-main/labels.csv": table_bytes(ROWS)})
    check_examples(fetched(tmp_path, table="labels.csv", path=str(tmp_path / name)))
    WRITERS[name](tmp_path / name, files | {f"{folder}/labels.csv": table_bytes(ROWS) for folder in "ab"})
    with pytest.raises(
        UserError, match=r"table \(labels\.csv\) must be one file in .*'a/labels\.csv', 'b/labels\.csv'"
    ):
        fetched(tmp_path, table="labels.csv", path=str(tmp_path / name))


def test_columns_have_other_names(tmp_path: Path) -> None:
    rows = [["Klasse", "", "Datei", "path"], *([row[1], "0", row[0], "other"] for row in ROWS[1:])]
    examples = of_table(tmp_path, table_bytes(rows, ";"), path_column="Datei", label_column="Klasse")
    assert examples.classes == ("healthy", "rust") and examples.labels.tolist() == [1, 0, 1, 0]
    assert examples.groups == {"path": ["other"] * 4}


def with_column(name: str, cells: Sequence[str]) -> bytes:
    return table_bytes([[*row, cell] for row, cell in zip(ROWS, [name, *cells], strict=True)])


def test_the_published_split_is_read(tmp_path: Path) -> None:
    table = with_column("part", ["TRAIN", "val", "Validation", "test"])
    examples = of_table(tmp_path, table, split_column="part")
    assert examples.published_splits == ["train", "validation", "validation", "test"]
    assert list(examples.groups) == ["plant", "note"]
    assert of_table(tmp_path, with_column("part", [""] * 4), split_column="part").published_splits is None


def test_a_column_that_may_be_the_split_is_named(tmp_path: Path) -> None:
    for name, cells in (("Split", ["train"] * 4), ("data set", ["train", "val", "TEST", "train"])):
        (note,) = of_table(tmp_path, with_column(name, cells)).notes
        assert f"labels.csv: the column {name!r} is not used as the published split; split_column would name it" in note
    assert of_table(tmp_path, with_column("phase", ["train"] * 3 + ["run"])).notes == []


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["10", "9", "1", "-2"], ("-2", "1", "9", "10")),
        (["10", "9", "x", "1"], ("1", "10", "9", "x")),
        (["1.5", "10", "9", "9"], ("1.5", "10", "9")),
        (["1", "001", "01", "0001"], ("0001", "001", "01", "1")),
    ],
)
def test_classes_are_sorted_as_numbers_where_all_are(
    tmp_path: Path, labels: list[str], classes: tuple[str, ...]
) -> None:
    rows = [["path", "label"], *zip(NAMES, labels, strict=True)]
    examples = of_table(tmp_path, table_bytes(rows), labels_are="classes")
    assert examples.classes == classes
    assert [examples.classes[label] for label in examples.labels] == labels


def test_a_picture_that_stands_there_twice_counts_once(tmp_path: Path) -> None:
    rows = [*ROWS, ["./img//b.png", "rust", "p9", "again"], ROWS[2]]
    examples = of_table(tmp_path, table_bytes(rows))
    assert list(examples.names) == NAMES and examples.groups["plant"][0] == "p2"
    (note,) = examples.notes
    assert note.endswith("labels.csv: 2 rows name a file that an earlier row names with the same label; left out")


@pytest.mark.parametrize(
    ("encoding", "named"), [("latin-1", "latin-1"), ("cp1252", "cp1252"), ("utf-16", "utf-16"), ("utf-8", "UTF8")]
)
def test_other_encodings(tmp_path: Path, encoding: str, named: str) -> None:
    rows = [["path", "label"], [NAMES[0], "maçã"], [NAMES[1], "pêra"]]
    assert of_table(tmp_path, table_bytes(rows, encoding=encoding), encoding=named).classes == ("maçã", "pêra")


def test_lines_of_every_system_are_counted(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        text = end.join(["path,label", f'"{NAMES[0]}",rust', "", '"img/no', 'such.png",rust', ""])
        with pytest.raises(UserError, match=r"labels\.csv, line 6: label must not be empty"):
            of_table(tmp_path, (text + f'"{NAMES[1]}",').encode())


HEADER = "path,label,split"
GOOD = "img/b.png,rust,train\nfolhas/ção 猫.png,healthy,train\n"


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        pytest.param(
            "", {}, "line 1 must be a header with the columns path, label, but the table is empty", id="empty"
        ),
        pytest.param(HEADER, {}, "must have rows below its header, but has none", id="no rows"),
        pytest.param(
            "Path,label\n",
            {},
            r"line 1 must have a column 'path', but has 'Path', 'label'; the nearest is 'Path'\. Name it",
            id="another case",
        ),
        pytest.param(
            "\n\npath,lable,x\n", {}, "line 3 must have a column 'label', but .*; the nearest is 'lable'", id="typo"
        ),
        pytest.param("path,label\n", {"split_column": "fold"}, "must have a column 'fold'", id="no such split column"),
        pytest.param("path,label,x,x\n", {}, "line 1 must name each column once, but 'x' stands there 2 times", id="x"),
        pytest.param(
            HEADER,
            {"split_column": "label"},
            r"path_column \(path\), label_column \(label\) and split_column",
            id="same",
        ),
        pytest.param(
            f"{HEADER}\n{GOOD}a,b.png,rust,train\n",
            {},
            r"line 4 must have 3 cells, as the header has, but has 4\. Put cells that hold the",
            id="a cell more",
        ),
        pytest.param(f"{HEADER}\n{GOOD}\na.png,rust\n", {}, "line 5 must have 3 cells, .* but has 2", id="a cell less"),
        pytest.param(f'{HEADER}\n{GOOD}"x\ny.png",rust\n', {}, "line 4 must have 3 cells", id="a row of two lines"),
        pytest.param(f"{HEADER}\n{GOOD} ,rust,train\n", {}, "line 4: path must not be empty", id="no path"),
        pytest.param(f"{HEADER}\n{GOOD}img/x.png,,train\n", {}, "line 4: label must not be empty", id="no label"),
        pytest.param(
            f'{HEADER}\n"img/b.png","rust\nred",train\n../x.png,rust,train\n',
            {},
            r"line 4: path \('\.\./x\.png'\) must be a path below the folder of the files",
            id="a way out",
        ),
        pytest.param(f"{HEADER}\n{GOOD}img/../../x,rust,train\n", {}, "line 4: path .* must be a path below", id="up"),
        pytest.param(
            f"{HEADER}\n{GOOD}/etc/passwd,rust,train\n", {}, r"line 4: 'etc/passwd' must be a file in", id="absolute"
        ),
        pytest.param(f"{HEADER}\n.,rust,train\n", {}, r"line 2: path \('\.'\) must be a path below", id="itself"),
        pytest.param(
            f"{HEADER}\n{GOOD}img,rust,train\n", {}, "line 4: 'img' must be a plain file .* a folder", id="dir"
        ),
        pytest.param(
            f"{HEADER}\n{GOOD}img/c.png,rust,train\n{'x' * 300},rust,train\n\0,rust,train\n",
            {},
            r"line 4: 'img/c\.png' must be a file in .*leaves, but it and 2 others of 5 are not there\. Correct the",
            id="not there",
        ),
        pytest.param(
            f"{HEADER}\n{GOOD}img\\c.png,rust,train\n",
            {},
            r"line 4: 'img/c\.png' must be a file in .*, but is not there\. Correct the table, or path; path_template",
            id="backslash",
        ),
        pytest.param(
            f"{HEADER}\n{GOOD}./img/b.png,healthy,train\n",
            {},
            "line 4: 'img/b.png' must have one label, but has 'healthy' here and 'rust' in line 2",
            id="two labels",
        ),
        pytest.param(
            f"{HEADER}\n{GOOD}img/b.png,rust,test\n",
            {"split_column": "split"},
            "line 4: 'img/b.png' must have one split, but has 'test' here and 'train' in line 2",
            id="two splits",
        ),
        pytest.param(
            f"{HEADER}\n{GOOD}x.png,rust,pilot\n",
            {"split_column": "split"},
            r"line 4: split \('pilot'\) must be one of train, .*val.*, test.* in any case",
            id="another split",
        ),
        pytest.param(
            f"{HEADER}\n{GOOD}x.png,rust,\n",
            {"split_column": "split"},
            "line 4: split must be filled in all",
            id="none",
        ),
        pytest.param(
            f"{HEADER}\nimg/b.png,rust,train\n", {}, "at least two classes, but there is only 'rust'", id="one"
        ),
        pytest.param(
            f'{HEADER}\n{GOOD}"x.png,rust,train\n"a,b.png",rust,train\n',
            {},
            "the row that begins in line 4 must be whole: .* Is a quotation mark left open",
            id="open quotation",
        ),
        pytest.param(HEADER, {"encoding": "utf-9"}, r"encoding \(utf-9\) must be one that Python knows", id="encoding"),
        pytest.param(HEADER, {"encoding": "base64"}, r"encoding \(base64\) must be one", id="no text"),
        pytest.param(
            HEADER, {"max_file_bytes": 5}, r"'labels\.csv' must be at most 5 bytes .* take its row", id="long"
        ),
        pytest.param(f"{HEADER}\n{GOOD}", {"max_files": 1}, "leaves must hold at most 1 files", id="many"),
        pytest.param(f"{HEADER}\n{GOOD}", {"max_bytes": 99}, "leaves must unpack to at most 99 bytes", id="bytes"),
    ],
)
def test_what_a_table_must_not_say(tmp_path: Path, text: str, arguments: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        of_table(tmp_path, text.encode(), **arguments)
    assert len(str(raised.value).splitlines()) == 1
    if " line " in message or "must have" in message:
        assert str(raised.value).startswith(str(tmp_path / "leaves" / "labels.csv"))
    assert not (tmp_path / "raw" / "images.tar").exists()


@pytest.mark.parametrize(
    ("content", "encoding", "line", "byte", "remedy"),
    [
        pytest.param(
            f"path,label\n{NAMES[0]},x\n".encode() + b"ma\xe7\xe3.png,y\n",
            "utf-8",
            3,
            "e7",
            "; in cp1252 the line reads 'maçã.png,y'. Name it: encoding: cp1252",
            id="latin-1",
        ),
        pytest.param(b"\xff\xfep\0", "utf-8", 1, "ff", "; its first bytes say utf-16. Name that, or", id="utf-16"),
        pytest.param(
            b"path,label\r\n" * 20_000 + b"\x81,x\r\n",
            "cp1252",
            20_001,
            "81",
            "; in cp850 the line reads 'ü,x'",
            id="far below",
        ),
        pytest.param(
            "path,label\na,b\n".encode("utf-16") + b"\x00\xdc",
            "utf-16",
            3,
            "00",
            r"\. Save the table as a CSV file in UTF-8, or",
            id="half a letter",
        ),
    ],
)
def test_a_byte_that_is_no_text_is_named_with_its_line(
    tmp_path: Path, content: bytes, encoding: str, line: int, byte: str, remedy: str
) -> None:
    with pytest.raises(UserError, match=rf"labels\.csv, line {line}: the byte 0x{byte} is no {encoding}{remedy}"):
        of_table(tmp_path, content, encoding=encoding)


def test_a_link_that_leads_out_is_refused_and_one_inside_followed(tmp_path: Path) -> None:
    write_folder(
        tmp_path, {"secret.png": file_of(7)} | {f"leaves/{name}": content for name, content in PICTURES.items()}
    )
    (tmp_path / "leaves" / "inside.png").symlink_to(tmp_path / "leaves" / NAMES[0])
    rows = [["path", "label"], ["inside.png", "a"], [NAMES[1], "b"]]
    np.testing.assert_array_equal(of_table(tmp_path, table_bytes(rows), {}).image(0), picture(0))
    for link, target, name in (("out.png", "secret.png", "out.png"), ("up", "", "up/secret.png")):
        (tmp_path / "leaves" / link).symlink_to(tmp_path / target)
        with pytest.raises(UserError, match=rf"line 4: '{name}' must not be a link out of .*leaves"):
            of_table(tmp_path, table_bytes([*rows, [name, "b"]]), {})


@pytest.mark.parametrize("name", ["leaves.tar.gz", "leaves.zip"])
def test_pictures_that_an_archive_lacks_or_has_twice_are_named(tmp_path: Path, name: str) -> None:
    lacking = {other: content for other, content in PICTURES.items() if other not in (NAMES[1], NAMES[3])}
    WRITERS[name](tmp_path / name, lacking | {"labels.csv": table_bytes(ROWS)})
    arguments = {"table": "labels.csv", "path": str(tmp_path / name)}
    with pytest.raises(
        UserError, match=rf'line 3: "img/a, \'b\'\.png" must be a file in .*{name}, but it and 1 others'
    ):
        fetched(tmp_path, **arguments)
    assert not (tmp_path / "raw" / "images.tar").exists()
    twice = PICTURES | {"labels.csv": table_bytes(ROWS), f"./{NAMES[0]}": b"other"}
    WRITERS[name](tmp_path / name, twice)
    with pytest.raises(UserError, match=rf"{name} must hold 'img/b\.png' once, but holds it twice"):
        fetched(tmp_path, **arguments)


def test_links_in_an_archive_are_refused_where_the_table_names_them(tmp_path: Path) -> None:
    link = tarfile.TarInfo("img/link.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    for named in (False, True):
        table = table_bytes([*ROWS, ["img/link.png", "rust", "p1", ""]] if named else ROWS)
        write_tar(tmp_path / "leaves.tar", PICTURES | {"labels.csv": table})
        with tarfile.open(tmp_path / "leaves.tar", "a") as tar:
            tar.addfile(link)
        if named:
            expected = r"'img/link\.png' must be a plain file, but is a link\. .*, or take its row out of the table"
            with pytest.raises(UserError, match=expected):
                fetched(tmp_path, table="labels.csv", path=str(tmp_path / "leaves.tar"))
        else:
            check_examples(fetched(tmp_path, table="labels.csv", path=str(tmp_path / "leaves.tar")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"table": "gone.csv"}, r"table \(gone\.csv\) must be a folder or a file, but .*gone\.csv does not exist"),
        ({"table": "gone.csv", "path": "."}, r"table \(gone\.csv\) must be a file in \., or on this machine"),
        ({"table": ".", "path": "."}, r"table \(\.\) must be a file, but is a folder"),
        ({"table": "~nobody-of-that-name/x.csv"}, r"table \(~nobody-of-that-name/x\.csv\) must be a folder or a file:"),
        ({"table": "a.csv", "path": "gone"}, r"path \(gone\) must be a folder or a file, but .* does not exist"),
        ({"table": "a.csv", "path": "a", "url": "https://example.org/a.zip"}, "or url, and not both"),
        ({"table": "a.csv", "url": "https://example.org/a.zip"}, "needs sha256 and size beside it"),
        ({"table": "a.csv", "sha256": "0" * 64}, "belong to url; leave them out where there is none"),
        ({"table": "a.csv", "max_files": 0}, r"max_files \(0\) must be at least 1"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Any, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        image_table.fetch(tmp_path / "raw", **arguments)


def test_a_raw_folder_without_its_files_is_named(tmp_path: Path) -> None:
    of_table(tmp_path, table_bytes(ROWS))
    table = str(tmp_path / "leaves" / "labels.csv")
    write_tar(tmp_path / "raw" / "images.tar", {NAMES[0]: PICTURES[NAMES[0]]})
    with pytest.raises(UserError, match=r"images\.tar must hold \"img/a, 'b'\.png\", but does not\. Fetch the dataset"):
        image_table.read(tmp_path / "raw", table=table)
    (tmp_path / "raw" / "images.tar").unlink()
    with pytest.raises(UserError, match=r"raw must hold images\.tar, but does not\. Fetch the dataset again\."):
        image_table.read(tmp_path / "raw", table=table)


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
    source = tmp_path / "web" / "leaves.tar.gz"
    WRITERS[source.name](source, PICTURES | OTHERS | {"labels.csv": table_bytes(ROWS)})
    remote: dict[str, Any] = {"sha256": sha256_of_file(source), "size": source.stat().st_size}
    arguments = {"table": "labels.csv", "url": f"{address}/leaves.tar.gz", **remote}
    with pytest.raises(UserError, match="must have a column 'kind'"):
        fetched(tmp_path, label_column="kind", **arguments)
    kept = tmp_path / "raw" / "download.part" / "leaves.tar.gz"
    assert sha256_of_file(kept) == remote["sha256"]
    source.rename(tmp_path / "gone")  # what was fetched is not fetched again
    check_examples(fetched(tmp_path, **arguments))
    assert packed(tmp_path) == set(NAMES)
    (tmp_path / "gone").rename(source)
    check_examples(fetched(tmp_path, **arguments, mirror=str(tmp_path / "web")))


# --- paths as tables of other machines hold them ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["leaves", "leaves.zip"])
@pytest.mark.parametrize(
    ("paths", "files", "arguments", "note"),
    [
        pytest.param([r"img\a.png", r".\img\b.png"], ["img/a.png", "img/b.png"], {}, "", id="backslashes"),
        pytest.param([r"C:\Users\me\img\a.png", r"C:\Users\me\img\b.png"], ["img/a.png", "img/b.png"], {},
            r"first folders \('Users/me/img/a\.png' is 'img/a\.png'\)", id="a path of Windows"),
        pytest.param(["/home/me/img/a.png", "/home/me/img/b.png"], ["img/a.png", "img/b.png"],
            {"root": "/home/me"}, "", id="a root"),
        pytest.param([r"c:\users\ME\a.png", r"C:\Users\me\b.png"], ["a.png", "b.png"],
            {"root": "C:/Users/me/"}, "", id="a root in another case"),
        pytest.param(["a", "b"], ["img/a.png", "img/b.PNG"], {},
            r"without an ending are those of \.PNG, \.png files\nleaves\S*: the files lie in 'img'", id="no endings"),
        pytest.param(["a", "b"], ["part_1/a.jpg", "part_2/b.jpg"], {},
            r"the files lie in 'part_1', 'part_2'", id="in several folders"),
        pytest.param(["A.PNG", "b.png"], ["a.png", "b.png"], {}, "", id="another case"),
        pytest.param(["v1.0", "v1.1"], ["v1.0.png", "v1.1.png"], {}, r"ending are those of \.png", id="points"),
        pytest.param(["a", "b"], ["s/a_left.png", "s/b_left.png", "s/a_right.png"],
            {"path_template": "s/{path}_left.png"}, "", id="a template"),
        pytest.param(["7", "12"], ["s/00007.png", "s/00012.png"], {"path_template": "s/{path:05}.png"}, "", id="zeros"),
        pytest.param(["a", "b"], ["rust/a.png", "healthy/b.png", "rust/b.png"],
            {"path_template": "{label}/{path}.png"}, "", id="a folder column"),
    ],
)  # fmt: skip
def test_names_that_are_not_the_files_own(
    tmp_path: Path, name: str, paths: list[str], files: list[str], arguments: dict[str, Any], note: str
) -> None:
    write = {file: file_of(seed) for seed, file in enumerate(files)}
    rows = [["path", "label"], [paths[0], "rust"], [paths[1], "healthy"]]
    WRITERS[name](tmp_path / name, {**write, "leaves.csv": table_bytes(rows)})
    image_table.fetch(tmp_path / "raw", table="leaves.csv", path=str(tmp_path / name), **arguments)
    examples = image_table.read(tmp_path / "raw", table="leaves.csv", **arguments)
    assert [examples.classes[label] for label in examples.labels] == ["rust", "healthy"]
    for i in range(2):
        np.testing.assert_array_equal(examples.image(i), picture(i))
    assert re.search(note, "\n".join(examples.notes)) if note else list(examples.notes) == []


@pytest.mark.parametrize(
    ("paths", "files", "arguments", "message"),
    [
        pytest.param(["a", "b"], ["a.png", "a.jpg", "b.png"], {},
            r"'a' must be one file, but may be 'a\.jpg', 'a\.png'\. .* path_template: '\{path\}\.jpg'", id="endings"),
        pytest.param(["x/1.png", "y/1.png"], ["1.png"], {}, r"line 2: 'x/1\.png' must be a file in", id="one of two"),
        pytest.param(["x/1.png", "x/2.png"], ["1.png", "x/2.png"], {}, r"line 2: 'x/1\.png' must be a", id="half cut"),
        pytest.param(["/a/1.png", "/b/2.png"], ["1.png", "2.png"], {"root": "/a"},
            r"line 3: path \('/b/2\.png'\) must begin with root \(/a\)", id="not below root"),
        pytest.param(["a", ""], ["a.png"], {"path_template": "{path}.png"}, "line 3: path must not be em", id="empty"),
        pytest.param(["a", "b"], ["a.png"], {"path_template": "a.png"}, "must name a column in braces", id="no braces"),
        pytest.param(["a", "b"], ["a.png"], {"path_template": "{id}.png"}, "must have a column 'id'", id="no column"),
        pytest.param(["a", "../b"], ["a.png"], {"path_template": "i/{path}"},
            r"line 3: path_template \('i/\.\./b'\)", id="up"),
        pytest.param(["a.png", "https://x/b.png"], ["a.png"], {}, "Fetch what is at addresses before", id="address"),
    ],
)  # fmt: skip
def test_names_that_may_be_another_file_are_refused(
    tmp_path: Path, paths: list[str], files: list[str], arguments: dict[str, Any], message: str
) -> None:
    rows = [["path", "label"], [paths[0], "rust"], [paths[1], "healthy"]]
    with pytest.raises(UserError, match=message):
        of_table(tmp_path, table_bytes(rows), {file: file_of(seed) for seed, file in enumerate(files)}, **arguments)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        pytest.param(["0", "1", "1", "0"], ("0", "1"), id="0 and 1"),
        pytest.param(["True", "False", "True", "True"], ("False", "True"), id="booleans"),
        pytest.param(["1.0", "0.0", "1.0", "0.0"], ("0.0", "1.0"), id="whole numbers with decimals"),
        pytest.param(["007", "7", "07", "7"], ("007", "07", "7"), id="ids"),
        pytest.param(["1.5", "2.5", "old", "old"], ("1.5", "2.5", "old"), id="versions and words"),
    ],
)
def test_labels_that_are_classes(tmp_path: Path, labels: list[str], classes: tuple[str, ...]) -> None:
    rows = [["path", "label"], *zip(NAMES, labels, strict=True)]
    assert of_table(tmp_path, table_bytes(rows)).classes == classes


def test_one_class_in_two_unicode_forms_is_one_and_twins_in_case_are_told(tmp_path: Path) -> None:
    rows = [["path", "label"], *zip(NAMES, ["cafe\u0301", "caf\u00e9", "Dog", "dog"], strict=True)]
    examples = of_table(tmp_path, table_bytes(rows))
    assert examples.classes == ("Dog", "caf\u00e9", "dog") and examples.labels.tolist() == [1, 1, 0, 2]
    (note,) = examples.notes
    assert note.endswith("labels.csv: 'Dog' and 'dog' differ in capitals, spaces or dashes alone, and are classes each")


def test_labels_that_are_measured_numbers_are_asked_about(tmp_path: Path) -> None:
    rows = [["path", "age"], *zip(NAMES, ["20", "20.7", "21.4", "30"], strict=True)]
    message = (
        r"line 3: age \(20\.7\) holds numbers with decimals\. To predict them: value_columns .*: \{name: regress\}; "
        "or, if each is the name of a class, labels_are: classes"
    )
    with pytest.raises(UserError, match=message):
        of_table(tmp_path, table_bytes(rows), label_column="age")
    assert len(of_table(tmp_path, table_bytes(rows), label_column="age", labels_are="classes").classes) == 4


# --- several labels, and numbers --------------------------------------------------------------------------------------


def labelled(header: str, *cells: str) -> bytes:
    """A table of the pictures with the cells behind each path."""
    rows = [f'"{name}",{cell}' for name, cell in zip(NAMES, cells, strict=True)]
    return "\n".join([f"path,{header}", *rows, ""]).encode()


def test_several_labels_in_a_cell(tmp_path: Path) -> None:
    table = labelled("labels", "rust", "", "rust scab", "scab")
    found = of_table(tmp_path, table, label_column="labels", labels_separator=" ")
    assert found.classes == ("rust", "scab") and found.labels.tolist() == [[1, 0], [0, 0], [1, 1], [0, 1]]
    assert [found.label(i) for i in range(4)] == ["rust", "none", "rust, scab", "scab"]
    assert any("parted by a space" in note for note in found.notes)
    assert registry.labels_of_source("image_table", {"labels_separator": " "}) == "several classes"


def test_labels_that_look_like_several_are_asked_about_before_a_picture_is_packed(tmp_path: Path) -> None:
    table = labelled("labels", "rust", "healthy", "rust scab", "scab")
    with pytest.raises(UserError, match='labels_separator: " " and the task multilabel'):
        of_table(tmp_path, table, label_column="labels")
    assert not (tmp_path / "raw" / "images.tar").exists()
    one = of_table(tmp_path, table, label_column="labels", labels_separator="")
    assert one.classes == ("healthy", "rust", "rust scab", "scab") and one.labels.ndim == 1
    assert registry.labels_of_source("image_table", {"labels_separator": ""}) == "classes"


def test_columns_of_classes(tmp_path: Path) -> None:
    table = labelled("rust,scab,plant", "1,0,p1", "0,1,p2", "1,1,p2", "0,0,p3")
    found = of_table(tmp_path, table, label_columns=["rust", "scab"], multilabel=True)
    assert found.classes == ("rust", "scab") and found.labels.tolist() == [[1, 0], [0, 1], [1, 1], [0, 0]]
    assert found.groups == {"plant": ["p1", "p2", "p2", "p3"]}
    with pytest.raises(UserError, match=r"line 4.*multilabel: true"):
        of_table(tmp_path, table, label_columns=["rust", "scab"])
    assert registry.labels_of_source("image_table", {"label_columns": ["a"], "multilabel": True}) == "several classes"


def test_one_hot_columns_are_classes(tmp_path: Path) -> None:
    table = labelled("rust,scab,healthy", "1.0,0.0,0.0", "0.0,0.0,1.0", "0.0,1.0,0.0", "0.0,1.0,0.0")
    found = of_table(tmp_path, table, label_columns=["rust", "scab", "healthy"])
    assert found.classes == ("rust", "scab", "healthy") and found.labels.tolist() == [0, 2, 1, 1]
    assert registry.labels_of_source("image_table", {"label_columns": ["a", "b"]}) == "classes"


def test_numbers_to_predict(tmp_path: Path) -> None:
    table = labelled("age,weight,plant", "20.5,3,p1", "21,-3,p2", "7,0,p2", "1e1,0.5,p3")
    found = of_table(tmp_path, table, value_columns=["age", "weight"])
    assert found.targets == ("age", "weight") and found.classes == ()
    assert found.labels.dtype == np.float32 and found.labels.tolist() == [[20.5, 3], [21, -3], [7, 0], [10, 0.5]]
    assert found.groups == {"plant": ["p1", "p2", "p2", "p3"]} and found.label(1) == "age 21, weight -3"
    assert registry.labels_of_source("image_table", {"value_columns": ["age"]}) == "numbers"


def test_a_picture_that_stands_in_a_table_twice_has_the_same_labels_both_times(tmp_path: Path) -> None:
    table = labelled("rust,scab", "1,0", "0,1", "1,1", "0,0") + f"{NAMES[0]},1,1\n".encode()
    with pytest.raises(UserError, match="must have one label, but has '1 1' here and '1 0' in line 2"):
        of_table(tmp_path, table, label_columns=["rust", "scab"], multilabel=True)


TRANSCRIPTS = ["1.50", "NA", "007 ", 'so "called", "" x']


def test_transcripts_are_kept_as_they_are_whatever_they_look_like(tmp_path: Path) -> None:
    rows = [["path", "text", "receipt"], *([name, text, "r1"] for name, text in zip(NAMES, TRANSCRIPTS, strict=True))]
    examples = of_table(tmp_path, table_bytes(rows), text_column="text")
    assert [text.strip() for text in examples.texts] == ["1.50", "NA", "007", 'so "called", "" x']
    assert examples.classes == () and examples.labels.tolist() == [0, 0, 0, 0]
    assert examples.groups == {"receipt": ["r1"] * 4} and list(examples.names) == NAMES
    assert examples.label(1) == "NA"


@pytest.mark.parametrize("texts", [["null", "", "nan", "-"], ["1", "2", "3", "4"], ["1,5", "2.5", "1e3", "=A1"]])
def test_empty_cells_and_columns_of_numbers_are_texts(tmp_path: Path, texts: list[str]) -> None:
    rows = [["path", "text"], *([name, text] for name, text in zip(NAMES, texts, strict=True))]
    assert list(of_table(tmp_path, table_bytes(rows), text_column="text").texts) == texts


def test_transcripts_beside_labels_are_refused(tmp_path: Path) -> None:
    table = table_bytes([["path", "text"], [NAMES[0], "a"]])
    for key, value in (("multilabel", True), ("value_columns", ["text"]), ("labels_separator", " ")):
        with pytest.raises(UserError, match=rf"{key} must be left out where text_column \(text\) names transcripts"):
            of_table(tmp_path, table, text_column="text", **{key: value})
    with pytest.raises(UserError, match="text_column"):
        of_table(tmp_path, table, text_column="txt")


def test_a_line_with_two_transcripts_is_refused(tmp_path: Path) -> None:
    table = table_bytes([["path", "text"], [NAMES[0], "a"], [NAMES[0], "b"]])
    with pytest.raises(UserError, match=r"line 3: 'img/b.png' must have one transcript, but has 'b' here and 'a' in"):
        of_table(tmp_path, table, text_column="text")
