"""The season of a series: after how many steps it repeats itself, as far as it does.

Shapes: T steps, L lags.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

MIN_RISE = 0.1  # by how much the autocorrelation must rise to a season's peak, and how high the peak must be
DEVIATIONS = 3  # of the autocorrelation of noise, 1 / sqrt(T), that a peak must stand above 0
_NEARLY = 0.85  # of a multiple's rise, which the season itself must have: chance lifts now the one, now the other


def autocorrelation(values_T: np.ndarray, longest: int) -> np.ndarray:
    """How like a series is to itself some steps earlier, once its straight trend is taken away.

        r_k = sum over t of x_t * x_(t+k) / sum over t of x_t^2

    Args:
        values_T: float, at least two.
        longest: the largest lag k, below T.

    Returns:
        float64 (longest + 1,), from lag 0, which is 1; zeros where nothing but a trend is there.
    """
    T = len(values_T)
    time_T = np.arange(T) - (T - 1) / 2
    x_T = values_T.astype(np.float64) - values_T.mean(dtype=np.float64)
    x_T -= time_T * (time_T @ x_T) / (time_T @ time_T)
    power = x_T @ x_T
    if power <= 1e-20 * T * max(float(np.abs(values_T).max()) ** 2, 1e-300):
        return np.zeros(longest + 1)
    spectrum = np.fft.rfft(x_T, 2 * T)  # zeros behind the series: its end must not meet its beginning
    sums_L: np.ndarray = np.fft.irfft(spectrum * spectrum.conj(), 2 * T)[: longest + 1]
    return sums_L / power


def find_season(values_T: np.ndarray, longest: int) -> int | None:
    """The lag at which the autocorrelation rises to the peak that stands highest above what lies before it.

    A slow series is like itself one step earlier, too: a peak counts by its height over the lowest value between it and
    lag 0. What repeats after 12 steps does so after 24 as well: of two such peaks that are about as high, the first
    counts. A season is at least two steps long, and occurs at least twice.

    Args:
        values_T: float.
        longest: the longest season to look for.

    Returns:
        Steps, or None where no peak rises by ``MIN_RISE``, or out of what noise would do.
    """
    longest = min(longest, len(values_T) // 2)
    if longest < 2:
        return None
    r_L = autocorrelation(values_T, longest + 1)
    least = max(MIN_RISE, DEVIATIONS / len(values_T) ** 0.5)
    rise_L = r_L - np.minimum.accumulate(r_L)
    inner_L = np.arange(2, longest + 1)
    is_peak_L = (r_L[inner_L] > r_L[inner_L - 1]) & (r_L[inner_L] >= r_L[inner_L + 1])
    peaks = inner_L[is_peak_L & (r_L[inner_L] >= least) & (rise_L[inner_L] >= MIN_RISE)]
    if not len(peaks):
        return None
    best = int(peaks[np.argmax(rise_L[peaks])])
    for times in range(best // 2, 1, -1):
        near = peaks[np.abs(peaks - best / times) <= max(1, 0.05 * best / times)]
        near = near[rise_L[near] >= _NEARLY * rise_L[best]]
        if len(near):
            return int(near[np.argmax(rise_L[near])])
    return best


def common_season(found: Sequence[int | None]) -> int | None:
    """The season that most series have, if half of them have one at all; of two that are as common, the shorter.

    >>> common_season([7, None, 7, 14]), common_season([7, None, None])
    (7, None)
    """
    counts = Counter(season for season in found if season is not None)
    if not counts or 2 * counts.total() < len(found):
        return None
    return min(counts, key=lambda season: (-counts[season], season))


def naive_error(values_T: np.ndarray, is_filled_T: np.ndarray, season: int) -> float | None:
    """Mean absolute error of the forecast that everything is as it was one season ago, over measured values.

    It is what MASE divides by (Hyndman and Koehler, "Another look at measures of forecast accuracy", 2006).

    Args:
        values_T: values of the training part, float.
        is_filled_T: bool (T,), values that were not measured.
        season: steps of a season; 1 is the naive forecast.

    Returns:
        The error in the unit of the values; None where no two measured values are a season apart.
    """
    if len(values_T) <= season:
        return None
    both_T = ~(is_filled_T[season:] | is_filled_T[:-season])
    if not both_T.any():
        return None
    return float(np.abs(values_T[season:].astype(np.float64) - values_T[:-season])[both_T].mean())
