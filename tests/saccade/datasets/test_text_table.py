"""Texts in a CSV file, against what Python's csv module wrote."""

import csv
import io
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.datasets import text_table
from saccade.readers.examples import TextExamples

ROWS = [
    ["text", "label", "user", "when"],
    ["The printer, again", "hardware", "u1", "1"],
    ['It says "no"', "software", "u2", "2"],
    ["two\nlines", "hardware", "u1", "3"],
    ["Schön", "software", "u3", "4"],
]
TEXTS = [row[0] for row in ROWS[1:]]


def table_bytes(rows: Sequence[Sequence[str]], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def fetched(folder: Path, **arguments: Any) -> TextExamples:
    (folder / "raw").mkdir()
    text_table.fetch(folder / "raw", **arguments)
    assert [path.name for path in (folder / "raw").iterdir()] == ["table.csv"]
    unread = ("sha256", "size", "mirror", "max_files", "max_file_bytes", "max_bytes")
    return text_table.read(folder / "raw", **{key: arguments[key] for key in arguments if key not in unread})


def of_table(folder: Path, table: bytes, **arguments: Any) -> TextExamples:
    (folder / "t.csv").write_bytes(table)
    return fetched(folder, table=str(folder / "t.csv"), **arguments)


def check(examples: TextExamples, name: str, found: str = "") -> None:
    assert list(examples.texts) == TEXTS and examples.classes == ("hardware", "software")
    assert examples.labels.tolist() == [0, 1, 0, 1] and examples.labels.dtype == np.int64
    assert {key: list(values) for key, values in examples.groups.items()} == {
        "user": ["u1", "u2", "u1", "u3"],
        "when": ["1", "2", "3", "4"],
    }
    assert [examples.name(i) for i in range(4)] == [f"{name}, line {line}" for line in (2, 3, 4, 6)]
    assert (
        examples.published_splits is None
        and list(examples.notes) == ([f"{name}: {found}"] if found else [])
        and not examples.unreadable
    )
    assert len(set(examples.ids)) == 4 and list(examples.paths) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_as_others_write_it(tmp_path: Path, delimiter: str, encoding: str) -> None:
    named = {} if encoding.startswith("utf-8") else {"encoding": encoding}
    found = {",": "", ";": "semicolons between the cells", "\t": "tabs between the cells"}[delimiter]
    check(of_table(tmp_path, table_bytes(ROWS, delimiter, encoding), **named), str(tmp_path / "t.csv"), found)


@pytest.mark.parametrize("name", ["set", "set.tar.gz", "set.zip"])
def test_a_table_in_a_folder_or_an_archive(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / name, table_bytes(ROWS)
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("around/t.csv", content)
    elif name.endswith("gz"):
        with tarfile.open(path, "w:gz") as tar:
            info = tarfile.TarInfo("around/t.csv")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    else:
        (path / "around").mkdir(parents=True)
        (path / "around" / "t.csv").write_bytes(content)
    inside = "around/t.csv" if name == "set" else "t.csv"
    check(fetched(tmp_path, path=str(path), table=inside), inside)
    (tmp_path / "other").mkdir()
    if name != "set":  # the only file in there
        check(fetched(tmp_path / "other", path=str(path)), str(path))
        return
    with pytest.raises(UserError, match="holds files: name the table in there with table"):
        fetched(tmp_path / "other", path=str(path))


def test_a_table_by_path(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(table_bytes(ROWS))
    check(fetched(tmp_path, path=str(tmp_path / "t.csv")), str(tmp_path / "t.csv"))


def test_a_table_at_an_address(tmp_path: Path, serve: Callable[[Path], str]) -> None:
    served = tmp_path / "t.csv"
    served.write_bytes(table_bytes(ROWS))
    url = f"{serve(tmp_path)}/t.csv"
    check(fetched(tmp_path, url=url, sha256=sha256_of_file(served), size=served.stat().st_size), url)


def test_columns_and_the_published_split(tmp_path: Path) -> None:
    rows = [
        ["Klasse", "Satz", "Teil"],
        ["1", "a", "TRAIN"],
        ["10", "b", "test"],
        ["9", "c", "Val"],
        ["9", "d", "train"],
    ]
    columns = {"text_column": "Satz", "label_column": "Klasse", "split_column": "Teil"}
    examples = of_table(tmp_path, table_bytes(rows), **columns)
    assert examples.classes == ("1", "9", "10") and list(examples.groups) == []
    assert examples.published_splits == ["train", "test", "validation", "train"]


def test_a_column_that_may_be_the_split_is_named(tmp_path: Path) -> None:
    rows = [[*row, "train" if i else "Split"] for i, row in enumerate(ROWS)]
    (note,) = of_table(tmp_path, table_bytes(rows)).notes
    assert "the column 'Split' is not used as the published split; split_column would name it" in note


def test_a_text_may_be_long(tmp_path: Path) -> None:
    long = "wort " * 100_000
    examples = of_table(tmp_path, table_bytes([*ROWS, [long, "hardware", "", ""]]))
    assert examples.texts[4] == long.strip()


def test_empty_texts_are_told_with_their_line(tmp_path: Path) -> None:
    rows = [*ROWS, ["", "hardware", "u", ""], [" \n ", "software", "u", ""]]
    examples = of_table(tmp_path, table_bytes(rows))
    told = {examples.name(row).rsplit(", ")[-1]: reason for row, reason in examples.unreadable.items()}
    assert set(told) == {"line 7", "line 8"} and set(told.values()) == {
        "must not be empty: it holds nothing but white space"
    }


HEAD = "text,label\ngood,a\nbad,b\n"


@pytest.mark.parametrize(
    ("table", "arguments", "message"),
    [
        pytest.param(b"", {}, "line 1 must be a header with the columns text, label, but .* is empty", id="empty"),
        pytest.param(b"text,label\n", {}, "must have texts of at least two classes, but it has no rows", id="no rows"),
        pytest.param(b"text,label\nx,a\ny,a\n", {}, "at least two classes, but there is only 'a'", id="one class"),
        pytest.param(
            b"Text,label\nx,a\n", {}, r"line 1 must have a column 'text', .*; the nearest is 'Text'\. Name it with "
            "text_column, label_column or split_column", id="column",
        ),
        pytest.param(f"{HEAD}x\n".encode(), {}, "line 4 must have 2 cells, as the header has, but has 1", id="short"),
        pytest.param(f"{HEAD}x,a,b\n".encode(), {}, "line 4 must have 2 cells, .* but has 3", id="long"),
        pytest.param(f"{HEAD}x,\n".encode(), {}, "line 4: label must not be empty", id="no label"),
        pytest.param(
            f'{HEAD}"x\ny",a\n"z,b\n'.encode(), {}, "row that begins in line 6 must be whole: .* quotation", id="quote"
        ),
        pytest.param(HEAD.encode() + b"caf\xe9,a\n", {}, "line 4: the byte 0xe9 is no utf-8", id="byte"),
        pytest.param(
            HEAD.encode() + b"x\0y,a\n",
            {},
            "the row that begins in line 4: text must be text, but line 1, column 2 holds a NUL byte",
            id="nul",
        ),
        pytest.param(HEAD.encode(), {"encoding": "utf-9"}, r"encoding \(utf-9\) must be one", id="encoding"),
        pytest.param(
            HEAD.encode(),
            {"text_column": "label"},
            r"text_column \(label\) and label_column \(label\) must be different",
            id="same",
        ),
        pytest.param(HEAD.encode(), {"split_column": "fold"}, "must have a column 'fold'", id="split column"),
        pytest.param(
            b"text,label,part\nx,a,train\ny,b,pilot\n",
            {"split_column": "part"},
            r"line 3: part \('pilot'\) must be one of train, .*val.*, test.* in any case",
            id="split",
        ),
        pytest.param(
            b"text,label,part\nx,a,train\ny,b,\n",
            {"split_column": "part"},
            "line 3: part must be filled in all rows, or in none",
            id="half a split",
        ),
        pytest.param(HEAD.encode(), {"max_file_bytes": 9}, "must be at most 9 bytes .* cut it into several", id="size"),
        pytest.param(HEAD.encode(), {"sha256": "0" * 64}, "sha256, size and mirror belong to url", id="sha256"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, table: bytes, arguments: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        of_table(tmp_path, table, **arguments)


def test_where_the_table_is_must_be_said_once(tmp_path: Path) -> None:
    for arguments, message in (
        ({}, "needs table, path or url"),
        ({"path": "a", "url": "b"}, "not both path and url"),
        ({"table": str(tmp_path / "no.csv")}, r"table \(.*no\.csv\) must be a folder or a file, but .* does not exist"),
        ({"path": "/dev/null"}, "must be a table, a folder or an archive, but is no plain file"),
    ):
        with pytest.raises(UserError, match=message):
            text_table.fetch(tmp_path, **arguments)  # type: ignore[arg-type]


def test_a_fetch_that_was_lost_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"must hold table\.csv, or a table of another form, but does not\. Fetch it again"
    ):
        text_table.read(tmp_path, table="t.csv")


def test_several_labels_of_a_text(tmp_path: Path) -> None:
    in_cells = of_table(tmp_path, b"text,label\na,x|y\nb,\nc,y\nd,z | x\n", labels_separator="|")
    assert in_cells.classes == ("x", "y", "z") and in_cells.labels.dtype == np.uint8
    assert in_cells.labels.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0], [1, 0, 1]]
    assert [in_cells.label(i) for i in range(3)] == ["x, y", "none", "y"]
    assert any("3 of them (x, y, z); 2 of 4 rows have several" in note for note in in_cells.notes)


def test_columns_that_are_a_class_each(tmp_path: Path) -> None:
    table = b"text,toxic,rude,who\na,1,1,u\nb,0,0,v\nc,0,1,u\n"
    several = of_table(tmp_path, table, label_columns=["toxic", "rude"], multilabel=True)
    assert several.classes == ("toxic", "rude") and several.labels.tolist() == [[1, 1], [0, 0], [0, 1]]
    assert {name: list(values) for name, values in several.groups.items()} == {"who": ["u", "v", "u"]}
    with pytest.raises(UserError, match=r"line 2: label_columns \(toxic, rude\) must hold one 1 a row"):
        text_table.read(tmp_path / "raw", table="t.csv", label_columns=["toxic", "rude"])


def test_labels_that_look_like_several_are_asked_about(tmp_path: Path) -> None:
    table = b'text,label\na,x\nb,y\nc,"x,y"\n'
    with pytest.raises(
        UserError, match=r"line 4: 'x,y' looks like several labels .* labels_separator: \",\" and the task"
    ):
        of_table(tmp_path, table)
    one = text_table.read(tmp_path / "raw", table="t.csv", labels_separator="")
    assert one.classes == ("x", "x,y", "y") and one.labels.tolist() == [0, 2, 1]
