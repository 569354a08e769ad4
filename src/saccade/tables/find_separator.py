"""What parts the cells of a text and what its quotation marks are, found from its first lines."""

import contextlib
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from saccade.tables.delimited_text import bounded_lines, csv_reader
from saccade.tables.file_content import FileContent
from saccade.tables.numbers import is_number
from saccade.tables.table_format import TableFormat
from saccade.tables.text_encoding import refuse_bad_byte

_SEPARATOR_CHARACTERS = 2**18  # that the separator is looked for in
_QUOTE_CHARACTERS = 2**22  # that quotation marks are looked at in
_TOP_ROWS = 20  # rows in which headers are looked for
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # as Excel writes and reads it above a table
_CANDIDATES = ("\t", ";", "|", ",")  # where several part all lines alike, the first: commas stand in numbers and texts


@dataclass(frozen=True)
class Layout:
    """How lines are cut into cells.

    Attributes:
        separator: sign between cells.
        quotes: one of ``table_format.QUOTES``.
        comments: lines at the top that are none of the table.
        header: names of the columns, where the last of these lines states them.
        rows_kept: rows that reading quotation marks as text keeps apart; 0 where they are what they seem.
    """

    separator: str
    quotes: str
    comments: int
    header: list[str] | None
    rows_kept: int


def first_lines(content: FileContent, name: str, codec: str, encoding: str) -> tuple[list[str], bool]:
    """The first lines of a text, and whether they are all.

    Args:
        content: the file.
        name: the user's name of the file, for messages.
        codec: codec of Python.
        encoding: name of the encoding, for messages.

    Returns:
        Lines with their ends, none cut short.

    Raises:
        UserError: a byte is none of the encoding.
    """
    try:
        with content.reading(name) as file, io.TextIOWrapper(file, codec, newline="") as text:
            lines, length = [], 0
            for line in bounded_lines(text, content, name):
                lines.append(line)
                length += len(line)
                if length >= _QUOTE_CHARACTERS:
                    return lines, False
            return lines, True
    except UnicodeDecodeError:
        refuse_bad_byte(content, name, codec, encoding)


def find_layout(lines: Sequence[str], wanted: Sequence[str], form: TableFormat, *, is_whole: bool) -> Layout:
    """Find the separator and the meaning of quotation marks.

    The separator is the one by which the first row has the most columns that are asked for; then the one that cuts the
    largest share of the rows into as many cells as the first.

    Args:
        lines: first lines of the text.
        wanted: headers that are asked for.
        form: what the user states.
        is_whole: whether these are all lines.

    Returns:
        The layout.
    """
    comments = 0
    if lines and (stated := _SEP_LINE.fullmatch(lines[0])):
        stated_form = replace(form, separator=form.separator or stated[1])
        return replace(_layout(lines[1:], 0, wanted, stated_form, is_whole=is_whole), comments=1)
    while comments < len(lines) and (lines[comments].startswith("#") or not lines[comments].strip()):
        comments += 1
    if not any(line.startswith("#") for line in lines[:comments]) or comments == len(lines):
        comments = 0
    return _layout(lines, comments, wanted, form, is_whole=is_whole)


def _layout(lines: Sequence[str], comments: int, wanted: Sequence[str], form: TableFormat, *, is_whole: bool) -> Layout:
    body = lines[comments:]
    separator = form.separator or _separator(_part(body, _SEPARATOR_CHARACTERS), wanted)
    quotes, rows_kept = (form.quotes, 0) if form.quotes else _quotes(body, separator, is_whole=is_whole)
    first = next(iter(_records(body[:1000], separator, quotes)), [])
    if comments and not any(map(is_number, first)):  # texts that begin with a number sign
        return _layout(lines, 0, wanted, form, is_whole=is_whole)
    header = _commented_header(lines[:comments], separator, len(first))
    return Layout(separator, quotes, comments, header, rows_kept)


def _separator(lines: Sequence[str], wanted: Sequence[str]) -> str:
    found = [(0, 0.0, -len(_CANDIDATES), ",")]
    modes = ("double", "none") if any('"' in line for line in lines) else ("none",)
    for place, separator in enumerate(_CANDIDATES):
        if not any(separator in line for line in lines):
            continue
        named, share = max(_fit(lines, separator, quotes, wanted) for quotes in modes)
        found.append((named, round(share, 2), -place, separator))
    named, share, _, best = max(found)
    if not named and share < 1 and _fit(lines, " ", "double", wanted)[1] == 1:
        return " "
    return best if named or share else ","


def _fit(lines: Sequence[str], separator: str, quotes: str, wanted: Sequence[str]) -> tuple[int, float]:
    """How many wanted headers a row has, and the share of rows of the commonest width; 0 where that is one cell."""
    records = _records(lines, separator, quotes)
    named = max((sum(column in record for column in wanted) for record in records[:_TOP_ROWS]), default=0)
    widths = Counter(map(len, records))
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    return named, count / len(records) if width > 1 else 0.0


def _records(lines: Sequence[str], separator: str, quotes: str) -> list[list[str]]:
    """Rows up to the first one that cannot be read."""
    reader, records = csv_reader(iter(lines), separator, quotes), list[list[str]]()
    csv.field_size_limit(_QUOTE_CHARACTERS + 1)
    with contextlib.suppress(csv.Error):
        records.extend(
            [cell.strip(" \t") for cell in cells] for cells in reader if len(cells) > 1 or any(map(str.strip, cells))
        )
    return records


def _quotes(lines: Sequence[str], separator: str, *, is_whole: bool) -> tuple[str, int]:
    """What quotation marks are, and how many rows would be lost if they were taken for what they seem."""
    if not any('"' in line for line in lines):
        return "double", 0
    rows = [line for line in lines if line.strip()]
    widths = Counter(len(cells) for cells in _records(rows, separator, "none"))
    is_each_line_a_row = len(widths) == 1 and min(widths) > 1
    whole, count, spans = _read_all(lines, separator, "double", is_whole=is_whole)
    if whole and not (spans and is_each_line_a_row):
        return "double", 0
    if is_each_line_a_row:
        return "none", len(rows) - count
    if not whole and any('\\"' in line for line in lines):
        escaped, _, _ = _read_all(lines, separator, "backslash", is_whole=is_whole)
        return ("backslash", 0) if escaped else ("double", 0)
    return "double", 0


def _read_all(lines: Sequence[str], separator: str, quotes: str, *, is_whole: bool) -> tuple[bool, int, bool]:
    """Whether all lines can be read, how many rows they are, and whether one has several lines."""
    reader, count = csv_reader(iter(lines), separator, quotes), 0
    csv.field_size_limit(_QUOTE_CHARACTERS + 1)
    blank = sum(not line.strip() for line in lines)
    try:
        for cells in reader:
            count += len(cells) > 1 or any(map(str.strip, cells))
    except csv.Error:
        cut = not is_whole and reader.line_num == len(lines)  # a cell goes on behind these lines
        return cut, count, cut
    return True, count, count < len(lines) - blank


def _commented_header(comments: Sequence[str], separator: str, width: int) -> list[str] | None:
    """The columns' names, where the last comment above the rows has as many cells as they."""
    last = next((line for line in reversed(comments) if line.startswith("#")), None)
    if last is None:
        return None
    text = last.lstrip("# \t").strip()
    if ":" in text and text.split(":")[0].lower() in ("columns", "fields", "header"):
        text = text.split(":", 1)[1].strip()
    cells = [cell.strip(" \t") for cell in next(csv_reader(iter([text]), separator, "double"), [])]
    return cells if len(cells) == width and all(cells) else None


def _part(lines: Sequence[str], characters: int) -> list[str]:
    """The first lines that hold so many characters."""
    part, length = [], 0
    for line in lines:
        part.append(line)
        length += len(line)
        if length >= characters:
            break
    return part
