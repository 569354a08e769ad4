"""``saccade train RUN``: a network trained on one dataset, into models/<run> and reports/<run>.

The loop itself is ``saccade.training.fit``. Around it: the run's identity, its journal, its checkpoint, its results.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pipeline import paths, provenance
from pipeline.console import Progress, say
from pipeline.follower import Follower
from pipeline.identity import code_digests, identity_of
from pipeline.run_store import RunStore, hold
from pipeline.schema.named import Named
from pipeline.schema.train import TrainBlock
from pipeline.tracking import reporting_status, stage_lock, tracking_uri
from saccade import devices, optimizers, registry, schedules
from saccade.bundle import Recipe
from saccade.checkpoints import load_checkpoint, save_checkpoint
from saccade.layers import count_parameters
from saccade.losses import LOSSES
from saccade.prepared import Description, open_split, open_views, read_description
from saccade.training import LabelledArrays, TrainingState, fit

if TYPE_CHECKING:
    from pipeline.params import Params


@dataclass(frozen=True)
class TrainingRun:
    """One entry of ``runs:``, as far as training is concerned.

    Attributes:
        name: its key.
        dataset: key in ``datasets:``.
        task: name and arguments.
        model: name and arguments.
        block: ``train:``.
        seed: ``train.seed``, or the file's.
        experiment: in MLflow.
        other_params: what else of params.yaml is recorded, flat keys; it does not decide the result.
    """

    name: str
    dataset: str
    task: Named
    model: Named
    block: TrainBlock
    seed: int
    experiment: str
    other_params: Mapping[str, Any]

    @classmethod
    def of(cls, params: "Params", name: str) -> "TrainingRun":
        """The run called ``name`` in params.yaml, seeds filled in."""
        run, seed = params.runs[name], params.seed
        dataset = params.datasets[run.dataset].model_dump()
        for block in (dataset["split"], dataset["augment"]):
            block["seed"] = seed if block["seed"] is None else block["seed"]
        others = {"seed": seed, "dataset": {"name": run.dataset, **dataset}, "evaluate": run.evaluate.model_dump()}
        return cls(
            name=name,
            dataset=run.dataset,
            task=run.task,
            model=run.model,
            block=run.train,
            seed=seed if run.train.seed is None else run.train.seed,
            experiment=params.tracking.experiment,
            other_params=provenance.flatten(others),
        )


def train(run: TrainingRun, *, fresh: bool = False) -> None:
    """Train a run, or go on where it was stopped, or publish what is finished already.

    Args:
        run: what to train.
        fresh: forget an earlier training of the same identity.
    """
    block = run.block
    device = devices.resolve_device(block.device)
    precision = devices.resolve_precision(block.precision, device)
    threads = devices.set_threads(None if block.threads == "auto" else block.threads)
    devices.set_deterministic(block.deterministic)
    environment = devices.describe_environment(device, threads)

    description = read_description(paths.prepared(run.dataset))
    views, views_digests = open_views(paths.augmented(run.dataset), paths.prepared(run.dataset))
    digests = description.digests("train", "validation") | views_digests
    settings = _resolved(run, precision)
    code = code_digests("train", {"item.model.name": run.model.name})
    given = {"spec": description.spec.to_dict(), "mean": description.mean, "std": description.std}
    identity = identity_of(settings | given, digests, code)

    store = RunStore(identity)
    with hold(stage_lock(store.folder), f"{run.name}: another process is training the same; waiting for it"):
        changed = store.differing_environment(environment)
        if changed:
            say(f"{run.name} was trained before in another environment ({changed}): starting afresh")
        if store.is_finished() and not (changed or fresh):
            trained_as = store.publish(run.name, run.dataset)
            same = f", as {trained_as}" if trained_as != run.name else ""
            say(f"{run.name} was trained already{same} ({identity[:12]}): published again; `--fresh` trains it anew")
            return
        if changed or fresh or store.is_restored():
            store.set_aside()
        with Follower(store.folder, tracking_uri(paths.home())) as follower, reporting_status(store.journal):
            recipe = _recipe(run, settings, description, identity)
            if store.journal.state().run_uid is None:
                others = {**run.other_params, "train.device": str(device), "train.threads": threads}
                params = {**others, **provenance.flatten(settings)}
                store.begin(environment)
                provenance.start_journal(store.journal, run.name, run.experiment, identity, params, environment,
                                         _dataset_records(run.dataset, description, views_digests))  # fmt: skip
            state = _fit(run, store, recipe, views, device, precision)
            weights_sha256 = store.save_bundle(recipe, state.network)
            store.journal.end("FINISHED")
            outcome = follower.finish()
            measured = {
                "run_uid": store.journal.state().run_uid,
                "mlflow_run_id": None if outcome.pending_reason else outcome.mlflow_run_id,
                "identity": identity,
                "weights_sha256": weights_sha256,
                "device": f"{environment['device']} ({environment['device_name']})",
            }
            store.keep_results(state.history, _results(run, state) | measured | {"data": digests})
            store.publish(run.name, run.dataset)
    last = state.history[-1]
    say(f"trained {run.name}: validation accuracy {last.validation_accuracy:.4f} after {state.epoch} epochs")
    if outcome.pending_reason:
        say(f"not yet in MLflow ({outcome.pending_reason}): `saccade sync` sends it later")


def _resolved(run: TrainingRun, precision: str) -> dict[str, Any]:
    """Params with defaults and ``auto`` filled in; without what only the environment decides (device, threads)."""
    defaults = registry.keyword_arguments("models", run.model.name, "build")
    arguments = {key: argument.default for key, argument in defaults.items()} | run.model.arguments
    return {
        "task": {"name": run.task.name, **run.task.arguments},
        "model": {"name": run.model.name, **arguments},
        "train": run.block.model_dump(exclude={"device", "threads"}) | {"precision": precision, "seed": run.seed},
    }


def _recipe(run: TrainingRun, settings: Mapping[str, Any], description: Description, identity: str) -> Recipe:
    arguments = {key: value for key, value in settings["model"].items() if key != "name"}
    return Recipe(
        model=run.model.name,
        arguments=arguments,
        spec=description.spec,
        task=run.task.name,
        mean=description.mean,
        std=description.std,
        identity=identity,
    )


def _fit(
    run: TrainingRun, store: RunStore, recipe: Recipe, views: np.ndarray, device: torch.device, precision: str
) -> TrainingState:
    """Build the network, go on from the checkpoint when there is one, and train to the last epoch."""
    block = run.block
    prepared = paths.prepared(run.dataset)
    train_split, validation_split = open_split(prepared, "train"), open_split(prepared, "validation")
    torch.manual_seed(devices.derive_seed(run.seed, "weights"))
    network = recipe.build_network().to(device)
    state = TrainingState(network, optimizers.build(model=network, **block.optimizer_options))
    if store.checkpoint.exists():
        load_checkpoint(store.checkpoint, state)
    if store.journal.state().status != "RUNNING" or state.epoch > 0:
        store.journal.resume(from_epoch=state.epoch)
        store.journal_missing(state.history)
        say(f"{run.name}: going on after epoch {state.epoch}")
    steps_per_epoch = -(-len(train_split.labels) // block.batch_size)
    with Progress("examples", line_every_s=30) as progress:
        for record in fit(
            state,
            LabelledArrays(torch.from_numpy(views), torch.from_numpy(train_split.labels)),
            LabelledArrays(torch.from_numpy(validation_split.images[None]), torch.from_numpy(validation_split.labels)),
            loss=LOSSES[block.loss],
            schedule=schedules.build(epochs=block.epochs, steps_per_epoch=steps_per_epoch, **block.schedule_options),
            lr=block.optimizer.lr,
            epochs=block.epochs,
            batch_size=block.batch_size,
            clip_norm=block.clip_norm,
            device=device,
            precision=precision,
            seed=run.seed,
            progress=progress,
        ):
            save_checkpoint(store.checkpoint, state)  # first: what the journal says has happened can be gone on from
            store.journal_missing([record])
            progress.note(
                f"epoch {record.epoch}/{block.epochs}: loss {record.train_loss:.4f}, "
                f"validation loss {record.validation_loss:.4f}, accuracy {record.validation_accuracy:.4f}"
            )
    return state


def _results(run: TrainingRun, state: TrainingState) -> dict[str, Any]:
    return {
        "run": run.name,
        "dataset": run.dataset,
        "model": run.model.name,
        "parameters": count_parameters(state.network),
        "epochs": state.epoch,
        "train_elapsed_s": round(sum(record.elapsed_s for record in state.history), 3),
        "examples_per_s": round(float(np.mean([record.examples_per_s for record in state.history])), 1),
    }


def _dataset_records(name: str, description: Description, views_digests: Mapping[str, str]) -> list[Any]:
    digests = {"training": views_digests.get("views") or description.arrays["train.npy"]["sha256"]}
    digests |= {split: description.arrays[f"{split}.npy"]["sha256"] for split in ("validation", "test")}
    counts = dict(zip(digests, (description.counts[split] for split in ("train", "validation", "test")), strict=True))
    return [
        {
            "name": name,
            "digest": digest,
            "context": context,
            "source": str(paths.prepared(name)),
            "profile": {"examples": counts[context], "shape": list(description.spec.shape)},
        }
        for context, digest in digests.items()
    ]
