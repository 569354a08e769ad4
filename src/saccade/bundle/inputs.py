"""Input layers: from stored arrays to what a model takes, on its device. Part of every bundle, so nobody can disagree.

Shapes: B batch, H height, W width, C channels, T time steps, F features.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from saccade.data.spec import PAD, Spec, middle


def input_for(spec: Spec, mean: Sequence[float], std: Sequence[float], evaluate_crop: float = 1.0) -> nn.Module:
    """The input layer of a network for examples of this layout.

    Args:
        spec: spec of the dataset, of any layout.
        mean: mean of the training split, one a channel (scale 0..1) or feature (its own unit); tokens have none.
        std: standard deviation of the training split, above 0, in the same order.
        evaluate_crop: share of each side of an image that is looked at in evaluation, in (0, 1]: see ``ImageInput``.

    Returns:
        ``ImageInput``, ``LineInput``, ``TokenInput``, ``SeriesInput`` or ``VectorInput``.
    """
    match spec.layout:
        case "image":
            return LineInput(mean, std) if spec.is_padded else ImageInput(mean, std, evaluate_crop)
        case "tokens":
            return TokenInput()
        case "series":
            return SeriesInput(mean, std)
    return VectorInput(mean, std)


class ImageInput(nn.Module):
    """uint8 (B, H, W, C) to normalised float (B, C, H, W): ``(x / 255 - mean) / std`` per channel.

    In evaluation mode the middle of the images is cut out and enlarged to their size first, where ``evaluate_crop``
    says so. In training mode never: views are crops already, where the transforms crop.

    Args:
        mean: mean of the training split, one a channel, on the scale 0..1.
        std: standard deviation of the training split, one a channel, above 0.
        evaluate_crop: share of each side that is looked at in evaluation mode, in (0, 1].
    """

    scale_C: Tensor  # noqa: N815
    shift_C: Tensor  # noqa: N815

    def __init__(self, mean: Sequence[float], std: Sequence[float], evaluate_crop: float = 1.0) -> None:
        super().__init__()
        self.evaluate_crop = evaluate_crop
        # One multiplication and one addition a pixel: x * (1 / 255 / std) - mean / std.
        std_C = torch.tensor(std, dtype=torch.float64)
        mean_C = torch.tensor(mean, dtype=torch.float64)
        self.register_buffer("scale_C", (1 / (255 * std_C)).float(), persistent=False)
        self.register_buffer("shift_C", (-mean_C / std_C).float(), persistent=False)

    def forward(self, image_BHWC: Tensor) -> Tensor:
        is_whole = self.training or self.evaluate_crop == 1
        return self.normalise(image_BHWC if is_whole else enlarged_middle(image_BHWC, self.evaluate_crop))

    def normalise(self, view_BHWC: Tensor) -> Tensor:
        """The same without a crop, in whichever mode: for what is a view already."""
        x_BHWC = torch.addcmul(self.shift_C, view_BHWC.float(), self.scale_C)
        return x_BHWC.permute(0, 3, 1, 2)  # B C H W by name, channels last in memory: what convolutions like best


class LineInput(ImageInput):
    """uint8 (B, H, W, C) to normalised float (B, C, H, W), with columns of NaN where only zeros are stored.

    Args:
        mean: mean of the real columns of the training split, one a channel, on the scale 0..1.
        std: standard deviation of the same, above 0.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__(mean, std)

    def forward(self, image_BHWC: Tensor) -> Tensor:
        is_behind_B11W = (image_BHWC == PAD).all(dim=3).all(dim=1)[:, None, None]
        return self.normalise(image_BHWC).masked_fill(is_behind_B11W, torch.nan)


def enlarged_middle(image_BHWC: Tensor, share: float) -> Tensor:
    """The middle of images, brought to their size by bilinear interpolation.

    Args:
        image_BHWC: images, uint8 or float grey levels.
        share: share of each side that is kept, in (0, 1]; see ``evaluation_crop.middle``.

    Returns:
        Float32 (B, H, W, C), grey levels that are not rounded.
    """
    (top, rows), (left, columns) = (middle(side, share) for side in image_BHWC.shape[1:3])
    middle_BCHW = image_BHWC[:, top : top + rows, left : left + columns].permute(0, 3, 1, 2).float()
    # Antialiasing smooths what becomes smaller; nothing does
    size = image_BHWC.shape[1:3]
    enlarged_BCHW = nn.functional.interpolate(middle_BCHW, size=size, mode="bilinear", align_corners=False)
    return enlarged_BCHW.permute(0, 2, 3, 1)


class TokenInput(nn.Module):
    """int32 (B, T) to int64, which embeddings want: on the disk and on the way to a device, half of that is enough."""

    def forward(self, token_BT: Tensor) -> Tensor:
        return token_BT.long()


class SeriesInput(nn.Module):
    """float32 (B, T, F) to ``(x - mean) / std`` per feature.

    Args:
        mean: mean of the training split, one a feature.
        std: standard deviation of the training split, one a feature, above 0.
    """

    mean_F: Tensor  # noqa: N815
    std_F: Tensor  # noqa: N815

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean_F", torch.tensor(mean, dtype=torch.float32), persistent=False)
        self.register_buffer("std_F", torch.tensor(std, dtype=torch.float32), persistent=False)

    def forward(self, x_BTF: Tensor) -> Tensor:
        return (x_BTF - self.mean_F) / self.std_F


class VectorInput(nn.Module):
    """float32 or integer (B, F) to ``(x - mean) / std`` per feature, float32.

    Args:
        mean: mean of each feature over the training split.
        std: standard deviation of each feature, above 0.
    """

    mean_F: Tensor  # noqa: N815
    std_F: Tensor  # noqa: N815

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean_F", torch.tensor(mean, dtype=torch.float32), persistent=False)
        self.register_buffer("std_F", torch.tensor(std, dtype=torch.float32), persistent=False)

    def forward(self, x_BF: Tensor) -> Tensor:
        return (x_BF.float() - self.mean_F) / self.std_F
