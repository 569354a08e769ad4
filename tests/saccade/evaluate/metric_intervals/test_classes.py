"""All intervals of a classifier, of one class an example and of several."""

import numpy as np
import pytest

from saccade.evaluate.metric_intervals.classes import (
    classification_intervals,
    drawn_mean_average_precision,
    mean_of_examples,
    multilabel_intervals,
)
from saccade.evaluate.metrics import classification_metrics, confusion_counts
from saccade.evaluate.multilabel_metrics import mean_average_precision, multilabel_metrics

rng = np.random.default_rng(7)
N, K = 120, 7
LABELS_N = np.arange(N) % K
LOGITS_NK = rng.normal(size=(N, K)) + 2.5 * np.eye(K)[LABELS_N]
PROBABILITIES_NK = np.exp(LOGITS_NK) / np.exp(LOGITS_NK).sum(axis=1, keepdims=True)


def measured_and_intervals(probabilities_NK: np.ndarray, labels_N: np.ndarray, group_N: np.ndarray | None = None):  # type: ignore[no-untyped-def]
    measured = classification_metrics(probabilities_NK, labels_N)
    counts_KK = confusion_counts(probabilities_NK, labels_N)
    return measured, classification_intervals(probabilities_NK, labels_N, counts_KK, measured, group_N)


def test_each_metric_but_the_calibration_error_has_an_interval_around_it() -> None:
    measured, intervals = measured_and_intervals(PROBABILITIES_NK, LABELS_N)
    assert set(intervals) == set(measured) - {"ece"} and "top5_accuracy" in intervals
    for name, one in intervals.items():
        assert one.low is not None and one.high is not None
        assert one.low < measured[name] < one.high or (measured[name] == 1 == one.high)


def test_five_examples_have_intervals_of_shares_and_one_class_that_is_absent_breaks_nothing() -> None:
    labels = np.array([0, 1, 2, 0, 1])
    measured, intervals = measured_and_intervals(
        PROBABILITIES_NK[:5, :4] / PROBABILITIES_NK[:5, :4].sum(1)[:, None], labels
    )
    assert intervals["accuracy"].low is not None and intervals["macro_f1"] == intervals["balanced_accuracy"]
    assert intervals["macro_f1"].reason.startswith("3 of 3 classes have fewer than 5 test examples")
    assert measured["accuracy"] <= 1 and intervals["loss"].low is not None


@pytest.mark.parametrize("shift", [0, 1])
def test_all_right_and_all_wrong_are_no_certainty(shift: int) -> None:
    sure_NK = np.full((N, K), 0.01) + np.eye(K)[(LABELS_N + shift) % K] * (1 - K * 0.01)
    measured, intervals = measured_and_intervals(sure_NK, LABELS_N)
    assert measured["accuracy"] == measured["macro_f1"] == 1 - shift
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        one = intervals[name]
        assert one.low is not None and one.high is not None
        assert 0.01 < one.high - one.low < 0.08 and measured[name] in (one.low, one.high)
    assert intervals["loss"].low is None and intervals["loss"].reason.startswith("examples are all alike")


def test_one_group_says_nothing_of_others() -> None:
    _, intervals = measured_and_intervals(PROBABILITIES_NK, LABELS_N, np.zeros(N, int))
    assert {one.reason for one in intervals.values()} == {
        "all test examples are of one group, and nothing tells how others differ"
    }


def test_losses_of_one_group_that_are_alike_widen_the_interval() -> None:
    values, group = np.repeat(rng.exponential(size=40), 6), np.repeat(np.arange(40), 6)
    apart, together = mean_of_examples(values), mean_of_examples(values, group)
    assert apart.low is not None and apart.high is not None and together.low is not None and together.high is not None
    assert together.high - together.low > 2 * (apart.high - apart.low)
    assert mean_of_examples(np.ones(4)).reason.startswith("too few test examples (4)")


HAS_NK = (rng.random((90, 3)) < [0.2, 0.4, 0.5]).astype(np.uint8)
CHANCES_NK = 1 / (1 + np.exp(-(rng.normal(size=HAS_NK.shape) + 2 * HAS_NK - 1)))


def test_average_precision_of_draws_is_that_of_scikit_learn() -> None:
    rounded = CHANCES_NK.round(1)  # many equal scores
    drawn = drawn_mean_average_precision(rounded, HAS_NK, draws=5, seed=3)
    rows = np.random.default_rng(3).integers(0, 90, (5, 90))
    assert drawn == pytest.approx([mean_average_precision(rounded[some], HAS_NK[some]) for some in rows])
    group = np.arange(90) // 3
    drawn = drawn_mean_average_precision(rounded, HAS_NK, group, draws=5, seed=3)
    chosen = np.random.default_rng(3).integers(0, 30, (5, 30))
    rows = (chosen[:, :, None] * 3 + np.arange(3)).reshape(5, 90)
    assert drawn == pytest.approx([mean_average_precision(rounded[some], HAS_NK[some]) for some in rows])


def test_metrics_of_several_classes_have_intervals_around_them() -> None:
    measured = multilabel_metrics(CHANCES_NK, HAS_NK, [0.5] * 3)
    intervals = multilabel_intervals(CHANCES_NK, HAS_NK, [0.5] * 3, measured)
    assert set(intervals) == set(measured)
    for name, one in intervals.items():
        assert one.low is not None and one.high is not None and one.low < measured[name] < one.high


def test_average_precision_of_a_rare_class_has_no_interval() -> None:
    has = HAS_NK.copy()
    has[np.flatnonzero(has[:, 0])[4:], 0] = 0
    measured = multilabel_metrics(CHANCES_NK, has, [0.5] * 3)
    intervals = multilabel_intervals(CHANCES_NK, has, [0.5] * 3, measured)
    assert intervals["mean_average_precision"].reason.startswith("a class has 4 examples in the test split")
    assert intervals["macro_f1"].low is None and intervals["micro_f1"].low is not None
    perfect = multilabel_intervals(
        has.astype(float), has, [0.5] * 3, multilabel_metrics(has.astype(float), has, [0.5] * 3)
    )
    assert perfect["micro_f1"].reason == "all draws of the test examples give 1"
    assert perfect["exact_match"].high == 1 and perfect["exact_match"].low is not None
