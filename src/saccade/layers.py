"""Parts that several models share.

Shapes: B batch, T time steps, F features, H height, W width, C channels.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from saccade.errors import UserError

# What a model's arguments may be; params.yaml is checked against these names.
Share = float  # in [0, 1)
Count = int  # from 1
Size = int  # from 0
ActivationName = Literal["relu", "tanh", "sigmoid"]
PoolingName = Literal["max", "average"]
NormalisationName = Literal["none", "batch"]


def activation(name: ActivationName) -> nn.Module:
    """A new activation module.

    Args:
        name: relu, tanh or sigmoid.

    Returns:
        A module that keeps the shape.

    Raises:
        UserError: the name is not one of relu, tanh, sigmoid.
    """
    known: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
    if name not in known:
        raise UserError(f"activation ({name!r}) must be one of {', '.join(known)}")
    return known[name]()


def pooling(name: PoolingName, kernel_size: int, stride: int | None = None) -> nn.Module:
    """A new 2-D pooling module.

    Args:
        name: max or average.
        kernel_size: pixels a side.
        stride: pixels between two windows; None: ``kernel_size``.

    Returns:
        A module from (B, C, H, W) to (B, C, H', W').

    Raises:
        UserError: the name is not one of max, average.
    """
    known: dict[str, type[nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
    if name not in known:
        raise UserError(f"pooling ({name!r}) must be one of {', '.join(known)}")
    return known[name](kernel_size, stride)


def output_side(side: int, kernel_size: int, *, stride: int = 1, padding: int = 0) -> int:
    """Output side of a convolution or pooling: ``floor((i - k + 2p) / s) + 1``.

    >>> output_side(32, 5)
    28
    >>> output_side(28, 2, stride=2)
    14
    """
    return (side - kernel_size + 2 * padding) // stride + 1


class ImageRows(nn.Module):
    """Read an image from top to bottom: each row is one time step, its pixels and channels the features."""

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) to (B, T=H, F=C*W)."""
        return image_BCHW.permute(0, 2, 1, 3).flatten(2)  # B H C W, then B H (C W)


def count_parameters(module: nn.Module) -> int:
    """How many numbers training can change."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def first_non_finite(module: nn.Module, *inputs: Tensor) -> str | None:
    """The first layer, in the order of computation, whose weights or output hold a NaN or an infinity.

    Runs one forward pass without gradients, in the mode the module is in.

    Args:
        module: any network.
        *inputs: of its forward pass.

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
