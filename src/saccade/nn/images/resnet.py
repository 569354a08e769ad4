"""What ResNet-18 and ResNet-50 share: the stems, the sums that can be left out, and the least side of an image.

Shapes: B batch, C channels, H height, W width.
"""

from collections import OrderedDict
from typing import Literal

from torch import nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn import arguments, geometry
from saccade.nn.geometry import Window

Stem = Literal["large", "small"]

_LARGE_STEM = [Window("conv1", 7, stride=2, padding=3), Window("maxpool", 3, stride=2, padding=1)]
_HALVINGS = [
    Window("layer2", 3, stride=2, padding=1),
    Window("layer3", 3, stride=2, padding=1),
]  # layer1 halves nothing


def build(name: str, spec: Spec, *, stem: Stem, residual: bool, zero_init_residual: bool) -> nn.Module:
    """Build one of torchvision's residual networks.

    Args:
        name: name of its function in ``torchvision.models``.
        spec: kind image, any channels.
        stem: large: 7x7 convolution and max pooling, both with stride 2; small: 3x3 convolution and no pooling.
        residual: whether blocks add their input.
        zero_init_residual: whether each block starts as the identity.

    Returns:
        torchvision's ``ResNet``, changed in place where the arguments ask for it.

    Raises:
        UserError: the image is too small for the stem, there is no such stem, or the arguments contradict each other.
    """
    from torchvision import models  # imported here because it takes two seconds

    arguments.check_choice("stem", stem, ("large", "small"))
    height, width, channels = spec.shape
    # Of one position nothing can be convolved: eight of the nine weights of each 3x3 in layer4 would see padding only.
    windows = _LARGE_STEM + _HALVINGS if stem == "large" else _HALVINGS
    remedy = "stem: small takes 5 and more; or " if stem == "large" else ""
    geometry.output_sides(name, (height, width), windows, min_left=2, remedy=remedy)
    if zero_init_residual and not residual:
        raise UserError(
            "zero_init_residual (true) must go with residual: true: blocks that start at zero and are not added to "
            "their inputs pass nothing on. Leave one of the two out."
        )
    network: nn.Module = getattr(models, name)(num_classes=spec.num_outputs, zero_init_residual=zero_init_residual)
    if stem == "small":
        network.conv1 = _first_convolution(channels, kernel_size=3, stride=1)
        network.maxpool = nn.Identity()
    elif channels != 3:
        network.conv1 = _first_convolution(channels, kernel_size=7, stride=2)
    if not residual:
        for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
            assert isinstance(layer, nn.Sequential)
            for number, block in enumerate(layer):
                layer[number] = _without_residual(block)
    return network


def _first_convolution(channels: int, kernel_size: int, stride: int) -> nn.Conv2d:
    """In place of torchvision's own, with the same initialisation."""
    convolution = nn.Conv2d(channels, 64, kernel_size, stride, padding=kernel_size // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution


def _without_residual(block: nn.Module) -> nn.Sequential:
    """The block's convolutions and norms one after the other, under their names; the projection of its input is gone.

    Each norm is followed by its ReLU, the last one too: the block had it after the sum.
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for number in (1, 2, 3):
        if hasattr(block, f"conv{number}"):
            parts[f"conv{number}"] = getattr(block, f"conv{number}")
            parts[f"bn{number}"] = getattr(block, f"bn{number}")
            parts[f"relu{number}"] = nn.ReLU(inplace=True)
    return nn.Sequential(parts)
