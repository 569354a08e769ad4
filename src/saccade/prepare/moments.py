"""Mean and standard deviation of the training split, gathered chunk by chunk while it is written.

Shapes: N examples, F features or channels.
"""

from typing import Protocol

import numpy as np


class Moments(Protocol):
    """What gathers mean and standard deviation."""

    def add(self, values_NF: np.ndarray) -> None:
        """Take more examples in, (N, ..., F)."""

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each feature; the second is above 0."""


class KnownMoments:
    """Mean and standard deviation that were gathered elsewhere: of overlapping windows, each step shall count once.

    Args:
        mean: mean of each feature.
        std: standard deviation of each feature, above 0.
    """

    def __init__(self, mean: list[float], std: list[float]) -> None:
        self._mean, self._std = mean, std

    def add(self, values_NF: np.ndarray) -> None:
        """Nothing is learnt from the windows."""

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        """What was given."""
        return self._mean, self._std


class FeatureMoments:
    """Count, mean and sum of squared deviations per feature in float64, joined chunk by chunk.

    Sums of squares would lose all digits of a feature whose mean is large beside its deviation (Chan et al., 1979).

    Args:
        features: number of features, F.
    """

    def __init__(self, features: int) -> None:
        self._count = 0
        self._mean_F = np.zeros(features)
        self._deviation_F = np.zeros(features)

    def add(self, values_NF: np.ndarray) -> None:
        """Take more examples in, (N, ..., F), of any number type; NaN, the padding of series, does not count."""
        flat = values_NF.reshape(-1, values_NF.shape[-1]).astype(np.float64)
        if np.isnan(flat[:, 0]).any():
            flat = flat[~np.isnan(flat[:, 0])]
        if not len(flat):
            return
        mean_F = flat.mean(axis=0)
        total = self._count + len(flat)
        difference_F = mean_F - self._mean_F
        self._deviation_F += np.square(flat - mean_F).sum(axis=0)
        self._deviation_F += difference_F**2 * self._count * len(flat) / total
        self._mean_F += difference_F * len(flat) / total
        self._count = total

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        """Of all that was added; 1 in place of a deviation of 0."""
        std_F = np.sqrt(self._deviation_F / max(self._count, 1))
        return self._mean_F.tolist(), np.where(std_F > 0, std_F, 1.0).tolist()  # what never varies becomes 0
