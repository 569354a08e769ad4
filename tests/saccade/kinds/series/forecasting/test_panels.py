"""Several series cut into the examples of one network: whose window is whose, in which unit, and what is left out.

Shapes: T steps, M windows, W steps of inputs, H steps to forecast.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from saccade.core.errors import UserError
from saccade.data.forecast_inputs import ForecastInputs, shifts_for
from saccade.data.prepared import DatasetInfo, open_split, read_dataset_info
from saccade.data.spec import SPLITS, Spec
from saccade.kinds.series.arrays import series_arrays
from saccade.kinds.series.forecasting.baselines import baseline_answers
from saccade.kinds.series.forecasting.covariates import Filling, SeriesInputs, series_inputs
from saccade.kinds.series.forecasting.examples import ForecastData, cut_all
from saccade.kinds.series.forecasting.windows import WindowSpec
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.readers.examples import FileSeries, LongSeries

W, H = 8, 3
CUT = WindowSpec(W, H)
INPUTS = ForecastInputs(("sales", "wind"), ("promotion",), shifts=shifts_for(W, H), series_column="shop")


def one(name: str, steps: int, level: float, *, first: int = 0, constant: bool = False) -> SeriesInputs:
    """Sales about a level, of a deviation that grows with it; times are numbers from ``first`` on."""
    random = np.random.default_rng(len(name) + steps)
    promotion = random.integers(0, 2, steps).astype(float)
    sales = np.full(steps, level) if constant else level * (1 + 0.1 * random.normal(size=steps) + promotion)
    values = np.stack([sales, random.normal(size=steps), promotion], axis=1)
    times = [str(first + i) for i in range(steps)]
    series = FileSeries(
        f"a.csv, shop {name}", ("sales", "wind", "promotion"), values, range(2, steps + 2), "day", times
    )
    return series_inputs(LongSeries(series, ("sales",), known=("promotion",), name=name), INPUTS, Filling())


SHOPS = [one("small", 120, 10.0), one("large", 150, 1e4, first=40), one("middle", 130, 300.0, first=7)]


def cut(shops: list[SeriesInputs] | None = None, **options: Any) -> ForecastData:
    return cut_all(shops or SHOPS, ("sales",), CUT, INPUTS, **{"test": 0.2, "validation": 0.15, **options})


def written(data: ForecastData, folder: Path) -> DatasetInfo:
    return write_arrays(folder, series_arrays(data.examples), rows_of_splits(data.splits), timeline=data.timeline)


def test_a_window_lies_in_one_series_and_shows_it_in_its_own_unit() -> None:
    data = cut()
    scales = data.examples.inputs.scales if data.examples.inputs else ()
    assert [scale.name for scale in scales] == ["small", "large", "middle"]
    seen = 0
    for shop, scale, timeline in zip(SHOPS, scales, data.timeline.panel, strict=True):
        steps = len(shop.regular.values)
        assert timeline.first_window == seen
        for start in (0, 17, steps - W - H):
            window = seen + start
            shown_WF = data.examples.series(window)
            own_WF = (shop.regular.values[start : start + W] - scale.mean) / scale.std
            np.testing.assert_allclose(shown_WF[:, :2], own_WF, rtol=1e-5, atol=1e-5)
            np.testing.assert_array_equal(shown_WF[:, 2], shop.known[start : start + W, 0])
            np.testing.assert_array_equal(shown_WF[:, 3], shop.known[start + H : start + H + W, 0])
            came_H = data.examples.labels[window] * scale.std[0] + scale.mean[0]
            np.testing.assert_allclose(came_H, shop.regular.values[start + W : start + W + H, 0], rtol=1e-5)
            assert shop.regular.calendar is not None
            assert data.timeline.time(window, W) == shop.regular.calendar.text(start + W)
        seen += steps - W - H + 1
    assert seen == len(data.splits) and len(set(data.examples.ids)) == seen


def test_each_series_is_divided_by_its_own_time() -> None:
    data = cut()
    for shop, part in zip(SHOPS, data.panel, strict=True):
        T, H_first = len(shop.regular.values), {}
        for split in SPLITS:
            starts_M = part.starts[part.splits == split]
            H_first[split] = (int(starts_M[0]), int(starts_M[-1]) + W + H)
        assert H_first["train"][0] == 0 and H_first["test"][1] == T
        assert H_first["train"][1] <= H_first["validation"][0] and H_first["validation"][1] <= H_first["test"][0]
        assert H_first["test"][0] == T - round(0.2 * T) - W


def test_nothing_from_outside_training_normalises_or_scales(tmp_path: Path) -> None:
    """Change every value outside the training parts: scales, means, seasons and the unit of MASE must stay."""
    changed = []
    for shop, part in zip(SHOPS, cut().panel, strict=True):
        values, known = shop.regular.values.copy(), shop.known.copy()
        values[part.train_steps[1] :] *= 7
        known[part.train_steps[1] :] += 5
        changed.append(replace(shop, regular=replace(shop.regular, values=values), known=known))
    made = []
    for name, shops in (("a", SHOPS), ("b", changed)):
        (tmp_path / name).mkdir()
        made.append(written(cut(shops), tmp_path / name))
    assert made[0].spec == made[1].spec and made[0].timeline == made[1].timeline
    assert (made[0].mean, made[0].std) == (made[1].mean, made[1].std)
    assert made[0].arrays["test.npy"] != made[1].arrays["test.npy"]


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_a_fold_knows_nothing_of_what_comes_after_its_test(tmp_path: Path, fold: int) -> None:
    shops = [one("small", 260, 10.0), one("large", 301, 1e4)]
    data = cut(shops, folds=3, fold=fold, validation=0.3)
    changed = []
    for shop, part in zip(shops, data.panel, strict=True):
        T = len(shop.regular.values)
        end = T - (3 - fold) * (T // 4)
        assert part.parts.forecast["test"] == (end - T // 4, end) and part.starts[-1] == end - W - H
        values, known = shop.regular.values.copy(), shop.known.copy()
        values[end:], known[end:] = 1e6, 1e6
        changed.append(replace(shop, regular=replace(shop.regular, values=values), known=known))
    again = cut(changed, folds=3, fold=fold, validation=0.3)
    assert again.timeline == data.timeline and again.examples.inputs == data.examples.inputs
    assert data.splits.tolist() == again.splits.tolist()
    for window in np.flatnonzero(data.splits != "").tolist():
        np.testing.assert_array_equal(data.examples.series(window), again.examples.series(window))
        np.testing.assert_array_equal(data.examples.labels[window], again.examples.labels[window])


def test_series_that_are_too_short_or_never_change_are_left_out_and_named() -> None:
    data = cut([*SHOPS, one("tiny", 30, 1.0), one("still", 120, 5.0, constant=True)])
    assert [part.name for part in data.panel] == ["small", "large", "middle"]
    assert data.notes == [
        "1 of 5 series left out, too short for a window in each part: tiny (30 rows)",
        "1 of 4 series left out, without a change of sales in training: still",
    ]
    with pytest.raises(UserError, match=r"a\.csv, shop tiny has 30 rows, too few for a window of 8 \+ 3"):
        cut([one("tiny", 30, 1.0), one("less", 20, 1.0)])
    with pytest.raises(
        UserError, match="sales must change within the training part of a series, but does in none of 1"
    ):
        cut([one("still", 120, 5.0, constant=True)])


def test_what_is_known_but_never_changes_is_refused() -> None:
    still = [replace(shop, known=np.zeros_like(shop.known)) for shop in SHOPS]
    with pytest.raises(UserError, match=r"training parts of 3 series: known \(promotion\) must not be constant"):
        cut(still)
    holiday = replace(INPUTS, known=(), holidays=("2020-01-01",))
    with pytest.raises(UserError, match="holidays must lie there too, for the network to learn what they do"):
        cut_all(still, ("sales",), CUT, holiday, test=0.2, validation=0.15)
    hour = replace(INPUTS, known=(), calendar=("hour",))
    still = [replace(shop, known=np.zeros((len(shop.known), 2), np.float32)) for shop in SHOPS]
    with pytest.raises(UserError, match=r"covariates \(hour\) must not be constant, .* Leave it out of covariates"):
        cut_all(still, ("sales",), CUT, hour, test=0.2, validation=0.15)


def test_times_that_training_has_not_seen_are_told() -> None:
    times = [str(day) for day in np.datetime64("2024-01-01") + np.arange(300)]
    values = np.random.default_rng(0).normal(size=(300, 1))
    inputs = ForecastInputs(("sales",), calendar=("weekday", "month"), shifts=shifts_for(W, H))
    series = FileSeries("a.csv", ("sales",), values, range(2, 302), "day", times)
    shop = series_inputs(LongSeries(series, ("sales",)), inputs, Filling())
    data = cut_all([shop], ("sales",), CUT, inputs, test=0.2, validation=0.15)
    assert data.notes == [
        "covariates (month): 100% of the test steps lie at a time of which training has seen none; what month says "
        "there is a guess: leave it out, or give a longer series"
    ]


def test_the_dataset_is_read_as_it_was_written(tmp_path: Path) -> None:
    description = written(cut(), tmp_path)
    assert read_dataset_info(tmp_path) == description
    spec = description.spec
    assert spec.features == ("sales", "wind", "promotion", "promotion +3") and spec.num_measured == 2
    assert Spec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_ridge_sees_what_is_planned_and_is_scikit_learns(tmp_path: Path) -> None:
    description = written(cut(), tmp_path)
    train, validation, test = (open_split(tmp_path, split) for split in SPLITS)
    answers = baseline_answers(
        train, validation, test, description.spec, mean=description.mean, std=description.std, seasons=(None,)
    )
    error = np.abs(answers["ridge"] - test.labels).mean()

    def flat(split: Any, columns: list[int]) -> np.ndarray:
        x_ND: np.ndarray = (split.examples[..., columns].astype(np.float64)).reshape(len(split.rows), -1)
        return x_ND

    with_plan, without = (
        np.abs(
            Ridge(alpha=10.0).fit(flat(train, columns), train.labels).predict(flat(test, columns)) - test.labels
        ).mean()
        for columns in ([0, 1, 2, 3], [0, 1])
    )
    assert error < 1.1 * with_plan < 0.5 * without  # alpha is chosen among ten
    assert set(answers) == {"persistence", "ridge"}
