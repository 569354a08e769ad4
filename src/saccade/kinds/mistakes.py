"""The table of mistakes of kinds whose examples are no text: which example, what it is, what was said of it.

Shapes: N examples, K classes.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.data.prepared import Split
from saccade.data.spec import NO_CLASS, Spec
from saccade.data.thresholds import found_classes


def write_mistakes(
    path: Path,
    probabilities_NK: np.ndarray,
    test: Split,
    spec: Spec,
    thresholds: Sequence[float],
    names: Sequence[str],
) -> None:
    """Write the examples that a classifier was wrong about as a CSV file, the surest first.

    Args:
        path: where to write.
        probabilities_NK: float32, the network's answers in the order of the test split.
        test: the test split.
        spec: of the dataset.
        thresholds: probability from which an example has each class, where it may have several; none elsewhere.
        names: what each example is found by, such as its file; none: its row.
    """
    if spec.multilabel:
        has_NK, found_NK = test.labels > 0, found_classes(probabilities_NK, thresholds)
        sureness_N = np.where(found_NK != has_NK, np.abs(probabilities_NK - has_NK), -1.0).max(axis=1)
        mistakes = np.flatnonzero(sureness_N >= 0)
    else:
        K = len(spec.classes)
        has_NK, found_NK = np.eye(K, dtype=bool)[test.labels], np.eye(K, dtype=bool)[probabilities_NK.argmax(axis=1)]
        sureness_N = probabilities_NK.max(axis=1)
        mistakes = np.flatnonzero((has_NK != found_NK).any(axis=1))

    def named(has_K: np.ndarray) -> str:
        return ", ".join(spec.classes[k] for k in np.flatnonzero(has_K).tolist()) or NO_CLASS

    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "actual", "predicted", "furthest off" if spec.multilabel else "confidence", "row"])
        for i in mistakes[np.argsort(-sureness_N[mistakes], kind="stable")].tolist():
            row = int(test.rows[i])
            name = names[i] if len(names) else f"row {row}"
            writer.writerow([name, named(has_NK[i]), named(found_NK[i]), f"{sureness_N[i]:.6f}", row])
