"""The dataset report of several series that one network is to forecast.

Shapes: T steps, C measured columns.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.data.prepared import DatasetInfo
from saccade.data.sampling import spread
from saccade.data.spec import SPLITS, targets_of_names
from saccade.display.page import Cell, Code, Line, Name, Section, Table, percent
from saccade.kinds.series.forecasting.examples import CutSeries, ForecastData
from saccade.kinds.series.page.figures import PanelLine, draw_panel
from saccade.kinds.series.page.forecasts import channels_sections, parts_sheet, stretches, windows_section

_MAX_DRAWN = 8  # series
_MAX_ROWS = 200  # of a table
_MANY = 0.05  # share of the values above which filling in is worth a look


def panel_sections(description: DatasetInfo, prepared: Path, data: ForecastData, picture: Path) -> list[Section]:
    """All sections, in their order.

    Args:
        description: of the prepared arrays.
        prepared: their folder.
        data: what they were made of.
        picture: where to draw some of the series, for whoever reads the Markdown.

    Returns:
        Sections of a page.
    """
    return [
        _series(description, data, picture),
        windows_section(description, prepared, data),
        *channels_sections(description),
        _missing(data),
        _season(description, data),
    ]


def _series(description: DatasetInfo, data: ForecastData, picture: Path) -> Section:
    target = targets_of_names(description.spec.targets, description.spec.horizon)[0]
    shown = [data.panel[i] for i in spread(np.arange(len(data.panel)), _MAX_DRAWN)]
    draw_panel([_line(one, target) for one in shown], picture)
    at = data.panel[0].regular.source.features.index(target)
    scales = data.examples.inputs.scales if data.examples.inputs is not None else ()
    rows: list[list[Cell]] = [
        [
            Name(one.name),
            len(one.regular.values),
            Name(one.calendar.text(0)),
            Name(one.calendar.text(len(one.regular.values) - 1)),
            *(int((one.splits == split).sum()) for split in SPLITS),
            f"{scale.mean[at]:.6g}",
            f"{scale.std[at]:.6g}",
        ]
        for one, scale in zip(data.panel[:_MAX_ROWS], scales, strict=False)
    ]
    lines: list[Line] = [
        (
            "One network learns from all series, and no window lies in two of them. Each is divided by its own time: "
            "its last steps are for test, those before for validation, with a gap of a window between the parts.",
        ),
        (
            "What is stored of a measured column is its distance from the mean of its series, in units of the "
            "deviation of its series, both of its training part: small series count as much as large ones. Forecasts "
            "are told, and measured, in the data's own unit.",
        ),
        *((note,) for note in data.notes),
    ]
    if len(data.panel) > _MAX_ROWS:
        lines.append((f"{_MAX_ROWS} of {len(data.panel):,} series are listed.",))
    head = ["series", "steps", "first", "last", *(f"windows for {split}" for split in SPLITS)]
    head += ["mean (training)", "deviation (training)"]
    steps = [len(one.regular.values) for one in data.panel]
    result = f"{len(data.panel):,} of {min(steps):,} to {max(steps):,} steps of {description.spec.step}"
    blocks = [parts_sheet(picture), Table(head, rows)]
    return Section("series", "The series and their parts", result, not data.notes, lines, blocks)


def _line(one: CutSeries, target: str) -> PanelLine:
    values_T = one.regular.values[:, one.regular.source.features.index(target)]
    ends = (one.calendar.text(0), one.calendar.text(len(values_T) - 1))
    return PanelLine(f"{one.name}: {target}", values_T, list(stretches(one)), ends)


def _missing(data: ForecastData) -> Section:
    filled = [int(one.regular.is_filled.sum()) for one in data.panel]
    if not any(filled):
        return Section("missing", "Missing values", "none", lines=[("No value was missing, and no row.",)])
    total = sum(one.regular.is_filled.size for one in data.panel)
    order = np.argsort(filled)[::-1][:_MAX_ROWS].tolist()
    rows: list[list[Cell]] = [
        [Name(data.panel[i].name), filled[i], data.panel[i].regular.missing_rows] for i in order if filled[i]
    ]
    lines: list[Line] = [
        (
            f"{sum(filled):,} of {total:,} values ({percent(sum(filled) / total)}) were missing, and filled in. They "
            f"are inputs alone: {data.left_out.get('where something was filled in', 0):,} windows in which one was to "
            "be forecast, or was the last input, are in no split.",
        )
    ]
    table = Table(["series", "filled in", "rows missing"], rows)
    is_fine = sum(filled) / total <= _MANY
    return Section("missing", "Missing values", f"{sum(filled):,} filled in", is_fine, lines, [table])


def _season(description: DatasetInfo, data: ForecastData) -> Section:
    seasons = data.timeline.seasons
    targets: Sequence[str] = targets_of_names(description.spec.targets, description.spec.horizon)
    how = "given" if data.is_season_given else "found in the autocorrelation of most training parts"
    lines: list[Line] = [
        ("The seasonal baseline says what was one season ago; one season counts for all series.",),
        *(
            (Name(target), f": {season:,} steps" if season else ": none")
            for target, season in zip(targets, seasons, strict=True)
        ),
    ]
    if any(season is None for season in seasons):
        lines.append(("Without a season there is no seasonal baseline. ", Code("preprocess.season"), " names one."))
    known = sorted({season for season in seasons if season is not None})
    result = f"{', '.join(f'{season:,}' for season in known)} steps, {how}" if known else "none found"
    return Section("season", "Season", result, True, lines)
