"""The interval around a forecast in which the truth is expected: measured by how far off forecasts were.

Shapes: N windows, O numbers to predict.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from saccade.batching.arrays import take

SHARE = 0.8  # of the truths that the interval is to hold


@dataclass(frozen=True)
class PredictionInterval:
    """How far the truth lay from what was forecast, on windows that nothing was learnt from.

    Attributes:
        share: share of the truths that lay between low and high there, in (0, 1).
        low: number to add to each forecast for the lower bound, one a number to predict, in its own unit.
        high: number to add to each forecast for the upper bound, in the same order and units.
        windows: number of windows that it was measured on.
    """

    share: float
    low: list[float]
    high: list[float]
    windows: int

    def bounds(self, answers_NO: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper bound of each forecast, float64 (N, O)."""
        return answers_NO + np.array(self.low), answers_NO + np.array(self.high)


def prediction_interval(answers_NO: np.ndarray, targets_NO: np.ndarray) -> PredictionInterval:
    """Quantiles of what the forecasts were off, number by number: the steps ahead differ in how far one can see.

    Args:
        answers_NO: forecasts for the validation split, float.
        targets_NO: true numbers, float.

    Returns:
        The interval between the 10 % and the 90 % quantile.

    Raises:
        ValueError: shapes differ, or there are no windows.
    """
    if answers_NO.shape != targets_NO.shape or answers_NO.ndim != 2 or len(answers_NO) == 0:
        raise ValueError(f"answers_NO {answers_NO.shape} and targets_NO {targets_NO.shape} must be the same (N, O)")
    off_NO = targets_NO.astype(np.float64) - answers_NO.astype(np.float64)
    low_O, high_O = np.quantile(off_NO, [(1 - SHARE) / 2, (1 + SHARE) / 2], axis=0)
    return PredictionInterval(SHARE, low_O.tolist(), high_O.tolist(), len(off_NO))


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


def interval_coverage(low_NO: np.ndarray, high_NO: np.ndarray, targets_NO: np.ndarray) -> float:
    """The share of the truths that lie within an interval, bounds included."""
    return float(((low_NO <= targets_NO) & (targets_NO <= high_NO)).mean())
