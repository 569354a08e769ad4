"""Histograms of oriented gradients, by which images were told apart before networks learnt to.

Shapes: N examples, H height, W width, C channels, D features, O orientations of a gradient.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 32  # pixels; longer sides are shrunk to it, and gradients are counted on SIDE x SIDE
CELL = 4  # pixels
BLOCK = 2  # cells; blocks do not overlap, which is a third of the values at 0.1 points less on MNIST
ORIENTATIONS = 9  # over half a turn: light on dark and dark on light count alike


def shrink(pixels_NCHW: Tensor) -> Tensor:
    """Images whose sides above ``SIDE`` are averaged down to it; smaller ones as they are."""
    H, W = pixels_NCHW.shape[2:]
    if max(H, W) <= SIDE:
        return pixels_NCHW
    return F.interpolate(pixels_NCHW, size=(min(H, SIDE), min(W, SIDE)), mode="area")


def gradient_histograms(pixels_NCHW: Tensor) -> Tensor:
    """Histograms of oriented gradients: how strong the edges of each direction are in each cell of the image.

    Each pixel votes with the length of its gradient, taken from the channel where it is longest, shared linearly
    between the two nearest orientations and the nearest cells; each block of cells is normalised, clipped at 0.2 and
    normalised again.

    Source: Dalal, Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005
    (https://lear.inrialpes.fr/people/triggs/pubs/Dalal-cvpr05.pdf). We differ: no gamma, no Gaussian window over a
    block, blocks do not overlap. Written out here because OpenCV 5 no longer has ``HOGDescriptor``.

    Args:
        pixels_NCHW: float32 tensor, values in [0, 1]; stretched to SIDE x SIDE.

    Returns:
        float32 tensor (N, D), D = (SIDE / CELL) ** 2 * ORIENTATIONS, each in [0, 1].
    """
    if pixels_NCHW.shape[2:] != (SIDE, SIDE):
        pixels_NCHW = F.interpolate(pixels_NCHW, size=(SIDE, SIDE), mode="bilinear")
    device = pixels_NCHW.device
    padded = F.pad(pixels_NCHW, (1, 1, 1, 1), mode="replicate")
    across_NCHW = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down_NCHW = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    length_N1HW, channel_N1HW = torch.hypot(across_NCHW, down_NCHW).max(dim=1, keepdim=True)
    angle_N1HW = torch.atan2(down_NCHW.gather(1, channel_N1HW), across_NCHW.gather(1, channel_N1HW))

    # Angles in units of one orientation, half a turn being the period; centres at 0.5, 1.5, ...
    position_N1HW = torch.remainder(angle_N1HW * (ORIENTATIONS / torch.pi), ORIENTATIONS)
    distance_NOHW = (position_N1HW - (torch.arange(ORIENTATIONS, device=device) + 0.5).view(1, -1, 1, 1)).abs()
    distance_NOHW = torch.minimum(distance_NOHW, ORIENTATIONS - distance_NOHW)
    votes_NOHW = (1 - distance_NOHW).clamp_(min=0) * length_N1HW

    # The same sharing along each axis of the image, as a matrix from pixels to cells.
    centre_of_pixel = torch.arange(SIDE, device=device) + 0.5
    centre_of_cell = torch.arange(CELL / 2, SIDE, CELL, device=device)
    share = (1 - (centre_of_pixel[None] - centre_of_cell[:, None]).abs() / CELL).clamp_(min=0)
    cells_NOhw = share @ votes_NOHW @ share.T

    N, _, h, w = cells_NOhw.shape
    blocks = cells_NOhw.reshape(N, ORIENTATIONS, h // BLOCK, BLOCK, w // BLOCK, BLOCK)
    blocks = blocks.permute(0, 2, 4, 1, 3, 5).flatten(3)  # (N, block row, block column, values of the block)
    # 0.1: the length below which a block counts as flat, and noise is not blown up to full strength.
    blocks = blocks / (blocks.square().sum(dim=-1, keepdim=True) + 0.1**2).sqrt()
    blocks = blocks.clamp(max=0.2)
    blocks = blocks / (blocks.square().sum(dim=-1, keepdim=True) + 0.01**2).sqrt()
    return blocks.flatten(1)
