"""What answers are worth where an example may have several classes, or none.

Shapes: N examples, K classes.
"""

from collections.abc import Sequence

import numpy as np

from saccade.data.thresholds import found_classes

_SMALLEST = 1e-7  # of a probability: a sigmoid in float32 can reach 0 and 1, whose logarithms are infinite


def _check(probabilities_NK: np.ndarray, labels_NK: np.ndarray) -> None:
    if probabilities_NK.shape != labels_NK.shape or probabilities_NK.ndim != 2 or len(labels_NK) == 0:
        raise ValueError(
            f"probabilities_NK {probabilities_NK.shape} and labels_NK {labels_NK.shape} must be the same (N, K), N at "
            "least 1"
        )
    if not ((probabilities_NK >= 0) & (probabilities_NK <= 1)).all():  # also refuses nan
        raise ValueError("probabilities_NK must lie in [0, 1]: take the sigmoid of logits first")


def average_precisions(probabilities_NK: np.ndarray, labels_NK: np.ndarray) -> list[float | None]:
    """Average precision of each class: the mean of the precision at each example that has it, the surest first.

    That of scikit-learn, without interpolation between points of the curve.

    Args:
        probabilities_NK: float, each in [0, 1].
        labels_NK: uint8, 1 where an example has the class.

    Returns:
        K values in (0, 1]; None for a class that no example has.
    """
    from sklearn.metrics import average_precision_score

    _check(probabilities_NK, labels_NK)
    pairs = zip(labels_NK.T, probabilities_NK.T, strict=True)
    return [float(average_precision_score(has_N, p_N)) if has_N.any() else None for has_N, p_N in pairs]


def mean_average_precision(probabilities_NK: np.ndarray, labels_NK: np.ndarray) -> float:
    """The mean of the average precisions of the classes that occur; 0 where none does.

    Args:
        probabilities_NK: float, each in [0, 1].
        labels_NK: uint8, 1 where an example has the class.

    Returns:
        Mean in [0, 1]. A guess gets about the mean share of the classes.
    """
    known = [value for value in average_precisions(probabilities_NK, labels_NK) if value is not None]
    return sum(known) / len(known) if known else 0.0


def multilabel_metrics(
    probabilities_NK: np.ndarray, labels_NK: np.ndarray, thresholds: Sequence[float]
) -> dict[str, float]:
    """The numbers that answers with several classes are judged by.

    Args:
        probabilities_NK: float, each in [0, 1].
        labels_NK: uint8, 1 where an example has the class.
        thresholds: probability from which each class counts as found; empty: 0.5 for each.

    Returns:
        ``mean_average_precision``; ``macro_f1``, the mean over the classes that occur; ``micro_f1``, over all answers
        together; ``exact_match``, the share of the examples of which every class is right; ``hamming_loss``, the share
        of wrong answers; and ``loss``, the mean binary cross entropy in nats.
    """
    _check(probabilities_NK, labels_NK)
    found_NK, has_NK = found_classes(probabilities_NK, thresholds), labels_NK > 0
    right_K, found_K, has_K = _counts(found_NK, has_NK)
    present_K = has_K > 0
    f1_K = 2 * right_K[present_K] / (found_K + has_K)[present_K]
    answers = int(found_K.sum() + has_K.sum())
    p_NK = probabilities_NK.astype(np.float64).clip(_SMALLEST, 1 - _SMALLEST)
    return {
        "mean_average_precision": mean_average_precision(probabilities_NK, labels_NK),
        "macro_f1": float(f1_K.mean()) if len(f1_K) else 0.0,
        "micro_f1": 2 * int(right_K.sum()) / answers if answers else 0.0,
        "exact_match": float((has_NK == found_NK).all(axis=1).mean()),
        "hamming_loss": float((has_NK != found_NK).mean()),
        "loss": float(-np.where(has_NK, np.log(p_NK), np.log1p(-p_NK)).mean()),
    }


def metrics_by_example(
    probabilities_NK: np.ndarray, labels_NK: np.ndarray, thresholds: Sequence[float]
) -> dict[str, np.ndarray]:
    """What of the metrics a single example has.

    Args:
        probabilities_NK: float, each in [0, 1].
        labels_NK: uint8, 1 where an example has the class.
        thresholds: probability from which each class counts as found; empty: 0.5 for each.

    Returns:
        ``samples_f1``, 1 where nothing is there and nothing is found; ``exact_match``, ``hamming_loss`` and ``loss``,
        whose means are those of ``multilabel_metrics``. float64 (N,) each.
    """
    _check(probabilities_NK, labels_NK)
    found_NK, has_NK = found_classes(probabilities_NK, thresholds), labels_NK > 0
    answers_N = found_NK.sum(axis=1) + has_NK.sum(axis=1)
    p_NK = probabilities_NK.astype(np.float64).clip(_SMALLEST, 1 - _SMALLEST)
    return {
        "samples_f1": np.where(answers_N > 0, 2 * (found_NK & has_NK).sum(axis=1) / np.maximum(answers_N, 1), 1.0),
        "exact_match": (has_NK == found_NK).all(axis=1).astype(np.float64),
        "hamming_loss": (has_NK != found_NK).mean(axis=1),
        "loss": -np.where(has_NK, np.log(p_NK), np.log1p(-p_NK)).mean(axis=1),
    }


def per_class_table(
    probabilities_NK: np.ndarray, labels_NK: np.ndarray, thresholds: Sequence[float], classes: Sequence[str]
) -> list[dict[str, str | float | int | None]]:
    """What is found of each class, one row a class.

    Args:
        probabilities_NK: float, each in [0, 1].
        labels_NK: uint8, 1 where an example has the class.
        thresholds: probability from which each class counts as found.
        classes: the K names.

    Returns:
        Rows with ``class``, ``threshold``, ``precision``, ``recall``, ``f1``, ``average_precision``, ``found``
        (examples said to have it) and ``support`` (examples that have it). None stands where 0 would be divided by 0.
    """
    found_NK, has_NK = found_classes(probabilities_NK, thresholds), labels_NK > 0
    precisions = average_precisions(probabilities_NK, labels_NK)
    counts = zip(*(counts_K.tolist() for counts_K in _counts(found_NK, has_NK)), strict=True)
    return [
        {
            "class": name,
            "threshold": round(thresholds[k], 6),
            "precision": right / found if found else None,
            "recall": right / has if has else None,
            "f1": 2 * right / (found + has) if found + has else None,
            "average_precision": precisions[k],
            "found": found,
            "support": has,
        }
        for k, (name, (right, found, has)) in enumerate(zip(classes, counts, strict=True))
    ]


def _counts(found_NK: np.ndarray, has_NK: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each class: how many are found rightly, how many are found, and how many have it; int64 (K,)."""
    return (found_NK & has_NK).sum(axis=0), found_NK.sum(axis=0), has_NK.sum(axis=0)
