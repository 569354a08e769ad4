"""GoogLeNet (Inception, version 1), torchvision's; 6,624,904 parameters for 1000 classes without its auxiliary heads.

    stem  7x7/2 64, pool, 1x1 64, 3x3 192, pool    inception 3a 3b, pool, 4a-4e, pool, 5a 5b   average over H W   linear

An inception block looks at what it is given through four windows at once, and puts the results side by side: 1x1; 1x1
and 3x3; 1x1 and a second 3x3; pooling and 1x1. The 1x1 convolutions before the larger ones lower the channels, and with
them the work. Two auxiliary heads classify what 4a and 4d give: their loss weighs 0.3 in training, so that the lower
blocks hear it directly, and in evaluation they are not computed.

Where torchvision's network departs from the paper's:

- each convolution has a batch norm and no bias; the two local response normalisations are gone;
- the third window of a block is 3x3, the paper's 5x5 (a mistake that trained weights have made lasting);
- the last pooling is 2x2/2, the paper's 3x3/2, both rounded up;
- the last linear layer has a dropout of 0.2, the paper's 0.4;
- an auxiliary head averages to 4x4 positions over windows of 4, the paper's over windows of 5, stride 3.

The small stem is a 3x3 convolution and no pooling in place of 7x7/2 and the first pooling: a picture of 32x32 arrives
at 3a with 16x16 positions and leaves 5b with 4x4.

torchvision's published weights were trained on pixels scaled to -1 .. 1: ``PRETRAINED_MEAN`` and ``PRETRAINED_STD`` say
so. (torchvision takes the usual normalisation and turns it into that one, ``transform_input``; here that is off.) The
auxiliary heads among them are not trained.

Source: C. Szegedy et al., "Going deeper with convolutions", 2014; the code and the names of the weights are
torchvision's, so that its published weights for 1000 classes fit the large stem.

Shapes: B batch, C channels, H height, W width, K classes.
"""

from typing import Literal

from torch import Tensor, nn

from saccade.data.spec import Spec
from saccade.nn import arguments, geometry
from saccade.nn.arguments import Share
from saccade.nn.geometry import Window
from saccade.nn.images.adaptive_pool import AdaptiveAvgPool2d

ACCEPTS = ("image",)
TYPICAL_SHAPE = (224, 224, 3)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 1000
PRETRAINED = "GoogLeNet_Weights.IMAGENET1K_V1"  # torchvision's name of the weights that ``pretrained: imagenet`` takes
PRETRAINED_MEAN = (0.5, 0.5, 0.5)  # what those weights want, and not what torchvision's transforms give
PRETRAINED_STD = (0.5, 0.5, 0.5)


class AuxiliaryHead(nn.Module):
    """h_BCHW to logits_BK, under torchvision's names.

    Args:
        conv: module from C to 128 channels, any side.
        num_outputs: K.
        dropout: share dropped before the last layer.
    """

    def __init__(self, conv: nn.Module, num_outputs: int, dropout: float) -> None:
        super().__init__()
        self.pool = AdaptiveAvgPool2d(4, 4)
        self.conv = conv
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(1024, num_outputs)

    def forward(self, h_BCHW: Tensor) -> Tensor:
        h_BD = self.flatten(self.conv(self.pool(h_BCHW)))
        return self.fc2(self.dropout(self.relu(self.fc1(h_BD))))


def build(
    spec: Spec, *, stem: Literal["large", "small"] = "large", auxiliary: bool = True, dropout: Share = 0.2
) -> nn.Module:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        stem: large: 7x7 convolution and max pooling, both with stride 2, made for 224x224; small: 3x3 convolution with
            stride 1 and no pooling, for 32x32 and 64x64.
        auxiliary: train with the two auxiliary heads.
        dropout: share of the inputs of the last linear layer that training drops, in [0, 1).

    Returns:
        A module from float (B, C, H, W) to logits (B, K); in training, with auxiliary heads, to a tuple of three such:
        the answer, that of the head on 4d, that of the head on 4a.

    Raises:
        UserError: the image is too small for the stem, or there is no such stem.
    """
    from torchvision.models.googlenet import BasicConv2d, GoogLeNet, Inception  # here because it takes two seconds

    arguments.check_choice("stem", stem, ("large", "small"))
    height, width, channels = spec.shape
    # Of one position nothing can be convolved: eight of the nine weights of each 3x3 behind would see padding only.
    remedy = "stem: small takes 8 and more; or " if stem == "large" else ""
    geometry.output_sides("googlenet", (height, width), _windows(stem), min_left=2, remedy=remedy)

    def auxiliary_head(channels: int, num_outputs: int, dropout: float) -> AuxiliaryHead:
        return AuxiliaryHead(BasicConv2d(channels, 128, kernel_size=1), num_outputs, dropout)

    network = GoogLeNet(
        num_classes=spec.num_outputs,
        aux_logits=auxiliary,
        transform_input=False,
        init_weights=True,
        blocks=[BasicConv2d, Inception, auxiliary_head],
        dropout=dropout,
    )
    if stem == "small":
        network.conv1.conv = _first_convolution(channels, kernel_size=3, stride=1)
        network.maxpool1 = nn.Identity()
    elif channels != 3:
        network.conv1.conv = _first_convolution(channels, kernel_size=7, stride=2)
    return network


def _windows(stem: str) -> list[Window]:
    """What halves the sides before 4a; 3x3/2 rounded up leaves as many positions as 2x2/2 rounded down."""
    poolings = [Window(f"maxpool{number} (3x3/2 rounded up)", 2, stride=2) for number in (1, 2, 3)]
    return [Window("conv1", 7, stride=2, padding=3), *poolings] if stem == "large" else poolings[1:]


def _first_convolution(channels: int, kernel_size: int, stride: int) -> nn.Conv2d:
    """In place of torchvision's own, with the same initialisation."""
    convolution = nn.Conv2d(channels, 64, kernel_size, stride, padding=kernel_size // 2, bias=False)
    nn.init.trunc_normal_(convolution.weight, std=0.01)
    return convolution
