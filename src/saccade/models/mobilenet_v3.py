"""MobileNetV3-Large, torchvision's, light and with hard swish; 5,483,032 parameters for 1000 classes.

    stem  3x3/2 16    features  15 inverted residuals, 16 to 160 channels, four of them /2    top  1x1 960
    average over H W    linear 1280, hard swish, dropout    linear

A block widens its input with a 1x1 convolution, looks at each channel alone with a 3x3 or 5x5, weighs the channels by
what all positions hold (squeeze and excitation, in half of the blocks), and narrows again with a 1x1. On a CPU it takes
less than half the time of efficientnet_lite0.

Source: A. Howard et al., "Searching for MobileNetV3", 2019; the code and the names of the weights are torchvision's, so
that its published weights for 1000 classes fit. Images may be enlarged first (``input_side``), which torchvision's own
does not do.

Shapes: B batch, C channels, H height, W width, K classes.
"""

from torch import nn

from saccade.data.spec import Spec
from saccade.nn.arguments import Share, Size
from saccade.nn.images.backbones import Backbone, enlarged_size, see_channels

ACCEPTS = ("image",)
TYPICAL_SHAPE = (224, 224, 3)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 1000
HEAD = "classifier"  # its input is what the rest of the network makes of an image, (B, D)
PRETRAINED = "MobileNet_V3_Large_Weights.IMAGENET1K_V2"  # torchvision's name of what ``pretrained: imagenet`` takes

_MIN_SIDE = 32  # five strides of 2 leave one position


def build(spec: Spec, *, input_side: Size = 0, dropout: Share = 0.2) -> nn.Module:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        input_side: longer side in pixels to which images are brought before the first convolution, such as 224 for
            images of 32x32; 0: as they are prepared.
        dropout: share of the 1,280 hidden values that training leaves out before the last layer, in [0, 1).

    Returns:
        A module from float (B, C, H, W) to logits (B, K).

    Raises:
        UserError: a side would be less than 32 pixels.
    """
    from torchvision import models  # imported here because it takes two seconds

    size = enlarged_size("mobilenet_v3", spec, input_side, least=_MIN_SIDE, learnt_at=TYPICAL_SHAPE[0])
    network = models.mobilenet_v3_large(num_classes=spec.num_outputs, dropout=dropout)
    see_channels(network, spec.shape[2])
    return Backbone(network.features, network.classifier, size)
