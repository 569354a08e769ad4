"""Several labels an example, or none: what training minimises, and what evaluation measures and draws.

Each class is an answer of its own, the sigmoid of its logit; an example has it where that reaches the class's
threshold, which was chosen on the validation split and lies in the bundle.

Shapes: N examples, K classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade import kinds
from saccade.data.prepared import Split
from saccade.data.spec import NO_CLASS, Spec
from saccade.data.thresholds import found_classes
from saccade.display import figures
from saccade.evaluate.about_data.slices import Property, slices_of, write_slices
from saccade.evaluate.metric_intervals.classes import multilabel_intervals
from saccade.evaluate.metric_intervals.interval import with_intervals
from saccade.evaluate.multilabel_metrics import metrics_by_example, multilabel_metrics, per_class_table
from saccade.evaluate.outcomes import FILE_NAME, Outcomes, write_outcomes
from saccade.kinds.tokens.text.display import write_table
from saccade.predict.answers import Answers, Question, name_classes
from saccade.predict.any_predictor import AnyPredictor

if TYPE_CHECKING:
    from saccade.predict.predictor import Predictor

KINDS = ("image", "tokens", "series", "vector")  # input layouts
LABELS = "several classes"
LOSSES = ("binary_cross_entropy",)
SCORE = "samples_f1"  # beside the loss, in every epoch
SECTIONS = {  # of the page of a run: files of the evaluation, and their headings
    "per_class": "Class by class",
    "mistakes": "The surest mistakes",
}


def evaluate(
    folder: Path,
    probabilities_NK: np.ndarray,
    test: Split,
    spec: Spec,
    history: Sequence[Mapping[str, float]],
    *,
    predictor: "Predictor",
    properties: Sequence[Property] = (),
    names_of_examples: Sequence[str] = (),
) -> dict[str, Any]:
    """Measure the answers on the test split, and write tables and figures.

    Args:
        folder: an empty folder; gets per_class.csv, predictions.csv, outcomes.csv, learning_curves.png, slices.csv, in
            which an answer is right where all its classes are, and the mistakes, the surest first: mistakes.csv, and of
            images mistakes.png.
        probabilities_NK: float32, the network's answers in the order of the test split.
        test: the test split.
        spec: spec of the dataset.
        history: a row an epoch, as in history.csv.
        predictor: the network, whose bundle holds the thresholds.
        properties: what the examples differ in, for slices.csv; where they are alike, there is no such table.
        names_of_examples: what each is found by, such as its file; none: its row.

    Returns:
        Metric name to value; what metrics.json holds, mean average precision first: it needs no thresholds. Each is
        followed by the ends of its 95 % interval, None beside the reason where there is none.
    """
    thresholds, names = predictor.config.thresholds, spec.classes
    figures.draw_learning_curves([dict(row) for row in history], folder / "learning_curves.png")
    kinds.draw_mistakes(folder, probabilities_NK, test, spec, thresholds, names_of_examples)
    is_wrong_N = (found_classes(probabilities_NK, thresholds) != (test.labels > 0)).any(axis=1)
    write_slices(folder / "slices.csv", slices_of(is_wrong_N, properties))
    per_class = per_class_table(probabilities_NK, test.labels, thresholds, names)
    write_table(folder / "per_class.csv", list(per_class[0]), (row.values() for row in per_class))
    write_table(
        folder / "predictions.csv",
        ["row", "actual", "predicted", *(f"p({name})" for name in names)],
        _prediction_rows(probabilities_NK, found_classes(probabilities_NK, thresholds), test, names),
    )
    by_example = metrics_by_example(probabilities_NK, test.labels, thresholds)
    write_outcomes(folder / FILE_NAME, Outcomes(test.rows, by_example))
    measured = multilabel_metrics(probabilities_NK, test.labels, thresholds)
    intervals = multilabel_intervals(probabilities_NK, test.labels, thresholds, measured, test.groups)
    return with_intervals(measured, intervals)


def _prediction_rows(
    probabilities_NK: np.ndarray, found_NK: np.ndarray, test: Split, names: Sequence[str]
) -> Iterator[list[Any]]:
    def joined(has_K: np.ndarray) -> str:
        return ", ".join(names[k] for k in np.flatnonzero(has_K).tolist()) or NO_CLASS

    for row, has_K, found_K, p_K in zip(test.rows, test.labels, found_NK, probabilities_NK, strict=True):
        yield [int(row), joined(has_K), joined(found_K), *(f"{p:.6f}" for p in p_K)]


def predict(predictor: AnyPredictor, question: Question) -> Answers:
    """Tell which classes new examples have, by the thresholds of the bundle.

    Args:
        predictor: network that answers with classes, each by itself.
        question: what is asked about.

    Returns:
        A row an example.

    Raises:
        UserError: there is nothing to read.
    """
    return name_classes(predictor, question)
