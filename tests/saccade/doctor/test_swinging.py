"""Rare classes that weigh a lot, and a validation loss that swings about a constant answer.

tests/assets/unequal_classes.json holds losses of small convolutional networks over digits of five classes with 5 to 150
examples each, drawn with noise of a standard deviation: 30 epochs of AdamW at a rate, with class weights or without.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from saccade.doctor.record import Record
from saccade.doctor.remedies import Change
from saccade.doctor.rules import Verdict, diagnose

TRAININGS = json.loads((Path(__file__).parents[2] / "assets/unequal_classes.json").read_text(encoding="utf-8"))
NAME = "swinging about a constant answer"


def verdict_on(name: str, *, is_below: bool | None = None, epochs: int = 30, **settings: Any) -> Verdict:
    one = {key: value[:epochs] if isinstance(value, list) else value for key, value in TRAININGS[name].items()}
    rows = [
        {"epoch": epoch, "train_loss": train, "validation_loss": validation, "gradient_norm": 0.5}
        for epoch, (train, validation) in enumerate(zip(one["train"], one["validation"], strict=True), start=1)
    ]
    usual = {"train.class_weights": one["class_weights"], "train.sampler": "shuffle", "train.keep": "last"}
    return diagnose(Record(rows, [], one["constant_loss"], usual | settings, is_below_baseline=is_below))


ILL = [name for name in TRAININGS if name.startswith("ill")]
HEALTHY = [name for name in TRAININGS if name.startswith("healthy")]


@pytest.mark.parametrize("name", ILL)
def test_an_ill_training_is_named_with_its_remedy(name: str) -> None:
    verdict = verdict_on(name)
    assert verdict.name == NAME
    assert verdict.changes == (Change("train.class_weights", "none"), Change("train.keep", "best"))
    assert verdict.evidence.startswith(f"with class_weights: {TRAININGS[name]['class_weights']}, the validation loss")


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_one_is_not_however_early_one_asks(name: str) -> None:
    assert NAME not in [verdict_on(name, epochs=epochs).name for epochs in range(1, 31)]


def test_there_are_five_ill_ones_at_least() -> None:
    assert len(ILL) >= 5 and len(HEALTHY) >= 5


def test_it_is_the_weights_illness_and_that_of_a_run_that_does_worse_than_a_simple_model() -> None:
    assert verdict_on(ILL[0], **{"train.class_weights": "none"}).name != NAME
    drawn = verdict_on(ILL[0], **{"train.class_weights": "none", "train.sampler": "balanced", "train.keep": "best"})
    assert (drawn.name, drawn.changes) == (NAME, (Change("train.sampler", "shuffle"),))
    assert verdict_on(ILL[0], is_below=False).name != NAME
    assert "; on the test split it is worse than a simple model;" in verdict_on(ILL[0], is_below=True).evidence
