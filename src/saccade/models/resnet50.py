"""ResNet-50, torchvision's: 49 convolutions, residual sums, one linear layer; 25,557,032 parameters for 1000 classes.

    stem  7x7/2 64, pool 3x3/2    layers 1-4  3, 4, 6, 3 blocks: 256, 512/2, 1024/2, 2048/2   average over H W   linear

A block is a 1x1 convolution to a quarter of its channels, a 3x3 and a 1x1 back, each with a batch norm; its result is
added to what the block was given. Where the number of channels or the side changes, a 1x1 convolution fits the latter.

It differs from the paper in one place: the first block of layers 2 to 4 halves the sides in its 3x3 convolution, where
the paper halves them in the 1x1 before. Other libraries call that version 1.5.

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
PRETRAINED = "ResNet50_Weights.IMAGENET1K_V1"  # torchvision's name of the weights that ``pretrained: imagenet`` takes


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
            stack of the same 49 convolutions, to show what the sums do.
        zero_init_residual: start each block as the identity: the weight of its last norm is 0 at first (P. Goyal et
            al., 2017).

    Returns:
        A module from float (B, C, H, W) to logits (B, K).

    Raises:
        UserError: the image is too small for the stem, or zero_init_residual goes without residual.
    """
    return resnet.build("resnet50", spec, stem=stem, residual=residual, zero_init_residual=zero_init_residual)
