"""From stored arrays to what a network takes, on the network's device. Part of every bundle, so nobody can disagree."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from saccade.spec import Spec


def input_for(spec: Spec, mean: Sequence[float], std: Sequence[float]) -> nn.Module:
    """What stands before a network of this kind of data.

    Args:
        spec: of any kind.
        mean: of the training split, per channel (scale 0..1) or per feature (its own unit); tokens have none.
        std: likewise, above 0.

    Returns:
        ``ImageInput``, ``TokenInput`` or ``SeriesInput``.
    """
    if spec.kind == "tokens":
        return TokenInput()
    return (ImageInput if spec.kind == "image" else SeriesInput)(mean, std)


class ImageInput(nn.Module):
    """uint8 (B, H, W, C) to normalised float (B, C, H, W): ``(x / 255 - mean) / std`` per channel.

    Args:
        mean: of the training split, per channel, on the scale 0..1.
        std: likewise, above 0.
    """

    scale_C: Tensor  # noqa: N815
    shift_C: Tensor  # noqa: N815

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        # One multiplication and one addition a pixel: x * (1 / 255 / std) - mean / std.
        std_C = torch.tensor(std, dtype=torch.float64)
        mean_C = torch.tensor(mean, dtype=torch.float64)
        self.register_buffer("scale_C", (1 / (255 * std_C)).float(), persistent=False)
        self.register_buffer("shift_C", (-mean_C / std_C).float(), persistent=False)

    def forward(self, image_BHWC: Tensor) -> Tensor:
        x_BHWC = torch.addcmul(self.shift_C, image_BHWC.float(), self.scale_C)
        return x_BHWC.permute(0, 3, 1, 2)  # B C H W by name, channels last in memory: what convolutions like best


class TokenInput(nn.Module):
    """int32 (B, T) to int64, which embeddings want: on the disk and on the way to a device, half of that is enough."""

    def forward(self, token_BT: Tensor) -> Tensor:
        return token_BT.long()


class SeriesInput(nn.Module):
    """float32 (B, T, F) to ``(x - mean) / std`` per feature.

    Args:
        mean: of the training split, per feature.
        std: likewise, above 0.
    """

    mean_F: Tensor  # noqa: N815
    std_F: Tensor  # noqa: N815

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean_F", torch.tensor(mean, dtype=torch.float32), persistent=False)
        self.register_buffer("std_F", torch.tensor(std, dtype=torch.float32), persistent=False)

    def forward(self, x_BTF: Tensor) -> Tensor:
        return (x_BTF - self.mean_F) / self.std_F
