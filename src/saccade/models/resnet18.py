"""ResNet-18, torchvision's: 17 convolutions, residual sums, one linear layer; 11,689,512 parameters for 1000 classes.

    stem  7x7/2 64, max pool 3x3/2    layers 1-4  two blocks each: 64, 128/2, 256/2, 512/2    average over H W    linear

The small stem is one 3x3 convolution at full resolution, as in the paper's networks for CIFAR-10: with the large one,
a picture of 32x32 would arrive at layer 1 with 8x8 positions left.

Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015; the code and the names of
the weights are torchvision's, so that its published weights for 1000 classes fit the large stem.

Shapes: B batch, C channels, H height, W width, K classes.
"""

from typing import Literal

from torch import nn

from saccade.errors import UserError
from saccade.layers import output_side
from saccade.spec import Spec

ACCEPTS = ("image",)
TYPICAL_SHAPE = (224, 224, 3)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 1000


def build(spec: Spec, *, stem: Literal["large", "small"] = "large", zero_init_residual: bool = False) -> nn.Module:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        stem: large: 7x7 convolution and max pooling, both with stride 2, made for 224x224; small: 3x3 convolution with
            stride 1 and no pooling, for 32x32 and 64x64.
        zero_init_residual: start each block as the identity: the weight of its last norm is 0 at first (P. Goyal et
            al., 2017).

    Returns:
        A module from float (B, C, H, W) to logits (B, K).

    Raises:
        UserError: the image is too small for the stem.
    """
    from torchvision.models import resnet18  # imported here because it takes two seconds

    height, width, channels = spec.shape
    _refuse_small(height, width, stem)
    network = resnet18(num_classes=len(spec.classes), zero_init_residual=zero_init_residual)
    if stem == "small":
        network.conv1 = _first_convolution(channels, kernel_size=3, stride=1)
        network.maxpool = nn.Identity()
    elif channels != 3:
        network.conv1 = _first_convolution(channels, kernel_size=7, stride=2)
    return network


def _first_convolution(channels: int, kernel_size: int, stride: int) -> nn.Conv2d:
    """In place of torchvision's own, with the same initialisation."""
    convolution = nn.Conv2d(channels, 64, kernel_size, stride, padding=kernel_size // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution


def _refuse_small(height: int, width: int, stem: str) -> None:
    if _side_before_layer_4(min(height, width), stem) >= 2:
        return
    least = {name: next(s for s in range(1, 99) if _side_before_layer_4(s, name) >= 2) for name in ("large", "small")}
    instead = "enlarge them with preprocess.size"
    if stem == "large":
        instead = f"stem: small takes {least['small']} and more; or {instead}"
    raise UserError(
        f"resnet18 cannot take {height}x{width} images: a side must be at least {least[stem]} (stem {stem}); {instead}"
    )


def _side_before_layer_4(side: int, stem: str) -> int:
    """Of one position nothing can be convolved: eight of the nine weights of each 3x3 kernel would see padding only."""
    if stem == "large":
        side = output_side(output_side(side, 7, stride=2, padding=3), 3, stride=2, padding=1)
    for _ in range(2):  # layers 2 and 3 halve; layer 1 does not
        side = output_side(side, 3, stride=2, padding=1)
    return side
