"""Which of many are shown: a few, spread evenly.

Shapes: N examples.
"""

from collections.abc import Sequence

import numpy as np


def spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, evenly over all, the first and the last among them."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)]


def rows_of_classes(labels_N: np.ndarray, classes: Sequence[int], most: int) -> list[np.ndarray]:
    """Of each class at most so many rows, spread over the class.

    Args:
        labels_N: class ids int64, or uint8 (N, K), 1 where an example has the class: it may then be shown for several.
        classes: class ids to look for.
        most: number of rows of each.

    Returns:
        Row numbers of each class.
    """
    if labels_N.ndim == 2:
        return [spread(np.flatnonzero(labels_N[:, k]), most) for k in classes]
    by_class = np.argsort(labels_N, kind="stable")
    sorted_N = labels_N[by_class]
    starts, ends = (np.searchsorted(sorted_N, classes, side) for side in ("left", "right"))
    return [spread(by_class[start:end], most) for start, end in zip(starts, ends, strict=True)]
