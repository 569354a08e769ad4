"""Your own pictures, with a table that says which is what: a row a picture.

    source: {name: image_table, table: leaves/labels.csv}

CSV and other delimited text, JSON lines, Parquet and .xlsx are read; the columns are ``path`` and ``label``, or what
``path_column`` and ``label_column`` say. Columns that nothing else names are groups for ``split.group_by``.

A picture may have several labels, in one cell (``labels_separator``) or in columns of 1 and 0 (``label_columns``, and
``multilabel: true``), or numbers to predict (``value_columns``); tasks multilabel and regress learn from these. Or each
picture is a line of print, and a column says what stands in it (``text_column``), for the task transcribe.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, ArchiveLimits
from saccade.io.archives import open_archive
from saccade.kinds.image.pixels.decode import decode_for, decode_image, decode_values
from saccade.readers.examples import ImageExamples
from saccade.readers.fetch_listed_files import fetch_listed_files, notes_of_fetch, remove_row_hint
from saccade.readers.fetch_table import stored_table
from saccade.readers.file_table import read_table
from saccade.readers.path_columns import PathColumns
from saccade.readers.row_labels import LabelColumns
from saccade.tables.table import Column
from saccade.tables.table_format import TableArguments, TableFormat

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "image"
LABELS = {
    "text_column": "transcripts",
    "value_columns": "numbers",
    "multilabel": "several classes",
    "labels_separator": "several classes",
    "": "classes",
}

_PACKED = "images.tar"
_TABLE = "table"
_NUMBER_HINT = "To predict them: value_columns in place of label_column, and task: {name: regress}"


def fetch(
    folder: Path,
    *,
    table: str,
    path: str | None = None,
    url: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    mirror: str | None = None,
    path_column: str | int = "path",
    path_template: str | None = None,
    root: str | None = None,
    label_column: str | int = "label",
    labels_are: Literal["classes"] | None = None,
    label_columns: list[str | int] | None = None,
    multilabel: bool = False,
    labels_separator: str | None = None,
    value_columns: list[str | int] | None = None,
    text_column: str | int | None = None,
    split_column: str | int | None = None,
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    progress: Progress = no_progress,
    **table_format: Unpack[TableArguments],
) -> None:
    """Bring the table into ``folder``, and the pictures that it names, and no others, as images.tar.

    The table is table.csv, or ends as its own form does: table.xlsx, table.parquet.

    Args:
        folder: output folder.
        table: a table on this machine; with path or url, the name of one in there, else one on this machine. The
            paths in it count from path or from the archive's root; those of a table in there from its own folder,
            if more of its pictures are found from there.
        path: a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) with the pictures, on this machine; None takes
            the table's folder.
        url: address of such an archive, in place of path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        path_column: header of the pictures' paths.
        path_template: path made of columns in braces, such as 'scans/{id}_left.png', in place of path_column; '{id:05}'
            fills up with zeros in front.
        root: folder of this machine or another that paths in the table begin with, such as C:/Users/me/photos; what
            follows it counts. None: it is found, where all files are.
        label_column: header of the labels.
        labels_are: classes, where labels that are numbers with decimals, such as 1.5, are names of classes; None: such
            labels are asked about.
        label_columns: headers of columns that are a class each, with 1 for pictures that have it and 0 for others, in
            place of label_column; one 1 a row, unless multilabel is true.
        multilabel: whether a picture may have several labels, or none: in columns of label_columns, or in one cell of
            label_column, where what parts them is found.
        labels_separator: what parts several labels in a cell, such as " " or "|"; "" where each cell is one label,
            though it looks like several.
        value_columns: headers of numbers to predict, in place of labels, for the task regress.
        text_column: header of the transcripts, in place of labels, for the task transcribe.
        split_column: header of the published split: train, val, validation or test in each row, or nothing in any.
        max_files: most members of an archive, or pictures of the table.
        max_file_bytes: most bytes of one picture, or of the table.
        max_bytes: most bytes of all files together.
        progress: callback, called with a file's name, the bytes there and its size.
        **table_format: how the table is written, where it is not to be found out; the keys of ``TableArguments``.

    Raises:
        UserError: the table is none, with its line; it names pictures that are not there; nothing that can be read is
            at path or url, or more than the limits.
    """
    fetch_listed_files(
        folder,
        _PACKED,
        _TABLE,
        who="image_table",
        table=table,
        path=path,
        url=url,
        sha256=sha256,
        size=size,
        mirror=mirror,
        paths=PathColumns(path_column, path_template, root),
        label_column=label_column,
        split_column=split_column,
        form=TableFormat(**table_format),
        labels_are=labels_are,
        number_hint=_NUMBER_HINT,
        limits=ArchiveLimits(max_files, max_file_bytes, max_bytes, omit_hint=remove_row_hint),
        progress=progress,
        labels=_label_columns(label_column, label_columns, multilabel, labels_separator, value_columns, text_column),
    )


def read(
    folder: Path,
    *,
    table: str,
    path_column: str | int = "path",
    path_template: str | None = None,
    root: str | None = None,
    label_column: str | int = "label",
    labels_are: Literal["classes"] | None = None,
    label_columns: list[str | int] | None = None,
    multilabel: bool = False,
    labels_separator: str | None = None,
    value_columns: list[str | int] | None = None,
    text_column: str | int | None = None,
    split_column: str | int | None = None,
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    **table_format: Unpack[TableArguments],
) -> ImageExamples:
    """List the pictures; each is read and decoded when it is asked for, so memory stays flat.

    Args:
        folder: the folder that ``fetch`` filled.
        table: name of the table, for messages.
        path_column: header of the pictures' paths.
        path_template: path made of columns in braces, in place of path_column.
        root: folder that paths in the table begin with.
        label_column: header of the labels.
        labels_are: classes, where numbers with decimals are names of classes.
        label_columns: headers of columns that are a class each.
        multilabel: whether a picture may have several labels, or none.
        labels_separator: what parts several labels in a cell.
        value_columns: headers of numbers to predict.
        text_column: header of the transcripts.
        split_column: header of the published split; None where there is none.
        max_files: most pictures.
        max_file_bytes: most bytes of one picture.
        max_bytes: most bytes of all pictures together.
        **table_format: how the table is written, where it is not to be found out; the keys of ``TableArguments``.

    Returns:
        The examples in the order of the table's rows; classes sorted, as numbers where all are whole ones; ids are
        digests of the files' bytes, so that copies of a picture stay in one split; names are the paths in the table.

    Raises:
        UserError: the table is none, with its line, or what ``fetch`` brought is not whole.
    """
    if not (folder / _PACKED).is_file():
        raise UserError(f"{folder} must hold {_PACKED}, but does not. Fetch the dataset again.")
    rows = read_table(
        stored_table(folder, _TABLE),
        table,
        paths=PathColumns(path_column, path_template, root),
        label_column=label_column,
        split_column=split_column,
        form=TableFormat(**table_format),
        labels_are=labels_are,
        number_hint=_NUMBER_HINT,
        labels=_label_columns(label_column, label_columns, multilabel, labels_separator, value_columns, text_column),
    )
    assert rows.encoded is not None
    archive = open_archive(folder / _PACKED, ArchiveLimits(max_files, max_file_bytes, max_bytes))
    found = {
        member.name: (member, hashlib.blake2b(archive.read(member), digest_size=16).hexdigest())
        for member in archive.members(lambda name: True)
    }
    if missing := next((name for name in rows.paths if name not in found), None):
        raise UserError(f"{archive.path} must hold {missing!r}, but does not. Fetch the dataset again.")
    pictures = [found[name][0] for name in rows.paths]
    return ImageExamples(
        classes=rows.encoded.classes,
        labels=rows.encoded.values,
        targets=rows.encoded.targets,
        texts=rows.encoded.texts,
        load=lambda i: archive.read(pictures[i]),
        decode=decode_image,
        decode_for=decode_for,
        decode_values=decode_values,
        ids=[found[name][1] for name in rows.paths],
        published_splits=rows.splits,
        groups=rows.groups,
        names=rows.paths,
        notes=[*rows.notes, *notes_of_fetch(folder)],
    )


def recognise(look: "Look") -> "list[Reading]":
    """Pictures that a column of a table names; see ``saccade.recognition``."""
    from saccade.recognition.pictures import listed_in_table

    return listed_in_table(look)


def _label_columns(
    label_column: Column,
    label_columns: Sequence[Column] | None,
    multilabel: bool,
    separator: str | None,
    value_columns: Sequence[Column] | None,
    text_column: Column | None,
) -> LabelColumns:
    return LabelColumns(label_column, label_columns or (), value_columns or (), multilabel, separator, text_column)
