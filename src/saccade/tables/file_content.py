"""What a file holds by its content, whatever its name says: delimited text, JSON, Parquet or a spreadsheet."""

import bz2
import contextlib
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from saccade.core.errors import UserError

Kind = Literal["text", "json", "parquet", "spreadsheet"]

_HEAD_BYTES = 4096
_COMPRESSIONS: tuple[tuple[bytes, str, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", ".gz", gzip.open),
    (b"BZh", ".bz2", bz2.open),
    (b"\xfd7zXZ\0", ".xz", lzma.open),
)
_TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".tab", ".dat", ".data")
_OTHER_FILES = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"\x80\x04\x95", "a pickle"),
    (b"ARROW1", "a Feather file"),
    (b"version https://git-lfs", "a pointer of Git LFS (`git lfs pull` brings the file itself)"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
)


@dataclass(frozen=True)
class FileContent:
    """What is in a file.

    Attributes:
        path: the file.
        kind: text (delimited), json, parquet or spreadsheet.
        suffix: what a file of this content ends with, such as .xlsx or .csv.gz.
        opener: function that opens it for reading bytes, unpacked.
    """

    path: Path
    kind: Kind
    suffix: str
    opener: Callable[..., Any]

    @property
    def is_packed(self) -> bool:
        """Whether it is compressed as a whole."""
        return self.opener is not open

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        """The bytes, unpacked as they are read.

        Args:
            name: the user's name of the file, for messages.

        Yields:
            The opened file.

        Raises:
            UserError: it is packed, and damaged.
        """
        try:
            with self.opener(self.path, "rb") as file:
                yield file
        except (EOFError, zlib.error, lzma.LZMAError) as error:
            raise _damaged(name, error) from error
        except OSError as error:
            if error.errno is not None or not self.is_packed:  # gzip's and bz2's bear no number
                raise
            raise _damaged(name, error) from error


def detect_content(path: Path, name: str) -> FileContent:
    """Look at the first bytes of a file.

    Args:
        path: the file.
        name: the user's name of the file, for messages.

    Returns:
        What it is; text where nothing else is recognised.

    Raises:
        UserError: it is something else that holds no table, or is damaged.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    packed, opener = next(((end, opener) for magic, end, opener in _COMPRESSIONS if head.startswith(magic)), ("", open))
    if packed:
        with FileContent(path, "text", packed, opener).reading(name) as unpacked:
            head = unpacked.read(_HEAD_BYTES)
    if head[257:262] == b"ustar":
        raise UserError(f"{name} is a tar archive: name the table in there with table, and the archive with path")
    if (what := next((what for magic, what in _OTHER_FILES if head.startswith(magic)), None)) is not None:
        raise UserError(f"{name} must be a table, but is {what}. Write it as CSV, JSON lines, Parquet or .xlsx.")
    plain_suffix = Path(name.removesuffix(packed)).suffix.lower()
    if head.startswith(b"PAR1"):
        kind, suffix = "parquet", ".parquet"
    elif head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        kind, suffix = "spreadsheet", _spreadsheet_suffix(opener, path, name, head)
    elif _is_json(head):
        kind, suffix = "json", ".json" if plain_suffix == ".json" else ".jsonl"
    else:
        kind, suffix = "text", plain_suffix if plain_suffix in _TEXT_SUFFIXES else ".csv"
    return FileContent(path, kind, suffix + packed, opener)  # type: ignore[arg-type]  # mypy widens the words to str


def is_spreadsheet(path: Path) -> bool:
    """Whether a zip is a workbook, and no archive of files.

    Args:
        path: a plain file.

    Returns:
        True for .xlsx, .xlsm, .xlsb and .ods.
    """
    with path.open("rb") as file:
        if not file.read(4).startswith(b"PK\x03\x04"):
            return False
    return _workbook_suffix(path) is not None


def _damaged(name: str, error: Exception) -> UserError:
    return UserError(f"{name} must be a whole packed file: {error}. Replace it.")


def _is_json(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start[:1] in (b"{", b"[") and start[1:].lstrip()[:1] in (b'"', b"{", b"[", b"}", b"]")


def _spreadsheet_suffix(opener: Callable[..., Any], path: Path, name: str, head: bytes) -> str:
    if head.startswith(b"\xd0\xcf"):
        return ".xls"
    with opener(path, "rb") as file:
        suffix = _workbook_suffix(file)
    if suffix is None:
        raise UserError(f"{name} is a zip archive: name the table in there with table, and the archive with path")
    return suffix


def zip_members(file: Any) -> list[zipfile.ZipInfo]:
    """The members of a zip; none where it is damaged, or no zip."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return []


def _workbook_suffix(file: Any) -> str | None:
    names = {member.filename for member in zip_members(file)}
    if "xl/workbook.bin" in names:
        return ".xlsb"
    return ".xlsx" if "xl/workbook.xml" in names else ".ods" if {"mimetype", "content.xml"} <= names else None
