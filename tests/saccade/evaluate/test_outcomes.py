"""Outcomes by example: their means are the metrics, and the table holds what was written."""

from pathlib import Path

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.evaluate.metrics import classification_metrics, true_class_nats
from saccade.evaluate.multilabel_metrics import metrics_by_example, multilabel_metrics
from saccade.evaluate.outcomes import Outcomes, of_classes, of_numbers, read_outcomes, write_outcomes
from saccade.evaluate.text_metrics import next_token_metrics, outcomes_of_texts


def test_means_of_classes_are_their_metrics() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 7).astype(np.float32)
    labels = rng.integers(0, 3, 7)
    found = of_classes(np.arange(7), p.argmax(axis=1), labels, true_class_nats(p, labels))
    measured = classification_metrics(p, labels)
    assert found.values["accuracy"].mean() == pytest.approx(measured["accuracy"])
    assert found.values["loss"].mean() == pytest.approx(measured["loss"])
    assert found.classes is not None and found.classes.tolist() == labels.tolist()


def test_means_of_several_labels_are_their_metrics() -> None:
    rng = np.random.default_rng(1)
    p, labels = rng.random((9, 4)), (rng.random((9, 4)) < 0.4).astype(np.uint8)
    labels[0], p[0] = 0, 0.1
    found, measured = metrics_by_example(p, labels, [0.5] * 4), multilabel_metrics(p, labels, [0.5] * 4)
    for name in ("exact_match", "hamming_loss", "loss"):
        assert found[name].mean() == pytest.approx(measured[name])
    assert found["samples_f1"][0] == 1.0  # nothing there, nothing found
    from sklearn.metrics import f1_score

    theirs = f1_score(labels, p >= 0.5, average="samples", zero_division=1)
    assert found["samples_f1"].mean() == pytest.approx(theirs)


def test_weighted_means_of_texts_are_their_metrics() -> None:
    labels = np.array([[3, 4, 0, 0], [5, 3, 4, 4], [0, 0, 0, 0]])
    nats, predicted = np.where(labels > 0, 0.25 * labels, 0.0), np.array([[3, 3, 0, 0], [5, 3, 3, 4], [0, 0, 0, 0]])
    found, measured = outcomes_of_texts(np.array([7, 8, 9]), nats, predicted, labels), {}
    measured = next_token_metrics(nats, predicted, labels, "words")
    assert found.rows.tolist() == [7, 8] and found.weights is not None and found.weights.tolist() == [2, 4]
    for name in ("loss", "accuracy"):
        assert np.average(found.values[name], weights=found.weights) == pytest.approx(measured[name])


def test_the_table_holds_what_was_written(tmp_path: Path) -> None:
    errors = {"": np.array([[1.0, -3.0], [0.5, 0.25], [0, 0]]), "ridge_": np.full((3, 2), 2.0)}
    found = of_numbers(np.array([4, 9, 11]), errors)
    found = Outcomes(found.rows, found.values, np.array([1.0, 2.5, 1 / 3]), np.array([2, 0, 1]), np.array([5, 5, 6]))
    found = found.with_values({"baseline_mae": np.array([1.0, np.nan, 2.0])})
    assert write_outcomes(tmp_path / "outcomes.csv", found) == 3
    read = read_outcomes(tmp_path / "outcomes.csv")
    assert list(read.values) == ["mae", "mse", "ridge_mae", "ridge_mse", "baseline_mae"]
    for name, values in found.values.items():
        np.testing.assert_allclose(read.values[name], values)
    for name in ("rows", "weights", "classes", "groups"):
        np.testing.assert_allclose(getattr(read, name), getattr(found, name))
    assert read.values["mae"].tolist() == [2.0, 0.375, 0.0] and read.values["mse"][0] == 5.0


def test_a_large_table_is_capped_and_spread_evenly(tmp_path: Path) -> None:
    found = Outcomes(np.arange(10), {"mae": np.arange(10.0)})
    assert write_outcomes(tmp_path / "outcomes.csv", found, most=4) == 4
    assert read_outcomes(tmp_path / "outcomes.csv").rows.tolist() == [0, 3, 6, 9]


@pytest.mark.parametrize("text", ["row,mae\n1,abc\n", "mae\n1.0\n", "row,mae\n1\n"])
def test_a_damaged_table_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "outcomes.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"outcomes\.csv is damaged"):
        read_outcomes(path)
