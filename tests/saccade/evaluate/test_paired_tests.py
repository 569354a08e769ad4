"""Paired tests against SciPy, worked examples and simulations whose answer is known."""

import math

import numpy as np
import pytest
from scipy.stats import binom, chi2, ttest_rel

from saccade.evaluate.outcomes import Outcomes
from saccade.evaluate.paired_tests import (
    NO_DIFFERENCE,
    PairedTest,
    adjust,
    block_length_for,
    compare_pairs,
    compare_with_baselines,
    difference_interval,
    holm,
    mcnemar,
    shared_metric,
)


def outcomes(values: dict[str, np.ndarray], **about: np.ndarray) -> Outcomes:
    count = len(next(iter(values.values())))
    return Outcomes(np.arange(count) * 3, {name: np.asarray(v, float) for name, v in values.items()}, **about)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 8), (5, 5), (0, 6), (24, 0), (3, 20)])
def test_mcnemar_of_few_discordant_pairs_is_twice_the_smaller_binomial_tail(b: int, c: int) -> None:
    by_hand = min(1.0, 2 * binom.cdf(min(b, c), b + c, 0.5)) if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(by_hand, rel=1e-9) and mcnemar(b, c) == pytest.approx(mcnemar(c, b))


def test_mcnemar_of_many_is_edwards_corrected_chi_square() -> None:
    # The table of McNemar's test in Agresti, "Categorical Data Analysis", 10.1: 86 against 150; uncorrected z^2 17.36.
    assert mcnemar(86, 150) == pytest.approx(chi2.sf((150 - 86 - 1) ** 2 / 236, 1), rel=1e-12)
    assert mcnemar(86, 150) == pytest.approx(4.115e-5, rel=1e-3)
    assert mcnemar(12, 12) > mcnemar(10, 14) > mcnemar(6, 18)  # below 25 exact, and from there on alike
    assert mcnemar(8, 17) == pytest.approx(2 * binom.cdf(8, 25, 0.5), rel=0.05)


def test_holm_is_the_worked_example_of_statsmodels() -> None:
    # multipletests([0.01, 0.04, 0.03, 0.005], method="holm")[1]
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.4, 0.9]) == pytest.approx([0.8, 0.9]) and holm([0.7, 0.7]) == [1.0, 1.0]


def test_holm_leaves_out_tests_that_have_no_p_value() -> None:
    def test(p: float | None) -> PairedTest:
        return PairedTest("accuracy", 9, 0.5, 0.6, 0.1, None, None, p, "")

    assert [each.adjusted for each in adjust([test(0.02), test(None), test(0.03)])] == [0.04, None, 0.04]
    assert [each.verdict for each in adjust([test(0.03), test(None), test(0.04)])] == [NO_DIFFERENCE] * 3
    assert test(0.03).verdict == "better" and test(0.05).verdict == NO_DIFFERENCE


def test_errors_are_better_when_they_fall() -> None:
    for metric, verdict in (("mae", "worse"), ("persistence_mae", "worse"), ("accuracy", "better")):
        assert PairedTest(metric, 9, 0.5, 0.6, 0.1, 0.01, 0.2, 0.001, "").verdict == verdict


def test_the_interval_of_two_shares_holds_the_true_difference() -> None:
    rng = np.random.default_rng(7)
    for n, only_first, only_second in ((50, 0.04, 0.08), (269, 0.02, 0.02), (1000, 0.01, 0.05)):
        draws = rng.multinomial(n, [only_first, only_second, 1 - only_first - only_second], 2000)
        ends = [difference_interval(int(b), int(c), n) for b, c, _ in draws]
        held = np.mean([low <= only_second - only_first <= high for low, high in ends])
        assert 0.93 <= held <= 0.995, (n, held)
    low, high = difference_interval(0, 0, 269)
    assert low < 0 < high and high == pytest.approx(-low) and high == pytest.approx(0.01023, abs=2e-5)


def test_right_and_wrong_answers_are_compared_by_mcnemar() -> None:
    first, second = np.ones(40), np.ones(40)
    first[:9], second[8:10] = 0, 0
    test = compare_pairs(outcomes({"accuracy": first}), outcomes({"accuracy": second}), "accuracy")
    assert test.discordant == (1, 8) and test.p == 0.0390625 and test.method == "McNemar's exact test"
    assert test.difference == pytest.approx(7 / 40) and test.verdict == "better"
    assert test.low is not None and test.low > 0


def test_only_examples_that_both_answered_count() -> None:
    whole = outcomes({"accuracy": np.array([1, 1, 0, 1, 0])})
    some = Outcomes(whole.rows[2:], {"accuracy": np.array([0.0, 0.0, 1.0])})
    test = compare_pairs(whole, some, "accuracy")
    assert test.examples == 3 and test.discordant == (1, 1) and test.first == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="none in common"):
        compare_pairs(whole, Outcomes(whole.rows + 1, whole.values), "accuracy")


def test_of_a_baseline_that_looked_at_some_examples_these_count() -> None:
    run = outcomes({"accuracy": np.ones(8), "baseline_accuracy": np.array([0, 0, 0, 0, 0, 0, np.nan, np.nan])})
    test = compare_with_baselines(run, "accuracy")
    assert test is not None and test.examples == 6 and test.p == 0.03125 and test.verdict == "better"


def test_the_run_stands_beside_the_best_of_its_baselines() -> None:
    errors = np.linspace(1, 2, 30)
    run = outcomes({"mae": errors, "persistence_mae": errors * 3, "ridge_mae": errors * 0.5})
    test = compare_with_baselines(run, "mae")
    assert test is not None and test.first == pytest.approx(0.75) and test.verdict == "worse"
    assert compare_with_baselines(outcomes({"mae": errors}), "mae") is None


def test_the_p_value_of_a_mean_is_about_that_of_a_t_test() -> None:
    rng = np.random.default_rng(3)
    for shift in (0.0, 0.15, 0.3, 0.9):
        a = rng.exponential(1, 60)
        b = a + rng.normal(shift, 1, 60)
        test = compare_pairs(outcomes({"mae": a}), outcomes({"mae": b}), "mae")
        assert test.p is not None and test.p == pytest.approx(ttest_rel(a, b).pvalue, rel=0.5, abs=0.02)
        assert (test.p < 0.05) == (test.low is not None and test.high is not None and test.low * test.high > 0)


def test_equal_runs_have_no_difference() -> None:
    same = outcomes({"mae": np.arange(30.0)})
    test = compare_pairs(same, same, "mae")
    assert (test.difference, test.low, test.high, test.p, test.verdict) == (0, 0, 0, 1.0, NO_DIFFERENCE)


def test_one_example_says_nothing() -> None:
    test = compare_pairs(outcomes({"mae": np.ones(1)}), outcomes({"mae": np.zeros(1)}), "mae")
    assert test.p is None and test.low is None and test.verdict == NO_DIFFERENCE


def test_groups_are_drawn_whole() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(12), 25)
    shared = rng.normal(0.15, 0.5, 12)[group]  # a group is easier for one of them as a whole
    a = rng.exponential(1, 300)
    alone = compare_pairs(outcomes({"mae": a}), outcomes({"mae": a + shared}), "mae")
    whole = compare_pairs(outcomes({"mae": a}, groups=group), outcomes({"mae": a + shared}, groups=group), "mae")
    assert whole.method == "paired bootstrap of groups"
    assert None not in (whole.p, alone.p) and whole.p > 3 * alone.p  # type: ignore[operator]


def test_right_and_wrong_answers_of_groups_are_not_counted_alone() -> None:
    right = np.array([1, 1, 1, 0, 0, 0, 1, 1], float)
    test = compare_pairs(
        outcomes({"accuracy": right}, groups=np.arange(8) // 2),
        outcomes({"accuracy": 1 - right}, groups=np.arange(8) // 2),
        "accuracy",
    )
    assert test.method == "paired bootstrap of groups" and test.discordant == (5, 3)


def test_classes_count_the_same_in_balanced_accuracy() -> None:
    classes = np.array([0] * 90 + [1] * 10)
    first, second = np.ones(100), np.ones(100)
    first[90:] = 0  # knows the frequent class alone
    second[:9] = 0
    a, b = (outcomes({"accuracy": each}, classes=classes) for each in (first, second))
    test = compare_pairs(a, b, "balanced_accuracy")
    assert test.first == pytest.approx(0.5) and test.second == pytest.approx(0.95) and test.verdict == "better"
    assert test.method == "paired bootstrap of examples within their classes"


def test_windows_that_follow_each_other_are_drawn_in_blocks() -> None:
    rng = np.random.default_rng(1)
    errors = np.convolve(rng.normal(0.12, 1, 420), np.ones(20) / 20, mode="valid")  # each shares 19 steps with the next
    a = np.zeros(len(errors))
    alone = compare_pairs(outcomes({"mae": a}), outcomes({"mae": errors}), "mae")
    blocks = compare_pairs(
        outcomes({"mae": a}), outcomes({"mae": errors}), "mae", block_length=block_length_for(20, 401)
    )
    assert blocks.method == "paired bootstrap of blocks of 20 windows"
    assert None not in (blocks.p, alone.p) and blocks.p > 10 * alone.p  # type: ignore[operator]


def test_segments_count_by_their_tokens() -> None:
    weights = np.array([1.0, 3.0])
    test = compare_pairs(
        outcomes({"loss": np.array([1.0, 2.0])}, weights=weights),
        outcomes({"loss": np.array([2.0, 1.0])}, weights=weights),
        "loss",
    )
    assert (test.first, test.second) == (7 / 4, 5 / 4)


def test_the_metric_of_a_pair_is_the_main_one_or_what_it_rises_with() -> None:
    some = outcomes({"samples_f1": np.ones(3), "loss": np.ones(3)})
    assert shared_metric("perplexity", some, some) == "loss" and shared_metric("loss", some, some) == "loss"
    assert shared_metric("mean_average_precision", some, some) == "samples_f1"
    assert shared_metric("accuracy", some, outcomes({"mae": np.ones(3)})) is None
    with_classes = outcomes({"accuracy": np.ones(3)}, classes=np.arange(3))
    assert shared_metric("balanced_accuracy", with_classes, with_classes) == "balanced_accuracy"


def test_one_in_twenty_equal_pairs_is_called_different_and_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(11)
    false, held, trials = 0, 0, 200
    for _ in range(trials):
        a = rng.gamma(2, 1, 40)
        b = a + rng.gamma(2, 0.5, 40) - 1  # skewed, of mean 0
        test = compare_pairs(outcomes({"mae": a}), outcomes({"mae": b}), "mae")
        assert test.p is not None and test.low is not None and test.high is not None
        false += test.p < 0.05
        held += test.low <= 0 <= test.high
    assert 0.01 <= false / trials <= 0.10 and 0.90 <= held / trials <= 0.99


def test_a_difference_beyond_all_draws_has_a_small_p_value_that_is_no_zero() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(0, 1, 50)
    test = compare_pairs(outcomes({"mae": a}), outcomes({"mae": a + rng.normal(1, 1, 50)}), "mae")
    assert test.p is not None and 0 < test.p < 1e-4 and not math.isnan(test.p)
