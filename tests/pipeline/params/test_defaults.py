"""Which recorded values differ from the defaults of params.yaml."""

from pathlib import Path
from typing import Any

import pytest
from params_helpers import changed

from pipeline.params.load import load_params
from pipeline.runs.provenance import flatten
from pipeline.schema.defaults import settings_off_default
from pipeline.stages.train.run import TrainingRun
from saccade.train.setup import resolve_settings


def recorded(folder: Path, text: str, run: str = "cnn") -> dict[str, Any]:
    """What run.json records of a run, as the stage train resolves it."""
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    found = TrainingRun.of(load_params(folder / "params.yaml"), run)
    task, model = found.task.model_dump(), found.model.model_dump()
    train = found.block.result_settings
    settings = resolve_settings(task, model, train, precision="float32", seed=found.seed)
    return {**found.other_params, "train.device": "cpu", "train.threads": 2, **flatten(settings)}


def off_default(folder: Path, *replacements: tuple[str, str], run: str = "cnn") -> dict[str, tuple[str, str]]:
    found = settings_off_default(recorded(folder, changed(*replacements), run))
    return {key: (value, default) for key, value, default in found}


def test_what_the_file_says_and_nothing_that_was_filled_in(tmp_path: Path) -> None:
    assert off_default(tmp_path) == {
        "dataset.source.name": ("digits", ""),
        "dataset.split.test": ("0.15", "null"),
        "dataset.preprocess.size": ("[32, 24]", ""),
        "dataset.preprocess.channels": ("1", ""),
        "dataset.augment.views": ("2", "0"),
        "dataset.augment.transforms": ('[{"name": "Affine", "rotate": [-10, 10], "p": 0.5}]', "[]"),
        "task.name": ("classify", ""),
        "model.name": ("lenet5", ""),
        "train.epochs": ("3", ""),
        "train.batch_size": ("64", ""),
        "train.optimizer.name": ("adam", ""),
        "train.optimizer.lr": ("0.004", ""),
        "train.schedule.name": ("one_cycle", "constant"),
    }


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ("{name: lenet5, activation: tanh}", "model.activation", ("tanh", "relu")),
        ("{name: lenet5, activation: relu}", "model.activation", None),  # said, and the default all the same
    ],
)
def test_an_argument_of_a_model_is_compared_with_its_signature(
    tmp_path: Path, line: str, key: str, expected: tuple[str, str] | None
) -> None:
    assert off_default(tmp_path, ("{name: lenet5}", line)).get(key) == expected


def test_a_seed_of_its_own_a_loss_and_a_nested_block(tmp_path: Path) -> None:
    own = "epochs: 3\n      seed: 7\n      loss: mse\n      early_stopping: {patience: 2}"
    found = off_default(tmp_path, ("epochs: 3", own))
    assert found["train.seed"] == ("7", "null") and found["train.loss"] == ("mse", "auto")
    assert found["train.early_stopping.patience"] == ("2", "") and "train.early_stopping.min_delta" not in found
