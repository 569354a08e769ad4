"""Intervals of means over windows of time or of a text, which share steps and resemble their neighbours.

Shapes: N windows, T times, H steps to forecast, O numbers to predict.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from saccade.data.spec import PAD
from saccade.data.timeline import Timeline
from saccade.evaluate.bootstrap import mean_interval, units_of_blocks
from saccade.evaluate.metric_intervals.interval import MIN_UNITS, Interval, missing, too_few


@dataclass(frozen=True)
class Windows:
    """Windows in the order in which blocks are cut from them.

    Attributes:
        times: time of each window, int64 (N,), from 0 without gaps; windows of several series may be of one time.
        overlap: number of times from one window to the first that shares none of its steps, at least 1.
        things: word for a window, such as "windows".
        series: series of each window, int64 (N,), where series and not times are drawn; None: times are.
    """

    times: np.ndarray
    overlap: int = 1
    things: str = "windows"
    series: np.ndarray | None = None


def windows_of_forecast(rows_N: np.ndarray, horizon: int, timeline: Timeline | None) -> Windows:
    """The windows of a test split in time.

    Of several series, windows of one time stay together, for what comes upon one series comes upon others (S.
    Goncalves, "The moving blocks bootstrap for panel linear regression models", 2011). Where their times are not those
    of one calendar, or too few for blocks, series are drawn whole.

    Args:
        rows_N: numbers of windows, int64.
        horizon: number of steps that a window forecasts.
        timeline: timeline of the dataset; None: windows follow each other step by step.

    Returns:
        The windows.
    """
    overlap = -(-horizon // (1 if timeline is None else timeline.stride))
    if timeline is None or not timeline.panel:
        return Windows(np.argsort(np.argsort(rows_N, kind="stable"), kind="stable"), overlap)
    series_N = np.array([timeline.series_of(int(window)) for window in rows_N])
    time_N = _times_of_panel(rows_N, series_N, timeline)
    if time_N is None or (time_N.max() + 1) // overlap < MIN_UNITS:
        return Windows(np.arange(len(rows_N)), things="series", series=series_N)
    return Windows(time_N, overlap)


def _times_of_panel(rows_N: np.ndarray, series_N: np.ndarray, timeline: Timeline) -> np.ndarray | None:
    """The time of each window on a calendar that all series share; None where they share none."""
    if len({(one.calendar.step, one.calendar.form, one.calendar.zone) for one in timeline.panel}) > 1:
        return None
    known: dict[tuple[int, int], Any] = {}
    keys = []
    for window, series in zip(rows_N.tolist(), series_N.tolist(), strict=True):
        one = timeline.panel[series]
        step = one.first_start + (window - one.first_window) * timeline.stride
        place = (id(one.calendar), step)
        if place not in known:
            date = one.calendar.date(step)
            known[place] = Fraction(one.calendar.text(step)) if date is None else date
        keys.append(known[place])
    number = {key: i for i, key in enumerate(sorted(set(keys)))}
    longest = int(np.unique(series_N, return_counts=True)[1].max())
    if len(number) > 2 * longest:  # times lie between each other, or series are of different years
        return None
    return np.array([number[key] for key in keys])


def windows_of_text(rows_N: np.ndarray, length: int) -> Windows:
    """The windows of a long text, in its order.

    Args:
        rows_N: the token that each window begins with, int64.
        length: number of tokens in a window.

    Returns:
        The windows; where they overlap, so do neighbours.
    """
    step = int(np.median(np.diff(np.sort(rows_N)))) if len(rows_N) > 1 else length
    order_N = np.argsort(np.argsort(rows_N, kind="stable"), kind="stable")
    return Windows(order_N, max(1, -(-length // max(step, 1))))


def mean_over_windows(
    sums_N: np.ndarray,
    counts_N: np.ndarray,
    windows: Windows,
    *,
    transform: Callable[[float], float] = float,
) -> Interval:
    """The studentised interval of a mean over windows, from blocks of them that are drawn whole.

    A block is twice as long as windows overlap. Windows that begin fewer than H steps apart forecast the same steps,
    and errors of the best forecast H steps ahead are a moving average of order H - 1 (F. Diebold, R. Mariano,
    "Comparing Predictive Accuracy", 1995): a block of H would lose a third of what they have in common, one of 2 H a
    sixth. Where errors resemble each other over longer times, it is as long as ``block_length`` finds; of few windows,
    at most a fifth of them, but never less than they overlap.

    Args:
        sums_N: sum over each window, such as of absolute errors, float.
        counts_N: number of values in each sum.
        windows: windows in time.
        transform: increasing function from the mean to the metric, such as a square root.

    Returns:
        The interval; none where fewer than ``MIN_UNITS`` blocks make up the windows.
    """
    values_N2 = np.stack([sums_N, counts_N], axis=1).astype(np.float64)
    keys_N = windows.times if windows.series is None else windows.series
    values_T2 = np.zeros((int(keys_N.max(initial=-1)) + 1, 2))
    np.add.at(values_T2, keys_N, values_N2)
    values_T2 = values_T2[values_T2[:, 1] > 0]
    T, drawn = len(values_T2), None
    if MIN_UNITS * windows.overlap > T:
        return _too_few_blocks(T, windows)
    if windows.series is None:
        length = max(2 * windows.overlap, block_length(values_T2[:, 0] / values_T2[:, 1]))
        length = min(length, T // MIN_UNITS)
        drawn = -(-T // length)
        values_T2 = units_of_blocks(values_T2, length)
    low, high = mean_interval(values_T2[:, 0], values_T2[:, 1], drawn=drawn)
    if not (math.isfinite(low) and math.isfinite(high)):
        return missing(f"{windows.things} are all alike, or one holds nearly all of it")
    mean = float(sums_N.sum() / counts_N.sum())
    return Interval.of((transform(low), transform(high)), transform(mean), alike=f"{windows.things} are all alike")


def mean_of_values(values_NO: np.ndarray, windows: Windows, *, transform: Callable[[float], float] = float) -> Interval:
    """``mean_over_windows`` of all numbers of each window, less those that are NaN.

    Args:
        values_NO: value of each number, such as its absolute error, float.
        windows: windows in time.
        transform: increasing function from the mean to the metric.

    Returns:
        The interval.
    """
    is_known_NO = ~np.isnan(values_NO)
    sums_N = np.where(is_known_NO, values_NO, 0).sum(axis=1)
    return mean_over_windows(sums_N, is_known_NO.sum(axis=1), windows, transform=transform)


def _too_few_blocks(count: int, windows: Windows) -> Interval:
    if windows.overlap == 1:
        return too_few(count, windows.things)
    return missing(
        f"the test split has {count} {windows.things}, each of which shares steps with the next {windows.overlap - 1}: "
        f"{count // windows.overlap} of them tell something of their own, and it takes {MIN_UNITS}"
    )


def block_length(values_T: np.ndarray) -> int:
    """How long blocks should be, from how long values resemble those before them.

    Source: D. Politis, H. White, "Automatic Block-Length Selection for the Dependent Bootstrap", 2004, for circular
    blocks, with the correction of A. Patton, D. Politis, H. White, 2009.

    Args:
        values_T: values in the order of time, float.

    Returns:
        Number of values in a block, in [1, T / 3] and at most 3 sqrt(T).
    """
    T = len(values_T)
    most = max(1, math.ceil(min(3 * math.sqrt(T), T / 3)))
    quiet = max(5, math.ceil(math.sqrt(math.log10(T)))) if T > 1 else 0  # so many in a row must be small
    lags = min(math.ceil(math.sqrt(T)) + quiet, T - 1)
    covariance_L = _autocovariances(values_T, lags)
    if lags < 2 or covariance_L[0] <= 0:
        return 1
    is_large_L = np.abs(covariance_L / covariance_L[0]) > 2 * math.sqrt(math.log10(T) / T)
    last = next((m for m in range(lags - quiet + 1) if not is_large_L[m + 1 : m + 1 + quiet].any()), None)
    if last is None:
        last = int(np.flatnonzero(is_large_L)[-1])
    width = min(2 * max(last, 1), lags)
    lag_W = np.arange(-width, width + 1)
    taper_W = np.minimum(1, 2 * (1 - np.abs(lag_W) / width))
    tapered_W = taper_W * covariance_L[np.abs(lag_W)]
    slope, spectrum = float((np.abs(lag_W) * tapered_W).sum()), float(tapered_W.sum())
    if spectrum <= 0:
        return most
    return int(min(max(1, math.ceil((1.5 * (slope / spectrum) ** 2) ** (1 / 3) * T ** (1 / 3))), most))


def _autocovariances(values_T: np.ndarray, lags: int) -> np.ndarray:
    centred_T = values_T - values_T.mean()
    T = len(centred_T)
    return np.array([float(centred_T[: T - lag] @ centred_T[lag:]) / T for lag in range(lags + 1)])


def forecast_intervals(
    errors_NO: np.ndarray,
    windows: Windows,
    *,
    percent_NO: np.ndarray | None = None,
    scaled_NO: np.ndarray | None = None,
    is_inside_NO: np.ndarray | None = None,
) -> dict[str, Interval]:
    """The intervals of a forecast's metrics.

    Args:
        errors_NO: forecast less truth, float.
        windows: windows in time.
        percent_NO: terms of the symmetric percentage error; None: it is not asked for.
        scaled_NO: absolute errors over those of the naive forecast, NaN where there is none; None likewise.
        is_inside_NO: whether the truth lay within the band, bool; None: there is no band.

    Returns:
        Interval of ``mae`` and ``rmse``, and of ``smape``, ``mase`` and ``band_coverage`` where these are asked for.
    """
    squares = mean_of_values(np.square(errors_NO), windows, transform=math.sqrt)
    found = {"mae": mean_of_values(np.abs(errors_NO), windows), "rmse": squares}
    if scaled_NO is not None and not np.isnan(scaled_NO).all():
        found["mase"] = mean_of_values(scaled_NO, windows)
    if percent_NO is not None:
        found["smape"] = mean_of_values(percent_NO, windows)
    if is_inside_NO is not None:
        inside = mean_of_values(is_inside_NO.astype(np.float64), windows)
        found["band_coverage"] = Interval(
            inside.low, None if inside.high is None else min(1, inside.high), inside.reason
        )
    return found


def next_token_intervals(
    nats_NT: np.ndarray,
    predicted_NT: np.ndarray,
    labels_NT: np.ndarray,
    windows: Windows,
    measured: Mapping[str, float],
) -> dict[str, Interval]:
    """The intervals of ``text_metrics.next_token_metrics``.

    Args:
        nats_NT: float, the negative logarithm of each true token's probability.
        predicted_NT: integers, the most probable token.
        labels_NT: integers, the true one; where it is padding, nothing was asked.
        windows: windows in the order of the text.
        measured: metric name to value.

    Returns:
        Interval of each metric that was measured.
    """
    asked_NT = labels_NT != PAD
    counts_N = asked_NT.sum(axis=1)
    nats_N = np.where(asked_NT, nats_NT, 0).sum(axis=1, dtype=np.float64)
    right_N = (asked_NT & (predicted_NT == labels_NT)).sum(axis=1)

    def exponential(nats: float) -> float:
        return math.exp(min(nats, 700.0))

    transforms: dict[str, Callable[[float], float]] = {"loss": float, "perplexity": exponential}
    transforms["bits_per_character"] = lambda nats: nats / math.log(2)
    found = {
        name: mean_over_windows(nats_N, counts_N, windows, transform=transform)
        for name, transform in transforms.items()
        if name in measured
    }
    accuracy = mean_over_windows(right_N, counts_N, windows)
    high = None if accuracy.high is None else min(1.0, accuracy.high)
    return found | {"accuracy": Interval(accuracy.low, high, accuracy.reason)}
