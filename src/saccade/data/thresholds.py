"""From which probability on an example has a class, where it may have several.

Shapes: N examples, K classes.
"""

from collections.abc import Sequence

import numpy as np

DEFAULT_THRESHOLD = 0.5


def choose_thresholds(probabilities_NK: np.ndarray, labels_NK: np.ndarray) -> list[float]:
    """The threshold of each class that gives it the highest F1 on these examples.

    Tried are 0.5 and the middle between any two neighbouring probabilities; of equally good ones the nearest to 0.5 is
    taken, so that few examples do not move it for nothing. A class that no example has keeps 0.5: nothing is known of
    it.

    Args:
        probabilities_NK: float, each in [0, 1]; of the validation split.
        labels_NK: uint8, 1 where an example has the class.

    Returns:
        K thresholds in [0, 1]: an example has class k where its probability is at least the threshold.

    Raises:
        ValueError: shapes differ, or there are no examples.
    """
    if probabilities_NK.shape != labels_NK.shape or probabilities_NK.ndim != 2 or len(labels_NK) == 0:
        raise ValueError(
            f"probabilities_NK {probabilities_NK.shape} and labels_NK {labels_NK.shape} must be the same (N, K), N at "
            "least 1"
        )
    pairs = zip(probabilities_NK.T.astype(np.float64), labels_NK.T, strict=True)
    return [_best(probabilities_N, labels_N > 0) for probabilities_N, labels_N in pairs]


def _best(probabilities_N: np.ndarray, has_N: np.ndarray) -> float:
    if not has_N.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-probabilities_N, kind="stable")
    sorted_N, right_N = probabilities_N[order], np.cumsum(has_N[order])
    ends = np.flatnonzero(np.diff(sorted_N, append=-1.0))  # the last of equal ones; what is above them all is found
    middles = np.append((sorted_N[ends[:-1]] + sorted_N[ends[:-1] + 1]) / 2, 0.0)
    found = np.append(ends + 1, int((probabilities_N >= DEFAULT_THRESHOLD).sum()))
    right = np.append(right_N[ends], int(has_N[probabilities_N >= DEFAULT_THRESHOLD].sum()))
    thresholds = np.append(middles, DEFAULT_THRESHOLD)
    f1 = 2 * right / (found + has_N.sum())
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(thresholds[best[np.abs(thresholds[best] - DEFAULT_THRESHOLD).argmin()]])


def found_classes(probabilities_NK: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Which classes each example has: bool (N, K).

    Args:
        probabilities_NK: float, each in [0, 1].
        thresholds: probability from which each of the K classes counts as found; empty: 0.5 for each.

    Returns:
        Whether the probability is at least the threshold.
    """
    least_K = np.array(thresholds if len(thresholds) else [DEFAULT_THRESHOLD] * probabilities_NK.shape[1])
    return probabilities_NK.astype(np.float64) >= least_K
