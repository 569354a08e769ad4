"""Your own pictures, in a folder or an archive with one folder a class: ``cat/1.jpg``, or ``train/cat/1.jpg``.

    source: {name: image_folder, path: photos.zip}

Classes and the published split are read from the folders' names, as ``_class_folders.py`` says. Pictures are decoded
straight from the archive, one at a time and in its order.
"""

import glob
import hashlib
import posixpath
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import numpy as np

from saccade.datasets._archive import (
    Archive,
    Member,
    Wanted,
    copy_file,
    is_archive,
    leave_out,
    open_archive,
    pack_folder,
)
from saccade.datasets._class_folders import place_folders
from saccade.downloads import RemoteFile, fetch_file
from saccade.errors import UserError
from saccade.examples import ImageExamples, Progress, no_progress
from saccade.images import PICTURE_SUFFIXES, decode_image

KIND = "image"
LABELS = "classes"

_PACKED = "images.tar"


def fetch(
    folder: Path,
    *,
    path: str | None = None,
    url: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    mirror: str | None = None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    progress: Progress = no_progress,
) -> None:
    """Bring the pictures into ``folder`` as one archive: a folder packed into a tar, an archive as it is.

    Args:
        folder: where to put it.
        path: a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) on this machine.
        url: in place of path, an address of such an archive.
        sha256: with url, the archive's SHA-256, 64 hexadecimal digits.
        size: with url, the archive's length in bytes.
        mirror: with url, a local folder or an http(s) URL that holds a file of the same name.
        include: patterns of the files to take from a folder; None takes all. ``read`` says what a pattern is.
        exclude: patterns of the files to leave out.
        progress: called with the archive's name, the bytes there and its size.

    Raises:
        UserError: not exactly one of path and url; nothing that can be read is there; the bytes are not the named ones.
    """
    if (path is None) == (url is None):
        raise UserError("image_folder needs path (a folder or an archive on this machine) or url, and not both")
    if url is not None:
        fetch_file(_remote_file(url, sha256, size), folder, mirror=mirror, progress=progress)
        return
    assert path is not None
    if (sha256, size, mirror) != (None, None, None):
        raise UserError(f"sha256, size and mirror belong to url; leave them out beside path ({path})")
    source = _existing(path)
    if source.is_dir():
        pack_folder(source, folder / _PACKED, _chosen(include, exclude), progress)
    elif is_archive(source):
        copy_file(source, folder / source.name, progress)
    else:
        raise UserError(
            f"path ({path}) must be a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz), but is another kind of "
            "file, or damaged. Unpack it, and name the folder."
        )


def read(folder: Path, *, include: list[str] | None = None, exclude: list[str] | None = None) -> ImageExamples:
    """List the pictures; each is read and decoded when it is asked for, so memory stays flat.

    A pattern is compared with the whole name in the archive, as ``tar tf`` shows it, or in the folder: ``*`` is any
    text, slashes too, ``?`` any character, ``[ab]`` one of a and b. ``exclude: ["*/thumbs/*", "*.gif"]``.

    Names that begin with a dot are left out (macOS and others put files of their own beside the pictures). So are files
    that are no pictures by their names; ``notes`` counts those.

    Args:
        folder: what ``fetch`` filled.
        include: patterns of the files to take; None takes all.
        exclude: patterns of the files to leave out.

    Returns:
        The examples in the archive's order, in which they are read fastest; classes sorted by name; ids are digests of
        the files' bytes, so that copies of a picture stay in one split.

    Raises:
        UserError: the archive is damaged, or its folders do not say classes and splits.
    """
    path = _only_file(folder)
    archive = open_archive(path)
    pictures, ids, notes = _list_pictures(archive, _chosen(include, exclude))
    folders = [posixpath.dirname(picture.name) for picture in pictures]
    places = place_folders(folders, path)
    classes = sorted({place.class_name for place in places.values()})
    label_of = {name: label for label, name in enumerate(classes)}
    splits = [places[name].split for name in folders]
    return ImageExamples(
        classes=tuple(classes),
        labels=np.array([label_of[places[name].class_name] for name in folders], dtype=np.int64),
        image=lambda i: _decode(archive, pictures[i]),
        ids=ids,
        published_splits=[split for split in splits if split is not None] or None,  # all have one, or none has
        notes=notes,
    )


def _list_pictures(archive: Archive, wanted: Wanted) -> tuple[list[Member], list[str], tuple[str, ...]]:
    """The pictures, a digest of each, and what to tell of the files that are none."""
    pictures: list[Member] = []
    ids: list[str] = []
    others: Counter[str] = Counter()
    for member in archive.members(wanted):
        suffix = posixpath.splitext(member.name)[1].lower()
        if suffix in PICTURE_SUFFIXES:
            pictures.append(member)
            ids.append(hashlib.blake2b(archive.read(member), digest_size=16).hexdigest())
        else:
            others[suffix or "without a suffix"] += 1
    counts = ", ".join(f"{suffix} {count:,}" for suffix, count in sorted(others.items()))
    if not pictures:
        raise UserError(
            f"{archive.path} must hold pictures ({', '.join(PICTURE_SUFFIXES)}), but holds {counts or 'none'}. "
            "Correct path, include or exclude."
        )
    return pictures, ids, (f"left out files that are no pictures by their names: {counts}",) if others else ()


def _decode(archive: Archive, picture: Member) -> np.ndarray:
    content = archive.read(picture)
    try:
        return decode_image(content)
    except UserError as error:
        remedy = f"Replace it, or leave it out: {leave_out(glob.escape(picture.name))}"
        raise UserError(f"{archive.path}: {picture.name} {error}. {remedy}") from error


def _chosen(include: list[str] | None, exclude: list[str] | None) -> Wanted:
    """Names that a pattern of ``include`` and none of ``exclude`` fits; never hidden ones."""

    def wanted(name: str) -> bool:
        if any(part.startswith(".") for part in PurePosixPath(name).parts):
            return False
        is_included = include is None or name.endswith("/") or any(fnmatchcase(name, pattern) for pattern in include)
        return is_included and not any(fnmatchcase(name, pattern) for pattern in exclude or ())

    return wanted


def _existing(path: str) -> Path:
    try:
        source = Path(path).expanduser()
    except RuntimeError as error:  # "~somebody" who has no home
        raise UserError(f"path ({path}) must be a folder or an archive: {error}") from error
    if not source.exists():
        raise UserError(f"path ({path}) must be a folder or an archive, but {source.absolute()} does not exist")
    return source


def _remote_file(url: str, sha256: str | None, size: int | None) -> RemoteFile:
    if sha256 is None or size is None:
        raise UserError(f"url ({url}) needs sha256 and size beside it, as `sha256sum` and `wc -c` give them")
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    if not name:
        raise UserError(f"url ({url}) must end with the name of a file, such as photos.zip")
    return RemoteFile(name, sha256.lower(), size, (url,))


def _only_file(folder: Path) -> Path:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    if len(files) != 1:
        found = ", ".join(path.name for path in files) or "nothing"
        raise UserError(f"{folder} must hold one archive, but holds {found}. Fetch the dataset again.")
    return files[0]
