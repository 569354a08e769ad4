"""Each task says where its answers are wrong more often, and names the examples."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.evaluate.about_data.slices import Property, read_slices
from saccade.tasks import classify, multilabel, regress

N = 80
HISTORY = [
    {"epoch": 1.0, "train_loss": 2.0, "validation_loss": 3.0, "train_mae": 1.0, "validation_mae": 1.5,
     "train_accuracy": 0.5, "validation_accuracy": 0.4, "learning_rate": 0.1}
]  # fmt: skip
IS_SMALL_N = np.arange(N) < 40
SIZES = Property("image size", np.where(IS_SMALL_N, 16.0, 64.0), "pixels a side")
NAMES = [f"photos/{i}.png" for i in range(N)]


def test_a_classifier(tmp_path: Path) -> None:
    labels_N = np.arange(N) % 2
    wrong_N = IS_SMALL_N & (np.arange(N) % 3 == 0)
    p_N = np.where(labels_N == 1, 0.8, 0.1 + 0.001 * np.arange(N))
    p_N = np.where(wrong_N, 1 - p_N, p_N)
    test = Split(np.zeros((N, 4, 5, 1), np.uint8), labels_N, np.arange(100, 100 + N))
    classify.evaluate(
        tmp_path,
        np.stack([1 - p_N, p_N], axis=1),
        test,
        Spec("image", (4, 5, 1), ("cat", "dog")),
        HISTORY,
        top_k=[1],
        properties=[SIZES],
        names_of_examples=NAMES,
    )
    small, large = read_slices(tmp_path / "slices.csv")
    assert (small.value, small.count, small.error) == ("16 pixels a side", 40, pytest.approx(14 / 40))
    assert (large.value, large.error) == ("64 pixels a side", 0) and small.is_worse and not large.is_worse
    with (tmp_path / "mistakes.csv").open(newline="") as file:
        mistakes = list(csv.DictReader(file))
    assert {row["name"] for row in mistakes} == {NAMES[i] for i in np.flatnonzero(wrong_N)}
    assert all(int(row["row"]) == 100 + NAMES.index(row["name"]) for row in mistakes)
    assert (tmp_path / "mistakes.png").exists()


def test_several_classes_are_right_where_all_of_them_are(tmp_path: Path) -> None:
    has_NK = np.stack([np.arange(N) % 2, np.arange(N) % 4 > 1], axis=1).astype(np.uint8)
    p_NK = np.where(has_NK > 0, 0.9, 0.2)
    p_NK[:10, 1] = 1 - p_NK[:10, 1]  # of both, one is wrong
    predictor = SimpleNamespace(config=SimpleNamespace(thresholds=[0.5, 0.5]))
    test = Split(np.zeros((N, 4, 5, 1), np.uint8), has_NK, np.arange(N))
    spec = Spec("image", (4, 5, 1), ("cat", "dog"), multilabel=True)
    multilabel.evaluate(tmp_path, p_NK, test, spec, HISTORY, predictor=predictor, properties=[SIZES])
    small, large = read_slices(tmp_path / "slices.csv")
    assert (small.error, large.error) == (0.25, 0)
    with (tmp_path / "mistakes.csv").open(newline="") as file:
        assert sorted(int(row["row"]) for row in csv.DictReader(file)) == list(range(10))


def test_one_number_has_slices_and_several_have_none_for_they_differ_in_unit(tmp_path: Path) -> None:
    truth_N = np.linspace(0, 5, N, dtype=np.float32)
    off_N = np.where(IS_SMALL_N, 2.0, 0.5).astype(np.float32) + 0.01 * (np.arange(N) % 5).astype(np.float32)
    test = Split(np.zeros((N, 5, 1), np.float32), truth_N[:, None], np.arange(N))
    spec = Spec("series", (5, 1), targets=("age",))
    regress.evaluate(tmp_path, (truth_N + off_N)[:, None], test, spec, HISTORY, properties=[SIZES])
    small, large = read_slices(tmp_path / "slices.csv")
    assert small.error == pytest.approx(2.02, rel=1e-4) and large.error == pytest.approx(0.52, rel=1e-4)
    assert small.is_worse and small.rest == large.error
    (tmp_path / "two").mkdir()
    two = Split(test.examples, np.stack([truth_N, truth_N], axis=1), test.rows)
    spec = Spec("series", (5, 1), targets=("age", "weight"))
    regress.evaluate(tmp_path / "two", two.labels + 1, two, spec, HISTORY, properties=[SIZES])
    assert not (tmp_path / "two" / "slices.csv").exists()
