"""One long series whose future is forecast: check it, cut it into windows in order of time, and write them."""

import shutil
from pathlib import Path
from typing import Annotated, Literal

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.core.options import Between, Example
from saccade.data.spec import targets_of_names
from saccade.display.page import Line, Name
from saccade.kinds import Job, Prepared
from saccade.kinds.series.arrays import series_arrays
from saccade.kinds.series.forecasting.examples import ForecastData, cut_series
from saccade.kinds.series.forecasting.windows import WindowSpec
from saccade.kinds.series.page.forecasts import forecast_sections
from saccade.kinds.series.reading.regular import regular_series
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.readers.examples import LongSeries

SPLIT = ("train_fraction",)


def prepare(
    examples: LongSeries,
    job: Job,
    *,
    window: Annotated[int, Between(1, 1_000_000), Example("132")],
    horizon: Annotated[int, Between(1, 10_000), Example("12")],
    stride: Annotated[int, Between(1, 1_000_000)] | None = None,
    missing: Literal["error", "interpolate", "previous"] = "error",
    longest_gap: Annotated[int, Between(1)] | None = None,
    on_repeat: Literal["error", "mean", "last"] = "error",
    season: Annotated[int, Between(1)] | None = None,
) -> Prepared:
    """Check a series, cut it into windows in order of time, and write them.

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

    Returns:
        What was written, and the sections of its page.

    Raises:
        UserError: the series is too short, has holes, or its windows do not fit on the disk.
    """
    assert job.split.test != "given"
    data = cut_series(
        regular_series(examples.series, missing, on_repeat=on_repeat, longest_gap=longest_gap),
        examples.targets,
        WindowSpec(window, horizon, stride or 1),
        test=job.split.test,
        validation=job.split.validation,
        train_fraction=job.split.train_fraction,
        season=season,
    )
    for line in [*data.series.notes, *_summary_lines(data, missing)]:
        job.say(line)
    _require_space(data, job.folder)
    rows_of = rows_of_splits(data.splits)
    info = write_arrays(job.folder, series_arrays(data.examples), rows_of, job.progress, data.timeline)
    spec = info.spec
    targets = targets_of_names(spec.targets, spec.horizon)
    names: Line = tuple(part for name in targets for part in (", ", Name(name)))
    ahead = f" {spec.horizon:,} steps of {spec.step} ahead"
    return Prepared(
        info,
        forecast_sections(info, job.folder, data, job.samples),
        lead=(
            "What the dataset looks like after preprocess: windows of a series, to forecast ",
            *names[1:],
            f"{ahead}.",
        ),
        things="windows",
        asks=f"to forecast: {', '.join(targets)},{ahead}",
        notes=data.notes,
    )


def _summary_lines(data: ForecastData, missing: str) -> list[str]:
    """What was filled in and left out, a line each."""
    lines = []
    if filled := int(data.series.is_filled.sum()):
        rows = f", among them those of {pluralise(data.series.missing_rows, 'missing row')}" * (
            data.series.missing_rows > 0
        )
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
