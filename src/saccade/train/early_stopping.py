"""Which epoch was the best, and when to stop: plain functions of the validation losses so far.

Nothing else is remembered between epochs, so a run that is stopped and goes on later decides as if it had not been;
and all processes of a training, which measure the same numbers, decide alike.
"""

import math
from collections.abc import Sequence


def best_epoch(losses: Sequence[float]) -> int:
    """The epoch with the lowest loss, the first of equals.

    Args:
        losses: validation loss of each epoch so far, at least one.

    Returns:
        From 1.

    >>> best_epoch([0.9, 0.4, 0.6, 0.4])
    2
    """
    return losses.index(min(losses)) + 1


def epochs_without_gain(losses: Sequence[float], min_delta: float = 0.0) -> int:
    """How many epochs have passed since the loss was last lower than before by more than ``min_delta``.

    What it is compared with is the loss of that last gain: many small steps that come to more than ``min_delta`` are a
    gain, too.

    Args:
        losses: validation loss of each epoch so far.
        min_delta: difference that counts as a gain, from 0.

    Returns:
        0 after a gain; the first epoch is one.

    >>> epochs_without_gain([0.9, 0.4, 0.6, 0.4]), epochs_without_gain([0.9, 0.8, 0.7], min_delta=0.15)
    (2, 0)
    """
    lowest, waited = math.inf, 0
    for loss in losses:
        if loss < lowest - min_delta:
            lowest, waited = loss, 0
        else:
            waited += 1
    return waited
