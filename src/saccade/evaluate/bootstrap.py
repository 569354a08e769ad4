"""How far a figure would move with other examples of the same sort, found by drawing the examples again and again.

Shapes: N examples, M sums, U units that are drawn whole (examples, groups, blocks of windows), D draws.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np

from saccade.evaluate.intervals import CONFIDENCE

DRAWS = 2_000
SEED = 0

_MAX_UNITS = 5_000  # of more examples, several are one unit: ends move by 1 % of the width, and time stays bounded
_ALIKE = 1e-12  # of a mean: a standard error below it is rounding
_MAX_COUNTS = 4_000_000  # held at once: 32 MB


def bootstrap_interval(
    statistic: Callable[[np.ndarray], np.ndarray],
    sums_UM: np.ndarray,
    *,
    strata_U: np.ndarray | None = None,
    drawn: int | None = None,
    seed: int = SEED,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
) -> tuple[float, float]:
    """The expanded percentile interval of a figure that is a function of sums over all examples.

    Each draw takes units with replacement, as many as there are (of each stratum, as many as it has). The quantiles lie
    further out than at 2.5 and 97.5 %, by as much as t-intervals are wider than normal ones, for n units in s strata::

        alpha' = Phi(-sqrt(n / (n - s)) * t(1 - alpha / 2, n - s))

    because draws from few units vary too little. A figure that is no number in a draw leaves that draw out.

    Source: T. Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician, 2015, section
    4.3, whose s is 1. Strata are A. Davison, D. Hinkley, "Bootstrap Methods and their Application", 1997, section 3.2.

    Args:
        statistic: function from sums, float64 (D, M), to the figure of each draw, float64 (D,).
        sums_UM: sums over the examples of each unit, float, such as of errors and of ones.
        strata_U: stratum of each unit, integers, such as its class; None: all are of one.
        drawn: number of units in a draw, where units overlap and fewer of them make up the examples; None: all.
        seed: seed of the draws.
        draws: number of draws.
        confidence: share of intervals that hold the true value, in (0, 1).

    Returns:
        Lower and upper end; both NaN where no draw gives a number, or there are no more units than strata.

    Raises:
        ValueError: there are no units.

    >>> errors = np.arange(1.0, 101.0)
    >>> low, high = bootstrap_interval(ratio_of_sums, np.stack([errors, np.ones(100)], axis=1))
    >>> round(low), round(high)
    (45, 56)
    """
    values_D = statistic(drawn_sums(sums_UM, strata_U=strata_U, drawn=drawn, seed=seed, draws=draws))
    units = len(sums_UM) if drawn is None else drawn
    return expanded_percentiles(values_D, units, 1 if strata_U is None else len(np.unique(strata_U)), confidence)


def drawn_sums(
    sums_UM: np.ndarray,
    *,
    strata_U: np.ndarray | None = None,
    drawn: int | None = None,
    seed: int = SEED,
    draws: int = DRAWS,
) -> np.ndarray:
    """The sums of each draw of ``bootstrap_interval``, for several figures of the same draws.

    Args:
        sums_UM: sums over the examples of each unit, float.
        strata_U: stratum of each unit, integers; None: all are of one.
        drawn: number of units in a draw; None: all, of each stratum as many as it has.
        seed: seed of the draws.
        draws: number of draws.

    Returns:
        Sums, float64 (D, M).

    Raises:
        ValueError: there are no units.
    """
    if not len(sums_UM):
        raise ValueError(f"sums_UM (shape {sums_UM.shape}) must have a row at least")
    drawn_counts = _drawn_counts(len(sums_UM), strata_U, drawn, seed, draws)
    return np.concatenate([counts_DU @ sums_UM for counts_DU in drawn_counts])


def mean_interval(
    sums_U: np.ndarray,
    counts_U: np.ndarray,
    *,
    strata_U: np.ndarray | None = None,
    drawn: int | None = None,
    seed: int = SEED,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
) -> tuple[float, float]:
    """The studentised interval of a mean over examples, such as of a loss, from sums over units.

    Losses are skewed: a few examples hold most of them, and draws without these tell of a lower mean with a lower
    spread. Each draw is therefore measured in its own standard error, and the interval is as wide as those say::

        t* = (mean* - mean) / error*,    [mean - t*(1 - alpha / 2) * error, mean - t*(alpha / 2) * error]

    Of losses that are as skewed as 20 lognormal ones with sigma 1.5, 92 of 100 such intervals hold the true mean, and
    82 of those between quantiles; benchmarks/interval_coverage.py measures it.

    Source: A. Davison, D. Hinkley, "Bootstrap Methods and their Application", 1997, section 5.2.1; of blocks,
    F. Goetze, H. Kuensch, "Second-order correctness of the blockwise bootstrap", 1996.

    Args:
        sums_U: sum over the examples of each unit, float.
        counts_U: number of examples of each unit, above 0.
        strata_U: stratum of each unit, integers; None: all are of one.
        drawn: number of units in a draw, where units overlap; None: all.
        seed: seed of the draws.
        draws: number of draws.
        confidence: share of intervals that hold the true value, in (0, 1).

    Returns:
        Lower and upper end; not below 0 where no sum is. Not finite where units are all alike, or too few.

    >>> mean_interval(np.array([1.0, 2.0, 3.0, 2.0, 1.0, 3.0, 2.0, 2.0]), np.ones(8))[0] > 1
    True
    """
    mean = float(sums_U.sum() / counts_U.sum())
    off_U = sums_U - mean * counts_U  # small numbers, so that their squares are not lost to rounding
    columns = (off_U, counts_U, off_U**2, off_U * counts_U, counts_U**2)
    sums_UM = np.stack(columns, axis=1).astype(np.float64)
    units = len(sums_UM) if drawn is None else drawn
    if units < 2:
        return math.nan, math.nan
    error = float(_means_and_errors(sums_UM.sum(axis=0, keepdims=True) * (units / len(sums_UM)), units)[1][0])
    if not error > _ALIKE * abs(mean):
        return math.nan, math.nan
    drawn_DM = drawn_sums(sums_UM, strata_U=strata_U, drawn=drawn, seed=seed, draws=draws)
    shift_D, error_D = _means_and_errors(drawn_DM, units)
    with np.errstate(divide="ignore", invalid="ignore"):
        t_D = shift_D / error_D
    tail = (1 - confidence) / 2
    low, high = np.quantile(t_D[~np.isnan(t_D)], [tail, 1 - tail], method="inverted_cdf")
    floor = 0.0 if sums_U.min() >= 0 else -math.inf
    return max(floor, mean - float(high) * error), mean - float(low) * error


def _means_and_errors(sums_DM: np.ndarray, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error of each draw from sums of s, c, s * s, s * c and c * c over its units."""
    s_D, c_D, ss_D, sc_D, cc_D = sums_DM.T
    mean_D = s_D / c_D
    squares_D = np.maximum(ss_D - 2 * mean_D * sc_D + mean_D**2 * cc_D, 0)  # rounding may bring it below
    return mean_D, np.sqrt(squares_D * units / (units - 1)) / c_D


def expanded_percentiles(
    values_D: np.ndarray, units: int, strata: int = 1, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The quantiles of a figure's draws that ``bootstrap_interval`` answers with.

    Args:
        values_D: figure in each draw, float; NaN where it is no number.
        units: number of units in a draw.
        strata: number of strata.
        confidence: share of intervals that hold the true value, in (0, 1).

    Returns:
        Lower and upper end; both NaN where no draw gives a number, or there are no more units than strata.
    """
    from scipy.special import ndtr, stdtrit

    known = values_D[~np.isnan(values_D)]
    freedom = units - strata
    if not len(known) or freedom < 1:
        return math.nan, math.nan
    alpha = float(ndtr(math.sqrt(units / freedom) * stdtrit(freedom, (1 - confidence) / 2)))
    low, high = np.quantile(known, [alpha, 1 - alpha])
    return float(low), float(high)


def _drawn_counts(
    units: int, strata_U: np.ndarray | None, drawn: int | None, seed: int, draws: int
) -> Iterator[np.ndarray]:
    """How often each unit is drawn, float64 (d, U), some draws at a time; the draws do not depend on how many."""
    rng = np.random.default_rng(seed)
    order_U, start_U, size_U = _strata_layout(units, strata_U)
    at_once = max(1, _MAX_COUNTS // units)
    for first in range(0, draws, at_once):
        d = min(at_once, draws - first)
        if drawn is None:
            place_dU = (rng.random((d, units)) * size_U).astype(np.int64) + start_U
        else:
            place_dU = rng.integers(0, units, (d, drawn))
        place_dU += np.arange(d)[:, None] * units
        counts_dU = np.bincount(place_dU.ravel(), minlength=d * units).reshape(d, units)
        ordered_dU = np.empty((d, units))
        ordered_dU[:, order_U] = counts_dU
        yield ordered_dU


def _strata_layout(units: int, strata_U: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units ordered by stratum, and of each place in that order where its stratum begins and how many it has."""
    if strata_U is None:
        return np.arange(units), np.zeros(units, np.int64), np.full(units, units)
    order_U = np.argsort(strata_U, kind="stable")
    _, start_S, of_U, size_S = np.unique(strata_U[order_U], return_index=True, return_inverse=True, return_counts=True)
    return order_U, start_S[of_U], size_S[of_U]


# --- what is drawn whole ----------------------------------------------------------------------------------------------


def units_of_examples(
    values_NM: np.ndarray, strata_N: np.ndarray | None = None, *, most: int = _MAX_UNITS, seed: int = SEED
) -> tuple[np.ndarray, np.ndarray | None]:
    """Independent examples as units; of very many, several of one stratum that chance puts together are one.

    Args:
        values_NM: numbers whose sums the figure is made of, float.
        strata_N: stratum of each example, integers; None: all are of one.
        most: number of units to be had, about.
        seed: seed of what is put together.

    Returns:
        ``sums_UM`` and ``strata_U`` of ``bootstrap_interval``.
    """
    N = len(values_NM)
    if most >= N:
        return values_NM, strata_N
    size = -(-N // most)
    shuffled_N = np.random.default_rng(seed).permutation(N)
    if strata_N is None:
        return np.add.reduceat(values_NM[shuffled_N], np.arange(0, N, size)), None
    order_N = shuffled_N[np.argsort(strata_N[shuffled_N], kind="stable")]
    _, starts, sizes = np.unique(strata_N[order_N], return_index=True, return_counts=True)
    pairs = zip(starts.tolist(), sizes.tolist(), strict=True)
    firsts = np.concatenate([np.arange(start, start + count, size) for start, count in pairs])
    return np.add.reduceat(values_NM[order_N], firsts), strata_N[order_N][firsts]


def units_of_groups(values_NM: np.ndarray, group_N: np.ndarray) -> np.ndarray:
    """Groups of examples that depend on each other, such as those of one patient, as units.

    Source: C. Field, A. Welsh, "Bootstrapping clustered data", Journal of the Royal Statistical Society B, 2007.

    Args:
        values_NM: numbers whose sums the figure is made of, float.
        group_N: group of each example, integers.

    Returns:
        Sums over each group, float64 (U, M).
    """
    order_N = np.argsort(group_N, kind="stable")
    _, firsts = np.unique(group_N[order_N], return_index=True)
    sums_UM: np.ndarray = np.add.reduceat(values_NM[order_N].astype(np.float64), firsts)
    return sums_UM


def units_of_blocks(values_TM: np.ndarray, length: int) -> np.ndarray:
    """Overlapping blocks of what follows each other in time, as units; the last ones go on at the beginning.

    Draw ``T / length`` of them, rounded up, so that a draw holds about as many examples as there are.

    Source: D. Politis, J. Romano, "A circular block-resampling procedure for stationary data", 1992.

    Args:
        values_TM: numbers whose sums the figure is made of, float, in the order of time.
        length: number of rows in a block, in [1, T].

    Returns:
        Sums over the block that begins at each row, float64 (T, M).

    Raises:
        ValueError: the length lies outside its range.
    """
    T = len(values_TM)
    if not 1 <= length <= T:
        raise ValueError(f"length ({length}) must lie in [1, {T}], the number of rows")
    around = np.concatenate([values_TM, values_TM[: length - 1]]).astype(np.float64)
    total = np.concatenate([np.zeros((1, values_TM.shape[1])), around.cumsum(axis=0)])
    sums_TM: np.ndarray = total[length:] - total[:-length]
    return sums_TM


def ratio_of_sums(sums_DM: np.ndarray) -> np.ndarray:
    """A mean: the first sum over the last one, float64 (D,); NaN where that is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio_D: np.ndarray = sums_DM[:, 0] / sums_DM[:, -1]
    return ratio_D
