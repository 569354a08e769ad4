"""How far what was read is from the transcripts: errors of characters, of words, of whole lines.

    cer              edits of characters over true characters, both summed over all lines
    wer              edits of words over true words, likewise; words are what spaces part
    line_accuracy    share of lines without an edit
    word_precision   share of the words read that their line holds, each as often as it is there, wherever it stands
    word_recall      share of the true words that were read, likewise; word_f1 is their harmonic mean

A sum over sums is no mean of ratios: a short line counts for as little as it is short. Both sides are compared in
Unicode's form NFC; capitals, spaces and punctuation count.

Shapes: N lines, L characters.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.data.spec import PAD, UNKNOWN
from saccade.evaluate.bootstrap import mean_interval, units_of_examples, units_of_groups
from saccade.evaluate.metric_intervals.interval import MIN_UNITS, Interval, too_few
from saccade.evaluate.metric_intervals.shares import group_problem, share_interval
from saccade.evaluate.outcomes import Outcomes
from saccade.transcripts.edits import count_edits
from saccade.transcripts.read_line import UNKNOWN_SHOWN, shown_characters

_READ_AS_UNKNOWN = "\N{WHITE SQUARE}"
"""What stands for a character that was read as one the alphabet does not have: it is never right."""


def true_texts(labels_NL: np.ndarray, vocabulary: Sequence[str]) -> list[str]:
    """Transcripts as texts.

    Args:
        labels_NL: ids, int64, filled up with 0.
        vocabulary: V texts, in the order of their ids.

    Returns:
        N texts; what the alphabet does not have is ``UNKNOWN_SHOWN``.
    """
    shown = shown_characters(vocabulary)
    return ["".join(shown[k] for k in row if k != PAD) for row in labels_NL.tolist()]


def comparable(read: str) -> str:
    """What was read, as it is compared with a transcript: in NFC, and what is not known as something else."""
    return unicodedata.normalize("NFC", read).replace(UNKNOWN_SHOWN, _READ_AS_UNKNOWN)


@dataclass(frozen=True)
class LineCounts:
    """What was counted on each line.

    Attributes:
        edits: edits of characters, int64 (N,).
        characters: true characters, int64 (N,).
        word_edits: edits of words, int64 (N,).
        words: true words, int64 (N,).
        words_read: words that were read, int64 (N,).
        words_found: words that were read and are there, int64 (N,).
    """

    edits: np.ndarray
    characters: np.ndarray
    word_edits: np.ndarray
    words: np.ndarray
    words_read: np.ndarray
    words_found: np.ndarray

    @property
    def is_wrong(self) -> np.ndarray:
        """Whether a line has an edit, bool (N,)."""
        wrong_N: np.ndarray = self.edits > 0
        return wrong_N


def count_lines(truths: Sequence[str], reads: Sequence[str]) -> LineCounts:
    """Count edits, line by line.

    Args:
        truths: N transcripts.
        reads: what was read, N texts from ``comparable``.

    Returns:
        The counts.

    >>> counts = count_lines(["TOTAL RM 5.00"], ["TOTAL 5.0O"])
    >>> [int(values[0]) for values in (counts.edits, counts.characters, counts.word_edits, counts.words_found)]
    [4, 13, 2, 1]
    """
    rows = []
    for truth, read in zip(truths, reads, strict=True):
        words, words_read = truth.split(), read.split()
        found = sum((Counter(words) & Counter(words_read)).values())
        rows.append(
            (
                count_edits(truth, read),
                len(truth),
                count_edits(words, words_read),
                len(words),
                len(words_read),
                found,
            )
        )
    return LineCounts(*np.array(rows, np.int64).reshape(len(rows), 6).T)


def transcript_metrics(counts: LineCounts) -> dict[str, float]:
    """Metrics over all lines.

    Args:
        counts: of each line.

    Returns:
        Metric name to value, ``cer`` first.
    """
    edits, characters, word_edits, words, words_read, found = (
        int(values.sum())
        for values in (
            counts.edits,
            counts.characters,
            counts.word_edits,
            counts.words,
            counts.words_read,
            counts.words_found,
        )
    )
    return {
        "cer": edits / max(1, characters),
        "wer": word_edits / max(1, words),
        "line_accuracy": float(1 - counts.is_wrong.mean()),
        "word_precision": found / max(1, words_read),
        "word_recall": found / max(1, words),
        "word_f1": 2 * found / max(1, words + words_read),
    }


def transcript_intervals(counts: LineCounts, group_N: np.ndarray | None = None) -> dict[str, Interval]:
    """The 95 % intervals of ``transcript_metrics``, of lines or of groups of lines.

    Args:
        counts: of each line.
        group_N: group of each line, such as its receipt, integers; None: lines do not depend on each other.

    Returns:
        Those of ratios by the studentised bootstrap of the errors, whose few worst lines or groups hold most of them;
        that of the line accuracy by Wilson's formula.
    """

    def ratio(over: np.ndarray, under: np.ndarray) -> Interval:
        return ratio_interval(over, under, group_N)

    def share(found: np.ndarray, of: np.ndarray) -> Interval:
        one = ratio(of - found, of)
        return Interval(
            None if one.high is None else 1 - one.high, None if one.low is None else 1 - one.low, one.reason
        )

    both = counts.words + counts.words_read
    return {
        "cer": ratio(counts.edits, counts.characters),
        "wer": ratio(counts.word_edits, counts.words),
        "line_accuracy": share_interval(~counts.is_wrong, group_N),
        "word_precision": share(counts.words_found, counts.words_read),
        "word_recall": share(counts.words_found, counts.words),
        "word_f1": share(2 * counts.words_found, both),
    }


def ratio_interval(over_N: np.ndarray, under_N: np.ndarray, group_N: np.ndarray | None = None) -> Interval:
    """The 95 % interval of a sum over a sum.

    Args:
        over_N: numbers from 0, such as edits.
        under_N: numbers from 0, such as characters.
        group_N: group of each line, integers; None: lines do not depend on each other.

    Returns:
        The interval, or why there is none.
    """
    if problem := group_problem(group_N):
        return problem
    values_N2 = np.stack([over_N, under_N], axis=1).astype(np.float64)
    units_U2 = units_of_examples(values_N2)[0] if group_N is None else units_of_groups(values_N2, group_N)
    units_U2 = units_U2[units_U2[:, 1] > 0]
    if len(units_U2) < MIN_UNITS:
        return too_few(len(units_U2), "lines" if group_N is None else "groups of lines")
    ends = mean_interval(units_U2[:, 0], units_U2[:, 1])
    value = float(over_N.sum() / under_N.sum())
    return Interval.of(ends, value, alike="all lines are read alike")


def line_outcomes(rows_N: np.ndarray, counts: LineCounts) -> Outcomes:
    """What a run got on each line, for paired tests of ``cer``: each line weighs as many characters as it has.

    Args:
        rows_N: number of each line in the source, integers.
        counts: of each line.

    Returns:
        ``cer`` of each line; groups are added where they are known.
    """
    weights_N = np.maximum(counts.characters, 1).astype(np.float64)
    return Outcomes(rows_N, {"cer": counts.edits / weights_N}, weights=weights_N)


def num_unknown(labels_NL: np.ndarray) -> int:
    """How many characters of transcripts the alphabet does not have."""
    return int((np.asarray(labels_NL) == UNKNOWN).sum())
