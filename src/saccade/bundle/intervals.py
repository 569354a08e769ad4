"""The interval around a forecast in which the truth is expected: measured by how far off forecasts were.

Shapes: N windows, O numbers to predict.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

SHARE = 0.8  # of the truths that the interval is to hold
_MIN_WINDOWS = 40  # of which either half is to say whether a width fits the other one
_FLOOR = 0.05  # of the mean of what came: a forecast of 0 has a width too

Width = Literal["constant", "root"]


@dataclass(frozen=True)
class PredictionInterval:
    """How far the truth lay from what was forecast, on windows that nothing was learnt from.

    Attributes:
        share: share of the truths that the interval is to hold, in (0, 1).
        low: number to add to each forecast for the lower bound, one a number to predict, in its own unit.
        high: number to add to each forecast for the upper bound, in the same order and units.
        windows: number of windows that it was measured on.
        width: constant, or root: ``low`` and ``high`` are first multiplied by ``sqrt(max(forecast, 0) + floor)``, for
            what is counted varies more the more there is of it.
        floor: number above 0 in the unit of each number to predict; empty where the width is constant.
    """

    share: float
    low: list[float]
    high: list[float]
    windows: int
    width: Width = "constant"
    floor: list[float] = field(default_factory=list)

    def bounds(self, answers_NO: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper bound of each forecast, float64 (N, O)."""
        if self.width == "constant":
            return answers_NO + np.array(self.low), answers_NO + np.array(self.high)
        scale_NO = _roots(answers_NO, np.array(self.floor))
        return answers_NO + scale_NO * np.array(self.low), answers_NO + scale_NO * np.array(self.high)


def prediction_interval(answers_NO: np.ndarray, targets_NO: np.ndarray) -> PredictionInterval:
    """Quantiles of what the forecasts were off, number by number: the steps ahead differ in how far one can see.

    Of n windows the bounds are the k-th smallest and the k-th largest deviation, k = floor((n + 1) (1 - share) / 2): so
    an interval holds the truth of a further window with probability ``share`` at least, if windows are alike (split
    conformal prediction). Of fewer than 9 windows they are the least and the largest, which hold less: (n - 1) /
    (n + 1), and ``share`` says so.

    The width follows the root of the forecast where validation supports it: where nothing that came is negative, and
    where intervals that are measured on either half of the windows, in their order, have a lower mean interval score on
    the other half than those of constant width, in both.

    Source: V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", 2005; J. Lei et al.,
    "Distribution-Free Predictive Inference for Regression", 2018, sections 2.2 and 5.2 (https://arxiv.org/abs/1604.04173).

    Args:
        answers_NO: forecasts for the validation split, float.
        targets_NO: true numbers, float.

    Returns:
        The interval that is to hold 80 %.

    Raises:
        ValueError: shapes differ, or there are no windows.
    """
    if answers_NO.shape != targets_NO.shape or answers_NO.ndim != 2 or len(answers_NO) == 0:
        raise ValueError(f"answers_NO {answers_NO.shape} and targets_NO {targets_NO.shape} must be the same (N, O)")
    answers_NO, targets_NO = answers_NO.astype(np.float64), targets_NO.astype(np.float64)
    width: Width = "root" if _varies_with_level(answers_NO, targets_NO) else "constant"
    return _measured(answers_NO, targets_NO, width)


def _measured(answers_NO: np.ndarray, targets_NO: np.ndarray, width: Width) -> PredictionInterval:
    N = len(answers_NO)
    floor_O = _FLOOR * targets_NO.mean(axis=0) if width == "root" else np.zeros(0)
    off_NO = targets_NO - answers_NO
    if width == "root":
        off_NO = off_NO / _roots(answers_NO, floor_O)
    off_NO = np.sort(off_NO, axis=0)
    k = int((N + 1) * (1 - SHARE) / 2 + 1e-9)  # 0.1 is not a binary number: of 9 windows, k is 1
    share = SHARE if k else (N - 1) / (N + 1)
    low_O, high_O = off_NO[max(k, 1) - 1], off_NO[N - max(k, 1)]
    return PredictionInterval(share, low_O.tolist(), high_O.tolist(), N, width, floor_O.tolist())


def _roots(answers_NO: np.ndarray, floor_O: np.ndarray) -> np.ndarray:
    roots: np.ndarray = np.sqrt(np.maximum(answers_NO.astype(np.float64), 0) + floor_O)
    return roots


def _varies_with_level(answers_NO: np.ndarray, targets_NO: np.ndarray) -> bool:
    """Whether intervals whose width follows the root of the forecast do better on both halves of these windows."""
    N, half = len(answers_NO), len(answers_NO) // 2
    if N < _MIN_WINDOWS or targets_NO.min() < 0 or (targets_NO.mean(axis=0) <= 0).any():
        return False
    halves = (slice(0, half), slice(half, N))
    for here, there in (halves, halves[::-1]):
        if (targets_NO[here].mean(axis=0) <= 0).any():
            return False
        constant_O, root_O = (
            _interval_score(_measured(answers_NO[here], targets_NO[here], width), answers_NO[there], targets_NO[there])
            for width in ("constant", "root")
        )
        if not (root_O / np.maximum(constant_O, np.finfo(np.float64).tiny)).mean() < 1:
            return False
    return True


def _interval_score(interval: PredictionInterval, answers_NO: np.ndarray, targets_NO: np.ndarray) -> np.ndarray:
    """Winkler's score, float64 (O,): the width, and 2 / (1 - share) times how far outside the truth lies."""
    low_NO, high_NO = interval.bounds(answers_NO)
    outside_NO = np.maximum(low_NO - targets_NO, 0) + np.maximum(targets_NO - high_NO, 0)
    score_O: np.ndarray = (high_NO - low_NO + 2 / (1 - SHARE) * outside_NO).mean(axis=0)
    return score_O


def interval_coverage(low_NO: np.ndarray, high_NO: np.ndarray, targets_NO: np.ndarray) -> float:
    """The share of the truths that lie within an interval, bounds included."""
    return float(((low_NO <= targets_NO) & (targets_NO <= high_NO)).mean())
