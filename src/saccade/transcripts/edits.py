"""Edits between two sequences: how many it takes, and which. Levenshtein's distance, as rapidfuzz computes it.

Sequences are of anything that can be hashed and compared: characters, their ids, words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["same", "substituted", "missed", "inserted"]


@dataclass(frozen=True)
class Edit:
    """One place of an alignment.

    Attributes:
        kind: same; substituted: another was read; missed: nothing was read; inserted: nothing was there.
        truth: place in the true sequence; of what was inserted, the place that it stands before.
        read: place in what was read; of what was missed, the place that it would stand before.
    """

    kind: Kind
    truth: int
    read: int


def count_edits(truth: Sequence[Any], read: Sequence[Any]) -> int:
    """The least number of substitutions, deletions and insertions that make one of the other.

    Args:
        truth: true sequence.
        read: what was read.

    Returns:
        Number of edits, from 0.

    >>> count_edits("kitten", "sitting")
    3
    """
    from rapidfuzz.distance import Levenshtein

    return int(Levenshtein.distance(truth, read))


def align(truth: Sequence[Any], read: Sequence[Any]) -> list[Edit]:
    """An alignment with the least number of edits; of several such, the one that rapidfuzz finds.

    Args:
        truth: true sequence.
        read: what was read.

    Returns:
        Places in order, those that are the same among them.

    >>> [edit.kind for edit in align("TOTAL", "TOTL1")]
    ['same', 'same', 'same', 'missed', 'same', 'inserted']
    """
    from rapidfuzz.distance import Levenshtein

    kinds: dict[str, Kind] = {"replace": "substituted", "delete": "missed", "insert": "inserted"}
    found: list[Edit] = []
    i = j = 0

    def same(until: int) -> None:
        nonlocal i, j
        while i < until:
            found.append(Edit("same", i, j))
            i, j = i + 1, j + 1

    for step in Levenshtein.editops(truth, read):
        same(step.src_pos)
        kind = kinds[step.tag]
        found.append(Edit(kind, i, j))
        i += kind != "inserted"
        j += kind != "missed"
    same(len(truth))
    return found
