"""Layers that training leaves as they are, or moves less: those of a network that has learnt to see elsewhere."""

import difflib
from collections.abc import Iterable, Sequence

from torch import nn

from saccade.core.errors import UserError
from saccade.optim.optimizers import ParameterRate

BACKBONE = "backbone"  # in place of names: all layers but the head


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


def backbone_parameters(network: nn.Module, head: str) -> dict[str, nn.Parameter]:
    """The parameters outside of the head.

    Args:
        network: the model alone.
        head: name of the layer that answers, from what the others make of an example.

    Returns:
        Name to parameter.
    """
    return {name: own for name, own in network.named_parameters() if not name.startswith(f"{head}.")}


def expand_backbone(network: nn.Module, prefixes: Sequence[str], head: str | None) -> list[str]:
    """Names of layers or parameters, the word ``backbone`` replaced by what it stands for.

    Args:
        network: the model alone.
        prefixes: names of layers or of single parameters, or ``backbone``.
        head: name of the layer that answers; None where the model's file names none.

    Returns:
        Names for ``freeze``.

    Raises:
        UserError: the model names no head.
    """
    if BACKBONE not in prefixes:
        return list(prefixes)
    if head is None:
        raise UserError("freeze (backbone) needs a model whose file says which layer is its HEAD; name layers instead")
    return [prefix for prefix in prefixes if prefix != BACKBONE] + list(backbone_parameters(network, head))


def rates_by_depth(network: nn.Module, head: str, layer_decay: float, starts_at: int) -> dict[str, ParameterRate]:
    """The deeper a stage lies below the head, the slower it learns.

    A stage is a layer of the model or, of a layer that is a row of others, each of these.

    Source: J. Howard, S. Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018 (discriminative
    fine-tuning); a factor a layer is that of K. Clark et al., "ELECTRA", 2020.

    Args:
        network: the model alone.
        head: name of the layer that answers.
        layer_decay: factor on the learning rate from a stage to the one below, in (0, 1].
        starts_at: number of updates that the head learns alone.

    Returns:
        Rate of each parameter of the backbone; the head keeps its own.
    """
    names = list(backbone_parameters(network, head))
    stages = list(dict.fromkeys(_stage(network, name) for name in names))
    depth = {stage: len(stages) - number for number, stage in enumerate(stages)}
    return {name: ParameterRate(layer_decay ** depth[_stage(network, name)], starts_at) for name in names}


def _stage(network: nn.Module, parameter: str) -> str:
    first, *rest = parameter.split(".")
    return f"{first}.{rest[0]}" if isinstance(network.get_submodule(first), nn.Sequential) and rest else first


def set_backbone_trainable(
    parameters: Iterable[nn.Parameter], network: nn.Module, head: str, *, trainable: bool
) -> None:
    """Let the layers below the head learn, or hold them.

    Args:
        parameters: parameters that a training may change; others, which are frozen throughout, stay as they are.
        network: the model alone; changed in place.
        head: name of the layer that answers.
        trainable: whether they learn.
    """
    below = {id(parameter) for parameter in backbone_parameters(network, head).values()}
    for parameter in parameters:
        if id(parameter) in below:
            parameter.requires_grad_(trainable)


def train_mode(network: nn.Module, *, fixed_norms: bool = False) -> None:
    """Training mode, but for norms that are frozen: they go on normalising with the statistics they were given.

    In training mode a batch norm would take those of each batch, and move its running ones, though its weights stay:
    the frozen layers would answer otherwise than they did where they learnt. A norm without parameters is not frozen.

    Args:
        network: changed in place.
        fixed_norms: whether all norms keep their statistics, though their weights learn: those of a small batch are
            worse than those of the images that the network learnt from before.
    """
    network.train()
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._NormBase):
            own = list(layer.parameters(recurse=False))
            if fixed_norms or (own and not any(parameter.requires_grad for parameter in own)):
                layer.eval()


def _unknown(prefix: str, parameters: Sequence[str]) -> str:
    """Two lines for the user, with the nearest of all names and the outermost ones."""
    parts = [name.split(".") for name in parameters]
    layers = list(dict.fromkeys(".".join(part[:end]) for part in parts for end in range(1, len(part) + 1)))
    outermost = ", ".join(dict.fromkeys(part[0] for part in parts))
    nearest = difflib.get_close_matches(prefix, layers, n=1)
    guess = f" Did you mean {nearest[0]}?" if nearest else ""
    return f"freeze ({prefix!r}) must name a layer that has parameters.{guess}\nThe outermost ones are {outermost}."
