"""The error of a loss that is NaN or infinite: which layer broke, on which batch, and what to change."""

import torch
from torch import Tensor

from saccade.core.errors import NonFiniteError
from saccade.nn.inspect import first_non_finite
from saccade.optim.losses import MixedTarget
from saccade.train.state import TrainingState


def non_finite(
    state: TrainingState, epoch: int, rows_B: Tensor, x: Tensor, target: Tensor | MixedTarget
) -> NonFiniteError:
    """What to raise when the loss is not finite: two lines for the user, and what it takes to study how it broke.

    Args:
        state: as it is.
        epoch: under way.
        rows_B: of the training split, in the batch.
        x: what the network was given.
        target: what it should have answered; of mixed examples the two classes and the share are kept.

    Returns:
        The exception.
    """
    where = (first_non_finite(state.network, x) or "the loss itself").replace(" of 1.", " of ")  # as the model has it
    if where.startswith("output of 0"):  # the input layer only normalises
        where = "the examples themselves"
    updates = state.optimizer.updates
    batch = {"rows": rows_B, "examples": x}
    if isinstance(target, Tensor):
        batch["labels"] = target
    else:
        batch |= {"labels": target.own, "partners": target.partner, "share": torch.tensor(target.share)}
    return NonFiniteError(
        f"the loss is not finite in epoch {epoch}, after {updates} updates: first broken: {where}. "
        "The epoch was given up.\n"
        f"Lower train.optimizer.lr (now {state.optimizer.lr:g}), or set train.clip_norm: 1.0.",
        {"epoch": epoch, "updates": updates, "where": where, "layers": state.signs.read()},
        {name: tensor.detach().cpu().contiguous() for name, tensor in batch.items()},
    )
