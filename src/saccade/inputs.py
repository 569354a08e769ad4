"""From stored arrays to what a network takes, on the network's device. Part of every bundle, so nobody can disagree."""

import torch
from torch import Tensor, nn


class ImageInput(nn.Module):
    """uint8 (B, H, W, C) to normalised float (B, C, H, W): ``(x / 255 - mean) / std`` per channel.

    Args:
        mean: of the training split, per channel, on the scale 0..1.
        std: likewise, above 0.
    """

    scale_C: Tensor  # noqa: N815
    shift_C: Tensor  # noqa: N815

    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        # One multiplication and one addition a pixel: x * (1 / 255 / std) - mean / std.
        std_C = torch.tensor(std, dtype=torch.float64)
        mean_C = torch.tensor(mean, dtype=torch.float64)
        self.register_buffer("scale_C", (1 / (255 * std_C)).float(), persistent=False)
        self.register_buffer("shift_C", (-mean_C / std_C).float(), persistent=False)

    def forward(self, image_BHWC: Tensor) -> Tensor:
        x_BHWC = torch.addcmul(self.shift_C, image_BHWC.float(), self.scale_C)
        return x_BHWC.permute(0, 3, 1, 2)  # B C H W by name, channels last in memory: what convolutions like best
