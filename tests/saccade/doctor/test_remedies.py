"""What is proposed against a simple model that does better than a healthy network."""

from typing import Any

import pytest

from saccade.doctor.remedies import against_a_baseline

SETTINGS: dict[str, Any] = {
    "dataset.name": "photos",
    "dataset.preprocess.channels": 3,
    "dataset.augment.views": 8,
    "dataset.augment.mode": "stored",
    "model.name": "resnet9",
    "model.pretrained": None,
    "train.class_weights": "none",
    "train.sampler": "shuffle",
    "train.freeze": [],
    "train.finetune": None,
    "train.keep": "best",
    "train.epochs": 10,
}
TUNED = {"model.name": "efficientnet_lite0", "model.pretrained": "imagenet", "model.input_side": 224}
WEIGHTS = ("model", "{name: efficientnet_lite0, pretrained: imagenet, input_side: 224}")
VIEWS = ("datasets.photos.augment", "views and transforms, such as `saccade describe policy` lists")
LONGER = ("train.epochs", 20)


def proposed(changed: dict[str, Any], *, is_balanced: bool = False) -> list[Any]:
    found = against_a_baseline(SETTINGS | changed, is_balanced=is_balanced)
    return [(change.key, change.value) for change in found]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, [WEIGHTS, LONGER]),
        ({"dataset.augment.views": 0}, [WEIGHTS, VIEWS, LONGER]),
        ({"dataset.augment.views": 0, "dataset.augment.mode": "online"}, [WEIGHTS, LONGER]),
        ({"train.keep": "last", "model.dropout": 0}, [WEIGHTS, ("model.dropout", 0.3), ("train.keep", "best"), LONGER]),
        (TUNED, [("train.finetune", "{}"), LONGER]),
        (TUNED | {"model.input_side": 0}, [("model.input_side", 224), ("train.finetune", "{}"), LONGER]),
        (TUNED | {"train.finetune.head_epochs": 3}, [LONGER]),
        (TUNED | {"train.freeze": ["backbone"]}, [LONGER]),
    ],
)
def test_against_histograms(changed: dict[str, Any], expected: list[Any]) -> None:
    assert proposed(changed) == expected


def test_rare_classes_come_first_where_nothing_weighs_them() -> None:
    weights = ("train.class_weights", "effective")
    assert proposed({}, is_balanced=True)[0] == weights
    for weighed in ("inverse", "effective"):
        assert weights not in proposed({"train.class_weights": weighed}, is_balanced=True)
    assert weights not in proposed({"train.sampler": "balanced"}, is_balanced=True)


def test_data_without_pixels_are_offered_no_pictures_weights() -> None:
    texts = {"train.keep": "last", "train.epochs": 5, "dataset.augment.views": 0, "model.dropout": 0.2}
    found = against_a_baseline(texts, is_balanced=False)
    assert [(change.key, change.value) for change in found] == [("train.keep", "best"), ("train.epochs", 10)]
