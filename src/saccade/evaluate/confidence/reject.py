"""From which confidence on a classifier answers, so that what it says is seldom wrong; below it, it is unsure.

Shapes: N examples.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.core.messages import pluralise
from saccade.evaluate.confidence.answers import Answers, by_confidence
from saccade.evaluate.intervals import CONFIDENCE, accuracy_interval


@dataclass(frozen=True)
class Rejection:
    """A threshold, and what it promises.

    Attributes:
        threshold: confidence from which on an example is answered; None: none keeps the promise.
        max_error: share of the answers that may be wrong, in (0, 1).
        confidence: share of validation splits for which the promise holds, in (0, 1).
        reason: why there is no threshold; empty where there is one.
    """

    threshold: float | None
    max_error: float
    confidence: float = CONFIDENCE
    reason: str = ""


def choose_threshold(answers: Answers, *, max_error: float, confidence: float = CONFIDENCE) -> Rejection:
    """The lowest threshold down to which answers are wrong in no more than ``max_error`` of cases.

    Many thresholds are tried, and each could pass by luck. So they are tried in a fixed order, from the surest answers
    down, and the first one that fails ends it: with probability ``confidence`` none below the true bound passes, as in
    a single test (fixed-sequence testing). A threshold passes where the upper bound of Clopper and Pearson, one-sided,
    of the error among the answers above it is at most ``max_error``. The order begins with as many answers as let one
    of them be wrong, or none where there are not that many: how many that are depends on no label.

    Source: Clopper, Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934;
    Angelopoulos, Bates, Candes, Jordan, Lei, "Learn then Test", 2021, section 2.3 (https://arxiv.org/abs/2110.01052).

    Args:
        answers: answers on the validation split, with calibrated confidences.
        max_error: share of the answers that may be wrong, in (0, 1).
        confidence: probability, over validation splits, that the error is indeed no higher, in (0, 1).

    Returns:
        The threshold, or the reason why there is none.

    Raises:
        ValueError: a share lies outside (0, 1).
    """
    for name, share in (("max_error", max_error), ("confidence", confidence)):
        if not 0 < share < 1:
            raise ValueError(f"{name} ({share:g}) must lie between 0 and 1, both excluded")
    N = len(answers.confidences_N)
    promise = f"an error of at most {max_error:g} with confidence {confidence:g}"
    first = next((n for n in (_fewest(wrong, max_error, confidence) for wrong in (1, 0)) if n <= N), None)
    if first is None:
        fewest = _fewest(0, max_error, confidence)
        return Rejection(
            None,
            max_error,
            confidence,
            f"{promise} takes {pluralise(fewest, 'validation example')} without a mistake, and there are {N:,}",
        )
    confidences_N, wrong_N, end_M = by_confidence(answers)
    end_M = end_M[end_M + 1 >= first]
    passes_M = _passes(wrong_N[end_M], end_M + 1, max_error, confidence)
    passed = len(end_M) if passes_M.all() else int(passes_M.argmin())
    if not passed:
        count, wrong = int(end_M[0]) + 1, int(wrong_N[end_M[0]])
        return Rejection(
            None,
            max_error,
            confidence,
            f"{wrong} of the {count:,} surest of {N:,} validation examples are answered wrong, too many for {promise}",
        )
    end = int(end_M[passed - 1])
    # Between the last one that is answered and the first that is not; at 0 where all are.
    threshold = 0.0 if end + 1 == N else float((confidences_N[end] + confidences_N[end + 1]) / 2)
    return Rejection(threshold, max_error, confidence)


def _passes(wrong_M: np.ndarray, count_M: np.ndarray, max_error: float, confidence: float) -> np.ndarray:
    """Whether the one-sided upper bounds of Clopper and Pearson lie at ``max_error`` or below.

    They do where so few mistakes have a probability of at most 1 - confidence if the error is ``max_error``.
    """
    from scipy.special import bdtr

    passes: np.ndarray = bdtr(wrong_M.astype(np.float64), count_M, max_error) <= 1 - confidence
    return passes


def _fewest(wrong: int, max_error: float, confidence: float) -> int:
    """The fewest answers of which ``wrong`` may be wrong, 0 or 1."""
    fewest = int(np.ceil(np.log(1 - confidence) / np.log1p(-max_error)))
    while wrong and not _passes(np.array([wrong]), np.array([fewest]), max_error, confidence)[0]:
        fewest += max(1, fewest // 1000)  # exact to a thousandth, for which a search by ones would take long
    return fewest


def is_answered(confidence: float, threshold: float) -> bool:
    """Whether an example is answered, and not refused: not where the confidence is no number."""
    return bool(confidence >= threshold)


def reject_metrics(rejection: Rejection, answers: Answers) -> dict[str, Any]:
    """What a threshold is worth on other examples.

    Args:
        rejection: the threshold.
        answers: answers on the test split, with calibrated confidences.

    Returns:
        ``reject_threshold``, ``reject_coverage`` (the share of the examples that is answered) and ``reject_error`` (the
        share of these answers that is wrong), the latter two with ``_low`` and ``_high``, the ends of their 95 %
        intervals. None where there is no threshold, or nothing is answered, beside ``_reason``.
    """
    empty = dict.fromkeys(_names("reject_coverage", "reject_error"))
    if rejection.threshold is None:
        return {"reject_threshold": None, "reject_threshold_reason": rejection.reason, **empty}
    is_answered_N = answers.confidences_N >= rejection.threshold
    N, answered = len(is_answered_N), int(is_answered_N.sum())
    coverage = (answered / N, *accuracy_interval(answered, N))
    found: dict[str, Any] = {"reject_threshold": rejection.threshold, **empty}
    found |= dict(zip(_names("reject_coverage"), coverage, strict=True))
    if not answered:
        return found | {"reject_error_reason": f"none of the {N:,} test examples is answered"}
    wrong = int((is_answered_N & ~answers.is_right_N).sum())
    error = (wrong / answered, *accuracy_interval(wrong, answered))
    return found | dict(zip(_names("reject_error"), error, strict=True))


def _names(*metrics: str) -> list[str]:
    return [f"{metric}{end}" for metric in metrics for end in ("", "_low", "_high")]
