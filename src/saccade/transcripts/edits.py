"""How a text that was read differs from the true one: characters and words that were changed, added or left out.

The distance is Levenshtein's, computed by rapidfuzz.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

NOTHING = ""  # where a character was left out or added


@dataclass(frozen=True)
class LineEdits:
    """What was counted of each line, int64 (N,) each.

    Attributes:
        edits: characters changed, added and left out.
        characters: characters of the true text.
        word_edits: words changed, added and left out.
        words: words of the true text.
        words_read: words of the text that was read.
        words_found: words that both have, in any order, each as often as in the one that has it less often.
    """

    edits: np.ndarray
    characters: np.ndarray
    word_edits: np.ndarray
    words: np.ndarray
    words_read: np.ndarray
    words_found: np.ndarray


def count_edits(true: Sequence[str], read: Sequence[str]) -> LineEdits:
    """Compare lines.

    Args:
        true: what stands in each.
        read: what was read in each.

    Returns:
        Counts.

    >>> found = count_edits(["TOTAL 5.00"], ["TOTAI 5.00 RM"])
    >>> [int(value[0]) for value in vars(found).values()]
    [4, 10, 2, 2, 3, 1]
    """
    from rapidfuzz.distance import Levenshtein

    rows = []
    for ours, theirs in zip(true, read, strict=True):
        words, words_read = ours.split(), theirs.split()
        rows.append(
            (
                Levenshtein.distance(ours, theirs),
                len(ours),
                Levenshtein.distance(words, words_read),
                len(words),
                len(words_read),
                (Counter(words) & Counter(words_read)).total(),
            )
        )
    return LineEdits(*np.array(rows, dtype=np.int64).reshape(-1, 6).T)


def aligned(true: str, read: str) -> Iterator[tuple[str, str]]:
    """Characters of both texts side by side, with nothing beside what was left out or added.

    >>> list(aligned("ABC", "AXCD"))
    [('A', 'A'), ('B', 'X'), ('C', 'C'), ('', 'D')]
    """
    from rapidfuzz.distance import Levenshtein

    for step in Levenshtein.opcodes(true, read):
        ours, theirs = true[step.src_start : step.src_end], read[step.dest_start : step.dest_end]
        for i in range(max(len(ours), len(theirs))):
            yield ours[i : i + 1] or NOTHING, theirs[i : i + 1] or NOTHING
