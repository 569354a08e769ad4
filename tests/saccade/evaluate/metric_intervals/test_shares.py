"""Intervals of shares: of accuracy by groups, balanced accuracy and macro F1, against formulas and by simulation."""

import numpy as np
import pytest

from saccade.evaluate.intervals import accuracy_interval
from saccade.evaluate.metric_intervals.interval import Interval, with_intervals
from saccade.evaluate.metric_intervals.shares import (
    Dependence,
    balanced_accuracy_dependence,
    balanced_accuracy_interval,
    macro_f1_interval,
    share_dependence,
    share_interval,
)


def ends(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None and interval.high is not None and not interval.reason
    return interval.low, interval.high


def answers(right: int, count: int) -> np.ndarray:
    return np.arange(count) < right


@pytest.mark.parametrize(("right", "count"), [(267, 269), (5, 5), (0, 50), (9_900, 10_000)])
def test_independent_answers_have_wilsons_interval(right: int, count: int) -> None:
    assert ends(share_interval(answers(right, count))) == pytest.approx(accuracy_interval(right, count), abs=1e-12)


def test_groups_of_one_mind_count_as_one_example_each() -> None:
    right, group = np.repeat(answers(15, 20), 10), np.repeat(np.arange(20), 10)
    found = share_dependence(right, group)
    assert found.effect == pytest.approx(10 * 20 / 19) and found.freedom == 19
    low, high = ends(share_interval(right, group))
    alone = accuracy_interval(15, 20)
    assert low < alone[0] and high > alone[1]  # Student's quantile, and one group less
    assert (low, high) == pytest.approx(alone, abs=0.03)


def test_groups_that_are_all_right_count_as_one_example_each() -> None:
    low, high = ends(share_interval(answers(60, 60), np.repeat(np.arange(20), 3)))
    assert high == 1 and low == pytest.approx(20 / (20 + 2.093**2), abs=1e-4)
    assert share_dependence(np.arange(60) % 3 > 0, np.repeat(np.arange(20), 3)).effect == 1  # never below


@pytest.mark.parametrize(
    ("groups", "reason"), [(1, "all test examples are of one group"), (4, "too few groups of examples (4)")]
)
def test_too_few_groups_have_no_interval(groups: int, reason: str) -> None:
    found = share_interval(answers(30, 40), np.arange(40) % groups)
    assert found.low is None and found.high is None and found.reason.startswith(reason)


def test_of_classes_of_one_size_all_right_the_balanced_accuracy_has_the_interval_of_accuracy() -> None:
    assert ends(balanced_accuracy_interval(np.eye(10, dtype=int) * 27)) == pytest.approx(accuracy_interval(270, 270))
    low, high = ends(balanced_accuracy_interval(np.array([[0, 27], [27, 0]])))
    assert low == 0 and high == pytest.approx(accuracy_interval(0, 54)[1])


def test_a_class_that_no_example_has_is_left_out_of_the_mean() -> None:
    without = np.array([[8, 2], [1, 39]])
    absent = np.array([[8, 2, 0], [1, 39, 0], [0, 0, 0]])
    assert balanced_accuracy_interval(absent) == balanced_accuracy_interval(without)
    five = ends(macro_f1_interval(absent))
    assert five == pytest.approx(ends(macro_f1_interval(without)), abs=0.02)


def test_a_small_class_decides_the_width_of_the_balanced_accuracy() -> None:
    low, high = ends(balanced_accuracy_interval(np.array([[4, 1], [10, 190]])))
    of_five = accuracy_interval(4, 5)
    assert high - low == pytest.approx((of_five[1] - of_five[0]) / 2, rel=0.1)


def coverage_of_balanced_accuracy(share_K: np.ndarray, count_K: np.ndarray, repeats: int) -> float:
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(repeats):
        right_K = rng.binomial(count_K, share_K)
        counts_KK = np.diag(right_K)
        counts_KK[np.arange(len(count_K)), (np.arange(len(count_K)) + 1) % len(count_K)] = count_K - right_K
        low, high = ends(balanced_accuracy_interval(counts_KK))
        held += low <= share_K.mean() <= high
    return held / repeats


@pytest.mark.parametrize(
    ("share_K", "count_K"), [((0.8, 0.95), (5, 200)), ((0.99,) * 10, (27,) * 10), ((0.7, 0.9, 0.97), (10, 30, 300))]
)
def test_about_95_of_100_intervals_hold_the_true_balanced_accuracy(
    share_K: tuple[float, ...], count_K: tuple[int, ...]
) -> None:
    assert 0.92 <= coverage_of_balanced_accuracy(np.array(share_K), np.array(count_K), 600) <= 0.975


def test_about_95_of_100_intervals_hold_the_true_macro_f1() -> None:
    share_K, count_K = np.array([0.8, 0.9, 0.97]), np.array([10, 40, 200])
    rows_KK = np.diag(share_K) + (1 - np.eye(3)) * (1 - share_K)[:, None] / 2
    expected_KK = rows_KK * count_K[:, None]
    right_K = np.diagonal(expected_KK)
    true = (2 * right_K / (expected_KK.sum(axis=0) + count_K)).mean()
    rng, held = np.random.default_rng(2), 0
    for _ in range(200):
        counts_KK = np.stack([rng.multinomial(count, row_K) for count, row_K in zip(count_K, rows_KK, strict=True)])
        low, high = ends(macro_f1_interval(counts_KK, draws=200))
        held += low <= true <= high
    assert 0.91 <= held / 200 <= 0.985


def test_all_right_is_no_certainty_of_macro_f1_and_a_seed_decides_the_draws() -> None:
    all_right = np.eye(4, dtype=int) * 25
    low, high = ends(macro_f1_interval(all_right))
    assert high == 1 and 0.93 < low < 0.98  # Wilson's interval of 100 of 100 begins at 0.963
    assert macro_f1_interval(all_right) == macro_f1_interval(all_right)
    assert macro_f1_interval(all_right, seed=1, draws=50) != macro_f1_interval(all_right, seed=2, draws=50)


def test_of_small_classes_a_mean_over_classes_has_no_interval() -> None:
    few = np.array([[3, 1, 0], [2, 48, 0], [0, 0, 60]])
    for interval in (balanced_accuracy_interval, macro_f1_interval):
        assert interval(few).reason.startswith("1 of 3 classes have fewer than 5 test examples")
    one_of_many = np.diag([4] + [30] * 19)
    assert not macro_f1_interval(one_of_many).reason and not balanced_accuracy_interval(one_of_many).reason


def test_groups_widen_the_intervals_of_balanced_accuracy_and_macro_f1() -> None:
    labels, group = np.repeat([0, 1], 60), np.repeat(np.arange(24), 5)
    right = np.repeat(np.arange(24) % 4 > 0, 5)
    counts = np.array([[45, 15], [15, 45]])
    dependent = balanced_accuracy_dependence(right, labels, group)
    assert dependent.effect == pytest.approx(5 * 24 / 23) and dependent.freedom == 23
    for interval in (balanced_accuracy_interval, macro_f1_interval):
        low, high = ends(interval(counts, dependent))
        apart = ends(interval(counts, Dependence()))
        assert high - low > 1.7 * (apart[1] - apart[0])


def test_metrics_stand_before_the_ends_of_their_intervals() -> None:
    found = with_intervals(
        {"a": 1.0, "b": 2.0, "c": None},
        {"a": Interval(0.5, 1.5), "b": Interval(None, None, "few"), "c": Interval(0, 1)},
    )
    assert list(found) == ["a", "a_low", "a_high", "b", "b_low", "b_high", "b_interval_reason", "c"]
    assert found["b_low"] is None and found["b_interval_reason"] == "few"
