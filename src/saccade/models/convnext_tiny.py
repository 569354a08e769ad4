"""ConvNeXt-Tiny, torchvision's: a convolutional network after transformers; 28,589,128 parameters for 1000 classes.

    stem  4x4/4 96    features  3, 3, 9, 3 blocks of 96, 192, 384, 768 channels, 2x2/2 between them
    average over H W    layer norm, linear

A block looks at each channel alone with a 7x7 convolution, norms the channels of each position (no batch norm: small
batches do no harm), widens four times, GELU, narrows, scales each channel by a number that begins at 1e-6, and adds its
input.

Source: Z. Liu et al., "A ConvNet for the 2020s", 2022; the code and the names of the weights are torchvision's, so that
its published weights for 1000 classes fit. Images may be enlarged first (``input_side``), which torchvision's own does
not do. It is rather for a GPU: on a CPU it takes about three times as long as efficientnet_lite0.

Shapes: B batch, C channels, H height, W width, D features, K classes.
"""

from torch import nn

from saccade.data.spec import Spec
from saccade.nn.arguments import Share, Size
from saccade.nn.images.backbones import Backbone, enlarged_size, see_channels

ACCEPTS = ("image",)
TYPICAL_SHAPE = (224, 224, 3)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 1000
HEAD = "classifier"  # its input is what the rest of the network makes of an image, (B, D)
PRETRAINED = "ConvNeXt_Tiny_Weights.IMAGENET1K_V1"  # torchvision's name of what ``pretrained: imagenet`` takes

_MIN_SIDE = 32  # one stride of 4 and three of 2 leave one position


def build(spec: Spec, *, input_side: Size = 0, stochastic_depth: Share = 0.0) -> nn.Module:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        input_side: longer side in pixels to which images are brought before the first convolution, such as 224 for
            images of 32x32; 0: as they are prepared.
        stochastic_depth: probability in [0, 1) with which training skips the last block; earlier ones in proportion to
            their place. 0.1 in the paper, whose trainings were long.

    Returns:
        A module from float (B, C, H, W) to logits (B, K).

    Raises:
        UserError: a side would be less than 32 pixels.
    """
    from torchvision import models  # imported here because it takes two seconds

    size = enlarged_size("convnext_tiny", spec, input_side, least=_MIN_SIDE, learnt_at=TYPICAL_SHAPE[0])
    network = models.convnext_tiny(num_classes=spec.num_outputs, stochastic_depth_prob=stochastic_depth)
    see_channels(network, spec.shape[2])
    norm, _, linear = network.classifier
    # The average has no H and W here: torchvision's norm over channels is one over the last dimension.
    over_features_BD = nn.LayerNorm(norm.normalized_shape, eps=norm.eps)
    return Backbone(network.features, nn.Sequential(over_features_BD, nn.Identity(), linear), size)
