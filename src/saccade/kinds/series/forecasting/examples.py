"""From one regular series to the examples of a forecast: windows, their splits, and what normalises them.

Shapes: T steps, F features, M windows, W steps of inputs, H steps to forecast, G targets.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import SPLITS, names_of_targets
from saccade.data.timeline import Timeline
from saccade.kinds.series.forecasting.seasonality import find_season
from saccade.kinds.series.forecasting.windows import SplitRanges, WindowSpec, split_series
from saccade.kinds.series.reading.regular import RegularSeries, refuse_coarse, refuse_constant
from saccade.readers.examples import SeriesExamples


@dataclass(frozen=True)
class ForecastData:
    """A series cut into windows.

    Attributes:
        series: that was cut.
        cut: how.
        parts: of its steps.
        examples: the windows.
        splits: str (M,), "train", "validation", "test", or "" for what is in none.
        train_steps: the steps, from and up to (not including), that normalise all: those of the training windows.
        left_out: why windows are in no split, and how many.
        timeline: when they lie.
        is_season_given: the user named the season.
    """

    series: RegularSeries
    cut: WindowSpec
    parts: SplitRanges
    examples: SeriesExamples
    splits: np.ndarray
    train_steps: tuple[int, int]
    left_out: dict[str, int]
    timeline: Timeline
    is_season_given: bool

    @property
    def notes(self) -> Sequence[str]:
        """What the source left out."""
        return self.examples.notes


def cut_series(
    series: RegularSeries,
    targets: Sequence[str],
    cut: WindowSpec,
    *,
    test: float,
    validation: float,
    train_fraction: float = 1.0,
    season: int | None = None,
) -> ForecastData:
    """WindowSpec a series into windows, in order of time.

    A window is left out where it lies across the border of a part; where something that it is to forecast was not
    measured but filled in, for nobody shall learn or be measured by what was made up; and where its last input was
    filled in, for the line over such a hole leads to a value that is not known yet.

    Args:
        series: without holes.
        targets: those of its features that are to be forecast.
        cut: how long the windows are, and how far apart.
        test: share of all steps that the test windows forecast.
        validation: likewise.
        train_fraction: share of the training windows to keep, the latest.
        season: steps of a season, for the seasonal baseline; None looks for one in the training part.

    Returns:
        The windows and their splits.

    Raises:
        UserError: the series is too short, constant as far as 32 bits tell, or has too many holes.
    """
    source, values_TF, calendar = series.source, series.values, series.calendar
    assert calendar is not None
    parts = split_series(len(values_TF), cut, test=test, validation=validation, name=source.name)
    starts_M = cut.starts(len(values_TF))
    splits_M = parts.of_windows(starts_M, cut)
    left_out = {"across the border of a part": int((splits_M == "").sum())}
    target_at = [source.features.index(target) for target in targets]
    is_made_up_M = _is_made_up(series, cut, starts_M, target_at) & (splits_M != "")
    left_out["where something was filled in"] = int(is_made_up_M.sum())
    splits_M = np.where(is_made_up_M, "", splits_M)
    train_M = np.flatnonzero(splits_M == "train")
    kept = max(1, round(train_fraction * len(train_M)))
    splits_M[train_M[: len(train_M) - kept]] = ""
    left_out["beyond split.train_fraction"] = len(train_M) - min(kept, len(train_M))
    counts = Counter(splits_M.tolist())
    if empty := next((split for split in SPLITS if not counts[split]), None):
        raise UserError(
            f"the {empty} split of {source.name} is empty: in each of its windows something that is to be forecast, or "
            "the last input, is missing in the file. Fill it in there, or shorten preprocess.horizon."
        )
    train_M = np.flatnonzero(splits_M == "train")
    first, end = int(starts_M[train_M[0]]), int(starts_M[train_M[-1]]) + cut.length
    steps_SF = values_TF[first:end]
    where = f"{source.name}, from {calendar.text(first)} to {calendar.text(end - 1)} (training)"
    refuse_coarse(source.values, source.features, source.name)
    refuse_constant(steps_SF, source.features, where)
    seasons = tuple(
        season if season is not None else find_season(steps_SF[:, at], cut.window)  # an earlier one is out of sight
        for at in target_at
    )
    return ForecastData(
        series=series,
        cut=cut,
        parts=parts,
        examples=_examples(series, targets, cut, starts_M, steps_SF),
        splits=splits_M,
        train_steps=(first, end),
        left_out={why: count for why, count in left_out.items() if count},
        timeline=Timeline(calendar, int(starts_M[0]), cut.stride, seasons),
        is_season_given=season is not None,
    )


def _examples(
    series: RegularSeries, targets: Sequence[str], cut: WindowSpec, starts_M: np.ndarray, steps_SF: np.ndarray
) -> SeriesExamples:
    """The windows as examples; inputs are cut out when they are asked for."""
    assert series.calendar is not None
    features = series.source.features
    to_forecast_TG = series.values[:, [features.index(target) for target in targets]]
    ahead = np.lib.stride_tricks.sliding_window_view(to_forecast_TG, cut.horizon, axis=0)  # (T - H + 1, G, H)
    labels_MHG = ahead[starts_M + cut.window].transpose(0, 2, 1)  # from M G H
    return SeriesExamples(
        features=features,
        targets=names_of_targets(targets, cut.horizon),
        labels=labels_MHG.reshape(len(starts_M), -1),
        series=lambda i: series.values[starts_M[i] : starts_M[i] + cut.window],
        ids=[str(start) for start in starts_M.tolist()],
        horizon=cut.horizon,
        step=series.calendar.step,
        train_steps=steps_SF,
    )


def _is_made_up(series: RegularSeries, cut: WindowSpec, starts_M: np.ndarray, target_at: list[int]) -> np.ndarray:
    """bool (M,): windows whose last input, or something to forecast, was filled in."""
    last_input_M = series.is_filled[starts_M + cut.window - 1].any(axis=1)
    filled_T = series.is_filled[:, target_at].any(axis=1)
    filled_before_T = np.concatenate([[0], np.cumsum(filled_T)])
    ahead_M = filled_before_T[starts_M + cut.length] - filled_before_T[starts_M + cut.window]
    made_up_M: np.ndarray = last_input_M | (ahead_M > 0)
    return made_up_M
