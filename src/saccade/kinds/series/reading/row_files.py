"""Files that hold many labelled series each: tables with a series a row, .ts, .npz and .npy, parted or whole."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import SPLIT_NAMES
from saccade.kinds.series.reading.array_file import open_arrays, read_arrays
from saccade.kinds.series.reading.labelled_rows import LabelledRows
from saccade.kinds.series.reading.row_table import read_row_table
from saccade.kinds.series.reading.ts_format import read_ts
from saccade.tables.table import Column
from saccade.tables.table_format import TableFormat

ROW_FILE_SUFFIXES = (".ts", ".npz", ".npy", ".tsv", ".csv", ".txt", ".jsonl", ".json", ".parquet", ".xlsx", ".data")
"""Endings of such files, those first that are read rather than others of the same name."""

_ROLES = ("x", "y", "labels", "label")  # words by which .npy files of one dataset differ
_SHOWN = 6


@dataclass(frozen=True)
class RowOptions:
    """What a user says of such files.

    Attributes:
        label_column: column of the labels of a table; None: it is looked for.
        split_column: column of the published split; None: there is none.
        value_columns: columns of the steps; None: all columns of numbers.
        steps_axis: axis of an array with three that counts steps; None: it is asked for.
        form: what is known of a table's form.
    """

    label_column: Column | None = None
    split_column: Column | None = None
    value_columns: Sequence[Column] | None = None
    steps_axis: int | None = None
    form: TableFormat | None = None


def choose_files(names: Sequence[str], table: str | None, where: str) -> list[str]:
    """Which files of a folder or an archive are a dataset: the training and the test part, or a single one.

    Args:
        names: names of all files.
        table: name of the one to take; None: they are found by their names.
        where: name of the folder or archive, for messages.

    Returns:
        Names; of several forms of one dataset those of the first in ``ROW_FILE_SUFFIXES``.

    Raises:
        UserError: there are none, or several datasets.
    """
    if table is not None:
        found = [name for name in names if f"/{name}".endswith(f"/{table}")]
        if len(found) != 1:
            raise UserError(f"table ({table}) must be one file in {where}, but there are {len(found)} of this name")
        return found
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        if path.suffix.lower() in ROW_FILE_SUFFIXES and not path.name.startswith((".", "_")):
            groups.setdefault((_stem(path), path.suffix.lower()), []).append(name)
    parted = {key: found for key, found in groups.items() if any(split_of_name(name) for name in found)}
    groups = parted or groups
    if len({stem for stem, _ in groups}) == 1:  # forms of one dataset
        return min(groups.items(), key=lambda item: ROW_FILE_SUFFIXES.index(item[0][1]))[1]
    listed = ", ".join(sorted(names)[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    what = "several that may be one" if groups else "none"
    raise UserError(
        f"{where} must hold a file of series, or one with train and one with test in its name, but holds {what} "
        f"({listed}). Name one with table"
    )


def split_of_name(name: str) -> str:
    """The published split that a file's name says it is; empty where it says none.

    >>> split_of_name("GunPoint_TRAIN.ts"), split_of_name("x/mitbih_test.csv"), split_of_name("trains.csv")
    ('train', 'test', '')
    """
    return next((SPLIT_NAMES[word] for word in _words(PurePosixPath(name)) if word in SPLIT_NAMES), "")


def _words(path: PurePosixPath) -> list[str]:
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", path.stem) if word]


def _stem(path: PurePosixPath) -> str:
    """What is the same in the names of the files of one dataset."""
    roles = _ROLES if path.suffix.lower() == ".npy" else ()
    return " ".join(word for word in _words(path) if word not in SPLIT_NAMES and word not in roles)


def read_row_files(
    files: Sequence[tuple[Path, str]], options: RowOptions, *, new_steps: int | None = None
) -> list[tuple[LabelledRows, str | None]]:
    """Read files of series.

    Args:
        files: each file and the user's name of it.
        options: what a user says of them.
        new_steps: steps of the series that a network was trained with, where labels may be missing; None: labels are
            there.

    Returns:
        The series of each file, or of each part of it, and the split that its name says; None where it says none.

    Raises:
        UserError: one is no such file.
    """
    found: list[tuple[LabelledRows, str | None]] = []
    arrays: dict[str, np.ndarray] = {}
    for path, name in files:
        ending = PurePosixPath(name).suffix.lower()
        if ending == ".npy":
            arrays |= open_arrays(path, name)
        elif ending == ".npz":
            parts = read_arrays(open_arrays(path, name), name, options.steps_axis)
            found += [(part, split_of_name(name) or None) for part in parts]
        elif ending == ".ts":
            found.append((read_ts(path, name), split_of_name(name) or None))
        else:
            rows = read_row_table(
                path,
                name,
                label_column=options.label_column,
                split_column=options.split_column,
                value_columns=options.value_columns,
                form=options.form,
                new_steps=new_steps,
            )
            found.append((rows, split_of_name(name) or None))
    if len(arrays) == 1 and new_steps is not None:
        arrays = {"X": next(iter(arrays.values()))}
    if arrays:
        found += [(part, None) for part in read_arrays(arrays, files[0][1], options.steps_axis)]
    return found
