"""Rows of Parquet files and of spreadsheets, their values as text; the libraries that read them are extras."""

import contextlib
import datetime
import decimal
import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saccade.core.errors import UserError
from saccade.tables.delimited_text import Row
from saccade.tables.file_content import FileContent, zip_members
from saccade.tables.numbers import TypedNumber

_BATCH_CELLS = 2**18  # cells of a Parquet file that are held at once
_CHUNK_BYTES = 2**20
_MAX_UNPACKED_BYTES = 2**33
_MAX_WORKBOOK_BYTES = 2**32


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file, read batch by batch.

    Attributes:
        content: the file.
        name: the user's name of the file, for messages.
    """

    content: FileContent
    name: str

    def columns(self) -> list[str]:
        """Names of the columns; those that pandas kept as the index stand first."""
        with self._opened() as file:
            names = list(file.schema_arrow.names)
            kept = (file.schema_arrow.pandas_metadata or {}).get("index_columns", ())
            index = [name for name in kept if name in names]
        return [*index, *(name for name in names if name not in index)]

    def rows(self, columns: list[str]) -> Iterator[Row]:
        """The rows, numbered from 1.

        Args:
            columns: names of the columns, in the order that is wanted.

        Yields:
            The row's number, and its cells.
        """
        with self._opened() as file:
            number = 0
            for batch in file.iter_batches(batch_size=max(1, _BATCH_CELLS // len(columns)), columns=columns):
                values = [[_text(value) for value in batch.column(column).to_pylist()] for column in columns]
                for cells in zip(*values, strict=True):
                    number += 1
                    yield number, list(cells)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise UserError(
                f"{self.name} is a Parquet file, which pyarrow reads: pip install 'saccade[parquet]', or write the "
                "table as CSV"
            ) from error
        with _plain_file(self.content, self.name) as path:
            try:
                with pyarrow.parquet.ParquetFile(path) as file:
                    yield file
            except (pyarrow.ArrowException, OSError) as error:
                raise UserError(
                    f"{self.name} must be a whole Parquet file: {_first_line(error)}. Replace it."
                ) from error


@dataclass(frozen=True)
class Spreadsheet:
    """A worksheet of a spreadsheet. It is in memory as a whole, as its programs have it: 1,048,576 rows at most.

    Attributes:
        content: the file.
        name: the user's name of the file, for messages.
        sheet: name of the worksheet, or its number from 0.
    """

    content: FileContent
    name: str
    sheet: str | int | None

    def cells(self) -> tuple[list[list[str]], list[str], str]:
        """Read the worksheet.

        Returns:
            Its rows, as long as the longest; the names of all worksheets, and its own.

        Raises:
            UserError: nothing that is installed reads such files, there is no such worksheet, or the file is damaged.
        """
        import pandas  # 0.5 s

        with _plain_file(self.content, self.name) as path:
            _refuse_long_parts(path, self.name)
            try:
                book = pandas.ExcelFile(path, engine=self._engine())
            except ImportError as error:
                raise self._lacks_reader() from error
            except Exception as error:  # each engine raises its own
                raise self._damaged(error) from error
            with book:
                names = [str(name) for name in book.sheet_names]
                sheet = self.sheet if self.sheet is not None else 0
                known = range(len(names)) if isinstance(sheet, int) else names
                if sheet not in known:
                    raise UserError(
                        f"sheet ({sheet!r}) must be a worksheet of {self.name}, which are {', '.join(map(repr, names))}"
                    )
                try:
                    frame = pandas.read_excel(book, sheet_name=sheet, header=None, dtype=object, na_filter=False)
                except Exception as error:  # each engine raises its own
                    raise self._damaged(error) from error
        rows = [[_text(value) for value in row] for row in frame.itertuples(index=False, name=None)]
        return rows, names, names[sheet] if isinstance(sheet, int) else sheet

    def _engine(self) -> str:
        """The reader that is installed: calamine reads all forms, openpyxl .xlsx alone."""
        import importlib.util

        if importlib.util.find_spec("python_calamine") is not None:
            return "calamine"
        if importlib.util.find_spec("openpyxl") is not None and self.content.suffix.startswith(".xlsx"):
            return "openpyxl"
        raise self._lacks_reader()

    def _damaged(self, error: Exception) -> UserError:
        return UserError(
            f"{self.name} must be a whole spreadsheet: {_first_line(error)}. Replace it, or save it as .xlsx."
        )

    def _lacks_reader(self) -> UserError:
        return UserError(
            f"{self.name} is a spreadsheet ({self.content.suffix}), which python-calamine reads: pip install "
            "'saccade[excel]', or save the table as CSV"
        )


@contextlib.contextmanager
def _plain_file(content: FileContent, name: str) -> Iterator[Path]:
    """The file, unpacked into a temporary one where it is packed: these formats are read from their end."""
    if not content.is_packed:
        yield content.path
        return
    with tempfile.NamedTemporaryFile() as target:
        done = 0
        with content.reading(name) as file:
            while chunk := file.read(_CHUNK_BYTES):
                done += target.write(chunk)
                if done > _MAX_UNPACKED_BYTES:
                    raise UserError(f"{name} must unpack to at most {_MAX_UNPACKED_BYTES:,} bytes. Unpack it yourself.")
        target.flush()
        yield Path(target.name)


def _refuse_long_parts(path: Path, name: str) -> None:
    """Refuse a workbook, which is a zip, that claims to unpack to more than a machine holds."""
    total = sum(member.file_size for member in zip_members(path))
    if total > _MAX_WORKBOOK_BYTES:
        raise UserError(
            f"{name} must unpack to at most {_MAX_WORKBOOK_BYTES:,} bytes, but to {total:,}. Save it as CSV."
        )


def _text(value: Any) -> str:
    """A value as text: times by ISO 8601, what is missing as an empty cell.

    >>> _text(1.0), _text(None), _text(float("nan")), _text(datetime.datetime(2024, 5, 1, 13)), _text(" a ")
    ('1.0', '', '', '2024-05-01 13:00:00', 'a')
    """
    if isinstance(value, str):
        return value.strip(" \t")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, datetime.datetime):
        return "" if str(value) == "NaT" else value.isoformat(sep=" ")
    if isinstance(value, int | float | decimal.Decimal) and not isinstance(value, bool):
        return TypedNumber(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
