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
from saccade.kinds.series.figures import Shown, draw_by_step, draw_forecasts, spread_rows, targets_to_draw
from saccade.predict.answers import Answer, Answers, Question
from saccade.predict.predictor import Predictor

if TYPE_CHECKING:
    from saccade.predict.forecast import Forecast

KINDS = ("series",)  # input layouts
LABELS = "forecast"
LOSSES = ("mse", "mae")
SCORE = "mae"  # beside the loss, in every epoch; in the data's own unit

# What `saccade predict` may be given, and says of it
TAKES = ("PATH", "--out")
DOES = "forecasts a series"
GIVE = "give a CSV file: `saccade predict {run} FILE.csv`"

_NUM_WINDOWS_DRAWN = 6  # windows
_DIGITS = 6  # of a forecast in a table or in JSON
_MAX_ROWS = 200_000  # of forecast.csv; of more, windows spread evenly


def evaluate(
    folder: Path,
    answers_NO: np.ndarray,
    test: Split,
    spec: Spec,
    history: Sequence[Mapping[str, float]],
    *,
    predictor: Predictor | None = None,
    timeline: Timeline | None = None,
    baselines: Mapping[str, np.ndarray] | None = None,
) -> dict[str, float]:
    """Measure the forecasts on the test split beside those of the baselines, and write tables and figures.

    Args:
        folder: an empty folder; gets forecast.csv and .png, by_step.csv and .png, and learning_curves.png.
        answers_NO: float32, the network's forecasts in the order of the test split, in the data's own unit.
        test: the test split.
        spec: spec of the dataset.
        history: a row an epoch, as in history.csv.
        predictor: the network, for its band; None draws none.
        timeline: times of the windows; None numbers their steps.
        baselines: name to float (N, O), what simple models forecast for the same windows.

    Returns:
        Metric name to value; what metrics.json holds: ``mae``, ``rmse``, ``band_coverage`` (the share of what came that
        lay within the band), and for each baseline such as ``persistence_mae``; ``baseline_mae`` is the least of these.
    """
    band = None if predictor is None else predictor.config.interval
    answers = {"network": answers_NO.astype(np.float64), **(baselines or {})}
    truth_NO = test.labels.astype(np.float64)
    errors = {name: answer_NO - truth_NO for name, answer_NO in answers.items()}
    metrics = {
        "mae": float(np.abs(errors["network"]).mean()),
        "rmse": float(np.sqrt(np.square(errors["network"]).mean())),
    }
    ends = None if band is None else band.bounds(answers["network"])
    if ends is not None:
        metrics["band_coverage"] = interval_coverage(*ends, truth_NO)
    metrics |= {f"{name}_mae": float(np.abs(errors[name]).mean()) for name in baselines or {}}
    if baselines:
        metrics["baseline_mae"] = min(metrics[f"{name}_mae"] for name in baselines)

    figures.draw_learning_curves([dict(row) for row in history], folder / "learning_curves.png")
    by_step = {name: _by_step(np.abs(error_NO), spec).mean(axis=(0, 2)) for name, error_NO in errors.items()}
    draw_by_step(by_step, spec.step, folder / "by_step.png")
    _write_by_step(folder / "by_step.csv", by_step, errors["network"], ends, truth_NO, spec)
    draw_forecasts(
        list(_forecast_panels(answers_NO, ends, test, spec, timeline)),
        folder / "forecast.png",
        columns=2,
        share=None if band is None else band.share,
    )
    _write_forecasts(folder / "forecast.csv", answers, ends, test, spec, timeline)
    return metrics


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
        writer.writerow(["window", "time", "step", "target", *numbers])
        for i in spread_rows(len(test.labels), max(1, _MAX_ROWS // len(spec.targets))):
            window = int(test.rows[i])
            for o in range(len(spec.targets)):
                step, target = o // len(targets), targets[o % len(targets)]
                time = _time(timeline, window, spec.shape[0] + step)
                values = (f"{numbers_NO[i, o]:.6g}" for numbers_NO in numbers.values())
                writer.writerow([window, time, step + 1, target, *values])


def _forecast_panels(
    answers_NO: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray] | None,
    test: Split,
    spec: Spec,
    timeline: Timeline | None,
) -> Iterator[Shown]:
    """Windows spread evenly over the test split, target by target."""
    targets = targets_of_names(spec.targets, spec.horizon)
    W, G = spec.shape[0], len(targets)
    for g, target in enumerate(targets_to_draw(targets)):
        for i in spread_rows(len(answers_NO), _NUM_WINDOWS_DRAWN):
            window = int(test.rows[i])
            error_H = np.abs(answers_NO[i, g::G] - test.labels[i, g::G])
            times = [_time(timeline, window, step) for step in range(W + spec.horizon)]
            yield Shown(
                title=f"{target} from {times[W]}: off by {error_H.mean():.3g} on average",
                times=times,
                before=test.examples[i, :, spec.features.index(target)],
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


def predict(predictor: Predictor, question: Question) -> Answers:
    """Forecast what comes after the end of a series, and draw it.

    Args:
        predictor: network that forecasts.
        question: a CSV file of the form of the dataset's; in JSON, a figure is drawn only where one is asked for.

    Returns:
        A row a step.

    Raises:
        UserError: the file holds no such series, with its line.
    """
    from saccade.kinds.series.new_examples import read_regular
    from saccade.predict.forecast import forecast

    (path,) = question.reading.paths
    ahead = forecast(predictor, read_regular(question.reading, path, first_is_time=True))
    figure = question.figure or (None if question.as_json else question.usual_figure)
    if figure is not None:
        _draw_ahead(ahead, figure)
    rows = list(_rows_ahead(ahead))
    titles = ["time", *(title for target in ahead.targets for title in _titles(target, ahead.share))]
    columns = list(zip(*(row.cells for row in rows), strict=True))
    return Answers(rows, titles, columns, len(rows), are_numbers=True, drawn=figure)


def _rows_ahead(ahead: "Forecast") -> Iterator[Answer]:
    numbers = {"forecast": ahead.values, "low": ahead.low, "high": ahead.high}
    for h, time in enumerate(ahead.times):
        cells, targets = [time], {}
        for g, target in enumerate(ahead.targets):
            told = {name: f"{v_HG[h, g]:.{_DIGITS}g}" for name, v_HG in numbers.items() if v_HG is not None}
            cells += told.values()
            targets[target] = {name: float(text) for name, text in told.items()}
        yield Answer(cells, {"time": time, "step": h + 1, "targets": targets})


def _titles(target: str, share: float | None) -> list[str]:
    if share is None:
        return [target]
    return [target, *(f"{100 * quantile:.3g} %" for quantile in ((1 - share) / 2, (1 + share) / 2))]


def _draw_ahead(ahead: "Forecast", path: Path) -> None:
    windows = []
    for g, target in enumerate(targets_to_draw(ahead.targets)):
        ends = [None if end_HG is None else end_HG[:, g] for end_HG in (ahead.low, ahead.high)]
        windows.append(
            Shown(
                title=f"{target} from {ahead.times[0]} to {ahead.times[-1]}",
                times=[*ahead.input_times, *ahead.times],
                before=ahead.inputs[:, g],
                forecast=ahead.values[:, g],
                low=ends[0],
                high=ends[1],
            )
        )
    draw_forecasts(windows, path, columns=1, share=ahead.share)
