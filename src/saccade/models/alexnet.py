"""AlexNet as published in 2012, two groups and all: 60,965,224 parameters for 227x227x3 and 1000 classes.

    conv1  96 @ 11x11 / 4, norm, pool     conv2  256 @ 5x5, 2 groups, norm, pool     conv3  384 @ 3x3
    conv4  384 @ 3x3, 2 groups            conv5  256 @ 3x3, 2 groups, pool           fc6, fc7  4096, dropout    fc8

A convolution in two groups is two convolutions side by side, each of which sees one half of the maps: in 2012 each half
stood on a GPU of its own. Every pool takes maxima of 3x3 with stride 2, so that windows overlap. Weights start normal
with deviation 0.01; biases start at 1 in conv2, conv4, conv5, fc6 and fc7 where the activation is ReLU, which needs
positive inputs to learn from, else at 0. From there it learns nothing for many updates: of what tells one image from
another, 0.01 leaves little after eight layers. ``initialisation: he`` starts to learn at once.

torchvision's ``alexnet`` is another network, the one of "One weird trick" (A. Krizhevsky, 2014): 64, 192, 384, 256 and
256 maps, no groups, no local response normalisation, a padded conv1, an adaptive average before fc6, dropout before fc6
and fc7 instead of behind them, torch's own initialisation; 61,100,840 parameters. Its weights do not fit.

The paper says 224x224, from which its own 55x55 maps of conv1 cannot come; 227x227 without padding gives them. The two
halves stand side by side, and the norms look across the border; the paper does not say whether its own did. Dropout
doubles in training what is left, where the paper halved everything in evaluation.

Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks", 2012;
for he: K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", 2015.

Shapes: B batch, C channels, H height, W width, K outputs.
"""

import math
from collections import OrderedDict
from typing import Literal

from torch import nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn import arguments, geometry, layers
from saccade.nn.arguments import ActivationName, NormalisationName, PoolingName, Share
from saccade.nn.geometry import Window

ACCEPTS = ("image",)
TYPICAL_SHAPE = (227, 227, 3)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 1000

_BIAS_ONE = ("conv2", "conv4", "conv5", "fc6", "fc7")  # biases start at 1


def build(
    spec: Spec,
    *,
    groups: Literal[1, 2] = 2,
    activation: ActivationName = "relu",
    pooling: PoolingName = "overlapping",
    normalisation: NormalisationName = "local_response",
    dropout: Share = 0.5,
    initialisation: Literal["paper", "he"] = "paper",
) -> nn.Sequential:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        groups: groups of conv2, conv4 and conv5; 1 lets every map see all maps, with 1,413,120 parameters more.
        activation: activation after every convolution and hidden layer.
        pooling: pooling after conv1, conv2 and conv5; depth halves the channels and keeps the sides.
        normalisation: local_response after conv1 and conv2, as in the paper; batch before the activation of every
            convolution, in place of its bias.
        dropout: share of fc6's and fc7's outputs that training drops, in [0, 1).
        initialisation: paper as above; he: weights normal with deviation sqrt(2 / inputs of a unit), biases 0.

    Returns:
        A module from float (B, C, H, W) to (B, K).

    Raises:
        UserError: the image is too small; groups is neither 1 nor 2; another initialisation.
    """
    if groups not in (1, 2):
        raise UserError(f"groups ({groups}) must be 1 or 2")
    arguments.check_choice("initialisation", initialisation, ("paper", "he"))
    height, width, channels = spec.shape
    windows = [
        Window("conv1", 11, stride=4),
        layers.pooling_window(pooling, "pool1"),
        Window("conv2", 5, padding=2),
        layers.pooling_window(pooling, "pool2"),
        *(Window(name, 3, padding=1) for name in ("conv3", "conv4", "conv5")),
        layers.pooling_window(pooling, "pool5"),
    ]
    sides = geometry.output_sides("alexnet", (height, width), windows)

    def convolution(
        number: int, inputs: int, outputs: int, window: Window, groups: int, normalisation: NormalisationName
    ) -> dict[str, nn.Module]:
        conv = nn.Conv2d(
            inputs,
            outputs,
            window.kernel_size,
            window.stride,
            window.padding,
            groups=groups,
            bias=normalisation != "batch",
        )
        behind = layers.activation_and_norm(activation, normalisation, outputs)
        return {f"conv{number}": conv, **{f"{kind}{number}": part for kind, part in behind.items()}}

    def hidden(number: int, inputs: int) -> dict[str, nn.Module]:
        return {
            f"fc{number}": nn.Linear(inputs, 4096),
            f"activation{number}": layers.activation(activation),
            f"dropout{number}": nn.Dropout(dropout),
        }

    def pooled(maps: int, layer: str) -> int:
        return layers.pooled_channels(pooling, maps, layer)

    # The paper normalises the first two only; a batch norm goes to every convolution.
    later = "none" if normalisation == "local_response" else normalisation
    network = nn.Sequential(
        OrderedDict(
            {
                **convolution(1, channels, 96, windows[0], 1, normalisation),
                "pool1": layers.pooling(pooling),
                **convolution(2, pooled(96, "pool1"), 256, windows[2], groups, normalisation),
                "pool2": layers.pooling(pooling),
                **convolution(3, pooled(256, "pool2"), 384, windows[4], 1, later),
                **convolution(4, 384, 384, windows[5], groups, later),
                **convolution(5, 384, 256, windows[6], groups, later),
                "pool5": layers.pooling(pooling),
                "flatten": nn.Flatten(),
                **hidden(6, pooled(256, "pool5") * sides[0] * sides[1]),
                **hidden(7, 4096),
                "fc8": nn.Linear(4096, spec.num_outputs),
            }
        )
    )
    for name, layer in network.named_children():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            deviation = 0.01 if initialisation == "paper" else math.sqrt(2 / layer.weight[0].numel())
            nn.init.normal_(layer.weight, std=deviation)
            if layer.bias is not None:
                has_bias_one = initialisation == "paper" and activation == "relu" and name in _BIAS_ONE
                nn.init.constant_(layer.bias, 1.0 if has_bias_one else 0.0)
    return network
