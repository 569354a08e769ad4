"""Where a user's own data come from: a path on this machine, or an address with the digest of what is there."""

from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from saccade.core.errors import UserError
from saccade.io.archives import is_archive, refuse_other_archive
from saccade.io.credentials import expand, mask
from saccade.io.downloads import RemoteFile


def existing_path(name: str, path: str) -> Path:
    """A path that a user gave, with ``~`` for a home.

    Args:
        name: name of the argument, for messages.
        path: value of the argument.

    Returns:
        The path.

    Raises:
        UserError: there is nothing.
    """
    try:
        source = Path(path).expanduser()
    except RuntimeError as error:  # "~somebody" who has no home
        raise UserError(f"{name} ({path}) must be a folder or a file: {error}") from error
    if not source.exists():
        raise UserError(f"{name} ({path}) must be a folder or a file, but {source.absolute()} does not exist")
    return source


def folder_or_archive(path: str) -> Path:
    """A folder or an archive on this machine.

    Args:
        path: path that a user gave.

    Returns:
        The path.

    Raises:
        UserError: it is neither.
    """
    source = existing_path("path", path)
    if source.is_dir() or (source.is_file() and is_archive(source)):  # to open a pipe would wait for ever
        return source
    if source.is_file():
        refuse_other_archive(source)
    raise UserError(
        f"path ({path}) must be a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz), but is another kind of "
        "file, or damaged. Unpack it, and name the folder."
    )


def remote_file(url: str, sha256: str | None, size: int | None) -> RemoteFile:
    """The archive at an address.

    Args:
        url: address.
        sha256: SHA-256 of the file, 64 hexadecimal digits.
        size: length of the file in bytes.

    Returns:
        What ``downloads.fetch_file`` takes.

    Raises:
        UserError: the digest or the length is missing, the address names no file, or a variable that is not set.
    """
    if sha256 is None or size is None:
        raise UserError(f"url ({mask(url)}) needs sha256 and size beside it, as `sha256sum` and `wc -c` give them")
    name = PurePosixPath(unquote(urlsplit(expand(url)).path)).name
    if not name:
        raise UserError(f"url ({mask(url)}) must end with the name of a file, such as photos.zip")
    return RemoteFile(name, sha256.lower(), size, (url,))


def refuse_without_url(sha256: str | None, size: int | None, mirror: str | None) -> None:
    """Refuse sha256, size and mirror where there is no url.

    Args:
        sha256: SHA-256 of the archive at the address.
        size: length of that archive in bytes.
        mirror: folder or URL to fetch that archive from.

    Raises:
        UserError: one of them is given.
    """
    if (sha256, size, mirror) != (None, None, None):
        raise UserError("sha256, size and mirror belong to url; leave them out where there is none")
