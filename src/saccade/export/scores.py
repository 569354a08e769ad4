"""How well a file answers about a split, in one number: what decides whether 8 bits are enough.

Shapes: N examples, K classes, O numbers to predict, T tokens, V tokens of the vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from saccade.bundle.bundle import NetworkConfig
from saccade.core.progress import Progress, no_progress
from saccade.data.prepared import Split
from saccade.data.spec import PAD
from saccade.data.thresholds import found_classes

_AT_ONCE = 64  # examples


@dataclass(frozen=True)
class Score:
    """How well a split is answered.

    Attributes:
        name: accuracy, share of labels that are right, or mean absolute error.
        value: the number.
        larger_is_better: whether it is a share that is right, in [0, 1]; else an error, from 0.
    """

    name: str
    value: float
    larger_is_better: bool

    def text(self) -> str:
        """The number as people read it."""
        return f"{self.value:.2%}" if self.larger_is_better else f"{self.value:.4g}"


def score_of(
    config: NetworkConfig,
    answers_of: Callable[[np.ndarray], np.ndarray],
    split: Split,
    *,
    progress: Progress = no_progress,
) -> Score:
    """Ask about a whole split.

    Args:
        config: config of the network.
        answers_of: function from stored examples to probabilities or numbers.
        split: examples and labels, one example at least.
        progress: called as the work goes on.

    Returns:
        Accuracy of classes, and of next tokens; where an example may have several classes, the share of (example,
        class) that is right; of numbers the mean absolute error.
    """
    total, count = 0.0, 0
    number = len(split.labels)
    for start in range(0, number, _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        right = _right(config, answers_of(np.array(split.examples[rows])), np.array(split.labels[rows]))
        total, count = total + float(right.sum()), count + right.size
        progress("validation split", min(start + _AT_ONCE, number), number)
    if config.spec.multilabel:
        return Score("share of labels that are right", total / count, True)
    if config.spec.classes or config.spec.output == "per_token":
        return Score("accuracy", total / count, True)
    return Score("mean absolute error", total / count, False)


def _right(config: NetworkConfig, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each answer is right, or how far it is off."""
    if config.spec.multilabel:
        return found_classes(answers, config.thresholds) == labels.astype(bool)
    if config.spec.output == "per_token":
        return (answers.argmax(axis=2) == labels)[labels != PAD]
    if config.spec.classes:
        return answers.argmax(axis=1) == labels
    return np.abs(answers.astype(np.float64) - labels)
