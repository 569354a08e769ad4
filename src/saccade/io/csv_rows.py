"""A CSV file with a header, read row by row with the line that each begins in; nothing is held but a row."""

import codecs
import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from saccade.core.errors import UserError
from saccade.data.spec import SPLIT_NAMES
from saccade.io.encodings import codec_name

_DELIMITERS = (",", ";", "\t")
_CHUNK_BYTES = 2**16
_MAX_CELL = 2**17  # characters; what Python takes where nobody says otherwise

Row = tuple[int, list[str]]
"""The line that a row begins in, from 1, and its cells without the spaces around."""


def open_rows(
    path: Path,
    name: str,
    columns: Mapping[str, str | None],
    *,
    encoding: str,
    max_cell: int = _MAX_CELL,
) -> tuple[list[str], Iterator[Row]]:
    """Read the header, then the rows as they are asked for; empty lines do not count.

    Commas, semicolons or tabs: the one by which the header has the most columns that are asked for.

    Args:
        path: the file.
        name: the user's name of the file, for messages.
        columns: required columns: the argument that names a column, such as label_column, to the column's header; None
            where the argument names none.
        encoding: encoding of the text, as Python names it; of UTF-8, a byte order mark is left out.
        max_cell: characters that a cell may hold.

    Returns:
        All the headers, and the rows, each as long as the header.

    Raises:
        UserError: it is no such table, with the line; the iterator raises it, too.
    """
    named = {argument: column for argument, column in columns.items() if column is not None}
    if len(set(named.values())) < len(named):
        listed = [f"{argument} ({column})" for argument, column in named.items()]
        raise UserError(f"{', '.join(listed[:-1])} and {listed[-1]} must be different columns")
    codec_name(encoding)
    delimiter = find_delimiter(path, name, list(named.values()), encoding=encoding, max_cell=max_cell)
    rows = _records(path, name, encoding, delimiter, max_cell)
    line, header = next(rows, (1, []))
    _check_header(header, f"{name}, line {line}", named, list(columns))
    return header, _checked(rows, name, len(header))


def find_delimiter(path: Path, name: str, wanted: Sequence[str], *, encoding: str, max_cell: int = _MAX_CELL) -> str:
    """What parts the cells: the one by which the header has the most columns that are asked for, and then the most.

    Args:
        path: the file.
        name: the user's name of the file, for messages.
        wanted: headers that are asked for.
        encoding: encoding of the text.
        max_cell: characters that a cell may hold.

    Returns:
        A comma, a semicolon or a tab.

    Raises:
        UserError: the file holds a byte that is none of the encoding.
    """
    found: list[tuple[int, int, int, str]] = []
    for delimiter in _DELIMITERS:
        try:
            _, header = next(_records(path, name, encoding, delimiter, max_cell), (1, []))
        except UserError as error:
            if isinstance(error.__cause__, UnicodeDecodeError):
                raise
            continue  # quotation marks that are none by this delimiter
        found.append((sum(column in header for column in wanted), len(header), -len(found), delimiter))
    return max(found)[-1] if found else ","


def parse_split(cell: str, column: str, where: str) -> str:
    """What a cell of the published split says: train, validation, test, or "" for nothing.

    Args:
        cell: train, val, validation or test, in any case, or empty.
        column: header of the column, for the message.
        where: table and line, for the message.

    Returns:
        The split.

    Raises:
        UserError: it says something else.
    """
    if cell and cell.lower() not in SPLIT_NAMES:
        raise UserError(f"{where}: {column} ({cell!r}) must be one of {', '.join(SPLIT_NAMES)}, in any case")
    return SPLIT_NAMES.get(cell.lower(), "")


def sorted_labels(labels: Iterable[str]) -> list[str]:
    """The different labels of a table, sorted: as numbers where all are whole ones."""
    found = set(labels)
    if all(label.removeprefix("-").isdecimal() for label in found):
        return sorted(found, key=lambda label: (int(label), label))
    return sorted(found)


def unused_column_notes(name: str, unused: Iterable[str], split_column: str | None) -> list[str]:
    """What to tell of columns that nothing names: one of them may be meant as the published split.

    Args:
        name: name of the table.
        unused: their headers.
        split_column: header of the published split; None where there is none.

    Returns:
        A line, or none.
    """
    found = next((column for column in unused if column.lower() in ("split", "subset")), None)
    if split_column is not None or found is None:
        return []
    return [f"{name}: the column {found!r} is not used as the published split; split_column would name it"]


def _checked(rows: Iterator[Row], name: str, width: int) -> Iterator[Row]:
    for line, cells in rows:
        if len(cells) != width:
            raise UserError(
                f"{name}, line {line} must have {width} cells, as the header has, but has {len(cells)}. Put cells that "
                "hold the delimiter into quotation marks."
            )
        yield line, cells


def _records(path: Path, name: str, encoding: str, delimiter: str, max_cell: int) -> Iterator[Row]:
    try:
        with path.open("rb") as file, io.TextIOWrapper(file, codec_name(encoding), newline="") as text:
            rows = csv.reader(text, delimiter=delimiter, strict=True)
            while True:
                line = rows.line_num + 1
                csv.field_size_limit(max_cell)  # of the whole process: another reader may have set its own since
                try:
                    cells = next(rows, None)
                except csv.Error as error:
                    raise UserError(
                        f"{name}: the row that begins in line {line} must be whole: {error}. Is a quotation mark left "
                        "open, or not doubled inside quotation marks?"
                    ) from error
                if cells is None:
                    return
                if any(map(str.strip, cells)) or len(cells) > 1:
                    yield line, [cell.strip(" \t") for cell in cells]
    except UnicodeDecodeError as error:
        line, byte = _first_bad_byte(path, encoding)
        raise UserError(
            f"{name}, line {line}: the byte 0x{byte:02x} is no {encoding}. Save the table as a CSV file in UTF-8, or "
            "name its encoding, such as encoding: latin-1"
        ) from error


def _check_header(header: list[str], where: str, named: Mapping[str, str], arguments: Sequence[str]) -> None:
    if not header:
        wanted = f" with the columns {', '.join(named.values())}" if named else ""
        raise UserError(f"{where} must be a header{wanted}, but the table is empty")
    for column in named.values():
        if column not in header:
            near = difflib.get_close_matches(column, header, n=1, cutoff=0.0)
            lowered = [name for name in header if name.lower() == column.lower()]
            raise UserError(
                f"{where} must have a column {column!r}, but has {', '.join(map(repr, header))}; the nearest is "
                f"{(lowered or near or header)[0]!r}. Name it with {_either(arguments)}."
            )
    if twice := next((column for column in header if column and header.count(column) > 1), None):
        raise UserError(f"{where} must name each column once, but {twice!r} stands there {header.count(twice)} times")


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _first_bad_byte(path: Path, encoding: str) -> tuple[int, int]:
    """The line, from 1, and the value of the first byte that cannot be decoded."""
    decoder, newlines, lines = codecs.getincrementaldecoder(encoding)(), io.IncrementalNewlineDecoder(None, True), 1
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            state = decoder.getstate()
            try:
                lines += newlines.decode(decoder.decode(chunk)).count("\n")
            except UnicodeDecodeError:
                decoder.setstate(state)
                for byte in chunk:  # one by one, up to the bad one
                    try:
                        lines += newlines.decode(decoder.decode(bytes([byte]))).count("\n")
                    except UnicodeDecodeError as error:
                        return lines, error.object[error.start]
    return lines, 0  # the end is missing
