"""The band around a forecast.

Shapes: N windows, O numbers to predict.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig, read_config
from saccade.bundle.intervals import PredictionInterval, interval_coverage, prediction_interval
from saccade.bundle.measured_interval import measure_interval
from saccade.data.spec import Spec


def test_the_ends_are_the_quantiles_of_split_conformal_prediction() -> None:
    random = np.random.default_rng(0)
    answers_NO, targets_NO = random.normal(size=(201, 3)), random.normal(3, [1, 5, 20], size=(201, 3))
    band = prediction_interval(answers_NO, targets_NO)
    assert (band.share, band.windows, band.width) == (0.8, 201, "constant")
    ranked_NO = np.sort(targets_NO - answers_NO, axis=0)
    np.testing.assert_allclose(band.low, ranked_NO[20 - 1], rtol=1e-12)  # floor(202 * 0.1) = 20
    np.testing.assert_allclose(band.high, ranked_NO[182 - 1], rtol=1e-12)  # ceil(202 * 0.9) = 182
    low_NO, high_NO = band.bounds(answers_NO)
    np.testing.assert_allclose(low_NO[7], answers_NO[7] + band.low)
    np.testing.assert_allclose(interval_coverage(low_NO, high_NO, targets_NO), 163 / 201)


def test_a_band_of_few_windows_holds_new_truths_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    for windows, share in ((9, 0.8), (29, 0.8), (4, 0.6)):
        off_RNO = random.exponential(size=(4000, windows + 1, 1))  # 4,000 trainings, each with one further window
        none_NO = np.zeros((windows, 1))
        bands = [prediction_interval(none_NO, off_NO[:-1] - 1) for off_NO in off_RNO]
        held = [band.low[0] <= off_NO[-1, 0] - 1 <= band.high[0] for band, off_NO in zip(bands, off_RNO, strict=True)]
        assert bands[0].share == pytest.approx(share)
        assert np.mean(held) == pytest.approx(share, abs=0.025)  # four standard deviations of 4,000 draws


def counts(seed: int, level: float, windows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    answers_NO = random.uniform(0.2 * level, 2 * level, size=(windows, 2))
    return answers_NO, random.poisson(answers_NO).astype(np.float64)


def test_the_width_follows_the_root_of_the_forecast_where_validation_supports_it() -> None:
    band = prediction_interval(*counts(0, 40))
    assert band.width == "root"
    answers_NO, truth_NO = counts(1, 160)  # four times as much, and so twice as far off
    assert interval_coverage(*band.bounds(answers_NO), truth_NO) == pytest.approx(0.8, abs=0.05)
    low_NO, high_NO = band.bounds(np.array([[-3.0, 0.0]]))
    assert (low_NO < high_NO).all() and np.isfinite([low_NO, high_NO]).all()
    answers_NO, truth_NO = counts(0, 40)
    assert prediction_interval(answers_NO - 100, truth_NO - 100).width == "constant"  # negative numbers are no counts
    assert prediction_interval(answers_NO[:39], truth_NO[:39]).width == "constant"
    even_NO = answers_NO + np.random.default_rng(2).normal(10, 2, size=answers_NO.shape)  # as far off at any level
    assert even_NO.min() > 0 and prediction_interval(answers_NO, even_NO).width == "constant"


def test_coverage_counts_the_ends() -> None:
    low, high = np.array([[0.0, 0.0]]), np.array([[1.0, 1.0]])
    assert (
        interval_coverage(low, high, np.array([[0.0, 1.0]])) == 1
        and interval_coverage(low, high, np.array([[-0.1, 0.5]])) == 0.5
    )


def test_answers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"answers_NO \(3, 2\) and targets_NO \(3, 1\) must be the same"):
        prediction_interval(np.zeros((3, 2)), np.zeros((3, 1)))


def test_a_network_is_measured_in_evaluation_mode_at_any_batch_size() -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.9), torch.nn.Linear(6, 2))
    examples, targets = torch.randn(31, 3, 2), torch.randn(31, 2)
    bands = [
        measure_interval(network.train(), examples, targets, batch_size=size, device=torch.device("cpu"))
        for size in (4, 31)
    ]
    expected = prediction_interval(network(examples).detach().numpy(), targets.numpy())
    for band in bands:
        np.testing.assert_allclose([band.low, band.high], [expected.low, expected.high], rtol=1e-5, atol=1e-6)


def test_the_band_is_kept_in_the_bundle(tmp_path: Path) -> None:
    spec = Spec("series", (4, 1), targets=("a +1",), features=("a",), step="1 day", horizon=1)
    band = PredictionInterval(0.8, [-1.5], [2.25], 33)
    recipe = NetworkConfig("rnn", {"hidden_size": 3}, spec, "forecast", [0.0], [1.0], "0" * 64, interval=band)
    bundle.save(tmp_path, recipe, recipe.build_network())
    assert read_config(tmp_path) == recipe and read_config(tmp_path).interval == band


def test_a_band_of_varying_width_is_not_read_by_a_version_that_does_not_know_it(tmp_path: Path) -> None:
    spec = Spec("series", (4, 1), targets=("a +1",), features=("a",), step="1 day", horizon=1)
    band = PredictionInterval(0.8, [-1.5], [2.25], 33, "root", [0.5])
    recipe = NetworkConfig("rnn", {"hidden_size": 3}, spec, "forecast", [0.0], [1.0], "0" * 64, interval=band)
    bundle.save(tmp_path, recipe, recipe.build_network())
    assert read_config(tmp_path) == recipe
    assert json.loads((tmp_path / "bundle.json").read_text())["format"] == 5
