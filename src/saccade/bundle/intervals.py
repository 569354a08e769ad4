"""The band around a forecast in which the truth is expected: measured by how far off forecasts were.

Shapes: N windows, O numbers to predict.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from saccade.batching.batches import take

SHARE = 0.8  # of the truths that the band is to hold


@dataclass(frozen=True)
class Band:
    """How far the truth lay from what was forecast, on windows that nothing was learnt from.

    Attributes:
        share: of the truths that lay between low and high there.
        low: of each number to predict, what is added to its forecast for the lower end, in its own unit.
        high: likewise for the upper end.
        windows: how many it was measured on.
    """

    share: float
    low: list[float]
    high: list[float]
    windows: int

    def around(self, answers_NO: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper end for each forecast, float64 (N, O)."""
        return answers_NO + np.array(self.low), answers_NO + np.array(self.high)


def band_of(answers_NO: np.ndarray, targets_NO: np.ndarray) -> Band:
    """Quantiles of what the forecasts were off, number by number: the steps ahead differ in how far one can see.

    Args:
        answers_NO: float, the forecasts for the validation split.
        targets_NO: float, what came.

    Returns:
        The band between the 10 % and the 90 % quantile.

    Raises:
        ValueError: shapes differ, or there are no windows.
    """
    if answers_NO.shape != targets_NO.shape or answers_NO.ndim != 2 or len(answers_NO) == 0:
        raise ValueError(f"answers_NO {answers_NO.shape} and targets_NO {targets_NO.shape} must be the same (N, O)")
    off_NO = targets_NO.astype(np.float64) - answers_NO.astype(np.float64)
    low_O, high_O = np.quantile(off_NO, [(1 - SHARE) / 2, (1 + SHARE) / 2], axis=0)
    return Band(SHARE, low_O.tolist(), high_O.tolist(), len(off_NO))


@torch.no_grad()
def measure_band(
    network: nn.Module, examples: Tensor, targets: Tensor, *, batch_size: int, device: torch.device
) -> Band:
    """``band_of`` the answers that a network gives in evaluation mode.

    Args:
        network: stored examples in, forecasts in the data's own unit out; on the device.
        examples: of the validation split, as stored.
        targets: float (N, O), what came.
        batch_size: examples at once.
        device: where the network is.

    Returns:
        The band.
    """
    network.eval()
    answers = [
        network(take(examples, rows, device)).float().cpu() for rows in torch.arange(len(targets)).split(batch_size)
    ]
    return band_of(torch.cat(answers).numpy(), targets.numpy())


def coverage(low_NO: np.ndarray, high_NO: np.ndarray, targets_NO: np.ndarray) -> float:
    """The share of the truths that lie within a band, ends included."""
    return float(((low_NO <= targets_NO) & (targets_NO <= high_NO)).mean())
