"""A classifier's answers on new examples, as lines of a table or as JSON.

Shapes: K classes.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

DIGITS = 6  # of a probability, as in predictions.csv
_WIDEST_NAME = 60  # cells of the table's first column


def best(probabilities_K: np.ndarray, classes: Sequence[str], top: int) -> dict[str, float]:
    """The most probable classes, the first of equally probable ones first, as ``argmax`` takes them."""
    order = np.argsort(-probabilities_K, kind="stable")[:top]
    return {classes[k]: float(probabilities_K[k]) for k in order}


def json_line(example: Mapping[str, Any], found: Mapping[str, float]) -> str:
    """A JSON object: what says which example it is, its label, and the probabilities."""
    return json.dumps({**example, "label": next(iter(found)), "probabilities": rounded(found)})


def rounded(found: Mapping[str, float]) -> dict[str, float]:
    """Probabilities as they are printed."""
    return {name: round(p, DIGITS) for name, p in found.items()}


class AnswerTable:
    """A table whose lines can be printed one by one: its columns are as wide as whatever may come, in letter cells.

    Args:
        title: of the first column.
        names: of the examples that may come.
        classes: the names that may come.
        top: how many of them a row has.
        label: what such a name is called.
    """

    def __init__(
        self, title: str, names: Iterable[str], classes: Sequence[str], top: int, *, label: str = "label"
    ) -> None:
        ranks = ["", *(f" {rank}" for rank in range(2, top + 1))]
        titles = [title, *(f"{what}{rank}" for rank in ranks for what in (label, "probability"))]
        name_cells = min(_widest(names), _WIDEST_NAME)  # a longer one pushes its row to the right
        widest = [name_cells, *[_widest(classes), 0] * top]
        self._widths = [max(width, len(title)) for width, title in zip(widest, titles, strict=True)]
        self.header = self._line(titles)

    def row(self, name: str, found: Mapping[str, float]) -> str:
        """The line of one example."""
        return self._line([name, *(text for label, p in found.items() for text in (label, f"{p:.4f}"))])

    def _line(self, texts: Iterable[str]) -> str:
        from rich.cells import cell_len  # Chinese letters take two cells each

        shown = map(printable, texts)
        padded = (text + " " * (width - cell_len(text)) for text, width in zip(shown, self._widths, strict=True))
        return "  ".join(padded).rstrip()


def _widest(texts: Iterable[str]) -> int:
    from rich.cells import cell_len

    return max(cell_len(printable(text)) for text in texts)


def printable(text: str) -> str:
    """The text on one line, line breaks and bytes that are no letters written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
