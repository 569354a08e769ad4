"""Parts that several models share.

Shapes: B batch, T time steps, F features, H height, W width, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.errors import UserError

# What a model's arguments may be; params.yaml is checked against these names.
Share = float  # in [0, 1)
Count = int  # from 1
Size = int  # from 0
ActivationName = Literal["relu", "tanh", "sigmoid"]
PoolingName = Literal["max", "average", "overlapping", "depth"]
NormalisationName = Literal["none", "batch", "local_response"]
PaddingName = Literal["valid", "same"]


# --- arithmetic of sides ----------------------------------------------------------------------------------------------


def output_side(side: int, kernel_size: int, *, stride: int = 1, padding: int = 0) -> int:
    """Output side of a convolution or pooling: ``floor((i - k + 2p) / s) + 1``; not above 0 when nothing is left.

    >>> output_side(32, 5)
    28
    >>> output_side(28, 2, stride=2)
    14
    """
    return (side - kernel_size + 2 * padding) // stride + 1


@dataclass(frozen=True)
class Window:
    """A convolution or a pooling, as far as it decides the side of what it returns.

    Attributes:
        name: of the layer, for people.
        kernel_size: positions a side.
        stride: positions between two windows.
        padding: positions added at each end.
    """

    name: str
    kernel_size: int
    stride: int = 1
    padding: int = 0

    def side_after(self, side: int) -> int:
        """Output side for an input side; not above 0 when nothing is left."""
        return output_side(side, self.kernel_size, stride=self.stride, padding=self.padding)


def sides_after(
    model: str, sides: Sequence[int], windows: Sequence[Window], *, least_left: int = 1, remedy: str = ""
) -> tuple[int, ...]:
    """The sides that are left after a chain of windows.

    Args:
        model: its name, for the error.
        sides: height and width in pixels, or the one length of a sequence.
        windows: in the order of computation.
        least_left: how many positions a side must have left at the end, from 1.
        remedy: what else than larger inputs would help, ending with "; or ".

    Returns:
        A side for each of ``sides``.

    Raises:
        UserError: nothing is left after one of the windows, or too little at the end; it names the layer and the least
            side that works.
    """
    left = list(sides)
    for number, window in enumerate(windows, 1):
        before, left = left, [window.side_after(side) for side in left]
        needed = least_left if number == len(windows) else 1
        if min(left) >= needed:
            continue
        least = least_side(windows, least_left)
        given = "x".join(map(str, sides))
        what = "images: a side" if len(sides) > 1 else "steps: there"
        raise UserError(
            f"{model} cannot take {given} {what} must be at least {least}. At {window.name} "
            f"(window {window.kernel_size}, stride {window.stride}, padding {window.padding}) "
            f"{'x'.join(map(str, before))} positions arrive and {'x'.join(str(max(side, 0)) for side in left)} are left"
            f"{f', of {least_left} needed' if least_left > 1 else ''}; "
            f"{remedy}{'enlarge them with preprocess.size' if len(sides) > 1 else 'take longer sequences'}"
        )
    return tuple(left)


def least_side(windows: Sequence[Window], least_left: int = 1) -> int:
    """The least side, below 10,000, of which a chain of windows leaves ``least_left`` positions."""
    return next(side for side in range(1, 10_000) if _is_enough(side, windows, least_left))


def _is_enough(side: int, windows: Sequence[Window], least_left: int) -> bool:
    for window in windows:
        side = window.side_after(side)
        if side < 1:
            return False
    return side >= least_left


def padding_of(name: PaddingName, kernel_size: int) -> int:
    """Positions of zeros at each end: none for valid; for same, what keeps the side at stride 1 (odd kernels only)."""
    one_of("padding", name, ("valid", "same"))
    if name == "same" and kernel_size % 2 == 0:
        raise UserError(f"padding (same) needs an odd kernel, not {kernel_size}: choose {kernel_size - 1}, or valid")
    return kernel_size // 2 if name == "same" else 0


def one_of(setting: str, value: object, known: Sequence[str]) -> None:
    """Refuse a value that a model does not know, before it is taken for one that it does.

    Args:
        setting: name of the argument.
        value: what was given.
        known: what may be.

    Raises:
        UserError: it is none of these.
    """
    if value not in known:
        raise UserError(f"{setting} ({value!r}) must be one of {', '.join(known)}")


# --- parts by name ----------------------------------------------------------------------------------------------------


def activation(name: ActivationName) -> nn.Module:
    """A new activation module.

    Args:
        name: relu, tanh or sigmoid.

    Returns:
        A module that keeps the shape.

    Raises:
        UserError: the name is not one of these.
    """
    known: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
    one_of("activation", name, tuple(known))
    return known[name]()


def pooling(name: PoolingName) -> nn.Module:
    """A new 2-D pooling module.

    Args:
        name: max and average take windows of 2x2, stride 2; overlapping the maximum of 3x3, stride 2; depth the maximum
            of two neighbouring channels, which leaves the sides as they are and half of the channels.

    Returns:
        A module from (B, C, H, W) to (B, C', H', W'); H' and W' follow from ``pooling_window``.

    Raises:
        UserError: the name is not one of these.
    """
    match name:
        case "max":
            return nn.MaxPool2d(2)
        case "average":
            return nn.AvgPool2d(2)
        case "overlapping":
            return nn.MaxPool2d(3, stride=2)
        case "depth":
            return DepthPool(2)
    raise UserError(f"pooling ({name!r}) must be one of max, average, overlapping, depth")


def pooling_window(name: PoolingName, layer: str) -> Window:
    """What ``pooling(name)`` does to a side."""
    if name == "depth":
        return Window(layer, 1)
    return Window(layer, 3 if name == "overlapping" else 2, stride=2)


def pooled_channels(name: PoolingName, channels: int, layer: str) -> int:
    """How many channels ``pooling(name)`` leaves.

    Args:
        name: depth leaves half of the channels, every other one all of them.
        channels: of what it will see.
        layer: its name, for the error.

    Returns:
        A number of channels.

    Raises:
        UserError: the channels cannot be halved.
    """
    if name != "depth":
        return channels
    if channels % 2:
        raise UserError(
            f"pooling (depth) at {layer} must see an even number of channels, not {channels}: take {channels + 1}"
        )
    return channels // 2


def normalisation(name: NormalisationName, channels: int) -> list[nn.Module]:
    """A new normalisation of (B, C, H, W) in a list; an empty list for none.

    Args:
        name: none, batch, or local_response: ``x / (2 + 1e-4 * sum of x^2 over 5 neighbouring channels)^0.75``.
        channels: of what it will see.

    Returns:
        Modules that keep the shape.

    Raises:
        UserError: the name is not one of these.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, 2012, for local response; torch's alpha belongs to the mean of the
    squares where the paper's belongs to their sum, so it is five times the paper's here.
    """
    match name:
        case "none":
            return []
        case "batch":
            return [nn.BatchNorm2d(channels)]
        case "local_response":
            return [LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)]
    raise UserError(f"normalisation ({name!r}) must be one of none, batch, local_response")


def activated(
    activation_name: ActivationName, normalisation_name: NormalisationName, channels: int
) -> dict[str, nn.Module]:
    """What follows a convolution: an activation and a norm, each norm at the place its authors gave it.

    Args:
        activation_name: of ``activation``.
        normalisation_name: batch stands before the activation (S. Ioffe, C. Szegedy, 2015) and has a shift of its own,
            so the convolution needs no bias; local_response stands behind it (A. Krizhevsky et al., 2012).
        channels: that the convolution gives.

    Returns:
        "activation" and, unless there is none, "norm", in the order of computation; they keep the shape.
    """
    parts = {"activation": activation(activation_name)}
    for norm in normalisation(normalisation_name, channels):
        parts = {**parts, "norm": norm} if normalisation_name == "local_response" else {"norm": norm, **parts}
    return parts


class LocalResponseNorm(nn.LocalResponseNorm):
    """torch's, to the last digits, in a quarter to a third of its time on a CPU, and reproducible on CUDA.

    torch sums the squares over neighbouring channels by a 3-D average pooling, of whose gradient CUDA knows no
    deterministic form: ``train.deterministic`` would refuse it. Here the squares are shifted and added.
    """

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W), shape kept."""
        channels, before = x_BCHW.shape[1], self.size // 2
        squares_BCHW = F.pad(x_BCHW.square(), (0, 0, 0, 0, before, self.size - 1 - before))  # C + size - 1 channels
        sum_BCHW = squares_BCHW[:, :channels]
        for first in range(1, self.size):
            sum_BCHW = sum_BCHW + squares_BCHW[:, first : first + channels]
        return x_BCHW / (self.k + self.alpha / self.size * sum_BCHW).pow(self.beta)


class DepthPool(nn.Module):
    """The maximum over groups of neighbouring channels: pooling across depth.

    Args:
        size: channels a group; the number of channels must be a multiple of it.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C / size, H, W)."""
        return x_BCHW.unflatten(1, (-1, self.size)).amax(dim=2)  # B C/size size H W, then B C/size H W

    def extra_repr(self) -> str:
        """What stands between the brackets where the module is printed."""
        return f"size={self.size}"


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
