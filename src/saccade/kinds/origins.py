"""Where each prepared example comes from: origins.csv beside the arrays, so that whoever doubts a label finds its file.

A table of a line an example: its row in the source, its name for people (a file, or a file and a line; empty where the
source gives none), its group where ``split.group_by`` is set, and what its kind knew of it before it was prepared, such
as the height of a picture. Datasets that an earlier version prepared have none: rows are then all that is known.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

FILE = "origins.csv"
_FIRST_COLUMNS = ("row", "name", "group")


@dataclass(frozen=True)
class Origins:
    """Where examples come from.

    Attributes:
        rows: int64 (N,), row of each in the source.
        names: N names for people; empty: the source gives none.
        groups: N values of ``split.group_by``; empty: examples are in no groups.
        measures: name of a measure, such as height, to float64 (N,), taken before the example was prepared.
    """

    rows: np.ndarray
    names: Sequence[str] = ()
    groups: Sequence[str] = ()
    measures: Mapping[str, np.ndarray] = field(default_factory=dict)

    def name(self, i: int) -> str:
        """What people find the example by: its file, or its row in the source."""
        return (self.names[i] if self.names else "") or f"row {int(self.rows[i])}"


def write_origins(
    folder: Path,
    rows_of: Mapping[str, np.ndarray],
    *,
    name: Callable[[int], str] | None,
    groups: Sequence[str] | None = None,
    measures: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write origins.csv, a line an example that is in a split.

    Args:
        folder: folder of the arrays.
        rows_of: each split to the rows that it holds.
        name: function from a row to its name for people; None: the source gives none.
        groups: value of ``split.group_by`` of each example of the source; None: there are none.
        measures: name of a measure to float or int (M,), one for each example of the source.
    """
    measures = measures or {}
    with (folder / FILE).open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_FIRST_COLUMNS, *measures])
        for row in np.unique(np.concatenate([*rows_of.values()])).tolist():
            values = (f"{values_M[row]:g}" for values_M in measures.values())
            writer.writerow([row, name(row) if name else "", groups[row] if groups is not None else "", *values])


def read_origins(folder: Path, rows_n: np.ndarray) -> Origins:
    """Read the origins of some examples; the table of a large dataset is never in memory whole.

    Args:
        folder: such as data/prepared/digits.
        rows_n: int64 (n,), rows in the source, each once, in any order.

    Returns:
        Those, in this order. Rows are all that is known where an earlier version prepared the dataset, where its kind
        has no such examples, or where one of the rows is not there.
    """
    path, place_of = folder / FILE, {row: place for place, row in enumerate(rows_n.tolist())}
    if not path.exists():
        return Origins(rows_n)
    names, groups = [""] * len(rows_n), [""] * len(rows_n)
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        reader = csv.reader(file)
        measures = {name: np.zeros(len(rows_n)) for name in next(reader)[len(_FIRST_COLUMNS) :]}
        found = 0
        for row, name, group, *numbers in reader:
            place = place_of.get(int(row))
            if place is not None:
                found += 1
                names[place], groups[place] = name, group
                for values_n, number in zip(measures.values(), numbers, strict=True):
                    values_n[place] = float(number)
    if found < len(rows_n):
        return Origins(rows_n)
    return Origins(rows_n, names if any(names) else (), groups if any(groups) else (), measures)
