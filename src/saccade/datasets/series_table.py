"""One long series to forecast: a CSV file with a column of times and one or more columns of numbers, a row a step.

    source: {name: series_table, path: sunspots.csv}

The header names the columns. The first one holds the times and all others the numbers, unless ``time_column`` and
``value_columns`` say otherwise; ``targets`` names those whose future is asked for. Commas, semicolons or tabs part the
columns; where semicolons do, a comma may stand for the decimal point.
"""

import shutil
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, ArchiveLimits
from saccade.io.downloads import fetch_file
from saccade.io.locations import existing_path, refuse_without_url, remote_file
from saccade.kinds.series.reading.number_table import read_numbers
from saccade.readers.examples import LongSeries
from saccade.readers.fetch_table import fetch_table

KIND = "series"
LABELS = "forecast"

_TABLE = "series.csv"
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
    time_column: str | None = None,
    value_columns: list[str] | None = None,
    targets: list[str] | None = None,
    time_format: str | None = None,
    encoding: str = "utf-8",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    progress: Progress = no_progress,
) -> None:
    """Bring the file into ``folder`` as series.csv, byte for byte, and check that it is such a table.

    Args:
        folder: output folder.
        path: the CSV file on this machine; or a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) that holds it.
        table: the name of the CSV file in that folder or archive; None where path or url is the file.
        url: address of such a file or archive, in place of path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        time_column: header of the times; ``read`` uses it and the next ones, and here they are checked.
        value_columns: headers of the numbers that the network sees.
        targets: headers of the numbers that are to be forecast.
        time_format: format of the times.
        encoding: encoding of the text.
        max_files: most members of an archive.
        max_file_bytes: most bytes of the CSV file.
        max_bytes: most bytes of all files of an archive together.
        progress: callback, called with a file's name, the bytes there and its size.

    Raises:
        UserError: not exactly one of path and url; nothing that can be read is there; it is no table of numbers.
    """
    if (path is None) == (url is None):
        raise UserError("series_table needs path (a CSV file on this machine) or url, and not both")
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
        time_format=time_format,
        encoding=encoding,
    )
    if download.exists():
        shutil.rmtree(download)


def read(
    folder: Path,
    *,
    path: str | None = None,
    table: str | None = None,
    url: str | None = None,
    time_column: str | None = None,
    value_columns: list[str] | None = None,
    targets: list[str] | None = None,
    time_format: str | None = None,
    encoding: str = "utf-8",
) -> LongSeries:
    """Read the series.

    Args:
        folder: the folder that ``fetch`` filled.
        path: name of the file for messages, as are ``table`` and ``url``.
        table: name of the file in a folder or an archive, for messages.
        url: address of the file, for messages.
        time_column: header of the times; None takes the first column.
        value_columns: headers of the numbers that the network sees; None takes all others.
        targets: headers of the numbers that are to be forecast; None takes all.
        time_format: format of the times, as Python's ``strptime`` takes it, such as ``%m/%d/%Y``; None: a number, or a
            date that can be read in one way only, such as 1749-01, 1749-01-31, 2024-05-01 13:00 or 31.01.1749.
        encoding: encoding of the text, as Python names it: utf-8 (with or without a byte order mark), latin-1, utf-16.

    Returns:
        The series in the order of its rows; whether its times are regular is looked at by ``preprocess``.

    Raises:
        UserError: it is no such table, with the line, or a target is no column of numbers.
    """
    if not (folder / _TABLE).is_file():
        raise UserError(f"{folder} must hold {_TABLE}, but does not. Fetch the dataset again.")
    return read_series(
        folder / _TABLE,
        _called(table, path, url),
        time_column=time_column,
        value_columns=value_columns,
        targets=targets,
        time_format=time_format,
        encoding=encoding,
    )


def read_series(
    path: Path,
    name: str,
    *,
    time_column: str | None = None,
    value_columns: list[str] | None = None,
    targets: list[str] | None = None,
    time_format: str | None = None,
    encoding: str = "utf-8",
) -> LongSeries:
    """Read a series from a file that need not be one that ``fetch`` brought; arguments and errors as of ``read``."""
    series = read_numbers(
        path,
        name,
        time_column=time_column,
        value_columns=value_columns,
        first_is_time=True,
        time_format=time_format,
        encoding=encoding,
    )
    for target in targets or ():
        if target not in series.features:
            raise UserError(
                f"targets ({target!r}) must be columns of numbers of {name}, which are "
                f"{', '.join(map(repr, series.features))}"
            )
    if targets is not None and len(set(targets)) < max(len(targets), 1):
        raise UserError(f"targets ({targets}) must name a column, and each once")
    return LongSeries(series, tuple(targets) if targets is not None else series.features)


def _called(table: str | None, path: str | None, url: str | None) -> str:
    """What a user calls the file."""
    return table or path or PurePosixPath(unquote(urlsplit(url or _TABLE).path)).name
