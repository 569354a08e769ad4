"""Whether two runs differ by more than chance, told from what each got on the same test examples.

Pairs find what single intervals cannot: two runs that fail on the same hard examples differ by less than either is
uncertain.

Shapes: N examples, U units that are drawn whole, M sums, D draws.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from saccade.evaluate.bootstrap import (
    bootstrap_interval,
    ratio_of_sums,
    units_of_blocks,
    units_of_examples,
    units_of_groups,
)
from saccade.evaluate.intervals import CONFIDENCE
from saccade.evaluate.outcomes import Outcomes
from saccade.evaluate.shortfall import ERRORS

SIGNIFICANCE = 0.05  # p below which a difference is called real
FEW_DISCORDANT = 25  # below, McNemar's test counts exactly; from here on chi-square is near enough
NO_DIFFERENCE = "no real difference"

_OVER_CLASSES = "balanced_accuracy"  # how the names of metrics end that are means over classes
_ROOTS = {"rmse": "mse", "perplexity": "loss", "bits_per_character": "loss"}  # rise and fall with a mean over examples
_LEAST_TAIL = 10  # draws beyond 0; from fewer of them a share says little, and a normal tail stands in


@dataclass(frozen=True)
class PairedTest:
    """Two runs on the same test examples.

    Attributes:
        metric: name of the metric that is compared, a mean over examples or classes.
        examples: number of examples that both answered.
        first: the first run's value on these.
        second: the second run's.
        difference: second less first.
        low: lower end of the 95 % interval of the difference; None where it cannot be told.
        high: upper end likewise.
        p: probability of a difference at least as large between runs that are equally good; None likewise.
        method: the test, in words.
        discordant: of right and wrong answers: examples that only the first, and that only the second got right.
        adjusted: ``p`` after Holm's correction, where several tests are read together; else as ``p``.
    """

    metric: str
    examples: int
    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    p: float | None
    method: str
    discordant: tuple[int, int] | None = None
    adjusted: float | None = None

    @property
    def verdict(self) -> str:
        """The second run beside the first: "better", "worse" or "no real difference"."""
        p = self.p if self.adjusted is None else self.adjusted
        if p is None or p >= SIGNIFICANCE or self.difference == 0:
            return NO_DIFFERENCE
        return "better" if (self.difference > 0) != is_error(self.metric) else "worse"


def is_error(metric: str) -> bool:
    """Whether less of it is better, such as of ``mae`` or of a baseline's."""
    return metric in ERRORS or metric.endswith(tuple(f"_{name}" for name in ERRORS))


def mcnemar(only_first: int, only_second: int) -> float:
    """McNemar's test: whether those examples on which two classifiers disagree fall to one side by chance.

    Exact, from the binomial distribution, where they are fewer than ``FEW_DISCORDANT``; else chi-square with one degree
    of freedom and Edwards' correction for continuity.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions", 1947.

    Args:
        only_first: examples that only the first got right, from 0.
        only_second: examples that only the second got right, from 0.

    Returns:
        The two-sided p value.

    >>> mcnemar(1, 8)
    0.0390625
    """
    from scipy.stats import binomtest, chi2

    discordant = only_first + only_second
    if discordant == 0:
        return 1.0
    if discordant < FEW_DISCORDANT:
        return float(binomtest(only_first, discordant, 0.5).pvalue)
    return float(chi2.sf((abs(only_first - only_second) - 1) ** 2 / discordant, df=1))


def difference_interval(
    only_first: int, only_second: int, count: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The interval of the difference of two shares on the same examples, second less first.

    Wald's, after one example was added to each side; it is no point where nobody disagrees.

    Source: D. Bonett, R. Price, "Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data", Journal of Educational and Behavioral Statistics, 2012.

    Args:
        only_first: examples that only the first got right, from 0.
        only_second: examples that only the second got right, from 0.
        count: number of examples.
        confidence: share of intervals that hold the true value, in (0, 1).

    Returns:
        Lower and upper end, within [-1, 1].
    """
    from scipy.special import ndtri

    first, second = (only_first + 1) / (count + 2), (only_second + 1) / (count + 2)
    middle = second - first
    reach = float(ndtri((1 + confidence) / 2)) * math.sqrt((first + second - middle**2) / (count + 2))
    return max(-1.0, middle - reach), min(1.0, middle + reach)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values that are read together, so that one in twenty such sets holds a false discovery, not more.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", 1979.

    Args:
        p_values: one of each test, in [0, 1].

    Returns:
        The adjusted values in the same order; each counts as it is against 0.05.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def adjust(tests: Sequence[PairedTest]) -> list[PairedTest]:
    """The same tests, their p values adjusted by ``holm``; those that have none are left out of the count."""
    known = [i for i, test in enumerate(tests) if test.p is not None]
    values = dict(zip(known, holm([float(tests[i].p or 0.0) for i in known]), strict=True))
    return [replace(test, adjusted=values.get(i)) for i, test in enumerate(tests)]


def shared_metric(main: str, *outcomes: Outcomes) -> str | None:
    """The metric by which runs can be compared in pairs: the main one, or the one it rises and falls with.

    Args:
        main: the metric that tables show.
        *outcomes: those of each run.

    Returns:
        A name; None where the runs have none in common.
    """
    names = [name for name in outcomes[0].values if all(name in each.values for each in outcomes)]
    has_classes = all(each.classes is not None for each in outcomes)
    if main == _OVER_CLASSES and "accuracy" in names and has_classes:
        return main
    own = _ROOTS.get(main, main)
    return own if own in names else next(iter(names), None)


def compare_pairs(
    first: Outcomes, second: Outcomes, metric: str, *, prefix: str = "", block_length: int | None = None
) -> PairedTest:
    """Compare two runs on those test examples that both tables hold.

    McNemar's test where each answer is right or wrong and examples are independent; else a paired bootstrap, which
    draws examples, or groups, or blocks of windows that follow each other, and the class of each stays as frequent as
    it is where a metric is a mean over classes.

    Args:
        first: outcomes of the first run.
        second: outcomes of the second run.
        metric: from ``shared_metric``.
        prefix: what the name of the first's column begins with, such as ``baseline_``; empty: it is the run's own.
        block_length: number of windows in a block, where each depends on those before it; None: they do not.

    Returns:
        What came of it.

    Raises:
        ValueError: no example is in both.
    """
    is_over_classes = metric == _OVER_CLASSES
    column = "accuracy" if is_over_classes else metric
    rows, at_first, at_second = np.intersect1d(first.rows, second.rows, return_indices=True)
    is_known = ~np.isnan(first.values[prefix + column][at_first] + second.values[column][at_second])
    rows, at_first, at_second = rows[is_known], at_first[is_known], at_second[is_known]
    if not len(rows):
        raise ValueError("the two runs must have answered the same examples, and have none in common")
    a_N, b_N = first.values[prefix + column][at_first], second.values[column][at_second]
    weights_N = np.ones(len(rows)) if first.weights is None else first.weights[at_first]
    strata_N = None
    if is_over_classes:
        assert first.classes is not None
        _, strata_N, counts_K = np.unique(first.classes[at_first], return_inverse=True, return_counts=True)
        weights_N = 1 / counts_K[strata_N]
    a, b = (float((weights_N * values_N).sum() / weights_N.sum()) for values_N in (a_N, b_N))
    found = PairedTest(metric, len(rows), a, b, b - a, None, None, None, "")
    is_binary = not is_error(metric) and all(np.isin(values_N, (0, 1)).all() for values_N in (a_N, b_N))
    discordant = (int(((a_N == 1) & (b_N == 0)).sum()), int(((a_N == 0) & (b_N == 1)).sum())) if is_binary else None
    is_independent = first.groups is None and block_length is None
    if discordant is not None and is_independent and first.weights is None and not is_over_classes:
        exactly = "exact " if sum(discordant) < FEW_DISCORDANT else ""
        ends = difference_interval(*discordant, len(rows))
        method, p = f"McNemar's {exactly}test", mcnemar(*discordant)
        return replace(found, low=ends[0], high=ends[1], p=p, method=method, discordant=discordant)
    groups_N = None if first.groups is None else first.groups[at_first]
    units = _units(np.stack([weights_N * (b_N - a_N), weights_N], axis=1), strata_N, groups_N, block_length)
    low, high, p_value, of_what = _bootstrap(*units)
    method = f"paired bootstrap of {of_what}"
    return replace(found, low=low, high=high, p=p_value, method=method, discordant=discordant)


def compare_with_baselines(outcomes: Outcomes, main: str, *, block_length: int | None = None) -> PairedTest | None:
    """Compare a run with the best of the simple models whose answers on the same examples are known.

    Args:
        outcomes: what the run got, and what baselines did: columns such as ``baseline_accuracy``.
        main: the metric that tables show.
        block_length: as of ``compare_pairs``.

    Returns:
        The run beside the baseline; None where there is none that is known by example.
    """
    metric = shared_metric(main, outcomes)
    if metric is None:
        return None
    ending = "_accuracy" if metric == _OVER_CLASSES else f"_{metric}"
    prefixes = [name.removesuffix(ending[1:]) for name in outcomes.values if name.endswith(ending)]
    tests = [compare_pairs(outcomes, outcomes, metric, prefix=each, block_length=block_length) for each in prefixes]
    sign = -1 if is_error(metric) else 1
    return max(tests, key=lambda test: sign * test.first, default=None)


def block_length_for(horizon: int, windows: int) -> int:
    """Windows that are drawn together: at least as many as share steps of what they forecast.

    Their number grows with the cube root of the windows, as that of H. Kuensch, "The jackknife and the bootstrap for
    general stationary observations", 1989.

    >>> block_length_for(6, 1000)
    10
    """
    return min(windows, max(horizon, math.ceil(round(windows ** (1 / 3), 6))))


def _units(
    sums_N2: np.ndarray, strata_N: np.ndarray | None, groups_N: np.ndarray | None, block_length: int | None
) -> tuple[np.ndarray, np.ndarray | None, int | None, str]:
    """Sums, strata, number of units in a draw, and what is drawn."""
    if groups_N is not None:
        return units_of_groups(sums_N2, groups_N), None, None, "groups"
    if block_length is not None:
        length = min(block_length, len(sums_N2))
        return units_of_blocks(sums_N2, length), None, -(-len(sums_N2) // length), f"blocks of {length} windows"
    sums_U2, strata_U = units_of_examples(sums_N2, strata_N)
    return sums_U2, strata_U, None, "examples within their classes" if strata_N is not None else "examples"


def _bootstrap(
    sums_U2: np.ndarray, strata_U: np.ndarray | None, drawn: int | None, of_what: str
) -> tuple[float | None, float | None, float | None, str]:
    """Interval and p value of a mean difference; None of each where there are too few units."""
    drawn_values: list[np.ndarray] = []

    def difference(sums_D2: np.ndarray) -> np.ndarray:
        values_D = ratio_of_sums(sums_D2)
        drawn_values.append(values_D)
        return values_D

    low, high = bootstrap_interval(difference, sums_U2, strata_U=strata_U, drawn=drawn)
    if math.isnan(low):
        return None, None, None, of_what
    units = len(sums_U2) if drawn is None else drawn
    strata = 1 if strata_U is None else len(np.unique(strata_U))
    return low, high, _p_value(np.concatenate(drawn_values), units, strata), of_what


def _p_value(values_D: np.ndarray, units: int, strata: int) -> float:
    """The alpha at which the end of the expanded percentile interval would lie at 0."""
    from scipy.special import ndtri, stdtr

    values_D = values_D[~np.isnan(values_D)]
    if not values_D.any():
        return 1.0
    tail = int(min((values_D <= 0).sum(), (values_D >= 0).sum()))
    spread = float(values_D.std())
    if tail >= _LEAST_TAIL:
        z = float(ndtri(tail / len(values_D)))
    else:
        z = -abs(float(values_D.mean())) / spread if spread > 0 else -math.inf
    freedom = units - strata
    return min(1.0, 2 * float(stdtr(freedom, z * math.sqrt(freedom / units))))
