"""Files packed into one tar, so that what a dataset was made of is one file, and is kept.

The same files give the same bytes: members bear no time and no owner.
"""

import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import ArchiveLimits, plain_member_name
from saccade.io.archives import NameFilter
from saccade.io.member_names import decode_disk_name
from saccade.io.path_patterns import escape_pattern, exclude_line

_CHUNK_BYTES = 2**20


def pack_folder(
    source: Path,
    target: Path,
    wanted: NameFilter,
    progress: Progress = no_progress,
    limits: ArchiveLimits | None = None,
    names_encoding: str | None = None,
) -> None:
    """Pack a folder's files into one tar, sorted by name.

    Links to files are followed, for what they lead to may be gone tomorrow. Names that begin with a dot are left out.

    Args:
        source: the folder.
        target: the tar.
        wanted: filter of the names below the folder.
        progress: callback, called with the bytes packed so far.
        limits: upper bounds on files and bytes; None takes the defaults.
        names_encoding: encoding of names on the disk that are not UTF-8; None refuses such.

    Raises:
        UserError: there is nothing to pack, something that is no file, or more than the limits.
    """
    limits = limits or ArchiveLimits()
    files = {
        decode_disk_name(name, names_encoding): name
        for name in _files_below(source, "", wanted, limits, names_encoding)
    }
    if not files:
        raise UserError(f"{source} must hold files to pack, but there are none; does include or exclude leave all out?")
    pack_files(source, files, target, progress, limits, files)


def pack_files(
    root: Path,
    names: Iterable[str],
    target: Path,
    progress: Progress = no_progress,
    limits: ArchiveLimits | None = None,
    file_of: Mapping[str, str] | None = None,
) -> None:
    """Pack the named files into one tar, in that order.

    Args:
        root: the folder that the names count from.
        names: parted by slashes; plain files.
        target: the tar.
        progress: callback, called with the bytes packed so far.
        limits: upper bounds on files and bytes; None takes the defaults.
        file_of: path below ``root`` of each name; None: the names themselves.

    Raises:
        UserError: it is more than the limits.
    """
    names, limits, total = list(names), limits or ArchiveLimits(), 0
    files = {name: root / (file_of[name] if file_of is not None else name) for name in names}
    for number, name in enumerate(names, start=1):
        size = files[name].stat().st_size
        total += size
        limits.check_total(root, number, total)
        limits.check_file(root, name, size)
    done = 0
    with replacing_file(target) as partial, tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            with files[name].open("rb") as reader:
                done += _add(tar, name, os.fstat(reader.fileno()).st_size, reader)
            progress(target.name, done, total)


def pack_contents(files: Iterable[tuple[str, bytes]], target: Path, progress: Progress = no_progress) -> None:
    """Pack files that are given by name and content into one tar, in that order.

    Args:
        files: pairs of name and content, taken one at a time.
        target: the tar; there is none when ``files`` raises.
        progress: callback, called with the bytes packed so far.
    """
    done = 0
    with replacing_file(target) as partial, tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files:
            done += _add(tar, name, len(content), io.BytesIO(content))
            progress(target.name, done, None)


def copy_file(source: Path, target: Path, progress: Progress = no_progress) -> None:
    """Copy a file; ``progress`` is called with the bytes there so far."""
    done, total = 0, source.stat().st_size
    with source.open("rb") as reader, replacing_file(target) as partial, partial.open("wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            done += len(chunk)
            progress(target.name, done, total)


def why_not_plain_file(path: Path) -> str | None:
    """What is at a path in place of a plain file, or of a link to one; None where all is well."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "a link that leads nowhere" if path.is_symlink() else "not there"
    return None if stat.S_ISREG(mode) else "a folder" if stat.S_ISDIR(mode) else "no plain file"


def _add(tar: Any, name: str, size: int, content: IO[bytes]) -> int:
    info = tarfile.TarInfo(name)
    info.size = size
    tar.addfile(info, content)
    tar.members.clear()  # else tarfile keeps a KiB of each member
    return size


def _files_below(
    root: Path, folder: str, wanted: NameFilter, limits: ArchiveLimits, names_encoding: str | None
) -> Iterator[str]:
    for path in sorted((root / folder).iterdir()):
        name = f"{folder}{path.name}"
        is_folder = path.is_dir()
        if path.name.startswith("."):
            continue
        shown = decode_disk_name(name, names_encoding)
        if not wanted(f"{shown}/" if is_folder else shown):
            continue
        plain_member_name(root, shown)
        if is_folder and path.is_symlink():  # it may lead to a folder above: there would be no end
            raise UserError(
                f"{path} is a link to a folder. Put the folder itself there, or leave it out: "
                f"{exclude_line(escape_pattern(name) + '/*')}"
            )
        if is_folder:
            yield from _files_below(root, f"{name}/", wanted, limits, names_encoding)
        elif (what := why_not_plain_file(path)) is None:
            yield name
        else:
            raise limits.not_plain(root, name, what)
