"""Long series whose future is forecast: check them, cut them into windows in order of time, and write them."""

import functools
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from saccade.core.errors import UserError
from saccade.core.messages import pluralise, printable
from saccade.core.options import Between, Example
from saccade.data.forecast_inputs import ForecastInputs, shifts_for
from saccade.data.spec import targets_of_names
from saccade.display.page import Line, Name
from saccade.kinds import Job, Prepared
from saccade.kinds.series.arrays import series_arrays
from saccade.kinds.series.forecasting.covariates import (
    Filling,
    SeriesInputs,
    read_holidays,
    series_inputs,
    static_channels,
    static_columns,
)
from saccade.kinds.series.forecasting.examples import ForecastData, cut_all
from saccade.kinds.series.forecasting.windows import WindowSpec
from saccade.kinds.series.page.forecasts import forecast_sections
from saccade.kinds.series.page.panels import panel_sections
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.readers.examples import LongSeries, SeriesPanel

_NAMED = 5  # series, in a line for people

SPLIT = ("folds", "fold", "train_fraction")


def prepare(
    examples: LongSeries | SeriesPanel,
    job: Job,
    *,
    window: Annotated[int, Between(1, 1_000_000), Example("132")],
    horizon: Annotated[int, Between(1, 10_000), Example("12")],
    stride: Annotated[int, Between(1, 1_000_000)] | None = None,
    missing: Literal["error", "interpolate", "previous"] = "error",
    longest_gap: Annotated[int, Between(1)] | None = None,
    on_repeat: Literal["error", "mean", "last"] = "error",
    season: Annotated[int, Between(1)] | None = None,
    covariates: list[Literal["minute", "hour", "weekday", "day", "yearday", "month"]] | None = None,
    holidays: list[str] | str | None = None,
) -> Prepared:
    """Check one series or several, cut them into windows in order of time, and write them.

    Args:
        examples: the series of a source.
        job: folders and splits.
        window: steps that a forecast sees
        horizon: steps that are forecast, those behind the window
        stride: steps from one window to the next, default: 1
        missing: empty cells and missing rows: stop, draw straight lines between their neighbours, or repeat the one
            before
        longest_gap: most steps in a row that are filled in; null: any number
        on_repeat: rows of equal times: stop, average them, or take the lowest in the file
        season: steps of a season, at most window, for a forecast's seasonal baseline; null: it is looked for
        covariates: words of the calendar that a forecast is told, past and ahead, each as a sine and a cosine
        holidays: days such as 2024-12-25 that a forecast is told, past and ahead; or a text file with one a line

    Returns:
        What was written, and the sections of its page.

    Raises:
        UserError: a series is too short, has holes, or its windows do not fit on the disk.
    """
    assert job.split.test != "given"
    cut = WindowSpec(window, horizon, stride or 1)
    inputs = inputs_for(examples, cut, covariates or (), read_holidays(holidays))
    is_plain = isinstance(examples, LongSeries) and inputs.features == inputs.measured
    cut_them = functools.partial(
        cut_all,
        targets=examples.targets,
        cut=cut,
        test=job.split.test,
        validation=job.split.validation,
        folds=job.split.folds,
        fold=job.split.fold,
        train_fraction=job.split.train_fraction,
        season=season,
    )
    series = _regular_series(examples, inputs, Filling(missing, on_repeat, longest_gap))
    data = cut_them(series, inputs=None if is_plain else inputs)
    if isinstance(examples, SeriesPanel) and inputs.static and len(data.panel) < len(examples.series):
        # What only series that are left out have would be channels that are never learnt
        notes, kept = data.notes, {one.name: one.inputs for one in data.panel}
        those = [one for one in examples.series if one.name in kept]
        static = static_columns(those)
        series = [replace(kept[one.name], static=static_channels(one, static)) for one in those]
        data = replace(cut_them(series, inputs=replace(inputs, static=static)), notes=notes)
    for line in [
        *_notes_of_single_rows(examples),
        *data.notes,
        *_notes_of_series(data),
        *_summary_lines(data, missing),
    ]:
        job.say(line)
    _require_space(data, job.folder)
    rows_of = rows_of_splits(data.splits)
    info = write_arrays(job.folder, series_arrays(data.examples), rows_of, job.progress, data.timeline)
    spec = info.spec
    targets = targets_of_names(spec.targets, spec.horizon)
    names: Line = tuple(part for name in targets for part in (", ", Name(name)))
    ahead = f" {spec.horizon:,} steps of {spec.step} ahead"
    of_what = f"of {len(data.panel):,} series" if data.is_panel else "of a series"
    sections = panel_sections if data.is_panel else forecast_sections
    return Prepared(
        info,
        sections(info, job.folder, data, job.samples),
        lead=(
            f"What the dataset looks like after preprocess: windows {of_what}, to forecast ",
            *names[1:],
            f"{ahead}.",
        ),
        things=f"windows {of_what}" if data.is_panel else "windows",
        asks=f"to forecast: {', '.join(targets)},{ahead}",
        notes=[*examples.notes, *data.notes],
    )


def inputs_for(
    examples: LongSeries | SeriesPanel, cut: WindowSpec, calendar: Sequence[str], holidays: Sequence[str]
) -> ForecastInputs:
    """How the channels of a dataset are made, before the scales of its series are known.

    Args:
        examples: the series of a source.
        cut: how they will be cut.
        calendar: words of the calendar.
        holidays: days in the form 2024-12-25.

    Returns:
        What each channel holds.

    Raises:
        UserError: two channels would be called the same.
    """
    first = examples.series[0] if isinstance(examples, SeriesPanel) else examples
    inputs = ForecastInputs(
        measured=first.series.features[: len(first.series.features) - len(first.known)],
        known=first.known,
        calendar=tuple(dict.fromkeys(calendar)),
        holidays=tuple(holidays),
        static=static_columns(examples.series) if isinstance(examples, SeriesPanel) else (),
        series_column=examples.series_column if isinstance(examples, SeriesPanel) else "",
    )
    if inputs.known_channels:
        inputs = replace(inputs, shifts=shifts_for(cut.window, cut.horizon))
    features = inputs.features
    if twice := next((name for i, name in enumerate(features) if name in features[:i]), None):
        raise UserError(
            f"{first.series.name}: the column {twice!r} must be called otherwise, or be left out, for covariates, "
            "holidays or static make a column of this name"
        )
    return inputs


def _regular_series(examples: LongSeries | SeriesPanel, inputs: ForecastInputs, filling: Filling) -> list[SeriesInputs]:
    """All series at regular times, of one step."""
    if isinstance(examples, LongSeries):
        return [series_inputs(examples, inputs, filling)]
    found = [series_inputs(one, inputs, filling) for one in examples.series if not _is_of_one_row(one)]
    if not found:
        raise UserError(f"{examples.series[0].series.name} must have at least two rows, as all series must")
    steps = [one.regular.calendar.step for one in found if one.regular.calendar is not None]
    usual = Counter(steps).most_common(1)[0][0]
    if (odd := next((i for i, step in enumerate(steps) if step != usual), None)) is not None:
        raise UserError(
            f"{found[odd].regular.source.name} must have a row every {usual}, as most series have, but has one every "
            f"{steps[odd]}. Bring all to one step, or take it out."
        )
    return found


def _is_of_one_row(one: LongSeries) -> bool:
    return len(one.series.values) < 2


def _notes_of_single_rows(examples: LongSeries | SeriesPanel) -> list[str]:
    """Which series of a panel are none at all."""
    series = examples.series if isinstance(examples, SeriesPanel) else []
    if not (names := [printable(one.name) for one in series if _is_of_one_row(one)]):
        return []
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
    return [f"{len(names):,} of {len(series):,} series left out, with fewer than two rows: {shown}"]


def _notes_of_series(data: ForecastData) -> list[str]:
    """What was decided about times and ends, a line each; of several series with the names of those of which it is."""
    names: dict[str, list[str]] = {}
    for one in data.panel:
        for note in one.regular.notes:
            names.setdefault(note, []).append(printable(one.name))
    if not data.is_panel:
        return list(names)
    return [
        f"{note} ({', '.join(found[:_NAMED])}{f' and {len(found) - _NAMED:,} more' if len(found) > _NAMED else ''})"
        for note, found in names.items()
    ]


def _summary_lines(data: ForecastData, missing: str) -> list[str]:
    """What was filled in and left out, a line each."""
    lines = []
    if filled := sum(int(one.regular.is_filled.sum()) for one in data.panel):
        missing_rows = sum(one.regular.missing_rows for one in data.panel)
        rows = f", among them those of {pluralise(missing_rows, 'missing row')}" * (missing_rows > 0)
        how = "interpolated" if missing == "interpolate" else "filled with the value before"
        lines.append(f"{pluralise(filled, 'value')} missing and {how}{rows}")
    if data.left_out:
        why = ", ".join(f"{count:,} {why}" for why, count in data.left_out.items())
        lines.append(f"{pluralise(sum(data.left_out.values()), 'window')} in no split: {why}")
    return lines


def _require_space(data: ForecastData, folder: Path) -> None:
    """Say what to change before a day's windows are half written."""
    W, numbers = data.cut.window, data.cut.window * len(data.examples.features) + len(data.examples.targets)
    needed, free = int((data.splits != "").sum()) * numbers * 4, shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"the windows take {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free: each of the {W:,} inputs is "
            "stored for each window that it is in. Raise preprocess.stride, or shorten preprocess.window."
        )
