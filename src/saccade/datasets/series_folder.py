"""Your own series to classify: a file an example, and a table that says which is what.

    source: {name: series_folder, table: gestures/labels.csv}

Each file is a table: a row a step, a column a feature, the same columns in all. The table of labels names the
files and their labels: columns ``path`` and ``label``, or what ``path_column`` and ``label_column`` say; columns that
nothing else names are groups for ``split.group_by``.
"""

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

import numpy as np

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, ArchiveLimits
from saccade.io.archives import open_archive
from saccade.io.time_detection import TimeOptions
from saccade.kinds.series.reading.number_table import read_numbers
from saccade.readers.examples import FileSeries, SeriesFiles
from saccade.readers.fetch_listed_files import fetch_listed_files, notes_of_fetch, remove_row_hint
from saccade.readers.fetch_table import stored_table
from saccade.readers.file_table import read_table
from saccade.readers.path_columns import PathColumns
from saccade.tables.table_format import TableArguments, TableFormat

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "series"
LABELS = "classes"

_PACKED = "series.tar"
_TABLE = "table"


def fetch(
    folder: Path,
    *,
    table: str,
    path: str | None = None,
    url: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    mirror: str | None = None,
    path_column: str | int = "path",
    path_template: str | None = None,
    root: str | None = None,
    label_column: str | int = "label",
    labels_are: Literal["classes"] | None = None,
    split_column: str | int | None = None,
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    progress: Progress = no_progress,
    **table_format: Unpack[TableArguments],
) -> None:
    """Bring the table into ``folder`` as table.csv, and the files that it names, and no others, as series.tar.

    Args:
        folder: output folder.
        table: a table on this machine; with path or url, the name of one in there, else one on this machine. The
            paths in it count from path or from the archive's root; those of a table in there from its own folder,
            if more of its files are found from there.
        path: a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) with the files, on this machine; with columns in
            braces, such as dataset/RSS_{sequence}.csv, that folder and path_template; None takes the table's folder.
        url: address of such an archive, in place of path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        path_column: header of the files' paths.
        path_template: path made of columns in braces, such as 'scans/{id}_left.png', in place of path_column; '{id:05}'
            fills up with zeros in front.
        root: folder of this machine or another that paths in the table begin with, such as C:/Users/me/photos; what
            follows it counts. None: it is found, where all files are.
        label_column: header of the labels.
        labels_are: classes, where labels that are numbers with decimals, such as 1.5, are names of classes; None: such
            labels are asked about.
        split_column: header of the published split: train, val, validation or test in each row, or nothing in any.
        max_files: most members of an archive, or files of the table.
        max_file_bytes: most bytes of one file, or of the table.
        max_bytes: most bytes of all files together.
        progress: callback, called with a file's name, the bytes there and its size.
        **table_format: how the table is written, where it is not to be found out; the keys of ``TableArguments``.

    Raises:
        UserError: the table is none, with its line; it names files that are not there; nothing that can be read is at
            path or url, or more than the limits.
    """
    path, path_template = _parted(path, path_template)
    fetch_listed_files(
        folder,
        _PACKED,
        _TABLE,
        who="series_folder",
        table=table,
        path=path,
        url=url,
        sha256=sha256,
        size=size,
        mirror=mirror,
        paths=PathColumns(path_column, path_template, root),
        label_column=label_column,
        split_column=split_column,
        form=TableFormat(encoding=table_format.get("encoding")),
        labels_are=labels_are,
        limits=ArchiveLimits(max_files, max_file_bytes, max_bytes, omit_hint=remove_row_hint),
        progress=progress,
    )


def read(
    folder: Path,
    *,
    table: str,
    path: str | None = None,
    path_column: str | int = "path",
    path_template: str | None = None,
    root: str | None = None,
    label_column: str | int = "label",
    labels_are: Literal["classes"] | None = None,
    split_column: str | int | None = None,
    time_column: str | int | list[str | int] | None = None,
    value_columns: list[str | int] | None = None,
    time_format: str | None = None,
    day_first: bool | None = None,
    time_zone: str | None = None,
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    **table_format: Unpack[TableArguments],
) -> SeriesFiles:
    """List the files; each is read when it is asked for, so memory stays flat.

    Args:
        folder: the folder that ``fetch`` filled.
        table: name of the table, for messages.
        path: where the files were; what stands in braces in it is part of their names.
        path_column: header of the files' paths in the table.
        path_template: path made of columns in braces, in place of path_column.
        root: folder that paths in the table begin with.
        label_column: header of the labels.
        labels_are: classes, where numbers with decimals are names of classes.
        split_column: header of the published split; None where there is none.
        time_column: header of a column of times in each file, which are then checked to be regular; or several, such as
            a date and a time of day, which are joined; None: there is none, and rows are steps.
        value_columns: headers of the numbers that the network sees; None takes all but the times.
        time_format: format of the times, as Python's ``strptime`` takes it, or unix, unix_ms or number; None: it is
            detected.
        day_first: whether 01/02/2023 is the first of February; None: a day above 12 decides.
        time_zone: zone of local times, such as Europe/Lisbon, whose clocks change; None: times say it, or have none.
        max_files: most files.
        max_file_bytes: most bytes of one file.
        max_bytes: most bytes of all files together.
        **table_format: how the table is written, where it is not to be found out; the keys of ``TableArguments``.

    Returns:
        The examples in the order of the table's rows; classes sorted, as numbers where all are whole ones; ids are
        digests of the files' bytes, so that copies stay in one split; names are the paths in the table.

    Raises:
        UserError: the table is none, with its line, or what ``fetch`` brought is not whole. What is wrong with a file
            is raised when it is loaded.
    """
    _, path_template = _parted(path, path_template)
    if not (folder / _PACKED).is_file():
        raise UserError(f"{folder} must hold {_PACKED}, but does not. Fetch the dataset again.")
    rows = read_table(
        stored_table(folder, _TABLE),
        table,
        paths=PathColumns(path_column, path_template, root),
        label_column=label_column,
        split_column=split_column,
        form=TableFormat(encoding=table_format.get("encoding")),
        labels_are=labels_are,
    )
    archive = open_archive(folder / _PACKED, ArchiveLimits(max_files, max_file_bytes, max_bytes))
    found = {
        member.name: (member, hashlib.blake2b(archive.read(member), digest_size=16).hexdigest())
        for member in archive.members(lambda name: True)
    }
    if missing := next((name for name in rows.paths if name not in found), None):
        raise UserError(f"{archive.path} must hold {missing!r}, but does not. Fetch the dataset again.")

    form = TableFormat(**table_format)

    def load(i: int) -> FileSeries:
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            file.write(archive.read(found[rows.paths[i]][0]))
            file.flush()
            return read_numbers(
                Path(file.name),
                rows.paths[i],
                time_column=time_column,
                value_columns=value_columns,
                first_is_time=False,
                time_options=TimeOptions(time_format, day_first, time_zone),
                form=form,
            )

    classes = rows.classes()
    label_of = {name: label for label, name in enumerate(classes)}
    return SeriesFiles(
        classes=tuple(classes),
        labels=np.array([label_of[label] for label in rows.labels], dtype=np.int64),
        load=load,
        ids=[found[name][1] for name in rows.paths],
        names=rows.paths,
        published_splits=rows.splits,
        groups=rows.groups,
        notes=[*rows.notes, *notes_of_fetch(folder)],
    )


def _parted(path: str | None, path_template: str | None) -> tuple[str | None, str | None]:
    """A path with columns in braces as the folder before them, and a template below it.

    >>> _parted("dataset/RSS_{sequence}.csv", None), _parted("{id}.csv", None), _parted("dataset", "{id}.csv")
    (('dataset', 'RSS_{sequence}.csv'), ('.', '{id}.csv'), ('dataset', '{id}.csv'))
    """
    if path is None or "{" not in path or path_template is not None:
        return path, path_template
    folder = path.partition("{")[0].rpartition("/")[0]
    return folder or ".", path[len(folder) + 1 if folder else 0 :]


def recognise(look: "Look") -> "list[Reading]":
    """Files of steps that a column of a table names; see ``saccade.recognition``."""
    from saccade.recognition.series import listed_in_table

    return listed_in_table(look)
