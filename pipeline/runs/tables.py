"""history.csv and gradients.csv of a run, written and read."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from saccade.core.files import replacing_file

_GRADIENTS = ("epoch", "layer", "step", "gradient_norm", "weight_norm", "update_ratio", "dead_share")
_SECONDS = ("examples_per_s", "elapsed_s")  # no results: they differ between equal trainings


def write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write a row an epoch; no times, so that the same training gives the same bytes."""
    columns = [name for name in rows[0] if name not in _SECONDS]
    with replacing_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a history.csv."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def write_gradients(path: Path, epochs: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    """Write a row an epoch and layer, and one an epoch and step of a recurrent layer; what is not known stays empty."""
    with replacing_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _GRADIENTS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({"epoch": epoch, **row} for epoch, rows in epochs.items() for row in rows)


def read_gradients(path: Path, member: int | None = None) -> dict[int, list[dict[str, Any]]]:
    """Epoch to its rows, from a gradients.csv; nothing where an older version trained and there is none.

    Args:
        path: path of the table.
        member: number of an ensemble's member, whose rows are read; None: rows of a single training.

    Returns:
        Empty where there are none.
    """
    epochs: dict[int, list[dict[str, Any]]] = {}
    if not path.exists():
        return epochs
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            known = {key: value if key == "layer" else float(value) for key, value in row.items() if value != ""}
            if known.pop("member", None) == member:
                epochs.setdefault(int(known.pop("epoch")), []).append(known)
    return epochs
