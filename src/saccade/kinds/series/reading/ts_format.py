"""The .ts files of the UCR and UEA archives of labelled series.

    @univariate false
    @dimensions 2
    @classLabel true walk run
    @data
    0.5,0.7,0.6:1.0,1.1,?:walk

A line is a series: its features parted by colons, steps by commas, the label last; ``?`` is missing.

Shapes: T steps, F features.
"""

from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.kinds.series.reading.labelled_rows import LabelledRows, plain_label
from saccade.kinds.series.reading.row_table import VALUE


def read_ts(path: Path, name: str) -> LabelledRows:
    """Read such a file.

    Args:
        path: the file.
        name: the user's name of the file, for messages.

    Returns:
        The series; labels are empty where the file says that it has none.

    Raises:
        UserError: it is no such file, with its line; it holds time stamps, or numbers to predict in place of classes.
    """
    values: list[np.ndarray] = []
    labels: list[str] = []
    names: list[str] = []
    has_labels, is_data = True, False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for line, text in enumerate(file, start=1):
            text = text.strip()
            where = f"{name}, line {line}"
            if not text or text.startswith(("#", "%")):
                continue
            if text.startswith("@"):
                word, *rest = text.lower().split()
                is_data = is_data or word == "@data"
                if word == "@classlabel":
                    has_labels = rest[:1] == ["true"]
                if word == "@targetlabel" and rest[:1] == ["true"]:
                    raise UserError(f"{where}: the labels must be classes, but are numbers to predict")
                if word == "@timestamps" and rest[:1] == ["true"]:
                    raise UserError(
                        f"{where}: series must have no time stamps in a .ts file, but have. Leave them out."
                    )
                continue
            if not is_data:
                raise UserError(f"{where} must begin with @, # or stand behind @data, but is {text[:40]!r}")
            parts = text.split(":")
            if has_labels and len(parts) < 2:
                raise UserError(f"{where} must end with a colon and a label, but does not")
            labels.append(plain_label(parts.pop()) if has_labels else "")
            values.append(_values(parts, where, values[0].shape[1] if values else None))
            names.append(where)
    if not values:
        raise UserError(f"{name} must hold series behind a line @data, but holds none")
    F = values[0].shape[1]
    features = (VALUE,) if F == 1 else tuple(f"dimension {feature}" for feature in range(1, F + 1))
    return LabelledRows(name, features, values, labels, names)


def _values(parts: list[str], where: str, features: int | None) -> np.ndarray:
    """The series of a line, float32 (T, F); what is missing at the end of all features is no step of it."""
    if features is not None and len(parts) != features:
        raise UserError(f"{where} must have {features} features, as the first series has, but has {len(parts)}")
    columns = []
    for part in parts:
        try:
            columns.append(
                np.array([np.nan if cell.strip() in ("?", "NaN", "nan") else float(cell) for cell in part.split(",")])
            )
        except ValueError as error:
            raise UserError(f"{where} must hold numbers parted by commas, but {error}") from error
    if len({len(column) for column in columns}) > 1:
        lengths = " and ".join(f"{len(column):,}" for column in columns[:2])
        raise UserError(f"{where} must have as many steps in each feature, but has {lengths}")
    values_TF = np.stack(columns, axis=1).astype(np.float32)
    there = np.flatnonzero(~np.isnan(values_TF).all(axis=1))
    return values_TF[: there[-1] + 1] if len(there) else values_TF
