"""What a forecast is told beside the measured past: planned columns, the calendar, holidays, what never changes.

Shapes: T steps, W steps of a window, F features.
"""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from saccade.core.errors import UserError
from saccade.data.forecast_inputs import ForecastInputs, StaticColumn, shifts_for
from saccade.io.time_detection import TimeOptions
from saccade.kinds.series.forecasting.covariates import (
    CALENDAR_WORDS,
    Filling,
    _is_ahead,
    read_holidays,
    series_inputs,
    static_columns,
)
from saccade.readers.examples import FileSeries, LongSeries

T, A = 12, 5
NAN = float("nan")


def days(count: int, first: str = "2024-02-26") -> list[str]:
    return [str(date.fromisoformat(first) + timedelta(i)) for i in range(count)]


def planned(order: int = 1, **changes: Any) -> LongSeries:
    """Sales of 12 days, and a promotion that is planned for 17."""
    values = np.array([[10.0 + i if i < T else NAN, float(i % 4 == 0)] for i in range(T + A)])
    series = FileSeries(
        "a.csv", ("sales", "promotion"), values[::order], list(range(2, T + A + 2)), "day", days(T + A)[::order]
    )
    return LongSeries(replace(series, **changes), ("sales",), known=("promotion",))


INPUTS = ForecastInputs(("sales",), ("promotion",), shifts=(3,))


def test_rows_behind_the_last_measured_one_are_what_is_planned() -> None:
    found = series_inputs(planned(), INPUTS, Filling(), ahead=A)
    np.testing.assert_array_equal(found.regular.values[:, 0], 10 + np.arange(T))
    np.testing.assert_array_equal(found.known[:, 0], np.arange(T + A) % 4 == 0)
    assert found.regular.calendar is not None and found.regular.calendar.text(T) == "2024-03-09"
    assert not found.regular.is_filled.any() and found.regular.missing_rows == 0
    assert len(found.regular.source.values) == len(found.regular.source.times) == T


def test_a_window_shows_what_is_planned_for_each_step_of_its_horizon() -> None:
    found = series_inputs(planned(), INPUTS, Filling(), ahead=3)
    window_WF = found.window(T - 4, 4, INPUTS)
    np.testing.assert_array_equal(window_WF[:, 0], 10 + np.arange(T - 4, T))
    np.testing.assert_array_equal(window_WF[:, 1], np.arange(T - 4, T) % 4 == 0)
    np.testing.assert_array_equal(window_WF[:, 2], np.arange(T - 1, T + 3) % 4 == 0)
    assert INPUTS.features == ("sales", "promotion", "promotion +3")


@pytest.mark.parametrize(("window", "horizon"), [(4, 3), (4, 4), (4, 11), (1, 3), (3, 12)])
def test_each_step_of_the_horizon_is_in_the_window_whatever_is_longer(window: int, horizon: int) -> None:
    seen = [step + shift for shift in shifts_for(window, horizon) for step in range(window)]
    ahead = sorted(step for step in seen if step >= window)
    assert ahead == list(range(window, window + horizon))


def test_what_is_not_planned_far_enough_is_asked_for() -> None:
    message = (
        r"a\.csv: promotion must be known for the 6 steps to forecast, from 2024-03-09 to 2024-03-14, but rows with "
        r"them end at 2024-03-13\. Add the rows, and leave sales empty there"
    )
    with pytest.raises(UserError, match=message):
        series_inputs(planned(), INPUTS, Filling(), ahead=A + 1)


def test_a_hole_in_what_is_planned_is_a_hole() -> None:
    values = planned().series.values.copy()
    values[5, 1] = NAN
    with pytest.raises(UserError, match=r"a\.csv, line 7: promotion must not be missing"):
        series_inputs(planned(values=values), INPUTS, Filling())
    filled = series_inputs(planned(values=values), INPUTS, Filling("interpolate"))
    assert filled.known[4:7, 0].tolist() == [1, 0.5, 0]


def calendar_of(words: list[str], times: list[str], **options: Any) -> np.ndarray:
    values = np.arange(float(len(times)))[:, None]
    long = LongSeries(FileSeries("a.csv", ("x",), values, range(2, len(times) + 2), "when", times), ("x",))
    return series_inputs(long, ForecastInputs(("x",), calendar=tuple(words), **options), Filling(), ahead=2).known


def test_the_calendar_is_told_as_sine_and_cosine_and_goes_on() -> None:
    when = pd.date_range("2023-12-30 22:30", periods=40, freq="h")  # beyond a year's end, and two steps further
    known = calendar_of(list(CALENDAR_WORDS), [time.strftime("%Y-%m-%d %H:%M") for time in when[:38]])
    assert known.shape == (40, 12) and known.dtype == np.float32
    turns = {
        "minute": when.minute / 60,
        "hour": (when.hour + 0.5) / 24,
        "weekday": when.day_of_week / 7,
        "day": (when.day - 1) / 31,
        "yearday": (when.day_of_year - 1) / 366,
        "month": (when.month - 1) / 12,
    }
    for i, word in enumerate(CALENDAR_WORDS):
        turn = 2 * np.pi * turns[word].to_numpy()
        np.testing.assert_allclose(known[:, 2 * i], np.sin(turn), atol=1e-6)
        np.testing.assert_allclose(known[:, 2 * i + 1], np.cos(turn), atol=1e-6)


def test_holidays_are_those_of_a_day_and_are_counted_in_longer_steps() -> None:
    holidays = ("2024-03-01", "2024-03-04", "2024-03-05")
    assert calendar_of([], days(10), holidays=holidays)[:, 0].tolist() == [0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0]
    weeks = [str(date(2024, 2, 26) + timedelta(7 * i)) for i in range(3)]
    assert calendar_of([], weeks, holidays=holidays)[:, 0].tolist() == [1, 2, 0, 0, 0]
    hours = [f"2024-03-0{1 + i // 24} {i % 24:02}:00" for i in range(20, 28)]
    assert calendar_of([], hours, holidays=holidays)[:, 0].tolist() == [1] * 4 + [0] * 6


def test_times_that_are_numbers_have_no_weekday() -> None:
    with pytest.raises(
        UserError, match=r"a\.csv: the times must be dates where preprocess asks for weekday, but are n"
    ):
        calendar_of(["weekday"], [str(i) for i in range(9)])


def test_holidays_are_read_from_a_list_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "days.csv").write_text("day,name\n2024-12-25,Christmas\n2024-01-01,New Year\n\n", encoding="utf-8")
    both = ("2024-01-01", "2024-12-25")
    assert read_holidays("days.csv", tmp_path) == both
    assert read_holidays(["2024-12-25", "2024-01-01", "2024-12-25"]) == both
    assert read_holidays(None) == ()
    with pytest.raises(UserError, match=r"holidays \(no\.txt\) must be a list of days .* there is no such file"):
        read_holidays("no.txt", tmp_path)
    with pytest.raises(UserError, match=r"holidays\[1\] \(25\.12\.2024\) must be a day such as 2024-12-25"):
        read_holidays(["2024-01-01", "25.12.2024"])
    (tmp_path / "days.csv").write_text("2024-12-25\nEaster\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"days\.csv, line 2 \(Easter\) must be a day"):
        read_holidays("days.csv", tmp_path)


def series_of(name: str, **static: str) -> LongSeries:
    return replace(planned(), name=name, static=static)


def test_static_columns_are_numbers_or_categories() -> None:
    found = static_columns([series_of("a", region="north", area="12"), series_of("b", region="south", area="7.5")])
    assert found == (StaticColumn("region", ("north", "south")), StaticColumn("area"))
    inputs = replace(INPUTS, static=found)
    shown = series_inputs(series_of("b", region="south", area="7.5"), inputs, Filling(), ahead=3)
    assert shown.static.tolist() == [0, 1, 7.5]
    assert inputs.features[-3:] == ("region = north", "region = south", "area")
    assert shown.window(0, 4, inputs)[:, -3:].tolist() == [[0, 1, 7.5]] * 4
    with pytest.raises(UserError, match=r"static \(region\) must be one of those .* 'north', 'south', but is 'west'"):
        series_inputs(series_of("c", region="west", area="1"), inputs, Filling())
    with pytest.raises(UserError, match=r"static \(area\) must be a number, as it was in training, but is 'wide'"):
        series_inputs(series_of("c", region="north", area="wide"), inputs, Filling())


def test_codes_that_begin_with_zero_are_no_numbers() -> None:
    (column,) = static_columns([series_of("a", post="0170"), series_of("b", post="0171")])
    assert column.categories == ("0170", "0171")


def test_a_static_column_that_tells_nothing_apart_is_refused() -> None:
    with pytest.raises(UserError, match=r"static \(region\) must tell series apart, but is 'north' in all of them"):
        static_columns([series_of("a", region="north"), series_of("b", region="north")])


def test_newest_first_has_what_is_planned_at_its_beginning() -> None:
    values = planned(order=-1).series.values
    assert _is_ahead(values[:, :1]).tolist() == [True] * A + [False] * T


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_planned_is_found_in_either_order_of_the_rows(order: int) -> None:
    found = series_inputs(planned(order), INPUTS, Filling(), ahead=A)
    np.testing.assert_array_equal(found.regular.values[:, 0], 10 + np.arange(T))
    np.testing.assert_array_equal(found.known[:, 0], np.arange(T + A) % 4 == 0)


def test_the_hour_is_that_of_the_clocks_where_the_series_was_measured() -> None:
    times = [f"2024-03-30T{hour:02}:00+00:00" for hour in range(24)]
    times += [f"2024-03-31T{hour:02}:00+00:00" for hour in range(24)]  # clocks go forward at 01:00 UTC
    values = np.arange(48.0)[:, None]
    series = FileSeries("a.csv", ("x",), values, range(2, 50), "when", times, TimeOptions(zone="Europe/Lisbon"))
    inputs = ForecastInputs(("x",), calendar=("hour",))
    known = series_inputs(LongSeries(series, ("x",)), inputs, Filling()).known
    hours = np.round(np.arctan2(known[:, 0], known[:, 1]) / (2 * np.pi) * 24).astype(int) % 24
    assert hours[:25].tolist() == [*range(24), 0] and hours[25:30].tolist() == [2, 3, 4, 5, 6]
