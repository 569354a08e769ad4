"""The prediction interval of a network that forecasts, measured on the validation split.

Shapes: N windows, O numbers to predict.
"""

import torch
from torch import Tensor, nn

from saccade.batching.arrays import take
from saccade.bundle.intervals import PredictionInterval, prediction_interval


@torch.no_grad()
def measure_interval(
    network: nn.Module, examples: Tensor, targets: Tensor, *, batch_size: int, device: torch.device
) -> PredictionInterval:
    """``prediction_interval`` the answers that a network gives in evaluation mode.

    Args:
        network: stored examples in, forecasts in the data's own unit out; on the device.
        examples: examples of the validation split, as stored.
        targets: true numbers, float (N, O).
        batch_size: number of examples at once.
        device: device of the network.

    Returns:
        The interval.
    """
    network.eval()
    answers = [
        network(take(examples, rows, device)).float().cpu() for rows in torch.arange(len(targets)).split(batch_size)
    ]
    return prediction_interval(torch.cat(answers).numpy(), targets.numpy())
