"""What is recorded of a training: the first event of its journal, run.json, and the lines on the screen."""

from typing import Any

from pipeline import paths
from pipeline.console import pluralise, say
from pipeline.runs import provenance
from pipeline.runs.journal import DatasetRecord
from pipeline.runs.run_store import RunStore
from pipeline.runs.versions import library_versions, processor_of
from pipeline.stages.train.run import TrainingRun
from pipeline.stages.train.training import Training
from saccade.train.state import TrainingState


def start_journal(training: Training) -> None:
    """Write the first event of the journal: who the run is, and where it comes from."""
    run, store = training.run, training.store
    store.begin(training.environment)
    provenance.start_journal(
        store.journal,
        run.name,
        run.experiment,
        training.identity,
        logged_params(training),
        environment_tags(training),
        dataset_records(training),
        store.keep_dataset_report(run.dataset),
    )


def environment_tags(training: Training) -> dict[str, Any]:
    """The environment, and the validation loss of a constant prediction where there is a formula for it."""
    constant = training.setup.constant_prediction_loss()
    return training.environment | ({} if constant is None else {"constant_loss": constant})


def logged_params(training: Training) -> dict[str, Any]:
    """Every resolved parameter, flat keys."""
    environment, setup = training.environment, training.setup
    places = {f"train.{key}": environment[key] for key in ("device", "threads", "processes")}
    crop = {"dataset.augment.evaluate_crop": setup.config.evaluate_crop}  # what auto stands for
    return {**training.run.other_params, **crop, **places, **provenance.flatten(setup.settings)}


def dataset_records(training: Training) -> list[DatasetRecord]:
    """The data that a training reads: the training data as they are seen, validation and test."""
    name, dataset, read = training.run.dataset, training.setup.dataset, training.setup.digests
    digests = {"training": read.get("views") or read["train.npy"]}
    digests |= {split: dataset.arrays[f"{split}.npy"]["sha256"] for split in ("validation", "test")}
    counts = dict(zip(digests, (dataset.counts[split] for split in ("train", "validation", "test")), strict=True))
    return [
        {
            "name": name,
            "digest": digest,
            "context": context,
            "source": str(paths.prepared(name)),
            "profile": {"examples": counts[context], "shape": list(dataset.spec.shape)},
        }
        for context, digest in digests.items()
    ]


def results_of(
    training: Training, state: TrainingState, parameters: int, mlflow_run_id: str | None, weights_sha256: str
) -> dict[str, Any]:
    """What run.json says, but for the record that the store adds.

    Args:
        training: the one that has ended.
        state: state in which it ended.
        parameters: number of parameters of the network that is kept.
        mlflow_run_id: name of its MLflow run; None while it is pending.
        weights_sha256: digest of the bundle's weights.

    Returns:
        Plain values for JSON.
    """
    run, environment, history = training.run, training.environment, state.history
    return {
        "run": run.name,
        "dataset": run.dataset,
        "model": run.model.name,
        "parameters": parameters,
        "trained_parameters": sum(parameter.numel() for parameter in state.parameters),
        "epochs": state.epoch,
        "kept_epoch": state.kept_epoch,
        "stopped_early": why_stopped(run, state),
        "train_elapsed_s": round(sum(record.elapsed_s for record in history), 3),
        "examples_per_s": round(sum(record.examples_per_s for record in history) / len(history), 1),
        "run_uid": training.store.journal.state().run_uid,
        "mlflow_run_id": mlflow_run_id,
        "identity": training.identity,
        "weights_sha256": weights_sha256,
        "device": f"{environment['device']} ({environment['device_name']})",
        "data": training.setup.digests,
        "code": training.code,
        "versions": library_versions(),
        "processor": processor_of(training.runtime.device.type),
    }


def summary_line(run: TrainingRun, state: TrainingState) -> str:
    """The line that says what was trained, and whose weights are kept."""
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


def report_already_trained(run: TrainingRun, store: RunStore, published_as: str | None) -> None:
    """Say that there was nothing to train.

    Args:
        run: the one that was asked for.
        store: folder in which its training is kept.
        published_as: name of the run that was trained; None for a member of an ensemble, which is not published.
    """
    same = f", as {published_as}" if published_as not in (None, run.name) else ""
    again = ": published again; `--fresh` trains it anew" if published_as else ""
    say(f"{run.name} was trained already{same} ({store.folder.name[:12]}){again}")
