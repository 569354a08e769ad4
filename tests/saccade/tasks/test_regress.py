"""Predicted numbers: what is measured and written about them.

Shapes: N examples, O numbers to predict.
"""

import csv
from pathlib import Path

import numpy as np
import pytest

from pipeline.stages.evaluate.in_words import numbers_of
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.evaluate import metrics
from saccade.kinds import linear_baseline
from saccade.tasks import regress

TARGETS_NO = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 60.0]], np.float32)
ANSWERS_NO = np.array([[1.5, 10.0], [2.0, 26.0], [3.0, 60.0]], np.float32)
HISTORY = [
    {"epoch": 1.0, "train_loss": 2.0, "validation_loss": 3.0, "train_mae": 1.0, "validation_mae": 1.5,
     "learning_rate": 0.1, "gradient_norm": 1.0}
]  # fmt: skip


def test_the_metrics_are_those_worked_out_by_hand() -> None:
    got = metrics.regression_metrics(ANSWERS_NO, TARGETS_NO)
    assert got["mse"] == pytest.approx((0.25 + 0 + 1 + 0 + 36 + 0) / 6)
    assert got["rmse"] == pytest.approx(got["mse"] ** 0.5)
    assert got["mae"] == pytest.approx((0.5 + 0 + 1 + 0 + 6 + 0) / 6)
    variances = [((TARGETS_NO[:, o] - TARGETS_NO[:, o].mean()) ** 2).sum() for o in range(2)]
    assert got["r2"] == pytest.approx(((1 - 1.25 / variances[0]) + (1 - 36 / variances[1])) / 2)


def test_answers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"answers_NO \(shape \(2, 2\)\) and targets_NO \(shape \(3, 2\)\)"):
        metrics.regression_metrics(ANSWERS_NO[:2], TARGETS_NO)
    with pytest.raises(ValueError, match="NaN"):
        metrics.regression_metrics(np.full((3, 2), np.nan), TARGETS_NO)


def test_the_baseline_answers_the_mean_of_the_training_targets() -> None:
    got = linear_baseline.mean_baseline(TARGETS_NO[:2, :1], TARGETS_NO[:1, :1], TARGETS_NO[2:, :1])
    outcomes = {"mse": [pytest.approx(2.5**2)], "mae": [pytest.approx(2.5)]}
    assert got == {"mse": pytest.approx(2.5**2), "mae": pytest.approx(2.5), "outcomes": outcomes}


def test_tables_and_pictures_are_written(tmp_path: Path) -> None:
    spec = Spec("series", (5, 1), targets=("length", "weight"))
    test = Split(np.zeros((3, 5, 1), np.float32), TARGETS_NO, np.array([7, 8, 30]))
    got = regress.evaluate(tmp_path, ANSWERS_NO, test, spec, HISTORY)
    measured = metrics.regression_metrics(ANSWERS_NO, TARGETS_NO)
    assert numbers_of(got) == measured
    assert all(
        got[f"{name}_low"] is None and "test examples (3)" in got[f"{name}_interval_reason"] for name in measured
    )
    names = {path.name for path in tmp_path.iterdir()}
    tables = {"predictions.csv", "per_number.csv", "outcomes.csv"}
    assert names == {*tables, "predictions.png", "learning_curves.png"}
    assert (tmp_path / "outcomes.csv").read_text(encoding="utf-8").startswith("row,mae,mse\n7,")
    with (tmp_path / "per_number.csv").open(newline="", encoding="utf-8") as file:
        assert [(row["number"], row["mae"]) for row in csv.DictReader(file)] == [("length", "0.5"), ("weight", "2")]
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == ["7", "8", "30"]
    assert rows[1] == {"row": "8", "actual(length)": "2", "actual(weight)": "20", "length": "2", "weight": "26"}
    assert all(
        (tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in ("predictions.png", "learning_curves.png")
    )
