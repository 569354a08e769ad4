"""Where a sequence enters a network as numbers that can be scaled or left out: embeddings, values, or rows of an image.

The place is found by watching the network answer once: the outputs of its embeddings where it takes texts, its input
where it takes series, the input of its recurrences where it takes images. An ensemble has such a place a member.

Shapes: B batch, T time steps, E numbers of a step.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.explain.sequences.answers import Trained

Place = tuple[nn.Module, bool]  # a module, and whether it is its output that holds the steps; else its first input


def open_places(network: nn.Sequential, layout: str, stored: Tensor) -> tuple[list[Place], list[Tensor]]:
    """Find where the steps of examples enter a network, and with what numbers.

    Args:
        network: stored examples in, answers out.
        layout: ``layout`` of its spec.
        stored: examples as a split holds them, on the network's device.

    Returns:
        Places, and for each the numbers that these examples have there, (B, T, E); of series NaN behind the end.
        None where the network looks its steps up in a way of its own, such as a bag of n-grams.
    """
    match layout:
        case "tokens":
            candidates: list[Place] = [(one, True) for one in network.modules() if isinstance(one, nn.Embedding)]
        case "series":
            candidates = [(network[1], False)]
        case _:
            candidates = [(one, False) for one in network.modules() if isinstance(one, nn.RNNBase)]
    seen: dict[Place, Tensor] = {}

    def keep(place: Place, value: Tensor) -> Tensor:
        seen.setdefault(place, value.detach())
        return value

    with torch.no_grad(), watching(candidates, keep):
        network(stored)
    return list(seen), list(seen.values())


@contextlib.contextmanager
def watching(places: Sequence[Place], change: Callable[[Place, Tensor], Tensor]) -> Iterator[None]:
    """Let ``change`` see, and replace, what passes the places while the network answers inside the block.

    Args:
        places: from ``open_places``.
        change: function from a place and the numbers there to the numbers that the network goes on with.
    """

    def after(place: Place) -> Callable[..., Any]:
        return lambda _module, _inputs, output: change(place, output)

    def before(place: Place) -> Callable[..., Any]:
        return lambda _module, inputs: (change(place, inputs[0]), *inputs[1:])

    with contextlib.ExitStack() as hooks:
        for place in places:
            module, is_output = place
            handle = (
                module.register_forward_hook(after(place))
                if is_output
                else module.register_forward_pre_hook(before(place))
            )
            hooks.callback(handle.remove)
        yield


def answer_with(network: nn.Sequential, stored: Tensor, places: Sequence[Place], steps: Sequence[Tensor]) -> Tensor:
    """What a network gives where other numbers stand in place of its steps.

    Args:
        network: stored examples in, answers out.
        stored: examples, which say where texts end.
        places: from ``open_places``.
        steps: numbers for each place, (B, T, E).

    Returns:
        The network's output; autograd can be asked for its gradient with respect to ``steps``.
    """
    values = dict(zip(places, steps, strict=True))
    with watching(places, lambda place, _: values[place]), plain_recurrence():
        output: Tensor = network(stored)
    return output


def plain_recurrence() -> Any:
    """A context in which gradients of recurrences can be had in evaluation mode on a GPU, where cuDNN refuses them."""
    return torch.backends.cudnn.flags(enabled=False)


def require_evaluation_mode(trained: Trained) -> None:
    """Refuse a network that drops or takes statistics of its batch: its reasons would change from call to call.

    Args:
        trained: network.

    Raises:
        UserError: some part of it is in training mode.
    """
    if any(module.training for module in trained.network.modules()):
        raise UserError("the network must be in evaluation mode to be explained: call network.eval()")
