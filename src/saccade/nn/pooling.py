"""Pooling over time: what of the outputs of all steps is answered from.

Each takes the real lengths of padded sequences, and then looks at no step beyond them.

Shapes: B batch, T time steps, W width of a step's output, D = W / 2 where there are two directions.
"""

import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.nn.padding import length_mask


class LastStep(nn.Module):
    """What is known once everything was read: the output at the last step; of a backward direction, at the first.

    Args:
        bidirectional: the second half of the outputs was read from the end.
    """

    def __init__(self, bidirectional: bool) -> None:
        super().__init__()
        self.bidirectional = bidirectional

    def forward(self, h_BTW: Tensor, length_B: Tensor | None = None) -> Tensor:
        """(B, T, W) to (B, W); lengths int64, each in [1, T]; None: all are T."""
        if length_B is None:
            last_BW = h_BTW[:, -1]
        else:
            last_BW = h_BTW[torch.arange(len(h_BTW), device=h_BTW.device), length_B - 1]
        if not self.bidirectional:
            return last_BW
        D = h_BTW.shape[2] // 2
        return torch.cat([last_BW[:, :D], h_BTW[:, 0, D:]], dim=1)

    def extra_repr(self) -> str:
        """What stands between the brackets where the module is printed."""
        return f"bidirectional={self.bidirectional}"


class MeanOverTime(nn.Module):
    """The mean of the outputs of all steps."""

    def forward(self, h_BTW: Tensor, length_B: Tensor | None = None) -> Tensor:
        """(B, T, W) to (B, W); lengths int64, each in [1, T]; None: all are T."""
        if length_B is None:
            return h_BTW.mean(dim=1)
        real_BT1 = length_mask(length_B, h_BTW.shape[1])[:, :, None]
        return h_BTW.masked_fill(~real_BT1, 0.0).sum(dim=1) / length_B[:, None]


class MaxOverTime(nn.Module):
    """The largest output of any step, unit by unit."""

    def forward(self, h_BTW: Tensor, length_B: Tensor | None = None) -> Tensor:
        """(B, T, W) to (B, W); lengths int64, each in [1, T]; None: all are T."""
        if length_B is not None:
            h_BTW = h_BTW.masked_fill(~length_mask(length_B, h_BTW.shape[1])[:, :, None], -torch.inf)
        return h_BTW.amax(dim=1)


class AdditiveAttention(nn.Module):
    """A mean over time whose weights are learnt: ``e_t = v . tanh(A h_t + b)``, ``a = softmax(e)``, ``sum of a_t h_t``.

    Args:
        width: W.

    Source: D. Bahdanau, K. Cho, Y. Bengio, "Neural machine translation by jointly learning to align and translate",
    2014. Nothing asks here, since there is one answer and not one a word, so v stands alone where they add the state
    of a decoder, as in Z. Yang et al., "Hierarchical attention networks", 2016. A bias on e_t would change nothing.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)

    def weights(self, h_BTW: Tensor, length_B: Tensor | None = None) -> Tensor:
        """How much each step counts: (B, T, W) to (B, T), each row without negative numbers, its sum 1."""
        score_BT = self.score(torch.tanh(self.project(h_BTW))).squeeze(2)
        if length_B is not None:
            score_BT = score_BT.masked_fill(~length_mask(length_B, h_BTW.shape[1]), -torch.inf)
        return torch.softmax(score_BT, dim=1)

    def forward(self, h_BTW: Tensor, length_B: Tensor | None = None) -> Tensor:
        """(B, T, W) to (B, W); lengths int64, each in [1, T]; None: all are T."""
        return (self.weights(h_BTW, length_B).unsqueeze(2) * h_BTW).sum(dim=1)


def pool_over_time(name: str, width: int, bidirectional: bool) -> nn.Module:
    """A new module from the outputs of all steps (B, T, W) to (B, W).

    Args:
        name: last, mean, max or attention.
        width: W.
        bidirectional: whether half of W was read from the end.

    Returns:
        One of the modules above; only attention has weights.

    Raises:
        UserError: the name is not one of these.
    """
    match name:
        case "last":
            return LastStep(bidirectional)
        case "mean":
            return MeanOverTime()
        case "max":
            return MaxOverTime()
        case "attention":
            return AdditiveAttention(width)
    raise UserError(f"pool ({name!r}) must be one of last, mean, max, attention")
