"""Intervals of accuracies, against the formula and by exact coverage."""

import math

import pytest
from scipy.stats import binom

from saccade.evaluate.intervals import accuracy_interval, difference_in_words

Z = 1.959963984540054  # of the normal distribution, for 95 %


@pytest.mark.parametrize(("num_correct", "count"), [(267, 269), (0, 5), (5, 5), (35, 50), (9_900, 10_000), (1, 1)])
def test_the_ends_are_those_of_the_formula(num_correct: int, count: int) -> None:
    share = num_correct / count
    middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    assert accuracy_interval(num_correct, count) == pytest.approx((middle - half, middle + half), abs=1e-9)


@pytest.mark.parametrize("count", [50, 269, 10_000])
@pytest.mark.parametrize("share", [0.7, 0.9, 0.99])
def test_about_95_of_100_intervals_hold_the_true_accuracy(share: float, count: int) -> None:
    """Every outcome weighed by its probability, which is exact. It goes up and down in steps where outcomes are few."""
    first, last = int(binom.ppf(1e-9, count, share)), int(binom.ppf(1 - 1e-9, count, share))
    held = 0.0
    for num_correct in range(first, last + 1):
        low, high = accuracy_interval(num_correct, count)
        held += binom.pmf(num_correct, count, share) * (low <= share <= high)
    assert held == pytest.approx(0.911 if (share, count) == (0.99, 50) else 0.95, abs=0.021)


def test_all_right_is_no_certainty() -> None:
    low, high = accuracy_interval(50, 50)
    assert low == pytest.approx(0.9287, abs=1e-4) and high == 1
    assert accuracy_interval(0, 50)[1] == pytest.approx(1 - low)


@pytest.mark.parametrize(("num_correct", "count"), [(1, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(num_correct: int, count: int) -> None:
    with pytest.raises(ValueError, match=rf"num_correct \({num_correct}\) must lie in \[0, count\]"):
        accuracy_interval(num_correct, count)


def test_what_two_intervals_share_is_no_difference() -> None:
    of_267, of_269, of_200 = (accuracy_interval(num_correct, 269) for num_correct in (267, 269, 200))
    assert difference_in_words(of_267, of_269) == "no real difference"  # two mistakes of 269 against none
    assert difference_in_words(of_200, of_269) == "worse"
    assert difference_in_words(of_269, of_200) == "better"
