"""A series brought to regular times, without holes: what is missing is refused, cut off, or filled in and counted.

Shapes: R rows of a file, T steps, F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.data.timeline import Calendar
from saccade.kinds.series.reading.time_axis import OnRepeat, read_times
from saccade.readers.examples import FileSeries

_COARSE = 50  # a deviation of so many roundings: below, they are 1 % of it and more
_MAX_CUT = 0.5  # share of the steps that may be cut off at the ends before somebody is asked
_SHOWN = 4  # values of a row, in a message
OnMissing = Literal["error", "interpolate", "previous"]


@dataclass(frozen=True)
class RegularSeries:
    """A series with a value at each step.

    Attributes:
        source: what it was made of.
        calendar: its times; None where the file has none, and rows are steps.
        values: float32 (T, F).
        is_filled: bool (T, F), what was not measured but filled in.
        missing_rows: how many steps had no row.
        notes: lines for people on what was decided about times and ends, without the name of the file.
    """

    source: FileSeries
    calendar: Calendar | None
    values: np.ndarray
    is_filled: np.ndarray
    missing_rows: int
    notes: tuple[str, ...] = ()


def regular_series(
    series: FileSeries, missing: OnMissing, *, on_repeat: OnRepeat = "error", longest_gap: int | None = None
) -> RegularSeries:
    """Check the times of a series, if it has any, and fill its holes or refuse them.

    Rows at either end in which something is missing are cut off: nothing leads there.

    Args:
        series: as a source reads it.
        missing: error refuses empty cells and missing rows; interpolate draws straight lines between the measured
            values on both sides, previous repeats the one before.
        on_repeat: rows of equal times: error refuses them, mean averages them, last takes the lowest in the file.
        longest_gap: most steps in a row that are filled in, from 1; None: any number.

    Returns:
        The series at regular times.

    Raises:
        UserError: there are fewer than two rows, times are repeated or irregular, or something is missing that may
            not be, or cannot be filled in.
    """
    if len(series.values) < 2:
        what = "rows" if series.unit == "line" else f"{series.unit}s"
        raise UserError(f"{series.name} must have at least two {what}, but has {len(series.values)}")
    calendar, values_TF = None, series.values.astype(np.float64)
    notes: tuple[str, ...] = ()
    steps_R = np.arange(len(values_TF))
    if series.time_column is not None:
        times = read_times(
            series.times,
            series.lines,
            f"{series.name}, column {series.time_column!r}",
            options=series.time_options,
            may_miss_rows=missing != "error",
            on_repeat=on_repeat,
            show=lambda row: ", ".join(f"{value:.10g}" for value in series.values[row, :_SHOWN]),
        )
        calendar, steps_R, notes = times.calendar, times.steps, times.notes
        values_TF = _by_step(series.values, steps_R, on_repeat)
        if repeated := len(steps_R) - len(np.unique(steps_R)):
            what = "averaged" if on_repeat == "mean" else "left out for the last of each time"
            notes += (f"{pluralise(repeated, 'row')} of a time that another row has: {what}",)
    first, end = _measured_steps(values_TF, series, calendar)
    for start, stop, which in ((0, first, "first"), (end, len(values_TF), "last")):
        if stop > start:
            count = f"{stop - start:,} steps" if stop - start > 1 else "step"
            columns = _missing_columns(values_TF[start:stop], series.features)
            notes += (f"the {which} {count} cut off: {columns} missing there",)
    hole_TF = np.isnan(values_TF)
    if missing == "error":
        _refuse_holes(hole_TF[first:end], first, steps_R, series)
    missing_rows = int((~np.isin(np.arange(first, end), steps_R)).sum())
    if calendar is not None:
        calendar = calendar.from_step(first)
    if longest_gap is not None:
        _refuse_long_gaps(hole_TF[first:end], series, calendar, longest_gap)
    _fill(values_TF, missing)  # before the ends are cut off: what one column measured there leads to its next value
    values_TF = values_TF[first:end].astype(np.float32)
    return RegularSeries(series, calendar, values_TF, hole_TF[first:end], missing_rows, notes)


def _by_step(values_RF: np.ndarray, steps_R: np.ndarray, on_repeat: OnRepeat) -> np.ndarray:
    """A row a step, NaN where there is none; rows of one step averaged, or the last of them."""
    values_TF = np.full((int(steps_R.max()) + 1, values_RF.shape[1]), np.nan)
    if on_repeat == "mean" and len(np.unique(steps_R)) < len(steps_R):
        is_there_RF = ~np.isnan(values_RF)
        sums_TF, counts_TF = np.zeros_like(values_TF), np.zeros_like(values_TF)
        np.add.at(sums_TF, steps_R, np.where(is_there_RF, values_RF, 0.0))
        np.add.at(counts_TF, steps_R, is_there_RF)
        np.divide(sums_TF, counts_TF, out=values_TF, where=counts_TF > 0)
        return values_TF
    last_T = np.full(len(values_TF), -1)
    np.maximum.at(last_T, steps_R, np.arange(len(steps_R)))
    values_TF[last_T >= 0] = values_RF[last_T[last_T >= 0]]
    return values_TF


def _measured_steps(values_TF: np.ndarray, series: FileSeries, calendar: Calendar | None) -> tuple[int, int]:
    """The steps, from and up to (not including), between the ends at which some column is missing."""
    is_there_TF = ~np.isnan(values_TF)
    if not is_there_TF.any(axis=0).all():
        empty = [name for name, is_there in zip(series.features, is_there_TF.any(axis=0), strict=True) if not is_there]
        raise UserError(
            f"{series.name}: {', '.join(empty)} must hold a number in some row, but is missing in all. Leave it out "
            "with value_columns."
        )
    first_F = is_there_TF.argmax(axis=0)
    end_F = len(values_TF) - is_there_TF[::-1].argmax(axis=0)
    first, end = int(first_F.max()), int(end_F.min())
    if end - first < max(2, _MAX_CUT * len(values_TF)):
        late, early = series.features[int(first_F.argmax())], series.features[int(end_F.argmin())]

        def at(step: int) -> str:
            return calendar.text(step) if calendar else f"row {step + 1}"

        raise UserError(
            f"{series.name}: all columns must be measured over most of the series, but {late} begins at "
            f"{at(int(first_F.max()))} and {early} ends at {at(int(end_F.min()) - 1)}, of {at(0)} to "
            f"{at(len(values_TF) - 1)}. Leave a column out with value_columns, or take a part of the series."
        )
    return first, end


def _missing_columns(values_TF: np.ndarray, features: Sequence[str]) -> str:
    names = [name for name, values_T in zip(features, values_TF.T, strict=True) if np.isnan(values_T).any()]
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more} {'is' if len(names) == 1 else 'are'}"


def _refuse_holes(hole_TF: np.ndarray, first: int, steps_R: np.ndarray, series: FileSeries) -> None:
    """Name the first cell without a value; ``hole_TF`` begins at the step ``first``."""
    holes = np.argwhere(hole_TF)
    if len(holes):
        step, feature = holes[0].tolist()
        line = series.lines[int(np.flatnonzero(steps_R == first + step)[0])]
        of_all = f" (and {len(holes) - 1:,} more)" if len(holes) > 1 else ""
        raise UserError(
            f"{series.name}, {series.unit} {line}: {series.features[feature]} must not be missing{of_all}. Fill it in, "
            "or let straight lines, or the value before, take the place of what is missing: preprocess.missing: "
            "interpolate, or previous"
        )


def _refuse_long_gaps(hole_TF: np.ndarray, series: FileSeries, calendar: Calendar | None, longest_gap: int) -> None:
    """Name the longest stretch without values where it is too long."""
    worst, worst_end, worst_feature = 0, 0, 0
    for feature, hole_T in enumerate(hole_TF.T):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], hole_T, [False]]).astype(np.int8)))
        lengths = edges[1::2] - edges[::2]
        if len(lengths) and lengths.max() > worst:
            worst, worst_end, worst_feature = int(lengths.max()), int(edges[1::2][lengths.argmax()]), feature
    if worst > longest_gap:
        start, end = (
            calendar.text(step) if calendar else f"row {step + 1}" for step in (worst_end - worst, worst_end - 1)
        )
        raise UserError(
            f"{series.name}: {series.features[worst_feature]} must not be missing for more than {longest_gap:,} steps "
            f"(preprocess.longest_gap), but is for {worst:,}, from {start} to {end}. Raise it, leave the column out "
            "with value_columns, or take a part of the series."
        )


def _fill(values_TF: np.ndarray, missing: OnMissing) -> None:
    """Fill holes in place; those before the first value and behind the last are of no use, and cut off later."""
    steps = np.arange(len(values_TF))
    for feature, hole_T in enumerate(np.isnan(values_TF).T):
        if not hole_T.any():
            continue
        if missing == "previous":
            before_T = np.maximum.accumulate(np.where(hole_T, 0, steps))
            values_TF[:, feature] = values_TF[before_T, feature]
        else:
            values_TF[hole_T, feature] = np.interp(steps[hole_T], steps[~hole_T], values_TF[~hole_T, feature])


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
