"""From regular series to the examples of a forecast: windows, their splits, and what normalises them.

Shapes: T steps, C measured columns, F features, M windows, W steps of inputs, H steps to forecast, G targets.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.data.forecast_inputs import ForecastInputs, SeriesScale
from saccade.data.spec import SPLITS, names_of_targets
from saccade.data.timeline import Calendar, SeriesTimeline, Timeline
from saccade.kinds.series.forecasting.covariates import SeriesInputs
from saccade.kinds.series.forecasting.seasonality import common_season, find_season, naive_error
from saccade.kinds.series.forecasting.windows import (
    SeriesTooShortError,
    Shares,
    SplitRanges,
    WindowSpec,
    shares_of,
    split_series,
)
from saccade.kinds.series.reading.regular import RegularSeries, refuse_coarse, refuse_constant
from saccade.readers.examples import SeriesExamples

_UNSEEN = 0.2  # share of the test steps from which on a line says that training knows nothing of their time
_MAX_NAMES = 5  # of series that are left out, in one line


@dataclass(frozen=True)
class CutSeries:
    """One series cut into windows.

    Attributes:
        inputs: series at regular times, with what is known ahead.
        parts: steps of each split.
        starts: first step of each window, int64 (M,).
        splits: str (M,), "train", "validation", "test", or "" for what is in none.
        train_steps: the steps, from and up to (not including), that normalise all: those of the training windows.
        left_out: why windows are in no split, and how many.
    """

    inputs: SeriesInputs
    parts: SplitRanges
    starts: np.ndarray
    splits: np.ndarray
    train_steps: tuple[int, int]
    left_out: dict[str, int]

    @property
    def name(self) -> str:
        """Name of the series among several."""
        return self.inputs.name

    @property
    def regular(self) -> RegularSeries:
        """The measured columns at regular times."""
        return self.inputs.regular

    @property
    def calendar(self) -> Calendar:
        """The times."""
        assert self.inputs.regular.calendar is not None
        return self.inputs.regular.calendar

    @property
    def train_values(self) -> np.ndarray:
        """float32 (S, C), measured columns of the training steps."""
        return self.regular.values[slice(*self.train_steps)]


@dataclass(frozen=True)
class ForecastData:
    """One series or several, cut into windows.

    Attributes:
        panel: the series, at least one.
        cut: how.
        examples: the windows of all, series by series.
        splits: str (M,), "train", "validation", "test", or "" for what is in none.
        left_out: why windows are in no split, and how many.
        timeline: when they lie.
        is_season_given: the user named the season.
        notes: lines for people: what the source left out, and which series were.
    """

    panel: tuple[CutSeries, ...]
    cut: WindowSpec
    examples: SeriesExamples
    splits: np.ndarray
    left_out: dict[str, int]
    timeline: Timeline
    is_season_given: bool
    notes: Sequence[str] = ()

    @property
    def series(self) -> RegularSeries:
        """The series where there is one, else the first."""
        return self.panel[0].regular

    @property
    def parts(self) -> SplitRanges:
        """Parts of the series where there is one, else of the first."""
        return self.panel[0].parts

    @property
    def train_steps(self) -> tuple[int, int]:
        """Training steps of the series where there is one, else of the first."""
        return self.panel[0].train_steps

    @property
    def is_panel(self) -> bool:
        """Whether the series have names, for there may be several."""
        return bool(self.timeline.panel)


def cut_all(
    series: Sequence[SeriesInputs],
    targets: Sequence[str],
    cut: WindowSpec,
    inputs: ForecastInputs | None,
    *,
    test: float,
    validation: float,
    folds: int | None = None,
    fold: int | None = None,
    train_fraction: float = 1.0,
    season: int | None = None,
) -> ForecastData:
    """Cut series into windows, each in order of its own time; no window lies in two series.

    A window is left out where it lies across the border of a part; where something that it is to forecast was not
    measured but filled in, for nobody shall learn or be measured by what was made up; and where its last input was
    filled in, for the line over such a hole leads to a value that is not known yet. Of several series, those that are
    too short for a window in each part are left out, and those in which a target never changes in training.

    Args:
        series: series without holes, one without a name or several with names.
        targets: those of the features that are to be forecast.
        cut: how long the windows are, and how far apart.
        inputs: how channels are made; None: they are the measured columns of one series.
        test: share of all steps that the test windows forecast.
        validation: likewise.
        folds: number of blocks that are tested in turn, each after learning from what lies before it; None: none.
        fold: number of the fold, from 1.
        train_fraction: share of the training windows to keep, the latest of each series.
        season: steps of a season, for the seasonal baseline; None looks for one in the training part.

    Returns:
        The windows and their splits.

    Raises:
        UserError: the series are too short, constant as far as 32 bits tell, or have too many holes.
    """
    is_panel = bool(series[0].name)
    found: list[CutSeries] = []
    too_short: list[SeriesInputs] = []
    longest: tuple[int, SeriesTooShortError] | None = None
    for one in series:
        shares = shares_of(len(one.regular.values), test=test, validation=validation, folds=folds, fold=fold)
        try:
            found.append(_cut_one(one, targets, cut, shares, train_fraction, fold=fold))
        except SeriesTooShortError as error:
            too_short.append(one)
            if longest is None or len(one.regular.values) > longest[0]:
                longest = len(one.regular.values), error
    if longest is not None and not found:  # the longest of several says what would do
        raise longest[1]
    notes = []
    if too_short:
        shortest = [f"{printable(one.name)} ({len(one.regular.values):,} rows)" for one in too_short[:_MAX_NAMES]]
        more = f" and {len(too_short) - _MAX_NAMES:,} more" if len(too_short) > _MAX_NAMES else ""
        notes.append(
            f"{len(too_short):,} of {len(series):,} series left out, too short for a window in each part: "
            f"{', '.join(shortest)}{more}"
        )
    if is_panel:
        found, note = _without_constant_targets(found, targets)
        notes += note
    for empty in SPLITS:
        if not any((each.splits == empty).any() for each in found):
            where = found[0].regular.source.name if not is_panel else f"{len(found):,} series"
            raise UserError(
                f"the {empty} split of {where} is empty: in each of its windows something that is to be forecast, or "
                "the last input, is missing in the file. Fill it in there, or shorten preprocess.horizon."
            )
    if is_panel:
        assert inputs is not None
        inputs = replace(inputs, scales=_scales(found))
    if not is_panel:
        source = found[0].regular.source
        refuse_coarse(source.values, source.features, source.name)
    where = _training_of(found)
    steps_SF = _train_steps(found, cut, inputs)
    refuse_constant(steps_SF[:, : found[0].regular.values.shape[1]], found[0].regular.source.features, where)
    for problem in _constant_channels(steps_SF, inputs, where):
        if fold is None:
            raise UserError(problem)
        notes.append(problem.rsplit(". ", 1)[0])  # an early fold may have learnt nothing of it yet
    notes += _unseen_times(found, inputs)
    seasons = _seasons(found, targets, cut, season)
    counts: Counter[str] = Counter()
    for cut_one in found:
        counts.update(cut_one.left_out)
    return ForecastData(
        panel=tuple(found),
        cut=cut,
        examples=_examples(found, targets, cut, inputs, steps_SF),
        splits=np.concatenate([one.splits for one in found]),
        left_out={why: count for why, count in counts.items() if count},
        timeline=_timeline(found, targets, cut, seasons, inputs),
        is_season_given=season is not None,
        notes=notes,
    )


def _cut_one(
    series: SeriesInputs,
    targets: Sequence[str],
    cut: WindowSpec,
    shares: Shares,
    train_fraction: float,
    *,
    fold: int | None,
) -> CutSeries:
    source = series.regular.source
    name = source.name if fold is None else f"{source.name}, up to the end of fold {fold},"
    parts = split_series(
        shares.end, cut, test=shares.test, validation=shares.validation, name=name, is_fold=fold is not None
    )
    starts_M = cut.starts(shares.end)
    splits_M = parts.of_windows(starts_M, cut)
    left_out = {"across the border of a part": int((splits_M == "").sum())}
    target_at = [source.features.index(target) for target in targets]
    is_made_up_M = _is_made_up(series.regular, cut, starts_M, target_at) & (splits_M != "")
    left_out["where something was filled in"] = int(is_made_up_M.sum())
    splits_M = np.where(is_made_up_M, "", splits_M)
    train_M = np.flatnonzero(splits_M == "train")
    kept = max(1, round(train_fraction * len(train_M)))
    splits_M[train_M[: len(train_M) - kept]] = ""
    left_out["beyond split.train_fraction"] = len(train_M) - min(kept, len(train_M))
    train_M = np.flatnonzero(splits_M == "train")
    steps = (int(starts_M[train_M[0]]), int(starts_M[train_M[-1]]) + cut.length) if len(train_M) else (0, 0)
    return CutSeries(series, parts, starts_M, splits_M, steps, left_out)


def _without_constant_targets(found: list[CutSeries], targets: Sequence[str]) -> tuple[list[CutSeries], list[str]]:
    """Series in whose training each target changes; and a line on the others."""
    kept: list[CutSeries] = []
    constant: list[CutSeries] = []
    for one in found:
        at = [one.regular.source.features.index(target) for target in targets]
        values_SG = one.train_values[:, at]
        is_usable = len(values_SG) > 0 and bool((values_SG.min(axis=0) < values_SG.max(axis=0)).all())
        (kept if is_usable else constant).append(one)
    if not kept:
        raise UserError(
            f"{', '.join(targets)} must change within the training part of a series, but does in none of "
            f"{len(found):,} series. Take other targets, or a shorter test and validation."
        )
    if not constant:
        return kept, []
    named = ", ".join(printable(one.name) for one in constant[:_MAX_NAMES])
    more = f" and {len(constant) - _MAX_NAMES:,} more" if len(constant) > _MAX_NAMES else ""
    line = (
        f"{len(constant):,} of {len(found):,} series left out, without a change of {', '.join(targets)} in training: "
        f"{named}{more}"
    )
    return kept, [line]


def _scales(found: Sequence[CutSeries]) -> tuple[SeriesScale, ...]:
    """Of each series; a column that never changes in one takes the deviation that it has over all others."""
    std_NC = np.array([one.train_values.std(axis=0, dtype=np.float64) for one in found])
    varies_NC = std_NC > 0
    usual_C = np.sqrt(np.square(std_NC).sum(axis=0) / np.maximum(varies_NC.sum(axis=0), 1))
    std_NC = np.where(varies_NC, std_NC, np.where(usual_C > 0, usual_C, 1.0))
    return tuple(
        SeriesScale(one.name, tuple(one.train_values.mean(axis=0, dtype=np.float64).tolist()), tuple(std_C.tolist()))
        for one, std_C in zip(found, std_NC, strict=True)
    )


def _scales_of(found: Sequence[CutSeries], inputs: ForecastInputs | None) -> Sequence[SeriesScale | None]:
    """The scale of each; None where they are stored as they are."""
    return inputs.scales if inputs is not None and inputs.scales else [None] * len(found)


def scaled(values_TC: np.ndarray, scale: SeriesScale | None) -> np.ndarray:
    """Measured columns of a series in units of its own deviation from its own mean, float32; None leaves them."""
    if scale is None:
        return values_TC
    values: np.ndarray = ((values_TC.astype(np.float64) - scale.mean) / scale.std).astype(np.float32)
    return values


def _training_of(found: Sequence[CutSeries]) -> str:
    one = found[0]
    if one.name:
        return f"training parts of {len(found):,} series"
    first, end = one.train_steps
    return f"{one.regular.source.name}, from {one.calendar.text(first)} to {one.calendar.text(end - 1)} (training)"


def _train_steps(found: Sequence[CutSeries], cut: WindowSpec, inputs: ForecastInputs | None) -> np.ndarray:
    """float32 (S, F), each training step of each series once, as it is stored."""
    if inputs is None:
        return found[0].train_values
    rows = []
    for one, scale in zip(found, _scales_of(found, inputs), strict=True):
        first, end = one.train_steps
        known_SK = one.inputs.known[first:end]
        shown = [scaled(one.train_values, scale), *[known_SK] * (1 + len(inputs.shifts))]
        rows.append(
            np.concatenate([*shown, np.broadcast_to(one.inputs.static, (end - first, len(one.inputs.static)))], axis=1)
        )
    return np.concatenate(rows)


def _constant_channels(steps_SF: np.ndarray, inputs: ForecastInputs | None, where: str) -> Iterator[str]:
    """What is wrong with channels known ahead that never change in training."""
    if inputs is None:
        return
    C = len(inputs.measured)
    for channel, values_S in zip(inputs.known_channels, steps_SF.T[C:], strict=False):
        if values_S.min() < values_S.max():
            continue
        if channel == "holiday":
            yield (
                f"{where}: holidays must lie there too, for the network to learn what they do, but all steps have "
                f"{values_S[0]:g}. Name those of all years, or leave holidays out."
            )
            continue
        word = channel.rsplit(" ", 1)[0]
        block = (
            f"covariates ({word})" if word in inputs.calendar and channel not in inputs.known else f"known ({channel})"
        )
        yield (
            f"{where}: {block} must not be constant, but is the same at every step. Leave it out of "
            f"{block.split(' ')[0]}."
        )


def _unseen_times(found: Sequence[CutSeries], inputs: ForecastInputs | None) -> Iterator[str]:
    """A line for each word of the calendar of which training has not seen what the test asks for."""
    for i, word in enumerate(inputs.calendar if inputs is not None else ()):
        assert inputs is not None
        at = len(inputs.known) + 2 * i
        turns = [np.round(one.inputs.known[:, at : at + 2], 3) for one in found]
        seen = {
            tuple(pair) for one, turn_T2 in zip(found, turns, strict=True) for pair in turn_T2[slice(*one.train_steps)]
        }
        asked = [
            tuple(pair)
            for one, turn_T2 in zip(found, turns, strict=True)
            for pair in turn_T2[slice(*one.parts.forecast["test"])]
        ]
        share = sum(pair not in seen for pair in asked) / len(asked)
        if share > _UNSEEN:
            yield (
                f"covariates ({word}): {share:.0%} of the test steps lie at a time of which training has seen none; "
                f"what {word} says there is a guess: leave it out, or give a longer series"
            )


def _seasons(
    found: Sequence[CutSeries], targets: Sequence[str], cut: WindowSpec, season: int | None
) -> tuple[int | None, ...]:
    """Of each target; an earlier one than a window is out of sight."""
    if season is not None:
        return (season,) * len(targets)
    return tuple(
        common_season(
            [find_season(one.train_values[:, one.regular.source.features.index(target)], cut.window) for one in found]
        )
        for target in targets
    )


def _timeline(
    found: Sequence[CutSeries],
    targets: Sequence[str],
    cut: WindowSpec,
    seasons: tuple[int | None, ...],
    inputs: ForecastInputs | None,
) -> Timeline:
    first, at = found[0], [found[0].regular.source.features.index(target) for target in targets]
    naive = [
        tuple(
            naive_error(
                one.train_values[:, column], one.regular.is_filled[slice(*one.train_steps), column], season or 1
            )
            for column, season in zip(at, seasons, strict=True)
        )
        for one in found
    ]
    usual = Timeline(first.calendar, int(first.starts[0]), cut.stride, seasons)
    if not first.name:
        return replace(usual, naive_mae=naive[0])
    assert inputs is not None
    panel, window = [], 0
    for one, scale, naive_mae in zip(found, inputs.scales, naive, strict=True):
        mean, std = (tuple(values[column] for column in at) for values in (scale.mean, scale.std))
        panel.append(SeriesTimeline(one.name, one.calendar, int(one.starts[0]), window, naive_mae, mean, std))
        window += len(one.starts)
    return replace(usual, panel=tuple(panel))


def _examples(
    found: Sequence[CutSeries],
    targets: Sequence[str],
    cut: WindowSpec,
    inputs: ForecastInputs | None,
    steps_SF: np.ndarray,
) -> SeriesExamples:
    """The windows as examples; inputs are cut out when they are asked for."""
    first = found[0]
    features = first.regular.source.features
    at = [features.index(target) for target in targets]
    shown, labels = [], []
    for one, scale in zip(found, _scales_of(found, inputs), strict=True):
        values_TC = scaled(one.regular.values, scale)
        shown.append(replace(one.inputs, regular=replace(one.regular, values=values_TC)))
        ahead = np.lib.stride_tricks.sliding_window_view(values_TC[:, at], cut.horizon, axis=0)  # (T - H + 1, G, H)
        labels.append(ahead[one.starts + cut.window].transpose(0, 2, 1).reshape(len(one.starts), -1))  # from M G H
    series_M = np.repeat(np.arange(len(found)), [len(one.starts) for one in found])
    starts_M = np.concatenate([one.starts for one in found])

    def window(i: int) -> np.ndarray:
        one, start = shown[series_M[i]], int(starts_M[i])
        return (
            one.regular.values[start : start + cut.window] if inputs is None else one.window(start, cut.window, inputs)
        )

    return SeriesExamples(
        features=features if inputs is None else inputs.features,
        targets=names_of_targets(targets, cut.horizon),
        labels=np.concatenate(labels),
        series=window,
        ids=[f"{one.name}\0{start}" if one.name else str(start) for one in found for start in one.starts.tolist()],
        horizon=cut.horizon,
        step=first.calendar.step,
        train_steps=steps_SF,
        inputs=inputs,
    )


def _is_made_up(series: RegularSeries, cut: WindowSpec, starts_M: np.ndarray, target_at: list[int]) -> np.ndarray:
    """bool (M,): windows whose last input, or something to forecast, was filled in."""
    last_input_M = series.is_filled[starts_M + cut.window - 1].any(axis=1)
    filled_T = series.is_filled[:, target_at].any(axis=1)
    filled_before_T = np.concatenate([[0], np.cumsum(filled_T)])
    ahead_M = filled_before_T[starts_M + cut.length] - filled_before_T[starts_M + cut.window]
    made_up_M: np.ndarray = last_input_M | (ahead_M > 0)
    return made_up_M
