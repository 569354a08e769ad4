"""What lies in reports/<run>, read for its page: what is missing is None or empty, and nothing is written."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = Mapping[str, str]


@dataclass(frozen=True)
class RunFiles:
    """The folder of a run.

    Attributes:
        folder: such as reports/digits.
    """

    folder: Path

    @property
    def evaluation(self) -> Path:
        """Tables and pictures of the evaluation."""
        return self.folder / "evaluation"

    def json(self, name: str) -> dict[str, Any]:
        """An object; an empty one where the file is not there."""
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def table(self, name: str) -> list[Row]:
        """The rows of a CSV file; none where it is not there. What is no UTF-8, as in old file names, is replaced."""
        path = self.folder / name
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            return [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(file)]

    def history(self) -> list[dict[str, float]]:
        """A row an epoch; what is not known is left out."""
        return [_numbers(row) for row in self.table("history.csv")]

    def layers(self) -> list[dict[str, Any]]:
        """Rows as gradients.csv has them; what is not known is left out."""
        return [{**_numbers(row), "layer": row["layer"]} for row in self.table("gradients.csv")]


def _numbers(row: Row) -> dict[str, float]:
    return {key: value for key, text in row.items() if (value := number_in(text)) is not None}


def number_in(text: str) -> float | None:
    """The number that a cell holds; None where it holds none, or one that is not finite."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def column(rows: Sequence[Row], name: str) -> list[float | None]:
    """The numbers of a column."""
    return [number_in(row.get(name, "")) for row in rows]
