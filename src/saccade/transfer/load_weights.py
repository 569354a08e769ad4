"""Weights put into a network of the same layers; what may differ, and what may not."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import RESERVED
from saccade.transfer.messages import some

_NAMED_IN_FULL = 20


@torch.no_grad()
def load_into(network: nn.Module, weights: Mapping[str, Tensor], *, origin: str) -> list[str]:
    """Give a network the weights of another one of the same layers.

    Three differences are bridged, and named in what is returned. The last layer, and that of each auxiliary head, stays
    new when it has another number of outputs. A first convolution that saw three colours becomes its sum over them
    where the network takes grey images: its output is what it was for a grey image in colours. Auxiliary heads that the
    network was built without are left out. Every other difference is an error, and leaves the network as it was.

    Args:
        network: the model alone, so that names begin with its own layers; changed in place.
        weights: name to tensor, of any float dtype.
        origin: name of their source, for people.

    Returns:
        Lines that say what was done.

    Raises:
        UserError: names are missing or unexpected, or shapes differ.
    """
    own = network.state_dict()
    dropped = sorted({_top(name) for name in weights if _is_auxiliary(name)} - {_top(name) for name in own})
    given = {
        name: value
        for name, value in weights.items()
        if _top(name) not in dropped and not (_is_count(name) and name not in own)
    }
    lines = []
    summed = _first_convolution(network)
    if summed in given and _differs_in_colours(own[summed], given[summed]):
        given[summed] = given[summed].sum(dim=1, keepdim=True)
        lines.append(f"{summed} is summed over its three colours: the network takes grey images")
    new: set[str] = set()
    for layer in _heads(network):
        of_layer = [name for name in own if name.rpartition(".")[0] == layer]
        if all(name in given and given[name].shape[1:] == own[name].shape[1:] for name in of_layer):
            there, here = given[of_layer[0]].shape[0], own[of_layer[0]].shape[0]
            if there != here:
                new.update(of_layer)
                lines.append(f"{layer} is new: {here} outputs here, {there} there")
    if dropped:
        lines.append(f"{' and '.join(dropped)} left out: the network was built without auxiliary heads")
    _refuse_differences(
        origin,
        missing=[name for name in own if name not in given and not _is_count(name)],
        unexpected=[name for name in given if name not in own],
        shapes=[
            f"{name} ({_shape(given[name])} there, {_shape(own[name])} here)"
            for name in own
            if name in given and name not in new and given[name].shape != own[name].shape
        ],
        own=own,
        given=given,
    )
    taken = [name for name in own if name in given and name not in new]
    for name in taken:
        own[name].copy_(given[name])  # a state dict shares the network's memory
    return [f"{len(taken)} of {len(own)} tensors taken from {origin}", *lines]


@torch.no_grad()
def with_known_tokens(
    network: nn.Module, weights: Mapping[str, Tensor], *, here: Sequence[str], there: Sequence[str]
) -> tuple[dict[str, Tensor], list[str]]:
    """Weights of a network over other tokens: its heads' rows of those that both have, and new rows for the others.

    Args:
        network: the model alone, with its first weights.
        weights: name to tensor of a network of the same layers.
        here: the network's tokens, in the order of its outputs.
        there: those of the weights.

    Returns:
        The weights, with heads of as many outputs as the network's; and a line that says what was done.
    """
    place_there = {token: place for place, token in enumerate(there)}
    pairs = [(place, place_there[token]) for place, token in enumerate(here) if token in place_there]
    to, of = [place for place, _ in pairs], [place for _, place in pairs]
    own, changed = network.state_dict(), dict(weights)
    heads = _heads(network)
    for name, value in weights.items():
        if name in own and name.rpartition(".")[0] in heads and value.shape[1:] == own[name].shape[1:]:
            changed[name] = own[name].clone()
            changed[name][to] = value[of].to(own[name].dtype)
    new = [token for token in here if token not in place_there]
    lost = len(there) - len(pairs)
    parts = [f"rows of {len(pairs) - len(RESERVED)} characters are taken over"]
    parts += [f"new are those of {some(list(map(repr, new)), _NAMED_IN_FULL)}"] if new else []
    parts += [f"{lost} of there are left out"] if lost else []
    return changed, [f"{' and '.join(heads)}: {', '.join(parts)}"]


def _refuse_differences(
    origin: str,
    *,
    missing: list[str],
    unexpected: list[str],
    shapes: list[str],
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
) -> None:
    differences = []
    if missing:
        differences.append(f"missing: {', '.join(_by_layer(missing, given))}")
    if unexpected:
        differences.append(f"unexpected: {', '.join(_by_layer(unexpected, own))}")
    if shapes:
        differences.append(f"of another shape: {some(shapes, _NAMED_IN_FULL)}")
    if differences:
        raise UserError(
            f"{origin} does not fit the network. {'; '.join(differences)}.\n"
            "Build the network with the arguments that the weights were made with, or take other weights."
        )


def _by_layer(names: list[str], others: Iterable[str]) -> list[str]:
    """All names; where there are many, a layer of which the other side has nothing stands for all that is inside."""
    if len(names) <= _NAMED_IN_FULL:
        return names
    known = {".".join(parts[:end]) for parts in (name.split(".") for name in others) for end in range(len(parts) + 1)}
    inside: dict[str, list[str]] = {}
    for name in names:
        parts = name.split(".")
        layers = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
        inside.setdefault(next(layer for layer in layers if layer not in known), []).append(name)
    return [found[0] if len(found) == 1 else f"{layer}.* ({len(found)})" for layer, found in inside.items()]


def _heads(network: nn.Module) -> list[str]:
    """The last layer that has parameters, of the network and of each of its auxiliary heads."""
    last: dict[str, str] = {}
    for name, layer in network.named_modules():
        if next(layer.parameters(recurse=False), None) is not None:
            last[_top(name) if _is_auxiliary(name) else ""] = name
    return list(last.values())


def _first_convolution(network: nn.Module) -> str:
    """The name of its weight; empty where there is none."""
    return next((f"{name}.weight" for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)), "")


def _differs_in_colours(own_OCHW: Tensor, given_OCHW: Tensor) -> bool:
    O, _, H, W = own_OCHW.shape  # noqa: E741 - output channels
    return own_OCHW.shape[1] == 1 and given_OCHW.shape == (O, 3, H, W)


def _top(name: str) -> str:
    return name.partition(".")[0]


def _is_auxiliary(name: str) -> bool:
    """Auxiliary heads are called aux1, aux2 in every network that has any, and shortcut in one that reads lines."""
    return _top(name).startswith("aux") or _top(name) == "shortcut"


def _is_count(name: str) -> bool:
    """How many batches a norm has seen; not in older files, and without influence here."""
    return name.endswith("num_batches_tracked")


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"
