"""What the baselines of several kinds of data share: which examples a linear model learns from, and the mean as answer.

Shapes: N examples, O numbers to predict.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from saccade.data.prepared import Split
    from saccade.kinds import Baseline

SEARCH_EXAMPLES = 5_000  # all strengths are tried on at most so many, the best ones on all


def stratified_rows(labels_N: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Sorted row numbers of about ``most`` examples, classes in their proportions and each at least once."""
    N = len(labels_N)
    if most >= N:
        return np.arange(N)
    shuffled_N = np.random.default_rng(seed).permutation(N)
    by_class_N = shuffled_N[np.argsort(labels_N[shuffled_N], kind="stable")]
    _, start_of_class, class_N, count_of_class = np.unique(
        labels_N[by_class_N], return_index=True, return_inverse=True, return_counts=True
    )
    # An example's place within its class, from 0 to 1: cutting all classes at the same place keeps the proportions.
    place_N = (np.arange(N) - start_of_class[class_N]) / count_of_class[class_N]
    chosen = np.argsort(place_N, kind="stable")[: max(most, len(count_of_class))]
    return np.sort(by_class_N[chosen])


def mean_baseline(
    train_targets_NO: np.ndarray, validation_targets_NO: np.ndarray, test_targets_NO: np.ndarray
) -> dict[str, Any]:
    """What always answering the mean of the training targets would get on test.

    Args:
        train_targets_NO: float, the numbers to predict.
        validation_targets_NO: not looked at.
        test_targets_NO: float.

    Returns:
        ``mse`` and ``mae``; and ``outcomes``, both on each of the test examples.
    """
    errors_NO = test_targets_NO.astype(np.float64) - train_targets_NO.mean(axis=0, dtype=np.float64)
    outcomes = {"mse": np.square(errors_NO).mean(axis=1).tolist(), "mae": np.abs(errors_NO).mean(axis=1).tolist()}
    return {"mse": float(np.square(errors_NO).mean()), "mae": float(np.abs(errors_NO).mean()), "outcomes": outcomes}


def numbers_baseline() -> "Baseline":
    """The baseline of numbers to predict that are no forecast: their mean over the training split."""
    from saccade.kinds import Baseline

    def measure(train: "Split", validation: "Split", test: "Split") -> dict[str, Any]:
        return mean_baseline(train.labels, validation.labels, test.labels)

    return Baseline("the mean of the training split", measure, ("mse", "mae"))
