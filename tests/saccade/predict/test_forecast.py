"""Forecasts of what comes after the end of a series.

Shapes: T steps, F features, W steps of inputs, H steps to forecast.
"""

import numpy as np
import pytest
import torch

from saccade.bundle.bundle import NetworkConfig
from saccade.bundle.intervals import PredictionInterval
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds.series.reading.regular import RegularSeries, regular_series
from saccade.predict.forecast import forecast
from saccade.predict.predictor import Predictor
from saccade.readers.examples import FileSeries

SPEC = Spec(
    "series", (3, 2), targets=("b +1", "b +2"), features=("a", "b"), step="1 month", horizon=2
)  # fmt: skip


def predictor(spec: Spec = SPEC, band: PredictionInterval | None = None) -> Predictor:
    torch.manual_seed(0)
    recipe = NetworkConfig(
        "rnn", {"hidden_size": 3}, spec, "forecast", [5.0, 100.0], [2.0, 30.0], "0" * 64, interval=band
    )
    return Predictor(recipe, recipe.build_network().eval(), torch.device("cpu"))


def series(steps: int = 5, features: tuple[str, ...] = ("a", "b"), every: str = "month") -> RegularSeries:
    values = np.random.default_rng(1).normal(50, 20, size=(steps, len(features)))
    times = [f"2024-{i + 8:02}" if every == "month" else f"2024-01-{i + 1:02}" for i in range(steps)]
    return regular_series(FileSeries("new.csv", features, values, range(2, steps + 2), "when", times), "error")


def test_it_is_what_the_network_says_of_the_last_window() -> None:
    network, given = predictor(band=PredictionInterval(0.8, [-1.0, -3.0], [2.0, 4.0], 50)), series()
    ahead = forecast(network, given)
    expected = network.network(torch.from_numpy(given.values[-3:][None])).detach().numpy()[0]
    np.testing.assert_allclose(ahead.values[:, 0], expected, rtol=1e-6)
    assert ahead.low is not None and ahead.high is not None
    np.testing.assert_allclose(ahead.low[:, 0] - ahead.values[:, 0], [-1, -3])
    np.testing.assert_allclose(ahead.high[:, 0] - ahead.values[:, 0], [2, 4])
    assert (ahead.targets, ahead.times, ahead.share) == (("b",), ["2025-01", "2025-02"], 0.8)
    assert ahead.input_times == ["2024-10", "2024-11", "2024-12"]
    np.testing.assert_array_equal(ahead.inputs, given.values[-3:, 1:])


def test_earlier_steps_do_not_count_and_a_band_may_be_missing() -> None:
    longer = series(5)
    longer.values[:2] = 1e6
    ahead = forecast(predictor(), longer)
    np.testing.assert_array_equal(ahead.values, forecast(predictor(), series(5)).values)
    assert ahead.low is ahead.high is ahead.share is None


@pytest.mark.parametrize(
    ("network", "given", "message"),
    [
        (predictor(), series(2), r"new\.csv has 2 rows, fewer than the 3 that the network sees"),
        (predictor(), series(5, ("b", "a")), r"new\.csv must have the columns a, b, but has b, a"),
        (predictor(), series(5, every="day"), r"must have a row every 1 month, .* but has a row every 1 day"),
        (
            predictor(), regular_series(FileSeries("new.csv", ("a", "b"), np.ones((4, 2)), range(2, 6)), "error"),
            r"must have a row every 1 month, .* but has no times",
        ),
        (
            predictor(Spec("series", (3, 2), targets=("sum",), features=("a", "b"))), series(),
            r"the network must be one that forecasts \(task: \{name: forecast\}\), but is not",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_network_is_refused(network: Predictor, given: RegularSeries, message: str) -> None:
    with pytest.raises(UserError, match=message):
        forecast(network, given)
