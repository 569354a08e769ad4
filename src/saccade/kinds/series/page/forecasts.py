"""The dataset report of a series that is to be forecast.

Shapes: T steps, F features, W steps of a window's inputs, H steps to forecast.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from saccade.data.prepared import DatasetInfo, open_split
from saccade.data.sampling import spread
from saccade.data.spec import SPLITS, targets_of_names
from saccade.display.embedded import embedded_png
from saccade.display.page import Cell, Code, Figure, Line, Name, PageBlock, Section, Sheet, Table, percent
from saccade.display.style import GREY
from saccade.kinds.series.forecasting.examples import CutSeries, ForecastData
from saccade.kinds.series.forecasting.seasonality import autocorrelation
from saccade.kinds.series.page.figures import (
    MAX_FEATURES,
    PART_COLORS,
    Stretch,
    draw_autocorrelation,
    draw_histograms,
    draw_parts,
    draw_windows,
    steps_to_label,
)

_WINDOWS = 4
_MAX_FEATURES = 200  # in a table
_FAR = 1.0  # deviations of the training part by which the test part's mean may lie off before it is worth a look
_MANY = 0.05  # share of the values above which filling in is worth a look


def forecast_sections(description: DatasetInfo, prepared: Path, data: ForecastData, picture: Path) -> list[Section]:
    """All sections, in their order.

    Args:
        description: of the prepared arrays.
        prepared: their folder.
        data: what they were made of.
        picture: where to draw the series, for whoever reads the Markdown.

    Returns:
        Sections of a page.
    """
    return [
        _series(data, picture),
        windows_section(description, prepared, data),
        *channels_sections(description),
        _values(description, data),
        _missing(data),
        _season(description, data),
    ]


def _series(data: ForecastData, picture: Path) -> Section:
    series, calendar = data.series, data.timeline.calendar
    T, W = len(series.values), data.cut.window
    labels = [calendar.text(step) for step in steps_to_label(T)]
    draw_parts(series.values, series.source.features, list(stretches(data.panel[0])), labels, picture)
    rows: list[list[Cell]] = []
    for split in SPLITS:
        first, end = data.parts.forecast[split] if split != "train" else data.train_steps
        windows = int((data.splits == split).sum())
        rows.append([split, end - first, Name(calendar.text(first)), Name(calendar.text(end - 1)), windows])
    lines: list[Line] = [
        (
            f"{T:,} steps of {calendar.step}, from ",
            Name(calendar.text(0)),
            " to ",
            Name(calendar.text(T - 1)),
            ". The parts are those whose values are forecast; training has its inputs in its own part, validation and "
            f"test in the gap of {W:,} steps before theirs. No step is in the windows of two splits, neither as an "
            "input nor as something to forecast.",
        )
    ]
    if len(series.source.features) > MAX_FEATURES:
        lines.append((f"{MAX_FEATURES} of {len(series.source.features):,} features are drawn.",))
    table = Table(["part", "steps", "first", "last", "windows"], rows)
    result = f"{T:,} steps of {calendar.step}"
    return Section("series", "The series and its parts", result, lines=lines, blocks=[parts_sheet(picture), table])


def parts_sheet(picture: Path) -> PageBlock:
    """The picture of the parts."""
    return _sheet(picture, "parts")


def stretches(one: CutSeries) -> Iterator[Stretch]:
    """The parts of a series and what lies between them, from the first step to the last."""
    at, T = 0, len(one.regular.values)
    for split in SPLITS:
        first, end = one.parts.forecast[split] if split != "train" else one.train_steps
        if first > at:
            yield Stretch(at, first, "gap, or not used", GREY)
        yield Stretch(first, end, split, PART_COLORS[split])
        at = end
    if at < T:
        yield Stretch(at, T, "gap, or not used", GREY)


def windows_section(description: DatasetInfo, prepared: Path, data: ForecastData) -> Section:
    """Some windows, and why others are in no split."""
    cut, spec, train = data.cut, description.spec, open_split(prepared, "train")
    target = targets_of_names(spec.targets, spec.horizon)[0]
    at, every = spec.features.index(target), len(spec.targets) // spec.horizon
    rows = spread(np.arange(len(train.rows)), _WINDOWS)
    windows = [int(train.rows[row]) for row in rows]
    whose = [f"{data.panel[data.timeline.series_of(window)].name}: " if data.is_panel else "" for window in windows]
    titles = [f"{who}{target} from {data.timeline.time(window, 0)}" for who, window in zip(whose, windows, strict=True)]
    inputs = [train.examples[row, :, at] for row in rows]
    sheet = _drawn(
        lambda path: draw_windows(inputs, [train.labels[row, ::every] for row in rows], titles, path), "windows"
    )
    lines: list[Line] = [
        (
            f"Each window shows {cut.window:,} steps and asks for the next {cut.horizon:,}; one begins every "
            f"{cut.stride:,} step{'s' if cut.stride > 1 else ''}, the last ends with the series.",
        )
    ]
    if cut.stride == 1:
        lines.append(
            (
                "Neighbours share all but one of their steps: there is less to learn than the number of windows says. "
                "A larger ",
                Code("preprocess.stride"),
                " takes fewer.",
            )
        )
    out = sum(data.left_out.values())
    if out:
        why = "; ".join(f"{count:,} {why}" for why, count in data.left_out.items())
        lines.append((f"{out:,} of {len(data.splits):,} windows are in no split: {why}.",))
    counts = ", ".join(f"{split} {description.counts[split]:,}" for split in SPLITS)
    return Section("windows", "Windows", counts, True, lines, [sheet])


def channels_sections(description: DatasetInfo) -> list[Section]:
    """What a network is shown beside the measured columns; no section where that is nothing."""
    inputs = description.spec.inputs
    if inputs is None:
        return []
    later = " and ".join(f"{shift:,}" for shift in inputs.shifts)
    kinds = [
        ("measured, up to the last step of a window", inputs.measured),
        (f"known ahead, at each step and {later} steps later", inputs.known_channels),
        ("the same throughout a series", tuple(channel for column in inputs.static for channel in column.channels)),
    ]
    rows: list[list[Cell]] = [[what, Name(", ".join(names))] for what, names in kinds if names]
    lines: list[Line] = []
    if inputs.holidays:
        lines.append((f"{len(inputs.holidays):,} holidays, from {inputs.holidays[0]} to {inputs.holidays[-1]}.",))
    table = Table(["channels", "names"], rows)
    result = f"{len(description.spec.features):,} numbers a step"
    return [Section("channels", "What a network is shown", result, lines=lines, blocks=[table])]


def _values(description: DatasetInfo, data: ForecastData) -> Section:
    features, values_TF = data.series.source.features, data.series.values  # what is known ahead needs no look
    parts = {split: _part(data, split) for split in SPLITS}
    mean_F, std_F = (np.array(each[: len(features)]) for each in (description.mean, description.std))
    off_F = (parts["test"].mean(axis=0, dtype=np.float64) - mean_F) / std_F
    worst = int(np.abs(off_F).argmax())
    rows: list[list[Cell]] = [
        [
            Name(name),
            *(f"{number:.6g}" for number in (values_T.min(), np.median(values_T), values_T.max())),
            *(f"{number:.6g}" for number in (mean_F[i], std_F[i])),
            f"{off_F[i]:+.2f}",
        ]
        for i, (name, values_T) in enumerate(zip(features[:_MAX_FEATURES], values_TF.T, strict=False))
    ]
    head = ["feature", "least", "median", "largest", "mean (training)", "deviation (training)", "test mean off by"]
    lines: list[Line] = [
        (
            "Mean and standard deviation of the training part normalise all three; each step counts once, in however "
            "many windows it is. The last column is how far the mean of the test part lies from that of training, in "
            "such deviations.",
        )
    ]
    far = abs(float(off_F[worst])) > _FAR
    if far:
        lines.append(
            (
                "The test part lies where training has hardly been (",
                Name(features[worst]),
                "): what is learnt there need not hold. Differences from step to step, or logarithms, in place of the "
                "values may be steadier.",
            )
        )
    side = "above" if off_F[worst] >= 0 else "below"
    result = f"test {abs(off_F[worst]):.2f} deviations {side} training" + (" at most" if len(features) > 1 else "")
    sheet = _drawn(lambda path: draw_histograms(parts, features, path), "how often values occur in each part")
    return Section("values", "Values", result, not far, lines, [Table(head, rows), sheet])


def _part(data: ForecastData, split: str) -> np.ndarray:
    first, end = data.train_steps if split == "train" else data.parts.forecast[split]
    return data.series.values[first:end]


def _missing(data: ForecastData) -> Section:
    is_filled_TF, title = data.series.is_filled, "Missing values"
    filled = int(is_filled_TF.sum())
    if not filled:
        return Section("missing", title, "none", lines=[("No value was missing, and no row.",)])
    rows_missing = data.series.missing_rows
    share, left_out = filled / is_filled_TF.size, data.left_out.get("where something was filled in", 0)
    longest_F = [_longest_run(is_filled_T) for is_filled_T in is_filled_TF.T]
    rows: list[list[Cell]] = [
        [Name(name), int(count), longest]
        for name, count, longest in zip(
            data.series.source.features, is_filled_TF.sum(axis=0).tolist(), longest_F, strict=True
        )
        if count
    ]
    lines: list[Line] = [
        (
            f"{filled:,} of {is_filled_TF.size:,} values ({percent(share)}) were missing"
            + (f", among them those of {rows_missing:,} missing row{'s' * (rows_missing > 1)}" if rows_missing else "")
            + ", and straight lines were drawn over them. They are inputs alone: "
            f"{left_out:,} windows in which one was to be forecast, or was the last input, are in no split.",
        )
    ]
    table = Table(["feature", "filled in", "longest stretch"], rows[:_MAX_FEATURES])
    return Section("missing", title, f"{filled:,} interpolated", share <= _MANY, lines, [table])


def _longest_run(is_filled_T: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_filled_T.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _season(description: DatasetInfo, data: ForecastData) -> Section:
    spec, seasons = description.spec, data.timeline.seasons
    targets = targets_of_names(spec.targets, spec.horizon)
    first, end = data.train_steps
    longest = max(1, min(data.cut.window, (end - first) // 2))
    correlations = {
        target: autocorrelation(data.series.values[first:end, spec.features.index(target)], longest)
        for target in targets
    }
    how = "given" if data.is_season_given else "found in the autocorrelation of the training part"
    lines: list[Line] = [
        (
            "How like the training part is to itself some steps earlier, its trend taken away. The seasonal baseline "
            f"says what was one season ago; seasons of up to {data.cut.window:,} steps, a window, are looked for, "
            "since a forecast sees no further.",
        )
    ]
    found = [
        (Name(target), f": {season:,} steps" if season else ": none")
        for target, season in zip(targets, seasons, strict=True)
    ]
    lines += [*found[:MAX_FEATURES]] if len(targets) > 1 else []
    if any(season is None for season in seasons):
        lines.append(("Without a season there is no seasonal baseline. ", Code("preprocess.season"), " names one."))
    known = sorted({season for season in seasons if season is not None})
    result = f"{', '.join(f'{season:,}' for season in known)} steps, {how}" if known else "none found"
    sheet = _drawn(
        lambda path: draw_autocorrelation(correlations, seasons, path, data.timeline.calendar.step), "autocorrelation"
    )
    return Section("season", "Season", result, True, lines, [sheet])


def _drawn(draw: Callable[[Path], None], name: str) -> PageBlock:
    """A picture that is nowhere but in the page."""
    with TemporaryDirectory() as scratch:
        draw(Path(scratch) / "drawn.png")
        return _sheet(Path(scratch) / "drawn.png", name)


def _sheet(picture: Path, name: str) -> Sheet:
    return Sheet((name,), [Figure(embedded_png(picture), Name(name))])
