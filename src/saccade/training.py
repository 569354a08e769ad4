"""The training loop.

Shapes: B batch, N examples, V stored views, H height, W width, C channels.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from saccade.batches import resident, take
from saccade.devices import autocast, derive_seed
from saccade.errors import UserError
from saccade.examples import Progress, no_progress
from saccade.layers import first_non_finite
from saccade.losses import Loss
from saccade.optimizers import set_learning_rate
from saccade.schedules import Schedule


@dataclass(frozen=True)
class LabelledArrays:
    """Examples as they lie on the disk, memory-mapped or in memory.

    Attributes:
        views: (V, N, ...), such as uint8 (V, N, H, W, C); epoch e (from 1) reads view (e - 1) mod V.
        labels: int64 (N,).
    """

    views: Tensor
    labels: Tensor


@dataclass(frozen=True)
class EpochRecord:
    """One finished epoch.

    Attributes:
        epoch: from 1.
        train_loss: mean over the examples, as they were seen, each before the update it led to.
        train_accuracy: likewise.
        validation_loss: mean over the validation split with the weights at the end of the epoch.
        validation_accuracy: likewise.
        learning_rate: of the epoch's last step.
        gradient_norm: mean over the steps of the L2 norm of the whole gradient, before clipping.
        examples_per_s: training examples a second, validation not counted.
        elapsed_s: seconds of training and validation.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    gradient_norm: float
    examples_per_s: float
    elapsed_s: float


@dataclass
class TrainingState:
    """What training changes: the weights, the optimiser's memory, and the epochs that are done."""

    network: nn.Sequential
    optimizer: torch.optim.Optimizer
    history: list[EpochRecord] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)


def fit(
    state: TrainingState,
    train: LabelledArrays,
    validation: LabelledArrays,
    *,
    loss: Loss,
    schedule: Schedule,
    lr: float,
    epochs: int,
    batch_size: int,
    clip_norm: float | None,
    device: torch.device,
    precision: str,
    seed: int,
    progress: Progress = no_progress,
) -> Iterator[EpochRecord]:
    """Train from where ``state`` stands to ``epochs``; ``state`` is whole and can be saved after every epoch yielded.

    The order of the examples and every random number of epoch e follow from (seed, e): an epoch does not depend on
    what the process did before, so a run that is stopped between epochs and goes on later ends in the same weights.

    Args:
        state: network and optimiser on ``device``; the network takes what ``train.views`` holds.
        train: what is learnt from.
        validation: what is measured after each epoch.
        loss: from outputs and labels to a scalar, a mean over the batch.
        schedule: factor of ``lr`` for each step of the run.
        lr: learning rate that the schedule multiplies.
        epochs: of the whole run.
        batch_size: the last batch of an epoch holds what is left.
        clip_norm: largest L2 norm of the whole gradient; None leaves it as it is.
        device: where the network is.
        precision: float32 or bfloat16 (autocast).
        seed: of order, dropout and whatever else is random.
        progress: called with the examples done in this epoch.

    Yields:
        A record for each epoch.

    Raises:
        UserError: the loss is NaN or infinite, in training or in validation. On the CPU the former is found before the
            update; elsewhere at the end of the epoch, before it is yielded, because looking at each step would make
            the device wait.
    """
    network, optimizer = state.network, state.optimizer
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    count = train.labels.shape[0]
    labels = train.labels.to(device)
    for epoch in range(state.epoch + 1, epochs + 1):
        torch.manual_seed(derive_seed(seed, "epoch", epoch))
        order = torch.randperm(count, generator=torch.Generator().manual_seed(derive_seed(seed, "order", epoch)))
        view = resident(train.views[(epoch - 1) % train.views.shape[0]], device)
        network.train()
        step = (epoch - 1) * -(-count // batch_size)
        done, loss_sum, correct, norm_sum = 0, *torch.zeros(3, device=device)
        started_at = time.perf_counter()
        for rows in order.split(batch_size):
            x, target = take(view, rows, device), labels[rows.to(device)]
            set_learning_rate(optimizer, lr * schedule(step))

            optimizer.zero_grad()
            with autocast(device, precision):
                output = network(x)
                batch_loss = loss(output.float(), target)
            if device.type == "cpu" and not torch.isfinite(batch_loss):
                raise UserError(explain_non_finite(network, x, epoch, step, lr * schedule(step)))
            batch_loss.backward()
            norm = nn.utils.clip_grad_norm_(parameters, clip_norm or float("inf"))
            optimizer.step()

            step, done = step + 1, done + len(rows)
            loss_sum += batch_loss.detach() * len(rows)
            correct += (output.argmax(dim=1) == target).sum()
            norm_sum += norm
            progress(f"epoch {epoch}/{epochs}", done, count)
        train_loss, train_accuracy = loss_sum.item() / count, correct.item() / count  # waits for the device
        train_s = time.perf_counter() - started_at
        if not torch.isfinite(loss_sum):
            raise UserError(explain_non_finite(network, x, epoch, step - 1, lr * schedule(step - 1)))
        validation_loss, validation_accuracy = measure(network, validation, loss, batch_size, device, precision)
        if not math.isfinite(validation_loss):  # the last update broke the weights: no checkpoint may hold them
            raise UserError(explain_non_finite(network, x, epoch, step - 1, lr * schedule(step - 1)))
        record = EpochRecord(
            epoch=epoch,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            learning_rate=lr * schedule(step - 1),
            gradient_norm=norm_sum.item() / -(-count // batch_size),
            examples_per_s=count / train_s,
            elapsed_s=time.perf_counter() - started_at,
        )
        state.history.append(record)
        yield record


@torch.no_grad()
def measure(
    network: nn.Module, data: LabelledArrays, loss: Loss, batch_size: int, device: torch.device, precision: str
) -> tuple[float, float]:
    """Mean loss and accuracy over view 0 of the data, in evaluation mode."""
    network.eval()
    images, labels, count = data.views[0], data.labels.to(device), data.labels.shape[0]
    loss_sum, correct = torch.zeros(2, device=device, dtype=torch.float64 if device.type != "mps" else torch.float32)
    for rows in torch.arange(count).split(max(batch_size, 256)):
        target = labels[rows.to(device)]
        with autocast(device, precision):
            output = network(take(images, rows, device))
        loss_sum += loss(output.float(), target) * len(rows)
        correct += (output.argmax(dim=1) == target).sum()
    return loss_sum.item() / count, correct.item() / count


def explain_non_finite(network: nn.Module, x: Tensor, epoch: int, step: int, lr: float) -> str:
    """Two lines for the user: where the numbers broke, and what to change."""
    where = first_non_finite(network, x) or "the loss itself"
    return (
        f"the loss is not finite in epoch {epoch}, step {step}: first broken: {where}. The epoch was given up.\n"
        f"Lower train.optimizer.lr (now {lr:g} at this step), or set train.clip_norm: 1.0."
    )
