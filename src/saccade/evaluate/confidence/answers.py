"""Answers with their confidence, from the surest on, and how wrong the surest of them are.

Shapes: N examples, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from saccade.evaluate.intervals import accuracy_interval

_MAX_POINTS = 200  # of the risk-coverage curve


@dataclass(frozen=True)
class Answers:
    """What a classifier said of the examples of a split, as far as being right and being sure go.

    Attributes:
        confidences_N: probability of the predicted class, float64, each in [0, 1].
        is_right_N: whether the prediction was right, bool.
    """

    confidences_N: np.ndarray  # noqa: N815
    is_right_N: np.ndarray  # noqa: N815

    @classmethod
    def of(cls, probabilities_NK: np.ndarray, labels_N: np.ndarray) -> "Answers":
        """Those with the largest probability; of equally probable classes, the first.

        Args:
            probabilities_NK: float, rows are non-negative and add up to 1.
            labels_N: true classes, integers in [0, K).

        Returns:
            Confidences and whether they were right.

        Raises:
            ValueError: there are no examples, or a probability is not finite.
        """
        confidences_N = probabilities_NK.max(axis=1).astype(np.float64).clip(max=1)
        if len(confidences_N) == 0 or not np.isfinite(confidences_N).all():
            raise ValueError(f"probabilities_NK (shape {probabilities_NK.shape}) must be finite, for one row at least")
        return cls(confidences_N, probabilities_NK.argmax(axis=1) == labels_N)


@dataclass(frozen=True)
class CurvePoint:
    """What is left to answer at a threshold, and how wrong that is.

    Attributes:
        threshold: confidence from which on an example is answered.
        coverage: share of the examples that are answered, in (0, 1].
        count: number of examples that are answered.
        error: share of these answers that are wrong.
        low: lower end of the 95 % interval of the error.
        high: upper end of the same.
    """

    threshold: float
    coverage: float
    count: int
    error: float
    low: float
    high: float


def risk_coverage(answers: Answers) -> list[CurvePoint]:
    """The error among the surest answers, from few of them to all: at most 200 points.

    Args:
        answers: answers of a split.

    Returns:
        A point a number of answers, those of one confidence together.
    """
    return list(_points(answers))


def _points(answers: Answers) -> Iterator[CurvePoint]:
    confidences_N, wrong_N, end_M = by_confidence(answers)
    N = len(confidences_N)
    chosen = np.unique(np.linspace(0, len(end_M) - 1, min(_MAX_POINTS, len(end_M))).round().astype(int))
    for end in end_M[chosen].tolist():
        count, wrong = end + 1, int(wrong_N[end])
        low, high = accuracy_interval(wrong, count)
        yield CurvePoint(float(confidences_N[end]), count / N, count, wrong / count, low, high)


def by_confidence(answers: Answers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers from the surest on.

    Args:
        answers: answers of a split.

    Returns:
        Their confidences, float64 (N,); how many are wrong up to each, int64 (N,); and the places at which a confidence
        occurs last, int64: a threshold cannot part those of one.
    """
    order = np.argsort(-answers.confidences_N, kind="stable")
    confidences_N = answers.confidences_N[order]
    return confidences_N, np.cumsum(~answers.is_right_N[order]), np.flatnonzero(np.diff(confidences_N, append=-1.0))
