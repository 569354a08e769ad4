"""The training loop.

Shapes: B batch, N examples, K classes, V stored views, H height, W width, C channels, T tokens.
"""

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from saccade.batching.batches import resident, rows_of_updates, take, trim, view_of_epoch
from saccade.batching.length_buckets import by_length, longest_of, measured_batches
from saccade.batching.mixup import draw_mix
from saccade.batching.samplers import SAMPLERS
from saccade.core.devices import autocast, derive_seed, is_asynchronous, manual_seed
from saccade.core.distributed import ALONE, Processes
from saccade.core.progress import Progress, no_progress
from saccade.optim.ema import update_average
from saccade.optim.losses import SCORES, Loss, MixedTarget, loss_of_heads, of_mixtures
from saccade.optim.schedules import Schedule
from saccade.train.early_stopping import epochs_without_gain
from saccade.train.freeze import train_mode
from saccade.train.layer_statistics import is_milestone
from saccade.train.non_finite import non_finite
from saccade.train.state import EpochRecord, LabelledArrays, TrainingState, _sum_dtype


def fit(
    state: TrainingState,
    train: LabelledArrays,
    validation: LabelledArrays,
    *,
    loss: Loss,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
    score: str = "accuracy",
    sampler: str = "shuffle",
    length_buckets: bool = True,
    mixup: float | None = None,
    cutmix: float | None = None,
    schedule: Schedule,
    lr: float,
    epochs: int,
    batch_size: int,
    accumulation_steps: int = 1,
    clip_norm: float | None,
    average_decay: float | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    compile: bool = False,
    device: torch.device,
    precision: str,
    seed: int,
    processes: Processes = ALONE,
    watch_loss: bool = False,
    progress: Progress = no_progress,
    after_update: Callable[[TrainingState], None] = lambda state: None,
) -> Iterator[EpochRecord]:
    """Train from where ``state`` stands to ``epochs``; ``state`` is whole and can be saved after every update.

    The order of the examples in epoch e follows from (seed, e), how they are mixed in update u from (seed, u), every
    other random number of update u from (seed, u, rank): an update does not depend on what the process did before, so
    a run that is stopped after any of them and goes on later ends in the same weights.

    Args:
        state: network and optimiser on ``device``; the network takes what ``train.views`` holds.
        train: what is learnt from.
        validation: what is measured after each epoch.
        loss: from outputs and labels to a scalar, a mean over the batch.
        class_weights: what an example of each class weighs in the training loss, float32 (K,), as
            ``balancing.class_weights`` gives; None: 1. Validation is measured without them.
        label_smoothing: of the training loss, in [0, 1): see ``losses.cross_entropy``, the one loss that takes any.
            Validation is measured without it.
        score: what is reported beside it, a key of ``losses.SCORES``.
        sampler: which examples an epoch draws, in which order, a key of ``balancing.SAMPLERS``.
        length_buckets: draw texts of similar length together, see ``buckets.by_length``; of no effect without lengths.
        mixup: alpha of the blending of examples, above 0; None: without. See ``mixing.draw_mix``.
        cutmix: alpha of the pasting of boxes, above 0; None: without. With both, each update draws one of the two.
        schedule: factor of ``lr`` for each update of the run.
        lr: learning rate that the schedule multiplies.
        epochs: of the whole run.
        batch_size: examples of a forward pass, over all processes; the last one of an epoch holds what is left.
        accumulation_steps: forward and backward passes an update; each example weighs the same, however it is cut.
        clip_norm: largest L2 norm of the whole gradient; None leaves it as it is.
        average_decay: of ``state.averaged``; not looked at where there is none.
        patience: stop after so many epochs, from 1, without a lower validation loss; None: go on to ``epochs``. The
            schedule spans ``epochs`` nevertheless.
        min_delta: by how much a validation loss must be lower to count: see ``stopping.epochs_without_gain``.
        compile: let torch.compile make the forward and backward pass; takes a minute before the first update.
        device: where the network is.
        precision: float32 or bfloat16 (autocast).
        seed: of order, dropout and whatever else is random.
        processes: who computes which part of each batch.
        watch_loss: look at each loss before its update, though the device has to wait for that.
        progress: called with the examples done in this epoch.
        after_update: called after each update, when ``state`` is whole; may save it, or raise to stop.

    Yields:
        A record for each epoch; fewer than ``epochs`` where it stops early.

    Raises:
        NonFiniteError: the loss is NaN or infinite, in training or in validation. The former is found before the update
            on the CPU and with ``watch_loss``, else at the end of the epoch, before it is yielded.
    """
    network, optimizer = state.network, state.optimizer
    parameters = list(optimizer.parameters())
    count = train.labels.shape[0]
    of_training: dict[str, Any] = {} if class_weights is None else {"weight_K": class_weights.to(device)}
    if label_smoothing:
        of_training["smoothing"] = label_smoothing
    minimised = of_mixtures(partial(loss, **of_training))
    watch_loss = watch_loss or not is_asynchronous(device)
    scored_by = of_mixtures(SCORES[score])
    wrapped = processes.wrap(network, device)
    forward: Callable[[Tensor], Tensor] = torch.compile(wrapped) if compile else wrapped
    first = state.epoch + 1
    update_size = batch_size * accumulation_steps
    x: Tensor
    target: Tensor | MixedTarget
    for epoch in range(first, epochs + 1):
        if patience is not None and epochs_without_gain(state.validation_losses, min_delta) >= patience:
            return
        if epoch == first or not isinstance(train.views, Tensor) or train.views.shape[0] > 1:
            view, labels = view_of_epoch(train.views, train.labels, epoch, device)
        order = SAMPLERS[sampler](train.labels, seed, epoch)
        if train.lengths is not None:
            order = by_length(order, train.lengths, update_size, seed=seed, epoch=epoch) if length_buckets else order
            longest = longest_of(train.lengths[order], update_size)
        order = order.to(view.device)  # once an epoch: rows that go to the device in each update make the host wait
        train_mode(network)
        now = state.progress
        if not isinstance(view, Tensor):
            left, mixing = order[now.examples :], mixup is not None or cutmix is not None
            view.prefetch(list(rows_of_updates(left, batch_size, accumulation_steps, processes.share, mixing=mixing)))
        started_at = time.perf_counter() - now.elapsed_s
        for start in range(now.examples, count, update_size):
            update = order[start : start + update_size]
            steps = None if train.lengths is None else longest[start // update_size]
            optimizer.lr = lr * schedule(optimizer.updates)
            manual_seed(device, derive_seed(seed, "update", optimizer.updates, processes.rank))
            mix = draw_mix(view.shape[1:], mixup=mixup, cutmix=cutmix, seed=seed, updates=optimizer.updates)

            optimizer.zero_grad()
            for rows, partners in zip(update.split(batch_size), update.roll(1).split(batch_size), strict=True):
                mine, num_counted = processes.share(rows)
                x, target = trim(take(view, mine, device), take(labels, mine, device), steps)
                if mix is not None:
                    x, target = mix.batch(x, target, view, labels, processes.share(partners)[0])
                with autocast(device, precision):
                    answer, batch_loss = loss_of_heads(minimised, forward(x), target)
                scored = scored_by(answer.detach(), target) * min(num_counted, 1)
                sums = processes.sum(torch.stack((batch_loss.detach() * num_counted, scored)))
                if watch_loss and not torch.isfinite(sums[0]):
                    raise non_finite(state, epoch, mine, x, target)
                (batch_loss * (num_counted * processes.count / len(update))).backward()
                now.sums[:2] += sums
            gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
            norm = nn.utils.get_total_norm(gradients)
            with state.signs.of_update(now.examples // (batch_size * accumulation_steps)):
                if clip_norm is not None:
                    nn.utils.clip_grads_with_norm_(parameters, clip_norm, norm)
                optimizer.step()

            if state.averaged is not None and average_decay is not None:
                update_average(state.averaged, network, decay=average_decay, updates=optimizer.updates)
            now.sums[2] += norm
            now.examples += len(update)
            now.elapsed_s = time.perf_counter() - started_at
            progress(f"epoch {epoch}/{epochs}", now.examples, count)
            after_update(state)
        loss_sum, score_sum, norm_sum = now.sums.tolist()  # waits for the device
        train_s = now.elapsed_s = time.perf_counter() - started_at
        rows = order[-batch_size:]
        if not math.isfinite(loss_sum):
            raise non_finite(state, epoch, rows, take(view, rows, device), take(labels, rows, device))
        processes.share_buffers(state.result)
        with state.signs.of_activations(state.result):
            validation_loss, validation_score = measure(
                state.result, validation, loss, score, batch_size, device, precision, processes
            )
        if not math.isfinite(validation_loss):  # the last update broke the weights
            raise non_finite(state, epoch, rows, take(view, rows, device), take(labels, rows, device))
        if is_milestone(epoch, epochs):
            assert isinstance(validation.views, Tensor)
            state.signs.measure_over_time(state.result, validation.views[0], validation.labels, loss)
        record = EpochRecord(
            epoch=epoch,
            train_loss=loss_sum / count,
            train_score=score_sum / count,
            validation_loss=validation_loss,
            validation_score=validation_score,
            learning_rate=lr * schedule(optimizer.updates - 1),
            gradient_norm=norm_sum / -(-count // update_size),
            examples_per_s=count / train_s,
            elapsed_s=time.perf_counter() - started_at,
            score=score,
            layers=state.signs.read(),
        )
        state.end_epoch(record)
        yield record


@torch.no_grad()
def measure(
    network: nn.Module,
    data: LabelledArrays,
    loss: Loss,
    score: str,
    batch_size: int,
    device: torch.device,
    precision: str,
    processes: Processes = ALONE,
) -> tuple[float, float]:
    """Mean loss and score over view 0 of the data, in evaluation mode."""
    network.eval()
    assert isinstance(data.views, Tensor), "what is measured is stored"
    examples, labels = resident(data.views[0], data.labels, device)
    count = labels.shape[0]
    sums = torch.zeros(2, device=device, dtype=_sum_dtype(device))
    size = batch_size if labels.dtype == torch.int64 and labels.ndim == 2 else max(batch_size, 256)  # else many logits
    for rows, steps in measured_batches(count, data.lengths, size):
        mine, num_counted = processes.share(rows.to(examples.device))
        x, target = trim(take(examples, mine, device), take(labels, mine, device), steps)
        with autocast(device, precision):
            output = network(x).float()
        sums[0] += loss(output, target) * num_counted
        sums[1] += SCORES[score](output, target) * min(num_counted, 1)
    loss_sum, score_sum = processes.sum(sums).tolist()
    return loss_sum / count, score_sum / count
