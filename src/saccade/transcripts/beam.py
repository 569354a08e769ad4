"""Prefix beam search: the text, and not the alignment, that scores best, with a language model of characters.

    score(text) = log P(text | line) + weight * log P(text) + bonus * characters

P(text | line) sums over alignments: the search keeps of each beginning the probability that it ends with a blank, and
that it ends with its last character, so that alignments of one text meet. P(text) is that of the language model, which
counts the end of the line too. Without a model, a search that keeps all beginnings finds the most probable text.

Source: A. Hannun et al., "First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent
DNNs", 2014, algorithm 1 (https://arxiv.org/abs/1408.2873). We differ: the model is one of characters and is asked at
each of them.

Shapes: T steps, V ids of the vocabulary (0 is the blank).
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from saccade.data.spec import PAD
from saccade.transcripts.language_model import CharacterModel

MIN_PROBABILITY = 1e-4
"""Characters that the network gives less at a step begin nothing there."""

_NEVER = -math.inf


@dataclass(eq=False, slots=True)
class _Prefix:
    """The beginning of a text; there is one object for each.

    Attributes:
        ids: its characters.
        last: the last of them; -1: there is none.
        added: weight times the language model's logarithm, and the bonus of all characters.
        longer: the beginnings with one more character, by that.
    """

    ids: tuple[int, ...]
    last: int
    added: float
    longer: dict[int, "_Prefix"] = field(default_factory=dict)


def beam_ids(
    log_p_TV: np.ndarray,
    *,
    width: int,
    model: CharacterModel | None = None,
    weight: float = 0.0,
    bonus: float = 0.0,
    min_probability: float = MIN_PROBABILITY,
) -> list[int]:
    """The text that scores best among those that the search keeps.

    Args:
        log_p_TV: logarithms of probabilities, float; T may be 0.
        width: number of beginnings that are kept at each step, from 1.
        model: language model; None: P(text) is left out.
        weight: weight of the language model, from 0.
        bonus: number that each character adds, in nats.
        min_probability: probability below which a character begins nothing at a step; 0: all do.

    Returns:
        Ids, none of them the blank.
    """
    asked = model if weight else None

    def child(of: _Prefix, k: int) -> _Prefix:
        found = of.longer.get(k)
        if found is None:
            says = 0.0 if asked is None else weight * asked.log_probabilities(asked.context(of.ids))[k]
            found = of.longer[k] = _Prefix((*of.ids, k), k, of.added + says + bonus)
        return found

    least = math.log(min_probability) if min_probability > 0 else _NEVER
    kept: dict[_Prefix, tuple[float, float]] = {
        _Prefix((), -1, 0.0): (0.0, _NEVER)
    }  # log P with a blank last, and without
    for row_V in log_p_TV.astype(np.float64):
        row: list[float] = row_V.tolist()
        begins = [k for k in np.flatnonzero(row_V >= least).tolist() if k != PAD]
        kept = _best(_extended(kept, row, begins, child), width)
    return list(max(kept, key=lambda one: _final(one, kept[one], asked, weight)).ids)


def _extended(
    kept: dict[_Prefix, tuple[float, float]],
    row: list[float],
    begins: list[int],
    child: Callable[[_Prefix, int], _Prefix],
) -> dict[_Prefix, tuple[float, float]]:
    """All beginnings one step further on."""
    further: dict[_Prefix, tuple[float, float]] = {}
    for prefix, (blank, other) in kept.items():
        both = _log_add(blank, other)
        stays = other + row[prefix.last] if prefix.last >= 0 else _NEVER
        before = further.get(prefix)
        if before is None:
            further[prefix] = (both + row[PAD], stays)
        else:  # a shorter one has grown into it at this very step
            further[prefix] = (_log_add(before[0], both + row[PAD]), _log_add(before[1], stays))
        for k in begins:
            longer = child(prefix, k)
            # A character that is the same as the last one is a new one only behind a blank
            reached = (blank if k == prefix.last else both) + row[k]
            if reached == _NEVER:
                continue
            before = further.get(longer)
            further[longer] = (_NEVER, reached) if before is None else (before[0], _log_add(before[1], reached))
    return further


def _best(further: dict[_Prefix, tuple[float, float]], width: int) -> dict[_Prefix, tuple[float, float]]:
    if len(further) <= width:
        return further
    best = heapq.nlargest(width, further.items(), key=lambda one: _log_add(*one[1]) + one[0].added)
    return dict(best)


def _final(prefix: _Prefix, ends: tuple[float, float], model: CharacterModel | None, weight: float) -> float:
    end = 0.0 if model is None else weight * model.log_probabilities(model.context(prefix.ids))[model.end]
    return _log_add(*ends) + prefix.added + end


def _log_add(a: float, b: float) -> float:
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))
