"""Draws of units, against what is known of their means and variances; blocks and groups against sums by hand."""

import numpy as np
import pytest
from scipy import stats

from saccade.evaluate.bootstrap import (
    bootstrap_interval,
    drawn_sums,
    ratio_of_sums,
    units_of_blocks,
    units_of_examples,
    units_of_groups,
)


def with_ones(values_N: np.ndarray) -> np.ndarray:
    return np.stack([values_N, np.ones_like(values_N)], axis=1)


def test_the_interval_of_a_mean_is_about_that_of_student() -> None:
    values = np.random.default_rng(1).normal(3, 2, 12)
    low, high = bootstrap_interval(ratio_of_sums, with_ones(values), draws=20_000)
    student = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    assert (low, high) == pytest.approx(student, abs=0.15)
    assert high - low > 1.96 * 2 * stats.sem(values, ddof=0)  # the plain percentiles would be narrower


def test_the_same_seed_draws_the_same_however_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = with_ones(np.arange(7.0))
    strata = np.array([0, 1, 0, 1, 1, 0, 1])
    whole = drawn_sums(values, strata_U=strata, draws=9, seed=3)
    monkeypatch.setattr("saccade.evaluate.bootstrap._MAX_COUNTS", 14)
    assert np.array_equal(drawn_sums(values, strata_U=strata, draws=9, seed=3), whole)
    assert not np.array_equal(drawn_sums(values, strata_U=strata, draws=9, seed=4), whole)


def test_each_stratum_keeps_its_number_of_units() -> None:
    strata = np.array([2, 0, 2, 1, 2, 0])
    sums = drawn_sums(np.eye(6), strata_U=strata, draws=500)
    for stratum, count in ((0, 2), (1, 1), (2, 3)):
        assert (sums[:, strata == stratum].sum(axis=1) == count).all()
    assert sums[:, 3].std() == 0 and sums[:, 0].std() > 0.5  # a unit alone in its stratum is drawn each time
    assert sums.mean(axis=0) == pytest.approx(np.ones(6), abs=0.12)


def test_very_many_examples_are_put_together_within_their_stratum() -> None:
    rng = np.random.default_rng(0)
    values, strata = with_ones(rng.exponential(size=6_001)), rng.integers(0, 3, 6_001)
    sums, strata_U = units_of_examples(values, strata, most=1_000)
    assert strata_U is not None and 1_000 - 150 < len(sums) <= 1_000 + 3
    for stratum in range(3):
        assert sums[strata_U == stratum].sum(axis=0) == pytest.approx(values[strata == stratum].sum(axis=0))
    few = bootstrap_interval(ratio_of_sums, sums, strata_U=strata_U)
    all_of_them = bootstrap_interval(ratio_of_sums, values, strata_U=strata)
    assert few == pytest.approx(all_of_them, abs=0.005)


def test_sums_over_groups_and_blocks() -> None:
    values = np.array([[1.0], [2.0], [4.0], [8.0], [16.0]])
    assert units_of_groups(values, np.array([7, 3, 7, 3, 9])).ravel().tolist() == [10, 5, 16]
    assert units_of_blocks(values, 2).ravel().tolist() == [3, 6, 12, 24, 17]
    assert units_of_blocks(values, 1).ravel().tolist() == [1, 2, 4, 8, 16]
    assert units_of_blocks(values, 5).ravel().tolist() == [31] * 5
    with pytest.raises(ValueError, match=r"length \(6\) must lie in \[1, 5\]"):
        units_of_blocks(values, 6)


def test_groups_that_are_of_one_mind_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(30), 10)
    values = with_ones(rng.normal(size=30)[group])
    low, high = bootstrap_interval(ratio_of_sums, units_of_groups(values, group))
    apart = bootstrap_interval(ratio_of_sums, values)
    assert high - low == pytest.approx(np.sqrt(10) * (apart[1] - apart[0]), rel=0.15)


def test_one_unit_says_nothing_of_another() -> None:
    assert np.isnan(bootstrap_interval(ratio_of_sums, np.array([[3.0, 1.0]]))).all()
    assert np.isnan(bootstrap_interval(ratio_of_sums, with_ones(np.arange(3.0)), strata_U=np.arange(3))).all()
    with pytest.raises(ValueError, match=r"sums_UM \(shape \(0, 2\)\) must have a row"):
        bootstrap_interval(ratio_of_sums, np.zeros((0, 2)))
