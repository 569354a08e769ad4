"""A line as it was read: its text, and how sure each character is.

Shapes: T steps of a line, V tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.data.spec import PAD, UNKNOWN


@dataclass(frozen=True)
class ReadCharacter:
    """A character of a line.

    Attributes:
        text: the character.
        probability: the greatest that a step of it has, in (0, 1].
        first_step: first step that says it, from 0.
        end_step: step after the last one that says it.
    """

    text: str
    probability: float
    first_step: int
    end_step: int


@dataclass(frozen=True)
class ReadLine:
    """A line that was read.

    Attributes:
        text: what stands in it.
        confidence: probability of this text step by step, to the power of one over its characters (of an empty one,
            of its steps): a number in (0, 1] that does not fall with the length.
        characters: its characters, from left to right.
    """

    text: str
    confidence: float
    characters: tuple[ReadCharacter, ...]


def read_greedily(said_TV: np.ndarray, vocabulary: Sequence[str]) -> ReadLine:
    """The most probable token of each step; repetitions are read once, and blanks left out.

    Args:
        said_TV: log-probabilities of the tokens at each step.
        vocabulary: the tokens; the first is the blank, the second never read.

    Returns:
        The line.

    >>> one = np.log(np.array([[0.1, 0, 0.9], [0.2, 0, 0.8], [0.7, 0, 0.3], [0.4, 0, 0.6]]) + 1e-30)
    >>> read_greedily(one, ("<pad>", "<unknown>", "a")).text
    'aa'
    """
    allowed_TV = said_TV.copy()
    allowed_TV[:, UNKNOWN] = -np.inf
    best_T = allowed_TV.argmax(axis=1)
    characters: list[ReadCharacter] = []
    step, T = 0, len(best_T)
    while step < T:
        end = step + 1
        while end < T and best_T[end] == best_T[step]:
            end += 1
        token = int(best_T[step])
        if token != PAD:
            probability = float(np.exp(allowed_TV[step:end, token].max()))
            characters.append(ReadCharacter(vocabulary[token], probability, step, end))
        step = end
    likely = float(allowed_TV[np.arange(T), best_T].sum())
    return ReadLine(
        "".join(one.text for one in characters), float(np.exp(likely / max(len(characters) or T, 1))), tuple(characters)
    )
