"""What is read from a range test: the valley, the rate below its middle, and when there is none.

Shapes: U updates.
"""

import math
import re

import numpy as np
import pytest

from saccade.lr_finder.range_test import rates_between
from saccade.lr_finder.suggest import read_range, smooth

RATES = rates_between(1e-6, 100.0, 200)
LOG_U = np.log10(RATES)


def valley(left: float, right: float, *, high: float = 2.0, low: float = 0.5, wall: float = 0.3) -> np.ndarray:
    """Smooth steps down and up again, half of the way at the two rates; straight steps keep their middle smoothed."""
    down = 1 / (1 + np.exp((LOG_U - math.log10(left)) * 4 / wall))
    up = 1 / (1 + np.exp((math.log10(right) - LOG_U) * 4 / wall))
    return low + (high - low) * (down + up)


def noisy(values_U: np.ndarray, size: float, seed: int) -> list[float]:
    return (values_U + np.random.default_rng(seed).normal(scale=size, size=len(values_U))).tolist()


@pytest.mark.parametrize(("left", "right"), [(0.002, 0.1), (1e-4, 0.3), (0.3, 3.0)])
def test_the_suggestion_follows_from_the_sides_of_the_valley(left: float, right: float) -> None:
    reading = read_range(RATES, [noisy(valley(left, right), 0.05, seed) for seed in range(3)])
    assert reading.valley == pytest.approx((left, right), rel=0.3)  # a tenth of a power of ten, and the noise
    assert reading.suggestion == pytest.approx(left**0.3 * right**0.7 / 5, rel=0.2)
    assert (reading.first, reading.least) == pytest.approx((2.0, 0.5), abs=0.1)
    assert reading.doubt == "" and len(reading.rates) == len(reading.smoothed) == 200


def test_where_the_lowest_point_of_a_flat_ground_lies_does_not_matter() -> None:
    plain = valley(0.001, 0.3)
    suggestions = []
    for dip in (0.003, 0.1):  # as deep here or there
        dipped = plain - 0.1 * np.exp(-((LOG_U - math.log10(dip)) ** 2) / 0.02)
        reading = read_range(RATES, [dipped.tolist()])
        assert RATES[int(reading.smoothed.argmin())] == pytest.approx(dip, rel=0.3)
        suggestions.append(reading.suggestion)
    assert suggestions[0] == pytest.approx(suggestions[1], rel=0.1)


def test_one_repeat_that_starts_badly_is_outvoted() -> None:
    good = [noisy(valley(0.002, 0.1), 0.05, seed) for seed in range(2)]
    bad = noisy(np.full(200, 2.0), 0.05, 2)
    assert read_range(RATES, [*good, bad]).suggestion == pytest.approx(read_range(RATES, good).suggestion, rel=0.35)
    assert read_range(RATES, [good[0], bad, bad]).suggestion is None


def test_a_repeat_that_has_ended_counts_as_exploded() -> None:
    whole = valley(0.002, 0.1)
    at_wall = int(np.searchsorted(RATES, 0.1))
    cut = read_range(RATES, [whole[:at_wall].tolist()] * 3)
    assert cut.suggestion == pytest.approx(read_range(RATES, [whole.tolist()]).suggestion, rel=0.25)
    assert cut.smoothed[-1] == pytest.approx(2 * cut.first, rel=1e-6)


def test_how_far_a_loss_explodes_does_not_matter() -> None:
    whole = valley(0.002, 0.1)
    far = np.where(LOG_U > -0.5, 1e12, whole)
    near = np.where(LOG_U > -0.5, 2 * whole[:20].mean(), whole)
    one, other = (read_range(RATES, [values.tolist()]) for values in (far, near))
    np.testing.assert_allclose(one.smoothed, other.smoothed, rtol=1e-6)
    assert one.suggestion == other.suggestion


def test_a_second_valley_in_which_examples_are_learnt_by_heart_does_not_count() -> None:
    shallow = valley(0.003, 0.02, high=0.7, low=0.65, wall=0.2)
    rise = 0.05 * np.exp(-((LOG_U - math.log10(0.05)) ** 2) / 0.02)
    deep = valley(0.3, 3.0, high=0.0, low=-0.5)
    reading = read_range(RATES, [noisy(shallow + rise + deep, 0.005, seed) for seed in range(3)])
    assert reading.smoothed.min() < 0.4 < 0.64 < reading.least
    assert reading.suggestion == pytest.approx(0.003**0.3 * 0.02**0.7 / 5, rel=0.25)


def test_a_valley_behind_losses_that_jump_is_no_suggestion() -> None:
    """Few long texts: single batches jump far above the first loss, and then all are learnt by heart."""
    plain = valley(0.24, 1.1, high=0.69, low=0.45)
    repeats = [noisy(plain, 0.005, seed) for seed in range(3)]
    assert read_range(RATES, repeats).suggestion is not None
    for number, rate in enumerate((0.02, 0.03, 0.04)):
        repeats[number][int(np.searchsorted(RATES, rate))] = 0.9
    reading = read_range(RATES, repeats)
    assert reading.suggestion is None and reading.valley is None
    assert re.match(r"losses jump from 0\.03\d? on, before the loss falls: ", reading.doubt)
    repeats[0], repeats[1] = (noisy(plain, 0.005, seed) for seed in (3, 4))
    assert read_range(RATES, repeats).suggestion is not None  # one repeat of three is outvoted


def test_the_median_of_several_repeats_is_less_noisy_than_one() -> None:
    faint = valley(0.001, 0.3, high=0.443, low=0.411)
    repeats = [np.where(LOG_U < -4, noisy(faint, 0.04, seed), faint).tolist() for seed in range(3)]
    assert read_range(RATES, repeats).suggestion is not None
    assert read_range(RATES, repeats[:1]).doubt.startswith("the loss falls at no rate")


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_fall(seed: int) -> None:
    flat = [noisy(np.full(200, 2.3), 0.2, 3 * seed + repeat) for repeat in range(3)]
    reading = read_range(RATES, flat)
    assert reading.suggestion is None and reading.valley is None
    assert reading.doubt.startswith("the loss falls at no rate: from 2.")


def test_a_loss_that_only_rises_has_no_valley() -> None:
    rising = np.where(LOG_U < -2, 2.3, 2.3 + (LOG_U + 2)).tolist()
    assert read_range(RATES, [rising]).doubt.startswith("the loss falls at no rate: from 2.3 to 2.3 ")


def test_a_valley_that_does_not_end_is_no_valley() -> None:
    reading = read_range(RATES, [noisy(valley(0.01, 1e9), 0.02, 0)])
    assert reading.suggestion is None
    assert reading.doubt == "the loss does not rise up to the highest rate, 100: nothing shows how high is too high"


@pytest.mark.parametrize("losses", [[], [[1.0, 0.9], []]])
def test_nothing_cannot_be_read(losses: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=rf"losses \({len(losses)} repeats\) must hold"):
        read_range(RATES, losses)


def test_smoothing_is_that_of_scipy_away_from_the_ends() -> None:
    from scipy.ndimage import gaussian_filter1d

    values_U = np.random.default_rng(0).normal(size=80)
    theirs_U = gaussian_filter1d(values_U, 2.5, truncate=8)
    np.testing.assert_allclose(smooth(values_U, 2.5)[20:-20], theirs_U[20:-20], atol=1e-12)
    np.testing.assert_allclose(smooth(np.full(9, 3.0), 2.5), 3.0)
