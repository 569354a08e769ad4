"""Layers that training leaves as they are, such as the first ones of a network that has learnt to see elsewhere."""

import difflib
from collections.abc import Sequence

from torch import nn

from saccade.core.errors import UserError


def freeze(network: nn.Module, prefixes: Sequence[str]) -> int:
    """Take the layers of these names, and all inside them, out of training.

    A name matches whole parts: "layer1" is layer1 and layer1.0.conv1, and not layer10. Call it before the optimiser is
    built, which leaves out what is frozen, and let ``train_mode`` switch to training.

    Args:
        network: the model alone, so that names begin with its own layers; changed in place.
        prefixes: names of layers or of single parameters.

    Returns:
        How many numbers training will not change.

    Raises:
        UserError: a name stands for nothing that has parameters, or nothing would be left to train.
    """
    parameters = dict(network.named_parameters())
    frozen = set()
    for prefix in prefixes:
        found = {name for name in parameters if name == prefix or name.startswith(f"{prefix}.")}
        if not found:
            raise UserError(_unknown(prefix, list(parameters)))
        frozen |= found
    if frozen == set(parameters):
        raise UserError(f"freeze ({', '.join(prefixes)}) must leave something to train: name fewer layers")
    for name in frozen:
        parameters[name].requires_grad_(False)
    return sum(parameters[name].numel() for name in frozen)


def train_mode(network: nn.Module) -> None:
    """Training mode, but for norms that are frozen: they go on normalising with the statistics they were given.

    In training mode a batch norm would take those of each batch, and move its running ones, though its weights stay:
    the frozen layers would answer otherwise than they did where they learnt. A norm without parameters is not frozen.
    """
    network.train()
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._NormBase):
            own = list(layer.parameters(recurse=False))
            if own and not any(parameter.requires_grad for parameter in own):
                layer.eval()


def _unknown(prefix: str, parameters: Sequence[str]) -> str:
    """Two lines for the user, with the nearest of all names and the outermost ones."""
    parts = [name.split(".") for name in parameters]
    layers = list(dict.fromkeys(".".join(part[:end]) for part in parts for end in range(1, len(part) + 1)))
    outermost = ", ".join(dict.fromkeys(part[0] for part in parts))
    nearest = difflib.get_close_matches(prefix, layers, n=1)
    guess = f" Did you mean {nearest[0]}?" if nearest else ""
    return f"freeze ({prefix!r}) must name a layer that has parameters.{guess}\nThe outermost ones are {outermost}."
