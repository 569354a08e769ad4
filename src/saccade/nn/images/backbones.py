"""torchvision's networks of features, average and classifier: any size, any channels, and enlarged images.

Shapes: B batch, C channels, H height, W width, D features, K classes.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec


class Backbone(nn.Module):
    """image_BCHW to logits_BK: features, their average over H and W, classifier.

    Args:
        features: layers from (B, C, H, W) to (B, D, h, w).
        classifier: layers from (B, D) to (B, K).
        size: height and width in pixels to which images are brought first; None: they stay as they are.
    """

    def __init__(self, features: nn.Module, classifier: nn.Sequential, size: tuple[int, int] | None) -> None:
        super().__init__()
        self.features = features
        self.classifier = classifier
        self.size = size

    def forward(self, image_BCHW: Tensor) -> Tensor:
        if self.size is not None:
            image_BCHW = F.interpolate(image_BCHW, size=self.size, mode="bilinear", antialias=True)
        return self.classifier(self.features(image_BCHW).mean(dim=(2, 3)))


def enlarged_size(name: str, spec: Spec, input_side: int, *, least: int, learnt_at: int) -> tuple[int, int] | None:
    """The size to which images are brought.

    Args:
        name: name of the model, for messages.
        spec: kind image.
        input_side: longer side in pixels; 0: images stay as they are.
        least: pixels that a side must have at least.
        learnt_at: side in pixels of the images that published weights were trained with, for messages.

    Returns:
        Height and width in the proportion of the images; None where they stay as they are.

    Raises:
        UserError: a side would have fewer pixels than ``least``.
    """
    height, width, _ = spec.shape
    size = None
    if input_side:
        scale = input_side / max(height, width)
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
    sides = size or (height, width)
    if min(sides) < least:
        raise UserError(
            f"{name} cannot take {sides[0]}x{sides[1]} images: a side must be at least {least}, and its weights were "
            f"trained with {learnt_at}; enlarge them with `input_side: {learnt_at}` of the model, or with "
            "preprocess.size"
        )
    return size


def see_channels(network: nn.Module, channels: int) -> None:
    """Exchange the first convolution for one that takes another number of channels, drawn anew.

    Args:
        network: any network whose first convolution takes the image; changed in place.
        channels: number of channels of the images.
    """
    place, first = next((name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d))
    if first.in_channels == channels:
        return
    other = nn.Conv2d(
        channels,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    nn.init.kaiming_normal_(other.weight, mode="fan_out", nonlinearity="relu")
    if other.bias is not None:
        nn.init.zeros_(other.bias)
    parent, _, own = place.rpartition(".")
    setattr(network.get_submodule(parent), own, other)
