"""Questions to a module: how many parameters it has, and which layer is the first to give a non-finite value."""

import torch
from torch import Tensor, nn


def count_parameters(module: nn.Module) -> int:
    """How many numbers training can change."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def first_non_finite(module: nn.Module, *inputs: Tensor) -> str | None:
    """The first layer, in the order of computation, whose weights or output hold a NaN or an infinity.

    Runs one forward pass without gradients, in the mode the module is in.

    Args:
        module: any network.
        *inputs: arguments of its forward pass.

    Returns:
        Such as "weights of classifier.0" or "output of features.3"; None when everything is finite.
    """
    found: list[str] = []

    def look(name: str, layer: nn.Module, output: object) -> None:
        if found:
            return
        if not all(torch.isfinite(weight).all() for weight in layer.parameters(recurse=False)):
            found.append(f"weights of {name}")
        elif not all(torch.isfinite(x).all() for x in _tensors(output) if x.is_floating_point()):
            found.append(f"output of {name}")

    hooks = [
        layer.register_forward_hook(lambda layer, _, output, name=name: look(name, layer, output))
        for name, layer in module.named_modules()
        if name and not list(layer.children())
    ]
    try:
        with torch.no_grad():
            module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def _tensors(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [tensor for item in value for tensor in _tensors(item)] if isinstance(value, list | tuple) else []
