"""Forecasts: what is measured and written about them.

Shapes: N windows, W steps of inputs, H steps to forecast, G targets.
"""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.stages.evaluate.in_words import numbers_of
from saccade.bundle.bundle import NetworkConfig
from saccade.bundle.intervals import PredictionInterval
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.data.timeline import Calendar, Timeline
from saccade.predict.predictor import Predictor
from saccade.tasks import forecast

W, H, N = 4, 2, 3
SPEC = Spec(
    "series",
    (W, 2),
    targets=("sun +1", "wind +1", "sun +2", "wind +2"),
    features=("wind", "sun"),
    step="1 month",
    horizon=H,
)
TRUTH_NO = np.array([[1, 10, 2, 20], [3, 30, 4, 40], [5, 50, 6, 60]], np.float32)
OFF_NO = np.array([[1, 0, -1, 2], [0, 4, 0, -2], [2, 0, 0, 10]], np.float32)
TEST = Split(np.arange(N * W * 2, dtype=np.float32).reshape(N, W, 2), TRUTH_NO, np.array([7, 8, 9]))
TIMELINE = Timeline(Calendar("2024-01", "1 month", "%Y-%m"), 0, 1, (None, None))
HISTORY = [
    {"epoch": 1.0, "train_loss": 2.0, "validation_loss": 3.0, "train_mae": 1.0, "validation_mae": 1.5,
     "learning_rate": 0.1, "gradient_norm": 1.0}
]  # fmt: skip


def predictor(band: PredictionInterval | None) -> Predictor:
    recipe = NetworkConfig("rnn", {"hidden_size": 2}, SPEC, "forecast", [0.0, 0.0], [1.0, 1.0], "0" * 64, interval=band)
    return Predictor(recipe, recipe.build_network(), torch.device("cpu"))


def evaluated(folder: Path, **options: Any) -> dict[str, Any]:
    return forecast.evaluate(folder, TRUTH_NO + OFF_NO, TEST, SPEC, HISTORY, **options)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_metrics_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    baselines = {"persistence": TRUTH_NO + 5.0, "ridge": TRUTH_NO - 1.0}
    band = PredictionInterval(0.8, [-1.0, 0, 0, 0], [1.0, 1, 1, 1], 99)
    got = evaluated(tmp_path, predictor=predictor(band), baselines=baselines, timeline=TIMELINE)
    names = ["mae", "rmse", "smape", "band_coverage", "persistence_mae", "ridge_mae", "baseline_mae"]
    assert [name for name in got if not name.endswith(("_low", "_high", "_reason"))] == names
    assert all(got[f"{name}_low"] is None and "3 windows" in got[f"{name}_interval_reason"] for name in names)
    assert got["mae"] == pytest.approx(22 / 12) and got["rmse"] == pytest.approx((130 / 12) ** 0.5)
    assert (got["persistence_mae"], got["ridge_mae"], got["baseline_mae"]) == (5, 1, 1)
    # The truth lies at -off from the forecast: in [-1, 1] for sun +1, else in [0, 1].
    assert got["band_coverage"] == pytest.approx((3 + 2 + 2) / 12)


def test_errors_are_scaled_by_those_of_the_naive_forecast_in_training(tmp_path: Path) -> None:
    got = evaluated(tmp_path, timeline=replace(TIMELINE, naive_mae=(2.0, 0.0)))
    sun_NH = np.abs(OFF_NO[:, ::2])
    assert got["mase"] == pytest.approx(sun_NH.mean() / 2) and "mase_reason" not in got  # of wind there is none
    off, both = np.abs(OFF_NO), np.abs(TRUTH_NO) + np.abs(TRUTH_NO + OFF_NO)
    assert got["smape"] == pytest.approx(200 * (off / both).mean())


def test_what_cannot_be_scaled_is_null_with_its_reason(tmp_path: Path) -> None:
    got = evaluated(tmp_path, timeline=replace(TIMELINE, naive_mae=(0.0, None)))
    assert got["mase"] is None and got["mase_reason"].startswith("the naive forecast is never wrong")
    numbers = numbers_of(got | {"members": {"mae": 1.0}})
    assert list(numbers) == ["mae", "rmse", "smape"] and json.loads(json.dumps(got))["mase"] is None


def test_errors_are_told_step_by_step(tmp_path: Path) -> None:
    evaluated(tmp_path, baselines={"persistence": TRUTH_NO + np.array([5.0, 5, 7, 7])}, timeline=TIMELINE)
    rows = rows_of(tmp_path / "by_step.csv")
    assert [list(row) for row in rows] == [["step", "mae", "rmse", "persistence_mae"]] * 2
    first, second = ([float(value) for value in row.values()] for row in rows)
    assert first == pytest.approx([1, 7 / 6, (21 / 6) ** 0.5, 5], rel=1e-5)
    assert second == pytest.approx([2, 15 / 6, (109 / 6) ** 0.5, 7], rel=1e-5)


def test_each_forecast_stands_in_a_row_with_its_time(tmp_path: Path) -> None:
    evaluated(tmp_path, predictor=predictor(PredictionInterval(0.8, [-1.0] * 4, [2.0] * 4, 9)), timeline=TIMELINE)
    rows = rows_of(tmp_path / "forecast.csv")
    assert len(rows) == 12
    # Window 7 begins in August 2024, and its four inputs end with November.
    assert list(rows[0]) == ["window", "time", "step", "target", "truth", "forecast", "low", "high"]
    assert list(rows[0].values()) == ["7", "2024-12", "1", "sun", "1", "2", "1", "4"]
    assert (rows[3]["time"], rows[3]["step"], rows[3]["target"], rows[3]["forecast"]) == ("2025-01", "2", "wind", "22")


def test_of_very_many_forecasts_some_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "_MAX_ROWS", 8)
    evaluated(tmp_path)
    rows = rows_of(tmp_path / "forecast.csv")
    assert [row["window"] for row in rows[::4]] == ["7", "9"] and rows[0]["time"] == "4"


def test_pictures_are_drawn_with_and_without_a_band(tmp_path: Path) -> None:
    sizes = {}
    for name, options in (
        ("plain", {}),
        (
            "all",
            {
                "predictor": predictor(PredictionInterval(0.8, [-1.0] * 4, [2.0] * 4, 9)),
                "baselines": {"seasonal": TRUTH_NO},
            },
        ),
    ):
        (tmp_path / name).mkdir()
        evaluated(tmp_path / name, timeline=TIMELINE, **options)
        for picture in ("forecast.png", "by_step.png", "learning_curves.png"):
            with Image.open(tmp_path / name / picture) as image:
                sizes[name, picture] = image.size
                image.convert("RGB").load()
        assert {path.suffix for path in (tmp_path / name).iterdir()} == {".png", ".csv"}
    assert all(width > 500 and height > 250 for width, height in sizes.values())
    plain, banded = ((tmp_path / name / "forecast.png").read_bytes() for name in ("plain", "all"))
    assert plain != banded
    evaluated(tmp_path / "plain", timeline=TIMELINE)
    assert (tmp_path / "plain" / "forecast.png").read_bytes() == plain  # the same values, the same bytes
