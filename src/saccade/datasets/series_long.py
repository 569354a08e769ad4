"""Your own series to classify, all in one table: a row a step, and a column that says which series it is of.

    source: {name: series_long, path: motion.csv, series_column: recording, label_column: activity}

The label stands in each row of a series. A column of times is checked to be regular; without one, rows are steps in
their order. Columns that nothing else names and that never change within a series are groups for ``split.group_by``.
"""

import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Unpack
from urllib.parse import unquote, urlsplit

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, ArchiveLimits
from saccade.io.downloads import fetch_file
from saccade.io.locations import existing_path, refuse_without_url, remote_file
from saccade.io.time_detection import TimeOptions
from saccade.kinds.series.reading.labelled_rows import series_files
from saccade.kinds.series.reading.long_table import read_long_table
from saccade.readers.examples import SeriesFiles
from saccade.readers.fetch_table import fetch_table, stored_table
from saccade.tables.table_format import TableArguments, TableFormat

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "series"
LABELS = "classes"
NEW_EXAMPLES = "long table"  # what a new file holds: many series

_TABLE = "series"
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
    """Bring the table into ``folder``, byte for byte.

    Args:
        folder: output folder.
        path: the table on this machine; or a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) that holds it.
        table: the name of the table in that folder or archive; None where path or url is the file.
        url: address of such a file or archive, in place of path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        max_files: most members of an archive.
        max_file_bytes: most bytes of the table.
        max_bytes: most bytes of all files of an archive together.
        progress: callback, called with a file's name, the bytes there and its size.

    Raises:
        UserError: not exactly one of path and url, or nothing that can be read is there.
    """
    if (path is None) == (url is None):
        raise UserError("series_long needs path (a table on this machine) or url, and not both")
    limits = ArchiveLimits(max_files, max_file_bytes, max_bytes, omit_hint=lambda name: "take a part of the series")
    download = folder / _DOWNLOAD
    if url is not None:
        source = fetch_file(remote_file(url, sha256, size), download, mirror=mirror, progress=progress)
    else:
        assert path is not None
        refuse_without_url(sha256, size, mirror)
        source = existing_path("path", path)
    fetch_table(source, table, folder / _TABLE, limits, progress)
    if download.exists():
        shutil.rmtree(download)


def read(
    folder: Path,
    *,
    series_column: str | int,
    label_column: str | int = "label",
    path: str | None = None,
    table: str | None = None,
    url: str | None = None,
    split_column: str | int | None = None,
    time_column: str | int | list[str | int] | None = None,
    value_columns: list[str | int] | None = None,
    time_format: str | None = None,
    day_first: bool | None = None,
    time_zone: str | None = None,
    **table_format: Unpack[TableArguments],
) -> SeriesFiles:
    """Read the series; all of them are in memory, 4 bytes a number, and their times.

    Args:
        folder: the folder that ``fetch`` filled.
        series_column: header of the column that names the series of each row.
        label_column: header of the labels, the same in all rows of a series.
        path: name of the file for messages, as are ``table`` and ``url``.
        table: name of the file in a folder or an archive, for messages.
        url: address of the file, for messages.
        split_column: header of the published split; None where there is none.
        time_column: header of the times, or several that are joined; None: a column that is called time, timestamp,
            date or step, else rows are steps in their order.
        value_columns: headers of the numbers that the network sees; None takes all that nothing else names.
        time_format: format of the times, as Python's ``strptime`` takes it, or unix, unix_ms or number; None: it is
            found.
        day_first: whether 01/02/2023 is the first of February; None: a day above 12 decides.
        time_zone: zone of local times, such as Europe/Lisbon, whose clocks change; None: times say it, or have none.
        **table_format: how the table is written, where it is not to be found out; the keys of ``TableArguments``.

    Returns:
        The examples in the order in which their names come first; classes sorted, as numbers where all are whole ones.

    Raises:
        UserError: it is no such table, with its line, or a label changes within a series.
    """
    rows = read_long_table(
        stored_table(folder, _TABLE),
        table or path or PurePosixPath(unquote(urlsplit(url or _TABLE).path)).name,
        series_column=series_column,
        label_column=label_column,
        time_column=time_column,
        value_columns=value_columns,
        split_column=split_column,
        time_options=TimeOptions(time_format, day_first, time_zone),
        form=TableFormat(**table_format),
    )
    return series_files([rows], [None])


def recognise(look: "Look") -> "list[Reading]":
    """A table with series below each other; see ``saccade.recognition``."""
    from saccade.recognition.series import long_table

    return long_table(look)
