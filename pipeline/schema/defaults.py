"""Which of a run's recorded values differ from the defaults that params.yaml has for them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from pipeline.schema.augment import AugmentBlock
from pipeline.schema.evaluate import EvaluateBlock
from pipeline.schema.preprocess import form_of_source, preprocess_block
from pipeline.schema.split import SplitBlock
from pipeline.schema.train import (
    Adam,
    Constant,
    Cosine,
    EarlyStopping,
    Finetune,
    OneCycle,
    RmsProp,
    Sgd,
    Staircase,
    TrainBlock,
)
from saccade.core import registry

REQUIRED = object()
"""Stands for the default of a key that has none."""

_OPTIMIZERS: dict[str, type[BaseModel]] = {"sgd": Sgd, "adam": Adam, "adamw": Adam, "rmsprop": RmsProp}
_SCHEDULES: dict[str, type[BaseModel]] = {
    "constant": Constant,
    "step": Staircase,
    "cosine": Cosine,
    "one_cycle": OneCycle,
}
# What ``auto`` became is recorded, not that it was auto; of the machine the page speaks elsewhere
_FILLED_IN = ("dataset.name", "train.device", "train.threads", "dataset.augment.evaluate_crop", "evaluate.device")


def settings_off_default(params: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The values that somebody chose, as far as the record tells.

    Args:
        params: resolved params with flat keys, as run.json records them.

    Yields:
        Key, value and default, the last empty where there is none; in the order of the record.
    """
    defaults = defaults_of(params)
    for key, value in params.items():
        if key in defaults and key not in _FILLED_IN and not _is_filled_in(key, value, params):
            default = defaults[key]
            if default is REQUIRED or default != value:
                yield key, as_yaml(value), "" if default is REQUIRED else as_yaml(default)


def _is_filled_in(key: str, value: Any, params: Mapping[str, Any]) -> bool:
    """Whether ``auto``, or the file's seed, gives just this value."""
    if key.endswith(".seed"):
        return bool(value == params.get("seed"))
    if key == "train.loss":
        return bool(value == registry.constant("tasks", params["task.name"], "LOSSES")[0])
    is_cuda = str(params.get("train.device")).startswith("cuda")
    return key == "train.precision" and value == ("bfloat16" if is_cuda else "float32")


def defaults_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The default of each key that such a run may have.

    Args:
        params: resolved params with flat keys.

    Returns:
        Flat key to default, or to ``REQUIRED``.
    """
    source = params["dataset.source.name"]
    prefix = "dataset.source."
    asked = {key.removeprefix(prefix): value for key, value in params.items() if key.startswith(prefix)}
    blocks: dict[str, type[BaseModel]] = {
        "dataset.split": SplitBlock,
        "dataset.preprocess": preprocess_block(form_of_source(source, asked)),
        "dataset.augment": AugmentBlock,
        "train": TrainBlock,
        "train.optimizer": _OPTIMIZERS[params["train.optimizer.name"]],
        "train.schedule": _SCHEDULES[params["train.schedule.name"]],
        "train.early_stopping": EarlyStopping,
        "train.finetune": Finetune,
        "evaluate": EvaluateBlock,
    }
    defaults: dict[str, Any] = {
        "seed": 0,
        "dataset.source.name": REQUIRED,
        "task.name": REQUIRED,
        "model.name": REQUIRED,
    }
    for block, model in blocks.items():
        for name, field in model.model_fields.items():
            required = field.is_required()
            defaults[f"{block}.{name}"] = REQUIRED if required else field.get_default(call_default_factory=True)
    defaults["train.schedule.name"] = "constant"
    signatures = [("dataset.source", "datasets", source, "fetch"), ("dataset.source", "datasets", source, "read")]
    signatures.append(("model", "models", params["model.name"], "build"))
    for block, folder, name, function in signatures:
        for argument, known in registry.keyword_arguments(folder, name, function).items():  # type: ignore[arg-type]
            defaults[f"{block}.{argument}"] = REQUIRED if known.required else known.default
    return defaults


def as_yaml(value: Any) -> str:
    """A value as one writes it into params.yaml.

    >>> as_yaml(True), as_yaml([10, 0.5]), as_yaml("adam"), as_yaml(None)
    ('true', '[10, 0.5]', 'adam', 'null')
    """
    return value if isinstance(value, str) else json.dumps(value)
