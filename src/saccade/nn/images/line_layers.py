"""Layers over images of lines: what stands right of a narrower line is zero before and after each of them.

Shapes: B batch, C channels, H height, W width, T steps along the width, V tokens.
"""

import torch
from torch import Tensor, nn

from saccade.data.spec import PAD
from saccade.nn.padding import MaskedBatchNorm2d, length_mask

CERTAIN = -1e4  # logit of what is not said, beside 0 of what is: e to this is 0 in float32


class LineConvolution(nn.Module):
    """Convolution 3x3, batch norm over real columns, ReLU: (B, C, H, W) and lengths to (B, C', H, W).

    Args:
        channels_in: channels of the input.
        channels: channels of the output.
        stride: pixels between two windows; lengths are those of what comes out.
        is_active: whether ReLU follows.
    """

    def __init__(self, channels_in: int, channels: int, *, stride: int = 1, is_active: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.norm = MaskedBatchNorm2d(channels)
        self.is_active = is_active

    def forward(self, x_BCHW: Tensor, length_B: Tensor) -> Tensor:
        x_BCHW = self.norm(self.conv(x_BCHW), length_B)
        return x_BCHW.relu() if self.is_active else x_BCHW


class LineResidual(nn.Module):
    """Two convolutions whose sum with the input, brought to as many channels, goes through ReLU.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015.

    Args:
        channels_in: channels of the input.
        channels: channels of the output.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.first = LineConvolution(channels_in, channels)
        self.second = LineConvolution(channels, channels, is_active=False)
        self.projection = nn.Conv2d(channels_in, channels, 1, bias=False) if channels_in != channels else None

    def forward(self, x_BCHW: Tensor, length_B: Tensor) -> Tensor:
        skipped = x_BCHW if self.projection is None else self.projection(x_BCHW)
        return (skipped + self.second(self.first(x_BCHW, length_B), length_B)).relu()


class LinePool(nn.Module):
    """Maximum over blocks of pixels of what is not negative; a last column without a neighbour stays.

    Args:
        height: rows of a block.
        width: columns of a block.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x_BCHW: Tensor, length_B: Tensor) -> tuple[Tensor, Tensor]:
        missing = -x_BCHW.shape[3] % self.width
        pooled = nn.functional.max_pool2d(nn.functional.pad(x_BCHW, (0, missing)), (self.height, self.width))
        return pooled, (length_B + self.width - 1) // self.width


def certain_blanks(logits_BTV: Tensor, length_B: Tensor) -> Tensor:
    """Logits that say blank, and nothing else, at each step behind the end of its line.

    Args:
        logits_BTV: unnormalised scores.
        length_B: real steps of each line, int64.

    Returns:
        (B, T, V); no gradient comes from behind an end.
    """
    blank_V = logits_BTV.new_full((logits_BTV.shape[2],), CERTAIN)
    blank_V[PAD] = 0.0
    return torch.where(length_mask(length_B, logits_BTV.shape[1])[:, :, None], logits_BTV, blank_V)
