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
from saccade.bundle.measured_interval import measure_interval
from saccade.bundle.temperature import measure_temperature
from saccade.bundle.thresholds import measure_thresholds
from saccade.core import devices, registry
from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.data.prepared import DatasetInfo, open_split, read_dataset_info, read_evaluate_crop
from saccade.optim import optimizers, schedules
from saccade.optim.class_weights import class_weights, positive_weights
from saccade.optim.ctc import constant_answer_loss
from saccade.optim.losses import ONE_OUTPUT, Loss, constant_prediction_loss, is_own, loss_of_task, score_of_task
from saccade.optim.objective import Objective
from saccade.optim.schedules import Schedule
from saccade.train.loop import FitSettings
from saccade.train.open_views import open_views
from saccade.train.runtime import Runtime
from saccade.train.state import TrainingState
from saccade.train.transcripts_fit import require_transcripts_that_fit
from saccade.transfer.embeddings import Embeddings, HeadAlone, code_digest, embed, only_head_learns
from saccade.transfer.freeze import expand_backbone, freeze, rates_by_depth
from saccade.transfer.initial_weights import InitialWeights, advice_on_size, find_initial_weights
from saccade.transfer.load_weights import load_into, with_known_tokens
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
        embeddings: what the frozen layers make of all views, where the head alone learns and they are computed.
    """

    settings: dict[str, Any]
    dataset: DatasetInfo
    prepared: Path
    views: np.ndarray | OnlineViews
    digests: dict[str, str]
    config: NetworkConfig
    initial_weights: InitialWeights | None
    embeddings: Embeddings | None = None

    @functools.cached_property
    def train(self) -> LabelledArrays:
        """The training split, as the epochs read it."""
        split = open_split(self.prepared, "train")
        labels = split.labels
        if self.embeddings:
            return LabelledArrays(self.embeddings.train, torch.from_numpy(labels))
        if isinstance(self.views, OnlineViews):  # which leave each example as long as it is
            lengths = stored_lengths(torch.from_numpy(split.examples)) if self.config.spec.has_lengths else None
            return LabelledArrays(self.views, torch.from_numpy(labels), lengths)
        return self._stored(torch.from_numpy(self.views), labels)

    @functools.cached_property
    def validation(self) -> LabelledArrays:
        """The validation split."""
        split = open_split(self.prepared, "validation")
        if self.embeddings:
            return LabelledArrays(self.embeddings.validation, torch.from_numpy(split.labels))
        return self._stored(torch.from_numpy(split.examples[None]), split.labels)

    @property
    def identifying(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Plain values and digests of bytes that, together with the code, decide the weights."""
        config = self.config
        values: dict[str, Any] = {"spec": config.spec.to_dict(), "mean": config.mean, "std": config.std}
        values |= {} if config.evaluate_crop == 1 else {"evaluate_crop": config.evaluate_crop}
        values |= {"target_mean": config.target_mean, "target_std": config.target_std} if config.target_std else {}
        weights = {"first_weights": self.initial_weights.sha256} if self.initial_weights else {}
        if self.initial_weights and self.initial_weights.vocabulary:
            values["first_vocabulary"] = list(self.initial_weights.vocabulary)
        return self.settings | values, self.digests | weights

    @property
    def has_own_loss(self) -> bool:
        """Whether the file of the task brings the loss or the score, and so decides what training does."""
        task = self.settings["task"]["name"]
        return any(is_own(task, name) for name in (self.settings["train"]["loss"], _score_name(task)))

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
        network, lines = self._first_network()
        if self.embeddings:
            head = HeadAlone(self.head, network[1].get_submodule(self.head))
            network = nn.Sequential(nn.Identity(), head, *network[2:])
        if device.type == "cpu" and any(isinstance(layer, nn.Conv2d) for layer in network.modules()):
            devices.keep_freed_memory()
        network = runtime.processes.convert(devices.to_device(network, device), device)
        rates = None
        if train["finetune"]:
            layer_decay = train["finetune"]["layer_decay"]
            starts_at = train["finetune"]["head_epochs"] * self.updates_per_epoch
            by_depth = rates_by_depth(network[1], self.head, layer_decay, starts_at)
            rates = {f"1.{name}": rate for name, rate in by_depth.items()}
        optimizer = optimizers.build(model=network, rates=rates, **train["optimizer"])
        with_average, with_best = train["ema_decay"] is not None, train["keep"] == "best"
        return TrainingState(network, optimizer, with_average=with_average, with_best=with_best), lines

    def _first_network(self) -> tuple[nn.Sequential, list[str]]:
        """The network with its first weights, on the CPU, and lines that say which were loaded."""
        torch.manual_seed(devices.derive_seed(self.settings["train"]["seed"], "weights"))
        network = self.config.build_network()
        lines: list[str] = []
        if initial := self.initial_weights:
            weights = initial.read()
            about_tokens: list[str] = []
            if initial.vocabulary:
                weights, about_tokens = with_known_tokens(
                    network[1], weights, here=self.config.spec.vocabulary, there=initial.vocabulary
                )
            lines = [*load_into(network[1], weights, origin=initial.origin), *about_tokens]
            if advice := advice_on_size(self.config.model, self.config.arguments, self.config.spec):
                lines.append(advice)
        if names := expand_backbone(network[1], self.settings["train"]["freeze"], self.head or None):
            freeze(network[1], names)
        return network, lines

    @functools.cached_property
    def head(self) -> str:
        """Name of the layer of the model that answers; empty where its file names none."""
        return str(registry.constant_or("", "models", self.settings["model"]["name"], "HEAD"))

    @functools.cached_property
    def updates_per_epoch(self) -> int:
        """Number of updates an epoch."""
        train = self.settings["train"]
        return -(-len(self.train.labels) // (train["batch_size"] * train["accumulation_steps"]))

    def embed(self, runtime: Runtime, folder: Path, progress: Progress = no_progress) -> "TrainingSetup":
        """The same on embeddings, where the head alone learns and every epoch would compute the same below it.

        Args:
            runtime: device and precision; of several processes each would compute all of them, so none does.
            folder: folder for all embeddings of a project.
            progress: callback that gets the number of images done.

        Returns:
            A setup whose state is the head alone; ``whole_network`` puts it back in its place. This one where other
            layers learn, or views are made or mixed while they are read.
        """
        train = self.settings["train"]
        if not (self.head and train["freeze"] and isinstance(self.views, np.ndarray)) or runtime.processes.count > 1:
            return self
        if train["mixup"] is not None or train["cutmix"] is not None or self.config.spec.layout != "image":
            return self
        network, _ = self._first_network()
        if not only_head_learns(network[1], self.head):
            return self
        config, environment = self.config, devices.describe_environment(runtime.device, 1)
        decided_by = {
            "model": [config.model, config.arguments],
            "input": [config.spec.to_dict(), config.mean, config.std, config.evaluate_crop],
            "data": self.digests,
            "code": code_digest(config.model),
            "precision": runtime.precision,
            "environment": environment,
        }
        held = open_split(self.prepared, "validation").examples[None]
        found = embed(
            devices.to_device(network, runtime.device),
            self.head,
            torch.from_numpy(self.views),
            torch.from_numpy(held),
            folder,
            device=runtime.device,
            precision=runtime.precision,
            decided_by=decided_by,
            progress=progress,
        )
        return dataclasses.replace(self, embeddings=found)

    def without_head_epochs(self) -> "TrainingSetup":
        """The same, but all layers learn from the first update on: what a learning rate is tried on."""
        tuning = self.settings["train"]["finetune"]
        if not tuning:
            return self
        train = self.settings["train"] | {"finetune": tuning | {"head_epochs": 0}}
        return dataclasses.replace(self, settings=self.settings | {"train": train})

    def whole_network(self, kept: nn.Sequential) -> nn.Sequential:
        """The network that a bundle holds: ``kept`` itself, or the first network with this head.

        Args:
            kept: what was trained.

        Returns:
            Input layer and model, on the CPU where the head alone was trained.
        """
        if not self.embeddings:
            return kept
        network, _ = self._first_network()
        head = kept[1].get_submodule(self.head)
        network[1].get_submodule(self.head).load_state_dict(head.state_dict())
        return network.eval()

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
        train, task = self.settings["train"], self.settings["task"]["name"]
        return Objective(
            self._loss(device),
            score=_score_name(task),
            label_smoothing=train["label_smoothing"],
            class_weights=self._class_weights(device),
            score_function=score_of_task(task),
        )

    def _class_weights(self, device: torch.device) -> Tensor | None:
        scheme = self.settings["train"]["class_weights"]
        if scheme == "none":
            return None
        counts = self.dataset.class_counts["train"]
        if self.config.spec.multilabel:
            return positive_weights(counts, self.dataset.counts["train"], scheme).to(device)
        return class_weights(counts, scheme).to(device)

    def schedule(self) -> Schedule:
        """The learning rate of each update of the run."""
        train, steps = self.settings["train"], self.updates_per_epoch
        lr, alone = train["optimizer"]["lr"], train["finetune"]["head_epochs"] if train["finetune"] else 0
        after = schedules.build(lr=lr, epochs=train["epochs"] - alone, steps_per_epoch=steps, **train["schedule"])
        return (lambda step: lr if step < alone * steps else after(step - alone * steps)) if alone else after

    def fit_settings(self) -> FitSettings:
        """Length of the run, clipping, averaging and early stopping."""
        train = self.settings["train"]
        stopping = train["early_stopping"] or {"patience": None, "min_delta": 0.0}
        tuning = train["finetune"]
        if tuning:
            stopping |= {"head": self.head, "head_epochs": tuning["head_epochs"], "fixed_norms": tuning["fixed_norms"]}
        return FitSettings(train["epochs"], clip_norm=train["clip_norm"], ema_decay=train["ema_decay"], **stopping)

    def constant_prediction_loss(self) -> float | None:
        """Loss on the validation split of the best prediction that is the same for all examples, where it is known."""
        labels = torch.from_numpy(np.array(self.validation.labels))
        if self.settings["train"]["loss"] == "ctc":
            columns = registry.constant_or(None, "models", self.config.model, "COLUMNS_A_STEP")
            lengths = self.validation.lengths
            return None if columns is None or lengths is None else constant_answer_loss(labels, -(-lengths // columns))
        if (std := self._std_of_targets()) is not None:
            labels = labels / std
        return constant_prediction_loss(self.settings["train"]["loss"], labels)

    def trained_config(self, network: nn.Sequential, device: torch.device) -> NetworkConfig:
        """What the bundle says: of a forecast, with what it is off by on the validation split; of a classifier, with
        the temperature that fits there; of several classes an example, with the threshold of each that does best there.

        Args:
            network: the network that is kept, on the device.
            device: device of the network.

        Returns:
            The config.
        """
        if self.config.spec.multilabel:
            held = open_split(self.prepared, "validation")
            thresholds = measure_thresholds(
                network.to(device),
                torch.from_numpy(held.examples),
                held.labels,
                device=device,
                are_texts=self.config.spec.layout == "tokens",
            )
            return dataclasses.replace(self.config, thresholds=thresholds)
        if self.config.spec.classes:
            held = open_split(self.prepared, "validation")
            temperature = measure_temperature(
                network.to(device),
                torch.from_numpy(held.examples),
                held.labels,
                device=device,
                have_lengths=self.config.spec.has_lengths,
            )
            return dataclasses.replace(
                self.config, temperature=temperature.value, temperature_reason=temperature.reason
            )
        if not self.config.spec.horizon:
            return self.config
        assert isinstance(self.validation.views, Tensor), "what is measured is stored"
        examples, targets = self.validation.views[0], self.validation.labels
        batch_size = self.settings["train"]["batch_size"]
        interval = measure_interval(network, examples, targets, batch_size=batch_size, device=device)
        return dataclasses.replace(self.config, interval=interval)

    def _stored(self, views: Tensor, labels: np.ndarray) -> LabelledArrays:
        lengths = stored_lengths(views[0]) if self.config.spec.has_lengths else None
        return LabelledArrays(views, torch.from_numpy(labels), lengths)

    def _loss(self, device: torch.device) -> Loss:
        """The named loss; of numbers that are answered in the data's own unit, in units of the standard deviation."""
        loss = loss_of_task(self.settings["task"]["name"], self.settings["train"]["loss"])
        std = self._std_of_targets()
        return loss if std is None else outputs.in_units_of_std(loss, std.to(device))

    def _std_of_targets(self) -> Tensor | None:
        """Standard deviation of each number that is answered in the data's own unit; None where none is."""
        if self.config.target_std:
            return torch.tensor(self.config.target_std)
        if self.config.spec.horizon:
            return torch.tensor(outputs.per_target(self.config.spec, self.config.std))
        return None


def _score_name(task: str) -> str:
    return str(registry.constant("tasks", task, "SCORE"))


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
        UserError: data or first weights are missing, or do not suit the settings; or a transcript does not fit into
            the steps that the model makes of its line.
    """
    settings = resolve_settings(task, model, train, precision=precision, seed=seed)
    dataset = read_dataset_info(prepared)
    spec = dataset.spec
    one_output = settings["train"]["loss"] in ONE_OUTPUT and not spec.multilabel
    if one_output:
        spec.require_two_classes()
    if spec.output == "transcript":
        require_transcripts_that_fit(prepared, model["name"])
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
            target_mean=dataset.target_mean,
            target_std=dataset.target_std,
        ),
        initial_weights=weights,
    )
