"""Your own texts in a table: a row a text.

    source: {name: text_table, table: tickets.csv}

CSV and other delimited text, JSON lines, Parquet and .xlsx are read; the columns are ``text`` and ``label``, or what
``text_column`` and ``label_column`` say. Columns that nothing else names are groups for ``split.group_by``.
"""

import shutil
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

import numpy as np

from saccade.core.errors import UserError
from saccade.core.names import composed
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, ArchiveLimits
from saccade.io.downloads import fetch_file
from saccade.io.encodings import refuse_nul
from saccade.io.locations import existing_path, refuse_without_url, remote_file
from saccade.kinds.tokens.corpus.class_texts import ClassTexts
from saccade.kinds.tokens.corpus.packed_texts import PackedTexts
from saccade.kinds.tokens.text.tokenizer import normalise
from saccade.readers.examples import TextExamples
from saccade.readers.fetch_table import fetch_table, stored_table
from saccade.readers.row_labels import (
    EncodedLabels,
    LabelColumns,
    encode_columns,
    encode_labels,
    read_flag_or_number,
)
from saccade.tables.cells import alike_label_notes, parse_split, refuse_numbers, unused_column_notes
from saccade.tables.table import Table, open_table
from saccade.tables.table_format import TableArguments, TableFormat

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "tokens"
LABELS = {"multilabel": "several classes", "labels_separator": "several classes", "": "classes"}

_TABLE = "table"
_DOWNLOAD = "download.part"  # the stage keeps what is called so for the next try, and out of data/raw
_MAX_CELL = 10_000_000  # characters of a text; where a quotation mark is left open, all that follows is one


def fetch(
    folder: Path,
    *,
    table: str | None = None,
    path: str | None = None,
    url: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    mirror: str | None = None,
    text_column: str | int = "text",
    label_column: str | int = "label",
    labels_are: Literal["classes"] | None = None,
    label_columns: list[str | int] | None = None,
    multilabel: bool = False,
    labels_separator: str | None = None,
    split_column: str | int | None = None,
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    progress: Progress = no_progress,
    **table_format: Unpack[TableArguments],
) -> None:
    """Bring the table into ``folder`` as table.csv, or under the ending of its own form.

    Args:
        folder: output folder.
        table: a table on this machine; with path or url, the name of one in there, and None where that is the file.
        path: a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) with the table, or the table, on this machine.
        url: address of such an archive or of the table, in place of path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        text_column: header of the texts.
        label_column: header of the labels.
        labels_are: classes, where labels that are numbers with decimals, such as 1.5, are names of classes; None: such
            labels are asked about.
        label_columns: headers of columns that are a class each, with 1 for texts that have it and 0 for others, in
            place of label_column; one 1 a row, unless multilabel is true.
        multilabel: whether a text may have several labels, or none: in columns of label_columns, or in one cell of
            label_column, where what parts them is found.
        labels_separator: what parts several labels in a cell, such as " " or "|"; "" where each cell is one label,
            though it looks like several.
        split_column: header of the published split: train, val, validation or test in each row, or nothing in any.
        max_files: most members of an archive.
        max_file_bytes: most bytes of the table.
        max_bytes: most bytes of all files of an archive together.
        progress: callback, called with a file's name, the bytes there and its size.
        **table_format: how the table is written, where it is not to be found out; the keys of ``TableArguments``.

    Raises:
        UserError: nothing that can be read is there, or more than the limits; the bytes are not the named ones; the
            header lacks a column.
    """
    if (path is not None and url is not None) or (table, path, url) == (None, None, None):
        raise UserError("text_table needs table, path or url: a table, or where it is; and not both path and url")
    limits = ArchiveLimits(max_files, max_file_bytes, max_bytes, omit_hint=lambda name: "cut it into several files")
    download = folder / _DOWNLOAD
    if url is not None:
        source = fetch_file(remote_file(url, sha256, size), download, mirror=mirror, progress=progress)
    else:
        refuse_without_url(sha256, size, mirror)
        source = existing_path("table" if path is None else "path", path or table or "")
    fetch_table(source, table if (path, url) != (None, None) else None, folder / _TABLE, limits, progress)
    form = TableFormat(**table_format)
    labels = LabelColumns(label_column, label_columns or (), (), multilabel, labels_separator)
    _open(folder, _called(table, path, url), text_column, labels, split_column, form)
    if download.exists():
        shutil.rmtree(download)


def read(
    folder: Path,
    *,
    table: str | None = None,
    path: str | None = None,
    url: str | None = None,
    text_column: str | int = "text",
    label_column: str | int = "label",
    labels_are: Literal["classes"] | None = None,
    label_columns: list[str | int] | None = None,
    multilabel: bool = False,
    labels_separator: str | None = None,
    split_column: str | int | None = None,
    **table_format: Unpack[TableArguments],
) -> TextExamples:
    """Read the texts, row by row; memory stays flat however many there are.

    White space around a text does not count.

    Args:
        folder: the folder that ``fetch`` filled.
        table: name of the table, for messages, as are path and url.
        path: path of the table, for messages.
        url: address of the table, for messages.
        text_column: header of the texts.
        label_column: header of the labels.
        labels_are: classes, where numbers with decimals are names of classes.
        label_columns: headers of columns that are a class each.
        multilabel: whether a text may have several labels, or none.
        labels_separator: what parts several labels in a cell.
        split_column: header of the published split; None where there is none.
        **table_format: how the table is written, where it is not to be found out; the keys of ``TableArguments``.

    Returns:
        The examples in the order of the table's rows; classes sorted, as numbers where all are whole ones; ids are
        digests of the texts. Rows with an empty text are among them, as ``unreadable``.

    Raises:
        UserError: the table is none, with its line, or what ``fetch`` brought is not whole.
    """
    called = _called(table, path, url)
    form = TableFormat(**table_format)
    labels = LabelColumns(label_column, label_columns or (), (), multilabel, labels_separator)
    rows = _open(folder, called, text_column, labels, split_column, form)
    columns, missing = rows.columns, rows.missing_values()
    named = [str(text_column), *labels.headers, str(split_column)]
    texts, lines, splits = ClassTexts(), array("q"), []
    cells_of: dict[tuple[str, ...], tuple[str, ...]] = {}  # each different one once
    label_cells: list[tuple[str, ...]] = []
    groups = {place: PackedTexts() for place, column in enumerate(columns) if column and column not in named}
    text_at, labels_at = rows.place(text_column), [rows.place(header) for header in labels.headers]
    split_at = None if split_column is None else rows.place(split_column)
    for line, cells in rows.rows():
        own = tuple("" if cells[place] in missing else composed(cells[place]) for place in labels_at)
        label_cells.append(cells_of.setdefault(own, own))
        try:
            refuse_nul(cells[text_at], form.encoding or "utf-8")
        except UserError as error:
            raise UserError(f"{called}, the row that begins in line {line}: {text_column} {error}") from error
        texts.add(normalise(cells[text_at]), " ".join(own))
        lines.append(line)
        if split_at is not None:
            splits.append(parse_split(cells[split_at], columns[split_at], rows.where(line)))
        for place, values in groups.items():
            values.append(cells[place])
    if not lines:
        raise UserError(f"{called} must have texts of at least two classes, but it has no rows below its header")
    if labels.is_one_class and labels_are is None:
        refuse_numbers(texts.class_names, lambda _: called, str(label_column))
    encoded = _encoded(rows, label_cells, lines, labels, called)
    named_groups = {columns[place]: values for place, values in groups.items()}
    return texts.examples(
        lambda i: rows.where(lines[i]),
        classes=encoded.classes,
        labels=encoded.values,
        published_splits=_published(splits, lambda i: rows.where(lines[i]), split_column),
        groups=named_groups,
        notes=[
            *rows.notes,
            *alike_label_notes(called, encoded.classes),
            *encoded.notes,
            *unused_column_notes(called, named_groups, split_column),
        ],
    )


def _called(table: str | None, path: str | None, url: str | None) -> str:
    """What a user calls the table."""
    return table or path or url or _TABLE


def _open(
    folder: Path,
    called: str,
    text_column: str | int,
    labels: LabelColumns,
    split_column: str | int | None,
    form: TableFormat,
) -> Table:
    named = {"text_column": text_column, **labels.named, "split_column": split_column}
    return open_table(stored_table(folder, _TABLE), called, named, form=form, max_cell=_MAX_CELL)


def _encoded(
    rows: Table, cells: Sequence[tuple[str, ...]], lines: Sequence[int], labels: LabelColumns, called: str
) -> EncodedLabels:
    """The labels of all rows as an array."""

    def where(row: int) -> str:
        return rows.where(lines[row])

    if not labels.are_columns:
        texts = [cell for (cell,) in cells]
        if labels.is_one_class and len(set(texts)) == 1:
            raise UserError(f"{called} must have texts of at least two classes, but there is only {texts[0]!r}")
        return encode_labels(texts, where, called, labels)
    readers = [rows.number_reader(header) for header in labels.headers]
    values = array("d")
    for line, own in zip(lines, cells, strict=True):
        values.extend(read_flag_or_number(cell, read, line) for cell, read in zip(own, readers, strict=True))
    return encode_columns(np.array(values).reshape(-1, len(readers)), where, called, labels)


def _published(splits: list[str], where: Callable[[int], str], column: str | int | None) -> list[str] | None:
    if not any(splits):
        return None
    if "" in splits:
        raise UserError(f"{where(splits.index(''))}: {column} must be filled in all rows, or in none")
    return splits


def recognise(look: "Look") -> "list[Reading]":
    """Texts in a column of a table; see ``saccade.recognition``."""
    from saccade.recognition.texts import labelled_in_table

    return labelled_in_table(look)
