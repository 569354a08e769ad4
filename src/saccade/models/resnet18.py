"""ResNet-18, torchvision's: 17 convolutions, residual sums, one linear layer; 11,689,512 parameters for 1000 classes.

    stem  7x7/2 64, max pool 3x3/2    layers 1-4  two blocks each: 64, 128/2, 256/2, 512/2    average over H W    linear

A block is two 3x3 convolutions, each with a batch norm, whose result is added to what the block was given:
``a[l+2] = g(z[l+2] + a[l])``. Where the number of channels or the side changes, a 1x1 convolution fits a[l] to the sum.

The small stem is one 3x3 convolution at full resolution, as in the paper's networks for CIFAR-10: with the large one,
a picture of 32x32 would arrive at layer 1 with 8x8 positions left.

Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015; the code and the names of
the weights are torchvision's, so that its published weights for 1000 classes fit the large stem.

Shapes: B batch, C channels, H height, W width, K classes.
"""

from typing import Literal

from torch import nn

from saccade.data.spec import Spec
from saccade.nn.images import resnet

ACCEPTS = ("image",)
TYPICAL_SHAPE = (224, 224, 3)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 1000
HEAD = "fc"  # its input is what the rest of the network makes of an image, (B, D)
PRETRAINED = "ResNet18_Weights.IMAGENET1K_V1"  # torchvision's name of the weights that ``pretrained: imagenet`` takes


def build(
    spec: Spec,
    *,
    stem: Literal["large", "small"] = "large",
    residual: bool = True,
    zero_init_residual: bool = False,
) -> nn.Module:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        stem: large: 7x7 convolution and max pooling, both with stride 2, made for 224x224; small: 3x3 convolution with
            stride 1 and no pooling, for 32x32 and 64x64.
        residual: false leaves out the sums, and with them the 1x1 convolutions on their way: what is left is a plain
            stack of the same 17 convolutions, to show what the sums do.
        zero_init_residual: start each block as the identity: the weight of its last norm is 0 at first (P. Goyal et
            al., 2017).

    Returns:
        A module from float (B, C, H, W) to logits (B, K).

    Raises:
        UserError: the image is too small for the stem, or zero_init_residual goes without residual.
    """
    return resnet.build("resnet18", spec, stem=stem, residual=residual, zero_init_residual=zero_init_residual)
