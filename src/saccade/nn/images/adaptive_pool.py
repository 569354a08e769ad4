"""Average pooling to a fixed number of positions, whatever arrives.

Shapes: B batch, C channels, H height, W width before, h and w after.
"""

import torch
from torch import Tensor, nn


class AdaptiveAvgPool2d(nn.Module):
    """(B, C, H, W) to (B, C, h, w): each result is the mean of one rectangle; the rectangles cover everything.

    It computes what ``nn.AdaptiveAvgPool2d`` does, as a product with one matrix a side. torch's own has no
    deterministic gradient on CUDA: training with ``deterministic: true`` would end in its error.

    Args:
        height: positions that are left of H.
        width: positions that are left of W.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height = height
        self.width = width

    def forward(self, x_BCHW: Tensor) -> Tensor:
        H, W = x_BCHW.shape[2:]
        if self.height != H:
            x_BCHW = _averaging_matrix(H, self.height, x_BCHW) @ x_BCHW  # B C h W
        if self.width != W:
            x_BCHW = x_BCHW @ _averaging_matrix(W, self.width, x_BCHW).T  # B C h w
        return x_BCHW

    def extra_repr(self) -> str:
        """What stands between the brackets where the module is printed."""
        return f"height={self.height}, width={self.width}"


def _averaging_matrix(before: int, after: int, like: Tensor) -> Tensor:
    """Weight of each position before in each one after, (after, before): row i averages [i n/m, (i + 1) n/m), n to m.

    The ends are rounded outwards, so that neighbouring rows overlap where m does not divide n.
    """
    row_m1 = torch.arange(after, device=like.device)[:, None]
    at_n = torch.arange(before, device=like.device)
    is_inside_mn = (at_n >= row_m1 * before // after) & (at_n < ((row_m1 + 1) * before + after - 1) // after)
    return (is_inside_mn / is_inside_mn.sum(dim=1, keepdim=True)).to(like.dtype)
