"""Tokens and texts as cells of a table that people read."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.kinds.tokens.text.tokenizer import tokenizer_of

_ENDS = "…"
_MAX_CHARACTERS = 400  # of a text in the table of mistakes


def shown(token: str) -> str:
    """A token that can be seen: a space as U+2423, what is no letter as its escape.

    >>> shown("a"), shown(" "), shown(chr(10))
    ('a', '␣', '\\\\n')
    """
    if token == " ":
        return "\N{OPEN BOX}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in token)


def excerpt(text: str, most: int) -> str:
    """The beginning of a text on one line, at most so many characters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most and len(text) <= 4 * most else line[: most - 1] + _ENDS


def write_table(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file, UTF-8, lines ended by a line feed."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_mistakes(path: Path, probabilities_NK: np.ndarray, test: Split, spec: Spec) -> None:
    """Write the texts that a classifier was wrong about as a CSV file, the surest first.

    Args:
        path: where to write.
        probabilities_NK: float32, the network's answers in the order of the test split.
        test: the test split.
        spec: of the dataset.
    """
    header = ["text", "actual", "predicted", "confidence", "row"]
    write_table(path, header, _mistake_rows(probabilities_NK, test, spec))


def _mistake_rows(probabilities_NK: np.ndarray, test: Split, spec: Spec) -> Iterable[list[Any]]:
    tokenizer, predicted_N = tokenizer_of(spec), probabilities_NK.argmax(axis=1)
    mistakes = np.flatnonzero(predicted_N != test.labels)
    for i in mistakes[np.argsort(-probabilities_NK.max(axis=1)[mistakes], kind="stable")]:
        text = excerpt(tokenizer.decode(test.examples[i]), _MAX_CHARACTERS)
        actual, predicted = spec.classes[test.labels[i]], spec.classes[predicted_N[i]]
        yield [text, actual, predicted, f"{probabilities_NK[i].max():.6f}", int(test.rows[i])]
