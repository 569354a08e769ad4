"""Tables of what was read: the worst lines, what is read for what, where errors are more frequent.

Shapes: N lines.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.evaluate.about_data.slices import Property, cut
from saccade.transcripts.edits import align
from saccade.transcripts.metrics import LineCounts, comparable, ratio_interval
from saccade.transcripts.read_line import UNSURE_BELOW, ReadLine

NOTHING = "(nothing)"
"""What stands for no character at all: of one that was missed, or that nothing stood for."""

SPACE_SHOWN = "(space)"

CONFIDENCES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
"""Confidences of a line from which lines are counted."""


@dataclass(frozen=True)
class CharacterErrors:
    """How often a character was read rightly, and what became of it elsewhere.

    Attributes:
        character: true character, or one that was inserted.
        count: how often it is in the transcripts.
        same: times that it was read.
        substituted: times that another was read in its place.
        missed: times that nothing was read in its place.
        inserted: times that it was read where nothing stood.
    """

    character: str
    count: int
    same: int
    substituted: int
    missed: int
    inserted: int

    @property
    def errors(self) -> int:
        """Edits that it has a part in, those in which it was read for another left out."""
        return self.substituted + self.missed + self.inserted


def shown(character: str) -> str:
    """A character in a cell; a space would look like nothing."""
    return SPACE_SHOWN if character == " " else character


def character_errors(
    truths: Sequence[str], reads: Sequence[str]
) -> tuple[list[CharacterErrors], Counter[tuple[str, str]]]:
    """What was read for what, over all lines, along an alignment of each with the least edits.

    Args:
        truths: N transcripts.
        reads: what was read, N texts from ``comparable``.

    Returns:
        A row a character, the one with most errors first; and pairs of a true character and what was read for it, with
        how often, ``NOTHING`` among them.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    for truth, read in zip(truths, reads, strict=True):
        for edit in align(truth, read):
            true_one = NOTHING if edit.kind == "inserted" else truth[edit.truth]
            read_one = NOTHING if edit.kind == "missed" else read[edit.read]
            pairs[true_one, read_one] += 1
    characters = sorted({one for pair in pairs for one in pair} - {NOTHING})
    rows = []
    for one in characters:
        own = {read: count for (true, read), count in pairs.items() if true == one}
        count, same, missed = sum(own.values()), own.get(one, 0), own.get(NOTHING, 0)
        rows.append(CharacterErrors(one, count, same, count - same - missed, missed, pairs.get((NOTHING, one), 0)))
    return sorted(rows, key=lambda row: (-row.errors, row.character)), pairs


def confusion_rows(pairs: Counter[tuple[str, str]]) -> list[tuple[str, str, int, float | None]]:
    """Pairs that are no match, the most frequent first.

    Args:
        pairs: from ``character_errors``.

    Returns:
        True character, what was read, how often, and the share of that true character; None of what was inserted.
    """
    totals: Counter[str] = Counter()
    for (true, _), count in pairs.items():
        totals[true] += count
    wrong = sorted((-count, true, read) for (true, read), count in pairs.items() if true != read)
    return [(true, read, -n, None if true == NOTHING else -n / totals[true]) for n, true, read in wrong]


def rates_by(counts: LineCounts, properties: Sequence[Property], group_N: np.ndarray | None) -> Iterator[list[Any]]:
    """The error rate of characters, slice by slice.

    Args:
        counts: of each line.
        properties: what the lines differ in, each with N values.
        group_N: group of each line, integers; None: lines do not depend on each other.

    Yields:
        Property, value, lines, characters, edits, cer, and the ends of its 95 % interval, empty where there is none.
    """
    for one in properties:
        for value, rows, _, _ in cut(one):
            edits, characters = int(counts.edits[rows].sum()), int(counts.characters[rows].sum())
            groups = None if group_N is None else group_N[rows]
            found = ratio_interval(counts.edits[rows], counts.characters[rows], groups)
            ends = ["" if end is None else f"{end:.6f}" for end in (found.low, found.high)]
            yield [one.name, value, len(rows), characters, edits, f"{edits / max(1, characters):.6f}", *ends]


def rates_by_group(counts: LineCounts, names: Sequence[str]) -> list[list[Any]]:
    """The error rate of each group, the worst first.

    Args:
        counts: of each line.
        names: name of the group of each line, N texts.

    Returns:
        Group, lines, lines that are wrong, characters, edits, cer.
    """
    found, of_line = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
    sums = [
        np.bincount(of_line, weights=values, minlength=len(found)).astype(int).tolist()
        for values in (np.ones(len(of_line)), counts.is_wrong, counts.characters, counts.edits)
    ]
    rows = [[str(name), *values, values[3] / max(1, values[2])] for name, *values in zip(found, *sums, strict=True)]
    rows.sort(key=lambda row: (-row[5], row[0]))
    return [[*row[:5], f"{row[5]:.6f}"] for row in rows]


def confidence_rows(lines: Sequence[ReadLine], is_wrong_N: np.ndarray) -> list[list[Any]]:
    """How many of the lines that it is so sure of are right.

    Args:
        lines: what was read.
        is_wrong_N: whether each line has an edit, bool.

    Returns:
        Least confidence, lines, their share of all, share of them without an edit (empty where there is none).
    """
    confidence_N = np.array([line.confidence for line in lines])
    rows: list[list[Any]] = []
    for least in CONFIDENCES:
        kept_N = confidence_N >= least
        right = "" if not kept_N.any() else f"{1 - is_wrong_N[kept_N].mean():.6f}"
        rows.append([f"{least:g}", int(kept_N.sum()), f"{kept_N.mean():.6f}", right])
    return rows


@dataclass(frozen=True)
class Marks:
    """What marking unsure characters finds.

    Attributes:
        characters: characters that were read.
        marked: those of them that are unsure.
        wrong: those of them that were substituted or inserted.
        wrong_and_marked: those that are both.
        missed: true characters that nothing was read for, which no mark can show.
    """

    characters: int
    marked: int
    wrong: int
    wrong_and_marked: int
    missed: int

    def in_words(self) -> str:
        """A line for people."""
        return (
            f"{self.marked:,} of {self.characters:,} characters read are marked as unsure (below {UNSURE_BELOW:g}): "
            f"{self.wrong_and_marked:,} of them are wrong, of {self.wrong:,} wrong ones in all; "
            f"{self.missed:,} more were missed, which no mark shows"
        )


def count_marks(truths: Sequence[str], lines: Sequence[ReadLine]) -> Marks:
    """Compare the characters that are marked with those that are wrong.

    Args:
        truths: N transcripts.
        lines: what was read.

    Returns:
        The counts. Lines in which NFC joins characters that were read are left out.
    """
    characters = marked = wrong = both = missed = 0
    for truth, line in zip(truths, lines, strict=True):
        read = comparable(line.text)
        if len(read) != len(line.characters):
            continue
        characters += len(read)
        marked += line.num_unsure
        for edit in align(truth, read):
            missed += edit.kind == "missed"
            if edit.kind in ("substituted", "inserted"):
                wrong += 1
                both += line.characters[edit.read].is_unsure
    return Marks(characters, marked, wrong, both, missed)
