"""One label an example: what training minimises, and what evaluation measures and draws.

Shapes: N examples, K classes.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade import kinds
from saccade.data.imbalance import is_imbalanced
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.display import figures
from saccade.display.calibration import draw_reliability, draw_risk_coverage
from saccade.evaluate import metrics, outcomes
from saccade.evaluate.about_data.slices import Property, slices_of, write_slices
from saccade.evaluate.confidence import calibration
from saccade.evaluate.confidence.answers import Answers, risk_coverage
from saccade.evaluate.confidence.reject import Rejection, reject_metrics
from saccade.evaluate.metric_intervals.classes import classification_intervals
from saccade.evaluate.metric_intervals.interval import with_intervals
from saccade.evaluate.metric_intervals.shares import share_dependence
from saccade.kinds.tokens.text.display import write_table

KINDS = ("image", "tokens", "series", "vector")  # input layouts
LABELS = "classes"
LOSSES = ("cross_entropy", "mse", "binary_cross_entropy")
SCORE = "accuracy"  # beside the loss, in every epoch
SECTIONS = {  # of the page of a run: files of the evaluation, and their headings
    "confusion": "What it takes for what",
    "per_class": "Class by class",
    "reliability": "Is its confidence to be believed",
    "risk_coverage": "What it may leave unanswered",
    "mistakes": "The surest mistakes",
}


def evaluate(
    folder: Path,
    probabilities_NK: np.ndarray,
    test: Split,
    spec: Spec,
    history: Sequence[Mapping[str, float]],
    *,
    top_k: Sequence[int],
    network_NK: np.ndarray | None = None,
    temperature: float = 1.0,
    rejection: Rejection | None = None,
    properties: Sequence[Property] = (),
    names_of_examples: Sequence[str] = (),
) -> dict[str, Any]:
    """Measure the answers on the test split, and write tables and figures.

    Args:
        folder: an empty folder; gets confusion.csv and .png, per_class.csv, predictions.csv, outcomes.csv, slices.csv,
            learning_curves.png, reliability.csv and .png, risk_coverage.csv and .png, and the mistakes, the surest
            first: mistakes.csv, and of images mistakes.png.
        probabilities_NK: float32, the calibrated answers in the order of the test split.
        test: the test split.
        spec: spec of the dataset.
        history: a row an epoch, as in history.csv.
        top_k: values of k whose top-k accuracies are reported; those with k below 2 or not below K are left out.
        network_NK: float32, the answers as the network was trained, without its temperature; None: the same.
        temperature: number that the logits are divided by for the calibrated answers.
        rejection: confidence below which the run is to say that it is unsure; None: nobody asked for one.
        properties: what the examples differ in, for slices.csv; where they are alike, there is no such table.
        names_of_examples: what each is found by, such as its file; none: its row.

    Returns:
        Metric name to value; what metrics.json holds. First the one that tables show: accuracy, or balanced accuracy
        where one class is so frequent that accuracy says little. Each is followed by the ends of its 95 % interval,
        such as ``accuracy_low`` and ``accuracy_high``; both None beside ``accuracy_interval_reason`` where there is
        none. Examples of groups are also counted as ``effective_examples``: so many independent ones tell as much.
        ``loss`` and ``ece`` are those of the network as it was trained; see ``calibration.calibration_metrics`` and
        ``reject.reject_metrics`` for the others.
    """
    network_NK = probabilities_NK if network_NK is None else network_NK
    names = spec.classes
    counts_KK = metrics.confusion_counts(probabilities_NK, test.labels)
    figures.draw_confusion(counts_KK, names, folder / "confusion.png")
    figures.draw_learning_curves([dict(row) for row in history], folder / "learning_curves.png")
    kinds.draw_mistakes(folder, probabilities_NK, test, spec, names=names_of_examples)
    write_slices(folder / "slices.csv", slices_of(probabilities_NK.argmax(axis=1) != test.labels, properties))
    write_table(folder / "confusion.csv", ["actual", "predicted", "count"], _confusion_rows(counts_KK, names))
    per_class = metrics.per_class_table(probabilities_NK, test.labels, names)
    write_table(folder / "per_class.csv", list(per_class[0]), (row.values() for row in per_class))
    write_table(
        folder / "predictions.csv",
        ["row", "actual", "predicted", "confidence", *(f"p({name})" for name in names)],
        _prediction_rows(probabilities_NK, test, names),
    )
    nats_N = metrics.true_class_nats(network_NK, test.labels)
    by_example = outcomes.of_classes(test.rows, network_NK.argmax(axis=1), test.labels, nats_N)
    outcomes.write_outcomes(folder / outcomes.FILE_NAME, by_example)
    measured = metrics.classification_metrics(network_NK, test.labels, top_k=top_k)
    counts_K = counts_KK.sum(axis=1)
    main = "balanced_accuracy" if is_imbalanced(counts_K[counts_K > 0].tolist()) else "accuracy"
    intervals = classification_intervals(network_NK, test.labels, counts_KK, measured, test.groups)
    found: dict[str, Any] = with_intervals({main: measured[main], **measured}, intervals)
    if test.groups is not None and not intervals["accuracy"].reason:
        right_N = network_NK.argmax(axis=1) == test.labels
        found["effective_examples"] = len(right_N) / share_dependence(right_N, test.groups).effect
    found |= calibration.calibration_metrics(network_NK, probabilities_NK, test.labels, temperature=temperature)
    answers = Answers.of(probabilities_NK, test.labels)
    _write_reliability(folder, Answers.of(network_NK, test.labels), answers, temperature)
    _write_risk_coverage(folder, answers, None if rejection is None else rejection.threshold)
    return found | (reject_metrics(rejection, answers) if rejection else {})


def _write_reliability(folder: Path, network: Answers, calibrated: Answers, temperature: float) -> None:
    """The bins as the network answers and, where there is a temperature, with it, as a table and a figure."""
    curves = {"network": calibration.reliability(network)}
    curves |= {"calibrated": calibration.reliability(calibrated)} if temperature != 1 else {}
    titles = {"network": "as the network answers", "calibrated": f"with temperature {temperature:g}"}
    write_table(
        folder / "reliability.csv",
        ["answers", "bin", "count", "least", "most", "confidence", "accuracy", "low", "high"],
        (
            [name, number, bin.count, *(f"{value:.6f}" for value in list(vars(bin).values())[1:])]
            for name, bins in curves.items()
            for number, bin in enumerate(bins, start=1)
        ),
    )
    draw_reliability({titles[name]: bins for name, bins in curves.items()}, folder / "reliability.png")


def _write_risk_coverage(folder: Path, answers: Answers, threshold: float | None) -> None:
    points = risk_coverage(answers)
    names = ["threshold", "coverage", "count", "error", "low", "high"]
    rows = ([f"{getattr(point, name):.9g}" for name in names] for point in points)
    write_table(folder / "risk_coverage.csv", names, rows)
    draw_risk_coverage(points, folder / "risk_coverage.png", threshold=threshold)


def _confusion_rows(counts_KK: np.ndarray, names: Sequence[str]) -> Iterable[list[Any]]:
    for actual, row in zip(names, counts_KK, strict=True):
        for predicted, count in zip(names, row, strict=True):
            yield [actual, predicted, int(count)]


def _prediction_rows(probabilities_NK: np.ndarray, test: Split, names: Sequence[str]) -> Iterable[list[Any]]:
    for row, label, p_K in zip(test.rows, test.labels, probabilities_NK, strict=True):
        best = int(p_K.argmax())
        yield [int(row), names[label], names[best], f"{p_K[best]:.6f}", *(f"{p:.6f}" for p in p_K)]
