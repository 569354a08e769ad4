"""What comes after the end of a series, as a trained network sees it.

Shapes: T steps, C measured columns, F features, W steps of inputs, H steps to forecast, G targets, N series.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.core.errors import UserError
from saccade.data.forecast_inputs import ForecastInputs, SeriesScale
from saccade.data.spec import targets_of_names
from saccade.kinds.series.forecasting.covariates import SeriesInputs
from saccade.kinds.series.forecasting.examples import scaled
from saccade.kinds.series.reading.regular import RegularSeries
from saccade.predict.any_predictor import AnyPredictor


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
        name: name of the series among several; empty of one alone.
    """

    targets: tuple[str, ...]
    times: list[str]
    values: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    share: float | None
    input_times: list[str]
    inputs: np.ndarray
    name: str = ""


def forecast(predictor: AnyPredictor, series: RegularSeries) -> Forecast:
    """Forecast the steps after the last of a series that has nothing beside its measured columns.

    Args:
        predictor: a network that was trained to forecast.
        series: a series with times and the features that the network was trained with, in its order.

    Returns:
        The forecast, its times those that the calendar goes on with.

    Raises:
        UserError: as of ``forecast_all``.
    """
    none = np.zeros((len(series.values), 0), dtype=np.float32)
    return forecast_all(predictor, [SeriesInputs(series, none, none[:1].ravel())])[0]


def forecast_all(predictor: AnyPredictor, series: Sequence[SeriesInputs]) -> list[Forecast]:
    """Forecast the steps after the last measured one of each series.

    Args:
        predictor: a network that was trained to forecast.
        series: series with times and the measured columns that the network was trained with, in its order, and what
            it is told ahead, for H steps behind the last measured one.

    Returns:
        The forecasts, their times those that the calendar goes on with. The scale of a series that training has not
        seen is that of its own rows.

    Raises:
        UserError: the network does not forecast; or a series has other columns or another step, or is shorter than a
            window.
    """
    spec = predictor.spec
    if not spec.horizon:
        raise UserError("the network must be one that forecasts (task: {name: forecast}), but is not")
    inputs = spec.inputs or ForecastInputs(spec.features)
    scales = [_scale(one, inputs) for one in series]
    windows_NWF = last_windows(predictor, series)
    answers_NO = predictor.answers_of(windows_NWF).astype(np.float64)
    interval = predictor.config.interval
    ends = (None, None) if interval is None else interval.bounds(answers_NO)
    targets = targets_of_names(spec.targets, spec.horizon)
    at = [spec.features.index(target) for target in targets]
    found = []
    for i, (one, scale) in enumerate(zip(series, scales, strict=True)):
        calendar, T, W = one.regular.calendar, len(one.regular.values), spec.shape[0]
        assert calendar is not None
        values, low, high = (
            None if each_NO is None else _own_unit(each_NO[i].reshape(spec.horizon, -1), scale, at)
            for each_NO in (answers_NO, *ends)
        )
        assert values is not None
        found.append(
            Forecast(
                targets=targets,
                times=[calendar.text(step) for step in range(T, T + spec.horizon)],
                values=values,
                low=low,
                high=high,
                share=None if interval is None else interval.share,
                input_times=[calendar.text(step) for step in range(T - W, T)],
                inputs=one.regular.values[-W:][:, at],
                name=one.name,
            )
        )
    return found


def last_windows(predictor: AnyPredictor, series: Sequence[SeriesInputs]) -> np.ndarray:
    """What the network sees of each series before its forecast.

    Args:
        predictor: a network that forecasts.
        series: as of ``forecast_all``.

    Returns:
        float32 (N, W, F), each series on its own scale where training had one.

    Raises:
        UserError: a series has other columns or another step, or is shorter than a window.
    """
    spec = predictor.spec
    inputs = spec.inputs or ForecastInputs(spec.features)
    for one in series:
        _check_form(one, inputs.measured, spec.step, spec.shape[0])
    return np.stack([_last_window(one, _scale(one, inputs), inputs, spec.shape[0]) for one in series])


def _check_form(one: SeriesInputs, measured: tuple[str, ...], step: str, window: int) -> None:
    series, name, calendar = one.regular, one.regular.source.name, one.regular.calendar
    if series.source.features != measured:
        raise UserError(
            f"{name} must have the columns {', '.join(measured)}, but has {', '.join(series.source.features)}"
        )
    if calendar is None or calendar.step != step:
        found = "has no times" if calendar is None else f"has a row every {calendar.step}"
        raise UserError(f"{name} must have a row every {step}, as the network was trained with, but {found}")
    if len(series.values) < window:
        raise UserError(
            f"{name} has {len(series.values):,} rows, fewer than the {window:,} that the network sees: give the "
            f"{window:,} before the forecast"
        )


def _scale(one: SeriesInputs, inputs: ForecastInputs) -> SeriesScale | None:
    """The scale of a series in training, or that of its own rows; None where values are stored as they are."""
    if not inputs.scales:
        return None
    if (known := inputs.scale_of(one.name)) is not None:
        return known
    values_TC = one.regular.values.astype(np.float64)
    std_C = values_TC.std(axis=0)
    usual_C = np.array([scale.std for scale in inputs.scales]).mean(axis=0)
    return SeriesScale(one.name, tuple(values_TC.mean(axis=0)), tuple(np.where(std_C > 0, std_C, usual_C)))


def _last_window(one: SeriesInputs, scale: SeriesScale | None, inputs: ForecastInputs, window: int) -> np.ndarray:
    T = len(one.regular.values)
    window_WF = one.window(T - window, window, inputs).astype(np.float32)
    C = len(inputs.measured)
    window_WF[:, :C] = scaled(window_WF[:, :C], scale)
    return window_WF


def _own_unit(values_HG: np.ndarray, scale: SeriesScale | None, at: Sequence[int]) -> np.ndarray:
    if scale is None:
        return values_HG
    restored: np.ndarray = values_HG * np.array(scale.std)[at] + np.array(scale.mean)[at]
    return restored
