"""What more labelled examples would bring: a metric against the number of training examples, carried on.

Errors of trained networks fall about as a power of the number of examples, over a middle range (Hestness et al. 2017,
Deep Learning Scaling is Predictable, Empirically); where data are few or the error near its least, they do not. So the
curve is an extrapolation, its interval holds only what chance in the test split and between trainings explains, and it
is drawn no further than twice the examples that there are.

Shapes: F shares of the training data, N test examples, D draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.evaluate.bootstrap import DRAWS, drawn_sums, units_of_examples

_MIN_POINTS = 3  # shares that a curve is fitted to
_LEAST = 1e-3  # of the largest error: a smaller one is taken for this, because its logarithm is


@dataclass(frozen=True)
class Gain:
    """By how much a metric is better with more examples.

    Attributes:
        before: number of training examples.
        after: larger number of training examples.
        value: improvement in the unit of the metric; above 0 is better.
        low: lower end of its 95 % interval; None where nobody knows how much chance explains.
        high: upper end of it.
        is_extrapolated: whether no training had ``after`` examples.
        curve: coefficient and exponent of ``error = a n ** -b``; None where no curve is fitted.
    """

    before: int
    after: int
    value: float
    low: float | None
    high: float | None
    is_extrapolated: bool
    curve: tuple[float, float] | None = None

    @property
    def is_beyond_noise(self) -> bool:
        """Whether the interval lies above 0."""
        return self.low is not None and self.low > 0


def draws_of_answers(is_right_FN: np.ndarray, spread_F: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """Accuracies on test splits as they might have been drawn: the same examples for all shares, so that these pair.

    Args:
        is_right_FN: share of the trainings, in [0, 1], that answered each test example rightly.
        spread_F: standard error of each mean over the trainings; NaN of a single training, None: of one each.
        seed: seed of the draws.

    Returns:
        float64 (D, F); an accuracy of 1 is taken for half a mistake less than that.
    """
    N = is_right_FN.shape[1]
    units_UF, _ = units_of_examples(is_right_FN.T.astype(np.float64), seed=seed)
    draws_DF = 1 - (N - drawn_sums(units_UF, seed=seed, draws=DRAWS) + 0.5) / (N + 1)
    if spread_F is not None:
        draws_DF += np.nan_to_num(spread_F) * np.random.default_rng(seed).standard_normal(draws_DF.shape)
    return draws_DF


def draws_of_intervals(
    values_F: np.ndarray, low_F: np.ndarray, high_F: np.ndarray, spread_F: np.ndarray, seed: int = 0
) -> np.ndarray | None:
    """Values of a metric as they might have come out, from 95 % intervals and from what trainings differ by.

    Args:
        values_F: mean over the trainings of each share.
        low_F: lower ends of the intervals; NaN where there are none.
        high_F: upper ends.
        spread_F: standard error of each mean over the trainings; NaN of a single training.
        seed: seed of the draws.

    Returns:
        float64 (D, F), as if the shares were independent; None where neither is known of some share.
    """
    sampled_F = (high_F - low_F) / (2 * 1.96)
    if (np.isnan(sampled_F) & np.isnan(spread_F)).any():
        return None
    deviation_F = np.hypot(np.nan_to_num(sampled_F), np.nan_to_num(spread_F))
    return values_F + deviation_F * np.random.default_rng(seed).standard_normal((DRAWS, len(values_F)))


def expected_gain(
    examples_F: Sequence[int], values_F: np.ndarray, draws_DF: np.ndarray | None, *, is_error: bool
) -> Gain:
    """What twice as many examples would bring, where three shares or more tell how the error falls.

    Of two shares it is what the larger one brought.

    Args:
        examples_F: numbers of training examples, ascending, two at least.
        values_F: the metric of each.
        draws_DF: from ``draws_of_answers`` or ``draws_of_intervals``; None: nobody knows how much is chance.
        is_error: whether the metric is an error or a loss, the less the better, and not a score up to 1.

    Returns:
        The improvement.
    """
    n_F = np.asarray(examples_F, dtype=np.float64)

    values_F = np.asarray(values_F, dtype=np.float64)
    least = _LEAST * max(float((values_F if is_error else 1 - values_F).max()), np.finfo(np.float64).tiny / _LEAST)

    def error(values: np.ndarray) -> np.ndarray:
        return np.maximum(values if is_error else 1 - values, least)

    before, after = int(n_F[-2]), int(n_F[-1])
    curve = None
    if len(n_F) < _MIN_POINTS:
        value = float(error(values_F)[-2] - error(values_F)[-1])
        drawn_D = None if draws_DF is None else error(draws_DF)[:, -2] - error(draws_DF)[:, -1]
    else:
        before, after = after, 2 * after
        a, b = _power_law(n_F, error(values_F)[None])
        curve = (float(a[0]), float(b[0]))
        value = float((a * (before**-b - after**-b))[0])
        drawn_D = None
        if draws_DF is not None:
            a, b = _power_law(n_F, error(draws_DF))
            drawn_D = a * (before**-b - after**-b)
    low, high = (None, None) if drawn_D is None else np.quantile(drawn_D, [0.025, 0.975]).tolist()
    return Gain(before, after, value, low, high, curve is not None, curve)


def _power_law(n_F: np.ndarray, error_DF: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and exponents, each (D,), of ``error = a n ** -b`` by least squares of the logarithms."""
    x_F = np.log(n_F) - np.log(n_F).mean()
    y_DF = np.log(error_DF)
    b_D = -(y_DF @ x_F) / (x_F @ x_F)
    return np.exp(y_DF.mean(axis=1) + b_D * np.log(n_F).mean()), b_D


def gain_in_words(gain: Gain, metric: str, *, is_error: bool, trainings: int) -> str:
    """Whether to collect more examples, as one sentence.

    Args:
        gain: what was found.
        metric: name of the metric.
        is_error: whether it is an error or a loss, in its own unit, and not a score told in points.
        trainings: number of trainings of each share.

    Returns:
        Sentence without a full stop.
    """
    name = metric.replace("_", " ")

    def points(value: float) -> str:
        return f"{value:.3g}" if is_error else f"{100 * value:.1f}"

    unit = f"of {name}" if is_error else f"points of {name}"
    interval = "" if gain.low is None or gain.high is None else f" ({points(gain.low)} to {points(gain.high)})"
    alone = "; of one training each: `--seeds 3` tells what trainings differ by" if trainings == 1 else ""
    if gain.is_extrapolated:
        what = f"another {gain.after - gain.before:,} training examples would be worth"
        how = ", by a power law through these points: an extrapolation"
    else:
        what = f"the last {gain.after - gain.before:,} training examples were worth"
        how = "; three shares or more would tell what others might bring"
    if gain.low is None:
        return f"{what} about {points(gain.value)} {unit}, and how much of it is noise is not known{how}{alone}"
    if gain.is_beyond_noise:
        return f"{what} about {points(gain.value)} {unit}{interval}{how}{alone}"
    return f"{what} nothing beyond noise: {points(gain.value)} {unit}{interval}{how}{alone}"
