"""Series to forecast: a table with a column of times and columns of numbers, a row a step.

    source: {name: series_table, path: sunspots.csv}
    source: {name: series_table, path: sales.csv, series_column: store, targets: [sales], known: [price]}

``series_column`` says which of several series a row is of. The header names the columns. The first one holds the times
and all others the numbers, unless ``time_column`` and ``value_columns`` say otherwise; ``targets`` names those whose
future is asked for.
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
from saccade.kinds.series.forecasting.table import ForecastColumns, read_to_forecast
from saccade.readers.examples import LongSeries, SeriesPanel
from saccade.readers.fetch_table import fetch_table, stored_table
from saccade.tables.table_format import TableArguments, TableFormat

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "series"
LABELS = "forecast"

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
    time_column: str | int | list[str | int] | None = None,
    value_columns: list[str | int] | None = None,
    targets: list[str | int] | None = None,
    series_column: str | int | None = None,
    series_columns: list[str | int] | None = None,
    known: list[str | int] | None = None,
    static: list[str | int] | None = None,
    time_format: str | None = None,
    day_first: bool | None = None,
    time_zone: str | None = None,
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    progress: Progress = no_progress,
    **table_format: Unpack[TableArguments],
) -> None:
    """Bring the file into ``folder``, byte for byte, and check that it is such a table.

    It is series.csv, or ends as its own form does: series.xlsx, series.parquet.

    Args:
        folder: output folder.
        path: the table on this machine; or a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) that holds it.
        table: the name of the table in that folder or archive; None where path or url is the file.
        url: address of such a file or archive, in place of path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        time_column: header of the times; ``read`` uses it and the next ones, and here they are checked.
        value_columns: headers of the numbers that the network sees.
        targets: headers of the numbers that are to be forecast.
        series_column: header of what says which series a row is of.
        series_columns: headers of columns each of which is a series of its own.
        known: headers of the numbers that are known ahead.
        static: headers of what never changes in a series.
        time_format: format of the times.
        day_first: whether a date with slashes begins with the day.
        time_zone: zone of local times.
        max_files: most members of an archive.
        max_file_bytes: most bytes of the table.
        max_bytes: most bytes of all files of an archive together.
        progress: callback, called with a file's name, the bytes there and its size.
        **table_format: how the table is written, where it is not to be found out; the keys of ``TableArguments``.

    Raises:
        UserError: not exactly one of path and url; nothing that can be read is there; it is no table of numbers.
    """
    if (path is None) == (url is None):
        raise UserError("series_table needs path (a table on this machine) or url, and not both")
    limits = ArchiveLimits(max_files, max_file_bytes, max_bytes, omit_hint=lambda name: "take a part of the series")
    download = folder / _DOWNLOAD
    if url is not None:
        source = fetch_file(remote_file(url, sha256, size), download, mirror=mirror, progress=progress)
    else:
        assert path is not None
        refuse_without_url(sha256, size, mirror)
        source = existing_path("path", path)
    fetch_table(source, table, folder / _TABLE, limits, progress)
    read(
        folder,
        path=path,
        table=table,
        url=url,
        time_column=time_column,
        value_columns=value_columns,
        targets=targets,
        series_column=series_column,
        series_columns=series_columns,
        known=known,
        static=static,
        time_format=time_format,
        day_first=day_first,
        time_zone=time_zone,
        **table_format,
    )
    if download.exists():
        shutil.rmtree(download)


def read(
    folder: Path,
    *,
    path: str | None = None,
    table: str | None = None,
    url: str | None = None,
    time_column: str | int | list[str | int] | None = None,
    value_columns: list[str | int] | None = None,
    targets: list[str | int] | None = None,
    series_column: str | int | None = None,
    series_columns: list[str | int] | None = None,
    known: list[str | int] | None = None,
    static: list[str | int] | None = None,
    time_format: str | None = None,
    day_first: bool | None = None,
    time_zone: str | None = None,
    **table_format: Unpack[TableArguments],
) -> LongSeries | SeriesPanel:
    """Read the series.

    Args:
        folder: the folder that ``fetch`` filled.
        path: name of the file for messages, as are ``table`` and ``url``.
        table: name of the file in a folder or an archive, for messages.
        url: address of the file, for messages.
        time_column: header of the times, or several, such as [date, time] or [year, month, day, hour], which are
            joined; None takes the first column, or those at the beginning that are such columns.
        value_columns: headers of the numbers that the network sees; None takes all others.
        targets: headers of the numbers that are to be forecast; None takes all that are measured.
        series_column: header of the column that says which of several series a row is of, such as store; one network
            learns from all; None: the table is one series.
        series_columns: headers of two columns or more, each of which is a series of its own, with the same times;
            None: columns are what is measured in one series.
        known: headers of the numbers that are known ahead, such as price or promotion; rows behind the last measured
            one, with all others empty, say what is planned.
        static: headers of what never changes in a series, text or numbers, such as region.
        time_format: format of the times, as Python's ``strptime`` takes it, such as ``%m/%d/%Y``, or unix, unix_ms or
            number; None: it is found.
        day_first: whether 01/02/2023 is the first of February; None: a day above 12 decides, and without one it is
            asked.
        time_zone: zone of local times, such as Europe/Lisbon: an hour stands twice in autumn and is missing in spring;
            None: times say how far they are from UTC, or clocks do not change.
        **table_format: how the table is written, where it is not to be found out; the keys of ``TableArguments``.

    Returns:
        The series, or several, in the order of their rows; whether times are regular is looked at by ``preprocess``.

    Raises:
        UserError: it is no such table, with the line, or a target is no column of numbers.
    """
    return read_series(
        stored_table(folder, _TABLE),
        _called(table, path, url),
        time_column=time_column,
        value_columns=value_columns,
        targets=targets,
        series_column=series_column,
        series_columns=series_columns,
        known=known,
        static=static,
        time_options=TimeOptions(time_format, day_first, time_zone),
        form=TableFormat(**table_format),
    )


def read_series(
    path: Path,
    name: str,
    *,
    time_column: str | int | list[str | int] | None = None,
    value_columns: list[str | int] | None = None,
    targets: list[str | int] | None = None,
    series_column: str | int | None = None,
    series_columns: list[str | int] | None = None,
    known: list[str | int] | None = None,
    static: list[str | int] | None = None,
    time_options: TimeOptions | None = None,
    form: TableFormat | None = None,
) -> LongSeries | SeriesPanel:
    """Read series from a file that need not be one that ``fetch`` brought; arguments and errors as of ``read``."""
    columns = ForecastColumns.named(
        time=time_column,
        values=value_columns,
        targets=targets,
        known=known,
        static=static,
        series=series_column,
        each_a_series=series_columns,
    )
    return read_to_forecast(path, name, columns, time_options=time_options, form=form)


def _called(table: str | None, path: str | None, url: str | None) -> str:
    """What a user calls the file."""
    return table or path or PurePosixPath(unquote(urlsplit(url or _TABLE).path)).name


def recognise(look: "Look") -> "list[Reading]":
    """A table whose rows are steps of time; see ``saccade.recognition``."""
    from saccade.recognition.series import to_forecast

    return to_forecast(look)
