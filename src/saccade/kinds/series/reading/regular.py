"""A series brought to regular times, without holes: what is missing is refused, or filled in and counted.

Shapes: R rows of a file, T steps, F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.data.timeline import Calendar
from saccade.kinds.series.reading.time_axis import read_times
from saccade.readers.examples import FileSeries

_COARSE = 50  # a deviation of so many roundings: below, they are 1 % of it and more
OnMissing = Literal["error", "interpolate"]


@dataclass(frozen=True)
class RegularSeries:
    """A series with a value at each step.

    Attributes:
        source: what it was made of.
        calendar: its times; None where the file has none, and rows are steps.
        values: float32 (T, F).
        is_filled: bool (T, F), what was not measured but filled in.
        missing_rows: how many steps had no row.
    """

    source: FileSeries
    calendar: Calendar | None
    values: np.ndarray
    is_filled: np.ndarray
    missing_rows: int


def regular_series(series: FileSeries, missing: OnMissing) -> RegularSeries:
    """Check the times of a series, if it has any, and fill its holes or refuse them.

    Args:
        series: as a source reads it.
        missing: error refuses empty cells and missing rows; interpolate draws straight lines between the measured
            values on both sides.

    Returns:
        The series at regular times.

    Raises:
        UserError: there are fewer than two rows, times are repeated, out of order or irregular, or something is
            missing that may not be, or cannot be filled in.
    """
    if len(series.values) < 2:
        raise UserError(f"{series.name} must have at least two rows, but has {len(series.values)}")
    calendar, values_TF = None, series.values.astype(np.float64)
    if series.time_column is not None:
        name, may_miss_rows = f"{series.name}, column {series.time_column!r}", missing == "interpolate"
        times = read_times(series.times, series.lines, name, form=series.time_format, may_miss_rows=may_miss_rows)
        calendar = times.calendar
        values_TF = np.full((times.steps[-1] + 1, len(series.features)), np.nan)
        values_TF[times.steps] = series.values
    if missing == "error":
        refuse_holes(series.values, series.features, series.lines, series.name)
    filled_TF = fill_holes(values_TF, series.features, calendar, series.name)
    return RegularSeries(series, calendar, values_TF.astype(np.float32), filled_TF, len(values_TF) - len(series.values))


def refuse_holes(values_RF: np.ndarray, features: Sequence[str], lines: Sequence[int], name: str) -> None:
    """Name the first cell without a value.

    Args:
        values_RF: float, NaN where nothing was measured.
        features: names of the columns.
        lines: of the rows.
        name: of the file.

    Raises:
        UserError: there is one.
    """
    row_feature = np.argwhere(np.isnan(values_RF))
    if len(row_feature):
        row, feature = row_feature[0]
        of_all = f" (and {len(row_feature) - 1:,} more)" if len(row_feature) > 1 else ""
        raise UserError(
            f"{name}, line {lines[row]}: {features[feature]} must not be missing{of_all}. Fill it in, or let straight "
            "lines take the place of what is missing: preprocess.missing: interpolate"
        )


def fill_holes(values_TF: np.ndarray, features: Sequence[str], calendar: Calendar | None, name: str) -> np.ndarray:
    """Draw straight lines over what is missing, in place.

    Args:
        values_TF: float, a row a step, NaN where nothing was measured.
        features: names of the columns.
        calendar: of the steps, for messages; None numbers them from 1.
        name: of the file.

    Returns:
        bool (T, F): what was filled in.

    Raises:
        UserError: a column has no value, or none at its first or last step: no line leads there.
    """
    hole_TF = np.isnan(values_TF)
    steps = np.arange(len(values_TF))
    for feature, hole_T in enumerate(hole_TF.T):
        if not hole_T.any():
            continue
        for end in (0, -1):
            if hole_T[end]:
                at = calendar.text(int(steps[end])) if calendar else f"row {steps[end] + 1}"
                raise UserError(
                    f"{name}: {features[feature]} at {at} must not be missing: at either end of a series there is "
                    "nothing to interpolate from. Take these rows out, or leave the column out with value_columns."
                )
        values_TF[hole_T, feature] = np.interp(steps[hole_T], steps[~hole_T], values_TF[~hole_T, feature])
    return hole_TF


def refuse_coarse(values_RF: np.ndarray, features: Sequence[str], name: str) -> None:
    """Refuse a column whose values differ by little more than the nearest two numbers of 32 bits do, as counters can.

    Args:
        values_RF: float64, as read, NaN where nothing was measured; what is stored has 32 bits.
        features: names of the columns.
        name: of the file.

    Raises:
        UserError: there is one: what it tells would be lost in rounding.
    """
    for feature, values_R in zip(features, values_RF.T, strict=True):
        measured = values_R[~np.isnan(values_R)]
        apart, deviation = float(np.spacing(np.abs(measured).max().astype(np.float32))), float(measured.std())
        if measured.min() < measured.max() and deviation < _COARSE * apart:
            raise UserError(
                f"{name}: {feature} must differ by more than 32 bits tell apart, but has values about "
                f"{measured.mean():.6g}, {apart:.3g} apart there, with a deviation of {deviation:.3g}. Subtract a "
                "constant from the column, or leave it out with value_columns."
            )


def refuse_constant(values_TF: np.ndarray, features: Sequence[str], where: str) -> None:
    """Refuse a column that holds one value alone: nothing can be learnt from it, and it cannot be normalised.

    Args:
        values_TF: float, of the steps that are looked at.
        features: names of the columns.
        where: what these steps are, for the message.

    Raises:
        UserError: there is one.
    """
    for feature, values_T in zip(features, values_TF.T, strict=True):
        if values_T.min() == values_T.max():
            raise UserError(
                f"{where}: {feature} must not be constant, but is {values_T[0]:g} throughout. Leave it out with "
                "value_columns."
            )
