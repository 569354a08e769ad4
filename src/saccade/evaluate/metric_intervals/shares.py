"""Intervals of shares: of right answers, over classes alike, and of independent examples or those of groups.

Shapes: N examples, K classes, G groups, D draws.
"""

import math
from dataclasses import dataclass

import numpy as np

from saccade.evaluate.bootstrap import DRAWS, SEED, expanded_percentiles, units_of_groups
from saccade.evaluate.intervals import CONFIDENCE
from saccade.evaluate.metric_intervals.interval import MIN_UNITS, Interval, missing, too_few

MIN_CLASS = 5
"""Test examples that each class needs for an interval of a mean over classes. Of three classes with 3, 50 and 50, 79 of
100 intervals of the balanced accuracy hold the true value, of three with 5, 50 and 50, 96."""

_MAX_SMALL = 0.1  # of the classes; so few that are smaller move the mean by little


@dataclass(frozen=True)
class Dependence:
    """How much examples of one group are alike.

    Attributes:
        effect: design effect: how many examples tell as much as one that depends on no other, from 1.
        freedom: degrees of freedom of the spread between groups; None: examples are independent.
    """

    effect: float = 1.0
    freedom: int | None = None

    @property
    def quantile(self) -> float:
        """How many standard errors lie on each side: of the normal distribution, or of Student's."""
        from scipy.special import ndtri, stdtrit

        upper = 1 - (1 - CONFIDENCE) / 2
        return float(ndtri(upper) if self.freedom is None else stdtrit(self.freedom, upper))


def dependence(residual_N: np.ndarray, variance: float, group_N: np.ndarray | None) -> Dependence:
    """The design effect of groups: the variance of a share over them, by that over independent examples.

        effect = (G / (G - 1) * sum over groups of (sum of residuals)^2) / variance

    Where residuals are all 0, such as where all is right, examples of one group count as one.

    Source: L. Kish, "Survey Sampling", 1965; with Wilson's interval, C. Franco, R. Little, T. Louis, E. Slud,
    "Comparative Study of Confidence Intervals for Proportions in Complex Sample Surveys", 2019.

    Args:
        residual_N: part of each example in the share, less its mean, divided so that the sum's variance is the share's.
        variance: variance of the share were examples independent.
        group_N: group of each example, integers; None: examples are independent.

    Returns:
        The effect, not below 1: that groups are less alike than chance would have them is chance.
    """
    if group_N is None:
        return Dependence()
    sums_G1 = units_of_groups(residual_N[:, None], group_N)
    sizes_G = units_of_groups(np.ones((len(group_N), 1)), group_N)
    G = len(sums_G1)
    effect = float(np.square(sizes_G).sum() / len(group_N))
    if variance > 0:
        effect = float(np.square(sums_G1).sum()) * G / (G - 1) / variance
    return Dependence(max(1.0, effect), G - 1)


def share_interval(right_N: np.ndarray, group_N: np.ndarray | None = None) -> Interval:
    """Wilson's interval of the share of right answers; of groups, for the effective number of examples.

    An interval between quantiles of a cluster bootstrap is too narrow near 1: where 98 of 100 answers are right and 20
    groups fairly alike, 71 of 100 hold the true value, and 98 of these; benchmarks/interval_coverage.py measures it.

    Args:
        right_N: whether each answer is right, bool.
        group_N: group of each example, integers; None: examples are independent.

    Returns:
        The interval; none of fewer than ``MIN_UNITS`` groups.
    """
    if group_N is not None and (groups := len(np.unique(group_N))) < MIN_UNITS:
        return _too_few_groups(groups)
    found = share_dependence(right_N, group_N)
    ends = wilson(float(right_N.mean()), len(right_N) / found.effect, found.quantile)
    return Interval.of(ends, float(right_N.mean()), alike="")


def share_dependence(right_N: np.ndarray, group_N: np.ndarray | None) -> Dependence:
    """How much the right answers of one group are alike.

    Args:
        right_N: whether each answer is right, bool.
        group_N: group of each example, integers, of at least two groups; None: examples are independent.

    Returns:
        The design effect.
    """
    N, share = len(right_N), float(right_N.mean())
    return dependence((right_N - share) / N, share * (1 - share) / N, group_N)


def wilson(share: float, count: float, quantile: float) -> tuple[float, float]:
    """Wilson's interval of a share of so many examples, which need be no whole number.

    Args:
        share: share of right answers, in [0, 1].
        count: number of examples, above 0.
        quantile: standard errors on each side.

    Returns:
        Lower and upper end, in [0, 1].
    """
    square = quantile**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = quantile / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def balanced_accuracy_interval(counts_KK: np.ndarray, dependent: Dependence | None = None) -> Interval:
    """The stratified Wilson interval of the mean recall: of classes all right, it is no point either.

    The ends are the means of those of the classes, at a quantile that gives the mean the confidence asked for::

        z' = z * sqrt(sum of s_k^2) / sum of s_k

    with s_k the standard error of class k. In it, chance has a part of each class, as in Wilson's own: z^2 examples in
    all, right as often as all are. Of two classes with 5 and 200 examples, of which 80 and 95 % are right, 94 of 100
    hold the true value, and 67 of those of a stratified bootstrap; benchmarks/interval_coverage.py measures it.

    Source: X. Yan, X. Su, "Stratified Wilson and Newcombe Confidence Intervals for Multiple Binomial Proportions",
    Statistics in Biopharmaceutical Research, 2010. We differ in the part of chance: there, a class that is all right
    has no standard error.

    Args:
        counts_KK: confusion counts, rows are true classes; those without examples are left out.
        dependent: design effect of groups; None: examples are independent.

    Returns:
        The interval; none where more than a tenth of the classes have fewer than ``MIN_CLASS`` examples.
    """
    if problem := _small_classes(counts_KK):
        return problem
    dependent = dependent or Dependence()
    right_K, count_K = _right_and_count(counts_KK)
    count_K = count_K / dependent.effect
    share_K = right_K / (count_K * dependent.effect)
    z = dependent.quantile
    error_K = _errors(share_K, count_K, z)
    per_class = z * float(np.sqrt(np.square(error_K).sum()) / error_K.sum())
    pairs = zip(share_K.tolist(), count_K.tolist(), strict=True)
    ends_K2 = np.array([wilson(share, count, per_class) for share, count in pairs])
    low, high = ends_K2.mean(axis=0).tolist()
    return Interval.of((low, high), float(share_K.mean()), alike="")


def balanced_accuracy_dependence(right_N: np.ndarray, labels_N: np.ndarray, group_N: np.ndarray | None) -> Dependence:
    """How much groups change the spread of the mean recall.

    Args:
        right_N: whether each answer is right, bool.
        labels_N: true classes, integers.
        group_N: group of each example, integers, of at least two groups; None: examples are independent.

    Returns:
        The design effect.
    """
    if group_N is None:
        return Dependence()
    _, class_N, count_K = np.unique(labels_N, return_inverse=True, return_counts=True)
    share_K = np.bincount(class_N, weights=right_N) / count_K
    K = len(count_K)
    residual_N = (right_N - share_K[class_N]) / (K * count_K[class_N])
    return dependence(residual_N, float((share_K * (1 - share_K) / count_K).sum() / K**2), group_N)


def _errors(share_K: np.ndarray, count_K: np.ndarray, z: float) -> np.ndarray:
    """Standard error of each class, chance having ``z**2`` examples in all, right as often as all are."""
    total = count_K.sum()
    pooled = ((share_K * count_K).sum() + z**2 / 2) / (total + z**2)
    part_K = z**2 * count_K / total
    smooth_K = (share_K * count_K + part_K * pooled) / (count_K + part_K)
    errors_K: np.ndarray = np.sqrt(smooth_K * (1 - smooth_K) / count_K)
    return errors_K


def _right_and_count(counts_KK: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count_K = counts_KK.sum(axis=1)
    return np.diagonal(counts_KK)[count_K > 0].astype(np.float64), count_K[count_K > 0].astype(np.float64)


def macro_f1_interval(
    counts_KK: np.ndarray, dependent: Dependence | None = None, *, seed: int = SEED, draws: int = DRAWS
) -> Interval:
    """The interval of macro F1 by a bootstrap of the confusion counts, class by class, instead of the examples.

    Each true class's answers are drawn from its row of the counts, to which z^2 examples are added in all, half of them
    wrong: what Wilson's interval adds to a share. Without them, of classes all right the interval would be a point.

    Source: the stratified bootstrap as in ``bootstrap_interval``; what is added, A. Agresti, B. Coull, "Approximate is
    Better than 'Exact' for Interval Estimation of Binomial Proportions", 1998.

    Args:
        counts_KK: confusion counts, rows are true classes; those without examples are left out of the mean.
        dependent: design effect of groups; None: examples are independent.
        seed: seed of the draws.
        draws: number of draws.

    Returns:
        The interval; none where more than a tenth of the classes have fewer than ``MIN_CLASS`` examples.
    """
    if problem := _small_classes(counts_KK):
        return problem
    dependent = dependent or Dependence()
    count_K = counts_KK.sum(axis=1)
    present = np.flatnonzero(count_K)
    values_D = _drawn_macro_f1(counts_KK, present, dependent, seed, draws)
    total = int(count_K.sum())
    units, strata = (total, len(present)) if dependent.freedom is None else (dependent.freedom + 1, 1)
    value = _macro_f1(np.diagonal(counts_KK)[None], counts_KK.sum(axis=0)[None], count_K, present)[0]
    return Interval.of(expanded_percentiles(values_D, units, strata), float(value), alike="all draws are alike")


def _small_classes(counts_KK: np.ndarray) -> Interval | None:
    """The missing interval of a mean over classes where too many of them have too few examples; None where not."""
    count_K = counts_KK.sum(axis=1)
    present, small = int((count_K > 0).sum()), int(((count_K > 0) & (count_K < MIN_CLASS)).sum())
    if small <= _MAX_SMALL * present:
        return None
    return missing(
        f"{small} of {present} classes have fewer than {MIN_CLASS} test examples, and a mean over classes counts so "
        "few as much as all others"
    )


def _macro_f1(right_DK: np.ndarray, found_DK: np.ndarray, count_K: np.ndarray, present: np.ndarray) -> np.ndarray:
    f1_DK = 2 * right_DK[:, present] / (found_DK[:, present] + count_K[present])
    mean_D: np.ndarray = f1_DK.mean(axis=1)
    return mean_D


def _drawn_macro_f1(
    counts_KK: np.ndarray, present: np.ndarray, dependent: Dependence, seed: int, draws: int
) -> np.ndarray:
    """Macro F1 in each draw, float64 (D,)."""
    rng = np.random.default_rng(seed)
    K, total, added = len(counts_KK), int(counts_KK.sum()), dependent.quantile**2 * dependent.effect
    right_DK, found_DK, drawn_K = np.zeros((draws, K)), np.zeros((draws, K)), np.zeros(K)
    for k in present.tolist():
        row_K = counts_KK[k]
        count, answered = int(row_K.sum()), np.flatnonzero(row_K)
        part = added * count / total
        # One more cell for the wrong half of what is added, which is shared out over all other classes
        chances = np.append(row_K[answered].astype(np.float64), part / 2)
        right_at = np.flatnonzero(answered == k)
        if len(right_at):
            chances[right_at[0]] += part / 2
        else:
            answered, chances = np.append(answered, k), np.insert(chances, -1, part / 2)
        drawn_K[k] = max(1, round(count / dependent.effect))
        drawn_DA = rng.multinomial(int(drawn_K[k]), chances / chances.sum(), size=draws)
        found_DK[:, answered] += drawn_DA[:, :-1]
        right_DK[:, k] = drawn_DA[:, np.flatnonzero(answered == k)[0]]
        draw_of_other = np.repeat(np.arange(draws), drawn_DA[:, -1])
        other = (k + 1 + rng.integers(0, max(K - 1, 1), len(draw_of_other))) % K
        np.add.at(found_DK, (draw_of_other, other), 1)
    return _macro_f1(right_DK, found_DK, drawn_K, present)


def _too_few_groups(groups: int) -> Interval:
    if groups == 1:
        return missing("all test examples are of one group, and nothing tells how others differ")
    return too_few(groups, "groups of examples")


def group_problem(group_N: np.ndarray | None) -> Interval | None:
    """The missing interval where groups are too few; None where they are not, or there are none."""
    groups = MIN_UNITS if group_N is None else len(np.unique(group_N))
    return _too_few_groups(groups) if groups < MIN_UNITS else None
