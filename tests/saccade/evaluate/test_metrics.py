"""Shapes: N examples, K classes."""

import math
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from saccade.evaluate.metrics import (
    classification_metrics,
    confusion_counts,
    equal_mass_bins,
    expected_calibration_error,
    per_class_table,
)


@pytest.fixture(autouse=True)
def _any_warning_fails():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def some_answers(N=211, K=7, seed=3, sharpness=2.0):
    """Probabilities that lean to the label, labels of unequal frequency."""
    rng = np.random.default_rng(seed)
    labels_N = rng.choice(K, size=N, p=np.arange(1, K + 1) / np.arange(1, K + 1).sum())
    logits_NK = rng.normal(size=(N, K)) * sharpness
    logits_NK[np.arange(N), labels_N] += 1.5
    probabilities_NK = np.exp(logits_NK) / np.exp(logits_NK).sum(axis=1, keepdims=True)
    return probabilities_NK, labels_N.astype(np.int64)


def with_predictions(predicted, K, confidence=0.7):
    probabilities_NK = np.full((len(predicted), K), (1 - confidence) / (K - 1))
    probabilities_NK[np.arange(len(predicted)), predicted] = confidence
    return probabilities_NK


def test_agrees_with_scikit_learn():
    probabilities_NK, labels_N = some_answers()
    predicted_N = probabilities_NK.argmax(axis=1)
    got = classification_metrics(probabilities_NK, labels_N, top_k=[1, 2, 5])
    assert list(got) == [
        "accuracy", "top2_accuracy", "top5_accuracy", "macro_f1", "balanced_accuracy", "loss", "ece",
    ]  # fmt: skip
    assert all(type(value) is float for value in got.values())
    expected = {
        "accuracy": sk.accuracy_score(labels_N, predicted_N),
        "top2_accuracy": sk.top_k_accuracy_score(labels_N, probabilities_NK, k=2),
        "top5_accuracy": sk.top_k_accuracy_score(labels_N, probabilities_NK, k=5),
        "macro_f1": sk.f1_score(labels_N, predicted_N, average="macro"),
        "balanced_accuracy": sk.balanced_accuracy_score(labels_N, predicted_N),
        "loss": sk.log_loss(labels_N, probabilities_NK),
    }
    for key, value in expected.items():
        assert got[key] == pytest.approx(value, rel=1e-12), key
    assert got["accuracy"] != pytest.approx(got["balanced_accuracy"], abs=1e-3)  # the case tells them apart


@pytest.mark.parametrize(("K", "keys"), [(2, []), (5, []), (6, ["top5_accuracy"])])
def test_top_k_needs_more_than_k_classes(K, keys):
    got = classification_metrics(*some_answers(K=K), top_k=[1, 5])
    assert [key for key in got if key.startswith("top")] == keys


def test_of_equal_probabilities_the_first_classes_are_the_top():
    labels_N = np.array([0, 1, 2, 3, 3])
    got = classification_metrics(np.full((5, 4), 0.25), labels_N, top_k=[2])
    assert got["accuracy"] == pytest.approx(1 / 5)
    assert got["top2_accuracy"] == pytest.approx(2 / 5)


def test_macro_averages_leave_out_classes_without_labels():
    # Class 3 has no label and is predicted once; class 4 is neither; class 2 has a label and is never predicted.
    labels_N = np.array([0, 0, 0, 1, 1, 2])
    probabilities_NK = with_predictions([0, 0, 3, 1, 0, 1], K=5)
    got = classification_metrics(probabilities_NK, labels_N, top_k=[1])
    assert got["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert got["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)

    table = per_class_table(probabilities_NK, labels_N, ["a", "b", "c", "d", "e"])
    assert table == [
        {"class": "a", "precision": pytest.approx(2 / 3), "recall": pytest.approx(2 / 3),
         "f1": pytest.approx(2 / 3), "support": 3},
        {"class": "b", "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2},
        {"class": "c", "precision": None, "recall": 0.0, "f1": 0.0, "support": 1},
        {"class": "d", "precision": 0.0, "recall": None, "f1": 0.0, "support": 0},
        {"class": "e", "precision": None, "recall": None, "f1": None, "support": 0},
    ]  # fmt: skip


def test_one_example_is_enough():
    got = classification_metrics(np.array([[0.25, 0.75]]), np.array([1]), top_k=[1, 5])
    assert got == pytest.approx(
        {"accuracy": 1, "macro_f1": 1, "balanced_accuracy": 1, "loss": -math.log(0.75), "ece": 0.25}
    )


def test_loss_of_a_probability_of_zero_is_finite_and_that_of_float32_is_summed_in_float64():
    probabilities_NK = np.array([[1, 0], [0.5, 0.5]], dtype=np.float32)
    got = classification_metrics(probabilities_NK, np.array([1, 0]), top_k=[])
    assert got["loss"] == pytest.approx((126 * math.log(2) + math.log(2)) / 2, rel=1e-12)  # 2**-126 is float32's least


def test_calibration_error_by_hand():
    # Two bins of 20: 10 of the less sure are right and 20 of the surer, as sure as 0.6 and 0.9.
    confidences_N, is_correct_N = np.array([0.6] * 20 + [0.9] * 20), np.arange(40) >= 10
    expected = 1 / 2 * abs(10 / 20 - 0.6) + 1 / 2 * abs(20 / 20 - 0.9)
    assert expected_calibration_error(confidences_N, is_correct_N) == pytest.approx(expected, rel=1e-12)
    probabilities_NK = np.stack([confidences_N, 1 - confidences_N], axis=1)
    got = classification_metrics(probabilities_NK, (~is_correct_N).astype(np.int64), top_k=[])
    assert got["ece"] == pytest.approx(expected, rel=1e-12)


def test_calibration_error_equals_a_plain_loop():
    # Right three times in four, however sure; in an order that has nothing to do with how sure.
    rng = np.random.default_rng(8)
    confidences_N = rng.uniform(0.5, 1, size=300)
    is_correct_N = rng.random(300) < 0.75
    ranked = sorted(range(300), key=lambda i: confidences_N[i])
    bins = [ranked[20 * m : 20 * m + 20] for m in range(15)]
    expected = sum(abs(np.mean(is_correct_N[inside]) - np.mean(confidences_N[inside])) for inside in bins) / 15
    assert expected > 0.05 + abs(is_correct_N.mean() - confidences_N.mean())  # so the bins matter
    probabilities_NK = np.stack([1 - confidences_N, confidences_N], axis=1)
    got = classification_metrics(probabilities_NK, is_correct_N.astype(np.int64), top_k=[])["ece"]
    assert got == pytest.approx(expected, rel=1e-12)


def test_bins_hold_twenty_answers_at_least_and_equal_confidences_lie_in_one():
    assert equal_mass_bins(np.linspace(0.3, 0.9, 5)).tolist() == [0] * 5
    assert np.bincount(equal_mass_bins(np.linspace(0.3, 0.9, 47))).tolist() == [23, 24]
    surest_N = np.array([1.0] * 60 + [0.5] * 30 + [0.7] * 30)
    assert equal_mass_bins(surest_N).tolist() == [2] * 60 + [0] * 30 + [1] * 30
    assert np.bincount(equal_mass_bins(np.linspace(0.3, 0.9, 10_000))).tolist() == [666, 667, 667] * 5


def test_per_class_table_agrees_with_scikit_learn():
    probabilities_NK, labels_N = some_answers()
    rows = per_class_table(probabilities_NK, labels_N, list("abcdefg"))
    expected = sk.precision_recall_fscore_support(labels_N, probabilities_NK.argmax(axis=1))
    for key, column in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [row[key] for row in rows] == pytest.approx(column.tolist(), rel=1e-12), key


def test_confusion_rows_are_true_classes():
    got = confusion_counts(with_predictions([1, 1, 1, 0, 3], K=4), np.array([0, 0, 1, 1, 3]))
    assert got.dtype == np.int64
    assert got.tolist() == [[0, 2, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]


def test_bfloat16_sized_rounding_passes():
    probabilities_NK, labels_N = some_answers()
    classification_metrics((probabilities_NK * 1.005).astype(np.float32), labels_N, top_k=[1])


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.full((3, 2), 0.5), np.array([0, 1]), r"labels_N \(shape \(2,\)\) must have one label per row .*3 rows"),
        (np.full((2, 2), 0.5), np.array([0, 2]), r"labels_N \(0\.\.2\) must lie in \[0, 2\)"),
        (np.full((2, 2), 0.5), np.array([-1, 1]), r"labels_N \(-1\.\.1\)"),
        (np.full((2, 2), 0.5), np.array([0.0, 1.0]), r"labels_N \(dtype float64\) must hold integers"),
        (np.array([[0.5, 0.5], [2.0, -1.0]]), np.array([0, 1]), r"row 1 \(smallest -1, sum 1\) .* softmax"),
        (np.array([[0.5, 0.9], [0.5, 0.5]]), np.array([0, 1]), r"row 0 \(smallest 0.5, sum 1.4\)"),
        (np.array([[0.5, 0.5], [np.nan, 1.0]]), np.array([0, 1]), r"row 1 \(smallest nan, sum nan\)"),
        (np.ones((2, 1)), np.array([0, 0]), r"shape \(2, 1\)\) must be \(N, K\)"),
        (np.ones((0, 3)), np.array([], dtype=np.int64), r"shape \(0, 3\)\) must be \(N, K\)"),
    ],
)
def test_what_cannot_be_measured_is_refused(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        classification_metrics(probabilities, labels, top_k=[1])


def test_other_refusals():
    probabilities_NK, labels_N = some_answers(K=3)
    with pytest.raises(ValueError, match=r"top_k \(\[1, 0\]\) must hold integers of at least 1"):
        classification_metrics(probabilities_NK, labels_N, top_k=[1, 0])
    with pytest.raises(ValueError, match=r"classes \(2 names\) must name each of the 3 columns"):
        per_class_table(probabilities_NK, labels_N, ["a", "b"])
