"""What a trained network says of new examples, as rows of a table and as values for JSON; nothing is printed here.

Shapes: K classes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from saccade import kinds
from saccade.core.errors import UserError
from saccade.data.spec import NO_CLASS
from saccade.data.thresholds import found_classes
from saccade.evaluate.confidence.reject import is_answered
from saccade.predict.any_predictor import AnyPredictor
from saccade.transcripts.decoder import Decoder

DIGITS = 6  # of a probability, as in predictions.csv
UNSURE = "unsure"  # what is said below the threshold of ``evaluate.reject``


@dataclass(frozen=True)
class Question:
    """What a trained run is asked.

    Attributes:
        reading: what is to be read, and for which network.
        prompt: text to go on from.
        length: number of characters or words to write.
        temperature: how bold what is drawn is.
        seed: seed of what is drawn.
        probabilities: whether to tell what is expected after each beginning of the prompt, in place of writing.
        top: number of classes or tokens to tell, the most probable ones; None: one, or all in JSON.
        as_json: whether the answers are to be JSON objects.
        figure: PNG of a forecast; None: the task's usual place, and none in JSON.
        usual_figure: that place.
        table: file that gets a row an example, in place of printing them; None: they are printed.
        batch_size: examples at once.
        unsure_below: confidence below which a classifier's answer is unsure; None: none is called so.
        decoder: what makes texts of the logits of a network that reads lines; None: the most probable character at each
            step.
    """

    reading: kinds.Reading
    prompt: str | None = None
    length: int | None = None
    temperature: float | None = None
    seed: int | None = None
    probabilities: bool = False
    top: int | None = None
    as_json: bool = False
    figure: Path | None = None
    usual_figure: Path = Path("forecast.png")
    table: Path | None = None
    batch_size: int = 512
    unsure_below: float | None = None
    decoder: Decoder | None = None

    def given(self) -> dict[str, object]:
        """What was given of that which not every run takes, by its name on the command line."""
        values = {
            "PATH": self.reading.paths[0] if self.reading.paths else None,
            "--text": self.reading.texts[0] if self.reading.texts else None,
            "--prompt": self.prompt,
            "--length": self.length,
            "--temperature": self.temperature,
            "--seed": self.seed,
            "--probabilities": self.probabilities or None,
            "--out": self.figure,
        }
        return {name: value for name, value in values.items() if value is not None}

    def num_shown(self, count: int) -> int:
        """How many of ``count`` classes are shown of an example: all in JSON, one in a table, unless ``top`` says."""
        return min(self.top or (count if self.as_json else 1), count)


@dataclass(frozen=True)
class Answer:
    """What is said of one example.

    Attributes:
        cells: cells of its row in a table.
        record: its JSON object.
        problem: what is wrong with the example, in place of an answer; goes on after the first cell.
    """

    cells: Sequence[str]
    record: Mapping[str, Any]
    problem: str = ""


@dataclass
class Answers:
    """All that is said, in order.

    Attributes:
        rows: an answer an example or a step, made while they are asked for.
        titles: titles of the table's columns.
        widest: texts that may come in each column, for its width.
        total: number of rows.
        are_numbers: whether all columns but the first hold numbers, which end below each other.
        text: what is said where it is no table.
        warnings: lines for people, complete once all rows were made.
        drawn: figure that was drawn.
        notes: lines for people that say how the table is read; none in JSON.
    """

    rows: Iterable[Answer]
    titles: Sequence[str] = ()
    widest: Sequence[Iterable[str]] = ()
    total: int = 0
    are_numbers: bool = False
    text: str | None = None
    warnings: list[str] = field(default_factory=list)
    drawn: Path | None = None
    notes: Sequence[str] = ()


def classify(predictor: AnyPredictor, question: Question) -> Answers:
    """Classify new examples, read as their kind of data is read.

    Args:
        predictor: network that answers with classes.
        question: what is to be classified.

    Returns:
        A row an example: its name, the most probable classes and their probabilities, and whether that is unsure where
        there is a threshold.

    Raises:
        UserError: the network does not classify, or there is nothing to read.
    """
    classes = predictor.spec.classes
    predictor.require_classes()
    top = question.num_shown(len(classes))
    examples = kinds.read_new(question.reading)
    is_told = question.unsure_below is not None
    return Answers(
        _classified(predictor, examples, question, top),
        [examples.title, *titles_of_ranks(top, "label"), *([f"below {question.unsure_below:.4f}"] if is_told else [])],
        [examples.names, *[classes, ()] * top, *([()] if is_told else [])],
        examples.total,
        warnings=examples.warnings,
    )


def _classified(predictor: AnyPredictor, examples: kinds.NewExamples, question: Question, top: int) -> Iterator[Answer]:
    def answer(one: kinds.NewExample, probabilities_K: np.ndarray) -> Answer:
        found = most_probable(probabilities_K, predictor.spec.classes, top)
        record = {**one.place, "label": next(iter(found)), "probabilities": rounded(found)}
        if question.unsure_below is None:
            return Answer([one.name, *cells_of(found)], record)
        is_unsure = not is_answered(float(probabilities_K.max()), question.unsure_below)
        cells = [one.name, *cells_of(found), UNSURE if is_unsure else ""]
        return Answer(cells, record | {"unsure": is_unsure})

    return _answered(predictor, examples, question, answer)


def _answered(
    predictor: AnyPredictor,
    examples: kinds.NewExamples,
    question: Question,
    answer: Callable[[kinds.NewExample, np.ndarray], Answer],
) -> Iterator[Answer]:
    """An answer an example, made of what the network gives, or what is wrong with the example."""
    batch_size = min(question.batch_size, examples.batch_size or question.batch_size)
    for batch in examples.batches:
        arrays = [one.array for one in batch if not isinstance(one.array, UserError)]
        outputs = iter(predictor.answers_of(np.stack(arrays), batch_size) if arrays else ())
        for one in batch:
            if isinstance(one.array, UserError):
                yield Answer([one.name], one.place, problem=str(one.array))
            else:
                yield answer(one, next(outputs))


def name_classes(predictor: AnyPredictor, question: Question) -> Answers:
    """Tell which classes new examples have, where each may have several or none.

    Args:
        predictor: network that answers with classes, each by itself.
        question: what is asked about.

    Returns:
        A row an example: its name, and the classes whose probability is at least their threshold, the most probable
        first; with ``top`` the most probable classes and their probabilities instead.

    Raises:
        UserError: there is nothing to read.
    """
    classes, thresholds = predictor.spec.classes, predictor.config.thresholds
    top = 0 if question.top is None else min(question.top, len(classes))
    examples = kinds.read_new(question.reading)

    def answer(one: kinds.NewExample, probabilities_K: np.ndarray) -> Answer:
        ranked = most_probable(probabilities_K, classes, len(classes))
        found_K = found_classes(probabilities_K[None], thresholds)[0]
        has = [name for name in ranked if found_K[classes.index(name)]]
        shown = dict(list(ranked.items())[:top]) if top else ranked
        cells = cells_of(shown) if top else [", ".join(f"{name} {ranked[name]:.4f}" for name in has) or NO_CLASS]
        return Answer([one.name, *cells], {**one.place, "labels": has, "probabilities": rounded(shown)})

    titles, widest = titles_of_ranks(top, "label"), [classes, ()] * top
    if not top:
        titles, widest = ["labels and their probabilities"], [()]
    return Answers(
        _answered(predictor, examples, question, answer),
        [examples.title, *titles],
        [examples.names, *widest],
        examples.total,
        warnings=examples.warnings,
    )


def predict_numbers(predictor: AnyPredictor, question: Question) -> Answers:
    """Tell the numbers of new examples, in the unit of the dataset.

    Args:
        predictor: network that answers with numbers.
        question: what is asked about.

    Returns:
        A row an example: its name and its numbers.

    Raises:
        UserError: there is nothing to read.
    """
    targets = predictor.spec.targets
    examples = kinds.read_new(question.reading)

    def answer(one: kinds.NewExample, values_O: np.ndarray) -> Answer:
        texts = [f"{value:.{DIGITS}g}" for value in values_O]
        return Answer([one.name, *texts], {**one.place, **dict(zip(targets, map(float, texts), strict=True))})

    return Answers(
        _answered(predictor, examples, question, answer),
        [examples.title, *targets],
        [examples.names, *[["-0.000000e+00"]] * len(targets)],
        examples.total,
        warnings=examples.warnings,
        are_numbers=True,
    )


def most_probable(probabilities_K: np.ndarray, classes: Sequence[str], top: int) -> dict[str, float]:
    """The most probable classes, the first of equally probable ones first, as ``argmax`` takes them."""
    order = np.argsort(-probabilities_K, kind="stable")[:top]
    return {classes[k]: float(probabilities_K[k]) for k in order}


def rounded(found: Mapping[str, float]) -> dict[str, float]:
    """Probabilities as they are printed."""
    return {name: round(p, DIGITS) for name, p in found.items()}


def cells_of(found: Mapping[str, float]) -> list[str]:
    """Names and probabilities as cells of a table."""
    return [text for name, p in found.items() for text in (name, f"{p:.4f}")]


def titles_of_ranks(top: int, what: str) -> list[str]:
    """Titles of the columns of names and probabilities, such as "label 2"."""
    ranks = ["", *(f" {rank}" for rank in range(2, top + 1))]
    return [f"{name}{rank}" for rank in ranks for name in (what, "probability")]
