"""Intervals of errors of numbers, of forecasts whose windows overlap, and of the tokens of a text."""

import math

import numpy as np
import pytest
from scipy import stats

from saccade.data.timeline import Calendar, SeriesTimeline, Timeline
from saccade.evaluate.bootstrap import mean_interval
from saccade.evaluate.metric_intervals.numbers import regression_intervals
from saccade.evaluate.metric_intervals.over_time import (
    Windows,
    block_length,
    forecast_intervals,
    mean_over_windows,
    next_token_intervals,
    windows_of_forecast,
    windows_of_text,
)
from saccade.evaluate.metrics import regression_metrics
from saccade.evaluate.text_metrics import next_token_metrics

rng = np.random.default_rng(11)


def test_the_studentised_interval_of_a_mean_is_about_students() -> None:
    values = rng.normal(5, 2, 40)
    found = mean_interval(values, np.ones(40))
    assert found == pytest.approx(stats.t.interval(0.95, 39, values.mean(), stats.sem(values)), abs=0.08)


def test_a_skewed_mean_reaches_further_up_than_down_and_not_below_0() -> None:
    values = np.exp(1.5 * rng.normal(size=30))
    low, high = mean_interval(values, np.ones(30))
    assert high - values.mean() > 1.5 * (values.mean() - low) and low >= 0
    assert not np.isfinite(mean_interval(np.full(9, 0.1), np.ones(9))).any()  # alike but for rounding


def test_metrics_of_numbers_have_intervals_around_them() -> None:
    targets = rng.normal(size=(80, 2)) * [1, 10]
    answers = targets + rng.normal(size=(80, 2)) * [0.3, 5]
    measured, intervals = regression_metrics(answers, targets), regression_intervals(answers, targets)
    assert set(intervals) == set(measured)
    for name, one in intervals.items():
        assert one.low is not None and one.high is not None and one.low < measured[name] < one.high
    assert intervals["rmse"].low == pytest.approx(math.sqrt(intervals["mse"].low or 0))
    perfect = regression_intervals(targets, targets)
    assert all(one.low is None and one.reason for one in perfect.values())
    few = regression_intervals(answers[:4], targets[:4])
    assert {one.reason[:25] for one in few.values()} == {"too few test examples (4)"}
    one_group = regression_intervals(answers, targets, np.zeros(80, int))
    assert all(one.reason.startswith("all test examples are of one group") for one in one_group.values())


def moving_average(count: int, order: int) -> np.ndarray:
    return np.convolve(rng.normal(size=count + order - 1), np.ones(order), "valid")


def test_blocks_are_as_long_as_values_resemble_each_other() -> None:
    independent = [block_length(rng.normal(size=400)) for _ in range(20)]
    alike = [block_length(moving_average(400, 12)) for _ in range(20)]
    assert np.median(independent) <= 4 and 12 <= np.median(alike) <= 60
    assert block_length(np.ones(50)) == 1 and block_length(np.array([1.0])) == 1
    trend = block_length(np.arange(90.0))
    assert 10 <= trend <= math.ceil(3 * math.sqrt(90))


def test_windows_that_overlap_widen_the_interval() -> None:
    values = np.abs(moving_average(600, 12))
    ones = np.ones(600)
    apart = mean_over_windows(values, ones, Windows(np.arange(600)[::-1].copy()))
    blocks = mean_over_windows(values, ones, windows_of_forecast(np.arange(600) + 40, 12, None))
    shuffled = rng.permutation(600)
    independent = mean_over_windows(values[shuffled], ones, Windows(np.arange(600)))
    widths = [(one.high or 0) - (one.low or 0) for one in (apart, blocks, independent)]
    assert widths[1] > 2 * widths[2] and widths[0] > 1.5 * widths[2]  # blocks are found without being told


def test_the_order_of_rows_is_that_of_time_and_not_of_the_array() -> None:
    values, ones, order = np.abs(moving_average(200, 8)), np.ones(200), rng.permutation(200)
    in_order = mean_over_windows(values, ones, windows_of_forecast(np.arange(200), 8, None))
    assert mean_over_windows(values[order], ones, windows_of_forecast(order, 8, None)) == in_order


def test_windows_that_all_share_steps_have_no_interval() -> None:
    errors = rng.normal(size=(29, 12))
    found = forecast_intervals(errors, windows_of_forecast(np.arange(29), 12, None))
    assert found["mae"].low is None
    assert found["mae"].reason == (
        "the test split has 29 windows, each of which shares steps with the next 11: 2 of them tell something of their "
        "own, and it takes 5"
    )
    assert not forecast_intervals(errors, windows_of_forecast(np.arange(29), 1, None))["mae"].reason


def test_forecasts_have_an_interval_for_each_metric_that_is_asked_for() -> None:
    errors = rng.normal(size=(150, 3))
    scaled = np.abs(errors)
    scaled[:, 1] = np.nan
    windows = windows_of_forecast(np.arange(150), 3, None)
    found = forecast_intervals(
        errors, windows, percent_NO=np.abs(errors), scaled_NO=scaled, is_inside_NO=np.abs(errors) < 1.3
    )
    assert list(found) == ["mae", "rmse", "mase", "smape", "band_coverage"]
    assert found["smape"] == found["mae"] != found["mase"]
    inside = found["band_coverage"]
    assert inside.low is not None and inside.high is not None
    assert inside.low < (np.abs(errors) < 1.3).mean() < inside.high <= 1


def panel(*firsts: str, windows: int = 30) -> Timeline:
    one = [
        SeriesTimeline(f"s{i}", Calendar(first, "1 month", "%Y-%m"), 0, i * windows, (1.0,), (0.0,), (1.0,))
        for i, first in enumerate(firsts)
    ]
    return Timeline(one[0].calendar, 0, 1, (None,), panel=tuple(one))


def test_windows_of_several_series_at_one_time_stay_together() -> None:
    windows = windows_of_forecast(np.arange(60), 2, panel("2020-01", "2020-04"))
    assert windows.series is None and windows.overlap == 2
    assert windows.times[:30].tolist() == list(range(30)) and windows.times[30:].tolist() == list(range(3, 33))
    alike = np.tile(np.abs(moving_average(30, 2)), 2)
    both = mean_over_windows(alike, np.ones(60), windows_of_forecast(np.arange(60), 2, panel("2020-01", "2020-01")))
    one = mean_over_windows(alike[:30], np.ones(30), windows_of_forecast(np.arange(30), 2, None))
    assert (both.low, both.high) == pytest.approx((one.low, one.high))  # a copy of a series tells nothing more


def test_series_of_few_times_are_drawn_whole() -> None:
    windows = windows_of_forecast(np.arange(24), 12, panel(*(["2020-01"] * 8), windows=3))
    assert windows.series is not None and windows.series.tolist() == np.repeat(np.arange(8), 3).tolist()
    assert not mean_over_windows(rng.exponential(size=24), np.ones(24), windows).reason
    other_years = windows_of_forecast(np.arange(90), 2, panel("1950-01", "1970-01", "1990-01"))
    few = mean_over_windows(rng.exponential(size=90), np.ones(90), other_years)
    assert few.reason.startswith("too few series (3)")


def test_tokens_are_drawn_by_windows_of_the_text() -> None:
    shape = (40, 25)
    nats, labels = rng.exponential(2, shape), rng.integers(1, 9, shape)
    predicted = np.where(rng.random(shape) < 0.6, labels, 0)
    labels[-1, 10:] = 0  # the text ends
    measured = next_token_metrics(nats, predicted, labels, "characters")
    found = next_token_intervals(nats, predicted, labels, windows_of_text(np.arange(40) * 25, 25), measured)
    assert set(found) == set(measured)
    for name, one in found.items():
        assert one.low is not None and one.high is not None and one.low < measured[name] < one.high
    assert found["perplexity"].low == pytest.approx(math.exp(found["loss"].low or 0))
    assert windows_of_text(np.arange(40) * 5, 25).overlap == 5 and windows_of_text(np.array([3]), 25).overlap == 1
    single = next_token_intervals(nats[:1], predicted[:1], labels[:1], windows_of_text(np.array([3]), 25), measured)
    assert single["loss"].reason.startswith("too few windows (1)")
