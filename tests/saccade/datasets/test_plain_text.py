"""One long text: a file, files one after the other, or the text itself."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saccade.core.errors import UserError
from saccade.datasets import plain_text
from saccade.readers.examples import TextStream

RealData = Callable[[str], Path]


def fetched(folder: Path, **arguments: Any) -> TextStream:
    (folder / "raw").mkdir(parents=True)
    plain_text.fetch(folder / "raw", **arguments)
    unread = ("text", "path", "url", "sha256", "size", "mirror")
    return plain_text.read(folder / "raw", **{key: arguments[key] for key in arguments if key not in unread})


def whole(stream: TextStream) -> str:
    return "".join(stream.pieces)


def test_the_text_itself(tmp_path: Path) -> None:
    assert whole(fetched(tmp_path, text="hello")) == "hello"
    assert (tmp_path / "raw" / "text.txt").read_bytes() == b"hello"


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes("\ufeffe\N{COMBINING ACUTE ACCENT}t\u00e9\r\n\r\n  two\n".encode())
    assert whole(fetched(tmp_path, path=str(tmp_path / "t"))) == "été\n\n  two\n"


def test_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes("Grüße\n".encode("utf-16"))
    assert whole(fetched(tmp_path, path=str(tmp_path / "t"), encoding="utf-16")) == "Grüße\n"


FILES = {"b/2.txt": b"second\n", "a.md": b"first", "c.txt": b"", "b/10.txt": b"tenth", ".hidden": b"x"}
JOINED = "first\ntenth\nsecond\n"


@pytest.mark.parametrize("name", ["texts", "texts.zip", "texts.tar.gz"])
def test_files_follow_each_other_sorted_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w") as archive:
            for inner, content in FILES.items():
                archive.writestr(inner, content)
    elif name.endswith("gz"):
        with tarfile.open(path, "w:gz") as tar:
            for inner, content in FILES.items():
                info = tarfile.TarInfo(inner)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    else:
        for inner, content in FILES.items():
            (path / inner).parent.mkdir(parents=True, exist_ok=True)
            (path / inner).write_bytes(content)
    stream = fetched(tmp_path, path=str(path))
    assert whole(stream) == JOINED and list(stream.notes) == ["left out an empty file: c.txt"]
    only = fetched(tmp_path / "b", path=str(path), include=["*.txt"], exclude=["10.txt"])
    assert whole(only) == "second\n"


def test_a_long_text_comes_in_pieces_of_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_text, "_PIECE", 20)
    text = "".join(f"line number {i}\n" * (i % 3) + "\n" for i in range(50)) + "the last, without an end"
    stream = fetched(tmp_path, text=text)
    assert whole(stream) == text and len(stream.pieces) > 20
    assert all(piece.endswith("\n") for piece in stream.pieces[:-1]) and all(stream.pieces)
    assert list(fetched(tmp_path / "b", text="x" * 100).pieces) == ["x" * 100]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "must hold text, but is empty", id="empty"),
        pytest.param(b"ab\ncd\xff", r"t must be utf-8, but line 2, column 3 holds the byte 0xff", id="byte"),
        pytest.param(b"ab\0", "must be text, but line 1, column 3 holds a NUL byte", id="nul"),
    ],
)
def test_a_file_that_is_no_text(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(UserError, match=message):
        fetched(tmp_path, path=str(tmp_path / "t"))


def test_one_of_several_files_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_bytes(b"fine")
    (tmp_path / "texts" / "b.txt").write_bytes(b"x\n\xe9")
    message = r"'b\.txt' must be utf-8, but line 2, column 1 .* leave it out: exclude: \['/b\.txt'\]"
    with pytest.raises(UserError, match=message):
        fetched(tmp_path, path=str(tmp_path / "texts"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs path"),
        ({"text": "a", "path": "b"}, "needs text, path or url, and no two of them"),
        ({"text": "a", "sha256": "0" * 64}, "sha256, size and mirror belong to url"),
        ({"text": "a", "include": ["*"]}, "include, exclude and encoding belong to path and url"),
        ({"text": ""}, r"text \(''\) must hold something to learn, but is empty"),
        ({"text": "a\ud800"}, "must hold characters alone"),
        ({"path": "/does/not/exist"}, "does not exist"),
        ({"path": "/dev/null"}, "must be a folder, a .zip"),
        ({"text": "a", "encoding": "utf-9"}, r"encoding \(utf-9\)"),
    ],
)
def test_what_is_refused(tmp_path: Path, arguments: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fetched(tmp_path, **arguments)


def test_shakespeare(tmp_path: Path, real_data: RealData) -> None:
    path = real_data("tinyshakespeare.txt")
    text = whole(fetched(tmp_path, path=str(path)))
    assert text == path.read_text(encoding="utf-8") and len(text) == 1_115_394
