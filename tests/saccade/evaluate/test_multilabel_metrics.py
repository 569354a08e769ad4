"""Metrics of several classes an example, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from saccade.evaluate.multilabel_metrics import (
    average_precisions,
    mean_average_precision,
    multilabel_metrics,
    per_class_table,
)

RANDOM = np.random.default_rng(1)
P_NK = RANDOM.random((50, 4)).astype(np.float32)
Y_NK = (RANDOM.random((50, 4)) < [0.2, 0.5, 0.7, 0.05]).astype(np.uint8)
THRESHOLDS = [0.3, 0.5, 0.2, 0.9]


def test_they_are_scikit_learns() -> None:
    got, found_NK = multilabel_metrics(P_NK, Y_NK, THRESHOLDS), P_NK >= THRESHOLDS
    assert got["mean_average_precision"] == pytest.approx(
        sklearn_metrics.average_precision_score(Y_NK, P_NK, average="macro")
    )
    for average in ("macro", "micro"):
        expected = sklearn_metrics.f1_score(Y_NK, found_NK, average=average, zero_division=0)
        assert got[f"{average}_f1"] == pytest.approx(expected)
    assert got["exact_match"] == pytest.approx(sklearn_metrics.accuracy_score(Y_NK, found_NK))
    assert got["hamming_loss"] == pytest.approx(sklearn_metrics.hamming_loss(Y_NK, found_NK))
    losses = [sklearn_metrics.log_loss(Y_NK[:, k], P_NK[:, k].astype(float), labels=[0, 1]) for k in range(4)]
    assert got["loss"] == pytest.approx(np.mean(losses))
    assert next(iter(got)) == "mean_average_precision" and all(isinstance(value, float) for value in got.values())


def test_average_precision_is_the_mean_precision_at_each_hit() -> None:
    """By hand: hits at ranks 1 and 3 of the first class, at rank 2 of the second."""
    p_NK, y_NK = np.array([[0.9, 0.4], [0.8, 0.7], [0.1, 0.1]]), np.array([[1, 1], [0, 0], [1, 0]], np.uint8)
    assert average_precisions(p_NK, y_NK) == pytest.approx([(1 / 1 + 2 / 3) / 2, 1 / 2])


def test_classes_that_no_example_has_are_left_out_of_means_and_not_of_micro_f1() -> None:
    p_NK, y_NK = np.array([[0.9, 0.8], [0.2, 0.7]]), np.array([[1, 0], [0, 0]], np.uint8)
    assert average_precisions(p_NK, y_NK) == [1.0, None]
    got = multilabel_metrics(p_NK, y_NK, [])
    assert got["mean_average_precision"] == got["macro_f1"] == 1.0
    assert got["micro_f1"] == pytest.approx(2 * 1 / (3 + 1)) and got["exact_match"] == 0.0
    nothing = multilabel_metrics(p_NK, np.zeros((2, 2), np.uint8), [1.0, 1.0])
    assert nothing["mean_average_precision"] == nothing["macro_f1"] == nothing["micro_f1"] == 0.0
    assert nothing["exact_match"] == 1.0


def test_certain_and_wrong_answers_have_a_finite_loss() -> None:
    got = multilabel_metrics(np.array([[0.0, 1.0]]), np.array([[1, 0]], np.uint8), [])
    assert got["loss"] == pytest.approx(-np.log(1e-7), rel=1e-6)


def test_the_table_of_classes() -> None:
    rows = per_class_table(P_NK, Y_NK, THRESHOLDS, "abcd")
    found_NK = P_NK >= THRESHOLDS
    precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(Y_NK, found_NK, zero_division=0)
    for k, row in enumerate(rows):
        assert (row["class"], row["threshold"], row["support"]) == ("abcd"[k], THRESHOLDS[k], support[k])
        assert [row[name] for name in ("precision", "recall", "f1")] == pytest.approx([precision[k], recall[k], f1[k]])
        assert row["found"] == found_NK[:, k].sum()
    (empty,) = per_class_table(np.array([[0.1]]), np.array([[0]], np.uint8), [0.5], ["a"])
    assert [empty[name] for name in ("precision", "recall", "f1", "average_precision")] == [None] * 4


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]: take the sigmoid"):
        mean_average_precision(np.array([[1.5, 0.0]]), np.array([[1, 0]], np.uint8))
    with pytest.raises(ValueError, match=r"must be the same \(N, K\)"):
        mean_average_precision(np.zeros((2, 3)), np.zeros((2, 2), np.uint8))
