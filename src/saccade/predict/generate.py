"""Text written by a network, token by token, each drawn from what it says of the next one.

The state is carried along: a token costs one step, however long the text is by then.

Shapes: T tokens of the prompt, V tokens of the vocabulary.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from saccade.bundle.ensemble import Ensemble
from saccade.core.errors import UserError
from saccade.data.spec import PAD, UNKNOWN
from saccade.kinds.tokens.text.tokenizer import Tokenizer, cut, normalise
from saccade.nn.text_networks import NextTokenNetwork

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


@torch.no_grad()
def generate(
    network: nn.Sequential,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    length: int,
    temperature: float = TEMPERATURE,
    seed: int = 0,
    device: torch.device,
) -> Generated:
    """Go on with a text.

    Padding and the unknown are never written, whatever the network says of them.

    Args:
        network: an input layer and a ``NextTokenNetwork`` behind it, in evaluation mode, on ``device``.
        tokenizer: tokenizer of the network's vocabulary.
        prompt: beginning of the text, at least a token; tokens that the vocabulary does not have are read as unknown.
        length: number of tokens to write, from 1.
        temperature: divisor of the logits: below 1 the probable becomes more so; 0 always takes the most probable.
        seed: decides the text, together with the others; in [0, 2^64).
        device: device of the network.

    Returns:
        The text.

    Raises:
        UserError: an argument lies outside its range, the prompt holds no token, or the network does not say what comes
            next.
    """
    if length < 1:
        raise UserError(f"length ({length}) must be at least 1: so many {tokenizer.unit} are written")
    if not (0 <= temperature < math.inf):  # also refuses nan
        raise UserError(f"temperature ({temperature}) must be a number from 0 on: 0 takes the most probable each time")
    if not (0 <= seed < 2**64):
        raise UserError(f"seed ({seed}) must be at least 0, and below 2^64")
    reader, model = _parts(network)
    ids_T = _ids_of(prompt, tokenizer)
    random = torch.Generator().manual_seed(seed)
    logits_1TV, state = model.advance(reader(torch.from_numpy(ids_T)[None].to(device)))
    written: list[int] = []
    for _ in range(length):
        written.append(_draw(logits_1TV[0, -1], temperature, random))
        if len(written) < length:
            logits_1TV, state = model.advance(torch.tensor([written[-1:]], device=device), state)
    shown, continuation = normalise(prompt, lower_case=tokenizer.lower_case), tokenizer.decode(written)
    between = "" if tokenizer.unit == "characters" or shown[-1:].isspace() else " "
    unknown = unknown_tokens(prompt, tokenizer)
    return Generated(shown, continuation, unknown, f"{shown}{between}{continuation}")


@torch.no_grad()
def expectations(network: nn.Sequential, tokenizer: Tokenizer, prompt: str, *, device: torch.device) -> list[Expected]:
    """What a network expects after each token of a text.

    Args:
        network: the same as of ``generate``.
        tokenizer: tokenizer of the network's vocabulary.
        prompt: at least a token.
        device: device of the network.

    Returns:
        One for each beginning of the prompt, from its first token to all of it.

    Raises:
        UserError: the prompt holds no token, or the network does not say what comes next.
    """
    reader, model = _parts(network)
    ids_T = _ids_of(prompt, tokenizer)
    logits_1TV, _ = model.advance(reader(torch.from_numpy(ids_T)[None].to(device)))
    p_TV = logits_1TV[0].cpu().double().softmax(dim=1)
    found = []
    for place, p_V in enumerate(p_TV, start=1):
        order = [i for i in p_V.argsort(descending=True, stable=True).tolist() if i not in (PAD, UNKNOWN)]
        probabilities = {tokenizer.vocabulary[i]: float(p_V[i]) for i in order}
        found.append(Expected(tokenizer.decode(ids_T[:place]), probabilities))
    return found


def _parts(network: nn.Sequential) -> tuple[nn.Module, NextTokenNetwork | Ensemble]:
    reader, model = network[0], network[1]
    for one in model.members if isinstance(model, Ensemble) else [model]:
        if not isinstance(one, NextTokenNetwork):
            raise UserError("the network must say what comes next, to write text; this one answers once an example")
    assert isinstance(model, NextTokenNetwork | Ensemble)
    return reader, model


def unknown_tokens(text: str, tokenizer: Tokenizer) -> Counter[str]:
    """Tokens of a text that the vocabulary does not have, each with how often it occurs."""
    tokens = cut(normalise(text, lower_case=tokenizer.lower_case), tokenizer.unit)
    return Counter(tokens[int(place)] for place in np.flatnonzero(tokenizer.encode(text) == UNKNOWN))


def _ids_of(prompt: str, tokenizer: Tokenizer) -> np.ndarray:
    ids_T = tokenizer.encode(prompt)
    if len(ids_T) == 0:
        raise UserError(f"prompt ({prompt!r}) must hold one of the {tokenizer.unit} at least: what to go on from")
    return ids_T


def _draw(logits_V: Tensor, temperature: float, random: torch.Generator) -> int:
    """One token, in float64 on the host, where the numbers drawn are the same whatever computed the logits."""
    logits_V = logits_V.cpu().double()
    logits_V[[PAD, UNKNOWN]] = -torch.inf
    if temperature == 0:
        return int(logits_V.argmax())
    p_V = ((logits_V - logits_V.max()) / temperature).softmax(dim=0)
    return int(torch.multinomial(p_V, 1, generator=random))
