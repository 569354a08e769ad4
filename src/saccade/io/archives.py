"""Archives of files (.zip, .tar, .tar.gz, .tar.bz2, .tar.xz), read member by member; nothing is extracted to the disk.

Whoever made an archive may have meant harm: what it says of itself is checked before it is believed.
"""

import bz2
import contextlib
import errno
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from saccade.core.errors import UserError
from saccade.io.archive_limits import ArchiveLimits, plain_member_name
from saccade.io.member_names import (
    Reading,
    decode_disk_name,
    likely_reading,
    member_name,
    named_reading,
    unmarked_name,
)

ARCHIVE_SUFFIXES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"})
"""How names of archives end, in small letters."""

_CHUNK_BYTES = 2**20
_HEADER_BYTES = 2**20  # of one tar member; names, times and attributes fit into a few kilobytes
_PADDING_BYTES = 2**24  # behind a tar's end mark; tar fills its last block of 10 KiB, or of what --blocking-factor says
_OTHER_ARCHIVES = {b"7z\xbc\xaf\x27\x1c": ("7-Zip", "7z x"), b"Rar!\x1a\x07": ("RAR", "unrar x")}
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # with members, without
_ZIP_ENCRYPTED = 1  # bit of a member's flags
_COMPRESSIONS: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
    (b"\x5d\0\0\x80\0", lzma.open),  # .lzma, the older form
)

NameFilter = Callable[[str], bool]
"""``wanted(name)``: whether a member counts, by its name; a folder's name ends with a slash."""


class Member(NamedTuple):
    """A plain file in an archive: its name, parted by slashes, where it lies, and its length in bytes."""

    name: str
    place: int
    size: int


class TarArchive:
    """A tar, compressed or not. Reading members in their order decompresses once; going back starts over."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __init__(self, path: Path, limits: ArchiveLimits, names_encoding: str | None = None) -> None:
        self.path = path
        self._limits = limits
        self._names_encoding = names_encoding
        self._stream, self._headers, self._tar = self._open()

    def members(self, wanted: NameFilter) -> Iterator[Member]:
        """The wanted files in the archive's order; ``read`` may be called in between.

        Args:
            wanted: filter of names.

        Yields:
            Plain files.

        Raises:
            UserError: the archive is damaged or exceeds a limit, or a member has a name that leads out of it, or is
                wanted and no file.
        """
        self._stream.close()
        self._stream, self._headers, self._tar = self._open()
        files = total = 0
        with _damage_as_user_error(self.path):
            while (info := self._next()) is not None:
                files, total = files + 1, total + (info.size if info.isreg() else 0)
                self._limits.check_total(self.path, files, total)
                name = plain_member_name(self.path, decode_disk_name(info.name, self._names_encoding))
                if info.isdir() or not wanted(name):
                    continue
                if not info.isreg() or info.issparse():
                    raise self._limits.not_plain(
                        self.path, name, "a link" if info.issym() or info.islnk() else "no plain file"
                    )
                self._limits.check_file(self.path, name, info.size)
                yield Member(name, info.offset_data, info.size)
            self._expect_end()

    def read(self, member: Member) -> bytes:
        """The bytes of a member."""
        with _damage_as_user_error(self.path):
            self._stream.seek(member.place)
            content = self._stream.read(member.size)
            if len(content) < member.size:
                raise EOFError(f"{member.name!r} ends after {len(content)} of {member.size} bytes")
        return bytes(content)

    def _next(self) -> tarfile.TarInfo | None:
        start = self._tar.offset
        self._headers.left = _HEADER_BYTES
        info: tarfile.TarInfo | None = self._tar.next()
        self._tar.members.clear()  # else tarfile keeps a KiB of each member
        # A negative length would send tarfile back to where it has been, for ever.
        if info is not None and (info.size < 0 or self._tar.offset < max(start, info.offset + tarfile.BLOCKSIZE)):
            raise tarfile.ReadError(f"{info.name!r} has a length of {info.size} bytes")
        return info

    def _expect_end(self) -> None:
        """Tarfile takes a header that is cut short or damaged for the end: the rest would be missed in silence."""
        self._stream.seek(self._tar.offset)
        if self._stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise EOFError(f"at byte {self._tar.offset:,} neither a member nor the end mark stands")
        padding = 0
        while chunk := self._stream.read(_CHUNK_BYTES):  # a compressed file's checksum stands at its end
            padding += len(chunk)
            if padding > _PADDING_BYTES:
                raise EOFError(f"more than {_PADDING_BYTES:,} bytes stand behind the end mark")

    def _open(self) -> tuple[Any, "_HeaderReader", Any]:
        with self.path.open("rb") as file:
            start = file.read(8)
        opener = next((opener for magic, opener in _COMPRESSIONS if start.startswith(magic)), open)
        stream = opener(self.path, "rb")
        headers = _HeaderReader(stream)
        try:
            with _damage_as_user_error(self.path):
                # typeshed asks for more of a file than tarfile uses
                tar = tarfile.TarFile(fileobj=headers, mode="r", encoding="utf-8")  # type: ignore[arg-type]
        except UserError:
            stream.close()
            raise
        return stream, headers, tar


class _HeaderReader:
    """What tarfile reads headers through: they claim lengths of their own, which it would read into memory."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.left = _HEADER_BYTES
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self.left:
            raise tarfile.ReadError(f"a member's header is longer than {_HEADER_BYTES:,} bytes")
        self.left -= size
        return bytes(self._stream.read(size))


class ZipArchive:
    """A zip."""

    def __init__(self, path: Path, limits: ArchiveLimits, names_encoding: str | None = None) -> None:
        self.path = path
        self._limits = limits
        with _damage_as_user_error(path):
            with path.open("rb") as file:
                limits.check_total(path, _zip_members(file), 0)
            self._zip = zipfile.ZipFile(path)
            if names_encoding is None:
                unmarked = (unmarked_name(info) for info in self._zip.infolist())
                self._reading = likely_reading(raw for raw in unmarked if raw is not None)
            else:
                self._reading = named_reading(names_encoding)

    @property
    def notes(self) -> tuple[str, ...]:
        """How names were read, where that is certain."""
        return (self._reading.note,) if self._reading.note else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """How names were read, where that is only likely."""
        return (self._reading.warning,) if self._reading.warning else ()

    def members(self, wanted: NameFilter) -> Iterator[Member]:
        """Like ``TarArchive.members``; encrypted files are refused too."""
        total = 0
        for place, info in enumerate(self._zip.infolist()):
            total += info.file_size
            self._limits.check_total(self.path, place + 1, total)
            name = plain_member_name(self.path, _zip_name(self.path, info, self._reading))
            if info.is_dir() or not wanted(name):
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the packer kept none
            if kind not in (0, stat.S_IFREG):
                raise self._limits.not_plain(self.path, name, "a link" if kind == stat.S_IFLNK else "no plain file")
            if info.flag_bits & _ZIP_ENCRYPTED:
                raise self._limits.not_plain(self.path, name, "encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # zipfile unpacks the others without a bound: 4 KB of bzip2 may be gigabytes
                raise self._limits.not_plain(self.path, name, "compressed in another way than deflate")
            self._limits.check_file(self.path, name, info.file_size)
            yield Member(name, place, info.file_size)

    def read(self, member: Member) -> bytes:
        """The bytes of a member, checked against the archive's checksum."""
        with _damage_as_user_error(self.path), self._zip.open(self._zip.infolist()[member.place]) as file:
            # ``read()`` without a length unpacks all there is, and then cuts it down to what the archive claims
            content = file.read(member.size)
            if len(content) < member.size or file.read(1):
                raise EOFError(f"{member.name!r} must unpack to {member.size} bytes, but to {len(content)}")
        return content


Archive = TarArchive | ZipArchive


def is_archive(path: Path) -> bool:
    """Whether a file is one of the archives that ``open_archive`` reads, by its content."""
    try:
        open_archive(path)
    except UserError:
        return False
    return True


def open_archive(path: Path, limits: ArchiveLimits | None = None, names_encoding: str | None = None) -> Archive:
    """Open an archive; its content, not its name, says of which kind it is.

    Args:
        path: the file.
        limits: upper bounds on files and bytes.
        names_encoding: encoding of names that are not known to be UTF-8, as Python names it; None: of a zip the
            likeliest.

    Returns:
        What lists and reads its members.

    Raises:
        UserError: it is no archive, a damaged one, or one with too many members.
    """
    refuse_other_archive(path)
    with path.open("rb") as file:
        is_zip = file.read(4) in _ZIP_STARTS
    opened = ZipArchive if is_zip else TarArchive
    return opened(path, limits or ArchiveLimits(), names_encoding)


def refuse_other_archive(path: Path) -> None:
    """Refuse an archive of a kind that is not read, by its first bytes.

    Args:
        path: a file.

    Raises:
        UserError: it is a .7z or a .rar, with what to do.
    """
    with path.open("rb") as file:
        start = file.read(8)
    for magic, (what, command) in _OTHER_ARCHIVES.items():
        if start.startswith(magic):
            raise UserError(
                f"{path} is a {what} archive, which is not read here: unpack it (`{command} {path.name}`), and set "
                "path to the folder; .zip and .tar are read as they are"
            )


def _zip_name(path: Path, info: zipfile.ZipInfo, reading: Reading) -> str:
    try:
        return member_name(info, reading.codec)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: the name {info.orig_filename!r} must be {reading.codec} (names_encoding), but byte "
            f"{error.object[error.start]:#x} is none. Leave names_encoding out to have it found"
        ) from error


def _zip_members(file: IO[bytes]) -> int:
    """How many members a zip claims, read before zipfile makes an object of each; 0 where nothing is said."""
    end = file.seek(0, 2)
    file.seek(max(0, end - 2**16 - 22 - 76))  # the longest comment, the end record, and those of zip64 before it
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or place + 22 > len(tail):
        return 0
    count, directory_bytes = struct.unpack_from("<HL", tail, place + 10)
    wide = place - 76
    if wide >= 0 and tail[wide : wide + 4] == b"PK\x06\x06":
        count, directory_bytes = struct.unpack_from("<QQ", tail, wide + 32)
    if directory_bytes > count * (46 + 3 * 2**16):  # an entry cannot be longer: the count is a lie
        raise zipfile.BadZipFile(f"{count} members must not have a directory of {directory_bytes:,} bytes")
    return int(count)


@contextlib.contextmanager
def _damage_as_user_error(path: Path) -> Iterator[None]:
    """Raise what the readers of archives raise as a UserError."""
    try:
        yield
    except UserError:
        raise
    except (
        *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
        *(EOFError, ValueError, LookupError, OverflowError, RecursionError),
        NotImplementedError,  # a zip's compression that Python does not know
    ) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # of the disk; gzip's and bz2's bear no number, an impossible seek
            raise
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(f"{path} must be a whole archive: {first_line}. Replace it, and fetch again.")
