"""Labels that are likelier wrong than right, by confident learning: out-of-fold probabilities beside given labels.

A network that has not learnt from an example says how probable each class is. An example counts as sure of a class
where that probability reaches the class's threshold: the mean probability of the class over the examples of its label.
The confident joint counts labels by the class that examples are sure of. What lies off its diagonal estimates how many
labels are wrong, and so many are listed, those with the least margin between their label and the best other class.

Source: Northcutt, Jiang, Chuang, Confident Learning, JAIR 2021; cleanlab 2.9 is the oracle of the tests, with the
normalised margin as its order and the calibrated joint as its count. Their pruning by noise rate takes a number of each
pair of classes instead: with ten classes and 54 wrong labels of digits, these round to 0 for many pairs, and it found
42 to 45 where the margin found 48 to 51. We differ where a class has no label: nothing is sure of it.

Shapes: N examples, K classes.
"""

from dataclasses import dataclass

import numpy as np

_ROUNDING = 1e-6  # by which a mean of equal probabilities may exceed them


@dataclass(frozen=True)
class DoubtfulLabels:
    """Labels to look at, the most doubtful first.

    Attributes:
        rows: int64 (n,), places of the examples among the N.
        suggested: int64 (n,), class that is likelier.
        given_probability: float64 (n,), out-of-fold probability of the label.
        suggested_probability: float64 (n,), out-of-fold probability of the other class.
        score: float64 (n,), in [0, 1]: the less, the more doubtful; (given - suggested + 1) / 2.
        num_estimated: number of wrong labels that the confident joint estimates.
        accuracy: share of all N examples whose label is the most probable class.
    """

    rows: np.ndarray
    suggested: np.ndarray
    given_probability: np.ndarray
    suggested_probability: np.ndarray
    score: np.ndarray
    num_estimated: int
    accuracy: float


def class_thresholds(labels_N: np.ndarray, probabilities_NK: np.ndarray) -> np.ndarray:
    """Mean probability of the label over the examples that carry it, float64 (K,); infinite where none does.

    >>> class_thresholds(np.array([0, 0, 1]), np.array([[0.9, 0.1, 0], [0.5, 0.5, 0], [0.2, 0.8, 0]]))
    array([0.7, 0.8, inf])
    """
    K = probabilities_NK.shape[1]
    count_K = np.bincount(labels_N, minlength=K)
    own_N = probabilities_NK[np.arange(len(labels_N)), labels_N].astype(np.float64)
    sum_K = np.bincount(labels_N, weights=own_N, minlength=K)
    return np.divide(sum_K, count_K, out=np.full(K, np.inf), where=count_K > 0)


def confident_joint(labels_N: np.ndarray, probabilities_NK: np.ndarray) -> np.ndarray:
    """Number of examples by their label and by the class that they are sure of.

    Each row is brought to the number of examples that carry the label, for not all of them are sure of a class.

    Args:
        labels_N: int64, each in [0, K).
        probabilities_NK: float, out of fold; each row sums to 1.

    Returns:
        int64 (K, K): rows are given labels, columns are classes.
    """
    K = probabilities_NK.shape[1]
    is_sure_NK = probabilities_NK >= class_thresholds(labels_N, probabilities_NK) - _ROUNDING
    sure_N = np.where(is_sure_NK, probabilities_NK, -1.0).argmax(axis=1)  # of several, the most probable
    counted = is_sure_NK.any(axis=1)
    joint_KK = np.zeros((K, K), dtype=np.int64)
    np.add.at(joint_KK, (labels_N[counted], sure_N[counted]), 1)
    np.fill_diagonal(joint_KK, joint_KK.diagonal().clip(min=1))  # in each class at least one label is right
    return _to_row_sums(joint_KK, np.bincount(labels_N, minlength=K))


def _to_row_sums(joint_KK: np.ndarray, count_K: np.ndarray) -> np.ndarray:
    """Whole numbers in the proportions of each row that sum to ``count_K``: the largest remainders are rounded up."""
    sums_K = np.maximum(joint_KK.sum(axis=1), 1)
    exact_KK = joint_KK / sums_K[:, None] * count_K[:, None]
    whole_KK = np.floor(exact_KK).astype(np.int64)
    for k, missing in enumerate((count_K - whole_KK.sum(axis=1)).tolist()):
        order = np.argsort(-(exact_KK[k] - whole_KK[k]), kind="stable")
        whole_KK[k, order[:missing]] += 1
    return whole_KK


def find_doubtful_labels(labels_N: np.ndarray, probabilities_NK: np.ndarray) -> DoubtfulLabels:
    """The labels that are likelier wrong than right, as many as the confident joint estimates.

    So a network that is often unsure does not doubt all that it gets wrong. An example whose label is the most probable
    class is not listed.

    Args:
        labels_N: int64, each in [0, K).
        probabilities_NK: float, of networks that have not learnt from the example; each row sums to 1.

    Returns:
        The list; its order is that of the normalised margin, the score.

    Raises:
        ValueError: labels and probabilities differ in number, or probabilities are not finite.
    """
    if len(labels_N) != len(probabilities_NK):
        raise ValueError(f"labels_N ({len(labels_N)}) and probabilities_NK ({len(probabilities_NK)}) must be as many")
    if not np.isfinite(probabilities_NK).all():
        raise ValueError(f"probabilities_NK must be finite, but {(~np.isfinite(probabilities_NK)).sum():,} are not")
    p_NK, each_N = probabilities_NK.astype(np.float64), np.arange(len(labels_N))
    joint_KK = confident_joint(labels_N, p_NK)
    num_estimated = int(joint_KK.sum() - joint_KK.trace())
    given_N = p_NK[each_N, labels_N]
    others_NK = p_NK.copy()
    others_NK[each_N, labels_N] = -1.0
    suggested_N, best_N = others_NK.argmax(axis=1), others_NK.max(axis=1)
    score_N = (given_N - best_N + 1) / 2
    rows = np.argsort(score_N, kind="stable")[:num_estimated]
    rows = rows[best_N[rows] > given_N[rows]]
    return DoubtfulLabels(
        rows=rows,
        suggested=suggested_N[rows],
        given_probability=given_N[rows],
        suggested_probability=best_N[rows],
        score=score_N[rows],
        num_estimated=num_estimated,
        accuracy=float((given_N > best_N).mean()) if len(given_N) else 0.0,
    )
