"""What a run got on each test example: a table small enough to keep, from which two runs can be compared in pairs.

outcomes.csv, a row an example (of a text that goes on, a segment; of a forecast, a window)::

    row         which example of the source it is
    group       which of the groups it belongs to, where examples of one group depend on each other
    class       its class, where classes count the same however frequent they are
    weight      how much it counts, where examples do not count the same, such as the tokens of a segment
    accuracy    the metric on this example alone, a column a metric; those of baselines as in metrics.json

Shapes: N examples.
"""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError

FILE_NAME = "outcomes.csv"
MAX_ROWS = 200_000  # of the table; of more, examples spread evenly
_ABOUT = ("row", "group", "class", "weight")  # columns that are no metric


@dataclass(frozen=True)
class Outcomes:
    """What a run got on each test example.

    Attributes:
        rows: number of each example in the source, int64 (N,).
        values: metric name to its value on each example alone, float64 (N,); NaN where nobody asked, of a baseline
            that looks at some examples.
        weights: how much each example counts, float64 (N,), above 0; None: all count the same.
        classes: class of each, int64 (N,), where a metric is the mean over classes; None elsewhere.
        groups: group of each, int64 (N,), whose examples depend on each other; None: none do.
    """

    rows: np.ndarray
    values: Mapping[str, np.ndarray]
    weights: np.ndarray | None = None
    classes: np.ndarray | None = None
    groups: np.ndarray | None = None

    def with_values(self, values: Mapping[str, np.ndarray]) -> "Outcomes":
        """The same with more metrics, each float (N,)."""
        return Outcomes(self.rows, {**self.values, **values}, self.weights, self.classes, self.groups)


def of_classes(rows_N: np.ndarray, predicted_N: np.ndarray, labels_N: np.ndarray, nats_N: np.ndarray) -> Outcomes:
    """Outcomes of one class an example.

    Args:
        rows_N: number of each example in the source, integers.
        predicted_N: answers, integers.
        labels_N: true classes, integers.
        nats_N: negative logarithm of the probability of the true class, float.

    Returns:
        ``accuracy`` (1 where the answer is right, else 0) and ``loss``; the classes are kept for the balanced accuracy.
    """
    values = {"accuracy": (predicted_N == labels_N).astype(np.float64), "loss": nats_N.astype(np.float64)}
    return Outcomes(rows_N, values, classes=labels_N)


def of_numbers(rows_N: np.ndarray, errors: Mapping[str, np.ndarray]) -> Outcomes:
    """Outcomes of numbers to predict.

    Args:
        rows_N: number of each example in the source, integers.
        errors: prefix of the metrics, empty for the run's own, to answer less truth, float (N, O).

    Returns:
        ``mae`` and ``mse``, means over the O numbers of an example; of baselines such as ``ridge_mae``.
    """
    values = {}
    for prefix, error_NO in errors.items():
        error_NO = error_NO.astype(np.float64)
        values[f"{prefix}mae"] = np.abs(error_NO).mean(axis=1)
        values[f"{prefix}mse"] = np.square(error_NO).mean(axis=1)
    return Outcomes(rows_N, values)


def write_outcomes(path: Path, outcomes: Outcomes, most: int = MAX_ROWS) -> int:
    """Write the table.

    Args:
        path: where to write.
        outcomes: what is written.
        most: number of rows at most.

    Returns:
        Number of rows that were written: fewer than there are examples where these exceed ``most``.
    """
    N = len(outcomes.rows)
    kept = np.arange(N) if most >= N else np.unique(np.linspace(0, N - 1, most).round().astype(np.int64))
    about = {"group": outcomes.groups, "class": outcomes.classes}
    columns: dict[str, list[str]] = {"row": [str(row) for row in outcomes.rows[kept].tolist()]}
    columns |= {
        name: [str(value) for value in known[kept].tolist()] for name, known in about.items() if known is not None
    }
    if outcomes.weights is not None:
        columns["weight"] = [f"{value:.9g}" for value in outcomes.weights[kept].tolist()]
    columns |= {
        name: ["" if math.isnan(v) else f"{v:.9g}" for v in values[kept].tolist()]
        for name, values in outcomes.values.items()
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return len(kept)


def read_outcomes(path: Path) -> Outcomes:
    """Read the table.

    Args:
        path: path of an outcomes.csv.

    Returns:
        What it says.

    Raises:
        UserError: it is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file))
            table = dict(zip(header, zip(*rows, strict=True), strict=True))
        whole = {name: np.array(table[name], dtype=np.int64) for name in ("row", "group", "class") if name in table}
        values = {
            name: np.array([v or "nan" for v in column], dtype=np.float64)
            for name, column in table.items()
            if name not in _ABOUT
        }
        weights = np.array(table["weight"], dtype=np.float64) if "weight" in table else None
        return Outcomes(whole["row"], values, weights, whole.get("class"), whole.get("group"))
    except (ValueError, KeyError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{path} is damaged ({reason}). Run `dvc checkout`, or evaluate the run again.") from error
