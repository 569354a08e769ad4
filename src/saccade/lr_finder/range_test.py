"""A learning rate range test: what a rate that rises from update to update does to the loss.

Source: L. Smith, "Cyclical learning rates for training neural networks", 2015, section 3.3, with a rate that rises by
the same factor in every update instead of by the same amount, so that it passes all powers of ten alike.

Shapes: N examples, U updates.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from saccade.core.progress import Progress, no_progress
from saccade.optim.losses import Loss
from saccade.train.loop import fit
from saccade.train.state import LabelledArrays, TrainingState

LOWEST, HIGHEST = 1e-6, 100.0  # of what was tried, nothing learns at the one, and only rote learning survives the other
_EXPLODED = 10.0  # times the first loss, in three updates on end


class _Enough(BaseException):  # nothing between here and ``fit`` may take it for an error
    """The way out of ``fit``: there is nothing more to see."""


def rates_between(lowest: float, highest: float, updates: int) -> list[float]:
    """A learning rate for each update: ``lowest * (highest / lowest) ** (u / (updates - 1))``.

    Args:
        lowest: of the first update, above 0.
        highest: of the last one, above ``lowest``.
        updates: at least 2.

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
    train: LabelledArrays,
    validation: LabelledArrays,
    *,
    rates: Sequence[float],
    loss: Loss,
    batch_size: int,
    accumulation_steps: int = 1,
    progress: Progress = no_progress,
    **settings: Any,
) -> Iterator[float]:
    """Train with one learning rate after the other, through ``training.fit`` and with its settings.

    What a training draws is drawn here as well: the order of the examples, views, dropout and mixing follow from the
    seed, so the first update is the training's own but for its rate. Small data are passed several times. Left out is
    what does not change an update: averaged weights, validation, early stopping, and compiling, which takes longer.

    Args:
        state: fresh, on its device; it is used up.
        train: what is learnt from.
        validation: not looked at but for one example.
        rates: of each update.
        loss: as ``fit`` takes it.
        batch_size: likewise.
        accumulation_steps: likewise.
        progress: called with the updates done.
        **settings: the others of ``fit``; a rate, a schedule and a number of epochs among them are of no effect.

    Yields:
        For each update the loss over its examples before it, until the rates are through, the loss is not finite, or
        three on end are more than ten times the first.
    """
    losses: list[float] = []
    done, loss_sum = 0, 0.0  # of the epoch under way

    def finite(output: Tensor, target: Tensor, **of_training: Any) -> Tensor:
        value = loss(output, target, **of_training)
        if not math.isfinite(value.item()):
            raise _Enough
        return value

    def after_update(state: TrainingState) -> None:
        nonlocal done, loss_sum
        now = state.progress
        if now.examples <= done:  # another epoch has begun
            done, loss_sum = 0, 0.0
        total = float(now.sums[0])
        losses.append((total - loss_sum) / (now.examples - done))
        done, loss_sum = now.examples, total
        progress("updates", len(losses), len(rates))
        if len(losses) == len(rates) or min(losses[-3:]) > _EXPLODED * losses[0]:
            raise _Enough

    updates_per_epoch = -(-train.labels.shape[0] // (batch_size * accumulation_steps))
    settings |= {
        "batch_size": batch_size,
        "accumulation_steps": accumulation_steps,
        "schedule": lambda update: rates[update],
        "lr": 1.0,
        "epochs": -(-len(rates) // updates_per_epoch),
        "average_decay": None,
        "patience": None,
        "compile": False,
        "after_update": after_update,
    }
    try:
        for _ in fit(state, train, _first_of(validation), loss=finite, **settings):
            pass
    except _Enough:
        pass
    yield from losses


def _first_of(data: LabelledArrays) -> LabelledArrays:
    """One example of stored ones: ``fit`` measures after each epoch, and nobody looks."""
    assert isinstance(data.views, Tensor)
    lengths = None if data.lengths is None else data.lengths[:1]
    return LabelledArrays(data.views[:1, :1], data.labels[:1], lengths)
