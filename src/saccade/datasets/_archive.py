"""Archives of files (.zip, .tar, .tar.gz, .tar.bz2, .tar.xz), read member by member; nothing is extracted to the disk.

A folder is packed into such an archive first, so that what a dataset was made of is one file, and is kept.
"""

import contextlib
import glob
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from saccade.errors import UserError
from saccade.examples import Progress, no_progress
from saccade.files import replacing_file

_CHUNK_BYTES = 2**20
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # with members, without
_ZIP_ENCRYPTED = 1  # bit of a member's flags

Wanted = Callable[[str], bool]
"""``wanted(name)``: whether a member counts, by its name; a folder's name ends with a slash."""


class Member(NamedTuple):
    """A plain file in an archive: its name, parted by slashes, where it lies, and its length in bytes."""

    name: str
    place: int
    size: int


class TarArchive:
    """A tar, compressed or not. Reading members in their order decompresses once; going back starts over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tar = self._open()

    def members(self, wanted: Wanted) -> Iterator[Member]:
        """The wanted files in the archive's order; ``read`` may be called in between.

        Args:
            wanted: says which names count.

        Yields:
            Plain files.

        Raises:
            UserError: the archive is damaged, or a member has a name that leads out of it, or is wanted and no file.
        """
        self._tar.close()
        self._tar = self._open()
        with _telling_damage(self.path):
            while (info := self._tar.next()) is not None:
                self._tar.members.clear()  # else tarfile keeps a KiB of each member
                name = _checked_name(self.path, info.name)
                if info.isdir() or not wanted(name):
                    continue
                if not info.isreg() or info.issparse():
                    raise _not_plain(self.path, name, "a link" if info.issym() or info.islnk() else "no plain file")
                yield Member(name, info.offset_data, info.size)
            self._expect_end()

    def read(self, member: Member) -> bytes:
        """The bytes of a member."""
        with _telling_damage(self.path):
            self._stream().seek(member.place)
            content = self._stream().read(member.size)
            if len(content) < member.size:
                raise EOFError(f"{member.name} ends after {len(content)} of {member.size} bytes")
        return content

    def _expect_end(self) -> None:
        """Tarfile takes a header that is cut short or damaged for the end: the rest would be missed in silence."""
        self._stream().seek(self._tar.offset)
        if self._stream().read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise EOFError(f"at byte {self._tar.offset:,} neither a member nor the end mark stands")
        while self._stream().read(_CHUNK_BYTES):  # a compressed file's checksum stands at its end
            pass

    def _open(self) -> Any:
        with _telling_damage(self.path):
            return tarfile.open(self.path, encoding="utf-8")

    def _stream(self) -> Any:
        return self._tar.fileobj


class ZipArchive:
    """A zip."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _telling_damage(path):
            self._zip = zipfile.ZipFile(path)

    def members(self, wanted: Wanted) -> Iterator[Member]:
        """Like ``TarArchive.members``; encrypted files are refused too."""
        for place, info in enumerate(self._zip.infolist()):
            name = _checked_name(self.path, info.filename)
            if info.is_dir() or not wanted(name):
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the packer kept none
            if kind not in (0, stat.S_IFREG):
                raise _not_plain(self.path, name, "a link" if kind == stat.S_IFLNK else "no plain file")
            if info.flag_bits & _ZIP_ENCRYPTED:
                raise _not_plain(self.path, name, "encrypted")
            yield Member(name, place, info.file_size)

    def read(self, member: Member) -> bytes:
        """The bytes of a member, checked against the archive's checksum."""
        with _telling_damage(self.path):
            return self._zip.read(self._zip.infolist()[member.place])


Archive = TarArchive | ZipArchive


def is_archive(path: Path) -> bool:
    """Whether a file is one of the archives that ``open_archive`` reads, by its content."""
    try:
        open_archive(path)
    except UserError:
        return False
    return True


def open_archive(path: Path) -> Archive:
    """Open an archive; its content, not its name, says of which kind it is."""
    return ZipArchive(path) if _is_zip(path) else TarArchive(path)


def pack_folder(source: Path, target: Path, wanted: Wanted, progress: Progress = no_progress) -> None:
    """Pack a folder's files into one tar, sorted by name: the same files give the same bytes.

    Links to files are followed, for what they lead to may be gone tomorrow. Names that begin with a dot are left out.

    Args:
        source: the folder.
        target: the tar.
        wanted: says which names below the folder count.
        progress: called with the bytes packed so far.

    Raises:
        UserError: there is nothing to pack, or something that is no file.
    """
    files = list(_files_below(source, "", wanted))
    if not files:
        raise UserError(f"{source} must hold files to pack, but there are none; does include or exclude leave all out?")
    done, total = 0, sum((source / name).stat().st_size for name in files)
    with replacing_file(target) as partial, tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in files:
            info = tarfile.TarInfo(name)  # of no time and no owner
            with (source / name).open("rb") as reader:
                info.size = os.fstat(reader.fileno()).st_size
                tar.addfile(info, reader)
            done += info.size
            progress(target.name, done, total)


def copy_file(source: Path, target: Path, progress: Progress = no_progress) -> None:
    """Copy a file; ``progress`` is called with the bytes there so far."""
    done, total = 0, source.stat().st_size
    with source.open("rb") as reader, replacing_file(target) as partial, partial.open("wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            done += len(chunk)
            progress(target.name, done, total)


def leave_out(pattern: str) -> str:
    """The line of params.yaml that leaves a member out, for messages."""
    return f"exclude: [{pattern!r}]"


def _files_below(root: Path, folder: str, wanted: Wanted) -> Iterator[str]:
    for path in sorted((root / folder).iterdir()):
        name = f"{folder}{path.name}"
        is_folder = path.is_dir()
        if path.name.startswith(".") or not wanted(f"{name}/" if is_folder else name):
            continue
        _checked_name(root, name)
        if is_folder and path.is_symlink():  # it may lead to a folder above: there would be no end
            raise UserError(
                f"{path} is a link to a folder. Put the folder itself there, or leave it out: {leave_out(name + '/*')}"
            )
        if is_folder:
            yield from _files_below(root, f"{name}/", wanted)
        elif path.is_file():
            yield name
        else:
            raise _not_plain(root, name, "a link that leads nowhere" if path.is_symlink() else "no plain file")


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in _ZIP_STARTS


def _checked_name(path: Path, name: str) -> str:
    """The name in its plain form: ./a//b is a/b."""
    plain = PurePosixPath(name)
    if plain.is_absolute() or ".." in plain.parts:
        raise UserError(f"{path}: member {name!r} must not lead out of the archive. Pack it anew without that one.")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(f"{path}: the name {name!r} must be UTF-8. Rename the file, and pack it anew.") from error
    return plain.as_posix()


def _not_plain(path: Path, name: str, what: str) -> UserError:
    remedy = f"Put the file itself there, or leave it out: {leave_out(glob.escape(name))}"
    return UserError(f"{path}: {name!r} must be a plain file, but is {what}. {remedy}")


@contextlib.contextmanager
def _telling_damage(path: Path) -> Iterator[None]:
    """What the readers of archives raise, as an error for people."""
    try:
        yield
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        NotImplementedError,  # a zip's compression that Python does not know
    ) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if error.errno is not None:  # of the disk; those of gzip and bz2 bear no number
            raise
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(f"{path} must be a whole archive: {first_line}. Replace it, and fetch again.")
