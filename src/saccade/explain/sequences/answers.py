"""What a network answers about one example, as numbers whose reasons can be asked for.

A class is explained by its logit, the number before softmax or sigmoid, for there influences add up; a number to
predict by itself, in its own unit.

Shapes: B batch, T time steps, V tokens of the vocabulary, K classes, tokens or numbers.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from saccade.bundle.bundle import NetworkConfig
from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.data.spec import PAD, UNKNOWN

_NAMED = 12  # of many classes, in a message


class Trained(Protocol):
    """A trained network, such as ``saccade.load("models/names-lstm")`` gives.

    Attributes:
        config: config that the network was built from.
        network: stored examples in, the model's outputs out, in evaluation mode, on ``device``.
        device: device of the network.
    """

    config: NetworkConfig
    network: nn.Sequential
    device: torch.device

    def outputs(self, stored: Tensor) -> np.ndarray:
        """Probabilities or numbers of stored examples, as ``saccade predict`` tells them."""


@dataclass(frozen=True)
class Answer:
    """One thing that a network says of an example.

    Attributes:
        name: class, token or number to predict.
        place: index among all of them.
        probability: probability of the class or token; None of a number.
        value: number, in the unit of the dataset; None of a class.
    """

    name: str
    place: int
    probability: float | None = None
    value: float | None = None


def names_of(config: NetworkConfig) -> tuple[str, ...]:
    """What a network's numbers are called: classes, tokens of the vocabulary, or numbers to predict."""
    spec = config.spec
    return spec.vocabulary if spec.output == "per_token" else spec.classes or spec.targets


def scores(config: NetworkConfig, output: Tensor) -> Tensor:
    """The numbers that are explained.

    Args:
        config: config of the network.
        output: what the network gives, (B, K), or (B, T, V) where it answers at each step.

    Returns:
        Logits or numbers, (B, K) in the order of ``names_of``. Where each step is answered, those after the last one.
        Where two classes are told apart by one logit, the first class has its negative.
    """
    if config.spec.output == "per_token":
        return output[:, -1]
    return torch.cat((-output, output), dim=1) if config.one_output else output


def answers(trained: Trained, stored_1T: Tensor) -> list[Answer]:
    """All that a network says of one example, the most probable first; numbers in their own order.

    Args:
        trained: network.
        stored_1T: the example as a split holds it, a batch of one.

    Returns:
        An answer a class, number or token; padding and the unknown are no answers.
    """
    config = trained.config
    names = names_of(config)
    if config.spec.output == "per_token":
        with torch.no_grad():
            p_K = scores(config, trained.network(stored_1T.to(trained.device)).float())[0].softmax(dim=0).cpu().numpy()
    else:
        p_K = trained.outputs(stored_1T)[0]
    if not (config.spec.classes or config.spec.output == "per_token"):
        return [Answer(name, k, value=float(p_K[k])) for k, name in enumerate(names)]
    order = [k for k in np.argsort(-p_K, kind="stable").tolist() if not _is_reserved(config, k)]
    return [Answer(names[k], k, probability=float(p_K[k])) for k in order]


def _is_reserved(config: NetworkConfig, place: int) -> bool:
    return config.spec.output == "per_token" and place in (PAD, UNKNOWN)


def chosen(found: Sequence[Answer], names: Sequence[str], config: NetworkConfig) -> list[Answer]:
    """The answers to explain: those that are named, or the first and the runner-up.

    Args:
        found: from ``answers``.
        names: names of classes, tokens or numbers; empty: the two most probable, or of a forecast each target one step
            ahead and at the horizon.
        config: config of the network.

    Returns:
        One at least.

    Raises:
        UserError: there is no class of that name.
    """
    if not names:
        if config.spec.horizon:
            targets = len(config.spec.targets) // config.spec.horizon
            ends = [*range(targets), *range(len(found) - targets, len(found))]
            return [found[k] for k in dict.fromkeys(ends)]
        return list(found[:2])
    by_name = {answer.name: answer for answer in found}
    known = [name for name in names_of(config) if name in by_name]
    for name in names:
        if name not in by_name:
            what = f"{_what(config)} ({printable(name)!r})"
            raise UserError(f"{what} must be one that the network knows: {_near(name, known)}")
    return [by_name[name] for name in dict.fromkeys(names)]


def _what(config: NetworkConfig) -> str:
    return "token" if config.spec.output == "per_token" else "class" if config.spec.classes else "number"


def _near(name: str, known: Sequence[str]) -> str:
    folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    some = list(map(repr, list(known)[:_NAMED]))
    return f"{', '.join(some)}{', ...' if len(known) > _NAMED else ''}"
