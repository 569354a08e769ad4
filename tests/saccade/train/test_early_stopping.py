"""Which epoch was the best, and when to stop, from lists of losses worked out by hand."""

import pytest

from saccade.train.early_stopping import best_epoch, epochs_without_gain


@pytest.mark.parametrize(
    ("losses", "epoch"),
    [([0.5], 1), ([0.5, 0.4, 0.3], 3), ([0.5, 0.3, 0.4], 2), ([0.5, 0.3, 0.4, 0.3], 2), ([0.2, 0.2], 1)],
)
def test_the_best_is_the_first_of_the_lowest(losses: list[float], epoch: int) -> None:
    assert best_epoch(losses) == epoch


@pytest.mark.parametrize(
    ("losses", "min_delta", "waited"),
    [
        ([], 0.0, 0),
        ([0.5], 0.0, 0),
        ([0.5], 9.0, 0),  # the first epoch is a gain, whatever min_delta
        ([0.5, 0.5], 0.0, 1),  # as low is no lower
        ([0.5, 0.6, 0.4], 0.0, 0),
        ([0.5, 0.6, 0.4, 0.45, 0.7], 0.0, 2),
        ([1.0, 0.75], 0.25, 1),  # exactly min_delta is not more
        ([1.0, 0.75, 0.5], 0.25, 0),  # compared with the 1.0 of the last gain
        ([1.0, 0.9, 0.8, 0.7], 0.25, 0),  # small steps that add up
        ([1.0, 0.9, 0.8], 0.25, 2),
    ],
)
def test_epochs_are_counted_from_the_last_gain(losses: list[float], min_delta: float, waited: int) -> None:
    assert epochs_without_gain(losses, min_delta) == waited
