"""Losses over logits and class ids, averaged over the batch.

Shapes: B batch, K classes.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits_BK: Tensor, target_B: Tensor) -> Tensor:
    """Mean negative log-likelihood in nats: ``-log softmax(logits)[target]``."""
    return F.cross_entropy(logits_BK, target_B)


def mse(logits_BK: Tensor, target_B: Tensor) -> Tensor:
    """The course's squared error: ``sum over k of 1/2 (one_hot - softmax(logits))^2``, averaged over the batch."""
    one_hot_BK = F.one_hot(target_B, logits_BK.shape[1]).to(logits_BK.dtype)
    return 0.5 * (one_hot_BK - logits_BK.softmax(dim=1)).square().sum(dim=1).mean()


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "mse": mse}
