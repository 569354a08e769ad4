"""What comes after the end of a series, as a trained network sees it.

Shapes: T steps, F features, W steps of inputs, H steps to forecast, G targets.
"""

from dataclasses import dataclass

import numpy as np
import torch

from saccade.core.errors import UserError
from saccade.data.spec import targets_of_names
from saccade.kinds.series.reading.regular import RegularSeries
from saccade.predict.predictor import Predictor


@dataclass(frozen=True)
class Forecast:
    """The next steps of a series.

    Attributes:
        targets: names of what is forecast, G of them.
        times: times of the H steps, as text, in the form in which the series writes times.
        values: float64 (H, G), in the data's own unit.
        low: lower bound of the prediction interval, float64 (H, G); None where the network has none.
        high: upper bound, float64 (H, G); None where the network has none.
        share: share of the truths that the interval is to hold, in (0, 1); None where the network has none.
        input_times: times of the W steps that were seen.
        inputs: values of the targets that were seen, float32 (W, G).
    """

    targets: tuple[str, ...]
    times: list[str]
    values: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    share: float | None
    input_times: list[str]
    inputs: np.ndarray


def forecast(predictor: Predictor, series: RegularSeries) -> Forecast:
    """Forecast the steps after the last of a series.

    Args:
        predictor: a network that was trained to forecast.
        series: a series with times and the features that the network was trained with, in its order.

    Returns:
        The forecast, its times those that the calendar goes on with.

    Raises:
        UserError: the network does not forecast; or the series has other columns or another step, is shorter than a
            window, or its last row is made up.
    """
    spec, name, calendar = predictor.spec, series.source.name, series.calendar
    if not spec.horizon:
        raise UserError("the network must be one that forecasts (task: {name: forecast}), but is not")
    if series.source.features != spec.features:
        raise UserError(
            f"{name} must have the columns {', '.join(spec.features)}, but has {', '.join(series.source.features)}"
        )
    if calendar is None or calendar.step != spec.step:
        found = "has no times" if calendar is None else f"has a row every {calendar.step}"
        raise UserError(f"{name} must have a row every {spec.step}, as the network was trained with, but {found}")
    T, W = len(series.values), spec.shape[0]
    if T < W:
        raise UserError(
            f"{name} has {T:,} rows, fewer than the {W:,} that the network sees: give the {W:,} before the forecast"
        )
    targets = targets_of_names(spec.targets, spec.horizon)
    columns = [spec.features.index(target) for target in targets]
    answers_1O = predictor.outputs(torch.from_numpy(series.values[-W:][None])).astype(np.float64)
    interval = predictor.config.interval
    ends = [None, None] if interval is None else [end.reshape(spec.horizon, -1) for end in interval.bounds(answers_1O)]
    return Forecast(
        targets=targets,
        times=[calendar.text(step) for step in range(T, T + spec.horizon)],
        values=answers_1O.reshape(spec.horizon, -1),
        low=ends[0],
        high=ends[1],
        share=None if interval is None else interval.share,
        input_times=[calendar.text(step) for step in range(T - W, T)],
        inputs=series.values[-W:][:, columns],
    )
