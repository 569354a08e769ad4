"""Parts that several models share.

Shapes: B batch, T time steps, F features, H height, W width, C channels.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.nn.arguments import ActivationName, NormalisationName, PoolingName, check_choice
from saccade.nn.geometry import Window


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
    check_choice("activation", name, tuple(known))
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
        channels: number of channels before the pooling.
        layer: name of the layer, for the error.

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
        channels: number of channels of its input.

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


def activation_and_norm(
    activation_name: ActivationName, normalisation_name: NormalisationName, channels: int
) -> dict[str, nn.Module]:
    """What follows a convolution: an activation and a norm, each norm at the place its authors gave it.

    Args:
        activation_name: relu, tanh or sigmoid.
        normalisation_name: batch stands before the activation (S. Ioffe, C. Szegedy, 2015) and has a shift of its own,
            so the convolution needs no bias; local_response stands behind it (A. Krizhevsky et al., 2012).
        channels: number of channels that the convolution gives.

    Returns:
        "activation" and, unless there is none, "norm", in the order of computation; they keep the shape.
    """
    parts = {"activation": activation(activation_name)}
    for norm in normalisation(normalisation_name, channels):
        parts = {**parts, "norm": norm} if normalisation_name == "local_response" else {"norm": norm, **parts}
    return parts


class LocalResponseNorm(nn.LocalResponseNorm):
    """torch's layer of this name, equal to the last digits, 3 to 4 times as fast on a CPU, and reproducible on CUDA.

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
