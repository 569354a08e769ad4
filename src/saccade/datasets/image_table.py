"""Your own pictures, with a table that says which is what: a CSV file with a row a picture.

    source: {name: image_table, table: leaves/labels.csv}

The header names the columns: ``path`` and ``label``, or what ``path_column`` and ``label_column`` say; commas,
semicolons or tabs part them. Columns that nothing else names are groups for ``split.group_by``.
"""

import hashlib
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, ArchiveLimits
from saccade.io.archives import open_archive
from saccade.kinds.image.pixels.decode import decode_for, decode_image
from saccade.readers.examples import ImageExamples
from saccade.readers.fetch_listed_files import fetch_listed_files, remove_row_hint
from saccade.readers.file_table import read_table

KIND = "image"
LABELS = "classes"

_PACKED = "images.tar"
_TABLE = "table.csv"


def fetch(
    folder: Path,
    *,
    table: str,
    path: str | None = None,
    url: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    mirror: str | None = None,
    path_column: str = "path",
    label_column: str = "label",
    split_column: str | None = None,
    encoding: str = "utf-8",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    progress: Progress = no_progress,
) -> None:
    """Bring the table into ``folder`` as table.csv, and the pictures that it names, and no others, as images.tar.

    Args:
        folder: output folder.
        table: a CSV file on this machine; with path or url, the name of one in there, else one on this machine. The
            paths in it count from path or from the archive's root; those of a table in there from its own folder,
            if more of its pictures are found from there.
        path: a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) with the pictures, on this machine; None takes
            the table's folder.
        url: address of such an archive, in place of path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        path_column: header of the pictures' paths.
        label_column: header of the labels.
        split_column: header of the published split: train, val, validation or test in each row, or nothing in any.
        encoding: encoding of the table, as Python names it: utf-8 (with or without a byte order mark), latin-1, utf-16.
        max_files: most members of an archive, or pictures of the table.
        max_file_bytes: most bytes of one picture, or of the table.
        max_bytes: most bytes of all files together.
        progress: callback, called with a file's name, the bytes there and its size.

    Raises:
        UserError: the table is none, with its line; it names pictures that are not there; nothing that can be read is
            at path or url, or more than the limits.
    """
    fetch_listed_files(
        folder,
        _PACKED,
        _TABLE,
        who="image_table",
        table=table,
        path=path,
        url=url,
        sha256=sha256,
        size=size,
        mirror=mirror,
        path_column=path_column,
        label_column=label_column,
        split_column=split_column,
        encoding=encoding,
        limits=ArchiveLimits(max_files, max_file_bytes, max_bytes, omit_hint=remove_row_hint),
        progress=progress,
    )


def read(
    folder: Path,
    *,
    table: str,
    path_column: str = "path",
    label_column: str = "label",
    split_column: str | None = None,
    encoding: str = "utf-8",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
) -> ImageExamples:
    """List the pictures; each is read and decoded when it is asked for, so memory stays flat.

    Args:
        folder: the folder that ``fetch`` filled.
        table: name of the table, for messages.
        path_column: header of the pictures' paths.
        label_column: header of the labels.
        split_column: header of the published split; None where there is none.
        encoding: encoding of the table.
        max_files: most pictures.
        max_file_bytes: most bytes of one picture.
        max_bytes: most bytes of all pictures together.

    Returns:
        The examples in the order of the table's rows; classes sorted, as numbers where all are whole ones; ids are
        digests of the files' bytes, so that copies of a picture stay in one split; names are the paths in the table.

    Raises:
        UserError: the table is none, with its line, or what ``fetch`` brought is not whole.
    """
    for name in (_TABLE, _PACKED):
        if not (folder / name).is_file():
            raise UserError(f"{folder} must hold {name}, but does not. Fetch the dataset again.")
    rows = read_table(
        folder / _TABLE,
        table,
        path_column=path_column,
        label_column=label_column,
        split_column=split_column,
        encoding=encoding,
    )
    archive = open_archive(folder / _PACKED, ArchiveLimits(max_files, max_file_bytes, max_bytes))
    found = {
        member.name: (member, hashlib.blake2b(archive.read(member), digest_size=16).hexdigest())
        for member in archive.members(lambda name: True)
    }
    if missing := next((name for name in rows.paths if name not in found), None):
        raise UserError(f"{archive.path} must hold {missing!r}, but does not. Fetch the dataset again.")
    pictures = [found[name][0] for name in rows.paths]
    classes = rows.classes()
    label_of = {name: label for label, name in enumerate(classes)}
    return ImageExamples(
        classes=tuple(classes),
        labels=np.array([label_of[label] for label in rows.labels], dtype=np.int64),
        load=lambda i: archive.read(pictures[i]),
        decode=decode_image,
        decode_for=decode_for,
        ids=[found[name][1] for name in rows.paths],
        published_splits=rows.splits,
        groups=rows.groups,
        names=rows.paths,
        notes=rows.notes,
    )
