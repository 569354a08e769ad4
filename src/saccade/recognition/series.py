"""Series: a table with a column of times and columns of numbers, or files of steps that a table names."""

import math
import posixpath
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from saccade.data.time_zones import SUGGESTED_ZONES
from saccade.io.time_detection import TimeOptions, is_time
from saccade.kinds.series.reading.time_columns import find_time_columns
from saccade.recognition.columns import Column, TableLook, is_label_word, look_at_table, place_of_table, tables_of
from saccade.recognition.file_names import seen_classes
from saccade.recognition.groups import group_column_names
from saccade.recognition.listed_files import ListedFiles, find_listed_files
from saccade.recognition.look import Look
from saccade.recognition.recognised import CERTAIN, LIKELY, POSSIBLE, Reading, Recognised, Unusable

_STEPS = (".csv", ".tsv", ".txt")  # of a file that is a series
_MIN_STEPS = 20
_MIN_SERIES, _MIN_OF_A_SERIES = 6, 3  # in a table of many, and rows of each
# What may be asked of a table of numbers: how dates and numbers are written, and whether the first row is a header.
_ASKED: tuple[Mapping[str, Any], ...] = (
    *(
        {"day_first": True},
        {"day_first": False},
        {"thousands": "."},
        {"decimal": "."},
        {"thousands": ","},
        {"decimal": ","},
    ),
    *({"header": True}, {"header": False}),
    *({"time_zone": zone} for zone in SUGGESTED_ZONES),
)
_PLAIN = re.compile(r"[+-]?\d+([.,]\d+)?")
_SENTINELS = {sign * float(digits) for sign in (1, -1) for digits in ("99", "200", "999", "9999", "99999", "8888")}


def to_forecast(look: Look) -> list[Reading]:
    """A table whose rows are steps of time.

    Args:
        look: what is there.

    Returns:
        A reading, or why there is none.
    """
    readings: list[Reading] = []
    for name in tables_of(look):
        table = look_at_table(look, name, from_start=True)
        if table is None or any(column.are_sentences and not column.are_times for column in table.columns):
            continue
        times = _times(table)
        numbers = [c for c in table.columns if c.are_numbers and c.name != "" and c not in (times or ())]
        if times is not None and numbers:
            readings.append(_of_table(look, table, times, numbers))
    return readings


def _times(table: TableLook) -> list[Column] | None:
    """The column of times, or those of a date and a time of day, or of year, month and so on; None: there is none."""
    header = [str(column.name) for column in table.columns]
    for skipped in range(len(header)):
        found = find_time_columns(header, table.first, (), others=header[:skipped])
        columns = [table.columns[place] for place in found.places]
        if len(columns) == 1 and columns[0].are_times:
            return columns
        if len(columns) > 1 and is_time(found.text(table.first), TimeOptions()):
            return columns
    return None


def listed_in_table(look: Look) -> list[Reading]:
    """Files of steps that a column of a table names, with a column of labels.

    Args:
        look: what is there.

    Returns:
        A reading, or why there is none.
    """
    readings: list[Reading] = []
    files = look.names(_STEPS)
    for name in [] if look.is_file else files[:2000]:
        if len(files) < 4 or look.sizes[name] > 10_000_000:
            break
        others = [other for other in files if other != name]
        table = look_at_table(look, name) if _may_list(look, name, others) else None
        if table is None:
            continue
        if (paths := find_listed_files(table, others)) is not None:
            readings.append(_of_list(look, table, paths))
    return readings


def rows_of_series(look: Look) -> list[Reading]:
    """A series a row: a table whose columns are steps, the archives of UCR and UEA, or arrays.

    Args:
        look: what is there.

    Returns:
        A reading, or none.
    """
    if any(name.lower().endswith(".ts") for name in look.sizes):
        seen = f"files of the archives of UCR and UEA: {', '.join(list(look.names(('.ts',)))[:4])}"
        return [_of_rows(look, "series in .ts files", seen)]
    tables = [(name, table) for name in tables_of(look)[:4] if (table := look_at_table(look, name)) is not None]
    if not tables or not all(_are_steps(table) for _, table in tables):
        return [_tabular(table) for _, table in tables if _is_tabular(table)]
    counts = Counter(value for _, table in tables for value in _label_of(table).values)
    reading = _of_rows(look, "series, a row each", *seen_classes(counts, None, "series"))
    side = math.isqrt(steps := len(tables[0][1].columns) - 1)
    if side**2 == steps and all(column.are_whole for column in tables[0][1].columns):
        odd = f"{steps} whole numbers a row may be pictures of {side}x{side}: x and y in a .npz would be read as such"
        return [replace(reading, odd=(odd,))]
    return [reading]


def _is_tabular(table: TableLook) -> bool:
    """Whether a row is an example with a number or a word of each sort, and a class."""
    counted = [column for column in table.columns if column.are_numbers]
    has_texts = any(column.are_sentences for column in table.columns)
    return len(counted) >= 2 and not has_texts and bool(table.label_columns()) and _times(table) is None


def _tabular(table: TableLook) -> Unusable:
    label = table.label_columns()[0].name
    why = (
        f"{table.name} holds {table.rows:,} rows of measurements, a class in {label}: networks over pictures, texts "
        "and series do not learn from such tables. Where its columns are steps in time, write a dataset with source: "
        "{name: series_rows}"
    )
    return Unusable(why, POSSIBLE)


def _of_rows(look: Look, meaning: str, *seen: str) -> Recognised:
    return Recognised(
        meaning=meaning,
        arguments={"path": look.place},
        sureness=LIKELY,
        seen=seen,
        preprocess={"on_conflict": "quarantine"},
        alternatives=({"header": True}, {"header": False}),
    )


def _are_steps(table: TableLook) -> bool:
    """Whether nearly all columns are numbers, called by a number or not at all, beside one of classes."""
    numbers = [column for column in table.columns if column.are_numbers]
    counted = [column for column in numbers if isinstance(column.name, int) or re.search(r"\d+$", column.name.strip())]
    is_wide = len(table.columns) >= _MIN_STEPS and len(table.columns) - len(counted) <= 2
    return is_wide and _label_of(table).may_be_classes


def _label_of(table: TableLook) -> Column:
    """The column that is no step, else the first, or the last where that one alone holds classes."""
    others = [column for column in table.columns if not column.are_numbers]
    whole = [column for column in (table.columns[0], table.columns[-1]) if column.may_be_classes]
    return (others or whole or list(table.columns))[0]


def long_table(look: Look) -> list[Reading]:
    """A table with a row a step, a column that says which series it is of, and one that says what each series is.

    Args:
        look: what is there.

    Returns:
        A reading, or none.
    """
    readings: list[Reading] = []
    for name in tables_of(look):
        table = look_at_table(look, name, from_start=True)
        if table is not None and (found := _series_and_label(table)) is not None:
            readings.append(_of_long_table(look, table, *found))
    return readings


def _series_and_label(table: TableLook) -> tuple[Column, Column] | None:
    """The column that names series, and the one of labels, by its header, that never changes within one."""
    labels = [column for column in table.label_columns() if is_label_word(column)]
    for label in labels[:2]:
        for series in table.columns:
            is_name = series is not label and len(series.values) == table.rows and not series.are_times
            number = len(series.counts)
            if not is_name or number < _MIN_SERIES or number > table.rows // _MIN_OF_A_SERIES:
                continue
            if len(label.values) == table.rows and len(set(zip(series.values, label.values, strict=True))) == number:
                return series, label
    return None


def _of_long_table(look: Look, table: TableLook, series: Column, label: Column) -> Recognised:
    arguments: dict[str, Any] = _place(look, table) | dict(table.arguments)
    arguments |= {"series_column": series.name, "label_column": label.name}
    of_series = dict(zip(series.values, label.values, strict=True))
    others = [str(c.name) for c in table.columns if c not in (series, label)]
    if (times := _times(table)) is not None and series not in times:
        arguments["time_column"] = times[0].name if len(times) == 1 else [column.name for column in times]
    return Recognised(
        meaning=f"series below each other, told apart by {series.name}, a class in {label.name}",
        arguments=arguments,
        sureness=CERTAIN,
        seen=(table.in_words(), *seen_classes(Counter(of_series.values()), None, "series")),
        preprocess={"on_conflict": "quarantine"},
        group_hints=tuple(group_column_names(others)),
    )


def _may_list(look: Look, name: str, others: list[str]) -> bool:
    """Whether a file's beginning holds the name of another: most files of a large folder do not."""
    start = look.start(name, 4096).decode("utf-8", "ignore")
    return any(posixpath.basename(other) in start for other in others[:5000])


def _of_table(look: Look, table: TableLook, times: list[Column], numbers: list[Column]) -> Reading:
    if table.rows < _MIN_STEPS:
        why = f"{table.name} has {table.rows} rows, too few for a forecast: give {_MIN_STEPS} or more"
        return Unusable(why, LIKELY)
    arguments: dict[str, Any] = _place(look, table) | dict(table.arguments)
    reasons = {"split": "the last fifth of the steps is the test, a tenth before it validation, with gaps between them"}
    if times[0] is not table.columns[0]:
        arguments["time_column"] = times[0].name if len(times) == 1 else [column.name for column in times]
    others = [column for column in table.columns if column not in times]
    missing = {column.name: value for column in numbers if (value := _sentinel(column)) is not None}
    if missing:
        arguments["missing_values"] = sorted(set(missing.values()))
        reasons["source.missing_values"] = f"far below, or above, all other values of {', '.join(map(str, missing))}"
    panel = _panel_column(table, times, others)
    if panel is not None:
        arguments["series_column"] = panel.name
        reasons["source.series_column"] = f"{len(panel.counts):,} series, for times repeat and this column tells which"
    numbers = [column for column in numbers if column is not panel]
    left = [column for column in others if column not in numbers and column is not panel]
    if left:
        arguments["value_columns"] = [column.name for column in numbers]
        names = ", ".join(str(column.name) or "one without a name" for column in left)
        reasons["source.value_columns"] = f"columns of numbers; left out: {names}"
    joined = " + ".join(str(column.name) for column in times)
    ends = [times[0].values[place] for place in (0, 1, -1)]
    return Recognised(
        meaning=f"{'several series' if panel else 'a series'} over time ({joined}), to forecast {_some(numbers)}",
        arguments=arguments,
        sureness=LIKELY,
        seen=(table.in_words(), f"times in {joined}: {ends[0]}, {ends[1]}, ... {ends[2]}"),
        split={"test": 0.2, "validation": 0.1, "order": "time"},
        reasons=reasons,
        alternatives=_ASKED,
    )


def _sentinel(column: Column) -> int | None:
    """A number such as -200 or 9999 that stands for nothing: far from all others, and more than once."""
    numbers = Counter(float(v.replace(",", ".")) for v in column.values if _PLAIN.fullmatch(v))
    if len(numbers) < 10 or numbers.total() < len(column.values):
        return None
    for extreme in (min(numbers), max(numbers)):
        rest = [number for number in numbers if number != extreme]
        span = max(rest) - min(rest)
        gap = min(abs(extreme - min(rest)), abs(extreme - max(rest)))
        if extreme in _SENTINELS and gap > 2 * span and numbers[extreme] > 1:
            return int(extreme)
    return None


def _panel_column(table: TableLook, times: list[Column], others: list[Column]) -> Column | None:
    """The column that says which series a row is of, where times repeat."""
    rows = list(zip(*(column.values for column in times), strict=False))
    if len(set(rows)) > 0.7 * len(rows):
        return None
    for column in others:
        is_name = not column.are_numbers or column.are_whole
        is_filled = len(column.values) == len(rows) and len(column.counts) <= len(rows) // _MIN_STEPS
        if is_name and is_filled and len({(*row, v) for row, v in zip(rows, column.values, strict=True)}) == len(rows):
            return column
    return None


def _of_list(look: Look, table: TableLook, paths: ListedFiles) -> Reading:
    labels = table.label_columns(without=(paths.column.name,))
    if not labels:
        return Unusable(
            f"{table.name} names files ({paths.column.name}), but no column says what they are: add one", CERTAIN
        )
    label, splits = labels[0], table.split_column()
    arguments: dict[str, Any] = place_of_table(look, table, folder=paths.folder) | dict(table.arguments)
    arguments |= paths.arguments | ({} if label.name == "label" else {"label_column": label.name})
    if splits is not None:
        arguments["split_column"] = splits.name
    named = {paths.column.name, label.name, *([splits.name] if splits else [])}
    reasons, inner = {}, look_at_table(look, next(n for n in look.names(_STEPS) if n != table.name))
    if inner is not None and (times := _times(inner)) is not None and len(times) == 1:
        arguments["time_column"] = times[0].name
        reasons["source.time_column"] = "steps are checked to be regular, and the times are no input"
    return Recognised(
        meaning=f"series, a file each that {table.name} names, a class in {label.name}",
        arguments=arguments,
        sureness=CERTAIN,
        seen=(table.in_words(), *seen_classes(label.counts, splits.counts if splits else None, "series")),
        preprocess={"on_conflict": "quarantine"},
        reasons=reasons,
        group_hints=tuple(group_column_names([str(c.name) for c in table.columns if c.name not in named])),
    )


def _place(look: Look, table: TableLook) -> dict[str, Any]:
    """Where the table is, as series_table takes it."""
    if look.is_file:
        return {"path": look.place}
    return {"path": look.place, "table": table.name}


def _some(columns: list[Column]) -> str:
    return ", ".join(str(column.name) for column in columns[:5]) + (", ..." if len(columns) > 5 else "")
