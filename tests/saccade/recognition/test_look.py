"""A folder, an archive or a file, listed."""

import zipfile
from pathlib import Path

import pytest
from written_files import write_texts

from saccade.core.errors import UserError
from saccade.recognition.look import look_at


def test_a_folder_without_what_systems_leave_behind(tmp_path: Path) -> None:
    write_texts(tmp_path, {"b/2.txt": "two", "a.txt": "one", ".hidden": "x", "__MACOSX/c.txt": "x", "b/Thumbs.db": "x"})
    look = look_at(tmp_path, "mine")
    assert dict(look.sizes) == {"a.txt": 3, "b/2.txt": 3} and look.read("b/2.txt") == b"two"
    assert look.in_words() == "a folder of 2 files: 2 .txt (6 bytes)"


def test_an_archive_is_read_as_a_folder_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b/2.txt", "two")
        archive.writestr("a.txt", "one")
    look = look_at(tmp_path / "a.zip", "a.zip")
    assert list(look.sizes) == ["a.txt", "b/2.txt"] and look.start("b/2.txt", 2) == b"tw" and not look.is_file


def test_one_file_in_a_folder_is_what_is_meant(tmp_path: Path) -> None:
    write_texts(tmp_path, {"deep/t.csv": "a,b"})
    look = look_at(tmp_path, "mine")
    assert look.is_file and look.place == "mine/deep/t.csv" and look.path == tmp_path / "deep/t.csv"


def test_a_damaged_archive_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(90))
    with pytest.raises(UserError, match="must be a whole archive"):
        look_at(tmp_path / "a.zip", "a.zip")
