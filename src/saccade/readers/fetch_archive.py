"""A user's own files, brought to ``data/raw`` as one archive: a folder packed, an archive or an address as it is."""

from pathlib import Path, PurePosixPath

from saccade.core.errors import UserError
from saccade.core.progress import Progress
from saccade.io.archive_limits import ArchiveLimits
from saccade.io.archives import NameFilter
from saccade.io.downloads import fetch_file
from saccade.io.locations import existing_path, folder_or_archive, refuse_without_url, remote_file
from saccade.io.packing import copy_file, pack_folder
from saccade.io.path_patterns import compile_pattern


def fetch_archive(
    folder: Path,
    packed: str,
    *,
    who: str,
    path: str | None,
    url: str | None,
    sha256: str | None,
    size: int | None,
    mirror: str | None,
    wanted: NameFilter,
    limits: ArchiveLimits,
    progress: Progress,
    is_file_enough: bool = False,
    names_encoding: str | None = None,
) -> None:
    """Bring the files of a folder, an archive or an address into ``folder``, as one file.

    Args:
        folder: output folder.
        packed: name of the tar that a folder's files are packed into, such as images.tar.
        who: the source, for messages.
        path: a folder or an archive on this machine.
        url: address of a file, in place of path.
        sha256: SHA-256 of the file at url.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        wanted: filter of the names in a folder.
        limits: upper bounds on files and bytes.
        progress: callback, called with the file's name, the bytes there and its size.
        is_file_enough: whether path may be a file that is no archive.
        names_encoding: encoding of names in a folder that are not UTF-8; None refuses such.

    Raises:
        UserError: not exactly one of path and url; nothing that can be read is there; the bytes are not the named ones.
    """
    if (path is None) == (url is None):
        a_file = ", a file" if is_file_enough else ""
        raise UserError(f"{who} needs path (a folder{a_file} or an archive on this machine) or url, and not both")
    if url is not None:
        fetch_file(remote_file(url, sha256, size), folder, mirror=mirror, progress=progress)
        return
    assert path is not None
    refuse_without_url(sha256, size, mirror)
    source = existing_path("path", path)
    if not (is_file_enough and source.is_file()):
        source = folder_or_archive(path)
    if source.is_dir():
        pack_folder(source, folder / packed, wanted, progress, limits, names_encoding)
    else:
        copy_file(source, folder / source.name, progress)


def single_file(folder: Path) -> Path:
    """The one file that ``fetch_archive`` brought.

    Args:
        folder: folder such as data/raw/photos.

    Returns:
        Its path.

    Raises:
        UserError: there is none, or more than one.
    """
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    if len(files) != 1:
        found = ", ".join(path.name for path in files) or "nothing"
        raise UserError(f"{folder} must hold one archive, but holds {found}. Fetch the dataset again.")
    return files[0]


def name_filter(include: list[str] | None, exclude: list[str] | None) -> NameFilter:
    """Names that a pattern of ``include`` and none of ``exclude`` fits; never hidden ones.

    Args:
        include: patterns of the files to take; None takes all.
        exclude: patterns of the files to leave out.

    Returns:
        A function of a name.

    Raises:
        UserError: a pattern is empty.
    """
    included = None if include is None else [compile_pattern(pattern) for pattern in include]
    excluded = [compile_pattern(pattern) for pattern in exclude or ()]

    def wanted(name: str) -> bool:
        if any(part.startswith(".") for part in PurePosixPath(name).parts):
            return False
        is_included = included is None or name.endswith("/") or any(fits(name) for fits in included)
        return is_included and not any(fits(name) for fits in excluded)

    return wanted
