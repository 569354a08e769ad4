"""One or several numbers an example: what training minimises, and what evaluation measures and draws.

Shapes: N examples, O numbers to predict.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.display import figures
from saccade.evaluate import metrics

KINDS = ("image", "series", "vector")  # input layouts
LABELS = "numbers"
LOSSES = ("mse", "mae")
SCORE = "mae"  # beside the loss, in every epoch


def evaluate(
    folder: Path,
    answers_NO: np.ndarray,
    test: Split,
    spec: Spec,
    history: Sequence[Mapping[str, float]],
) -> dict[str, float]:
    """Measure the answers on the test split, and write tables and figures.

    Args:
        folder: an empty folder; gets predictions.csv, predictions.png and learning_curves.png.
        answers_NO: float32, the network's answers in the order of the test split.
        test: the test split.
        spec: spec of the dataset.
        history: a row an epoch, as in history.csv.

    Returns:
        Metric name to value; what metrics.json holds.
    """
    figures.draw_learning_curves([dict(row) for row in history], folder / "learning_curves.png")
    figures.draw_predictions(test.labels, answers_NO, spec.targets, folder / "predictions.png")
    with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", *(f"actual({name})" for name in spec.targets), *spec.targets])
        for row, actual_O, answer_O in zip(test.rows, test.labels, answers_NO, strict=True):
            writer.writerow([int(row), *(f"{value:.6g}" for value in (*actual_O, *answer_O))])
    return metrics.regression_metrics(answers_NO, test.labels)
