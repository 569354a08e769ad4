"""torch's optimisers, by name, with weight decay where it belongs."""

from typing import Any

import torch
from torch import nn


def build(
    name: str, model: nn.Module, *, lr: float, weight_decay: float = 0.0, **options: Any
) -> torch.optim.Optimizer:
    """Build an optimiser over the trainable parameters of a model.

    Biases and the weights of norms (every parameter of one dimension) are not decayed: pulling them to zero limits
    nothing that can overfit (T. He et al., "Bag of tricks for image classification", 2018, section 3.1).

    Args:
        name: sgd, adam or adamw.
        model: frozen parameters (``requires_grad=False``) are left out.
        lr: learning rate, above 0; a schedule multiplies it.
        weight_decay: L2 penalty (sgd, adam) or decoupled decay (adamw), from 0.
        **options: the optimiser's own: momentum, nesterov; betas, eps.

    Returns:
        An optimiser with one group that is decayed and one that is not.
    """
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    if "betas" in options:
        options["betas"] = tuple(options["betas"])
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return kind([group for group in groups if group["params"]], lr=lr, **options)


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = lr
