"""Sequences of unequal length in one batch: what stands behind each one's end must change nothing.

Behind a text stand ids of padding, behind a series steps of NaN, right of the image of a line columns of 0, of NaN
once it is normalised.

Lengths stay on the device where the tokens are: a number that the host had to wait for would hold up every update.

Shapes: B batch, T time steps, W numbers a step, F features, C channels, H height.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.data.spec import PAD


def sequence_lengths(x: Tensor) -> Tensor:
    """How many steps each sequence has, int64 (B,); an empty one counts as a single step of padding.

    Args:
        x: ids of tokens, integers (B, T); series, float (B, T, F); or images of lines, whose steps are columns:
            as they are stored, uint8 (B, H, T, C), or normalised, float (B, C, H, T).

    Returns:
        Lengths, on the same device.
    """
    if x.ndim == 4:
        is_real_BT = ~x[:, 0, 0].isnan() if x.is_floating_point() else (x != PAD).any(dim=3).any(dim=1)
    else:
        is_real_BT = ~x[:, :, 0].isnan() if x.is_floating_point() else x != PAD
    return is_real_BT.sum(dim=1).clamp(min=1)


class ZeroPadding(nn.Module):
    """Series float (B, T, F) with zeros, the mean of what is normalised, in place of the NaN behind their ends."""

    def forward(self, x_BTF: Tensor) -> Tensor:
        return x_BTF.masked_fill(x_BTF.isnan(), 0.0)


def length_mask(length_B: Tensor, steps: int) -> Tensor:
    """Which steps lie within each sequence, bool (B, steps)."""
    return torch.arange(steps, device=length_B.device) < length_B[:, None]


def reverse_padded(x_BTW: Tensor, length_B: Tensor) -> Tensor:
    """Each sequence from its own end to its beginning; what stands behind its end stays there. Twice is as it was.

    Args:
        x_BTW: any numbers.
        length_B: int64, each in [1, T].

    Returns:
        (B, T, W).
    """
    B, T = x_BTW.shape[:2]
    step_T = torch.arange(T, device=x_BTW.device)
    mirrored_BT = length_B[:, None] - 1 - step_T
    # Picked by index, and not by ``gather``, whose gradient CUDA adds up in no fixed order.
    return x_BTW[torch.arange(B, device=x_BTW.device)[:, None], torch.where(mirrored_BT >= 0, mirrored_BT, step_T)]


class MaskedBatchNorm1d(nn.modules.batchnorm._NormBase):
    """A batch norm over (B, F, T) whose mean and variance are those of the real steps alone.

    In evaluation it is torch's. On several GPUs each process takes the statistics of its own share of the batch, as
    all batch norms do on a CPU: torch's ``SyncBatchNorm`` knows no padding, and does not take this one's place.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        assert input.ndim == 3, input.shape

    def forward(self, x_BFT: Tensor, length_B: Tensor) -> Tensor:
        """(B, F, T), shape kept; lengths int64, each in [1, T]. What lies behind them is normalised, not counted."""
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
        assert self.momentum is not None
        if not self.training:
            return F.batch_norm(
                x_BFT, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        x_BFT = x_BFT.float()  # under autocast too: sums over thousands of steps
        real_B1T = length_mask(length_B, x_BFT.shape[2])[:, None]
        count = length_B.sum()  # on the device, as all that follows
        mean_F1 = (x_BFT * real_B1T).sum(dim=(0, 2))[:, None] / count
        centred_BFT = x_BFT - mean_F1
        variance_F = (centred_BFT * real_B1T).square().sum(dim=(0, 2)) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean_F1[:, 0], self.momentum)
            self.running_var.lerp_(variance_F * (count / (count - 1).clamp(min=1)), self.momentum)
        scale_F = self.weight / (variance_F + self.eps).sqrt()
        return centred_BFT * scale_F[:, None] + self.bias[:, None]


class MaskedBatchNorm2d(nn.modules.batchnorm._NormBase):
    """A batch norm over (B, C, H, W) whose mean and variance are those of the real columns alone.

    Columns behind them are zero before and after it. In evaluation real ones are torch's. On several GPUs each process
    takes the statistics of its own share of the batch.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        assert input.ndim == 4, input.shape

    def forward(self, x_BCHW: Tensor, length_B: Tensor) -> Tensor:
        """(B, C, H, W), shape kept; lengths in columns, int64, each in [1, W]."""
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
        assert self.momentum is not None
        H, W = x_BCHW.shape[2:]
        real_B11W = length_mask(length_B, W)[:, None, None].to(x_BCHW.dtype)
        mean_C, variance_C = self.running_mean, self.running_var
        x_BCHW = x_BCHW * real_B11W
        if self.training:
            x_BCHW = x_BCHW.float()  # under autocast too: sums over thousands of pixels
            count = length_B.sum() * H  # on the device, as all that follows
            # Zeros behind the ends add nothing to the sums
            mean_C = x_BCHW.sum(dim=(0, 2, 3)) / count
            square_C = torch.linalg.vector_norm(x_BCHW, dim=(0, 2, 3)).square() / count
            variance_C = (square_C - mean_C.square()).clamp(min=0)
            with torch.no_grad():
                self.num_batches_tracked += 1
                self.running_mean.lerp_(mean_C, self.momentum)
                self.running_var.lerp_(variance_C * (count / (count - 1).clamp(min=1)), self.momentum)
        scale_C = self.weight / (variance_C + self.eps).sqrt()
        shift_C = self.bias - mean_C * scale_C
        return torch.addcmul(shift_C[:, None, None] * real_B11W, x_BCHW, scale_C[:, None, None])
