"""Tokens and texts as cells of a table that people read."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade.data.prepared import Split
from saccade.data.spec import NO_CLASS, Spec
from saccade.data.thresholds import found_classes
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


def excerpts_of(tokens_NT: np.ndarray, spec: Spec) -> list[str]:
    """The beginning of each text on one line, at most so many characters as fit a cell."""
    tokenizer = tokenizer_of(spec)
    return [excerpt(tokenizer.decode(token_T), _MAX_CHARACTERS) for token_T in tokens_NT]


def write_mistakes(
    path: Path, probabilities_NK: np.ndarray, test: Split, spec: Spec, *, names: Sequence[str] = ()
) -> None:
    """Write the texts that a classifier was wrong about as a CSV file, the surest first.

    Args:
        path: where to write.
        probabilities_NK: float32, the network's answers in the order of the test split.
        test: the test split.
        spec: of the dataset.
        names: where each text is found, such as a file and a line, for a last column; none: there is no such column.
    """
    header = ["text", "actual", "predicted", "confidence", "row", *["name"] * bool(names)]
    write_table(path, header, _mistake_rows(probabilities_NK, test, spec, names))


def _mistake_rows(probabilities_NK: np.ndarray, test: Split, spec: Spec, names: Sequence[str]) -> Iterable[list[Any]]:
    tokenizer, predicted_N = tokenizer_of(spec), probabilities_NK.argmax(axis=1)
    mistakes = np.flatnonzero(predicted_N != test.labels)
    for i in mistakes[np.argsort(-probabilities_NK.max(axis=1)[mistakes], kind="stable")]:
        text = excerpt(tokenizer.decode(test.examples[i]), _MAX_CHARACTERS)
        actual, predicted = spec.classes[test.labels[i]], spec.classes[predicted_N[i]]
        found = [names[i]] if names else []
        yield [text, actual, predicted, f"{probabilities_NK[i].max():.6f}", int(test.rows[i]), *found]


def write_wrong_classes(
    path: Path,
    probabilities_NK: np.ndarray,
    test: Split,
    spec: Spec,
    thresholds: Sequence[float],
    *,
    names: Sequence[str] = (),
) -> None:
    """Write the texts of which a class is told wrongly, where each may have several, as a CSV file, the surest first.

    Args:
        path: where to write.
        probabilities_NK: float32, the network's answers in the order of the test split.
        test: the test split.
        spec: of the dataset.
        thresholds: probability from which a text has each class.
        names: where each text is found, for a last column; none: there is no such column.
    """
    tokenizer, found_NK, has_NK = tokenizer_of(spec), found_classes(probabilities_NK, thresholds), test.labels > 0
    off_N = np.where(found_NK != has_NK, np.abs(probabilities_NK - has_NK), -1.0).max(axis=1)
    mistakes = np.flatnonzero(off_N >= 0)

    def named(has_K: np.ndarray) -> str:
        return ", ".join(spec.classes[k] for k in np.flatnonzero(has_K).tolist()) or NO_CLASS

    rows = []
    for i in mistakes[np.argsort(-off_N[mistakes], kind="stable")].tolist():
        text = excerpt(tokenizer.decode(test.examples[i]), _MAX_CHARACTERS)
        rows.append([text, named(has_NK[i]), named(found_NK[i]), f"{off_N[i]:.6f}", int(test.rows[i])])
        rows[-1] += [names[i]] if names else []
    header = ["text", "actual", "predicted", "furthest off", "row", *["name"] * bool(names)]
    write_table(path, header, rows)
