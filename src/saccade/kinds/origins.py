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

    def at(self, rows_n: np.ndarray) -> "Origins":
        """The origins of some examples.

        Args:
            rows_n: int64 (n,), rows in the source, in any order.

        Returns:
            Those, in this order. Where one of the rows is not known, rows alone.
        """
        if not len(self.rows):
            return Origins(rows_n)
        order = np.argsort(self.rows, kind="stable")
        place_n = order[np.searchsorted(self.rows, rows_n, sorter=order).clip(max=len(order) - 1)]
        if not np.array_equal(self.rows[place_n], rows_n):
            return Origins(rows_n)
        places = place_n.tolist()
        return Origins(
            rows_n,
            [self.names[i] for i in places] if self.names else (),
            [self.groups[i] for i in places] if self.groups else (),
            {name: values[place_n] for name, values in self.measures.items()},
        )


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


def read_origins(folder: Path) -> Origins:
    """Read origins.csv.

    Args:
        folder: such as data/prepared/digits.

    Returns:
        What it says; nothing where an earlier version prepared the dataset, or its kind has no such examples.
    """
    path = folder / FILE
    if not path.exists():
        return Origins(np.zeros(0, dtype=np.int64))
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        reader = csv.reader(file)
        header = next(reader)
        rows = list(reader)
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    named, grouped = (any(columns[i]) for i in (1, 2))
    numbers = zip(header[len(_FIRST_COLUMNS) :], columns[len(_FIRST_COLUMNS) :], strict=True)
    return Origins(
        np.array(columns[0], dtype=np.int64),
        columns[1] if named else (),
        columns[2] if grouped else (),
        {name: np.array(values, dtype=np.float64) for name, values in numbers},
    )
