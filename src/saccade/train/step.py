"""One step of training: forward, loss, backward, clip, update. All that surrounds it is in ``loop.py``."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from saccade.batching.batches import Update
from saccade.optim.objective import Objective
from saccade.train.runtime import Runtime
from saccade.train.state import TrainingState


def train_step(
    state: TrainingState, update: Update, objective: Objective, runtime: Runtime, clip_norm: float | None
) -> "GradientNorms":
    """Learn from one update.

    Args:
        state: network, optimiser, and the sums of the epoch under way, to which loss and score are added.
        update: batches of examples; their gradients add up to that of the whole update.
        objective: function from outputs and targets to loss and score.
        runtime: device, precision and processes.
        clip_norm: largest L2 norm of the whole gradient; None leaves it as it is.

    Returns:
        Norms of the gradient before clipping.
    """
    state.optimizer.zero_grad()
    for batch in update:  # trimmed, mixed, the rows of this process, on the device
        with runtime.autocast():
            loss, score = objective(state.forward(batch.x), batch.target)
        # A loss that is not finite raises here, before the update.
        state.progress.sums[:2] += runtime.sum_checked(loss, score, batch)
        (loss * batch.weight).backward()
    norms = measure_gradient(state.parameters)
    if clip_norm is not None:
        nn.utils.clip_grads_with_norm_(state.parameters, clip_norm, norms.total)
    state.optimizer.step()
    return norms


@dataclass(frozen=True)
class GradientNorms:
    """L2 norms of a gradient.

    Attributes:
        total: scalar, the norm of the whole gradient.
        of_parameters: one scalar a parameter; 0 for one that has no gradient.
    """

    total: Tensor
    of_parameters: list[Tensor]


def measure_gradient(parameters: Sequence[nn.Parameter]) -> GradientNorms:
    """The L2 norms of the gradients that ``backward`` has left in the parameters; the host does not wait for them."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = torch._foreach_norm(gradients)
    found, zero = iter(norms), norms[0].new_zeros(())
    of_parameters = [zero if parameter.grad is None else next(found) for parameter in parameters]
    return GradientNorms(torch.linalg.vector_norm(torch.stack(norms)), of_parameters)
