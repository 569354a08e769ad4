"""Section of the dataset report: the tokens of the training split, and those that are missing there."""

from collections.abc import Mapping

import numpy as np

from saccade.core.messages import pluralise
from saccade.data.spec import SPLITS
from saccade.display.page import Cell, Line, Name, PageBlock, Section, Share, Table, percent
from saccade.kinds.tokens.corpus.arrays import TokenCounts

_MAX_SHOWN = 30
_MANY_UNKNOWN = 0.05  # share of the tokens above which it is worth a look


def vocabulary_section(tokens: TokenCounts) -> Section:
    """How many tokens there are, which are frequent, and how many of the others' are unknown.

    Args:
        tokens: of all splits.

    Returns:
        Tables of tokens.
    """
    unit, num_ids = tokens.spool.unit, len(tokens.vocabulary)
    different = int((tokens.counts["train"] > 0).sum())
    left = different - (num_ids - 2)
    small = ", capitals made small" if tokens.spool.lower_case else ""
    lines: list[Line] = [
        (
            f"{num_ids:,} ids: padding, unknown, and {num_ids - 2:,} of the {different:,} different {unit} of the "
            f"training split{small}"
            + (f"; {left:,} rarer ones are unknown there, too (max_vocabulary)." if left else ", which are all."),
        )
    ]
    rows: list[list[Cell]] = []
    worst = 0.0
    for split in SPLITS:
        unknown, total = tokens.unknown(split), max(tokens.total(split), 1)
        worst = max(worst, unknown / total)
        rows.append([split, total, unknown, Share(unknown / total, unknown / total)])
    blocks: list[PageBlock] = [Table(["split", unit, "of them unknown", "share"], rows)]
    blocks.append(_table(f"most frequent {unit} of the training split", tokens, "train", only_unknown=False))
    blocks += [
        _table(f"most frequent unknown {unit} of the {split} split", tokens, split, only_unknown=True)
        for split in SPLITS[1:]  # of training they are the rarer ones, of which none stands out
        if tokens.unknown(split)
    ]
    result = f"{num_ids:,} ids, " + (f"at most {percent(worst)} unknown" if worst else "none unknown")
    return Section("vocabulary", "Vocabulary", result, worst <= _MANY_UNKNOWN, lines, blocks)


def _table(title: str, tokens: TokenCounts, split: str, only_unknown: bool) -> Table:
    found = tokens.most_frequent(split, _MAX_SHOWN, only_unknown=only_unknown)
    total = max(tokens.total(split), 1)
    most = max(count for _, count in found)
    rows = [(shown_token(token), count, Share(count / total, count / most)) for token, count in found]
    return Table([title, "times", "share"], rows)


def shown_token(token: str) -> Cell:
    """A token that can be seen: a space has no ink."""
    return "(space)" if token == " " else Name(token)


def summary_line(tokens: TokenCounts, rows_of: Mapping[str, np.ndarray], max_length: int) -> str:
    """How large the vocabulary is, what it lacks, and what was cut off, in one line.

    Args:
        tokens: tokens of all splits.
        rows_of: name of a split to its rows.
        max_length: tokens that are kept of a longer text.

    Returns:
        A line for people.
    """
    shares = ", ".join(f"{percent(tokens.unknown(s) / max(tokens.total(s), 1))} of {s}" for s in SPLITS)
    cut, total = sum(tokens.cut.values()), sum(map(len, rows_of.values()))
    after = f"; {pluralise(cut, 'text')} of {total:,} cut after {max_length:,}" if cut else ""
    return f"{len(tokens.vocabulary):,} ids of {tokens.spool.unit}; unknown: {shares}{after}"
