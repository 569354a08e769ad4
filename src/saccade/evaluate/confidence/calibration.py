"""Whether a classifier is right as often as it says.

Shapes: N examples, K classes, M bins, D draws.
"""

from dataclasses import dataclass

import numpy as np

from saccade.evaluate.confidence.answers import Answers
from saccade.evaluate.intervals import accuracy_interval
from saccade.evaluate.metrics import ECE_BINS, equal_mass_bins, expected_calibration_error, true_class_nats

_DRAWS = 2000  # of a bootstrap


@dataclass(frozen=True)
class Bin:
    """Answers of similar confidence.

    Attributes:
        count: number of answers, from 1.
        least: smallest confidence among them.
        most: largest confidence among them.
        confidence: mean confidence.
        accuracy: share of them that are right.
        low: lower end of the 95 % interval of the accuracy.
        high: upper end of the same.
    """

    count: int
    least: float
    most: float
    confidence: float
    accuracy: float
    low: float
    high: float


def reliability(answers: Answers, *, bins: int = ECE_BINS) -> list[Bin]:
    """How often answers of similar confidence are right, from the least sure on.

    Args:
        answers: answers of a split.
        bins: most bins, at least 1; see ``equal_mass_bins``.

    Returns:
        The bins.
    """
    bin_N = equal_mass_bins(answers.confidences_N, bins)
    found = []
    for number in range(int(bin_N.max()) + 1):
        confidences, right = (values[bin_N == number] for values in (answers.confidences_N, answers.is_right_N))
        low, high = accuracy_interval(int(right.sum()), len(right))
        found.append(
            Bin(
                len(right),
                float(confidences.min()),
                float(confidences.max()),
                float(confidences.mean()),
                float(right.mean()),
                low,
                high,
            )
        )
    return found


def calibration_error_interval(answers: Answers, *, bins: int = ECE_BINS, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the expected calibration error.

    The error that is measured is too high: even where every answer is right as often as it says, the accuracy of a bin
    of n answers lies off by sqrt(p (1 - p) / n) or so, and distances do not cancel out. So the lower end is 0 where a
    calibrated network would be measured with as large an error in one of 20 cases, and else that error less twice the
    bias, the bootstrap's basic interval; the upper end is the bootstrap's 97.5 % quantile, bias and all, which is
    careful. In simulations with accuracies of 0.66 to 0.97, temperatures of 1 to 3 and 100 to 5,000 examples it held
    the true error in 90 to 99 % of cases.

    Resampled are the distances of the bins, normal with the variance of their answers, or that which their confidences
    have where it is larger: a bin without a mistake is not known for certain.

    Args:
        answers: answers of a split.
        bins: most bins, at least 1; see ``equal_mass_bins``.
        seed: seed of the draws.

    Returns:
        Lower and upper end, in [0, 1].
    """
    confidences_N, right_N = answers.confidences_N, answers.is_right_N.astype(np.float64)
    bin_N = equal_mass_bins(confidences_N, bins)
    count_M = np.bincount(bin_N)
    off_M, square_M, expected_M = (
        np.bincount(bin_N, weights=values_N) / count_M
        for values_N in (
            right_N - confidences_N,
            np.square(right_N - confidences_N),
            confidences_N * (1 - confidences_N),
        )
    )
    weight_M = count_M / len(confidences_N)
    noise_DM = np.random.default_rng(seed).standard_normal((_DRAWS, len(count_M)))
    std_M = np.sqrt(np.maximum(square_M - np.square(off_M), expected_M) / count_M)
    drawn_D = (weight_M * np.abs(off_M + std_M * noise_DM)).sum(axis=1)
    of_calibrated_D = (weight_M * np.abs(np.sqrt(expected_M / count_M) * noise_DM)).sum(axis=1)
    error, high = float((weight_M * np.abs(off_M)).sum()), float(np.quantile(drawn_D, 0.975))
    is_real = error > np.quantile(of_calibrated_D, 0.95)
    return max(0.0, 2 * error - high) if is_real else 0.0, min(1.0, max(error, high))


def calibration_metrics(
    network_NK: np.ndarray, calibrated_NK: np.ndarray, labels_N: np.ndarray, *, temperature: float
) -> dict[str, float]:
    """How sure a network is beside how right it is, before and after its temperature.

    Args:
        network_NK: probabilities as the network was trained, float.
        calibrated_NK: probabilities with its temperature, float.
        labels_N: true classes, integers in [0, K).
        temperature: number that the logits are divided by for the latter.

    Returns:
        ``ece_low`` and ``ece_high``, the ends of the 95 % interval of ``ece``; ``brier``, the mean over the examples of
        the sum over the classes of (probability - 1 or 0)^2, in [0, 2]; ``temperature``; and with it applied
        ``ece_calibrated``, ``nll_calibrated`` (what ``loss`` is without it, nats) and ``brier_calibrated``.
    """
    low, high = calibration_error_interval(Answers.of(network_NK, labels_N))
    after = Answers.of(calibrated_NK, labels_N)
    return {
        "ece_low": low,
        "ece_high": high,
        "brier": brier_score(network_NK, labels_N),
        "temperature": temperature,
        "ece_calibrated": expected_calibration_error(after.confidences_N, after.is_right_N),
        "nll_calibrated": float(true_class_nats(calibrated_NK, labels_N).mean()),
        "brier_calibrated": brier_score(calibrated_NK, labels_N),
    }


def brier_score(probabilities_NK: np.ndarray, labels_N: np.ndarray) -> float:
    """Mean over the examples of the squared distance between the probabilities and the truth, in [0, 2].

    ``sum over k of (p_k - [k is the true class])^2``, which is ``sum of p_k^2 - 2 p_true + 1``.

    Source: G. W. Brier, Verification of forecasts expressed in terms of probability, 1950; his form, summed over the
    classes. scikit-learn's ``brier_score_loss`` of two classes is half of it.

    Args:
        probabilities_NK: float, rows are non-negative and add up to 1.
        labels_N: true classes, integers in [0, K).

    Returns:
        The mean.
    """
    true_N = probabilities_NK[np.arange(len(labels_N)), labels_N].astype(np.float64)
    squares_N = np.einsum("nk,nk->n", probabilities_NK, probabilities_NK, dtype=np.float64)
    return float((squares_N - 2 * true_N + 1).mean())
