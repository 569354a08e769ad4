"""A table of files, such as images: a row a file."""

from array import array
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.core.names import composed
from saccade.readers.path_columns import PathColumns
from saccade.readers.row_labels import (
    EncodedLabels,
    LabelColumns,
    encode_columns,
    encode_labels,
    read_flag_or_number,
)
from saccade.tables.cells import (
    LabelsAre,
    alike_label_notes,
    parse_split,
    refuse_numbers,
    sorted_labels,
    unused_column_notes,
)
from saccade.tables.table import Column, Table, open_table
from saccade.tables.table_format import TableFormat


@dataclass(frozen=True)
class FileTable:
    """What a table says, in the order of its rows, each file once.

    Attributes:
        paths: paths of the files, parted by slashes, in their plain form.
        labels: label of each file, without the spaces around; of several columns, their cells with spaces between.
        splits: train, validation or test each, or None where the table publishes no split.
        groups: the other columns: name to a value a file.
        lines: line in which each row begins, from 1.
        notes: lines for people on what was left out.
        path_column: column of the paths, for messages.
        encoded: the labels as arrays.
    """

    paths: list[str]
    labels: list[str]
    splits: list[str] | None
    groups: dict[str, list[str]]
    lines: list[int]
    notes: tuple[str, ...]
    path_column: str = "path"
    encoded: EncodedLabels | None = None

    def classes(self) -> list[str]:
        """The labels that there are, sorted: as numbers where all are whole ones."""
        return sorted_labels(self.labels)


def read_table(
    path: Path,
    name: str,
    *,
    paths: PathColumns,
    label_column: Column,
    split_column: Column | None,
    form: TableFormat,
    labels_are: LabelsAre = None,
    number_hint: str = "",
    labels: LabelColumns | None = None,
) -> FileTable:
    """Read and check a table.

    Args:
        path: the file.
        name: the user's name of the file, for messages.
        paths: columns that say which file a row speaks of.
        label_column: header of the labels.
        split_column: header of the published split; None where there is none.
        form: what the user states of the table's form.
        labels_are: classes, where labels that are numbers with decimals are names of classes all the same.
        number_hint: what can be done where they are numbers, for the message.
        labels: columns of the labels, in place of label_column, and how their cells are read; None: one class a file.

    Returns:
        Its rows.

    Raises:
        UserError: it is no such table, with the line.
    """
    labels = labels or LabelColumns(label_column, separator="")
    named = {**paths.named, **labels.named, "split_column": split_column}
    table = open_table(path, name, named, form=form, hints=paths.placeholders)
    for column in paths.placeholders:
        table.require({"path_template": column})
    split = None if split_column is None else str(split_column)
    found, cells = _read_rows(table, paths, labels, split)

    def where(row: int) -> str:
        return table.where(found.lines[row])

    if labels.is_one_class and labels_are is None:
        refuse_numbers(found.labels, where, labels.headers[0], number_hint)
    if labels.text_column is not None:  # as it is: NA and 007 are texts like others
        encoded = EncodedLabels(np.zeros(len(found.labels), np.int64), texts=tuple(found.labels))
    elif labels.are_columns:
        encoded = encode_columns(cells.reshape(-1, len(labels.headers)), where, name, labels)
    else:
        encoded = encode_labels(found.labels, where, name, labels)
    alike = alike_label_notes(name, encoded.classes)
    return replace(found, encoded=encoded, notes=(*found.notes, *alike, *encoded.notes))


def _read_rows(
    rows: Table, paths: PathColumns, labels: LabelColumns, split_column: str | None
) -> tuple[FileTable, np.ndarray]:
    """The table, its labels as text, and the numbers in columns that are a class or a number each, row by row."""
    columns, named = rows.columns, (paths.used_up, *labels.headers, split_column)
    readers = [rows.number_reader(header) for header in labels.headers] if labels.are_columns else []
    numbers = array("d")
    groups: dict[str, list[str]] = {column: [] for column in columns if column and column not in named}
    splits: list[str] | None = None if split_column is None else []
    table = FileTable([], [], splits, groups, [], (), (paths.placeholders or [str(paths.path_column)])[0])
    missing = rows.missing_values()
    row_of: dict[str, int] = {}
    copies = 0
    empty_split: int | None = None  # its line
    for line, cells in rows.rows():
        where = rows.where(line)
        row = dict(zip(columns, cells, strict=True))
        path, label = paths.path(row, where), composed(" ".join(row[header] for header in labels.headers))
        if not labels.are_columns and labels.text_column is None and label in missing:
            label = ""
        split = ""
        if split_column is not None:
            split = parse_split(row[split_column], split_column, where)
            empty_split = line if not split and empty_split is None else empty_split
        if (earlier := row_of.setdefault(path, len(table.paths))) < len(table.paths):
            said = "label" if labels.text_column is None else "transcript"
            _refuse_other_say(table, earlier, label, split, f"{where}: {path!r}", said)
            copies += 1
            continue
        table.paths.append(path)
        table.labels.append(label)
        numbers.extend(
            read_flag_or_number(row[h], read, line) for h, read in zip(labels.headers, readers, strict=False)
        )
        table.lines.append(line)
        if table.splits is not None:
            table.splits.append(split)
        for column, values in table.groups.items():
            values.append(row[column])
    return _checked(table, rows, split_column, empty_split, copies), np.array(numbers)


def _refuse_other_say(table: FileTable, earlier: int, label: str, split: str, where: str, said: str) -> None:
    """A file may stand in a table twice, but not as two things."""
    for what, now, before in (
        (said, label, table.labels[earlier]),
        ("split", split, table.splits[earlier] if table.splits is not None else split),
    ):
        if now != before:
            raise UserError(
                f"{where} must have one {what}, but has {now!r} here and {before!r} in line {table.lines[earlier]}. "
                "Take one of the rows out, or tell files of one name apart by path_template."
            )


def _checked(
    table: FileTable, rows: Table, split_column: str | None, empty_split: int | None, copies: int
) -> FileTable:
    name = rows.name
    if not table.paths:
        raise UserError(f"{name} must have rows below its header, but has none")
    splits = table.splits
    if splits is not None and empty_split is not None:
        if any(splits):
            raise UserError(f"{rows.where(empty_split)}: {split_column} must be filled in all rows, or in none")
        splits = None
    notes = list(rows.notes)
    if copies:
        notes.append(f"{name}: {copies:,} rows name a file that an earlier row names with the same label; left out")
    notes += unused_column_notes(name, table.groups, split_column)
    return replace(table, splits=splits, notes=tuple(notes))
