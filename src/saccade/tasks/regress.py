"""One or several numbers an example: what training minimises, and what evaluation measures and draws.

Shapes: N examples, O numbers to predict.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade.core.errors import UserError
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.display import figures
from saccade.evaluate import metrics
from saccade.evaluate.about_data.slices import Property, slices_of, write_slices
from saccade.evaluate.metric_intervals.interval import with_intervals
from saccade.evaluate.metric_intervals.numbers import regression_intervals
from saccade.evaluate.outcomes import FILE_NAME, of_numbers, write_outcomes
from saccade.predict.answers import Answers, Question, predict_numbers
from saccade.predict.any_predictor import AnyPredictor

if TYPE_CHECKING:
    from saccade.predict.predictor import Predictor

KINDS = ("image", "series", "vector")  # input layouts
LABELS = "numbers"
LOSSES = ("mse", "mae")
SCORE = "mae"  # beside the loss, in every epoch
SECTIONS = {  # of the page of a run: files of the evaluation, and their headings
    "predictions": "What it predicts",
    "per_number": "Number by number",
}


def evaluate(
    folder: Path,
    answers_NO: np.ndarray,
    test: Split,
    spec: Spec,
    history: Sequence[Mapping[str, float]],
    *,
    predictor: "Predictor | None" = None,
    properties: Sequence[Property] = (),
) -> dict[str, Any]:
    """Measure the answers on the test split, and write tables and figures.

    Args:
        folder: an empty folder; gets predictions.csv, predictions.png, outcomes.csv, learning_curves.png and, of one
            number, slices.csv; of several, per_number.csv: their errors one by one, for they may differ in unit.
        answers_NO: float32, the network's answers in the order of the test split.
        test: the test split.
        spec: spec of the dataset.
        history: a row an epoch, as in history.csv.
        predictor: the network, whose bundle says whether the numbers have a unit of their own.
        properties: what the examples differ in, for slices.csv, in which errors are mean absolute ones.

    Returns:
        Metric name to value; what metrics.json holds. First the one that tables show: ``mae``, which people read, where
        the numbers have a unit of their own, else ``mse``. Each is followed by the ends of its 95 % interval, None
        beside the reason where there is none.
    """
    figures.draw_learning_curves([dict(row) for row in history], folder / "learning_curves.png")
    figures.draw_predictions(test.labels, answers_NO, spec.targets, folder / "predictions.png")
    with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", *(f"actual({name})" for name in spec.targets), *spec.targets])
        for row, actual_O, answer_O in zip(test.rows, test.labels, answers_NO, strict=True):
            writer.writerow([int(row), *(f"{value:.6g}" for value in (*actual_O, *answer_O))])
    if len(spec.targets) > 1:
        _write_numbers(folder / "per_number.csv", answers_NO, test.labels, spec.targets)
    else:
        errors_N = np.abs(answers_NO[:, 0].astype(np.float64) - test.labels[:, 0])
        write_slices(folder / "slices.csv", slices_of(errors_N, properties))
    by_example = of_numbers(test.rows, {"": answers_NO - test.labels.astype(np.float64)})
    write_outcomes(folder / FILE_NAME, by_example)
    measured = metrics.regression_metrics(answers_NO, test.labels)
    has_unit = predictor is not None and bool(predictor.config.target_std)
    intervals = regression_intervals(answers_NO, test.labels, test.groups)
    return with_intervals({"mae": measured["mae"], **measured} if has_unit else measured, intervals)


def _write_numbers(path: Path, answers_NO: np.ndarray, targets_NO: np.ndarray, names: Sequence[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for o, name in enumerate(names):
            measured = metrics.regression_metrics(answers_NO[:, o : o + 1], targets_NO[:, o : o + 1])
            if o == 0:
                writer.writerow(["number", *measured])
            writer.writerow([name, *(f"{value:.6g}" for value in measured.values())])


# --- saccade predict --------------------------------------------------------------------------------------------------


def check_question(question: Question, spec: Spec) -> None:
    """Refuse what numbers do not know.

    Args:
        question: what a run is asked.
        spec: of its network.

    Raises:
        UserError: classes are asked for.
    """
    if question.top is not None:
        raise UserError(
            f"--top ({question.top}) must be left out: {question.reading.run} answers with {', '.join(spec.targets)}, "
            "and knows no classes"
        )


def predict(predictor: AnyPredictor, question: Question) -> Answers:
    """Tell the numbers of new examples.

    Args:
        predictor: network that answers with numbers.
        question: what is asked about.

    Returns:
        A row an example.

    Raises:
        UserError: there is nothing to read.
    """
    return predict_numbers(predictor, question)
