"""Which of many are shown: a few, spread evenly.

Shapes: N examples.
"""

from collections.abc import Sequence

import numpy as np


def spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, evenly over all, the first and the last among them."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)]


def rows_of_classes(labels_N: np.ndarray, classes: Sequence[int], most: int) -> list[np.ndarray]:
    """Of each class at most so many rows, spread over the class."""
    by_class = np.argsort(labels_N, kind="stable")
    sorted_N = labels_N[by_class]
    starts, ends = (np.searchsorted(sorted_N, classes, side) for side in ("left", "right"))
    return [spread(by_class[start:end], most) for start, end in zip(starts, ends, strict=True)]
