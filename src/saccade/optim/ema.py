"""Ensemble weights: an exponential moving average of what training produces, often better than its last step."""

import torch
from torch import nn


@torch.no_grad()
def update_ema(averaged: nn.Module, network: nn.Module, *, decay: float, step_count: int) -> None:
    """Move the average a little towards the weights.

    ``average = d * average + (1 - d) * weights`` with ``d = min(decay, (1 + t) / (10 + t))`` after t steps: early in
    training the average forgets faster, or it would long hold the random start. Running statistics of norms are copied.

    Args:
        averaged: copy of the network, changed in place.
        network: the network after an update.
        decay: share of the average that stays, in [0, 1); about 1 / (1 - decay) updates are averaged.
        step_count: number of updates so far, from 1.
    """
    share = 1 - min(decay, (1 + step_count) / (10 + step_count))
    torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), share)
    for own, current in zip(averaged.buffers(), network.buffers(), strict=True):
        own.copy_(current)
