"""Tokens and texts as cells of a table that people read."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_ENDS = "…"


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
