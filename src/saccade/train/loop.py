"""The training loop: epochs of steps, each epoch measured on the validation split.

One step is ``step.train_step``; which examples it learns from is decided by ``batching.batches.Batches``, what it
minimises by ``optim.objective.Objective``.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from saccade.batching.arrays import LabelledArrays
from saccade.batching.batches import Batches
from saccade.core.progress import Progress, no_progress
from saccade.optim.ema import update_ema
from saccade.optim.objective import Objective
from saccade.optim.schedules import Schedule
from saccade.train.early_stopping import epochs_without_gain
from saccade.train.layer_statistics import is_milestone
from saccade.train.measure import measure
from saccade.train.non_finite import non_finite
from saccade.train.runtime import NonFiniteLossError, Runtime
from saccade.train.state import EpochRecord, TrainingState
from saccade.train.step import train_step
from saccade.transfer.freeze import set_backbone_trainable, train_mode


@dataclass(frozen=True)
class FitSettings:
    """How long a training lasts, and what is done beside its steps.

    Attributes:
        epochs: number of epochs of the whole run, from 1.
        clip_norm: largest L2 norm of the whole gradient; None leaves it as it is.
        ema_decay: share of ``TrainingState.averaged`` that stays in each update, in (0, 1); None where there is none.
        patience: number of epochs, from 1, without a lower validation loss after which training stops; None: it goes
            on to ``epochs``. The schedule spans ``epochs`` nevertheless.
        min_delta: difference by which a validation loss must be lower to count: see
            ``early_stopping.epochs_without_gain``.
        head: name of the layer that learns alone at first; empty: all learn from the first epoch on.
        head_epochs: number of epochs in which it does.
        fixed_norms: whether batch norms keep the statistics that they begin with.
    """

    epochs: int
    clip_norm: float | None = None
    ema_decay: float | None = None
    patience: int | None = None
    min_delta: float = 0.0
    head: str = ""
    head_epochs: int = 0
    fixed_norms: bool = False


def fit(
    state: TrainingState,
    batches: Batches,
    validation: LabelledArrays,
    objective: Objective,
    schedule: Schedule,
    settings: FitSettings,
    runtime: Runtime = Runtime(),
    *,
    progress: Progress = no_progress,
    after_update: Callable[[TrainingState], None] = lambda state: None,
) -> Iterator[EpochRecord]:
    """Train from where ``state`` stands to the last epoch; ``state`` is whole and can be saved after every update.

    What an update learns from, and the random numbers that are drawn in it, follow from the seed and its place in the
    run: an update does not depend on what the process did before, so a run that is stopped after any of them and goes
    on later ends in the same weights.

    Args:
        state: network and optimiser on the device of ``runtime``; the network takes what ``batches`` yields.
        batches: updates of the training split, epoch by epoch.
        validation: examples that are measured after each epoch.
        objective: function from outputs and targets to loss and score.
        schedule: function from the number of an update, from 0, to its learning rate.
        settings: length of the run, and what is done beside its steps.
        runtime: device, precision and processes.
        progress: callback that gets the number of examples done in this epoch.
        after_update: callback after each update, when ``state`` is whole; may save it, or raise to stop.

    Yields:
        A record for each epoch; fewer than ``settings.epochs`` where it stops early.

    Raises:
        NonFiniteError: the loss is NaN or infinite, in training or in validation. The former is found before the update
            on the CPU and with ``runtime.check_losses``, else at the end of the epoch, before it is yielded.
    """
    optimizer, statistics = state.optimizer, state.layer_statistics
    first_epoch = state.epoch + 1
    for epoch in range(first_epoch, settings.epochs + 1):
        waited = epochs_without_gain(state.validation_losses, settings.min_delta)
        if settings.patience is not None and waited >= settings.patience:
            return
        if epoch in (first_epoch, settings.head_epochs + 1):  # which layers learn changes what is prepared
            if settings.head:
                all_learn = epoch > settings.head_epochs
                set_backbone_trainable(state.parameters, state.network[1], settings.head, trainable=all_learn)
            state.forward = runtime.prepare(state.network)
        train_mode(state.network, fixed_norms=settings.fixed_norms)
        now = state.progress
        updates = batches.epoch(epoch, skip=now.examples)
        started_at = time.perf_counter() - now.elapsed_s
        for update in updates:
            optimizer.lr = schedule(optimizer.step_count)
            runtime.seed(update.seed)
            sample = statistics.begin_update(update.number)
            try:
                norms = train_step(state, update, objective, runtime, settings.clip_norm)
            except NonFiniteLossError as error:
                raise non_finite(state, epoch, error.batch) from None
            statistics.end_update(sample, norms.of_parameters)
            if state.averaged is not None and settings.ema_decay is not None:
                update_ema(state.averaged, state.network, decay=settings.ema_decay, step_count=optimizer.step_count)
            now.sums[2] += norms.total
            now.examples += update.examples
            now.elapsed_s = time.perf_counter() - started_at
            progress(f"epoch {epoch}/{settings.epochs}", now.examples, batches.num_examples)
            after_update(state)

        # The epoch is trained: its sums are read, which waits for the device, and the weights are measured.
        loss_sum, score_sum, norm_sum = now.sums.tolist()
        train_s = now.elapsed_s = time.perf_counter() - started_at
        if not math.isfinite(loss_sum):
            raise non_finite(state, epoch, batches.last_batch(epoch))
        runtime.processes.share_buffers(state.result)
        with statistics.measure_dead_relus(state.result):
            validation_loss, validation_score = measure(
                state.result, validation, objective, runtime, batches.batch_size
            )
        if not math.isfinite(validation_loss):  # the last update broke the weights
            raise non_finite(state, epoch, batches.last_batch(epoch))
        if is_milestone(epoch, settings.epochs):
            statistics.measure_over_time(state.result, validation, objective.loss)
        record = EpochRecord(
            epoch=epoch,
            train_loss=loss_sum / batches.num_examples,
            train_score=score_sum / batches.num_examples,
            validation_loss=validation_loss,
            validation_score=validation_score,
            learning_rate=schedule(optimizer.step_count - 1),
            gradient_norm=norm_sum / batches.updates_per_epoch,
            examples_per_s=batches.num_examples / train_s,
            elapsed_s=time.perf_counter() - started_at,
            score=objective.score,
            layers=statistics.read(),
        )
        state.end_epoch(record)
        yield record
