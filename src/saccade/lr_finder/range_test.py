"""A learning rate range test: what a rate that rises from update to update does to the loss.

Source: L. Smith, "Cyclical learning rates for training neural networks", 2015, section 3.3, with a rate that rises by
the same factor in every update instead of by the same amount, so that it passes all powers of ten alike.

Shapes: N examples, U updates.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from saccade.batching.batches import Batches
from saccade.core.progress import Progress, no_progress
from saccade.optim.objective import Objective
from saccade.train.runtime import NonFiniteLossError, Runtime
from saccade.train.state import TrainingState
from saccade.train.step import train_step
from saccade.transfer.freeze import train_mode

LOWEST, HIGHEST = 1e-6, 100.0  # of what was tried, nothing learns at the one, and only rote learning survives the other
_EXPLODED = 10.0  # times the first loss, in three updates on end


def rates_between(lowest: float, highest: float, updates: int) -> list[float]:
    """A learning rate for each update: ``lowest * (highest / lowest) ** (u / (updates - 1))``.

    Args:
        lowest: rate of the first update, above 0.
        highest: rate of the last one, above ``lowest``.
        updates: number of updates, at least 2.

    Returns:
        The rates, rising.

    Raises:
        ValueError: a value lies outside of these.
    """
    if not 0 < lowest < highest:
        raise ValueError(f"lowest ({lowest:g}) must lie between 0 and highest ({highest:g})")
    if updates < 2:
        raise ValueError(f"updates ({updates}) must be at least 2")
    return [lowest * (highest / lowest) ** (update / (updates - 1)) for update in range(updates)]


def rising_losses(
    state: TrainingState,
    batches: Batches,
    objective: Objective,
    rates: Sequence[float],
    runtime: Runtime = Runtime(),
    *,
    clip_norm: float | None = None,
    fixed_norms: bool = False,
    progress: Progress = no_progress,
) -> Iterator[float]:
    """Train with one learning rate after the other.

    The updates are those of a training: the order of the examples, views, dropout and mixing follow from the seed, so
    the first update is the training's own but for its rate. Small data are passed several times. Nothing is validated,
    averaged or compiled.

    Args:
        state: fresh, on the device of ``runtime``; it is used up.
        batches: updates of the training split, epoch by epoch.
        objective: function from outputs and targets to loss and score.
        rates: learning rate of each update.
        runtime: device and precision.
        clip_norm: largest L2 norm of the whole gradient; None leaves it as it is.
        fixed_norms: whether batch norms keep the statistics that they begin with.
        progress: callback that gets the number of updates done.

    Yields:
        For each update the loss over its examples before it, until the rates are through, the loss is not finite, or
        three on end are more than ten times the first.
    """
    runtime = replace(runtime, compile=False, check_losses=True)
    state.forward = runtime.prepare(state.network)
    train_mode(state.network, fixed_norms=fixed_norms)
    losses: list[float] = []
    updates = itertools.chain.from_iterable(batches.epoch(epoch) for epoch in itertools.count(1))
    for rate, update in zip(rates, updates, strict=False):
        state.optimizer.lr = rate
        runtime.seed(update.seed)
        state.progress.sums.zero_()
        try:
            train_step(state, update, objective, runtime, clip_norm)
        except NonFiniteLossError:
            return
        losses.append(state.progress.sums[0].item() / update.examples)
        progress("updates", len(losses), len(rates))
        yield losses[-1]
        if min(losses[-3:]) > _EXPLODED * losses[0]:
            return
