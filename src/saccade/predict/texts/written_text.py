"""What is told of a text that a network goes on with; what computes it belongs to generate.py and onnx_predictor.py.

Shapes: T tokens of the prompt, V tokens of the vocabulary.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import PAD, UNKNOWN
from saccade.kinds.tokens.text.tokenizer import Tokenizer, cut, normalise

TEMPERATURE = (
    0.8  # what is written where nobody asks for another: at 1, letter networks slip more often than they should
)


@dataclass(frozen=True)
class Generated:
    """What was written.

    Attributes:
        prompt: the text as the network read it: normalised, capitals made small where the vocabulary has none.
        continuation: the text that follows.
        unknown: tokens of the prompt that the vocabulary does not have, each with how often it occurs.
        text: both together.
    """

    prompt: str
    continuation: str
    unknown: Mapping[str, int]
    text: str


@dataclass(frozen=True)
class Expected:
    """What a network expects after the first tokens of a text.

    Attributes:
        prefix: these tokens, as text.
        probabilities: token to probability, the most probable one first; padding and the unknown are not among them.
    """

    prefix: str
    probabilities: dict[str, float]


def check_writing(tokenizer: Tokenizer, *, length: int, temperature: float, seed: int) -> None:
    """Refuse numbers outside their range.

    Args:
        tokenizer: tokenizer of the network's vocabulary.
        length: number of tokens to write.
        temperature: divisor of the logits.
        seed: seed of the random draws.

    Raises:
        UserError: one of them lies outside.
    """
    if length < 1:
        raise UserError(f"length ({length}) must be at least 1: so many {tokenizer.unit} are written")
    if not (0 <= temperature < math.inf):  # also refuses nan
        raise UserError(f"temperature ({temperature}) must be a number from 0 on: 0 takes the most probable each time")
    if not (0 <= seed < 2**64):
        raise UserError(f"seed ({seed}) must be at least 0, and below 2^64")


def ids_of(prompt: str, tokenizer: Tokenizer) -> np.ndarray:
    """The tokens of a prompt.

    Args:
        prompt: any text.
        tokenizer: tokenizer of the network's vocabulary.

    Returns:
        int32 (T,), at least one.

    Raises:
        UserError: it holds none.
    """
    ids_T = tokenizer.encode(prompt)
    if len(ids_T) == 0:
        raise UserError(f"prompt ({prompt!r}) must hold one of the {tokenizer.unit} at least: what to go on from")
    return ids_T


def written(prompt: str, ids: Sequence[int], tokenizer: Tokenizer) -> Generated:
    """A prompt and the tokens that were written behind it, as text.

    Args:
        prompt: what was gone on from.
        ids: tokens that were written.
        tokenizer: tokenizer of the network's vocabulary.

    Returns:
        The text and its parts.
    """
    shown, continuation = normalise(prompt, lower_case=tokenizer.lower_case), tokenizer.decode(ids)
    between = "" if tokenizer.unit == "characters" or shown[-1:].isspace() else " "
    return Generated(shown, continuation, unknown_tokens(prompt, tokenizer), f"{shown}{between}{continuation}")


def expected(ids_T: np.ndarray, p_TV: np.ndarray, tokenizer: Tokenizer) -> list[Expected]:
    """What is expected after each beginning of a text.

    Args:
        ids_T: tokens of the text.
        p_TV: probability of each token of the vocabulary behind each of them, float64.
        tokenizer: tokenizer of the network's vocabulary.

    Returns:
        One for each beginning, from its first token to all of it.
    """
    found = []
    for place, p_V in enumerate(p_TV, start=1):
        order = [i for i in np.argsort(-p_V, kind="stable").tolist() if i not in (PAD, UNKNOWN)]
        probabilities = {tokenizer.vocabulary[i]: float(p_V[i]) for i in order}
        found.append(Expected(tokenizer.decode(ids_T[:place]), probabilities))
    return found


def unknown_tokens(text: str, tokenizer: Tokenizer) -> Counter[str]:
    """Tokens of a text that the vocabulary does not have, each with how often it occurs."""
    tokens = cut(normalise(text, lower_case=tokenizer.lower_case), tokenizer.unit)
    return Counter(tokens[int(place)] for place in np.flatnonzero(tokenizer.encode(text) == UNKNOWN))
