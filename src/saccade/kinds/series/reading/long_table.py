"""A table that holds many labelled series below each other: a row a step, and a column that names the series.

Shapes: R rows of the table, F features.
"""

from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.io.time_detection import TimeOptions, check_time_format
from saccade.kinds.series.reading.labelled_rows import LabelledRows, plain_label
from saccade.kinds.series.reading.time_columns import find_time_columns
from saccade.readers.examples import FileSeries
from saccade.tables.cells import parse_split
from saccade.tables.numbers import RowReader, is_missing, is_number
from saccade.tables.table import Column, Table, open_table
from saccade.tables.table_format import TableFormat

_TIME_WORDS = ("time", "timestamp", "date", "datetime", "step", "t")


def read_long_table(
    path: Path,
    name: str,
    *,
    series_column: Column,
    label_column: Column | None,
    time_column: Column | Sequence[Column] | None = None,
    value_columns: Sequence[Column] | None = None,
    split_column: Column | None = None,
    time_options: TimeOptions = TimeOptions(),
    form: TableFormat | None = None,
) -> LabelledRows:
    """Read a table of series.

    Args:
        path: the file.
        name: the user's name of the file, for messages.
        series_column: column that names the series of each row.
        label_column: column of the labels, the same in all rows of a series; None: there are none.
        time_column: column of the times, or several that are joined; None: one that is called time or the like, else
            rows are steps.
        value_columns: columns of numbers, in the order that is wanted; None: all that nothing else names.
        split_column: column of the published split; None: there is none.
        time_options: what a user says of how the times are written.
        form: what a user states of the table's form.

    Returns:
        The series in the order in which their names come first.

    Raises:
        UserError: it is no such table, with its line; or a label changes within a series.
    """
    if time_options.form:
        check_time_format(time_options.form)
    times_asked = [time_column] if isinstance(time_column, str | int) else list(time_column or ())
    named = {"series_column": series_column, "label_column": label_column, "split_column": split_column}
    named |= {f"time_column{f'[{i}]' * (len(times_asked) > 1)}": each for i, each in enumerate(times_asked)}
    table = open_table(path, name, named, form=form, hints=[str(column) for column in value_columns or ()])
    texts = [str(column) for column in (series_column, label_column, split_column) if column is not None]
    notes: list[str] = []
    time_columns = [str(column) for column in times_asked]
    if not time_columns:
        found = [column for column in table.columns if column.lower() in _TIME_WORDS and column not in texts]
        if len(found) == 1 and not value_columns:
            time_columns = found
            notes.append(f"{name}: times read from the column {found[0]!r}")
    times = find_time_columns(table.columns, table.sample[0][1], time_columns) if time_columns else None
    taken = {*texts, *(table.columns[place] for place in (times.places if times else ()))}
    features = [str(column) for column in value_columns or ()] or [
        column for column in table.columns if column not in taken and _is_numeric(table, column)
    ]
    if unknown := next((column for column in features if column not in table.columns), None):
        raise UserError(f"{name} must have a column {unknown!r}, but has {', '.join(map(repr, table.columns[:10]))}")
    if not features:
        raise UserError(f"{name} must have columns of numbers beside {', '.join(sorted(taken))}, but has none")
    others = [column for column in table.columns if column not in taken and column not in features and column]
    rows = _Rows(table, features)
    at_series = table.place(series_column)
    kept = {column: table.place(column) for column in (*texts[1:], *others)}
    for line, cells in table.rows():
        rows.add(line, cells, cells[at_series], times.text(cells) if times else "", kept)
    if not rows.rows_of:
        raise UserError(f"{name} must have rows, but has none")
    if len(rows.rows_of) == len(rows.lines):
        raise UserError(
            f"series_column ({series_column}) must name a series in several rows, but each of the {len(rows.lines):,} "
            f"rows of {name} has a name of its own. Name another column"
        )
    values_RF = np.array(rows.numbers, np.float32).reshape(len(rows.lines), len(features))
    places = [np.array(found) for found in rows.rows_of.values()]
    names = [f"{name}, {series_column} {printable(series)}" for series in rows.rows_of]
    labels = rows.only(str(label_column), names) if label_column is not None else [""] * len(names)
    splits = None
    if split_column is not None:
        said = rows.only(str(split_column), names)
        splits = [parse_split(cell, str(split_column), names[i]) for i, cell in enumerate(said)]
    groups = {}
    for column in others:
        if rows.is_constant(column):
            groups[column] = rows.only(column, names)
        else:
            notes.append(f"{name}: the column {column!r} holds no numbers, and changes within series: left out")

    def load(i: int) -> FileSeries:
        lines = [rows.lines[row] for row in places[i].tolist()]
        texts = [rows.times[row] for row in places[i].tolist()] if times else ()
        time_name = times.name if times else None
        return FileSeries(names[i], tuple(features), values_RF[places[i]], lines, time_name, texts, time_options)

    return LabelledRows(
        name,
        tuple(features),
        _Picked(values_RF, places),
        [plain_label(label) for label in labels],
        names,
        groups,
        splits,
        (*table.notes, *notes),
        load,
    )


class _Picked(Sequence[np.ndarray]):
    """The rows of each series, picked when they are asked for."""

    def __init__(self, values_RF: np.ndarray, places: list[np.ndarray]) -> None:
        self._values_RF, self._places = values_RF, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, i: int) -> np.ndarray:  # type: ignore[override]  # nobody takes slices
        return self._values_RF[self._places[i]]


class _Rows:
    """Rows as they are read: numbers, times, and the text of columns that should not change within a series."""

    def __init__(self, table: Table, features: Sequence[str]) -> None:
        self.numbers = array("f")
        self.lines = array("q")
        self.times: list[str] = []
        self.rows_of: dict[str, list[int]] = {}
        self._texts: dict[tuple[str, str], dict[str, int]] = {}  # column and series to text and the line that has it
        self._places = [table.place(column) for column in features]
        self._read = RowReader([table.number_reader(column) for column in features])
        self._table = table

    def add(self, line: int, cells: Sequence[str], series: str, time: str, kept: dict[str, int]) -> None:
        if not series:
            raise UserError(f"{self._table.where(line)}: the name of the series must not be empty. Fill it in.")
        self.rows_of.setdefault(series, []).append(len(self.lines))
        self.numbers.extend(self._read([cells[place] for place in self._places], line))
        self.times.append(time)
        self.lines.append(line)
        for column, place in kept.items():
            self._texts.setdefault((column, series), {}).setdefault(cells[place], line)

    def is_constant(self, column: str) -> bool:
        """Whether a column says one thing in all rows of each series."""
        return all(len(self._texts[column, series]) == 1 for series in self.rows_of)

    def only(self, column: str, names: Sequence[str]) -> list[str]:
        """What a column says of each series."""
        said = []
        for series, name in zip(self.rows_of, names, strict=True):
            texts = self._texts[column, series]
            if len(texts) > 1:
                first, second = [f"{text!r} in line {line}" for text, line in texts.items()][:2]
                raise UserError(
                    f"{name} must have one {column} in all its rows, but has {first} and {second}. Correct them, or "
                    "name another column."
                )
            said.append(next(iter(texts)))
        return said


def _is_numeric(table: Table, column: str) -> bool:
    place = table.place(column)
    return all(is_number(cells[place]) or is_missing(cells[place]) for _, cells in table.sample)
