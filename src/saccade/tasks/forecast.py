"""The next steps of a series: what training minimises, and what evaluation measures, compares and draws.

Shapes: N windows, W steps of inputs, H steps to forecast, G targets, O = H * G numbers to predict.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade.bundle.intervals import interval_coverage
from saccade.core.errors import UserError
from saccade.data.prepared import Split
from saccade.data.spec import Spec, targets_of_names
from saccade.data.timeline import Timeline
from saccade.display import figures
from saccade.evaluate.forecasts import OwnUnit, mean_scaled_error, naive_errors, smape, smape_terms, write_by_series
from saccade.evaluate.metric_intervals.interval import with_intervals
from saccade.evaluate.metric_intervals.over_time import forecast_intervals, windows_of_forecast
from saccade.evaluate.outcomes import FILE_NAME, of_numbers, write_outcomes
from saccade.kinds.series.figures import Shown, draw_by_step, draw_forecasts, spread_rows, targets_to_draw
from saccade.predict.answers import Answer, Answers, Question
from saccade.predict.any_predictor import AnyPredictor

if TYPE_CHECKING:
    from saccade.predict.forecast import Forecast
    from saccade.predict.predictor import Predictor

KINDS = ("series",)  # input layouts
LABELS = "forecast"
LOSSES = ("mse", "mae")
SCORE = "mae"  # beside the loss, in every epoch; in the data's own unit
SECTIONS = {  # of the page of a run: files of the evaluation, and their headings
    "forecast": "What it forecasts",
    "by_step": "How errors grow with time",
    "by_series": "Series by series",
}

# What `saccade predict` may be given, and says of it
TAKES = ("PATH", "--out")
DOES = "forecasts a series"
GIVE = "give a CSV file: `saccade predict {run} FILE.csv`"

_NUM_WINDOWS_DRAWN = 6  # windows
_MOST_OFF = 0.05  # of a band's coverage, for which no reason is given
_DIGITS = 6  # of a forecast in a table or in JSON
_MAX_SERIES_DRAWN = 12  # of a forecast of several
_MAX_ROWS = 200_000  # of forecast.csv; of more, windows spread evenly


def evaluate(
    folder: Path,
    answers_NO: np.ndarray,
    test: Split,
    spec: Spec,
    history: Sequence[Mapping[str, float]],
    *,
    predictor: "Predictor | None" = None,
    timeline: Timeline | None = None,
    baselines: Mapping[str, np.ndarray] | None = None,
    validation: Split | None = None,
) -> dict[str, Any]:
    """Measure the forecasts on the test split beside those of the baselines, and write tables and figures.

    Args:
        folder: an empty folder; gets forecast.csv and .png, by_step.csv and .png, outcomes.csv and learning_curves.png;
            of several series by_series.csv and .png, too.
        answers_NO: float32, the network's forecasts in the order of the test split, in the unit of the labels.
        test: the test split.
        spec: spec of the dataset.
        history: a row an epoch, as in history.csv.
        predictor: the network, for its band; None draws none.
        timeline: times of the windows; None numbers their steps.
        baselines: name to float (N, O), what simple models forecast for the same windows.
        validation: validation split, on which the band was measured; None: not told why a band holds more or less here.

    Returns:
        Metric name to value; what metrics.json holds: ``mae``, ``rmse``, ``mase`` (None where it cannot be measured,
        with ``mase_reason``), ``smape`` in per cent, ``band_coverage`` (the share of what came that lay within the
        band; ``band_coverage_reason`` where it is off by more than 0.05), and for each baseline such as
        ``persistence_mae``; ``baseline_mae`` is the least of these. All are in the data's own unit, of several series
        too. Each is followed by the ends of its 95 % interval, None beside the reason where there is none.
    """
    band = None if predictor is None else predictor.config.interval
    unit = OwnUnit.of(test, spec, timeline)
    found = {"network": answers_NO.astype(np.float64), **(baselines or {})}
    answers = {name: unit.restore(answer_NO) for name, answer_NO in found.items()}
    truth_NO = unit.restore(test.labels.astype(np.float64))
    errors = {name: answer_NO - truth_NO for name, answer_NO in answers.items()}
    metrics: dict[str, Any] = {
        "mae": float(np.abs(errors["network"]).mean()),
        "rmse": float(np.sqrt(np.square(errors["network"]).mean())),
    }
    naive_NO = naive_errors(test.rows, spec, timeline)
    if naive_NO is not None:
        metrics["mase"] = mean_scaled_error(errors["network"], naive_NO)
        if metrics["mase"] is None:
            metrics["mase_reason"] = "the naive forecast is never wrong on the training part, and nothing divides by 0"
    metrics["smape"] = smape(answers["network"], truth_NO)
    ends = None if band is None else tuple(unit.restore(end_NO) for end_NO in band.bounds(found["network"]))
    bounds = None if ends is None else (ends[0], ends[1])
    if bounds is not None and band is not None:
        coverage = metrics["band_coverage"] = interval_coverage(*bounds, truth_NO)
        if validation is not None and predictor is not None and abs(coverage - band.share) > _MOST_OFF:
            metrics["band_coverage_reason"] = _why_off(coverage, band.share, answers_NO, test, validation, predictor)
    windows = windows_of_forecast(test.rows, spec.horizon, timeline)
    intervals = forecast_intervals(
        errors["network"],
        windows,
        percent_NO=smape_terms(answers["network"], truth_NO),
        scaled_NO=None if naive_NO is None else np.abs(errors["network"]) / naive_NO,
        is_inside_NO=None if bounds is None else (bounds[0] <= truth_NO) & (truth_NO <= bounds[1]),
    )
    for name in baselines or {}:
        metrics[f"{name}_mae"] = float(np.abs(errors[name]).mean())
        intervals[f"{name}_mae"] = forecast_intervals(errors[name], windows)["mae"]
    if baselines:
        least = min(baselines, key=lambda name: metrics[f"{name}_mae"])
        metrics["baseline_mae"], intervals["baseline_mae"] = metrics[f"{least}_mae"], intervals[f"{least}_mae"]
    metrics = with_intervals(metrics, intervals)

    shown = Split(test.examples, truth_NO, test.rows)
    figures.draw_learning_curves([dict(row) for row in history], folder / "learning_curves.png")
    by_step = {name: _by_step(np.abs(error_NO), spec).mean(axis=(0, 2)) for name, error_NO in errors.items()}
    draw_by_step(by_step, spec.step, folder / "by_step.png")
    _write_by_step(folder / "by_step.csv", by_step, errors["network"], bounds, truth_NO, spec)
    draw_forecasts(
        list(_forecast_panels(answers["network"], bounds, shown, spec, timeline, unit)),
        folder / "forecast.png",
        columns=2,
        share=None if band is None else band.share,
    )
    _write_forecasts(folder / "forecast.csv", answers, bounds, shown, spec, timeline)
    by_name = {"" if name == "network" else f"{name}_": error_NO for name, error_NO in errors.items()}
    write_outcomes(folder / FILE_NAME, of_numbers(test.rows, by_name))
    if timeline is not None and timeline.panel:
        write_by_series(folder, answers, truth_NO, test.rows, naive_NO, timeline)
    return metrics


def _why_off(
    coverage: float, share: float, answers_NO: np.ndarray, test: Split, validation: Split, predictor: "Predictor"
) -> str:
    """How the test part differs from the validation part, which the band was measured on."""
    on_validation = predictor.answer_split(validation)
    assert isinstance(on_validation, np.ndarray), "a forecast answers once an example"
    here, there = (
        (np.abs(off_NO).mean(), split.labels.mean(), split.labels.std(), off_NO.mean())
        for split, off_NO in ((test, test.labels - answers_NO), (validation, validation.labels - on_validation))
    )
    names = ("off on average by", "values on average", "their standard deviation", "too low on average by")
    compared = "; ".join(f"{name} {a:.4g} (validation {b:.4g})" for name, a, b in zip(names, here, there, strict=True))
    inputs = predictor.spec.inputs
    unit = ", in each series' standard deviations" if inputs is not None and inputs.scales else ""
    return (
        f"the band is to hold {share:.0%} and holds {coverage:.1%} of what came. It was measured on the validation "
        f"part, from which the test part differs{unit}: {compared}"
    )


def _by_step(values_NO: np.ndarray, spec: Spec) -> np.ndarray:
    """(N, O) to (N, H, G)."""
    return values_NO.reshape(len(values_NO), spec.horizon, -1)


def _write_by_step(
    path: Path,
    by_step: Mapping[str, np.ndarray],
    error_NO: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray] | None,
    truth_NO: np.ndarray,
    spec: Spec,
) -> None:
    """A row a step ahead: the errors of the network and of the baselines, and how much of what came the band held."""
    rmse_H = np.sqrt(_by_step(np.square(error_NO), spec).mean(axis=(0, 2)))
    columns: dict[str, np.ndarray] = {"step": np.arange(1, spec.horizon + 1), "mae": by_step["network"], "rmse": rmse_H}
    if ends is not None:
        is_inside_NO = (ends[0] <= truth_NO) & (truth_NO <= ends[1])
        columns["band_coverage"] = _by_step(is_inside_NO, spec).mean(axis=(0, 2))
    columns |= {f"{name}_mae": error_H for name, error_H in by_step.items() if name != "network"}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for step, *values in zip(*columns.values(), strict=True):
            writer.writerow([int(step), *(f"{value:.6g}" for value in values)])


def _write_forecasts(
    path: Path,
    answers: Mapping[str, np.ndarray],
    ends: tuple[np.ndarray, np.ndarray] | None,
    test: Split,
    spec: Spec,
    timeline: Timeline | None,
) -> None:
    """A row for each window, step and target."""
    targets = targets_of_names(spec.targets, spec.horizon)
    numbers: dict[str, np.ndarray] = {"truth": test.labels, "forecast": answers["network"]}
    numbers |= {} if ends is None else {"low": ends[0], "high": ends[1]}
    numbers |= {name: answer_NO for name, answer_NO in answers.items() if name != "network"}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        panel = () if timeline is None else timeline.panel
        writer.writerow([*(["series"] if panel else []), "window", "time", "step", "target", *numbers])
        for i in spread_rows(len(test.labels), max(1, _MAX_ROWS // len(spec.targets))):
            window = int(test.rows[i])
            series = [panel[timeline.series_of(window)].name] if timeline is not None and panel else []
            for o in range(len(spec.targets)):
                step, target = o // len(targets), targets[o % len(targets)]
                time = _time(timeline, window, spec.shape[0] + step)
                values = (f"{numbers_NO[i, o]:.6g}" for numbers_NO in numbers.values())
                writer.writerow([*series, window, time, step + 1, target, *values])


def _forecast_panels(
    answers_NO: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray] | None,
    test: Split,
    spec: Spec,
    timeline: Timeline | None,
    unit: OwnUnit,
) -> Iterator[Shown]:
    """Windows spread evenly over the test split, target by target."""
    targets = targets_of_names(spec.targets, spec.horizon)
    W, G = spec.shape[0], len(targets)
    for g, target in enumerate(targets_to_draw(targets)):
        for i in spread_rows(len(answers_NO), _NUM_WINDOWS_DRAWN):
            window = int(test.rows[i])
            error_H = np.abs(answers_NO[i, g::G] - test.labels[i, g::G])
            times = [_time(timeline, window, step) for step in range(W + spec.horizon)]
            whose = f"{timeline.panel[timeline.series_of(window)].name}: " if timeline and timeline.panel else ""
            yield Shown(
                title=f"{whose}{target} from {times[W]}: off by {error_H.mean():.3g} on average",
                times=times,
                before=unit.restore_input(test.examples[i, :, spec.features.index(target)], int(i), g),
                forecast=answers_NO[i, g::G],
                low=None if ends is None else ends[0][i, g::G],
                high=None if ends is None else ends[1][i, g::G],
                truth=test.labels[i, g::G],
            )


def _time(timeline: Timeline | None, window: int, step: int) -> Any:
    return str(step) if timeline is None else timeline.time(window, step)


# --- saccade predict --------------------------------------------------------------------------------------------------


def check_question(question: Question, spec: Spec) -> None:
    """Refuse what a forecast does not know.

    Args:
        question: what a run is asked.
        spec: of its network.

    Raises:
        UserError: there are several files, classes are asked for, or the figure is no PNG.
    """
    run, paths = question.reading.run, question.reading.paths
    if question.top is not None:
        raise UserError(f"--top ({question.top}) must be left out: {run} {DOES}, and knows no classes")
    if question.figure is not None and question.figure.suffix.lower() != ".png":
        raise UserError(f"--out ({question.figure}) must end with .png")
    if len(paths) != 1:
        raise UserError(f"{run} forecasts one series at a time, but {len(paths)} files are named")


def predict(predictor: AnyPredictor, question: Question) -> Answers:
    """Forecast what comes after the end of a series, or of each of several, and draw it.

    Args:
        predictor: network that forecasts.
        question: a CSV file of the form of the dataset's; in JSON, a figure is drawn only where one is asked for.

    Returns:
        A row a step.

    Raises:
        UserError: the file holds no such series, with its line; or what must be known ahead is not there.
    """
    from saccade.kinds.series.to_continue import read_to_continue
    from saccade.predict.forecast import forecast_all

    (path,) = question.reading.paths
    series, warnings = read_to_continue(question.reading, path)
    found = forecast_all(predictor, series)
    figure = question.figure or (None if question.as_json else question.usual_figure)
    if figure is not None:
        _draw_ahead(found, figure)
    rows = [row for ahead in found for row in _rows_ahead(ahead)]
    titles = ["time", *(title for target in found[0].targets for title in _titles(target, found[0].share))]
    titles = ["series", *titles] if found[0].name else titles
    columns = list(zip(*(row.cells for row in rows), strict=True))
    return Answers(rows, titles, columns, len(rows), warnings=warnings, are_numbers=True, drawn=figure)


def _rows_ahead(ahead: "Forecast") -> Iterator[Answer]:
    numbers = {"forecast": ahead.values, "low": ahead.low, "high": ahead.high}
    for h, time in enumerate(ahead.times):
        cells, targets = [*([ahead.name] if ahead.name else []), time], {}
        for g, target in enumerate(ahead.targets):
            told = {name: f"{v_HG[h, g]:.{_DIGITS}g}" for name, v_HG in numbers.items() if v_HG is not None}
            cells += told.values()
            targets[target] = {name: float(text) for name, text in told.items()}
        record = {"series": ahead.name} if ahead.name else {}
        yield Answer(cells, {**record, "time": time, "step": h + 1, "targets": targets})


def _titles(target: str, share: float | None) -> list[str]:
    if share is None:
        return [target]
    return [target, *(f"{100 * quantile:.3g} %" for quantile in ((1 - share) / 2, (1 + share) / 2))]


def _draw_ahead(found: Sequence["Forecast"], path: Path) -> None:
    windows = []
    for ahead in [found[i] for i in spread_rows(len(found), _MAX_SERIES_DRAWN)]:
        for g, target in enumerate(targets_to_draw(ahead.targets)):
            ends = [None if end_HG is None else end_HG[:, g] for end_HG in (ahead.low, ahead.high)]
            whose = f"{ahead.name}: " if ahead.name else ""
            windows.append(
                Shown(
                    title=f"{whose}{target} from {ahead.times[0]} to {ahead.times[-1]}",
                    times=[*ahead.input_times, *ahead.times],
                    before=ahead.inputs[:, g],
                    forecast=ahead.values[:, g],
                    low=ends[0],
                    high=ends[1],
                )
            )
    draw_forecasts(windows, path, columns=1 if len(found) == 1 else 2, share=found[0].share)
