"""VGG-16, torchvision's: 13 convolutions of 3x3 and three linear layers; 138,357,544 parameters for 1000 classes.

    64 64 pool  128 128 pool  256 256 256 pool  512 512 512 pool  512 512 512 pool    7x7 positions    4096  4096  K

Every convolution is 3x3 with a border of zeros and a ReLU, every pooling a maximum of 2x2/2. Nine in ten of the
weights lie in the linear layers, three in four in the first of them, which sees 512 channels of 7x7 positions. An image
of 32x32 leaves one position, so that the large head would see the same numbers 49 times. The small head is for such
images: the average over the positions, and 512, 512 in place of 4096, 4096; 15,245,130 parameters for ten classes.

It is configuration D of the paper, but for two things: the weights start as K. He et al., 2015, have it, where the
paper began with those of a shallower network; and what other sides than 224 leave is averaged to 7x7 positions, so that
the linear layers fit. With ``normalisation: batch`` it is torchvision's ``vgg16_bn``, which the paper has not.

Source: K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014; the code
and the names of the weights are torchvision's, so that its published weights for 1000 classes fit the large head.

Shapes: B batch, C channels, H height, W width, K classes.
"""

from collections import OrderedDict
from typing import Literal

from torch import nn

from saccade.data.spec import Spec
from saccade.nn import arguments, geometry
from saccade.nn.arguments import Share
from saccade.nn.geometry import Window
from saccade.nn.images.adaptive_pool import AdaptiveAvgPool2d

ACCEPTS = ("image",)
TYPICAL_SHAPE = (224, 224, 3)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 1000
HEAD = "classifier"  # its input is what the rest of the network makes of an image, (B, D)
PRETRAINED = "VGG16_Weights.IMAGENET1K_V1"  # torchvision's name of the weights that ``pretrained: imagenet`` takes

_POOLINGS = [Window(f"pooling {number}", 2, stride=2) for number in (1, 2, 3, 4, 5)]


def build(
    spec: Spec,
    *,
    head: Literal["large", "small"] = "large",
    normalisation: Literal["none", "batch"] = "none",
    dropout: Share = 0.5,
) -> nn.Module:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        head: large: 7x7 positions and layers of 4096, made for 224x224; small: the average over the positions and
            layers of 512, for 32x32 and 64x64.
        normalisation: batch puts a batch norm between each convolution and its ReLU; without one, thirteen layers are
            slow to begin to learn.
        dropout: share of the outputs of each hidden linear layer that training drops, in [0, 1).

    Returns:
        A module from float (B, C, H, W) to logits (B, K).

    Raises:
        UserError: the image is too small for five poolings, or head or normalisation is none of those.
    """
    arguments.check_choice("head", head, ("large", "small"))
    arguments.check_choice("normalisation", normalisation, ("none", "batch"))
    height, width, channels = spec.shape
    geometry.output_sides("vgg16", (height, width), _POOLINGS)
    build_with = _with_large_head if head == "large" else _with_small_head
    network = build_with(spec.num_outputs, normalisation == "batch", dropout)
    if channels != 3:
        first = nn.Conv2d(channels, 64, 3, padding=1)
        _initialise(first)
        network.set_submodule("features.0", first)
    return network


def _with_large_head(num_outputs: int, has_norms: bool, dropout: float) -> nn.Module:
    from torchvision import models  # imported here because it takes two seconds

    network: nn.Module = (models.vgg16_bn if has_norms else models.vgg16)(num_classes=num_outputs, dropout=dropout)
    network.avgpool = AdaptiveAvgPool2d(7, 7)
    return network


def _with_small_head(num_outputs: int, has_norms: bool, dropout: float) -> nn.Module:
    """torchvision's convolutions; the layers are called as in its ``VGG``."""
    from torchvision.models.vgg import cfgs, make_layers

    network = nn.Sequential(
        OrderedDict(
            features=make_layers(cfgs["D"], batch_norm=has_norms),
            avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            classifier=nn.Sequential(
                nn.Linear(512, 512),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
                nn.Linear(512, 512),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
                nn.Linear(512, num_outputs),
            ),
        )
    )
    _initialise(network)
    return network


def _initialise(network: nn.Module) -> None:
    """As torchvision does its ``VGG``; hidden layers of 512 cannot start as small as those of 4096."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            mode: Literal["fan_out", "fan_in"] = "fan_out" if isinstance(layer, nn.Conv2d) else "fan_in"
            nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
