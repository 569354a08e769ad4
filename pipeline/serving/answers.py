"""What a network gives, as the JSON objects that ``saccade predict --json`` prints.

Shapes: N inputs, K classes, O numbers.
"""

from typing import Any

import numpy as np

from pipeline.serving.limits import RefusedError
from pipeline.serving.served import Served
from saccade.data.thresholds import found_classes
from saccade.evaluate.confidence.reject import is_answered
from saccade.predict.answers import DIGITS, most_probable, rounded
from saccade.transcripts.new_lines import line_record


def records_of(served: Served, outputs: np.ndarray, top: int | None) -> list[dict[str, Any]]:
    """An object an input.

    Args:
        served: network that was asked.
        outputs: what ``Served.answers_of`` gives: float32 (N, K) of classes, (N, O) of numbers, or N lines.
        top: number of classes to tell, the most probable ones; None: all.

    Returns:
        "label", "probabilities" (the most probable first) and, where the run has a threshold, "unsure"; where an input
        may have several classes, "labels", "probabilities" and "thresholds"; of numbers "values"; of a line "text",
        "confidence" and "characters".

    Raises:
        RefusedError: an answer is no number, for the values of the input lie too far from all that was trained on.
    """
    if served.spec.output == "transcript":
        return [line_record(line) for line in outputs]
    rows = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
    if len(rows):
        raise RefusedError(
            422, f"input {int(rows[0]) + 1} has no finite answer: its values lie too far from those of training"
        )
    return [_record(served, output_K, top) for output_K in outputs]


def _record(served: Served, output_K: np.ndarray, top: int | None) -> dict[str, Any]:
    spec, config = served.spec, served.network.config
    if not spec.classes:
        texts = (f"{value:.{DIGITS}g}" for value in output_K)
        return {"values": dict(zip(spec.targets, map(float, texts), strict=True))}
    shown = most_probable(output_K, spec.classes, top or len(spec.classes))
    if spec.multilabel:
        found_K = found_classes(output_K[None], config.thresholds)[0]
        ranked = most_probable(output_K, spec.classes, len(spec.classes))
        has = [name for name in ranked if found_K[spec.classes.index(name)]]
        thresholds = dict(zip(spec.classes, config.thresholds or [0.5] * len(spec.classes), strict=True))
        return {
            "labels": has,
            "probabilities": rounded(shown),
            "thresholds": rounded({name: thresholds[name] for name in shown}),
        }
    record: dict[str, Any] = {"label": next(iter(shown)), "probabilities": rounded(shown)}
    if served.unsure_below is not None:
        record["unsure"] = not is_answered(float(output_K.max()), served.unsure_below)
    return record
