"""``saccade add --auto DATASET``: settings decided from what a dataset holds."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from pipeline import paths
from pipeline.commands import add_auto as module
from pipeline.commands.add_auto import add_auto
from pipeline.params.load import load_params
from pipeline.stages.fetch import fetch
from saccade import kinds
from saccade.core.errors import UserError

HEAD = "seed: 0\ntracking: {experiment: t}\ndatasets:\n"
RUNS = """\
runs:   # none of these lines may change
  first:
    dataset: photos
    task: {name: classify}
    model: {name: lenet5}
    train: {epochs: 1, batch_size: 8, optimizer: {name: sgd, lr: 0.1}}
    evaluate: {}
"""


def pictures(
    folder: Path, counts: Sequence[int], *, size: tuple[int, int] = (40, 40), colour: bool = True, varied: bool = False
) -> None:
    random = np.random.default_rng(0)
    for k, count in enumerate(counts):
        (folder / f"class{k}").mkdir(parents=True)
        for n in range(count):
            height, width = (size[0] + (17 * n) % 23, size[1]) if varied else size
            pixels = random.integers(0, 255, (height, width, 3) if colour else (height, width), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"class{k}" / f"{n}.png")


@pytest.fixture
def decided(inside, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict]:
    """``decided(minutes=..., weights=..., **pictures)``: the run, and its dataset as ``dataset``."""

    def decide(counts: Sequence[int], *, minutes: float = 10, weights: bool = True, cores: int = 2, **options) -> dict:
        pictures(inside.root / "photos", counts, **options)
        dataset = "  photos:\n    source: {name: image_folder, path: photos}\n    split: {test: 0.2, validation: 0.2}\n"
        preprocess = "    preprocess: {size: [20, 20], channels: 1}\n    augment: {views: 0}\n"
        inside.params.write_text(HEAD + dataset + preprocess + RUNS)
        fetch("photos", source=load_params(paths.PARAMS).datasets["photos"].source)
        means = kinds.Means(minutes, cores, False, lambda model: weights)
        monkeypatch.setattr(module, "_means", lambda minutes: means)
        add_auto(paths.PARAMS, "photos", minutes=minutes, as_=None)
        text = paths.PARAMS.read_text()
        assert text.startswith(HEAD + dataset + preprocess) and RUNS in text
        load_params(paths.PARAMS)
        whole = YAML(typ="safe").load(text)
        run = whole["runs"]["photos-auto"]
        return run | {"dataset": whole["datasets"][run["dataset"]], "text": text}

    return decide


def test_small_coloured_images_are_enlarged_and_all_layers_learn(decided: Callable[..., dict]) -> None:
    run = decided([60, 50])
    assert run["model"] == {"name": "efficientnet_lite0", "pretrained": "imagenet", "input_side": 224}
    assert run["train"]["finetune"]["head_epochs"] == 5 and run["train"]["epochs"] == 24
    assert run["dataset"]["preprocess"]["size"] == [40, 40] and run["dataset"]["preprocess"]["channels"] == 3
    assert run["dataset"]["augment"]["mode"] == "online"
    assert run["dataset"]["augment"]["transforms"][0]["name"] == "HorizontalFlip"
    assert run["dataset"]["split"] == {"test": 0.2, "validation": 0.2}
    assert "class_weights" not in run["train"]


def test_grey_images_are_not_mirrored_and_weights_do_not_throw_all_layers_about(decided: Callable[..., dict]) -> None:
    run = decided([90, 12], colour=False, size=(300, 200))
    assert run["dataset"]["preprocess"] == {"size": [224, 149], "channels": 1}
    assert "input_side" not in run["model"]
    assert [step["name"] for step in run["dataset"]["augment"]["transforms"]] == ["Affine", "RandomBrightnessContrast"]
    assert "class_weights" not in run["train"]
    assert "the largest class has 90 images, the smallest 12: all count the same" in run["text"]


def test_little_time_is_spent_on_smaller_images_then_on_the_head_alone(decided: Callable[..., dict]) -> None:
    run = decided([60, 60], minutes=0.5, size=(30, 30))
    assert run["model"]["input_side"] == 192 and "finetune" in run["train"]


@pytest.mark.parametrize(("counts", "minutes"), [([40, 12], 10), ([90, 30], 0.1)])
def test_few_images_or_little_time_train_the_head_alone(
    decided: Callable[..., dict], counts: list[int], minutes: float
) -> None:
    run = decided(counts, minutes=minutes, size=(300, 300), varied=True)
    assert run["train"]["freeze"] == "backbone" and "finetune" not in run["train"]
    assert run["train"]["class_weights"] == "effective"
    assert run["dataset"]["preprocess"]["fit"] == "pad" and run["dataset"]["preprocess"]["size"] == [224, 224]


def test_without_weights_a_small_network_learns_from_scratch(decided: Callable[..., dict]) -> None:
    run = decided([40, 40], weights=False)
    assert run["model"]["name"] == "resnet9" and "`pip install saccade[pretrained]`" in run["text"]


def test_what_cannot_be_decided_is_said(inside) -> None:
    before = paths.PARAMS.read_text()
    with pytest.raises(UserError, match="has no 'digit'; did you mean 'digits'"):
        add_auto(paths.PARAMS, "digit", minutes=10, as_=None)
    with pytest.raises(UserError, match=r"data/raw/digits does not exist, .*`saccade fetch digits` first"):
        add_auto(paths.PARAMS, "digits", minutes=10, as_=None)
    with pytest.raises(UserError, match="has 'lenet5-digits' already: remove it, or give another name with --as"):
        add_auto(paths.PARAMS, "digits", minutes=10, as_="lenet5-digits")
    assert paths.PARAMS.read_text() == before


def test_a_class_with_fewer_images_than_splits_is_named(decided: Callable[..., dict]) -> None:
    with pytest.raises(UserError, match="class class1 has 2 images: each class needs 3, one for each split"):
        decided([10, 2])
