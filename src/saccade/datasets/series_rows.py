"""Your own series to classify, many in a file: a row each in a table, .ts, .npz or .npy.

    source: {name: series_rows, path: GunPoint.zip}

A table holds a series in each row: its columns are steps, and one is the label; the archives of UCR have no header and
the label first. A .ts file is one of the archives of UCR and UEA; a .npz or .npy file holds arrays X and y. Where one
file is called train and another test, they are the published split.
"""

import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, Unpack

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.data.spec import SPLITS
from saccade.io.archive_limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, ArchiveLimits
from saccade.io.archives import is_archive, open_archive
from saccade.io.downloads import fetch_file
from saccade.io.locations import existing_path, refuse_without_url, remote_file
from saccade.io.packing import copy_file, why_not_plain_file
from saccade.kinds.series.reading.labelled_rows import series_files
from saccade.kinds.series.reading.row_files import ROW_FILE_SUFFIXES, RowOptions, choose_files, read_row_files
from saccade.readers.examples import SeriesFiles
from saccade.tables.table_format import TableArguments, TableFormat

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "series"
LABELS = "classes"
NEW_EXAMPLES = "rows"  # what a new file holds: many series

_DOWNLOAD = "download.part"  # the stage keeps what is called so for the next try, and out of data/raw


def fetch(
    folder: Path,
    *,
    path: str | None = None,
    table: str | None = None,
    url: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    mirror: str | None = None,
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    progress: Progress = no_progress,
) -> None:
    """Bring the file, or the training and the test part, into ``folder`` under their own names, byte for byte.

    Args:
        folder: output folder.
        path: a file on this machine; or a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) that holds it.
        table: the name of the file in that folder or archive; None: they are found by their names, such as
            GunPoint_TRAIN.ts and GunPoint_TEST.ts.
        url: address of such a file or archive, in place of path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        max_files: most members of an archive.
        max_file_bytes: most bytes of one file.
        max_bytes: most bytes of all files together.
        progress: callback, called with a file's name, the bytes there and its size.

    Raises:
        UserError: not exactly one of path and url; nothing that can be read is there, or several datasets.
    """
    if (path is None) == (url is None):
        raise UserError("series_rows needs path (a file or a folder on this machine) or url, and not both")
    limits = ArchiveLimits(max_files, max_file_bytes, max_bytes, omit_hint=lambda name: "take a part of the series")
    download = folder / _DOWNLOAD
    if url is not None:
        source = fetch_file(remote_file(url, sha256, size), download, mirror=mirror, progress=progress)
    else:
        assert path is not None
        refuse_without_url(sha256, size, mirror)
        source = existing_path("path", path)
    folder.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        names = [file.relative_to(source).as_posix() for file in sorted(source.rglob("*")) if file.is_file()]
        for name in choose_files(names, table, str(source)):
            if what := why_not_plain_file(source / name):
                raise UserError(f"{source / name} must be a plain file, but is {what}")
            limits.check_file(source, name, (source / name).stat().st_size)
            copy_file(source / name, folder / PurePosixPath(name).name, progress)
    elif source.suffix.lower() not in (".npz", ".xlsx") and is_archive(source):  # which are archives, too
        archive = open_archive(source, limits)
        names = [member.name for member in archive.members(lambda name: True)]
        chosen = set(choose_files(names, table, str(source)))
        for member in archive.members(chosen.__contains__):
            (folder / PurePosixPath(member.name).name).write_bytes(archive.read(member))
    else:
        limits.check_file(source.parent, source.name, source.stat().st_size)
        copy_file(source, folder / source.name, progress)
    if download.exists():
        shutil.rmtree(download)


def read(
    folder: Path,
    *,
    label_column: str | int | None = None,
    split_column: str | int | None = None,
    value_columns: list[str | int] | None = None,
    steps_axis: Literal[1, 2] | None = None,
    **table_format: Unpack[TableArguments],
) -> SeriesFiles:
    """Read the series; all of them are in memory, 4 bytes a number.

    Args:
        folder: the folder that ``fetch`` filled.
        label_column: column of a table's labels, its number from 0 where there is no header; None: it is found where
            one column alone can hold them.
        split_column: column of a table's published split; None: there is none, or the files' names say it.
        value_columns: columns of a table's steps, in their order; None: all columns of numbers that nothing else names.
        steps_axis: axis of an array (series, 1, 2) that counts steps, where the other one counts features; None: it is
            asked for where both are longer than 1.
        **table_format: how the table is written, where it is not to be found out; the keys of ``TableArguments``.

    Returns:
        The examples, those of the training part first; classes sorted, as numbers where all are whole ones.

    Raises:
        UserError: a file is none of these, with its line, or something can be read in two ways.
    """
    paths = (
        sorted(path for path in folder.iterdir() if path.suffix.lower() in ROW_FILE_SUFFIXES) if folder.is_dir() else []
    )
    if not paths:
        raise UserError(f"{folder} must hold a file of series, but holds none. Fetch the dataset again.")
    form = TableFormat(**table_format)
    options = RowOptions(label_column, split_column, value_columns, steps_axis, form)
    found = read_row_files([(path, path.name) for path in paths], options)
    found.sort(key=lambda part: SPLITS.index(part[1] or "train"))
    return series_files([rows for rows, _ in found], [split for _, split in found])


def recognise(look: "Look") -> "list[Reading]":
    """A table with a series a row; see ``saccade.recognition``."""
    from saccade.recognition.arrays import arrays_of_series
    from saccade.recognition.series import rows_of_series

    return [*rows_of_series(look), *arrays_of_series(look)]
