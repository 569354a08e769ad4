"""What a training works on: its settings, data, first weights and name, found out before anything is trained."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pipeline import paths
from pipeline.runs import provenance
from pipeline.runs.identity import code_digests, identity_of
from pipeline.schema.named import NamedBlock
from pipeline.schema.train import TrainBlock
from pipeline.stages.train.initial_weights import Origin, origin_of
from saccade.bundle import outputs
from saccade.bundle.bundle import Recipe
from saccade.core import devices, registry
from saccade.core.ranks import Rank
from saccade.data.prepared import Description, open_split, read_description, read_evaluate_crop
from saccade.optim.losses import ONE_OUTPUT, constant_loss
from saccade.transforms.online_views import OnlineViews
from saccade.transforms.open_views import open_views

if TYPE_CHECKING:
    from pipeline.params.load import Params


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
    task: NamedBlock
    model: NamedBlock
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

    def member(self, number: int) -> "TrainingRun":
        """The same with seed + number; its name is one that params.yaml cannot give to another run."""
        seed = self.seed + number
        return dataclasses.replace(self, name=f"{self.name}.seed{seed}", seed=seed)


@dataclass(frozen=True)
class Work:
    """What a training works on and with, the same in each of its processes.

    Attributes:
        device: of this process.
        precision: float32 or bfloat16.
        environment: what the bits depend on besides the identity.
        description: of the prepared dataset.
        views: uint8 (V, N, H, W, C), memory-mapped; or what makes them while they are read.
        digests: SHA-256 of each array that training reads.
        settings: resolved params and seeds.
        recipe: of the network; holds the run's identity.
        origin: where the first weights come from, None where they are drawn.
    """

    device: torch.device
    precision: str
    environment: dict[str, str | int]
    description: Description
    views: np.ndarray | OnlineViews
    digests: dict[str, str]
    settings: dict[str, Any]
    recipe: Recipe
    origin: Origin | None


@dataclass(frozen=True)
class Plan:
    """What is known of a training before it begins.

    Attributes:
        identity: of the run.
        environment: what the bits depend on besides the identity.
        noted: the environment and what else its tags tell.
        params: all that is recorded, flat keys.
        datasets: what it reads.
    """

    identity: str
    environment: dict[str, str | int]
    noted: dict[str, Any]
    params: dict[str, Any]
    datasets: list[Any]


def plan(run: TrainingRun, me: Rank) -> Plan:
    """What is known of a training before it begins; nothing is trained or written.

    Args:
        run: what would be trained.
        me: rank 0, of one or of several processes.

    Returns:
        What its record begins with.

    Raises:
        UserError: data or first weights are missing.
    """
    work = prepare(run, me)
    datasets = dataset_records(run.dataset, work.description, work.digests)
    return Plan(work.recipe.identity, work.environment, noted(run, work), recorded(run, work), datasets)


def prepare(run: TrainingRun, me: Rank) -> Work:
    """Set torch up, open the data, and find out what the run is called.

    Args:
        run: what is to be trained.
        me: this process.

    Returns:
        All that a training needs; nothing is written.

    Raises:
        UserError: data or first weights are missing, or do not suit the run.
    """
    block = run.block
    device = devices.resolve_device(block.device, me.local_rank if me.world_size > 1 else None)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    precision = devices.resolve_precision(block.precision, device)
    threads = devices.set_threads(None if block.threads == "auto" else block.threads, me.local_world_size)
    devices.set_deterministic(block.deterministic, compile=block.compile)
    description = read_description(paths.prepared(run.dataset))
    if loss_name(run) in ONE_OUTPUT:
        description.spec.require_two_classes()
    views, views_digests = open_views(paths.augmented(run.dataset), paths.prepared(run.dataset))
    digests = description.digests("train", "validation") | views_digests
    settings = _resolved(run, precision)
    origin = origin_of(run, description)
    mean, std = origin.normalisation if origin and origin.normalisation else (description.mean, description.std)
    evaluate_crop = read_evaluate_crop(paths.augmented(run.dataset))
    given: dict[str, Any] = {"spec": description.spec.to_dict(), "mean": mean, "std": std}
    given |= {} if evaluate_crop == 1 else {"evaluate_crop": evaluate_crop}
    read = digests | ({"first_weights": origin.sha256} if origin else {})
    identity = identity_of(settings | given, read, code_digests("train", {"item.model.name": run.model.name}))
    return Work(
        device=device,
        precision=precision,
        environment=devices.describe_environment(device, threads, me.world_size),
        description=description,
        views=views,
        digests=digests,
        settings=settings,
        origin=origin,
        recipe=Recipe(
            model=run.model.name,
            arguments={key: value for key, value in settings["model"].items() if key != "name"},
            spec=description.spec,
            task=run.task.name,
            mean=mean,
            std=std,
            identity=identity,
            evaluate_crop=evaluate_crop,
            one_output=loss_name(run) in ONE_OUTPUT,
        ),
    )


def _resolved(run: TrainingRun, precision: str) -> dict[str, Any]:
    """Params with defaults and ``auto`` filled in; without what only the environment decides (device, threads)."""
    defaults = registry.keyword_arguments("models", run.model.name, "build")
    arguments = {key: argument.default for key, argument in defaults.items()} | run.model.arguments
    arguments.pop("pretrained", None)  # the bytes of the weights count, not where they lie
    return {
        "task": {"name": run.task.name, **run.task.arguments},
        "model": {"name": run.model.name, **arguments},
        "train": run.block.result_settings
        | {"freeze": run.block.frozen_layers}
        | {"precision": precision, "seed": run.seed, "loss": loss_name(run)},
    }


def loss_name(run: TrainingRun) -> str:
    """A key of ``losses.LOSSES``: what ``auto`` stands for."""
    return registry.constant("tasks", run.task.name, "LOSSES")[0] if run.block.loss == "auto" else run.block.loss


def noted(run: TrainingRun, work: Work) -> dict[str, Any]:
    """The environment, and the loss of a constant answer on the validation split, where there is a formula for it."""
    labels = torch.from_numpy(np.array(open_split(paths.prepared(run.dataset), "validation").labels))
    if work.description.spec.horizon:
        labels = labels / torch.tensor(outputs.of_targets(work.description.spec, work.recipe.std))  # as _loss
    constant = constant_loss(loss_name(run), labels)
    return work.environment | ({} if constant is None else {"constant_loss": constant})


def recorded(run: TrainingRun, work: Work) -> dict[str, Any]:
    """Every resolved parameter, flat keys."""
    places = {f"train.{key}": work.environment[key] for key in ("device", "threads", "processes")}
    crop = {"dataset.augment.evaluate_crop": work.recipe.evaluate_crop}  # what auto stands for
    return {**run.other_params, **crop, **places, **provenance.flatten(work.settings)}


def dataset_records(name: str, description: Description, read: Mapping[str, str]) -> list[Any]:
    """What a training reads, as the journal notes it: the training data as they are seen, validation and test.

    Args:
        name: key in ``datasets:``.
        description: of it.
        read: name of an array to its SHA-256.

    Returns:
        A ``journal.DatasetRecord`` for each.
    """
    digests = {"training": read.get("views") or read["train.npy"]}
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
