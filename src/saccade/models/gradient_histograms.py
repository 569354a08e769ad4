"""Gradient histograms and pixels into a linear layer: what told images apart before networks learnt to see.

    sides above 32 averaged down to it    histograms of 9 directions in 8x8 cells, pixels beside them
    each number brought to mean 0 and deviation 1 of training    linear, small at first

It is the baseline of images as a network: trained in seconds, and where a handful of images or plain shapes decide,
hard to beat. It sees nothing that is finer than a thirty-second of a side.

Source: N. Dalal, B. Triggs, "Histograms of Oriented Gradients for Human Detection", 2005; how they are computed, and
how we differ, ``nn/images/gradient_histograms.py`` says.

Shapes: B batch, C channels, H height, W width, D features, K outputs.
"""

import torch
from torch import Tensor, nn

from saccade.data.spec import Spec
from saccade.nn.images.gradient_histograms import CELL, ORIENTATIONS, SIDE, gradient_histograms, shrink

ACCEPTS = ("image",)
HEAD = "linear"  # its input is what the rest of the network makes of an image, (B, D)

_FIRST_STD = 0.001  # against about 0.05 after training
_MOMENTUM = 0.05  # of the running mean and deviation: about the last 20 batches count


class GradientHistograms(nn.Module):
    """image_BCHW to logits_BK.

    Args:
        num_features: numbers that are made of an image, D.
        num_outputs: answers of the linear layer, K.
    """

    def __init__(self, num_features: int, num_outputs: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(num_features, affine=False, momentum=_MOMENTUM)
        self.linear = nn.Linear(num_features, num_outputs)
        nn.init.normal_(self.linear.weight, std=_FIRST_STD)
        nn.init.zeros_(self.linear.bias)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        pixels_BCHW = shrink(image_BCHW.float())
        with torch.no_grad():  # nothing in front of the norm learns
            features_BD = torch.cat([gradient_histograms(pixels_BCHW), pixels_BCHW.flatten(1)], dim=1)
        return self.linear(self.norm(features_BD))


def build(spec: Spec) -> GradientHistograms:
    """Build the network for a dataset.

    Args:
        spec: kind image, any size, any channels.

    Returns:
        A module from float (B, C, H, W) to logits (B, K).
    """
    height, width, channels = spec.shape
    num_histograms = (SIDE // CELL) ** 2 * ORIENTATIONS
    return GradientHistograms(num_histograms + min(height, SIDE) * min(width, SIDE) * channels, spec.num_outputs)
