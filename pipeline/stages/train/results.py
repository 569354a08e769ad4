"""What a training leaves behind, and the lines that tell of it."""

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline import paths
from pipeline.console import pluralise, say
from pipeline.runs.run_store import RunStore
from pipeline.stages.train.setup import TrainingRun, Work
from saccade.bundle.bundle import Recipe
from saccade.bundle.intervals import measure_band
from saccade.data.prepared import open_split
from saccade.nn.inspect import count_parameters
from saccade.train.state import TrainingState


def with_band(run: TrainingRun, work: Work, network: nn.Sequential) -> Recipe:
    """The recipe with what a forecast is off by on the validation split, as far as there is a forecast.

    Args:
        run: what was trained.
        work: what it worked on.
        network: what is kept of it.

    Returns:
        What the bundle says.
    """
    if not work.recipe.spec.horizon:
        return work.recipe
    validation = open_split(paths.prepared(run.dataset), "validation")
    examples, targets = torch.from_numpy(validation.examples), torch.from_numpy(validation.labels)
    band = measure_band(network, examples, targets, batch_size=run.block.batch_size, device=work.device)
    return dataclasses.replace(work.recipe, band=band)


def results_of(
    run: TrainingRun,
    work: Work,
    state: TrainingState,
    run_uid: str | None,
    mlflow_run_id: str | None,
    weights_sha256: str,
) -> dict[str, Any]:
    """What run.json says, but for the record that the store adds.

    Args:
        run: what was trained.
        work: what it worked on.
        state: where it ended.
        run_uid: of its journal.
        mlflow_run_id: None while it is pending.
        weights_sha256: of the bundle's weights.

    Returns:
        Plain values for JSON.
    """
    return {
        "run": run.name,
        "dataset": run.dataset,
        "model": run.model.name,
        "parameters": sum(parameter.numel() for parameter in state.network.parameters()),
        "trained_parameters": count_parameters(state.network),
        "epochs": state.epoch,
        "kept_epoch": state.kept_epoch,
        "stopped_early": why_stopped(run, state),
        "train_elapsed_s": round(sum(record.elapsed_s for record in state.history), 3),
        "examples_per_s": round(float(np.mean([record.examples_per_s for record in state.history])), 1),
        "run_uid": run_uid,
        "mlflow_run_id": mlflow_run_id,
        "identity": work.recipe.identity,
        "weights_sha256": weights_sha256,
        "device": f"{work.environment['device']} ({work.environment['device_name']})",
        "data": work.digests,
    }


def told(run: TrainingRun, state: TrainingState) -> str:
    """The line that tells what was trained, and whose weights are kept."""
    kept, stopped = state.history[state.kept_epoch - 1], why_stopped(run, state)
    when = f"after {state.epoch} epochs" if state.best is None else f"in epoch {kept.epoch}, the best of {state.epoch}"
    ending = f"; {stopped}" if stopped else ""
    return f"trained {run.name}: validation {kept.score} {kept.validation_score:.4f} {when}{ending}"


def why_stopped(run: TrainingRun, state: TrainingState) -> str | None:
    """Why training ended before the last epoch; None where it did not."""
    stopping = run.block.early_stopping
    if stopping is None or state.epoch == run.block.epochs:
        return None
    least, waited = stopping.min_delta, pluralise(stopping.patience, "epoch")
    lower = f"validation loss lower by more than {least:g}" if least else "lower validation loss"
    return f"stopped after {state.epoch} of {run.block.epochs} epochs: {waited} without a {lower}"


def tell_again(run: TrainingRun, store: RunStore, published_as: str | None) -> None:
    """Say that there was nothing to train; ``published_as`` is the name of the run that was, None for a member."""
    same = f", as {published_as}" if published_as not in (None, run.name) else ""
    again = ": published again; `--fresh` trains it anew" if published_as else ""
    say(f"{run.name} was trained already{same} ({store.folder.name[:12]}){again}")
