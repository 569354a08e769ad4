"""Averaged weights: an exponential moving average of what training produces, often better than its last step."""

import torch
from torch import nn


@torch.no_grad()
def update_average(averaged: nn.Module, network: nn.Module, *, decay: float, updates: int) -> None:
    """Move the average a little towards the weights.

    ``average = d * average + (1 - d) * weights`` with ``d = min(decay, (1 + updates) / (10 + updates))``: early in
    training the average forgets faster, or it would long hold the random start. Running statistics of norms are copied.

    Args:
        averaged: a copy of the network, changed in place.
        network: after an update.
        decay: share of the average that stays, in [0, 1); about 1 / (1 - decay) updates are averaged.
        updates: how many there have been.
    """
    share = 1 - min(decay, (1 + updates) / (10 + updates))
    torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), share)
    for own, current in zip(averaged.buffers(), network.buffers(), strict=True):
        own.copy_(current)
