"""Intervals of the metrics of classes: one an example, or several.

Shapes: N examples, K classes, D draws, P places in the order of a class's scores.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from saccade.data.thresholds import found_classes
from saccade.evaluate.bootstrap import DRAWS, SEED, drawn_sums, mean_interval, units_of_examples, units_of_groups
from saccade.evaluate.metric_intervals.interval import MIN_UNITS, Interval, missing, too_few
from saccade.evaluate.metric_intervals.shares import (
    Dependence,
    balanced_accuracy_dependence,
    balanced_accuracy_interval,
    group_problem,
    macro_f1_interval,
    share_interval,
)
from saccade.evaluate.metrics import SMALLEST_PROBABILITY, is_among_top

MIN_POSITIVES = 5
"""Test examples that must have each class for an interval of its average precision: of 5, 91 of 100 hold it."""

_MAX_WEIGHTS = 4_000_000  # held at once: 32 MB


def classification_intervals(
    probabilities_NK: np.ndarray,
    labels_N: np.ndarray,
    counts_KK: np.ndarray,
    measured: Mapping[str, float],
    group_N: np.ndarray | None = None,
) -> dict[str, Interval]:
    """The intervals of a classifier's metrics.

    Args:
        probabilities_NK: float, rows are non-negative and add up to 1.
        labels_N: true classes, integers in [0, K).
        counts_KK: confusion counts.
        measured: metric name to value, as of ``metrics.classification_metrics``.
        group_N: group of each example, integers; None: examples are independent.

    Returns:
        Interval of each metric but ``ece``: of ``accuracy`` and ``top<k>_accuracy`` Wilson's, of ``balanced_accuracy``
        the stratified Wilson interval, of ``macro_f1`` that of resampled confusion counts, of ``loss`` the studentised
        bootstrap with classes as strata, or groups as units.
    """
    names = ["accuracy", *(name for name in measured if re.fullmatch(r"top\d+_accuracy", name))]
    if problem := group_problem(group_N):
        return dict.fromkeys([*names, "macro_f1", "balanced_accuracy", "loss"], problem)
    predicted_N = probabilities_NK.argmax(axis=1)
    right_N = predicted_N == labels_N
    found = {"accuracy": share_interval(right_N, group_N)}
    for name in names[1:]:
        k = int(name.removeprefix("top").removesuffix("_accuracy"))
        found[name] = share_interval(is_among_top(probabilities_NK, labels_N, k), group_N)
    dependent = balanced_accuracy_dependence(right_N, labels_N, group_N)
    found["macro_f1"] = macro_f1_interval(counts_KK, dependent)
    found["balanced_accuracy"] = balanced_accuracy_interval(counts_KK, dependent)
    true_N = np.take_along_axis(probabilities_NK, labels_N[:, None], axis=1)[:, 0].astype(np.float64)
    nats_N = -np.log(true_N.clip(SMALLEST_PROBABILITY, 1))
    found["loss"] = mean_of_examples(nats_N, group_N, strata_N=labels_N)
    return found


def mean_of_examples(
    values_N: np.ndarray,
    group_N: np.ndarray | None = None,
    *,
    strata_N: np.ndarray | None = None,
    transform: Callable[[float], float] = float,
) -> Interval:
    """The studentised interval of a mean, or of what grows with it.

    Args:
        values_N: value of each example, such as its loss, float.
        group_N: group of each example, integers; None: examples are independent.
        strata_N: stratum of each example, such as its class; None: all are of one. Groups have none.
        transform: increasing function from the mean to the metric, such as a square root.

    Returns:
        The interval; none of fewer than ``MIN_UNITS`` examples or groups.
    """
    values_N2 = np.stack([values_N.astype(np.float64), np.ones(len(values_N))], axis=1)
    strata_U = None
    if group_N is None:
        sums_U2, strata_U = units_of_examples(values_N2, strata_N)
    else:
        sums_U2 = units_of_groups(values_N2, group_N)
    if len(sums_U2) < MIN_UNITS:
        return group_problem(group_N) or too_few(len(values_N), "test examples")
    low, high = mean_interval(sums_U2[:, 0], sums_U2[:, 1], strata_U=strata_U)
    alike = "examples are all alike" if group_N is None else "groups are all alike"
    if not (math.isfinite(low) and math.isfinite(high)):
        return missing(f"{alike}, or one holds nearly all of it")
    return Interval.of((transform(low), transform(high)), transform(float(values_N.mean())), alike=alike)


def multilabel_intervals(
    probabilities_NK: np.ndarray,
    labels_NK: np.ndarray,
    thresholds: Sequence[float],
    measured: Mapping[str, float],
    group_N: np.ndarray | None = None,
) -> dict[str, Interval]:
    """The intervals of metrics of several classes an example.

    Args:
        probabilities_NK: float, each in [0, 1].
        labels_NK: uint8, 1 where an example has the class.
        thresholds: probability from which each class counts as found.
        measured: metric name to value, as of ``multilabel_metrics.multilabel_metrics``.
        group_N: group of each example, integers; None: examples are independent.

    Returns:
        Interval of each metric: of ``exact_match`` Wilson's, of ``hamming_loss`` and ``loss`` the studentised
        bootstrap, of the others one on the logit scale with the standard error of the bootstrap; none where a class
        that occurs has fewer than ``MIN_POSITIVES`` test examples.
    """
    problem = group_problem(group_N)
    if problem is None and len(labels_NK) < MIN_UNITS:
        problem = too_few(len(labels_NK), "test examples")
    if problem:
        return dict.fromkeys(measured, problem)
    found_NK, has_NK = found_classes(probabilities_NK, thresholds), labels_NK > 0
    p_NK = probabilities_NK.astype(np.float64).clip(1e-7, 1 - 1e-7)
    nats_N = -np.where(has_NK, np.log(p_NK), np.log1p(-p_NK)).mean(axis=1)
    intervals = {
        "exact_match": share_interval((has_NK == found_NK).all(axis=1), group_N),
        "hamming_loss": mean_of_examples((has_NK != found_NK).mean(axis=1), group_N),
        "loss": mean_of_examples(nats_N, group_N),
    }
    intervals["micro_f1"] = _logit_interval(measured["micro_f1"], _drawn_f1(found_NK, has_NK, group_N, is_macro=False))
    least = int(has_NK.sum(axis=0)[has_NK.any(axis=0)].min(initial=len(has_NK)))
    if least < MIN_POSITIVES:
        few = missing(
            f"a class has {least} examples in the test split: it takes {MIN_POSITIVES} of each that occurs to tell how "
            "a mean over classes would differ on others"
        )
        return intervals | {"mean_average_precision": few, "macro_f1": few}
    drawn_D = _drawn_f1(found_NK, has_NK, group_N, is_macro=True)
    intervals["macro_f1"] = _logit_interval(measured["macro_f1"], drawn_D)
    drawn_D = drawn_mean_average_precision(probabilities_NK, labels_NK, group_N)
    intervals["mean_average_precision"] = _logit_interval(measured["mean_average_precision"], drawn_D)
    return intervals


def _logit_interval(value: float, drawn_D: np.ndarray) -> Interval:
    """An interval of a figure in (0, 1) from its draws' standard deviation, symmetric on the logit scale.

    Source: K. Boyd, K. Eng, C. Page, "Area under the Precision-Recall Curve: Point Estimates and Confidence Intervals",
    ECML 2013, whose standard error is binomial.
    """
    error = float(drawn_D[~np.isnan(drawn_D)].std()) if not np.isnan(drawn_D).all() else 0.0
    if not 0 < value < 1 or error == 0:
        return missing(f"all draws of the test examples give {value:g}")
    half = Dependence().quantile * error / (value * (1 - value))
    middle = math.log(value / (1 - value))
    low, high = (1 / (1 + math.exp(-min(max(end, -700), 700))) for end in (middle - half, middle + half))
    return Interval(low, high)


def _drawn_f1(found_NK: np.ndarray, has_NK: np.ndarray, group_N: np.ndarray | None, *, is_macro: bool) -> np.ndarray:
    """Micro or macro F1 in each draw, float64 (D,)."""
    K = has_NK.shape[1]
    parts = [found_NK & has_NK, found_NK, has_NK]
    values_NM = np.concatenate([part if is_macro else part.sum(axis=1, keepdims=True) for part in parts], axis=1)
    values_NM = values_NM.astype(np.float64)
    sums_UM = units_of_examples(values_NM)[0] if group_N is None else units_of_groups(values_NM, group_N)
    right_DK, found_DK, has_DK = np.split(drawn_sums(sums_UM), [K, 2 * K] if is_macro else 3, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        f1_DK = np.where(found_DK + has_DK > 0, 2 * right_DK / (found_DK + has_DK), np.nan)
        f1_DK[has_DK == 0] = np.nan  # as in the metric, classes that do not occur are left out
        sums_D, counts_D = np.nansum(f1_DK, axis=1), (~np.isnan(f1_DK)).sum(axis=1)
        mean_D: np.ndarray = sums_D / counts_D
    return mean_D


def drawn_mean_average_precision(
    probabilities_NK: np.ndarray,
    labels_NK: np.ndarray,
    group_N: np.ndarray | None = None,
    *,
    seed: int = SEED,
    draws: int = DRAWS,
) -> np.ndarray:
    """Mean average precision in each draw of examples or groups.

    Precision changes at examples that have the class alone, so that only sums of what lies between them are needed.

    Args:
        probabilities_NK: float, each in [0, 1].
        labels_NK: uint8, 1 where an example has the class.
        group_N: group of each example, integers; None: examples are independent.
        seed: seed of the draws.
        draws: number of draws.

    Returns:
        The means over the classes that occur in a draw, float64 (D,).
    """
    N, K = labels_NK.shape
    unit_N = np.arange(N) if group_N is None else np.unique(group_N, return_inverse=True)[1].ravel()
    rng, units = np.random.default_rng(seed), int(unit_N.max()) + 1
    orders = [np.argsort(-probabilities_NK[:, k], kind="stable") for k in range(K)]
    parts = []
    at_once = max(1, _MAX_WEIGHTS // N)
    for first in range(0, draws, at_once):
        d = min(at_once, draws - first)
        place_dU = rng.integers(0, units, (d, units)) + np.arange(d)[:, None] * units
        weight_dN = np.bincount(place_dU.ravel(), minlength=d * units).reshape(d, units)[:, unit_N]
        sums_d, classes_d = np.zeros(d), np.zeros(d)
        for k, order_N in enumerate(orders):
            has_N = labels_NK[order_N, k] > 0
            if has_N.any():
                precision_d = _average_precisions(weight_dN[:, order_N], has_N, probabilities_NK[order_N, k])
                sums_d += np.nan_to_num(precision_d)
                classes_d += ~np.isnan(precision_d)
        with np.errstate(invalid="ignore"):
            parts.append(sums_d / classes_d)
    return np.concatenate(parts)


def _average_precisions(weight_dN: np.ndarray, has_N: np.ndarray, score_N: np.ndarray) -> np.ndarray:
    """Of one class, from the surest down; equal scores are one threshold, as in scikit-learn. NaN without positives."""
    last_of_score = np.append(np.flatnonzero(np.diff(score_N)), len(score_N) - 1)
    firsts = np.append(0, last_of_score[:-1] + 1)
    ends = last_of_score[np.logical_or.reduceat(has_N, firsts)]  # precision counts where recall rises
    firsts, upto = np.append(0, ends[:-1] + 1), ends[-1] + 1
    all_dP = np.add.reduceat(weight_dN[:, :upto], firsts, axis=1)
    right_dP = np.add.reduceat(weight_dN[:, :upto] * has_N[:upto], firsts, axis=1)
    precision_dP = right_dP.cumsum(axis=1) / np.maximum(all_dP.cumsum(axis=1), 1)
    total_d = right_dP.sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean_d: np.ndarray = np.where(total_d > 0, (precision_dP * right_dP).sum(axis=1) / total_d, np.nan)
    return mean_d
