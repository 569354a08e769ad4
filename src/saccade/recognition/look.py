"""A folder, an archive or a file, listed once, whose files are opened as somebody asks for them."""

import functools
import os
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from saccade.core.errors import UserError
from saccade.io.archives import Archive, Member, is_archive, open_archive
from saccade.readers.fetch_archive import name_filter

_JUNK = ("thumbs.db", "desktop.ini", "__macosx")  # what systems leave behind
_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x5d\0\0\x80\0")
_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class Look:
    """What a path holds.

    Attributes:
        path: the folder, archive or file.
        place: how params.yaml names it.
        sizes: length of each file in bytes by its name, parted by slashes, sorted by name; hidden ones do not count.
        archive: the opened archive; None where the path is none.
        known: what was found out about files, for the next source that asks.
    """

    path: Path
    place: str
    sizes: dict[str, int]
    archive: Archive | None = None
    known: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)
    _members: dict[str, Member] = field(default_factory=dict, repr=False)

    @property
    def is_file(self) -> bool:
        """Whether the path is a file, and no archive."""
        return self.archive is None and self.path.is_file()

    @functools.cached_property
    def suffixes(self) -> Counter[str]:
        """How many files end with each suffix, in small letters; "" for none."""
        return Counter(suffix_of(name) for name in self.sizes)

    @property
    def total_bytes(self) -> int:
        """Length of all files together."""
        return sum(self.sizes.values())

    def names(self, suffixes: Iterable[str]) -> list[str]:
        """Names of the files that end with one of some suffixes, in small letters with their point."""
        wanted = set(suffixes)
        return [name for name in self.sizes if suffix_of(name) in wanted]

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        if self.archive is not None:
            return self.archive.read(self._members[name])
        return self.file(name).read_bytes()

    def start(self, name: str, length: int = 2**16) -> bytes:
        """The first bytes of a file."""
        if self.archive is not None:
            return self.read(name)[:length]
        with self.file(name).open("rb") as file:
            return file.read(length)

    def file(self, name: str) -> Path:
        """Where a file lies on this machine; of an archive there is no such place."""
        assert self.archive is None
        return self.path if self.path.is_file() else self.path / name

    def in_words(self) -> str:
        """What it is, how much it holds and of what, on one line."""
        what = "a file" if self.is_file else "an archive" if self.archive is not None else "a folder"
        kinds = ", ".join(f"{count:,} {suffix or 'without a suffix'}" for suffix, count in self.suffixes.most_common(4))
        more = ", ..." if len(self.suffixes) > 4 else ""
        held = "" if self.is_file else f" of {len(self.sizes):,} files: {kinds}{more}"
        return f"{what}{held} ({_megabytes(self.total_bytes)})"


def look_at(path: Path, place: str) -> Look:
    """List a folder, an archive or a file.

    Args:
        path: the path, absolute.
        place: how params.yaml would name it.

    Returns:
        What is there.

    Raises:
        UserError: nothing is there, nothing is in it, or it is an archive that cannot be read.
    """
    if not path.exists():
        raise UserError(f"PATH ({place}) must be a folder, an archive or a file, but {path} does not exist")
    if path.is_dir():
        sizes = dict(sorted(_walk(path)))
        if not sizes:
            raise UserError(f"{place} holds no files. Name a folder with pictures, texts or a table in it.")
        if len(sizes) == 1:  # what is meant is the file
            (name,) = sizes
            return look_at(path / name, f"{place}/{name}")
        return Look(path, place, sizes)
    if not path.is_file():
        raise UserError(f"PATH ({place}) must be a folder, an archive or a file, but is no plain file")
    if path.stat().st_size == 0:
        raise UserError(f"{place} must hold something, but is empty")
    if not _may_be_archive(path):
        return Look(path, place, {path.name: path.stat().st_size})
    archive = open_archive(path)
    members = {member.name: member for member in archive.members(name_filter(None, None)) if not _is_junk(member.name)}
    if not members:
        raise UserError(f"{place} is an archive without files. Pack it anew.")
    return Look(path, place, {name: members[name].size for name in sorted(members)}, archive, _members=members)


def suffix_of(name: str) -> str:
    """The end of a file's name from its last point on, in small letters; of ``a.csv.gz`` it is ``.csv``.

    >>> suffix_of("a/B.JPG"), suffix_of("t.csv.gz"), suffix_of("README")
    ('.jpg', '.csv', '')
    """
    return posixpath.splitext(name.lower().removesuffix(".gz"))[1]


def _walk(root: Path) -> Iterator[tuple[str, int]]:
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and not _is_junk(name)]
        for name in names:
            path = Path(parent, name)
            if not name.startswith(".") and not _is_junk(name) and path.is_file():
                yield path.relative_to(root).as_posix(), path.stat().st_size


def _is_junk(name: str) -> bool:
    parts = name.lower().split("/")
    return parts[-1] in _JUNK or "__macosx" in parts


def _may_be_archive(path: Path) -> bool:
    """By content and, where that says compressed, by whether it holds files: a table may be compressed, too."""
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK") and path.suffix.lower() in (".xlsx", ".xlsm", ".ods", ".npz"):
        return False
    named = path.name.lower().endswith(_ARCHIVE_SUFFIXES)
    return named or start[257:262] == b"ustar" or (start.startswith(_STARTS) and is_archive(path))


def _megabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size:,} bytes"
