"""What answers are worth: a classifier's probabilities, per class and as counts; and predicted numbers.

Shapes: N examples, K classes, O numbers to predict. The predicted class is the most probable one; of
equally probable ones, the first.
"""

from collections.abc import Sequence

import numpy as np

ECE_BINS = 15  # as in the tables of Guo et al.
_MIN_PER_BIN = 20  # answers
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)  # a softmax in float32 can reach 0, whose logarithm is infinite


def _checked(probabilities_NK: np.ndarray, labels_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same values as float64 and int64, after checks that would otherwise surface as a wrong number."""
    if probabilities_NK.ndim != 2 or probabilities_NK.shape[0] < 1 or probabilities_NK.shape[1] < 2:
        raise ValueError(
            f"probabilities_NK (shape {probabilities_NK.shape}) must be (N, K) with N at least 1 and K at least 2"
        )
    N, K = probabilities_NK.shape
    if labels_N.shape != (N,):
        raise ValueError(
            f"labels_N (shape {labels_N.shape}) must have one label per row of probabilities_NK ({N} rows)"
        )
    if not np.issubdtype(labels_N.dtype, np.integer):
        raise ValueError(f"labels_N (dtype {labels_N.dtype}) must hold integers")
    lowest, highest = int(labels_N.min()), int(labels_N.max())
    if lowest < 0 or highest >= K:
        raise ValueError(f"labels_N ({lowest}..{highest}) must lie in [0, {K})")
    probabilities_NK = probabilities_NK.astype(np.float64)
    sums_N = probabilities_NK.sum(axis=1)
    # 1e-2 lets bfloat16 pass (8 bits of mantissa) and stops logits; the negated form also catches NaN.
    is_bad_N = ~((probabilities_NK.min(axis=1) >= 0) & (np.abs(sums_N - 1) <= 1e-2))
    if is_bad_N.any():
        row = int(is_bad_N.argmax())
        raise ValueError(
            f"probabilities_NK row {row} (smallest {probabilities_NK[row].min():.4g}, sum {sums_N[row]:.4g}) "
            "must be non-negative with sum 1: take the softmax of logits first"
        )
    return probabilities_NK, labels_N.astype(np.int64)


def is_among_top(probabilities_NK: np.ndarray, labels_N: np.ndarray, k: int) -> np.ndarray:
    """Whether fewer than ``k`` classes are ahead of the true one.

    Not scikit-learn's ``top_k_accuracy_score``: of equal probabilities that prefers the last class where argmax
    prefers the first, so that on a constant answer its top 5 can lie below the accuracy.

    Args:
        probabilities_NK: float, rows are non-negative and add up to 1.
        labels_N: true classes, integers in [0, K).
        k: number of classes, from 1.

    Returns:
        bool (N,).
    """
    true_N1 = np.take_along_axis(probabilities_NK, labels_N[:, None], axis=1)
    is_earlier_NK = np.arange(probabilities_NK.shape[1]) < labels_N[:, None]
    is_ahead_NK = (probabilities_NK > true_N1) | ((probabilities_NK == true_N1) & is_earlier_NK)
    is_among_N: np.ndarray = is_ahead_NK.sum(axis=1) < k
    return is_among_N


def equal_mass_bins(confidences_N: np.ndarray, bins: int = ECE_BINS) -> np.ndarray:
    """Which bin each confidence lies in, where all hold about as many: equal ones lie in one bin, which may hold more.

    A bin is to hold 20 at least, or its accuracy would say little: of fewer than 20 * bins there are fewer bins.

    Args:
        confidences_N: probability of the predicted class, float, each in [0, 1].
        bins: most bins, at least 1.

    Returns:
        Numbers of bins, int64 (N,), from 0, the least sure; each of them occurs.
    """
    N = len(confidences_N)
    bins = min(bins, max(1, N // _MIN_PER_BIN))
    first_of_bins = np.sort(confidences_N)[np.arange(bins) * N // bins]
    return np.searchsorted(np.unique(first_of_bins), confidences_N, side="right").astype(np.int64) - 1


def expected_calibration_error(confidences_N: np.ndarray, is_correct_N: np.ndarray, *, bins: int = ECE_BINS) -> float:
    """Mean distance between confidence and accuracy over bins of confidence that hold equally many answers.

    With ``B_m`` the answers of bin m::

        ECE = sum over m of |B_m| / N * |accuracy(B_m) - mean confidence(B_m)|

    Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, equation 3
    (https://arxiv.org/abs/1706.04599), but for the bins: theirs are equally wide, and where nearly all confidences lie
    above 0.9, all but one or two of them are empty or hold a few answers. Equal mass has less bias: R. Roelofs, N.
    Cain, J. Shlens, M. Mozer, "Mitigating Bias in Calibration Error Estimation", AISTATS 2022
    (https://arxiv.org/abs/2012.08668). Some is left, see ``confidence.calibration.calibration_error_interval``.

    Args:
        confidences_N: probability of the predicted class, float, each in [0, 1].
        is_correct_N: whether the prediction was right, bool.
        bins: most bins, at least 1; see ``equal_mass_bins``.

    Returns:
        The error, in [0, 1].
    """
    bin_N = equal_mass_bins(confidences_N, bins)
    # |B_m| / N * |accuracy - confidence| is |sum of (right - confidence) in the bin| / N.
    gap_per_bin = np.bincount(bin_N, weights=is_correct_N - confidences_N.astype(np.float64))
    return float(np.abs(gap_per_bin).sum() / len(confidences_N))


def classification_metrics(
    probabilities_NK: np.ndarray, labels_N: np.ndarray, *, top_k: Sequence[int] = (1, 5)
) -> dict[str, float]:
    """The numbers that one classifier is judged by.

    Classes that no label names have no recall, so ``macro_f1`` and ``balanced_accuracy`` average over the classes that
    occur in ``labels_N``; answering with an absent class still costs the true class its recall. A class that occurs
    and is never predicted has F1 0.

    Args:
        probabilities_NK: float, rows are non-negative and add up to 1.
        labels_N: true classes, integers in [0, K).
        top_k: values of k, each at least 1, for ``top<k>_accuracy``; a k that is not in 1 < k < K adds no key (k = 1 is
            ``accuracy``, k >= K is always 1).

    Returns:
        ``accuracy``, ``top<k>_accuracy``, ``macro_f1`` and ``balanced_accuracy`` (mean recall), ``loss`` (mean
        negative log-likelihood, nats, a probability below 1.2e-38 counting as 1.2e-38, that is 87.3 nats, so that it
        is always finite) and ``ece`` (see ``expected_calibration_error``). Plain floats, all finite.

    Raises:
        ValueError: shapes do not fit, a label lies outside [0, K), a row is no distribution, or a k is below 1.
    """
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    if any(k < 1 for k in top_k):
        raise ValueError(f"top_k ({list(top_k)}) must hold integers of at least 1")
    probabilities_NK, labels_N = _checked(probabilities_NK, labels_N)
    K = probabilities_NK.shape[1]
    predicted_N = probabilities_NK.argmax(axis=1)
    present = np.unique(labels_N)

    metrics = {"accuracy": float(accuracy_score(labels_N, predicted_N))}
    for k in sorted(set(top_k)):
        if 1 < k < K:
            metrics[f"top{k}_accuracy"] = float(is_among_top(probabilities_NK, labels_N, k).mean())
    metrics["macro_f1"] = float(f1_score(labels_N, predicted_N, labels=present, average="macro", zero_division=0))
    # balanced_accuracy_score is the same number, but warns when an absent class is predicted.
    metrics["balanced_accuracy"] = float(recall_score(labels_N, predicted_N, labels=present, average="macro"))
    metrics["loss"] = float(true_class_nats(probabilities_NK, labels_N).mean())
    # Rounding can lift a probability of 1 above 1 by one unit; a confidence has no place there.
    confidences_N = probabilities_NK.max(axis=1).clip(max=1)
    metrics["ece"] = expected_calibration_error(confidences_N, predicted_N == labels_N)
    return metrics


def true_class_nats(probabilities_NK: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """Negative logarithm of the true class's probability, nats, float64 (N,); at most 87.3, so that it is finite."""
    true_N = probabilities_NK[np.arange(len(labels_N)), labels_N].astype(np.float64)
    nats_N: np.ndarray = -np.log(np.clip(true_N, SMALLEST_PROBABILITY, 1))
    return nats_N


def per_class_table(
    probabilities_NK: np.ndarray, labels_N: np.ndarray, classes: Sequence[str]
) -> list[dict[str, str | float | int | None]]:
    """Precision, recall and F1 of each class, one row a class, in the order of ``classes``.

    Args:
        probabilities_NK: float, rows are non-negative and add up to 1.
        labels_N: true classes, integers in [0, K).
        classes: the K names.

    Returns:
        Rows with ``class``, ``precision``, ``recall``, ``f1`` and ``support`` (labels of this class). None stands where
        0 would be divided by 0: the precision of a class never predicted, the recall of one without labels, the F1 of
        one with neither. A class that is predicted but has no labels has F1 0 here and is no part of ``macro_f1``.

    Raises:
        ValueError: shapes do not fit, a label lies outside [0, K), or a row is no distribution.
    """
    from sklearn.metrics import precision_recall_fscore_support

    probabilities_NK, labels_N = _checked(probabilities_NK, labels_N)
    K = probabilities_NK.shape[1]
    if len(classes) != K:
        raise ValueError(f"classes ({len(classes)} names) must name each of the {K} columns of probabilities_NK")
    precision_K, recall_K, f1_K, support_K = precision_recall_fscore_support(
        labels_N, probabilities_NK.argmax(axis=1), labels=np.arange(K), zero_division=np.nan
    )

    def or_none(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    return [
        {
            "class": name,
            "precision": or_none(precision),
            "recall": or_none(recall),
            "f1": or_none(f1),
            "support": int(support),
        }
        for name, precision, recall, f1, support in zip(classes, precision_K, recall_K, f1_K, support_K, strict=True)
    ]


def confusion_counts(probabilities_NK: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """How many examples of each class were taken for each class.

    Args:
        probabilities_NK: float, rows are non-negative and add up to 1.
        labels_N: true classes, integers in [0, K).

    Returns:
        int64 (K, K): row is the true class, column the predicted one. Classes without labels are rows of zeros.

    Raises:
        ValueError: shapes do not fit, a label lies outside [0, K), or a row is no distribution.
    """
    from sklearn.metrics import confusion_matrix

    probabilities_NK, labels_N = _checked(probabilities_NK, labels_N)
    K = probabilities_NK.shape[1]
    return np.asarray(confusion_matrix(labels_N, probabilities_NK.argmax(axis=1), labels=np.arange(K)), dtype=np.int64)


def regression_metrics(answers_NO: np.ndarray, targets_NO: np.ndarray) -> dict[str, float]:
    """The numbers that predicted numbers are judged by, means over all examples and targets.

    Args:
        answers_NO: float, finite.
        targets_NO: float, the true values.

    Returns:
        ``mse``, ``rmse`` (its root), ``mae``, and ``r2``: 1 less the share of the variance that is left, per target and
        then averaged; 0 is what the mean of these targets would get. Plain floats.

    Raises:
        ValueError: shapes differ, there are no examples, or a value is not finite.
    """
    from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

    if answers_NO.shape != targets_NO.shape or answers_NO.ndim != 2 or len(answers_NO) == 0:
        raise ValueError(
            f"answers_NO (shape {answers_NO.shape}) and targets_NO (shape {targets_NO.shape}) must be the same (N, O)"
        )
    answers_NO, targets_NO = answers_NO.astype(np.float64), targets_NO.astype(np.float64)
    mse = float(mean_squared_error(targets_NO, answers_NO))  # refuses what is not finite
    metrics = {"mse": mse, "rmse": mse**0.5, "mae": float(mean_absolute_error(targets_NO, answers_NO))}
    if len(answers_NO) > 1:
        metrics["r2"] = float(r2_score(targets_NO, answers_NO))
    return metrics
