"""From settings and prepared data to the parts of a training: all that decides its numbers.

Settings are plain values with the keys of params.yaml, defaults filled in: ``{"task": {"name": ...}, "model": {"name":
..., arguments of build}, "train": {"epochs": ..., "optimizer": {"name": ...}, ...}}``.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from saccade.batching.arrays import LabelledArrays
from saccade.batching.batches import Batches
from saccade.batching.length_buckets import stored_lengths
from saccade.bundle import outputs
from saccade.bundle.bundle import NetworkConfig
from saccade.bundle.initial_weights import InitialWeights, find_initial_weights
from saccade.bundle.intervals import measure_interval
from saccade.bundle.load_weights import load_into
from saccade.core import devices, registry
from saccade.core.errors import UserError
from saccade.data.prepared import Description, open_split, read_description, read_evaluate_crop
from saccade.optim import optimizers, schedules
from saccade.optim.class_weights import class_weights
from saccade.optim.losses import LOSSES, ONE_OUTPUT, Loss, constant_prediction_loss
from saccade.optim.objective import Objective
from saccade.optim.schedules import Schedule
from saccade.train.freeze import freeze
from saccade.train.loop import FitSettings
from saccade.train.open_views import open_views
from saccade.train.runtime import Runtime
from saccade.train.state import TrainingState
from saccade.transforms.online_views import OnlineViews

Settings = Mapping[str, Any]


def resolve_settings(task: Settings, model: Settings, train: Settings, *, precision: str, seed: int) -> dict[str, Any]:
    """Settings with defaults and ``auto`` filled in, without what only the environment decides (device, threads).

    Args:
        task: name and arguments of the task.
        model: name and arguments of the model.
        train: settings of ``train:`` that decide a result, all of them.
        precision: float32 or bfloat16.
        seed: seed of the run.

    Returns:
        Plain values.
    """
    defaults = registry.keyword_arguments("models", model["name"], "build")
    arguments = {key: argument.default for key, argument in defaults.items()} | dict(model)
    arguments.pop("pretrained", None)  # the bytes of the weights count, not where they lie
    loss = registry.constant("tasks", task["name"], "LOSSES")[0] if train["loss"] == "auto" else train["loss"]
    resolved = {"precision": precision, "seed": seed, "loss": loss}
    return {"task": dict(task), "model": arguments, "train": dict(train) | resolved}


@dataclass(frozen=True)
class TrainingSetup:
    """What a training works on, the same in each of its processes.

    Attributes:
        settings: resolved settings; see ``resolve_settings``.
        dataset: content of dataset.json.
        prepared: folder of the prepared dataset.
        views: views of the training split (V, N, ...), memory-mapped, or an object that makes them while they are read.
        digests: SHA-256 of each array that training reads, by name.
        config: everything but the weights that makes the network; its identity is empty until ``with_identity``.
        initial_weights: weights to start from; None where they are drawn.
    """

    settings: dict[str, Any]
    dataset: Description
    prepared: Path
    views: np.ndarray | OnlineViews
    digests: dict[str, str]
    config: NetworkConfig
    initial_weights: InitialWeights | None

    @functools.cached_property
    def train(self) -> LabelledArrays:
        """The training split, as the epochs read it."""
        labels = open_split(self.prepared, "train").labels
        if isinstance(self.views, OnlineViews):
            return LabelledArrays(self.views, torch.from_numpy(labels))
        return self._stored(torch.from_numpy(self.views), labels)

    @functools.cached_property
    def validation(self) -> LabelledArrays:
        """The validation split."""
        split = open_split(self.prepared, "validation")
        return self._stored(torch.from_numpy(split.examples[None]), split.labels)

    @property
    def identifying(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Plain values and digests of bytes that, together with the code, decide the weights."""
        config = self.config
        values: dict[str, Any] = {"spec": config.spec.to_dict(), "mean": config.mean, "std": config.std}
        values |= {} if config.evaluate_crop == 1 else {"evaluate_crop": config.evaluate_crop}
        weights = {"first_weights": self.initial_weights.sha256} if self.initial_weights else {}
        return self.settings | values, self.digests | weights

    def with_identity(self, identity: str) -> "TrainingSetup":
        """The same under the name that its values, digests and code have."""
        return dataclasses.replace(self, config=dataclasses.replace(self.config, identity=identity))

    def build_state(self, runtime: Runtime) -> tuple[TrainingState, list[str]]:
        """The network with its first weights, drawn or loaded, and its optimiser.

        Args:
            runtime: device and processes.

        Returns:
            Where a training begins, and lines that say which weights were loaded.
        """
        train, device = self.settings["train"], runtime.device
        torch.manual_seed(devices.derive_seed(train["seed"], "weights"))
        network = self.config.build_network()
        lines: list[str] = []
        if self.initial_weights:
            lines = load_into(network[1], self.initial_weights.read(), origin=self.initial_weights.origin)
        if train["freeze"]:
            freeze(network[1], train["freeze"])
        if device.type == "cpu" and any(isinstance(layer, nn.Conv2d) for layer in network.modules()):
            devices.keep_freed_memory()
        network = runtime.processes.convert(devices.to_device(network, device), device)
        optimizer = optimizers.build(model=network, **train["optimizer"])
        with_average, with_best = train["ema_decay"] is not None, train["keep"] == "best"
        return TrainingState(network, optimizer, with_average=with_average, with_best=with_best), lines

    @contextlib.contextmanager
    def open_batches(self, runtime: Runtime) -> Iterator[Batches]:
        """The updates of the training split; processes that make views while it is read end with the block.

        Args:
            runtime: device and processes.

        Yields:
            The updates, epoch by epoch.

        Raises:
            UserError: a batch of one example meets a batch norm inside the block.
        """
        train = self.settings["train"]
        try:
            yield Batches(
                self.train,
                train["batch_size"],
                seed=train["seed"],
                accumulation_steps=train["accumulation_steps"],
                sampler=train["sampler"],
                length_buckets=train["length_buckets"],
                mixup=train["mixup"],
                cutmix=train["cutmix"],
                device=runtime.device,
                processes=runtime.processes,
            )
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise UserError(
                f"train.batch_size ({train['batch_size']}) leaves a batch of one example of {len(self.train.labels)}, "
                "and a batch norm can take no variance of it. Choose another batch size."
            ) from error
        finally:
            if isinstance(self.views, OnlineViews):
                self.views.close()

    def objective(self, device: torch.device) -> Objective:
        """The loss, with its class weights and smoothing, and the task's score."""
        train, scheme = self.settings["train"], self.settings["train"]["class_weights"]
        weights = None if scheme == "none" else class_weights(self.dataset.class_counts["train"], scheme).to(device)
        score = registry.constant("tasks", self.settings["task"]["name"], "SCORE")
        return Objective(
            self._loss(device), score=score, label_smoothing=train["label_smoothing"], class_weights=weights
        )

    def schedule(self) -> Schedule:
        """The learning rate of each update of the run."""
        train = self.settings["train"]
        updates_per_epoch = -(-len(self.train.labels) // (train["batch_size"] * train["accumulation_steps"]))
        lr, epochs = train["optimizer"]["lr"], train["epochs"]
        return schedules.build(lr=lr, epochs=epochs, steps_per_epoch=updates_per_epoch, **train["schedule"])

    def fit_settings(self) -> FitSettings:
        """Length of the run, clipping, averaging and early stopping."""
        train = self.settings["train"]
        stopping = train["early_stopping"] or {"patience": None, "min_delta": 0.0}
        return FitSettings(train["epochs"], clip_norm=train["clip_norm"], ema_decay=train["ema_decay"], **stopping)

    def constant_prediction_loss(self) -> float | None:
        """Loss on the validation split of the best prediction that is the same for all examples, where it is known."""
        labels = torch.from_numpy(np.array(self.validation.labels))
        if self.config.spec.horizon:
            labels = labels / self._std_of_targets()
        return constant_prediction_loss(self.settings["train"]["loss"], labels)

    def trained_config(self, network: nn.Sequential, device: torch.device) -> NetworkConfig:
        """What the bundle says: of a forecast, with what it is off by on the validation split.

        Args:
            network: the network that is kept, on the device.
            device: device of the network.

        Returns:
            The config.
        """
        if not self.config.spec.horizon:
            return self.config
        assert isinstance(self.validation.views, Tensor), "what is measured is stored"
        examples, targets = self.validation.views[0], self.validation.labels
        batch_size = self.settings["train"]["batch_size"]
        interval = measure_interval(network, examples, targets, batch_size=batch_size, device=device)
        return dataclasses.replace(self.config, interval=interval)

    def _stored(self, views: Tensor, labels: np.ndarray) -> LabelledArrays:
        lengths = stored_lengths(views[0]) if self.config.spec.layout == "tokens" else None
        return LabelledArrays(views, torch.from_numpy(labels), lengths)

    def _loss(self, device: torch.device) -> Loss:
        """The named loss; of a forecast, which is in the data's own unit, in units of the standard deviation."""
        loss = LOSSES[self.settings["train"]["loss"]]
        if not self.config.spec.horizon:
            return loss
        return outputs.in_units_of_std(loss, self._std_of_targets().to(device))

    def _std_of_targets(self) -> Tensor:
        return torch.tensor(outputs.per_target(self.config.spec, self.config.std))


def set_up(
    *,
    task: Settings,
    model: Settings,
    train: Settings,
    seed: int,
    precision: str,
    prepared: Path,
    augmented: Path,
    initial_bundle: Path | None = None,
) -> TrainingSetup:
    """Read what a training works on; nothing is trained or written.

    Args:
        task: name and arguments of the task.
        model: name and arguments of the model; ``pretrained`` names weights to start from.
        train: settings of ``train:`` that decide a result, all of them.
        seed: seed of the run.
        precision: float32 or bfloat16.
        prepared: folder of the prepared dataset, such as data/prepared/digits.
        augmented: folder of its views, such as data/augmented/digits.
        initial_bundle: folder of the run to start from; None: no such run.

    Returns:
        What a training works on.

    Raises:
        UserError: data or first weights are missing, or do not suit the settings.
    """
    settings = resolve_settings(task, model, train, precision=precision, seed=seed)
    dataset = read_description(prepared)
    spec = dataset.spec
    one_output = settings["train"]["loss"] in ONE_OUTPUT
    if one_output:
        spec.require_two_classes()
    views, digests = open_views(augmented, prepared)
    weights = find_initial_weights(
        model=model["name"],
        pretrained=model.get("pretrained"),
        bundle=initial_bundle,
        spec=spec,
        mean=dataset.mean,
        dataset=prepared.name,
    )
    mean, std = weights.normalisation if weights and weights.normalisation else (dataset.mean, dataset.std)
    return TrainingSetup(
        settings=settings,
        dataset=dataset,
        prepared=prepared,
        views=views,
        digests=dataset.digests("train", "validation") | digests,
        config=NetworkConfig(
            model=model["name"],
            arguments={key: value for key, value in settings["model"].items() if key != "name"},
            spec=spec,
            task=task["name"],
            mean=mean,
            std=std,
            identity="",
            evaluate_crop=read_evaluate_crop(augmented),
            one_output=one_output,
        ),
        initial_weights=weights,
    )
