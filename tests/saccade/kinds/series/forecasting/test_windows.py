"""Windows of a series and their splits: no step is in two of them.

Shapes: T steps, W steps of inputs, H steps to forecast, M windows.
"""

import time

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.spec import SPLITS, names_of_targets, targets_of_names
from saccade.kinds.series.forecasting.windows import WindowSpec, _parted, shares_of, split_series


def some_cuts(count: int) -> list[tuple[int, WindowSpec, float, float]]:
    """Series and windows of many sizes: (T, cut, share of the test, share of validation)."""
    random = np.random.default_rng(5)
    cases: list[tuple[int, WindowSpec, float, float]] = []
    while len(cases) < count:
        cut = WindowSpec(
            int(random.integers(1, 40)), int(random.integers(1, 15)), int(random.choice([1, 1, 2, 3, 7, 20]))
        )
        T, test, validation = int(random.integers(20, 600)), random.uniform(0.05, 0.5), random.uniform(0.05, 0.4)
        try:
            split_series(T, cut, test=test, validation=validation, name="a.csv")
        except UserError:
            continue
        cases.append((T, cut, test, validation))
    return cases


CASES = some_cuts(400)


def steps_of(starts_M: np.ndarray, cut: WindowSpec) -> set[int]:
    """All steps of windows, inputs and horizon."""
    return {step for start in starts_M.tolist() for step in range(start, start + cut.length)}


def test_no_step_of_a_window_is_in_a_window_of_another_split() -> None:
    for T, cut, test, validation in CASES:
        starts_M = cut.starts(T)
        splits_M = split_series(T, cut, test=test, validation=validation, name="a.csv").of_windows(starts_M, cut)
        steps = {split: steps_of(starts_M[splits_M == split], cut) for split in SPLITS}
        assert all(steps.values()), (T, cut)
        assert max(steps["train"]) < min(steps["validation"]), (T, cut)
        assert max(steps["validation"]) < min(steps["test"]), (T, cut)


def test_the_test_windows_forecast_the_last_share_of_the_steps_and_no_others() -> None:
    for T, cut, test, validation in CASES:
        starts_M = cut.starts(T)
        parts = split_series(T, cut, test=test, validation=validation, name="a.csv")
        splits_M = parts.of_windows(starts_M, cut)
        first = T - round(test * T)
        test_M = starts_M[splits_M == "test"] + cut.window
        assert test_M.min() >= first and test_M.max() + cut.horizon == T, (T, cut)  # the last step of all is forecast
        assert test_M.min() < first + cut.stride, (T, cut)  # no window that could be there is left out
        assert set(np.diff(np.sort(test_M))) <= {cut.stride}
        end = first - cut.window
        validation_M = starts_M[splits_M == "validation"] + cut.window
        assert validation_M.min() >= end - round(validation * T) and validation_M.max() + cut.horizon <= end


def test_the_gaps_are_as_long_as_the_inputs_and_no_longer() -> None:
    for T, cut, test, validation in CASES:
        if cut.stride > 1:
            continue  # then a window may not end where its part does
        starts_M = cut.starts(T)
        splits_M = split_series(T, cut, test=test, validation=validation, name="a.csv").of_windows(starts_M, cut)
        ends = {split: int(starts_M[splits_M == split].max()) + cut.length for split in SPLITS}
        firsts = {split: int(starts_M[splits_M == split].min()) + cut.window for split in SPLITS}
        assert firsts["validation"] - ends["train"] == firsts["test"] - ends["validation"] == cut.window
        assert starts_M[splits_M == "train"].min() == 0


def test_windows_are_counted_back_from_the_end() -> None:
    assert WindowSpec(3, 2, 4).starts(14).tolist() == [1, 5, 9]
    assert WindowSpec(3, 2, 1).starts(5).tolist() == [0]
    assert WindowSpec(3, 2, 1).starts(4).tolist() == []


def test_eleven_years_of_sunspots_and_the_next_one() -> None:
    cut = WindowSpec(132, 12)
    parts = split_series(2820, cut, test=0.2, validation=0.1, name="sunspots")
    assert parts.forecast == {"train": (0, 1710), "validation": (1842, 2124), "test": (2256, 2820)}  # 2256: 1937-01
    splits, counts = np.unique(parts.of_windows(cut.starts(2820), cut), return_counts=True)
    assert dict(zip(splits.tolist(), counts.tolist(), strict=True)) == {
        "": 286, "test": 564 - 11, "train": 1710 - 143, "validation": 282 - 11,
    }  # fmt: skip


def test_a_series_that_is_too_short_is_told_how_long_it_must_be() -> None:
    with pytest.raises(
        UserError,
        match=r"a\.csv has 100 rows, fewer than a window: preprocess\.window \(132\) and horizon \(12\) take 144",
    ):
        split_series(100, WindowSpec(132, 12), test=0.2, validation=0.1, name="a.csv")
    with pytest.raises(UserError, match=r"a\.csv has 400 rows, too few .* in the train part, .*; 582 would do"):
        split_series(400, WindowSpec(132, 12), test=0.2, validation=0.1, name="a.csv")
    split_series(582, WindowSpec(132, 12), test=0.2, validation=0.1, name="a.csv")
    with pytest.raises(UserError, match="in the train part"):
        split_series(581, WindowSpec(132, 12), test=0.2, validation=0.1, name="a.csv")
    with pytest.raises(UserError, match="in the validation part"):  # two steps of validation, three to forecast
        split_series(100, WindowSpec(5, 3), test=0.2, validation=0.02, name="a.csv")


def test_how_many_rows_would_do_is_told_at_once_and_truly() -> None:
    """Of long windows, too; no shorter series would do, as windows themselves say."""
    started_at = time.process_time()
    with pytest.raises(UserError, match="39,600 would do"):
        split_series(20_000, WindowSpec(10_080, 1_440), test=0.1, validation=0.1, name="a.csv")
    assert time.process_time() - started_at < 3  # a week of minutes took a minute
    random = np.random.default_rng(2)
    for _ in range(100):
        cut = WindowSpec(int(random.integers(1, 20)), int(random.integers(1, 9)), int(random.choice([1, 2, 3, 11])))
        test, validation = random.uniform(0.05, 0.4), random.uniform(0.05, 0.4)
        with pytest.raises(UserError, match="would do") as told:
            split_series(cut.length, cut, test=test, validation=validation, name="a.csv")
        least = int(str(told.value).split("parts; ")[1].split(" would")[0].replace(",", ""))
        for T in range(cut.length, least + 1):
            empty = _parted(T, cut, test, validation).of_windows(cut.starts(T), cut)
            assert (set(empty.tolist()) >= set(SPLITS)) == (least == T), (T, least, cut)


def test_names_of_what_is_forecast() -> None:
    names = names_of_targets(("wind +1", "sun"), 3)
    assert names == ("wind +1 +1", "sun +1", "wind +1 +2", "sun +2", "wind +1 +3", "sun +3")
    assert targets_of_names(names, 3) == ("wind +1", "sun") and targets_of_names(("sum",), 0) == ()


@pytest.mark.parametrize(("steps", "folds"), [(500, 4), (303, 2)])
def test_folds_test_the_blocks_of_scikit_learn_after_a_gap(steps: int, folds: int) -> None:
    from sklearn.model_selection import TimeSeriesSplit

    cut = WindowSpec(8, 3)
    for fold, (past, test) in enumerate(TimeSeriesSplit(folds).split(np.zeros(steps)), start=1):
        shares = shares_of(steps, test=0.15, validation=0.25, folds=folds, fold=fold)
        parts = split_series(shares.end, cut, test=shares.test, validation=shares.validation, name="a.csv").forecast
        assert parts["test"] == (int(test[0]), int(test[-1]) + 1)
        assert parts["validation"] == (len(past) - 8 - round(0.25 * len(past)), len(past) - 8)
        assert parts["train"] == (0, len(past) - 8 - round(0.25 * len(past)) - 8)
