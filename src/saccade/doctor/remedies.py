"""Which lines of params.yaml to change against what a training suffers from; each looks whether it applies.

A setting that the model does not have is not among the settings, and none of these proposes it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.doctor import thresholds
from saccade.doctor.record import Record


@dataclass(frozen=True)
class Change:
    """A line of params.yaml.

    Attributes:
        key: below the run, such as ``model.activation``; those of a dataset begin with ``datasets.``.
        value: the new one.
    """

    key: str
    value: Any

    def line(self, run: str, settings: Mapping[str, Any]) -> str:
        """The change as one finds its line in params.yaml.

        Args:
            run: key in ``runs:``.
            settings: resolved params.

        Returns:
            Such as "runs.digits.model.activation: relu (now sigmoid)".
        """
        key = self.key if self.key.startswith("datasets.") else f"runs.{run}.{self.key}"
        now = settings.get(self.key, "")
        shown = {True: "true", False: "false", None: "null"}
        value, before = (shown.get(it, it) if isinstance(it, bool | None) else it for it in (self.value, now))
        return f"{key}: {value}" + (f" (now {before})" if now != "" else "")


Changes = tuple[Change, ...]

CHANGES_IN_WORDS = {  # in words, for a list
    "model.residual": "residual connections",
    "model.activation": "ReLU in place of what saturates",
    "model.normalisation": "batch norms",
    "model.name": "a residual network",
    "model.num_layers": "one recurrent layer",
}


def residual(record: Record) -> Changes:
    """Add each block's input to its output."""
    return (Change("model.residual", True),) if record.settings.get("model.residual") is False else ()


def activation(record: Record, name: str) -> Changes:
    """Another activation."""
    return (Change("model.activation", name),) if record.settings.get("model.activation", name) != name else ()


def normalisation(record: Record) -> Changes:
    """Batch norms, where there are no norms."""
    return (Change("model.normalisation", "batch"),) if record.settings.get("model.normalisation") == "none" else ()


def shorter(record: Record) -> Changes:
    """A way around the layers: a residual network over images, one layer of a recurrent network."""
    if record.settings.get("model.num_layers", 1) > 1:
        return (Change("model.num_layers", 1),)
    return (Change("model.name", "resnet18"),) if "dataset.preprocess.channels" in record.settings else ()


def attention(record: Record) -> Changes:
    """A pool that sees all steps, where there is one answer to all of them."""
    has = record.settings.get("model.pool") == "attention" or record.settings.get("task.name") == "next_token"
    return () if has else (Change("model.pool", "attention"),)


def clipping(record: Record) -> Changes:
    """A bound for the gradient, where there is none."""
    has = "train.clip_norm" in record.settings and record.settings["train.clip_norm"] is None
    return (Change("train.clip_norm", 1.0),) if has else ()


def rate(record: Record, divisor: float) -> Changes:
    """The learning rate, divided."""
    now = record.settings.get("train.optimizer.lr")
    return () if now is None else (Change("train.optimizer.lr", float(f"{now / divisor:.3g}")),)


def divisor_of_rate(record: Record) -> int:
    """By what to divide a learning rate that is too high: 10, 100 or 1,000.

    It is the power of ten that brings the largest update of any layer to the usual size. Under ``one_cycle`` the run's
    first updates, those before the weights grew, have a share of the rate alone: they count for more.
    """
    largest = max(record.largest("update_ratio").values(), default=0.0)
    if record.settings.get("train.schedule.name") == "one_cycle":
        first = max(record.largest("update_ratio", epoch=1).values(), default=0.0)
        largest = max(largest, first / float(record.settings["train.schedule.start_factor"]))
    power = round(math.log10(max(largest / thresholds.USUAL_UPDATE, 1.0)))
    if max(record.losses("train"), default=0.0) > thresholds.BLEW_UP * record.constant_loss:
        power = max(power, 2)  # SGD's first update may be small, and the second one of the loss that it led to is not
    return int(10 ** min(max(power, 1), 3))


def against_overfitting(record: Record, best_epoch: int) -> Changes:
    """The first that applies: views of images, dropout, weight decay, the best epoch's weights, fewer epochs."""
    settings = record.settings
    if settings.get("dataset.augment.views") == 0 and "dataset.preprocess.channels" in settings:
        what = "views and transforms, such as `saccade describe policy` lists"
        return (Change(f"datasets.{settings['dataset.name']}.augment", what),)
    for key, none, value in (
        ("model.dropout", 0, 0.3),
        ("train.optimizer.weight_decay", 0, 0.01),
        ("train.keep", "last", "best"),
    ):
        if settings.get(key) == none:
            return (Change(key, value),)
    return (Change("train.epochs", best_epoch),)


def against_a_baseline(settings: Mapping[str, Any], *, is_balanced: bool) -> Changes:
    """What helps a network that is healthy and does worse than a simple model, the likeliest first.

    Args:
        settings: resolved params, flat, with ``model.pretrained`` beside them.
        is_balanced: whether it is rare classes that the network does worse in.

    Returns:
        Changes, each of which is a remedy of its own.
    """
    found = []
    is_weighed = settings.get("train.class_weights", "none") != "none" or settings.get("train.sampler") == "balanced"
    if is_balanced and not is_weighed:
        found.append(Change("train.class_weights", "effective"))
    if "dataset.preprocess.channels" in settings:
        found += _for_images(settings)
    for key, none, value in (("model.dropout", 0, 0.3), ("train.keep", "last", "best")):
        if settings.get(key) == none:
            found.append(Change(key, value))
    if "train.epochs" in settings:
        found.append(Change("train.epochs", 2 * settings["train.epochs"]))
    return tuple(found)


def _for_images(settings: Mapping[str, Any]) -> list[Change]:
    found = []
    learns_all = not settings.get("train.freeze") and settings.get("train.finetune.head_epochs") is None
    if not settings.get("model.pretrained"):
        found.append(Change("model", "{name: efficientnet_lite0, pretrained: imagenet, input_side: 224}"))
    elif settings.get("model.input_side") == 0:
        found.append(Change("model.input_side", 224))
    if learns_all and settings.get("model.pretrained"):
        found.append(Change("train.finetune", "{}"))
    if settings.get("dataset.augment.views") == 0 and settings.get("dataset.augment.mode") != "online":
        what = "views and transforms, such as `saccade describe policy` lists"
        found.append(Change(f"datasets.{settings['dataset.name']}.augment", what))
    return found


def equal_examples(record: Record) -> Changes:
    """No class weighs more than its examples do, and the best epoch is kept."""
    settings = record.settings
    key, none = (
        ("train.sampler", "shuffle")
        if settings.get("train.sampler") == "balanced"
        else (
            "train.class_weights",
            "none",
        )
    )
    keep = (Change("train.keep", "best"),) if settings.get("train.keep") == "last" else ()
    return (Change(key, none), *keep)


def source(record: Record) -> Changes:
    """Other data, or the same ones with their own labels."""
    dataset = record.settings.get("dataset.name", "DATASET")
    return (Change(f"datasets.{dataset}.source", "one whose labels follow from the examples"),)


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them.

    >>> listed(["ReLU", "norms", "clipping"])
    'ReLU, norms and clipping'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
