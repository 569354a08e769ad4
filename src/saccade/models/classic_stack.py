"""The classic stack of a first course: conv relu conv relu pool relu conv relu pool fc.

    conv 3x3 32    conv 3x3 32    pool 2x2 / 2    conv 3x3 64    pool 2x2 / 2    one output a class

That is what the defaults build: 44,074 parameters for 28x28x1 and ten classes.

The activation behind the first pooling changes nothing where it is ReLU, since a pooling of what is not negative is not
negative; with tanh or sigmoid it squashes a second time.

Shapes: B batch, C channels, H height, W width, K outputs.
"""

from collections import OrderedDict

from torch import nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn import geometry, layers
from saccade.nn.arguments import ActivationName, Count, NormalisationName, PaddingName, PoolingName, Share, Size
from saccade.nn.geometry import Window

ACCEPTS = ("image",)
TYPICAL_SHAPE = (28, 28, 1)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 10


def build(
    spec: Spec,
    *,
    channels: list[Count] = [32, 32, 64],  # noqa: B006  read, never changed; the default must be a literal list
    kernel_size: Count = 3,
    padding: PaddingName = "valid",
    activation: ActivationName = "relu",
    pooling: PoolingName = "max",
    normalisation: NormalisationName = "none",
    hidden: Size = 0,
    dropout: Share = 0.0,
) -> nn.Sequential:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        channels: channels of the three convolutions, each from 1.
        kernel_size: side of their windows in pixels.
        padding: valid pads nothing, so a convolution takes ``kernel_size - 1`` off each side; same keeps the sides.
        activation: activation after each convolution, after the first pooling, after the hidden layer.
        pooling: kind of both poolings; depth halves the channels and keeps the sides.
        normalisation: norm of each convolution; batch stands before the activation and replaces the convolution's bias,
            local_response stands behind the activation.
        hidden: units of a fully connected layer before the last one; 0 for none.
        dropout: share of the inputs of each fully connected layer that training drops, in [0, 1).

    Returns:
        A module from float (B, C, H, W) to (B, K).

    Raises:
        UserError: the image is too small; channels are not three numbers from 1, or odd where depth pooling halves
            them; an even kernel with padding same.
    """
    if len(channels) != 3 or min(channels) < 1:
        raise UserError(f"channels ({channels}) must hold three numbers from 1, such as [32, 32, 64]")
    height, width, channels_in = spec.shape
    pad = geometry.padding_size(padding, kernel_size)
    windows = [
        Window("conv1", kernel_size, padding=pad),
        Window("conv2", kernel_size, padding=pad),
        layers.pooling_window(pooling, "pool1"),
        Window("conv3", kernel_size, padding=pad),
        layers.pooling_window(pooling, "pool2"),
    ]
    sides = geometry.output_sides("classic_stack", (height, width), windows)
    first, second, third = channels
    second_in = layers.pooled_channels(pooling, second, "pool1")
    features = layers.pooled_channels(pooling, third, "pool2") * sides[0] * sides[1]

    def convolution(number: int, inputs: int, outputs: int) -> dict[str, nn.Module]:
        conv = nn.Conv2d(inputs, outputs, kernel_size, padding=pad, bias=normalisation != "batch")
        behind = layers.activation_and_norm(activation, normalisation, outputs)
        return {f"conv{number}": conv, **{f"{kind}{number}": part for kind, part in behind.items()}}

    parts: dict[str, nn.Module] = {
        **convolution(1, channels_in, first),
        **convolution(2, first, second),
        "pool1": layers.pooling(pooling),
        "activation_of_pool1": layers.activation(activation),
        **convolution(3, second_in, third),
        "pool2": layers.pooling(pooling),
        "flatten": nn.Flatten(),
    }
    if hidden:
        parts |= {
            "dropout_before_hidden": nn.Dropout(dropout),
            "hidden": nn.Linear(features, hidden),
            "activation_of_hidden": layers.activation(activation),
        }
    parts |= {"dropout": nn.Dropout(dropout), "fc": nn.Linear(hidden or features, spec.num_outputs)}
    return nn.Sequential(OrderedDict(parts))
