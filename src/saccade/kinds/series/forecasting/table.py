"""A table of one series or of several, read as what is to be forecast: measured, known ahead, and what never changes.

Shapes: R rows, F features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.io.time_detection import TimeOptions
from saccade.kinds.series.reading.number_table import read_numbers
from saccade.readers.examples import FileSeries, LongSeries, SeriesPanel
from saccade.tables.numbers import NotANumberError
from saccade.tables.table import Column
from saccade.tables.table_format import TableFormat

VALUE = "value"  # what the only feature of a series is called that is a column of its own


@dataclass(frozen=True)
class ForecastColumns:
    """What each column of a table is.

    Attributes:
        time: headers of the times, whose cells are joined; none: they are found among the first columns.
        values: headers of the numbers that are measured; None takes all that nothing else names.
        targets: headers of the numbers that are to be forecast; None takes all that are measured.
        known: headers of the numbers that are known ahead.
        static: headers of what never changes in a series, text or numbers.
        series: header of the column that names the series; None: the table holds one.
        each_a_series: headers of columns each of which is a series of its own; empty: none.
    """

    time: Sequence[str] = ()
    values: Sequence[str] | None = None
    targets: Sequence[str] | None = None
    known: Sequence[str] = ()
    static: Sequence[str] = ()
    series: str | None = None
    each_a_series: Sequence[str] = ()

    @classmethod
    def named(
        cls,
        *,
        time: Column | Sequence[Column] | None = None,
        values: Sequence[Column] | None = None,
        targets: Sequence[Column] | None = None,
        known: Sequence[Column] | None = None,
        static: Sequence[Column] | None = None,
        series: Column | None = None,
        each_a_series: Sequence[Column] | None = None,
    ) -> "ForecastColumns":
        """The same of columns as params.yaml names them: by header, or by number where there is none."""

        def texts(columns: Sequence[Column] | None) -> tuple[str, ...]:
            return tuple(map(str, columns or ()))

        return cls(
            time=texts([time] if isinstance(time, str | int) else time),
            values=None if values is None else texts(values),
            targets=None if targets is None else texts(targets),
            known=texts(known),
            static=texts(static),
            series=None if series is None else str(series),
            each_a_series=texts(each_a_series),
        )


def read_to_forecast(
    path: Path,
    name: str,
    columns: ForecastColumns,
    *,
    time_options: TimeOptions | None = None,
    form: TableFormat | None = None,
) -> LongSeries | SeriesPanel:
    """Read a table of what is to be forecast.

    Args:
        path: the file.
        name: the user's name of the file, for messages.
        columns: what its columns are.
        time_options: what a user says of how the times are written; None: nothing.
        form: what the user states of the table's form.

    Returns:
        One series, or several where a column names them, or each is a column.

    Raises:
        UserError: it is no such table, with the line; a column is named for two things; or what is called static
            changes in a series.
    """
    _refuse_contradictions(columns)
    asked = _values_and_known(columns)
    try:
        table = read_numbers(
            path,
            name,
            time_column=columns.time or None,
            value_columns=asked,
            first_is_time=True,
            time_options=time_options or TimeOptions(),
            form=form,
            text_columns=_text_columns(columns),
        )
    except NotANumberError as error:
        if asked is not None or columns.series is not None:
            raise
        raise UserError(
            f"{error} Where the column says which of several series a row is of, series_column names it."
        ) from error
    if columns.each_a_series:
        return _columns_as_series(table, columns)
    if asked is None and columns.known:
        table = _with_features_last(table, columns.known)
    measured = tuple(feature for feature in table.features if feature not in columns.known)
    if not measured:
        raise UserError(f"{name} must have a column of numbers beside those of known ({', '.join(columns.known)})")
    targets = _targets(columns.targets, measured, name)
    if columns.series is None:
        return LongSeries(replace(table, texts={}), targets, table.notes, known=tuple(columns.known))
    return _rows_as_series(table, targets, columns)


def _refuse_contradictions(columns: ForecastColumns) -> None:
    for one, other in (("value_columns", columns.values), ("targets", columns.targets), ("static", columns.static)):
        if both := next((column for column in other or () if column in columns.known), None):
            raise UserError(
                f"known ({both!r}) must not stand in {one} too: what is known ahead is neither measured nor forecast. "
                f"Take it out of one of them."
            )
    for argument, listed in (("known", columns.known), ("static", columns.static)):
        if len(set(listed)) < len(listed):
            raise UserError(f"{argument} ({', '.join(listed)}) must name each column once")
    if columns.each_a_series:
        for argument, given in (
            ("series_column", columns.series),
            ("value_columns", columns.values),
            ("targets", columns.targets),
            ("static", columns.static),
        ):
            if given:
                raise UserError(
                    f"{argument} must be left out with series_columns: each of those is a series of its own"
                )
        if len(set(columns.each_a_series)) < max(2, len(columns.each_a_series)):
            raise UserError(
                f"series_columns ({', '.join(columns.each_a_series)}) must name two columns at least, and each once"
            )
    elif columns.static and columns.series is None:
        raise UserError(
            f"static ({', '.join(columns.static)}) must be left out where there is one series: it tells several apart. "
            "series_column names the column that says which series a row is of"
        )


def _values_and_known(columns: ForecastColumns) -> list[str] | None:
    """The headers of numbers to read; None: all that nothing else names."""
    if columns.each_a_series:
        return [*columns.each_a_series, *columns.known]
    return None if columns.values is None else [*columns.values, *columns.known]


def _text_columns(columns: ForecastColumns) -> dict[str, str]:
    texts = {} if columns.series is None else {"series_column": columns.series}
    for i, column in enumerate(columns.static):
        if column != columns.series:
            texts["static" if len(columns.static) == 1 else f"static[{i}]"] = column
    return texts


def _with_features_last(table: FileSeries, last: Sequence[str]) -> FileSeries:
    """The same table with some features behind the others."""
    if missing := next((column for column in last if column not in table.features), None):
        raise UserError(
            f"known ({missing!r}) must be a column of numbers of {table.name}, which are "
            f"{', '.join(map(repr, table.features))}"
        )
    order = [*(feature for feature in table.features if feature not in last), *last]
    at = [table.features.index(feature) for feature in order]
    return replace(table, features=tuple(order), values=table.values[:, at])


def _targets(asked: Sequence[str] | None, measured: tuple[str, ...], name: str) -> tuple[str, ...]:
    if asked is None:
        return measured
    for target in asked:
        if target not in measured:
            raise UserError(
                f"targets ({target!r}) must be columns of numbers of {name}, which are {', '.join(map(repr, measured))}"
            )
    if len(set(asked)) < max(len(asked), 1):
        raise UserError(f"targets ({list(asked)}) must name a column, and each once")
    return tuple(asked)


def _rows_as_series(table: FileSeries, targets: tuple[str, ...], columns: ForecastColumns) -> SeriesPanel:
    """The rows of each name of the series column, in the order in which the names come first."""
    assert columns.series is not None
    names = table.texts[columns.series]
    if "" in names:
        line = table.lines[list(names).index("")]
        raise UserError(
            f"{table.name}, line {line}: {columns.series} must not be empty, for it says which series the row is of. "
            "Fill it, or take the row out."
        )
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows_of.setdefault(name, []).append(row)
    if len(rows_of) == len(names) > 1:
        raise UserError(
            f"series_column ({columns.series}) must name a series in many rows, but each of the {len(names):,} rows of "
            f"{table.name} has a name of its own. Name another column, or leave series_column out for one series."
        )
    series = []
    for name, rows in rows_of.items():
        one = _rows(table, rows, f"{table.name}, {columns.series} {printable(name)}")
        static = {column: _only(table, column, rows, name, columns.series) for column in columns.static}
        series.append(LongSeries(one, targets, known=tuple(columns.known), name=name, static=static))
    return SeriesPanel(series, columns.series, table.notes)


def _rows(table: FileSeries, rows: Sequence[int], name: str) -> FileSeries:
    return replace(
        table,
        name=name,
        values=table.values[rows],
        lines=[table.lines[row] for row in rows],
        times=[table.times[row] for row in rows],
        texts={},
    )


def _only(table: FileSeries, column: str, rows: Sequence[int], name: str, series_column: str) -> str:
    """What a static column says of a series; rows ahead may leave it empty."""
    cells: Mapping[str, int] = {table.texts[column][row]: table.lines[row] for row in reversed(rows)}
    said = [cell for cell in cells if cell]
    if len(said) > 1:
        first, second = (f"{cell!r} in line {cells[cell]}" for cell in reversed(said[-2:]))
        raise UserError(
            f"{table.name}: static ({column}) must be the same in all rows of {series_column} {printable(name)}, but "
            f"is {first} and {second}. What changes over time belongs in value_columns or known."
        )
    if not said:
        raise UserError(
            f"{table.name}, line {table.lines[rows[0]]}: static ({column}) must not be empty for {series_column} "
            f"{printable(name)}. Fill it, or leave {column} out of static."
        )
    return said[0]


def _columns_as_series(table: FileSeries, columns: ForecastColumns) -> SeriesPanel:
    """Each column a series with one feature, all with the same times; what is known ahead is shared."""
    known = list(range(len(columns.each_a_series), len(table.features)))
    is_empty_R = np.isnan(table.values[:, : len(columns.each_a_series)]).all(axis=1)
    series = []
    for at, column in enumerate(columns.each_a_series):
        rows = _from_first_to_last(table.values[:, at], is_empty_R if known else None)
        one = replace(
            _rows(table, rows, f"{table.name}, column {printable(column)}"),
            features=(VALUE, *columns.known),
            values=table.values[rows][:, [at, *known]],
        )
        series.append(LongSeries(one, (VALUE,), known=tuple(columns.known), name=column))
    return SeriesPanel(series, "", table.notes)


def _from_first_to_last(values_R: np.ndarray, is_planned_R: np.ndarray | None) -> list[int]:
    """The rows from the first measured one of a series to its last; to the end of the table where rows are planned.

    Args:
        values_R: the column, NaN where nothing was measured.
        is_planned_R: bool (R,), rows in which no series is measured; None: nothing is planned.

    Returns:
        Rows.
    """
    measured = np.flatnonzero(~np.isnan(values_R))
    if not len(measured):
        return []
    first, end = int(measured[0]), int(measured[-1]) + 1
    if is_planned_R is not None and is_planned_R[-1]:
        end = len(values_R)
    elif is_planned_R is not None and is_planned_R[0]:  # newest first
        first = 0
    return list(range(first, end))
