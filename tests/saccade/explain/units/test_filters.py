"""First filters: the waves that are drawn into them, dead and repeated ones, and where none come first."""

import numpy as np
import pytest
import torch
from torch import nn

from saccade.explain.units.filters import DUPLICATE, as_pictures, first_filters, strongest_wave


def wave(frequency: float, degrees: float, side: int = 11) -> np.ndarray:
    """A wave that runs at an angle from rightwards to downwards: its stripes stand upright at 0."""
    y, x = np.mgrid[:side, :side]
    angle = np.radians(degrees)
    return np.cos(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle)))[None]


@pytest.mark.parametrize(("frequency", "degrees"), [(0.25, 0), (0.25, 90), (0.2, 45), (0.3, 135), (0.15, 20)])
def test_frequency_and_orientation_are_those_of_the_wave(frequency: float, degrees: float) -> None:
    found, orientation = strongest_wave(wave(frequency, degrees))
    assert found == pytest.approx(frequency, abs=0.02)
    assert orientation == pytest.approx(degrees, abs=6)  # of 64 points a side


def test_a_filter_that_takes_a_mean_has_no_orientation() -> None:
    frequency, orientation = strongest_wave(np.ones((3, 5, 5)))
    assert frequency == 0 and np.isnan(orientation)


def test_dead_and_repeated_filters_are_counted() -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 4 * 6, 2))
    weights = torch.randn(6, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    weights[2] = -2 * weights[0]  # the same, upside down
    weights[4] = 1e-6
    weights[5] = weights[0] + 0.05 * weights[1]
    with torch.no_grad():
        network[0].weight.copy_(weights)
    found = first_filters(network, torch.zeros(1, 3, 8, 10))
    assert found is not None
    assert found.layer == "0" and found.weights.shape == (6, 3, 5, 5)
    assert np.flatnonzero(found.is_dead).tolist() == [4]
    assert found.duplicates == [(0, 2), (0, 5), (2, 5)] and found.num_repeated == 2
    assert DUPLICATE < 1
    pictures = as_pictures(found.weights)
    assert pictures[0].shape == (5, 5, 3) and pictures[0].min() >= 0 and pictures[0].max() <= 1


def test_a_linear_layer_over_all_pixels_has_filters_and_one_over_rows_has_none() -> None:
    x_BCHW = torch.zeros(1, 2, 4, 6)
    flat = first_filters(nn.Sequential(nn.Flatten(), nn.Linear(48, 5)), x_BCHW)
    assert flat is not None and flat.weights.shape == (5, 2, 4, 6)
    rows = nn.Sequential(nn.Flatten(2), nn.Linear(24, 3), nn.Flatten(), nn.Linear(6, 2))
    assert first_filters(rows, x_BCHW) is None
