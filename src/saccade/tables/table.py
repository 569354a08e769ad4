"""A table opened: its columns, its rows with their lines, its numbers, and what was found out about its form."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.tables.binary_tables import ParquetFile, Spreadsheet
from saccade.tables.delimited_text import DelimitedText, Row
from saccade.tables.file_content import FileContent, detect_content
from saccade.tables.find_header import (
    has_header,
    looks_like_names,
    names_columns,
    numbered,
    undecided_header,
)
from saccade.tables.find_separator import find_layout, first_lines
from saccade.tables.json_records import JsonRecords
from saccade.tables.numbers import MissingValues, NumberReader, is_number
from saccade.tables.table_format import TableFormat, separator_word
from saccade.tables.text_encoding import find_encoding

Column = str | int
"""A column as params.yaml names it: its header, or its number from 0 where there is no header."""

_MAX_CELL = 2**17  # characters; what Python takes where nobody says otherwise
_SAMPLE_ROWS = 10_000
_SAMPLE_CHARACTERS = 2**22
_MAX_ABOVE = 20  # rows above a header
_SHOWN = 5  # columns that a message shows


@dataclass
class Table:
    """A table that is read row by row, as often as it is asked for.

    Attributes:
        name: the user's name of the file, for messages.
        columns: headers; 0, 1, 2, ... where there is none.
        form: what the user stated of its form.
        separator: sign between the cells of a delimited text; empty elsewhere.
        unit: what a row's number counts: line or row.
        header_line: line of the header; None where there is none.
        sample: the first rows.
        found: lines for people on what was found out when it was opened.
        records: function that reads the rows from the first one on.
        has_empty_end: whether rows may go on behind the last column, with empty cells.
    """

    name: str
    columns: list[str]
    form: TableFormat
    separator: str
    unit: str
    header_line: int | None
    sample: list[Row]
    found: list[str]
    records: Callable[[], Iterator[Row]]
    has_empty_end: bool = False
    _numbers: dict[str, NumberReader] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)

    def rows(self) -> Iterator[Row]:
        """Read the table from its first row on.

        Yields:
            The line, from 1, that a row begins in, and its cells, as many as there are columns.

        Raises:
            UserError: a row has more or fewer cells, or cannot be read.
        """
        width = len(self.columns)
        empty: list[Row] = []  # rows of nothing but separators: at the end of a table they are none
        for line, cells in self.records():
            if len(cells) != width:
                cells = self._fitted(line, cells)
            if not any(cells):
                empty.append((line, cells))
                continue
            if empty:
                yield from empty
                empty.clear()
            yield line, cells
        if width == 1:
            yield from empty
        elif empty:
            said = f"{self.name}: {pluralise(len(empty), 'row')} without a value at the end left out"
            self.found = [*(line for line in self.found if line != said), said]

    def where(self, line: int) -> str:
        """The place of a row, for messages."""
        return f"{self.name}, {self.unit} {line}"

    def place(self, column: Column) -> int:
        """The number of a column, from 0."""
        if not self._places:
            self._places.update((name, place) for place, name in reversed(list(enumerate(self.columns))))
        return self._places[str(column)]

    def require(self, columns: Mapping[str, Column | None]) -> None:
        """Refuse a table without columns that are asked for.

        Args:
            columns: the argument that names a column, to the column; None where the argument names none.

        Raises:
            UserError: one is not there; the nearest one is named.
        """
        named = {argument: str(column) for argument, column in columns.items() if column is not None}
        _check_columns(self, named, list(columns))

    def number_reader(self, column: Column) -> NumberReader:
        """What reads the numbers of a column: called with a cell and its line, it gives a number, or NaN for none.

        Args:
            column: header.

        Returns:
            The reader, the same at each call.

        Raises:
            UserError: the first rows can be read in two ways, and nothing says which is meant.
        """
        name = str(column)
        if name not in self._numbers:
            place = self.place(name)
            cells = [(line, cells[place]) for line, cells in self.sample]
            self._numbers[name] = NumberReader(name, self.form, cells, self.where, self.separator)
        return self._numbers[name]

    def missing_values(self) -> MissingValues:
        """The test of cells that are no numbers: is it one of ``missing_values``?"""
        return MissingValues(self.form.missing_values)

    @property
    def notes(self) -> list[str]:
        """Lines for people on what was found out so far, about the form and the numbers that were read."""
        columns: dict[str, list[str]] = {}
        for name, reader in self._numbers.items():
            for finding in reader.findings:
                columns.setdefault(finding, []).append(name)
        return [
            *self.found,
            *(f"{self.name}: {finding} {_listed(names)}" for finding, names in columns.items()),
        ]

    def _fitted(self, line: int, cells: list[str]) -> list[str]:
        """The cells of a row with empty ones behind the last column, or without."""
        width = len(self.columns)
        if len(cells) > width and self.has_empty_end:
            if not any(cells[width:]):
                return cells[:width]
            place = next(place for place in range(width, len(cells)) if cells[place])
            raise UserError(
                f"{self.where(line)}: cell {place + 1} ({cells[place]!r}) must be empty, as the column has no name and "
                "no other value above. Name the column, or empty the cell."
            )
        what = "the first row" if self.header_line is None else "the header"
        raise UserError(
            f"{self.where(line)} must have {width} cells, as {what} has, but has {len(cells)}. Put cells that hold the "
            "delimiter into quotation marks."
        )


def open_table(
    path: Path,
    name: str,
    columns: Mapping[str, Column | None],
    *,
    form: TableFormat | None = None,
    hints: Sequence[Column] = (),
    max_cell: int = _MAX_CELL,
) -> Table:
    """Open a table, and find out what is not stated of its form.

    Args:
        path: the file.
        name: the user's name of the file, for messages.
        columns: required columns: the argument that names a column, such as label_column, to the column; None where the
            argument names none.
        form: what the user states of its form.
        hints: further columns that are expected, which tell a header from a row; nothing is said where they are not
            there.
        max_cell: characters that a cell may hold.

    Returns:
        The table.

    Raises:
        UserError: it is no table, a column is not there, or its form can be read in two ways; with the line, and the
            key that decides.
    """
    form = form or TableFormat()
    named = {argument: str(column) for argument, column in columns.items() if column is not None}
    if len(set(named.values())) < len(named):
        listed = [f"{argument} ({column})" for argument, column in named.items()]
        raise UserError(f"{', '.join(listed[:-1])} and {listed[-1]} must be different columns")
    wanted = [*named.values(), *map(str, hints)]
    content = detect_content(path, name)
    if content.kind == "text":
        table = _delimited(content, name, wanted, form, max_cell)
    elif content.kind == "json":
        table = _json(content, name, form, max_cell)
    elif content.kind == "parquet":
        parquet = ParquetFile(content, name)
        found = parquet.columns()
        table = _known(name, found, form, "row", lambda: parquet.rows(found), [f"{name}: a Parquet file"])
    else:
        table = _spreadsheet(content, name, wanted, form)
    table.require(columns)
    return table


def _delimited(content: FileContent, name: str, wanted: Sequence[str], form: TableFormat, max_cell: int) -> Table:
    codec, encoding = find_encoding(content, name, form.encoding)
    lines, is_whole = first_lines(content, name, codec, encoding)
    layout = find_layout(lines, wanted, form, is_whole=is_whole)
    records = DelimitedText(
        content,
        name,
        codec,
        encoding,
        layout.separator,
        layout.quotes,
        layout.comments,
        max_cell,
        form.quotes is not None,
    )
    found = []
    if form.encoding is None and encoding != "utf-8":
        found.append(encoding.upper())
    if form.separator is None and layout.separator != ",":
        found.append(f"{separator_word(layout.separator)} between the cells")
    if layout.rows_kept:
        found.append(f"quotation marks are text (as quotes they would join {layout.rows_kept + 1:,} rows)")
    elif form.quotes is None and layout.quotes != "double":
        found.append("quotation marks are text" if layout.quotes == "none" else "\\ before quotation marks in cells")
    if layout.comments and not lines[0].lower().lstrip('"').startswith("sep="):
        what = "a comment with the columns' names" if layout.header else "comments"
        found.append(f"{what} at the top")
    return _with_header(name, lambda: iter(records), wanted, form, layout.separator, "line", found, layout.header)


def _json(content: FileContent, name: str, form: TableFormat, max_cell: int) -> Table:
    codec, encoding = find_encoding(content, name, form.encoding)
    records = JsonRecords(content, name, codec, encoding, max_cell)
    columns = records.columns()
    return _known(name, columns, form, "line", lambda: records.rows(columns), [f"{name}: records of JSON"])


def _spreadsheet(content: FileContent, name: str, wanted: Sequence[str], form: TableFormat) -> Table:
    cells, sheets, sheet = Spreadsheet(content, name, form.sheet).cells()
    rows = [(number, row) for number, row in enumerate(cells, start=1) if any(row)]
    found = [f"worksheet {sheet!r}" + (f" of {_listed(sheets)} (sheet names another)" if len(sheets) > 1 else "")]
    return _with_header(name, lambda: iter(rows), wanted, form, "", "row", found, None)


def _known(
    name: str, columns: list[str], form: TableFormat, unit: str, records: Callable[[], Iterator[Row]], found: list[str]
) -> Table:
    """A table whose file says what its columns are called."""
    if not columns:
        raise UserError(f"{name} must hold rows, but holds none")
    return Table(name, columns, form, "", unit, None, _sample(records()), found, records)


def _with_header(
    name: str,
    records: Callable[[], Iterator[Row]],
    wanted: Sequence[str],
    form: TableFormat,
    separator: str,
    unit: str,
    found: list[str],
    header: list[str] | None,
) -> Table:
    """A table whose first row may be its header."""
    sample = _sample(records())
    if not sample:
        asked_for = f" with the columns {', '.join(wanted)}" if wanted else ""
        raise UserError(f"{name}, {unit} 1 must be a header{asked_for}, but the table is empty")
    above = _lines_above(sample, wanted) if header is None and form.header is not False else 0
    if above:
        texts = [" ".join(filter(None, cells)) for _, cells in sample[:above] if any(cells)]
        found = [*found, f"{_listed(texts)} above the header left out"]
        sample = sample[above:]
    line, first = sample[0]
    is_header = header is None
    if header is None:
        is_header = (
            form.header if form.header is not None else _first_is_header(sample, wanted, f"{name}, {unit} {line}")
        )
    rows = sample[1:] if is_header else sample
    if is_header and rows and all(len(cells) == len(first) + 1 for _, cells in rows):
        if any(cells[-1] for _, cells in rows):
            if separator == "," and any(is_number(cells[0]) for _, cells in rows):
                raise UserError(  # 1,5 may be one number
                    f"{name}, {unit} {rows[0][0]} must have {len(first)} cells, as the header has, but has "
                    f"{len(first) + 1}. Put cells that hold the delimiter, such as decimal commas, into quotation "
                    "marks; if the first column has no name, give it one."
                )
            found = [*found, "the first column has no name"]  # as R writes row names
            first = ["", *first]
        else:
            found = [*found, "rows end with a separator"]
            first = [*first, ""]
    width = _used_width(first, rows)
    columns = header or (first[:width] if is_header else numbered(width))
    if header is None and not is_header and form.header is None:
        found = [*found, f"no header, so columns are called {_range(width)}"]
    if width < len(first) and "rows end with a separator" not in found:
        found = [*found, f"{len(first) - width} empty columns at the end are left out"]
    start = above + is_header
    said = [f"{name}: {', '.join(found)}"] if found else []
    return Table(
        name,
        columns,
        form,
        separator,
        unit,
        header_line=line if is_header else max(1, line - 1) if header else None,
        sample=[(at, cells[:width]) for at, cells in rows if len(cells) >= width],
        found=said,
        records=lambda: islice(records(), start, None),
        has_empty_end=width < len(first),
    )


def _lines_above(sample: Sequence[Row], wanted: Sequence[str]) -> int:
    """How many rows above the header hold a title and nothing else: one cell each, and below them names of columns."""
    count = 0
    while count < min(len(sample) - 1, _MAX_ABOVE) and sum(map(bool, sample[count][1])) <= 1:
        count += 1
    if count == 0:
        return 0
    first, rows = sample[count][1], [cells for _, cells in sample[count + 1 :]]
    return count if len(first) > 1 and names_columns(first, rows, wanted) else 0


def _first_is_header(sample: Sequence[Row], wanted: Sequence[str], where: str) -> bool:
    first, rows = sample[0][1], [cells for _, cells in sample[1:]]
    numbers = numbered(len(first))
    if wanted and all(column in numbers for column in wanted) and not all(column in first for column in wanted):
        if looks_like_names(first, rows):
            raise undecided_header(first, where)
        return False  # columns that are named by number
    return has_header(first, rows, wanted, where)


def _used_width(first: Sequence[str], rows: Sequence[Row]) -> int:
    """How many columns are left when those at the end are dropped that have neither a name nor a value."""
    width = len(first)
    while width > 1 and not first[width - 1] and not any(len(cells) >= width and cells[width - 1] for _, cells in rows):
        width -= 1
    return width


def _sample(records: Iterator[Row]) -> list[Row]:
    sample, length = [], 0
    for line, cells in records:
        sample.append((line, cells))
        length += sum(map(len, cells)) + 8 * len(cells)
        if len(sample) > _SAMPLE_ROWS or length > _SAMPLE_CHARACTERS:
            break
    return sample


def _check_columns(table: Table, named: Mapping[str, str], arguments: Sequence[str]) -> None:
    columns = table.columns
    where = table.name if table.header_line is None else table.where(table.header_line)
    has_names = table.header_line is not None or table.columns != numbered(len(table.columns))
    for column in named.values():
        if column in columns:
            continue
        keys = _either(arguments)
        if not has_names:
            shown = [f"{i} ({cell!r})" for i, cell in enumerate(table.sample[0][1][:_SHOWN])]
            raise UserError(
                f"{table.name} has no header, so its columns are {', '.join(shown)}{' ...' * (len(columns) > _SHOWN)}, "
                f"but none is {column!r}. Name them by number with {keys}, or say header: true"
            )
        near = difflib.get_close_matches(column, columns, n=1, cutoff=0.0)
        lowered = [name for name in columns if name.lower() == column.lower()]
        raise UserError(
            f"{where} must have a column {column!r}, but has {', '.join(map(repr, columns))}; the nearest is "
            f"{(lowered or near or columns)[0]!r}. Name it with {keys}."
        )
    counts = Counter(filter(None, columns))
    if twice := next((column for column, count in counts.items() if count > 1), None):
        raise UserError(f"{where} must name each column once, but {twice!r} stands there {counts[twice]} times")


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else ""


def _range(width: int) -> str:
    return {1: "0", 2: "0 and 1"}.get(width, f"0 to {width - 1}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN:,} more"
