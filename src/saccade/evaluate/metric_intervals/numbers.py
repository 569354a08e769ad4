"""Intervals of the errors of predicted numbers, of examples that do not depend on each other or of groups.

Shapes: N examples, O numbers to predict, D draws.
"""

import math

import numpy as np

from saccade.evaluate.bootstrap import bootstrap_interval, units_of_examples, units_of_groups
from saccade.evaluate.metric_intervals.classes import mean_of_examples
from saccade.evaluate.metric_intervals.interval import MIN_UNITS, Interval
from saccade.evaluate.metric_intervals.shares import group_problem


def regression_intervals(
    answers_NO: np.ndarray, targets_NO: np.ndarray, group_N: np.ndarray | None = None
) -> dict[str, Interval]:
    """The intervals of ``metrics.regression_metrics``.

    Args:
        answers_NO: float, finite.
        targets_NO: float, the true values.
        group_N: group of each example, integers; None: examples are independent.

    Returns:
        Of ``mse``, ``rmse`` and ``mae`` that of the studentised bootstrap, of ``r2`` the expanded percentiles.
    """
    errors_NO = answers_NO.astype(np.float64) - targets_NO.astype(np.float64)
    squares_N = np.square(errors_NO).mean(axis=1)
    found = {
        "mse": mean_of_examples(squares_N, group_N),
        "rmse": mean_of_examples(squares_N, group_N, transform=math.sqrt),
        "mae": mean_of_examples(np.abs(errors_NO).mean(axis=1), group_N),
    }
    return found | {"r2": _r2_interval(errors_NO, targets_NO.astype(np.float64), group_N)}


def _r2_interval(errors_NO: np.ndarray, targets_NO: np.ndarray, group_N: np.ndarray | None) -> Interval:
    N, O = targets_NO.shape  # noqa: E741
    centred_NO = targets_NO - targets_NO.mean(axis=0)  # the variance is a difference of sums, which must stay small
    values_NM = np.concatenate([errors_NO**2, centred_NO, centred_NO**2, np.ones((N, 1))], axis=1)
    sums_UM = units_of_examples(values_NM)[0] if group_N is None else units_of_groups(values_NM, group_N)
    if len(sums_UM) < MIN_UNITS:
        return mean_of_examples(errors_NO[:, 0], group_N)  # which says that examples or groups are too few

    def r2(sums_DM: np.ndarray) -> np.ndarray:
        count_D1 = sums_DM[:, -1:]
        left_DO, sum_DO, square_DO = np.split(sums_DM[:, :-1], [O, 2 * O], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            r2_DO = 1 - left_DO / (square_DO - sum_DO**2 / count_D1)
        r2_DO[~np.isfinite(r2_DO)] = np.nan
        mean_D: np.ndarray = r2_DO.mean(axis=1)
        return mean_D

    value = float(r2(values_NM.sum(axis=0, keepdims=True))[0])
    ends = bootstrap_interval(r2, sums_UM)
    return group_problem(group_N) or Interval.of(ends, value, alike="the true numbers hardly differ")
