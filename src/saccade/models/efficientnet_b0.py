"""EfficientNet-B0, torchvision's: the smallest of a family scaled together; 5,288,548 parameters for 1000 classes.

    stem  3x3/2 32    features  16 inverted residuals, 16 to 320 channels, four of them /2    top  1x1 1280
    average over H W    linear, behind dropout

A block widens its input six times with a 1x1 convolution, looks at each channel alone with a 3x3 or 5x5, weighs the
channels by what all positions hold (squeeze and excitation), and narrows again with a 1x1. On a CPU it takes about
as long as efficientnet_lite0, whose weights come with a package.

Source: M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; the code and
the names of the weights are torchvision's, so that its published weights for 1000 classes fit. Images may be enlarged
first (``input_side``), which torchvision's own does not do.

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
PRETRAINED = "EfficientNet_B0_Weights.IMAGENET1K_V1"  # torchvision's name of what ``pretrained: imagenet`` takes

_MIN_SIDE = 32  # five strides of 2 leave one position


def build(spec: Spec, *, input_side: Size = 0, dropout: Share = 0.2, stochastic_depth: Share = 0.0) -> nn.Module:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        input_side: longer side in pixels to which images are brought before the first convolution, such as 224 for
            images of 32x32; 0: as they are prepared.
        dropout: share of the features that training leaves out before the linear layer, in [0, 1).
        stochastic_depth: probability in [0, 1) with which training skips the last block; earlier ones in proportion to
            their place. 0.2 in the paper, whose trainings were long.

    Returns:
        A module from float (B, C, H, W) to logits (B, K).

    Raises:
        UserError: a side would be less than 32 pixels.
    """
    from torchvision import models  # imported here because it takes two seconds

    size = enlarged_size("efficientnet_b0", spec, input_side, least=_MIN_SIDE, learnt_at=TYPICAL_SHAPE[0])
    network = models.efficientnet_b0(
        num_classes=spec.num_outputs, dropout=dropout, stochastic_depth_prob=stochastic_depth
    )
    see_channels(network, spec.shape[2])
    return Backbone(network.features, network.classifier, size)
