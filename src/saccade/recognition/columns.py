"""What the columns of a table seem to hold: times, numbers, classes, sentences, names of files, splits."""

import functools
import itertools
import posixpath
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from saccade.core.errors import UserError
from saccade.data.spec import SPLIT_NAMES
from saccade.io.time_detection import TimeOptions, is_time
from saccade.kinds.series.reading.time_columns import UNIX_TIME
from saccade.recognition.groups import group_column_names, words_of
from saccade.recognition.look import Look
from saccade.recognition.samples import spread_lines
from saccade.tables.find_header import numbered
from saccade.tables.numbers import is_missing, is_number
from saccade.tables.table import open_table
from saccade.tables.table_format import TableFormat
from saccade.tables.text_encoding import likely_encoding

TABLES = (".csv", ".tsv", ".txt", ".data", ".jsonl", ".json", ".parquet", ".xlsx")
LOOKED_AT = 20_000  # rows, the first ones
_MAX_CELL = 10_000_000
_LONG = 10_000_000  # bytes of a table, above which some of its lines are looked at
_MAX_BYTES = 500_000_000  # of a table in an archive, which is unpacked to be looked at
_WHOLE = re.compile(r"[+-]?\d+")
_TIME_WORDS = {
    *(
        "time",
        "date",
        "datetime",
        "timestamp",
        "ds",
        "t",
        "year",
        "month",
        "week",
        "day",
        "hour",
        "data",
        "datum",
        "fecha",
    ),
}
_LABEL_WORDS = (
    *("label", "labels", "class", "classes", "category", "target", "y", "diagnosis", "sentiment", "species", "type"),
    *("tag", "tags", "topic", "intent", "activity", "gesture", "emotion", "outcome", "kind"),
)
_MAX_CLASSES = 1000
_MAX_TABLES = 20  # in a folder; more are texts, or series to classify


@dataclass(frozen=True)
class Column:
    """Cells of one column, as far as the table was looked at.

    Attributes:
        name: header, or its number from 0 where the table has none.
        values: cells that are not missing.
        rows: number of rows that were looked at.
    """

    name: str | int
    values: list[str]
    rows: int

    @functools.cached_property
    def counts(self) -> Counter[str]:
        """How often each value stands there."""
        return Counter(self.values)

    @functools.cached_property
    def are_numbers(self) -> bool:
        """Whether nearly all are numbers, with a point or a comma before the decimals."""
        return bool(self.values) and _share(is_number(value) for value in self.values) >= 0.98

    @functools.cached_property
    def are_whole(self) -> bool:
        """Whether all are whole numbers, ``1.0`` too."""
        return bool(self.values) and all(_WHOLE.fullmatch(value.removesuffix(".0")) for value in self.counts)

    @functools.cached_property
    def are_times(self) -> bool:
        """Whether nearly all are dates or times; whole numbers are where the header says so, and few repeat."""
        some = list(self.counts)[:500]
        if len(self.counts) < 3:
            return False
        if self.are_numbers:
            is_named = bool(words_of(str(self.name)) & _TIME_WORDS) or self.name in (0, "")
            is_named = is_named or all(UNIX_TIME.fullmatch(value) for value in some)
            return is_named and self.are_whole and len(self.counts) > len(self.values) // 2
        return _share(is_time(value, TimeOptions()) for value in some) >= 0.95

    @functools.cached_property
    def are_splits(self) -> bool:
        """Whether each says train, validation or test, in one of the words for these."""
        return len(self.counts) > 1 and all(value.lower() in SPLIT_NAMES for value in self.counts)

    @functools.cached_property
    def are_sentences(self) -> bool:
        """Whether they read like texts: some words each, and seldom the same ones."""
        words = sum(len(value.split()) for value in self.values)
        return words >= 2.5 * max(1, len(self.values)) and 2 * len(self.counts) > len(self.values)

    @property
    def may_be_classes(self) -> bool:
        """Whether there are some classes, with some rows each."""
        number = len(self.counts)
        return 2 <= number <= min(_MAX_CLASSES, max(2, len(self.values) // 3)) and not self.are_sentences

    @property
    def is_one_hot(self) -> bool:
        """Whether it holds 0 and 1 alone, as numbers or as words."""
        return {value.lower().removesuffix(".0") for value in self.counts} in ({"0", "1"}, {"true", "false"})


@dataclass(frozen=True)
class TableLook:
    """The first rows of a table.

    Attributes:
        name: name of the file.
        columns: columns in their order.
        rows: number of rows that were looked at.
        is_whole: whether there are no more.
        first: cells of the first row, a column each.
        arguments: keyword arguments that a source needs to read the table so; empty where it finds out by itself.
        times: how many times as long as the rows that were looked at the table is, where they are spread over it.
    """

    name: str
    columns: tuple[Column, ...]
    rows: int
    is_whole: bool
    first: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    times: float = 1.0

    def label_columns(self, *, without: tuple[str | int, ...] = ()) -> list[Column]:
        """The columns that may hold classes, the likeliest first: by their header, then the fewest classes.

        Args:
            without: headers of columns that are something else.

        Returns:
            Columns; none where no column repeats its values.
        """
        subjects = group_column_names([str(column.name) for column in self.columns])
        found = [
            c
            for c in self.columns
            if c.name != "" and c.may_be_classes and not c.are_splits and c.name not in (*without, *subjects)
        ]
        return sorted(found, key=lambda column: (_rank(column), _is_float(column), len(column.counts)))

    def split_column(self) -> Column | None:
        """The column that names the published split."""
        return next((column for column in self.columns if column.are_splits), None)

    def looked_at(self, things: str) -> str:
        """What the rows hold, with a word where they are not all."""
        return things if self.is_whole else f"{things} that were looked at"

    def in_words(self) -> str:
        """How many rows and columns, and which."""
        names = ", ".join(str(column.name) for column in self.columns[:8]) + (", ..." if len(self.columns) > 8 else "")
        rows = f"{self.rows:,} rows" if self.is_whole else f"more than {self.rows:,} rows"
        rows = f"about {self.rows * self.times:,.0f} rows" if self.times > 1 else rows
        return f"{self.name}: {rows}, columns {names}"


def tables_of(look: Look) -> list[str]:
    """Names of the files that may be tables: the file itself, or some of a folder or an archive."""
    names = list(look.sizes) if look.is_file else look.names(TABLES)
    return sorted(names, key=_is_of_a_part) if len(names) <= _MAX_TABLES else []


def _is_of_a_part(name: str) -> int:
    """Whether a table is named after another part of the data than training: those come last."""
    words = words_of(posixpath.basename(name))
    return int(any(SPLIT_NAMES.get(word, "train") != "train" for word in words))


def place_of_table(look: Look, table: TableLook, *, folder: str | None = None) -> dict[str, Any]:
    """The arguments ``table`` and ``path`` of a source.

    Args:
        look: where the table is.
        table: the table.
        folder: folder in there from which the paths in the table count; None: it names no files.

    Returns:
        One of them, or both.
    """
    if look.archive is not None:
        return {"path": look.place, "table": table.name}
    if look.is_file:
        return {"table": look.place}
    is_own = folder is None or folder == posixpath.dirname(table.name)
    path = {} if is_own else {"path": posixpath.join(look.place, folder or "").rstrip("/")}
    return {"table": posixpath.join(look.place, table.name)} | path


def look_at_table(look: Look, name: str, *, from_start: bool = False) -> TableLook | None:
    """Read some rows of a file as a table.

    Args:
        look: where the file is.
        name: name of the file in there.
        from_start: whether rows must follow each other, as those of a series do; else those of a long table are spread
            over it, so that classes in their order are all seen.

    Returns:
        Its columns; None where it is no table of two columns or more.
    """
    key = ("table", name, from_start)
    if key not in look.known:
        look.known[key] = _look_at_table(look, name, from_start)
    found: TableLook | None = look.known[key]
    return found


def _look_at_table(look: Look, name: str, from_start: bool) -> TableLook | None:
    if look.sizes[name] > _MAX_BYTES and look.archive is not None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, posixpath.basename(name)) if look.archive is not None else look.file(name)
        if look.archive is not None:
            path.write_bytes(look.read(name))
        tries: list[tuple[Path, float]] = [(path, 1.0)]
        if not from_start and may_be_sampled(look, name):
            part = Path(folder, "part.csv")
            tries.insert(0, (part, spread_lines(path, part, LOOKED_AT)))
        for file, times in tries:
            for arguments in ({}, _encoding_of(look, name), {"header": True}):
                try:
                    return _read(file, name, arguments, times)
                except UserError:
                    continue
    return None


def may_be_sampled(look: Look, name: str) -> bool:
    """Whether a table is long, and a text with a row a line, so that some lines of it are a table, too."""
    start = look.start(name, 4096)
    is_text = b"\0" not in start and not start.startswith((b"PK", b"\x1f\x8b", b"BZh", b"\xfd7z", b"PAR1", b"[", b" ["))
    return is_text and look.sizes[name] > _LONG


def _read(path: Path, name: str, arguments: Mapping[str, Any], times: float) -> TableLook | None:
    table = open_table(path, name, {}, form=TableFormat.from_arguments(arguments), max_cell=_MAX_CELL)
    cells = [row for _, row in itertools.islice(table.rows(), LOOKED_AT + 1)]
    is_whole, cells = len(cells) <= LOOKED_AT and times == 1, cells[:LOOKED_AT]
    if len(table.columns) < 2 or not cells:
        return None
    has_header = table.header_line is not None or table.columns != numbered(len(table.columns))
    columns = (
        Column(column if has_header else int(column), [value for value in values if not is_missing(value)], len(cells))
        for column, values in zip(table.columns, zip(*cells, strict=True), strict=True)
    )
    return TableLook(name, tuple(columns), len(cells), is_whole, tuple(cells[0]), arguments, times)


def _encoding_of(look: Look, name: str) -> dict[str, Any]:
    """The encoding in which a file that is no UTF-8 reads as words."""
    for line in look.start(name, 2**20).splitlines():
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            likely = likely_encoding(line)
            return {"encoding": likely} if likely else {}
    return {}


def is_label_word(column: Column) -> bool:
    """Whether the header says that a column holds labels."""
    return _rank(column) < len(_LABEL_WORDS)


def _rank(column: Column) -> int:
    words = words_of(str(column.name))
    return next((place for place, word in enumerate(_LABEL_WORDS) if word in words), len(_LABEL_WORDS))


def _is_float(column: Column) -> bool:
    return column.are_numbers and not column.are_whole


def _share(values: Any) -> float:
    found = list(values)
    return sum(found) / max(1, len(found))
