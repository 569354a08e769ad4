"""Rows of delimited text, each with the line that it begins in; nothing is held but a row."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from saccade.core.errors import UserError
from saccade.tables.file_content import FileContent
from saccade.tables.text_encoding import refuse_bad_byte

Row = tuple[int, list[str]]
"""The line that a row begins in, from 1, and its cells without the spaces around."""

_MAX_LINE = 2**26  # characters
_QUOTING = {
    "double": {"strict": True},
    "single": {"quotechar": "'", "strict": True},
    "backslash": {"doublequote": False, "escapechar": "\\", "strict": True},
    "none": {"quoting": csv.QUOTE_NONE},
}


def csv_reader(lines: Iterator[str], separator: str, quotes: str):  # type: ignore[no-untyped-def]  # _csv.Reader is private
    """A reader of Python's csv module.

    Args:
        lines: lines with their ends.
        separator: sign between cells; a space stands for any run of spaces and tabs.
        quotes: one of ``table_format.QUOTES``.

    Returns:
        Iterator of lists of cells.
    """
    if separator == " ":
        lines = (line.replace("\t", " ").strip(" \r\n") + "\n" for line in lines)
    return csv.reader(lines, delimiter=separator, skipinitialspace=True, **_QUOTING[quotes])  # type: ignore[arg-type]


def bounded_lines(text: io.TextIOWrapper, content: FileContent, name: str) -> Iterator[str]:
    """The lines of a text. Where it is packed, a kilobyte may be a line of a gigabyte: such a one is refused.

    Args:
        text: the text, opened.
        content: the file.
        name: the user's name of the file, for messages.

    Returns:
        Iterator of lines with their ends.
    """
    return _bounded(text, name) if content.is_packed else text


def _bounded(text: io.TextIOWrapper, name: str) -> Iterator[str]:
    while line := text.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise UserError(f"{name} must have lines of less than {_MAX_LINE:,} characters to be a table. Unpack it.")
        yield line


@dataclass(frozen=True)
class DelimitedText:
    """Delimited text of a known form.

    Attributes:
        content: the file.
        name: the user's name of the file, for messages.
        codec: codec of Python.
        encoding: name of the encoding, for messages.
        separator: sign between cells.
        quotes: one of ``table_format.QUOTES``.
        skipped_lines: comments at the top that are left out.
        max_cell: characters that a cell may hold.
        are_quotes_stated: whether the user said what quotation marks are; a cell over several whole rows is asked about
            where not.
    """

    content: FileContent
    name: str
    codec: str
    encoding: str
    separator: str
    quotes: str
    skipped_lines: int
    max_cell: int
    are_quotes_stated: bool

    def __iter__(self) -> Iterator[Row]:
        """Read the file from its beginning.

        Yields:
            Rows; lines with nothing but white space are left out.

        Raises:
            UserError: a byte is none of the encoding, a quotation mark is left open, or a cell is too long.
        """
        try:
            with self.content.reading(self.name) as file, io.TextIOWrapper(file, self.codec, newline="") as text:
                yield from self._rows(bounded_lines(text, self.content, self.name))
        except UnicodeDecodeError:
            refuse_bad_byte(self.content, self.name, self.codec, self.encoding)

    def _rows(self, text: Iterator[str]) -> Iterator[Row]:
        for _ in range(self.skipped_lines):
            next(text, None)
        pending: list[str] = []  # lines of the row that is being read

        def kept() -> Iterator[str]:
            for line in text:
                pending.append(line)
                yield line

        reader = csv_reader(kept(), self.separator, self.quotes)
        before = self.skipped_lines
        strip = str.strip
        while True:
            line = before + reader.line_num + 1
            pending.clear()
            csv.field_size_limit(self.max_cell)  # of the whole process: another reader may have set its own since
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise UserError(
                    f"{self.name}: the row that begins in line {line} must be whole: {error}. Is a quotation mark left "
                    "open, or not doubled inside quotation marks? Where the marks are part of the text: quotes: none"
                ) from error
            if cells is None:
                return
            if len(pending) > 1 and not self.are_quotes_stated:
                self._refuse_swallowed_rows(line, len(cells), pending)
            if len(pending) > 1 or " " in pending[0] or "\t" in pending[0]:
                cells = [strip(cell, " \t") for cell in cells]
            if len(cells) > 1 or any(map(strip, cells)):
                yield line, cells

    def _refuse_swallowed_rows(self, line: int, width: int, lines: list[str]) -> None:
        """Ask where a quotation mark opens a cell that holds line breaks, and each of its lines is a whole row."""
        if width > 1 and all(row.count(self.separator) == width - 1 for row in lines):
            raise UserError(
                f"{self.name}: the quotation marks in lines {line} and {line + len(lines) - 1} make one row of "
                f"{len(lines):,} lines that are whole rows each. Say which is meant: quotes: none (marks are text, "
                f"{len(lines):,} rows) or quotes: double (one row)"
            )
