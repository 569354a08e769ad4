"""A line as it was read: its text, how sure that is, and where in the line each character stands.

Two numbers say how sure a reading is, whichever decoder chose it, and both are the network's own, without a language
model:

    confidence of a line        P(text | line) under CTC: the probabilities of all alignments of the text, summed
    probability of a character  the largest probability that the network gave it at the steps where the best alignment
                                of the text has it

A character that the network passed over has no number of its own; the line's confidence counts it.

Source: A. Graves et al., "Connectionist Temporal Classification", 2006, section 4.1 (the sum) and Viterbi's algorithm
over the same states (the best alignment).

Shapes: T steps, V ids of the vocabulary (0 is the blank), L characters, S = 2 L + 1 states: a blank before, between and
behind the characters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.data.spec import PAD, UNKNOWN

UNKNOWN_SHOWN = "\N{REPLACEMENT CHARACTER}"
"""What stands in a text for a character that the alphabet does not have."""

UNSURE_BELOW = 0.9
"""Probability below which a character is marked as unsure."""


@dataclass(frozen=True)
class ReadCharacter:
    """A character that was read.

    Attributes:
        text: the character.
        probability: the network's own, in [0, 1].
        first_step: step of the network's output where it begins.
        end_step: first step behind it.
    """

    text: str
    probability: float
    first_step: int
    end_step: int

    @property
    def is_unsure(self) -> bool:
        """Whether its probability is below ``UNSURE_BELOW``."""
        return self.probability < UNSURE_BELOW


@dataclass(frozen=True)
class ReadLine:
    """A line as it was read.

    Attributes:
        text: characters together.
        confidence: probability of the text given the line, in [0, 1].
        characters: the characters, from left to right.
        num_steps: steps of the network's output, which share the line's width alike.
    """

    text: str
    confidence: float
    characters: tuple[ReadCharacter, ...]
    num_steps: int

    @property
    def num_unsure(self) -> int:
        """How many characters are unsure."""
        return sum(one.is_unsure for one in self.characters)


def shown_characters(vocabulary: Sequence[str]) -> list[str]:
    """The text of each id: nothing of the blank, and ``UNKNOWN_SHOWN`` of what the alphabet does not have."""
    return ["", UNKNOWN_SHOWN, *vocabulary[UNKNOWN + 1 :]]


def line_of(log_p_TV: np.ndarray, ids: Sequence[int], vocabulary: Sequence[str]) -> ReadLine:
    """What is known of a line once its characters are chosen.

    Args:
        log_p_TV: logarithms of probabilities, float.
        ids: ids of the characters that were read, none of them the blank; they fit into T steps.
        vocabulary: V texts, in the order of their ids.

    Returns:
        The line.
    """
    shown = shown_characters(vocabulary)
    characters = [
        ReadCharacter(shown[k], math.exp(min(0.0, float(log_p_TV[first:end, k].max()))), first, end)
        for k, (first, end) in zip(ids, best_alignment(log_p_TV, ids), strict=True)
    ]
    confidence = math.exp(min(0.0, log_probability(log_p_TV, ids)))
    return ReadLine("".join(one.text for one in characters), confidence, tuple(characters), len(log_p_TV))


def log_probability(log_p_TV: np.ndarray, ids: Sequence[int]) -> float:
    """The logarithm of the probability of a text, all its alignments summed: the negative of torch's ``ctc_loss``.

    Args:
        log_p_TV: logarithms of probabilities, float.
        ids: ids of the characters, none of them the blank; there may be none.

    Returns:
        At most 0, but for rounding; minus infinity where the text does not fit into T steps.
    """
    emitted_TS, may_skip_S = _states(log_p_TV, ids)
    before_S = np.full(emitted_TS.shape[1], -np.inf)
    before_S[:2] = emitted_TS[0, :2]
    for emitted_S in emitted_TS[1:]:
        reached_S = before_S.copy()
        reached_S[1:] = np.logaddexp(reached_S[1:], before_S[:-1])
        skipped_S = np.where(may_skip_S[2:], before_S[:-2], -np.inf)
        reached_S[2:] = np.logaddexp(reached_S[2:], skipped_S)
        before_S = reached_S + emitted_S
    return float(np.logaddexp.reduce(before_S[-2:]))


def best_alignment(log_p_TV: np.ndarray, ids: Sequence[int]) -> list[tuple[int, int]]:
    """The steps of each character in the most probable alignment of a text.

    Args:
        log_p_TV: logarithms of probabilities, float.
        ids: ids of the characters, none of them the blank.

    Returns:
        First step and the first step behind, a pair a character.

    Raises:
        ValueError: the text does not fit into T steps.
    """
    if not len(ids):
        return []
    emitted_TS, may_skip_S = _states(log_p_TV, ids)
    T, S = emitted_TS.shape
    back_TS = np.zeros((T, S), np.int8)
    before_S = np.full(S, -np.inf)
    before_S[:2] = emitted_TS[0, :2]
    for t in range(1, T):
        choices_3S = np.full((3, S), -np.inf)
        choices_3S[0] = before_S
        choices_3S[1, 1:] = before_S[:-1]
        choices_3S[2, 2:] = np.where(may_skip_S[2:], before_S[:-2], -np.inf)
        back_TS[t] = choices_3S.argmax(axis=0)
        before_S = choices_3S.max(axis=0) + emitted_TS[t]
    state = S - 1 if before_S[-1] >= before_S[-2] else S - 2
    if before_S[state] == -np.inf:
        raise ValueError(f"ids ({len(ids)} characters) must fit into {T} steps, a step more between equal neighbours")
    spans = [[T, 0] for _ in ids]
    for t in range(T - 1, -1, -1):
        if state % 2:
            span = spans[state // 2]
            span[0], span[1] = t, max(span[1], t + 1)
        state -= int(back_TS[t, state])
    return [(first, end) for first, end in spans]


def _states(log_p_TV: np.ndarray, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """What each state says at each step, float64 (T, S), and whether it may be reached past the blank before it."""
    states_S = np.full(2 * len(ids) + 1, PAD, np.int64)
    states_S[1::2] = ids
    may_skip_S = np.zeros(len(states_S), bool)
    may_skip_S[2:] = (states_S[2:] != PAD) & (states_S[2:] != states_S[:-2])
    return log_p_TV[:, states_S].astype(np.float64), may_skip_S
