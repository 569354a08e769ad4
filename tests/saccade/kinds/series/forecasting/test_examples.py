"""A series cut into the examples of a forecast, with splits and what normalises them.

Shapes: T steps, F features, M windows, W steps of inputs, H steps to forecast, G targets.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cut_series import cut_series

from saccade.core.errors import UserError
from saccade.data.prepared import open_split, read_dataset_info
from saccade.data.spec import SPLITS
from saccade.kinds.series.arrays import series_arrays
from saccade.kinds.series.forecasting.examples import ForecastData
from saccade.kinds.series.forecasting.windows import WindowSpec
from saccade.kinds.series.reading.regular import RegularSeries, regular_series
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.readers.examples import FileSeries

T, F = 120, 3
VALUES_TF = np.random.default_rng(3).normal([10, 1e4, -5], [1, 30, 0.1], size=(T, F)).astype(np.float32)


def regular(values_TF: np.ndarray = VALUES_TF, missing: Any = "error") -> RegularSeries:
    rows = len(values_TF)
    series = FileSeries(
        "a.csv", ("wind", "sun", "rain"), values_TF, range(2, rows + 2), "day", [str(i) for i in range(rows)]
    )
    return regular_series(series, missing)


def cut(series: RegularSeries | None = None, stride: int = 1, **options: Any) -> ForecastData:
    return cut_series(
        series or regular(), ("sun", "wind"), WindowSpec(8, 3, stride), **{"test": 0.2, "validation": 0.15, **options}
    )


def test_each_window_shows_what_was_and_asks_for_what_came() -> None:
    data = cut()
    assert data.examples.targets == ("sun +1", "wind +1", "sun +2", "wind +2", "sun +3", "wind +3")
    for window in (0, 1, 57, len(data.splits) - 1):
        np.testing.assert_array_equal(data.examples.series(window), VALUES_TF[window : window + 8])
        came = VALUES_TF[window + 8 : window + 11][:, [1, 0]]
        np.testing.assert_array_equal(data.examples.labels[window], came.ravel())
        assert data.timeline.time(window, 8) == str(window + 8)
    assert data.left_out == {"across the border of a part": 2 * (8 + 3 - 1)}


def test_mean_and_deviation_are_those_of_the_training_part_each_step_once(tmp_path: Path) -> None:
    data = cut(season=4)
    description = write_arrays(
        tmp_path, series_arrays(data.examples), rows_of_splits(data.splits), timeline=data.timeline
    )
    first, end = data.train_steps
    assert (first, end) == (0, 120 - 24 - 8 - 18 - 8)
    train_SF = VALUES_TF[first:end].astype(np.float64)
    np.testing.assert_allclose(description.mean, train_SF.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(description.std, train_SF.std(axis=0), rtol=1e-9)
    weighted = np.concatenate([open_split(tmp_path, "train").examples.reshape(-1, F)]).mean(axis=0)
    assert np.abs(weighted - train_SF.mean(axis=0)).max() > 1e-3  # of the windows it would be another one
    assert description.spec.features == ("wind", "sun", "rain") and description.spec.horizon == 3
    assert description.spec.step == "1" and description.timeline is not None
    assert description.timeline.seasons == (4, 4)
    assert read_dataset_info(tmp_path) == description


def test_what_training_saw_is_all_that_normalises(tmp_path: Path) -> None:
    """Change every value outside the training part: mean, deviation and season must stay."""
    other_TF = VALUES_TF.copy()
    other_TF[cut().train_steps[1] :] *= 7
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    made = [
        write_arrays(tmp_path / name, series_arrays(data.examples), rows_of_splits(data.splits), timeline=data.timeline)
        for name, data in (("a", cut()), ("b", cut(regular(other_TF))))
    ]
    assert (made[0].mean, made[0].std, made[0].timeline) == (made[1].mean, made[1].std, made[1].timeline)


@pytest.mark.parametrize("stride", [1, 3])
def test_the_latest_share_of_the_training_windows_is_kept(stride: int) -> None:
    whole, half = cut(stride=stride), cut(stride=stride, train_fraction=0.5)
    train, kept = (np.flatnonzero(data.splits == "train") for data in (whole, half))
    assert kept.tolist() == train[len(train) - len(kept) :].tolist() and len(kept) == round(len(train) / 2)
    assert half.left_out["beyond split.train_fraction"] == len(train) - len(kept)
    assert half.train_steps[1] == whole.train_steps[1] and half.train_steps[0] > whole.train_steps[0]


def with_holes(*holes: tuple[int, int]) -> RegularSeries:
    values_TF = VALUES_TF.astype(np.float64)
    for step, feature in holes:
        values_TF[step, feature] = np.nan
    return regular(values_TF, "interpolate")


def test_nobody_learns_or_is_measured_by_what_was_made_up() -> None:
    step = 30  # in the training part, of the target sun
    data = cut(with_holes((step, 1)))
    gone = np.flatnonzero((cut().splits == "train") & (data.splits == ""))
    # The windows that ask for it, and the one whose last input it is; those that hold it further back stay.
    assert gone.tolist() == [step - 10, step - 9, step - 8, step - 7]
    assert data.left_out["where something was filled in"] == 4


def test_a_hole_in_what_is_only_an_input_counts_where_the_line_over_it_looks_ahead() -> None:
    data = cut(with_holes((30, 2), (31, 2)))  # rain is not forecast
    gone = np.flatnonzero((cut().splits == "train") & (data.splits == ""))
    assert gone.tolist() == [30 - 7, 31 - 7]


def test_no_input_that_is_left_was_made_of_what_is_to_be_forecast() -> None:
    random = np.random.default_rng(8)
    holes = [(int(step), int(random.integers(F))) for step in random.integers(1, T - 1, 25)]
    data = cut(with_holes(*holes))
    for split in SPLITS:
        for window in np.flatnonzero(data.splits == split).tolist():
            end = window + 8
            changed = with_holes(*holes).source.values.copy()
            changed[end:] = np.where(np.isnan(changed[end:]), np.nan, changed[end:] + 1000)
            again = regular(changed, "interpolate")
            np.testing.assert_array_equal(data.examples.series(window), again.values[window:end])


def test_a_split_that_holes_empty_is_named() -> None:
    holes = [(step, 0) for step in range(1, T - 1) if step % 2]
    with pytest.raises(UserError, match=r"the train split of a\.csv is empty: in each of its windows something"):
        cut(with_holes(*holes))


def test_a_column_that_never_changes_in_training_is_refused() -> None:
    values_TF = VALUES_TF.copy()
    values_TF[:62, 2] = 4
    with pytest.raises(
        UserError, match=r"a\.csv, from 0 to 61 \(training\): rain must not be constant, but is 4 throughout"
    ):
        cut(regular(values_TF))


def test_a_counter_that_32_bits_cannot_follow_is_refused() -> None:
    values_TF = VALUES_TF.astype(np.float64)
    values_TF[:, 2] = 1e9 + np.arange(T)
    with pytest.raises(UserError, match=r"a\.csv: rain must differ by more than 32 bits tell apart, .* 64 apart there"):
        cut(regular(values_TF))


def test_the_season_is_looked_for_in_training_and_within_the_window() -> None:
    wave_T = np.sin(2 * np.pi * np.arange(T) / 6)
    values_TF = VALUES_TF.copy()
    values_TF[:, 1] += 300 * wave_T
    assert cut(regular(values_TF)).timeline.seasons == (6, None)
    assert cut(regular(values_TF), season=5).timeline.seasons == (5, 5)
