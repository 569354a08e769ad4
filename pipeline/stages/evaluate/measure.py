"""A network's answers on a split, measured: metrics, and the tables and pictures that its task draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import paths
from pipeline.console import Progress
from pipeline.schema.evaluate import DecoderBlock, EvaluateBlock, RejectBlock
from saccade import kinds
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.files import read_json
from saccade.core.messages import pluralise
from saccade.data.prepared import VIEWS_FORMAT, Split, open_split, read_dataset_info
from saccade.data.spec import Spec
from saccade.evaluate.about_data.slices import class_sizes
from saccade.evaluate.confidence.answers import Answers
from saccade.evaluate.confidence.reject import Rejection, choose_threshold
from saccade.evaluate.metrics import classification_metrics
from saccade.kinds.origins import read_origins
from saccade.predict.predictor import Predictor, TokenOutputs
from saccade.predict.tta import average_over_views
from saccade.transcripts.decoder import ChosenDecoder, choose_decoder
from saccade.transforms.albumentations_adapter import colors_for


@dataclass(frozen=True)
class Answered:
    """What a network says of a split.

    Attributes:
        answers: as of ``Predictor.answer_split``: calibrated where there is a temperature.
        of_network: probabilities without it, float32 (N, K); None where an answer is no class of several.
    """

    answers: np.ndarray | TokenOutputs | list[np.ndarray]
    of_network: np.ndarray | None = None


def answer(predictor: Predictor, split: Split, batch_size: int) -> Answered:
    """Let a network answer.

    Args:
        predictor: its network.
        split: examples.
        batch_size: examples at once.

    Returns:
        What it says.
    """
    if answers_with_one_class(predictor):
        of_network, answers = predictor.answer_split_twice(split, batch_size)
        return Answered(answers, of_network)
    return Answered(predictor.answer_split(split, batch_size))


def measure(
    folder: Path,
    history: Sequence[Mapping[str, float]],
    predictor: Predictor,
    test: Split,
    block: EvaluateBlock,
    *,
    run: str,
    trained_on: str,
    measured_on: str | None = None,
    shown_beside: Mapping[str, Any] | None = None,
    answered: Answered | None = None,
    rejection: Rejection | None = None,
    decoder: ChosenDecoder | None = None,
) -> dict[str, Any]:
    """Let a network answer, measure the answers, and write the task's tables and pictures.

    Tables and pictures show the answers on the examples as they are; ``evaluate.tta`` adds metrics, no more. Where
    there is a temperature they show the calibrated answers, but the reliability, which shows both.

    Args:
        folder: an empty folder, for the tables and pictures.
        history: a row an epoch, for the learning curves among the pictures.
        predictor: its network.
        test: examples and labels, in the order of the network's classes or targets.
        block: ``evaluate:``.
        run: name of the run, for messages.
        trained_on: key in ``datasets:``, whose transforms make the views of ``evaluate.tta``.
        measured_on: key in ``datasets:``, of which the examples are; None: of the same.
        shown_beside: what else the task's ``evaluate`` takes, by name.
        answered: what the network says of the split, from ``answer``; None: it is asked here.
        rejection: confidence below which the run is to say that it is unsure; None: nobody asked for one.
        decoder: what makes texts of the logits of a run that reads lines; None: the most probable character at each
            step.

    Returns:
        Metric name to value, or None where one could not be measured, beside its reason; those of averaged answers
        begin with tta_.

    Raises:
        UserError: an answer is no finite number; or views are asked for, and there are no transforms to make them with.
    """
    answered = answer(predictor, test, block.batch_size) if answered is None else answered
    config, answers, of_network = predictor.config, answered.answers, answered.of_network
    _require_finite(answers, test, run)
    task = registry.module("tasks", config.task)
    about = about_examples(paths.prepared(measured_on or trained_on), paths.prepared(trained_on), test, predictor.spec)
    beside = {"top_k": block.top_k, "predictor": predictor, **about, **(shown_beside or {})}
    if decoder is not None:
        beside["decoder"] = decoder
    if of_network is not None:
        beside |= {"network_NK": of_network, "temperature": config.temperature, "rejection": rejection}
    metrics: dict[str, Any] = registry.call_with_supported(
        task.evaluate, folder, answers, test, predictor.spec, history, **beside
    )
    if "temperature" in metrics and config.temperature_reason:
        metrics["temperature_reason"] = config.temperature_reason
    return metrics | _measure_views(of_network, predictor, test, block, trained_on)


def answers_with_one_class(predictor: Predictor) -> bool:
    """Whether its answer about an example is one class of several, each with a probability."""
    return bool(predictor.spec.classes) and not predictor.spec.multilabel


def choose_rejection(
    predictor: Predictor, validation: Split, block: RejectBlock, batch_size: int, *, run: str
) -> Rejection:
    """The confidence from which a run answers, by its calibrated answers on the validation split.

    Args:
        predictor: its network, whose answer about an example is one class.
        validation: examples and labels.
        block: ``evaluate.reject``.
        batch_size: examples at once.
        run: name of the run, for messages.

    Returns:
        The threshold, or why there is none.

    Raises:
        UserError: an answer is not finite.
    """
    answers = answer(predictor, validation, batch_size).answers
    _require_finite(answers, validation, run)
    assert isinstance(answers, np.ndarray), "one answer an example"
    found = Answers.of(answers, validation.labels)
    return choose_threshold(found, max_error=block.max_error, confidence=block.confidence)


def find_decoder(
    predictor: Predictor, train: Split, validation: Split, block: DecoderBlock | None, batch_size: int, *, run: str
) -> ChosenDecoder | None:
    """What makes texts of the logits of a run that reads lines, by ``evaluate.decoder``.

    Args:
        predictor: its network.
        train: training split, of whose transcripts alone the language model is made.
        validation: validation split, on which its weight is chosen.
        block: ``evaluate.decoder``; None: the run reads greedily.
        batch_size: examples at once.
        run: name of the run, for messages.

    Returns:
        The decoder, and what it was chosen by; None where the run reads greedily, or no lines.

    Raises:
        UserError: an answer is not finite.
    """
    if predictor.spec.output != "transcript" or block is None or block.name == "greedy":
        return None
    outputs = answer(predictor, validation, batch_size).answers
    _require_finite(outputs, validation, run)
    assert isinstance(outputs, list), "an array a line"
    with Progress("lines", line_every_s=30) as progress:
        return choose_decoder(
            outputs,
            np.asarray(validation.labels),
            np.asarray(train.labels),
            num_ids=len(predictor.spec.vocabulary),
            width=block.width,
            language_weight=block.language_weight,
            progress=progress,
        )


def _require_finite(answers: Any, test: Split, run: str) -> None:
    if isinstance(answers, list):  # of lines, each with steps of its own
        answers = np.array([said_TV.sum() for said_TV in answers])
    values = np.asarray(getattr(answers, "nats", answers))
    bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    if not len(bad):
        return
    first, row = int(bad[0]), int(test.rows[bad[0]])
    worst = values[first].ravel()[~np.isfinite(values[first].ravel())][0]
    raise UserError(
        f"{run} must answer with finite numbers, but answers {worst} for {pluralise(len(bad), 'example')} of "
        f"{len(values):,}, first for row {row} of the source: its training broke, or the example's numbers are too "
        f"large. `saccade doctor {run}` shows the training; `saccade train {run} --fresh` repeats it"
    )


def about_examples(prepared: Path, learnt: Path, test: Split, spec: Spec) -> dict[str, Any]:
    """What a task may take to say where answers are wrong more often, and which examples they are.

    Args:
        prepared: folder of the dataset that the examples are of.
        learnt: folder of the dataset that the network has learnt from.
        test: the examples, with labels in the order of the network's classes.
        spec: spec of the network.

    Returns:
        ``properties`` and, where the source names its examples, ``names_of_examples``.
    """
    origins = read_origins(prepared, test.rows)
    names = [origins.name(i) for i in range(len(test.rows))] if origins.names else []
    found = kinds.properties(test, spec, origins)
    if spec.classes and (learnt / "dataset.json").exists():
        found.insert(0, class_sizes(test.labels, read_dataset_info(learnt).class_counts["train"]))
    return {"properties": found, "names_of_examples": names}


def _measure_views(
    answers: Any, predictor: Predictor, test: Split, block: EvaluateBlock, dataset: str
) -> dict[str, float]:
    """Metrics of the answers averaged over augmented views; nothing where none are asked for."""
    if block.tta is None:
        return {}
    path, make_with = paths.augmented(dataset) / "augment.json", f"saccade augment {dataset}"
    written = read_json(path, format_number=VIEWS_FORMAT, make_with=make_with)
    if not written["transforms"]:
        raise UserError(
            f"evaluate.tta ({block.tta}) needs transforms, and {path} has none. Make it with `{make_with}`."
        )
    with Progress("images") as progress:
        averaged = average_over_views(
            answers,
            predictor,
            test,
            views=block.tta,
            transforms=written["transforms"],
            seed=written["seed"],
            batch_size=block.batch_size,
            colors=colors_for(written["transforms"], open_split(paths.prepared(dataset), "train").examples),
            progress=progress,
        )
    measured = classification_metrics(averaged, test.labels, top_k=block.top_k)
    return {f"tta_{name}": value for name, value in measured.items()}
