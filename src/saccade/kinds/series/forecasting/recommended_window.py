"""How many steps a forecast sees and how many it says, where nobody has said: by the times and the season of a series.

Shapes: T steps, F features.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from saccade.kinds.series.forecasting.seasonality import find_season
from saccade.kinds.series.forecasting.windows import WindowSpec, split_series
from saccade.kinds.series.reading.regular import RegularSeries, regular_series
from saccade.prepare.split_settings import SplitSettings
from saccade.readers.examples import LongSeries

# Steps until a unit of time comes again: twelve months, seven days; and how many of such seasons a window sees.
_SEASONS = {"month": (12, 5), "week": (52, 2), "day": (7, 8), "hour": (24, 7), "minute": (60, 4), "second": (60, 4)}
_BUSINESS_DAYS = (5, 8)
_MIN_WINDOWS = 4  # windows' lengths that the training steps hold, at least
_HORIZON = 10  # steps, where no season is known


def recommend_window(
    series: Sequence[LongSeries], preprocess: Mapping[str, Any], split: SplitSettings
) -> tuple[dict[str, Any], dict[str, str]]:
    """Decide what ``preprocess:`` lacks of window and horizon, and whether what is missing is filled in.

    Args:
        series: one series or several; of several the one of middle length decides.
        preprocess: what is decided already.
        split: how the steps will be divided.

    Returns:
        Keys of ``preprocess:`` with their values, and reasons by dotted key.

    Raises:
        UserError: the times cannot be read, or no window fits.
    """
    assert isinstance(split.test, float)
    options = {key: preprocess[key] for key in ("on_repeat", "longest_gap") if key in preprocess}
    fill = preprocess.get("missing", "interpolate")
    ordered = sorted(series, key=lambda one: len(one.series.values))
    one = ordered[len(ordered) // 2]
    regular = regular_series(one.series, "interpolate" if fill == "error" else fill, **options)
    T = len(regular.values)
    window, horizon, season = _lengths(regular, one, split)
    split_series(T, WindowSpec(window, horizon), test=split.test, validation=split.validation, name=one.series.name)
    decided: dict[str, Any] = {"window": window, "horizon": horizon}
    what = f"steps of {regular.calendar.step}" if regular.calendar else "rows"
    repeats = f"it repeats itself after {season:,}" if season else "no season was found"
    whose = f"the middle one of {len(series)} series has " if len(series) > 1 else ""
    reasons = {"preprocess.window": f"{whose}{T:,} {what}; {repeats}"}
    if "missing" not in preprocess and any(_has_holes(each, options) for each in series):
        decided["missing"] = "interpolate"
        reasons["preprocess.missing"] = "straight lines take the place of what is missing"
    return decided, reasons


def _has_holes(one: LongSeries, options: Mapping[str, Any]) -> bool:
    regular = regular_series(one.series, "interpolate", **options)
    return regular.missing_rows > 0 or bool(regular.is_filled.any())


def _lengths(regular: RegularSeries, one: LongSeries, split: SplitSettings) -> tuple[int, int, int]:
    """Window, horizon and season; 0 where there is none."""
    assert isinstance(split.test, float)
    T = len(regular.values)
    longest = int(T * (1 - split.test - split.validation)) // _MIN_WINDOWS
    usual, many = _usual_season(regular)
    values_T = regular.values[:, one.series.features.index(one.targets[0])]
    season = find_season(np.asarray(values_T), longest) or 0
    horizon = max(1, min(usual or season or _HORIZON, int(T * min(split.test, split.validation)) // 2))
    # a season longer than the usual one is what a window must hold, such as eleven years of the sun
    base, many = (season, 1) if season > many * usual else (usual or season or horizon, many)
    most = max(1, longest - horizon)
    return max(1, min(many, most // base) * base if base <= most else most), horizon, season


def _usual_season(regular: RegularSeries) -> tuple[int, int]:
    """Steps of the season that times of such a step usually have, and how many of them a window sees; 0: none."""
    if regular.calendar is None:
        return 0, 3
    count, _, unit = regular.calendar.step.partition(" ")
    if "business" in unit:
        return _BUSINESS_DAYS
    steps, many = _SEASONS.get(unit.removesuffix("s"), (0, 3))
    return (steps // int(count), many) if steps and steps >= 2 * int(count) else (0, 3)
