"""CSV files row by row, each with the line that it begins in; commas, semicolons or tabs part the cells."""

import codecs
import contextlib
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from saccade.errors import UserError

_DELIMITERS = (",", ";", "\t")
_CHUNK_BYTES = 2**16


@contextlib.contextmanager
def telling_bad_bytes(path: Path, name: str, encoding: str) -> Iterator[None]:
    """Turn what Python says of a file's encoding into an error for people, with the line.

    Args:
        path: the file that is read inside.
        name: what a user calls it.
        encoding: by which it is read.

    Yields:
        Nothing.

    Raises:
        UserError: a byte is none of the encoding, or Python knows no such encoding.
    """
    try:
        "".encode(encoding)  # knows text encodings alone, unlike codecs.lookup
    except LookupError as error:
        raise UserError(f"encoding ({encoding}) must be one that Python knows, such as utf-8 or latin-1") from error
    try:
        yield
    except UnicodeDecodeError as error:
        line, byte = _first_bad_byte(path, encoding)
        raise UserError(
            f"{name}, line {line}: the byte 0x{byte:02x} is no {encoding}. Save the table as a CSV file in UTF-8, or "
            "name its encoding, such as encoding: latin-1"
        ) from error


def records_of(path: Path, name: str, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that records begin in, and their cells without the spaces around; empty lines do not count."""
    codec = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    with path.open("rb") as file, io.TextIOWrapper(file, codec, newline="") as text:
        rows = csv.reader(text, delimiter=delimiter, strict=True)
        while True:
            line = rows.line_num + 1
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


def delimiter_of(path: Path, name: str, encoding: str, wanted: Sequence[str]) -> str:
    """The one by which the header has the most columns that are asked for, and then the most of all."""
    found: list[tuple[int, int, int, str]] = []
    for delimiter in _DELIMITERS:
        try:
            _, header = next(records_of(path, name, encoding, delimiter), (1, []))
        except UnicodeDecodeError:
            raise
        except UserError:  # quotation marks that are none by this delimiter
            continue
        found.append((sum(column in header for column in wanted), len(header), -len(found), delimiter))
    return max(found)[-1] if found else ","


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
