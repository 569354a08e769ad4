"""ResNet-9, a small residual network that is fast to train on 32x32 images; 6,573,120 parameters for ten classes.

    prep  3x3 64    layer 1  3x3 128, pool, residual    layer 2  3x3 256, pool    layer 3  3x3 512, pool, residual
    maximum over H W    linear    times logit_scale

Each 3x3 is a convolution, batch norm, ReLU; pool is 2x2/2, maximum; residual is x + 3x3(3x3(x)).

Source: the layers and sizes are those of D. Page's entry in DAWNBench ("How to train your ResNet",
https://myrtle.ai/learn/how-to-train-your-resnet/, 2018); the code is our own. The maximum over H W is ``amax`` and not
``AdaptiveMaxPool2d``, whose gradient on CUDA is not deterministic.

Shapes: B batch, C channels, H height, W width, D features, K classes.
"""

from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn.arguments import Count

ACCEPTS = ("image",)
TYPICAL_SHAPE = (32, 32, 3)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 10

_MIN_SIDE = 8  # three poolings halve


class Residual(nn.Module):
    """x + inner(x), of the same shape."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.inner(x_BCHW)


class ResNet9(nn.Module):
    """image_BCHW to logits_BK."""

    def __init__(self, features: nn.Sequential, classifier: nn.Linear, logit_scale: float) -> None:
        super().__init__()
        self.features = features
        self.classifier = classifier
        self.logit_scale = logit_scale

    def forward(self, image_BCHW: Tensor) -> Tensor:
        h_BD = self.features(image_BCHW).amax(dim=(2, 3))
        return self.logit_scale * self.classifier(h_BD)


def build(spec: Spec, *, width: Count = 64, logit_scale: float = 0.125) -> ResNet9:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        width: channels after the first convolution, from 1; later layers have two, four and eight times as many.
        logit_scale: factor on the linear layer's outputs, above 0: the maximum over H and W is large and would make the
            first predictions too sure.

    Returns:
        A module from float (B, C, H, W) to logits (B, K).

    Raises:
        UserError: the image is too small for three poolings, or logit_scale is not above 0.
    """
    image_height, image_width, channels = spec.shape
    if min(image_height, image_width) < _MIN_SIDE:
        raise UserError(
            f"resnet9 cannot take {image_height}x{image_width} images: a side must be at least {_MIN_SIDE}; "
            "enlarge them with preprocess.size"
        )
    if logit_scale <= 0:
        raise UserError(f"logit_scale ({logit_scale:g}) must be above 0, such as 0.125")
    return ResNet9(
        features=nn.Sequential(
            _convolution(channels, width),
            _convolution(width, 2 * width),
            nn.MaxPool2d(2),
            _residual(2 * width),
            _convolution(2 * width, 4 * width),
            nn.MaxPool2d(2),
            _convolution(4 * width, 8 * width),
            nn.MaxPool2d(2),
            _residual(8 * width),
        ),
        classifier=nn.Linear(8 * width, spec.num_outputs, bias=False),
        logit_scale=logit_scale,
    )


def _convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """3x3 at full resolution; no bias, since the norm that follows takes it away."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU()
    )


def _residual(channels: int) -> Residual:
    return Residual(nn.Sequential(_convolution(channels, channels), _convolution(channels, channels)))
