"""The band around a forecast.

Shapes: N windows, O numbers to predict.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig, read_config
from saccade.bundle.intervals import PredictionInterval, interval_coverage, measure_interval, prediction_interval
from saccade.data.spec import Spec


def test_the_ends_are_numpy_s_quantiles_of_what_forecasts_were_off() -> None:
    random = np.random.default_rng(0)
    answers_NO, targets_NO = random.normal(size=(200, 3)), random.normal(3, [1, 5, 20], size=(200, 3))
    band = prediction_interval(answers_NO, targets_NO)
    assert (band.share, band.windows) == (0.8, 200)
    np.testing.assert_allclose(band.low, np.quantile(targets_NO - answers_NO, 0.1, axis=0), rtol=1e-12)
    np.testing.assert_allclose(band.high, np.quantile(targets_NO - answers_NO, 0.9, axis=0), rtol=1e-12)
    low_NO, high_NO = band.bounds(answers_NO)
    np.testing.assert_allclose(
        interval_coverage(low_NO, high_NO, targets_NO), 0.8, atol=0.01
    )  # of what it was measured on
    np.testing.assert_allclose(low_NO[7], answers_NO[7] + band.low)
    fresh_NO = random.normal(3, [1, 5, 20], size=(20_000, 3))
    assert interval_coverage(
        *band.bounds(np.zeros((20_000, 3))), fresh_NO + random.normal(size=(20_000, 3))
    ) == pytest.approx(0.8, abs=0.05)


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
