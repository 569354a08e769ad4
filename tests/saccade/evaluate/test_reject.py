"""The confidence from which a classifier answers.

Shapes: N examples.
"""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from saccade.evaluate.confidence.answers import Answers
from saccade.evaluate.confidence.reject import Rejection, choose_threshold, is_answered, reject_metrics


def answers(N: int, seed: int = 0) -> Answers:
    random = np.random.default_rng(seed)
    sure_N = 1 - 0.5 * random.random(N) ** 3
    return Answers(sure_N, random.random(N) < sure_N)


def test_the_promise_is_kept_on_all_but_one_in_twenty_validation_splits() -> None:
    found = [choose_threshold(answers(1000, seed), max_error=0.05) for seed in range(200)]
    assert all(each.threshold is not None and each.reason == "" for each in found)
    sure_N = np.sort(answers(100_000, 99).confidences_N)  # each is right as often as it says
    answered = [sure_N[np.searchsorted(sure_N, each.threshold) :] for each in found]
    broken = sum(1 - float(sure.mean()) > 0.05 for sure in answered)
    assert broken <= 20  # 5 % are 10; three standard deviations more
    assert np.mean([len(sure) / len(sure_N) for sure in answered]) > 0.6  # and it answers


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    for wrong, count in ((0, 298), (0, 299), (1, 472), (1, 473), (7, 1311)):
        right_N = np.ones(count, dtype=bool)
        right_N[count - wrong :] = False  # those of the lowest confidence: all together is the last that is tried
        found = choose_threshold(Answers(np.full(count, 0.9), right_N), max_error=0.01)
        bound = binomtest(wrong, count).proportion_ci(0.9, method="exact").high  # one-sided: 95 %
        assert (found.threshold is not None) == (bound <= 0.01)


def test_where_the_first_fails_the_others_are_not_tried() -> None:
    # The surest 93 may hold one mistake (Clopper and Pearson, 5 %) and hold two; all that follow are right.
    right_N = np.ones(2000, dtype=bool)
    right_N[[5, 50]] = False
    found = choose_threshold(Answers(np.linspace(1, 0.5, 2000), right_N), max_error=0.05)
    assert found.threshold is None
    assert found.reason == (
        "2 of the 93 surest of 2,000 validation examples are answered wrong, too many for an error of at most 0.05 "
        "with confidence 0.95"
    )
    right_N[50] = True
    assert choose_threshold(Answers(np.linspace(1, 0.5, 2000), right_N), max_error=0.05).threshold == 0


def test_too_few_examples_are_said_with_how_many_it_takes() -> None:
    few = Answers(np.linspace(0.9, 1, 5), np.ones(5, dtype=bool))
    found = choose_threshold(few, max_error=0.01)
    assert found.threshold is None and found.reason == (
        "an error of at most 0.01 with confidence 0.95 takes 299 validation examples without a mistake, and there are 5"
    )
    assert 0.99**299 <= 0.05 < 0.99**298  # why 299
    enough = Answers(np.linspace(0.5, 1, 299), np.ones(299, dtype=bool))
    assert choose_threshold(enough, max_error=0.01).threshold == 0


def test_equal_confidences_are_not_parted() -> None:
    confidences_N = np.array([1.0] * 200 + [0.8] * 100 + [0.6] * 100)
    right_N = np.array([True] * 200 + [True] * 50 + [False] * 50 + [True] * 100)
    found = choose_threshold(Answers(confidences_N, right_N), max_error=0.05)
    assert found.threshold == pytest.approx(0.9)


@pytest.mark.parametrize(("name", "value"), [("max_error", 0.0), ("max_error", 1.5), ("confidence", 1.0)])
def test_shares_outside_0_to_1_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} \({value:g}\) must lie between 0 and 1"):
        choose_threshold(answers(50), **{"max_error": 0.1, name: value})


def test_what_a_threshold_is_worth_on_test_examples() -> None:
    test = Answers(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, True]))
    got = reject_metrics(Rejection(0.7, 0.1), test)
    assert (got["reject_threshold"], got["reject_coverage"]) == (0.7, 0.75)
    assert got["reject_error"] == pytest.approx(1 / 3)
    assert got["reject_error_low"] < 1 / 3 < got["reject_error_high"]
    assert got["reject_coverage_low"] < 0.75 < got["reject_coverage_high"]
    none = reject_metrics(Rejection(0.95, 0.1), test)
    assert none["reject_coverage"] == 0 and none["reject_error"] is None
    assert none["reject_error_reason"] == "none of the 4 test examples is answered"
    without = reject_metrics(Rejection(None, 0.1, reason="why"), test)
    assert without.pop("reject_threshold_reason") == "why" and set(without.values()) == {None}


def test_what_is_no_number_is_not_answered() -> None:
    assert is_answered(0.7, 0.7) and not is_answered(0.69, 0.7) and not is_answered(math.nan, 0.0)
