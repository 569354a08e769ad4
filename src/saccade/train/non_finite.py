"""The error of a loss that is NaN or infinite: which layer broke, on which batch, and what to change."""

import torch

from saccade.batching.batches import Batch
from saccade.core.errors import NonFiniteError
from saccade.nn.inspect import first_non_finite
from saccade.optim.losses import MixedTarget
from saccade.train.state import TrainingState


def non_finite(state: TrainingState, epoch: int, batch: Batch) -> NonFiniteError:
    """What to raise when the loss is not finite: two lines for the user, and what it takes to study how it broke.

    Args:
        state: network and optimiser as they are.
        epoch: number of the epoch under way.
        batch: examples whose loss is not finite, or the last ones where nobody looked before.

    Returns:
        The exception.
    """
    where = first_non_finite(state.network, batch.x) or "the loss itself"
    where = where.replace(" of 1.", " of ")  # as the model names its layers
    if where.startswith("output of 0"):  # the input layer only normalises
        where = "the examples themselves"
    updates = state.optimizer.step_count
    kept = {"rows": batch.rows, "examples": batch.x}
    if isinstance(batch.target, MixedTarget):
        own, partner, lam = batch.target.own, batch.target.partner, torch.tensor(batch.target.lam)
        kept |= {"labels": own, "partners": partner, "lam": lam}
    else:
        kept["labels"] = batch.target
    return NonFiniteError(
        f"the loss is not finite in epoch {epoch}, after {updates} updates: first broken: {where}. "
        "The epoch was given up.\n"
        f"Lower train.optimizer.lr (now {state.optimizer.lr:g}), or set train.clip_norm: 1.0.",
        {"epoch": epoch, "updates": updates, "where": where, "layers": state.layer_statistics.read()},
        {name: tensor.detach().cpu().contiguous() for name, tensor in kept.items()},
    )
