"""From a run's settings to the call of ``saccade.train.loop.fit``: the network, its optimiser, the data, the loss."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline import paths
from pipeline.console import say
from pipeline.stages.train.setup import TrainingRun, Work, loss_name, prepare
from saccade.batching.length_buckets import stored_lengths
from saccade.bundle import outputs
from saccade.core import devices, registry
from saccade.core.distributed import ALONE, Processes
from saccade.core.errors import NonFiniteError, UserError
from saccade.core.files import replacing_file
from saccade.core.ranks import Rank
from saccade.data.prepared import Description, open_split
from saccade.optim import class_weights, optimizers, schedules
from saccade.optim.losses import LOSSES, Loss
from saccade.train.freeze import freeze
from saccade.train.loop import fit
from saccade.train.state import LabelledArrays, TrainingState
from saccade.transforms.online_views import OnlineViews


def try_out(run: TrainingRun, loop: Callable[..., Iterator[Any]]) -> Iterator[Any]:
    """Hand a run's network with its first weights, its data and its settings to a loop; nothing is written.

    Args:
        run: what is tried.
        loop: takes what ``saccade.train.loop.fit`` takes.

    Yields:
        What the loop yields.

    Raises:
        UserError: data or first weights are missing.
    """
    work = prepare(run, Rank())
    yield from records(run, work, build(run, work, ALONE), ALONE, loop)


def build(run: TrainingRun, work: Work, processes: Processes) -> TrainingState:
    """The network with its first weights, drawn or from elsewhere, and its optimiser.

    Args:
        run: what is trained.
        work: what it works on.
        processes: of the training.

    Returns:
        Where a training begins.
    """
    torch.manual_seed(devices.derive_seed(run.seed, "weights"))
    network = work.recipe.build_network()
    if work.origin:
        from saccade.bundle.load_weights import load_into
        from saccade.bundle.weight_files import read_weights

        done = load_into(network[1], read_weights(work.origin.weights), origin=work.origin.what)
        if processes.rank == 0:
            say(f"{run.name}: {'; '.join(done)}")
    if run.block.frozen_layers:
        freeze(network[1], run.block.frozen_layers)
    if work.device.type == "cpu" and any(isinstance(layer, nn.Conv2d) for layer in network.modules()):
        devices.keep_freed_memory()
    network = processes.convert(devices.to_device(network, work.device), work.device)
    optimizer = optimizers.build(model=network, **run.block.optimizer_options)
    return TrainingState(
        network, optimizer, with_average=run.block.ema_decay is not None, with_best=run.block.keep == "best"
    )


def records(
    run: TrainingRun,
    work: Work,
    state: TrainingState,
    processes: Processes,
    loop: Callable[..., Iterator[Any]] = fit,
    **watchers: Any,
) -> Iterator[Any]:
    """Hand the run's settings and data to ``fit``, or to what takes the same.

    Args:
        run: what is trained.
        work: what it works on.
        state: from ``build``, or further on; it goes along.
        processes: of the training.
        loop: ``saccade.train.loop.fit``, or another that takes its arguments.
        **watchers: ``watch_loss``, ``progress`` and ``after_update`` of ``fit``.

    Yields:
        What the loop yields: of ``fit``, a record an epoch.

    Raises:
        NonFiniteError: the loss broke; the batch is kept in the run's store.
        UserError: a batch of one example meets a batch norm.
    """
    block = run.block
    prepared = paths.prepared(run.dataset)
    train_split, validation_split = open_split(prepared, "train"), open_split(prepared, "validation")
    is_text = work.description.spec.kind == "tokens"
    updates_per_epoch = -(-len(train_split.labels) // (block.batch_size * block.accumulation_steps))
    views = work.views if isinstance(work.views, OnlineViews) else torch.from_numpy(work.views)
    try:
        yield from loop(
            state,
            _labelled(views, train_split.labels, is_text=is_text),
            _labelled(torch.from_numpy(validation_split.examples[None]), validation_split.labels, is_text=is_text),
            loss=_loss(run, work),
            class_weights=_class_weights(run, work.description),
            label_smoothing=block.label_smoothing,
            score=registry.constant("tasks", run.task.name, "SCORE"),
            sampler=block.sampler,
            length_buckets=block.length_buckets,
            mixup=block.mixup,
            cutmix=block.cutmix,
            schedule=schedules.build(epochs=block.epochs, steps_per_epoch=updates_per_epoch, **block.schedule_options),
            lr=block.optimizer.lr,
            epochs=block.epochs,
            batch_size=block.batch_size,
            accumulation_steps=block.accumulation_steps,
            clip_norm=block.clip_norm,
            average_decay=block.ema_decay,
            patience=block.early_stopping.patience if block.early_stopping else None,
            min_delta=block.early_stopping.min_delta if block.early_stopping else 0.0,
            compile=block.compile,
            device=work.device,
            precision=work.precision,
            seed=run.seed,
            processes=processes,
            **watchers,
        )
    except NonFiniteError as error:
        kept = _keep_batch(error, paths.run_store(work.recipe.identity) / "non_finite", processes.rank)
        raise NonFiniteError(
            f"{error} The batch is in {kept}.", error.found | {"batch": kept.name}, error.batch
        ) from None
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise UserError(
            f"train.batch_size ({block.batch_size}) leaves a batch of one example of {len(train_split.labels)}, and a "
            "batch norm can take no variance of it. Choose another batch size."
        ) from error
    finally:
        if isinstance(views, OnlineViews):
            views.close()


def _loss(run: TrainingRun, work: Work) -> Loss:
    """The named loss; of a forecast, whose answers are in the data's own unit, in units of the deviation."""
    loss, spec = LOSSES[loss_name(run)], work.description.spec
    if not spec.horizon:
        return loss
    return outputs.in_units_of_std(loss, torch.tensor(outputs.of_targets(spec, work.recipe.std), device=work.device))


def _class_weights(run: TrainingRun, description: Description) -> torch.Tensor | None:
    if run.block.class_weights == "none":
        return None
    return class_weights.class_weights(description.class_counts["train"], run.block.class_weights)


def _labelled(views: torch.Tensor | OnlineViews, labels: np.ndarray, *, is_text: bool) -> LabelledArrays:
    lengths = stored_lengths(views[0]) if is_text and isinstance(views, torch.Tensor) else None
    return LabelledArrays(views, torch.from_numpy(labels), lengths)


def _keep_batch(error: NonFiniteError, folder: Path, rank: int) -> Path:
    """Write what the network was given when its loss broke; each process has a part of the batch."""
    from safetensors.torch import save

    path = folder / ("batch.safetensors" if rank == 0 else f"batch-rank{rank}.safetensors")
    about = {key: str(error.found[key]) for key in ("epoch", "updates", "where")}
    with replacing_file(path) as partial:
        partial.write_bytes(save(error.batch, metadata=about))
    return path
