"""Text written by a network, token by token, each drawn from what it says of the next one.

The state is carried along: a token costs one step, however long the text is by then.

Shapes: T tokens of the prompt, V tokens of the vocabulary.
"""

import torch
from torch import Tensor, nn

from saccade.bundle.ensemble import Ensemble
from saccade.core.errors import UserError
from saccade.data.spec import PAD, UNKNOWN
from saccade.kinds.tokens.text.tokenizer import Tokenizer
from saccade.nn.text_networks import NextTokenNetwork
from saccade.predict.texts.written_text import (
    TEMPERATURE,
    Expected,
    Generated,
    check_writing,
    expected,
    ids_of,
    unknown_tokens,
    written,
)

__all__ = ["TEMPERATURE", "Expected", "Generated", "expectations", "generate", "unknown_tokens"]


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
    check_writing(tokenizer, length=length, temperature=temperature, seed=seed)
    reader, model = _parts(network)
    ids_T = ids_of(prompt, tokenizer)
    random = torch.Generator().manual_seed(seed)
    logits_1TV, state = model.advance(reader(torch.from_numpy(ids_T)[None].to(device)))
    ids: list[int] = []
    for _ in range(length):
        ids.append(_draw(logits_1TV[0, -1], temperature, random))
        if len(ids) < length:
            logits_1TV, state = model.advance(torch.tensor([ids[-1:]], device=device), state)
    return written(prompt, ids, tokenizer)


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
    ids_T = ids_of(prompt, tokenizer)
    logits_1TV, _ = model.advance(reader(torch.from_numpy(ids_T)[None].to(device)))
    return expected(ids_T, logits_1TV[0].cpu().double().softmax(dim=1).numpy(), tokenizer)


def _parts(network: nn.Sequential) -> tuple[nn.Module, NextTokenNetwork | Ensemble]:
    reader, model = network[0], network[1]
    for one in model.members if isinstance(model, Ensemble) else [model]:
        if not isinstance(one, NextTokenNetwork):
            raise UserError("the network must say what comes next, to write text; this one answers once an example")
    assert isinstance(model, NextTokenNetwork | Ensemble)
    return reader, model


def _draw(logits_V: Tensor, temperature: float, random: torch.Generator) -> int:
    """One token, in float64 on the host, where the numbers drawn are the same whatever computed the logits."""
    logits_V = logits_V.cpu().double()
    logits_V[[PAD, UNKNOWN]] = -torch.inf
    if temperature == 0:
        return int(logits_V.argmax())
    p_V = ((logits_V - logits_V.max()) / temperature).softmax(dim=0)
    return int(torch.multinomial(p_V, 1, generator=random))
