"""How well lines are read: error rates over characters and words, and the share of lines without an error.

All are ratios of sums over the lines: the mean of each line's own rate would let a line of one character count as much
as one of fifty.

Shapes: N lines.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from saccade.evaluate.bootstrap import bootstrap_interval, units_of_examples, units_of_groups
from saccade.evaluate.metric_intervals.interval import MIN_UNITS, Interval, too_few
from saccade.transcripts.edits import LineEdits, aligned

METRICS = ("cer", "wer", "line_accuracy", "word_precision", "word_recall", "word_f1")
_RATIOS = {  # metric to the columns of ``_sums`` that are divided
    "cer": (0, 1),
    "wer": (2, 3),
    "line_accuracy": (6, 7),
    "word_precision": (5, 4),
    "word_recall": (5, 3),
}


def transcript_metrics(found: LineEdits) -> dict[str, float]:
    """The error rates of lines.

    Args:
        found: what was counted of each.

    Returns:
        ``cer``, all edits over all true characters (it may exceed 1); ``wer``, the same of words; ``line_accuracy``;
        ``word_precision``, ``word_recall`` and ``word_f1`` of the words of each line, whatever their order; 0 where no
        word was read.
    """
    rates_M = np.nan_to_num(_rates(_sums(found).sum(axis=0, keepdims=True))[0], nan=0.0)
    return dict(zip(METRICS, rates_M.tolist(), strict=True))


def transcript_intervals(found: LineEdits, group_N: np.ndarray | None = None) -> dict[str, Interval]:
    """The 95 % intervals of ``transcript_metrics``, by a studentised bootstrap of lines, or of groups of lines.

    Args:
        found: what was counted of each line.
        group_N: group of each, such as its receipt, integers; None: lines are independent.

    Returns:
        Metric name to interval.
    """
    values_NM = _sums(found)
    sums_UM = units_of_examples(values_NM)[0] if group_N is None else units_of_groups(values_NM, group_N)
    units = len(values_NM) if group_N is None else len(sums_UM)
    if units < MIN_UNITS:
        return dict.fromkeys(METRICS, too_few(units, "lines" if group_N is None else "groups"))
    measured = transcript_metrics(found)
    intervals = {}
    for number, name in enumerate(METRICS):

        def rate(sums_DM: np.ndarray, number: int = number) -> np.ndarray:
            return _rates(sums_DM)[:, number]

        ends = bootstrap_interval(rate, sums_UM)
        intervals[name] = Interval.of(ends, measured[name], alike="all lines are read alike")
    return intervals


def _sums(found: LineEdits) -> np.ndarray:
    """float64 (N, 8): the six counts of each line, whether it is right, and 1."""
    right_N = found.edits == 0
    return np.stack([*vars(found).values(), right_N, np.ones(len(right_N))], axis=1).astype(np.float64)


def _rates(sums_DM: np.ndarray) -> np.ndarray:
    """float64 (D, 6), in the order of ``METRICS``; NaN where nothing is there to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [sums_DM[:, above] / sums_DM[:, below] for above, below in _RATIOS.values()]
        f1_D = 2 * sums_DM[:, 5] / (sums_DM[:, 3] + sums_DM[:, 4])
    rates_DM = np.stack([*columns, f1_D], axis=1)
    rates_DM[~np.isfinite(rates_DM)] = np.nan
    return rates_DM


def character_confusion(true: Sequence[str], read: Sequence[str]) -> list[tuple[str, str, int, int]]:
    """What was read in place of what.

    Args:
        true: what stands in each line.
        read: what was read in each.

    Returns:
        True character, character read, how often, and how often the true one stands in the lines; nothing ("") where
        one was added or left out. The most frequent errors first.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    for ours, theirs in zip(true, read, strict=True):
        pairs.update(aligned(ours, theirs))
    totals: Counter[str] = Counter()
    for (ours, _), count in pairs.items():
        totals[ours] += count
    wrong = [(ours, theirs, count, totals[ours]) for (ours, theirs), count in pairs.items() if ours != theirs]
    return sorted(wrong, key=lambda row: (-row[2], row[0], row[1]))


def errors_by_character(true: Sequence[str], read: Sequence[str]) -> list[tuple[str, int, int]]:
    """How often each character stands in the lines, and how often it was read as something else or left out.

    Args:
        true: what stands in each line.
        read: what was read in each.

    Returns:
        Character, count, errors; the one with most errors first.
    """
    counts: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for ours, theirs in zip(true, read, strict=True):
        for one, other in aligned(ours, theirs):
            if one:
                counts[one] += 1
                errors[one] += one != other
    return sorted(((c, counts[c], errors[c]) for c in counts), key=lambda row: (-row[2], row[0]))
