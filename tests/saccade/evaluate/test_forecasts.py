"""Errors of forecasts in the data's own unit, scaled, and by series.

Shapes: N windows, H steps to forecast, G targets, O = H * G numbers to predict.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import mean_absolute_error, mean_absolute_percentage_error

from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.data.timeline import Calendar, SeriesTimeline, Timeline
from saccade.evaluate.forecasts import OwnUnit, mean_scaled_error, naive_errors, smape, write_by_series
from saccade.kinds.series.forecasting.seasonality import common_season, naive_error

SPEC = Spec("series", (4, 2), targets=("a +1", "b +1", "a +2", "b +2"), features=("a", "b"), horizon=2)
CALENDAR = Calendar("1", "1", "number.0")
PANEL = Timeline(
    CALENDAR,
    0,
    1,
    (None, None),
    panel=(
        SeriesTimeline("x", CALENDAR, 0, 0, (2.0, 0.0), (10.0, 0.0), (2.0, 1.0)),
        SeriesTimeline("y", CALENDAR, 3, 5, (4.0, 8.0), (-5.0, 100.0), (3.0, 50.0)),
    ),
)
WINDOWS_N = np.array([4, 5, 9])  # the last of x, and two of y


def test_smape_is_symmetric_and_knows_no_0_over_0() -> None:
    random = np.random.default_rng(0)
    truth_NO, answer_NO = random.uniform(1, 9, (5, 4)), random.uniform(1, 9, (5, 4))
    # 2 |y - f| / (|y| + |f|) is the percentage error against the middle of both
    expected = 100 * mean_absolute_percentage_error(
        (truth_NO + answer_NO) / 2, (answer_NO - truth_NO) + (truth_NO + answer_NO) / 2
    )
    assert smape(answer_NO, truth_NO) == pytest.approx(expected)
    assert smape(truth_NO, answer_NO) == pytest.approx(expected)
    assert smape(np.zeros((2, 2)), np.zeros((2, 2))) == 0
    assert smape(np.array([[1.0]]), np.array([[-1.0]])) == 200


def test_what_is_stored_in_units_of_a_series_is_restored() -> None:
    split = Split(np.zeros((3, 4, 2)), np.zeros((3, 4)), WINDOWS_N)
    unit = OwnUnit.of(split, SPEC, PANEL)
    np.testing.assert_array_equal(
        unit.restore(np.ones((3, 4))), [[12, 1, 12, 1], [-2, 150, -2, 150], [-2, 150, -2, 150]]
    )
    assert unit.restore_input(np.array([0.0, 2.0]), 1, 1).tolist() == [100, 200]
    alone = OwnUnit.of(split, SPEC, Timeline(CALENDAR, 0, 1, (None, None)))
    assert alone.restore(np.ones((3, 4))).tolist() == np.ones((3, 4)).tolist()


def test_mase_is_the_error_over_that_of_the_naive_forecast_in_training() -> None:
    random = np.random.default_rng(1)
    train_T, season = random.normal(size=60).cumsum(), 7
    no_hole_T = np.zeros(60, dtype=bool)
    scale = naive_error(train_T, no_hole_T, season)
    assert scale == pytest.approx(mean_absolute_error(train_T[season:], train_T[:-season]))
    timeline = Timeline(CALENDAR, 0, 1, (season, None), naive_mae=(scale, 2.0))
    naive_NO = naive_errors(WINDOWS_N, SPEC, timeline)
    assert naive_NO is not None
    errors_NO = random.normal(size=(3, 4))
    by_hand = (np.abs(errors_NO[:, ::2]).mean() / scale + np.abs(errors_NO[:, 1::2]).mean() / 2) / 2
    assert mean_scaled_error(errors_NO, naive_NO) == pytest.approx(by_hand)


def test_what_cannot_be_scaled_is_left_out_and_null_where_nothing_can() -> None:
    naive_NO = naive_errors(WINDOWS_N, SPEC, PANEL)
    assert naive_NO is not None
    np.testing.assert_array_equal(naive_NO[0], [2, np.nan, 2, np.nan])
    np.testing.assert_array_equal(naive_NO[2], [4, 8, 4, 8])
    assert mean_scaled_error(np.full((3, 4), 8.0), naive_NO) == pytest.approx((2 * 4 + 4 * 2 + 4 * 1) / 10)
    assert mean_scaled_error(np.ones((1, 2)), np.full((1, 2), np.nan)) is None
    assert naive_errors(WINDOWS_N, SPEC, Timeline(CALENDAR, 0, 1, (None, None))) is None  # of an older version


def test_filled_values_are_in_no_naive_error() -> None:
    values_T, is_filled_T = np.array([1.0, 50, 3, 4]), np.array([False, True, False, False])
    assert naive_error(values_T, is_filled_T, 1) == 1
    assert naive_error(values_T, np.ones(4, dtype=bool), 1) is None
    assert naive_error(values_T, is_filled_T, 4) is None


def test_one_season_counts_for_all_series_if_half_of_them_have_one() -> None:
    assert common_season([None, 12, 7, 7]) == 7
    assert common_season([7, None, None]) is None
    assert common_season([14, 7]) == 7
    assert common_season([None]) is None


def test_errors_are_written_series_by_series(tmp_path: Path) -> None:
    truth_NO = np.array([[10.0, 1, 10, 1], [0, 100, 0, 100], [0, 100, 0, 100]])
    answers = {"network": truth_NO + 4, "ridge": truth_NO - 8}
    write_by_series(tmp_path, answers, truth_NO, WINDOWS_N, naive_errors(WINDOWS_N, SPEC, PANEL), PANEL)
    with (tmp_path / "by_series.csv").open(newline="", encoding="utf-8") as file:
        x, y = csv.DictReader(file)
    assert list(x) == ["series", "windows", "mae", "rmse", "smape", "mase", "ridge_mae", "ridge_mase"]
    assert (x["series"], x["windows"], x["mae"], x["mase"], x["ridge_mase"]) == ("x", "1", "4", "2", "4")
    assert (y["series"], y["windows"], y["mae"], y["mase"]) == ("y", "2", "4", "0.75")
    assert float(x["smape"]) == pytest.approx(smape(answers["network"][:1], truth_NO[:1]), rel=1e-5)
    with Image.open(tmp_path / "by_series.png") as image:
        assert image.size[0] > 300


def test_a_series_without_mase_has_an_empty_cell(tmp_path: Path) -> None:
    naive_NO = np.array([[np.nan] * 4, [2.0] * 4, [2.0] * 4])
    write_by_series(tmp_path, {"network": np.ones((3, 4))}, np.zeros((3, 4)), WINDOWS_N, naive_NO, PANEL)
    with (tmp_path / "by_series.csv").open(newline="", encoding="utf-8") as file:
        assert [row["mase"] for row in csv.DictReader(file)] == ["", "0.5"]
