"""LeNet-5 in its modern form (ReLU, max pooling, softmax) or that of 1998; 61,706 parameters for 32x32x1, ten classes.

    C1  6 @ 5x5    S2  2x2 / 2    C3  16 @ 5x5 (dense)    S4  2x2 / 2    F5  120    F6  84    one output a class

``form: 1998`` has 61,750. As in the paper: S2 and S4 average windows of 2x2, multiply each map by a weight of its own
and add a bias of its own, 12 and 32 parameters (the paper's weight belongs to the sum of the four: a quarter of ours);
1.7159 tanh(2x/3) squashes after every layer up to F6; weights start uniform in +-2.4 / inputs of a unit.

Not as in the paper: every map of C3 sees all six of S2 (there, three, four or six of them); the output is linear, with
softmax and cross entropy in the loss (there, radial basis functions: distances to drawings of the characters); S2 and
S4 start as plain averages, and biases at 0.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998.

Shapes: B batch, C channels, H height, W width, K classes.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn import arguments, geometry, layers
from saccade.nn.arguments import ActivationName, NormalisationName, PoolingName, Share, Size
from saccade.nn.geometry import Window

ACCEPTS = ("image",)
TYPICAL_SHAPE = (32, 32, 1)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 10


class LeNet5(nn.Module):
    """Two convolutions, two poolings, three fully connected layers: image_BCHW to logits_BK."""

    def __init__(self, features: nn.Sequential, classifier: nn.Sequential) -> None:
        super().__init__()
        self.features = features
        self.classifier = classifier

    def forward(self, image_BCHW: Tensor) -> Tensor:
        return self.classifier(self.features(image_BCHW).flatten(1))


def build(
    spec: Spec,
    *,
    form: Literal["modern", "1998", 1998] = "modern",
    padding: Size = 0,
    activation: ActivationName = "relu",
    pooling: PoolingName = "max",
    normalisation: NormalisationName = "none",
    dropout: Share = 0.0,
) -> LeNet5:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        form: modern, or 1998 as the top of this file says, in which activation, pooling and normalisation are settled.
        padding: pixels of zeros around the image before C1; 2 gives 28x28 images the 32x32 of the paper.
        activation: activation after every hidden layer.
        pooling: kind of S2 and S4; overlapping takes maxima of 3x3, stride 2; depth halves the maps and keeps their
            sides.
        normalisation: batch puts a batch norm before S2's and S4's activation; its shift takes the place of C1's and
            C3's bias. local_response divides each activated value by what its four neighbour maps hold there too.
        dropout: share of F5's and F6's outputs that training drops, in [0, 1).

    Returns:
        A module from float (B, C, H, W) to logits (B, K).

    Raises:
        UserError: the image is too small for two 5x5 convolutions and two poolings; a setting would have no effect in
            the form of 1998; form, activation, pooling or normalisation is none of those.
    """
    arguments.check_choice("form", str(form), ("modern", "1998"))
    is_1998 = str(form) == "1998"
    if is_1998:
        _refuse_without_effect(activation, pooling, normalisation)
    height, width, channels = spec.shape
    windows = [
        Window("C1", 5, padding=padding),
        layers.pooling_window(pooling, "S2"),
        Window("C3", 5),
        layers.pooling_window(pooling, "S4"),
    ]
    sides = geometry.output_sides("lenet5", (height, width), windows)
    c1, c3 = layers.pooled_channels(pooling, 6, "S2"), layers.pooled_channels(pooling, 16, "S4")
    if is_1998:
        features = [*_stage_1998(channels, 6, padding), *_stage_1998(6, 16, 0)]
    else:
        features = [
            *_stage(channels, 6, padding, activation, pooling, normalisation),
            *_stage(c1, 16, 0, activation, pooling, normalisation),
        ]
    network = LeNet5(
        features=nn.Sequential(*features),
        classifier=nn.Sequential(
            nn.Linear(c3 * sides[0] * sides[1], 120),
            ScaledTanh() if is_1998 else layers.activation(activation),
            nn.Dropout(dropout),
            nn.Linear(120, 84),
            ScaledTanh() if is_1998 else layers.activation(activation),
            nn.Dropout(dropout),
            nn.Linear(84, spec.num_outputs),
        ),
    )
    if is_1998:
        _init_1998(network)
    return network


def _stage(
    channels_in: int,
    channels_out: int,
    padding: int,
    activation: ActivationName,
    pooling: PoolingName,
    normalisation: NormalisationName,
) -> list[nn.Module]:
    """Convolution, then norm, activation and pooling.

    A maximum comes first: an activation does not change which of the values is the largest, so the result is the same
    at a quarter of the work (1.1 to 1.25 times the examples a second); a batch norm then sees the maxima alone, which
    is another network, and trains 1.4 times as fast. An average must see activated values, and so must a local
    response norm, which looks at neighbours. The other maxima stand in the usual order.
    """
    convolution = nn.Conv2d(channels_in, channels_out, 5, padding=padding, bias=normalisation != "batch")
    activated = layers.activation_and_norm(activation, normalisation, channels_out).values()
    pool = layers.pooling(pooling)
    is_first = pooling == "max" and normalisation != "local_response"
    return [convolution, pool, *activated] if is_first else [convolution, *activated, pool]


# --- the form of 1998 -------------------------------------------------------------------------------------------------


class ScaledTanh(nn.Module):
    """``1.7159 tanh(2x / 3)``: 1 and -1 are mapped to themselves, and lie about where it bends most."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, which is kept."""
        return 1.7159 * torch.tanh(x * (2 / 3))


class MapScale(nn.Module):
    """One weight and one bias for each map: ``w_c x + b_c``. Behind an average it makes a trainable subsampling.

    Args:
        channels: number of maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W), shape kept."""
        return x_BCHW * self.weight[:, None, None] + self.bias[:, None, None]

    def extra_repr(self) -> str:
        """What stands between the brackets where the module is printed."""
        return str(len(self.weight))


def _stage_1998(channels_in: int, channels_out: int, padding: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, 5, padding=padding),
        ScaledTanh(),
        nn.AvgPool2d(2),
        MapScale(channels_out),
        ScaledTanh(),
    ]


def _init_1998(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = 2.4 / layer.weight[0].numel()  # one unit's inputs
            nn.init.uniform_(layer.weight, -bound, bound)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)


def _refuse_without_effect(activation: ActivationName, pooling: PoolingName, normalisation: NormalisationName) -> None:
    for setting, value, default in (
        ("activation", activation, "relu"),
        ("pooling", pooling, "max"),
        ("normalisation", normalisation, "none"),
    ):
        if value != default:
            raise UserError(
                f"{setting} ({value}) has no effect in lenet5's form of 1998, which has its own squashing and "
                f"subsampling and no norms: leave {setting} out, or take form: modern"
            )
