"""The columns of a table of answers, and a batch of examples and outputs as values of these columns.

Shapes: B examples of a batch, K classes or numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import NO_CLASS, Spec
from saccade.data.thresholds import found_classes
from saccade.evaluate.confidence.reject import is_answered
from saccade.kinds import NewExample

PROBLEM = "problem"
UNSURE = "unsure"

Type = Literal["text", "whole number", "probability", "number", "yes or no", "texts"]
Values = dict[str, list[Any]]
"""Name of a column to its values, a value a row; None where there is none."""


class Config(Protocol):
    """What is asked of a network's description here."""

    @property
    def spec(self) -> Spec:
        """Shape and meaning of one example."""
        ...

    @property
    def thresholds(self) -> list[float]:
        """Probability from which an example has each class, where it may have several."""
        ...


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: title of the column.
        type: what its values are.
    """

    name: str
    type: Type


class AnswerColumns:
    """Columns for what a network answers once an example: a label, several labels, or numbers.

    Args:
        config: description of the network.
        places: keys of what says which example it is, and their types.
        top: number of classes to tell, the most probable ones; None: a column a class.
        unsure_below: confidence below which an answer is unsure; None: that is not known.

    Attributes:
        columns: the columns in their order.
    """

    def __init__(
        self, config: Config, places: Mapping[str, type], *, top: int | None, unsure_below: float | None
    ) -> None:
        self._config = config
        self._classes = config.spec.classes
        self._reads_lines = config.spec.output == "transcript"
        self._unsure_below = unsure_below
        self._top = None if top is None else min(top, len(self._classes))
        self._places = [Column(name, "whole number" if each is int else "text") for name, each in places.items()]
        own = [*places, PROBLEM]
        self._targets = [f"{name} (predicted)" if name in own else name for name in config.spec.targets]
        self.columns = [*self._places, *self._answer_columns(), Column(PROBLEM, "text")]

    def _answer_columns(self) -> list[Column]:
        if self._reads_lines:
            return [Column("text", "text"), Column("confidence", "probability"), Column(UNSURE, "whole number")]
        if not self._classes:
            return [Column(name, "number") for name in self._targets]
        ranks = [f" {rank}" if rank > 1 else "" for rank in range(1, (self._top or 0) + 1)]
        if self._config.spec.multilabel:
            first, told = [Column("labels", "texts")], ranks
        else:
            first = [Column("label", "text"), Column("probability", "probability"), Column(UNSURE, "yes or no")]
            told = ranks[1:]
        if self._top is None:
            return first + [Column(f"p({name})", "probability") for name in self._classes]
        others: list[tuple[str, Type]] = [("label", "text"), ("probability", "probability")]
        return first + [Column(f"{name}{rank}", kind) for rank in told for name, kind in others]

    def values(self, batch: Sequence[NewExample], outputs_BK: np.ndarray) -> Values:
        """The rows of a batch.

        Args:
            batch: examples, of which some may have a problem in place of an array.
            outputs_BK: float32, what the network answers about those that have none, in their order; of a network that
                reads lines as many ``ReadLine``.

        Returns:
            A value a row for each column; of an example with a problem, nothing but its place and the problem.
        """
        problems = [str(one.array) if isinstance(one.array, UserError) else None for one in batch]
        found = self._answers(outputs_BK)
        if any(problems):
            rows = iter(range(len(outputs_BK)))
            at = [None if problem else next(rows) for problem in problems]
            found = {name: [None if i is None else values[i] for i in at] for name, values in found.items()}
        places = {column.name: [_plain(one.place.get(column.name)) for one in batch] for column in self._places}
        return {**places, **found, PROBLEM: [problem and _plain(problem) for problem in problems]}

    def _answers(self, outputs_BK: np.ndarray) -> Values:
        if self._reads_lines:
            return {
                "text": [line.text for line in outputs_BK],
                "confidence": [line.confidence for line in outputs_BK],
                UNSURE: [line.num_unsure for line in outputs_BK],
            }
        if not self._classes:
            return dict(zip(self._targets, outputs_BK.T.tolist(), strict=True))
        found: Values = {}
        order_BK = np.argsort(-outputs_BK, axis=1, kind="stable")  # the first of equal ones first, as argmax takes them
        if self._config.spec.multilabel:
            has_BK = found_classes(outputs_BK, self._config.thresholds)
            ranked = ((order_K[has_K[order_K]]) for order_K, has_K in zip(order_BK, has_BK, strict=True))
            found["labels"] = [[self._classes[k] for k in order.tolist()] for order in ranked]
        else:
            found |= self._rank(outputs_BK, order_BK, 0)
            found[UNSURE] = [self._is_unsure(p) for p in found["probability"]]
        if self._top is None:
            return found | {f"p({name})": outputs_BK[:, k].tolist() for k, name in enumerate(self._classes)}
        for rank in range(0 if self._config.spec.multilabel else 1, self._top):
            found |= self._rank(outputs_BK, order_BK, rank)
        return found

    def _rank(self, outputs_BK: np.ndarray, order_BK: np.ndarray, rank: int) -> Values:
        """Label and probability of the class at a place, from 0."""
        at_B, title = order_BK[:, rank], f" {rank + 1}" if rank else ""
        return {
            f"label{title}": [self._classes[k] for k in at_B.tolist()],
            f"probability{title}": outputs_BK[np.arange(len(at_B)), at_B].tolist(),
        }

    def _is_unsure(self, confidence: float) -> bool | None:
        return None if self._unsure_below is None else not is_answered(confidence, self._unsure_below)


def joined(labels: Sequence[str]) -> str:
    """Several labels in one cell, as predictions.csv writes them."""
    return ", ".join(labels) or NO_CLASS


def _plain(value: Any) -> Any:
    """A value that any table can hold: bytes of a file's name that are no letters are written as escapes."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value
