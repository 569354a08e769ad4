"""``saccade add --auto DATASET``: settings decided from what a dataset holds."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from pipeline import paths
from pipeline.commands import add_auto as module
from pipeline.commands.add_auto import add_auto
from pipeline.commands.decided_entries import resources_of_this_machine
from pipeline.params.load import load_params
from pipeline.stages.fetch import fetch
from saccade import kinds
from saccade.core.errors import UserError
from saccade.kinds.image import recommended_settings

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

    def decide(
        counts: Sequence[int],
        *,
        minutes: float = 10,
        weights: bool = True,
        cores: int = 2,
        split: str = "{test: 0.2, validation: 0.2}",
        **options,
    ) -> dict:
        pictures(inside.root / "photos", counts, **options)
        dataset = f"  photos:\n    source: {{name: image_folder, path: photos}}\n    split: {split}\n"
        preprocess = "    preprocess: {size: [20, 20], channels: 1}\n    augment: {views: 0}\n"
        inside.params.write_text(HEAD + dataset + preprocess + RUNS)
        fetch("photos", source=load_params(paths.PARAMS).datasets["photos"].source)
        resources = kinds.Resources(minutes, cores, False, lambda model: weights)
        monkeypatch.setattr(module, "resources_of_this_machine", lambda minutes, **options: resources)
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


def test_many_small_images_get_a_network_of_their_own(
    decided: Callable[..., dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decided([40, 40], minutes=0.05)["train"]["freeze"] == "backbone"
    monkeypatch.setattr(recommended_settings, "MANY_SMALL", 40)
    for folder in (paths.raw("photos"), Path("photos")):
        shutil.rmtree(folder)
    run = decided([40, 40], minutes=0.05)
    assert run["model"]["name"] == "resnet9" and "enough for a network that is made for them" in run["text"]


def test_weights_that_are_there_can_be_left_out() -> None:
    assert resources_of_this_machine(1).has_weights("efficientnet_lite0")
    assert not resources_of_this_machine(1, from_scratch=True).has_weights("efficientnet_lite0")


def test_what_cannot_be_decided_is_said(inside) -> None:
    before = paths.PARAMS.read_text()
    with pytest.raises(UserError, match="has no 'digit'; did you mean 'digits'"):
        add_auto(paths.PARAMS, "digit", minutes=10, as_=None)
    with pytest.raises(UserError, match=r"data/raw/digits does not exist, .*`saccade fetch digits` first"):
        add_auto(paths.PARAMS, "digits", minutes=10, as_=None)
    with pytest.raises(UserError, match="has 'lenet5-digits' already: remove it, or give another name with --as"):
        add_auto(paths.PARAMS, "digits", minutes=10, as_="lenet5-digits")
    assert paths.PARAMS.read_text() == before


def test_a_published_test_split_that_is_not_there_is_said(decided: Callable[..., dict]) -> None:
    with pytest.raises(
        UserError, match=r"split.test \(given\) must be a share such as 0.15 here: this source publishes no"
    ):
        decided([9, 9], split="{test: given}")


def test_classes_with_fewer_images_than_splits_are_named(decided: Callable[..., dict]) -> None:
    message = r"class1 has 2 images, class2 has 1 image: each class needs 3, .* \(source\.min_per_class: 3\)"
    with pytest.raises(UserError, match=message):
        decided([10, 2, 1])


# --- texts and series -------------------------------------------------------------------------------------------------


@pytest.fixture
def decided_for(inside, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict]:
    """``decided_for(dataset, minutes)``: the run for the lines of a dataset whose files lie in ``inside.root``."""

    def decide(dataset: str, minutes: float = 10) -> dict:
        photos = "source: {name: digits}, split: {}, preprocess: {size: [32, 32], channels: 1}, augment: {views: 0}"
        mine = f"  mine:\n{dataset}    augment: {{views: 0}}\n"
        inside.params.write_text(f"{HEAD}  photos: {{{photos}}}\n{mine}{RUNS}")
        fetch("mine", source=load_params(paths.PARAMS).datasets["mine"].source)
        monkeypatch.setattr(
            module,
            "resources_of_this_machine",
            lambda minutes, **options: kinds.Resources(minutes, 1, False, lambda model: False),
        )
        add_auto(paths.PARAMS, "mine", minutes=minutes, as_=None)
        whole = YAML(typ="safe").load(paths.PARAMS.read_text())
        load_params(paths.PARAMS)
        assert list(whole["datasets"]) == ["photos", "mine"], "what the network reads stays as it was"
        return whole["runs"]["mine-auto"]

    return decide


def lines_of_classes(folder: Path, counts: Sequence[int]) -> str:
    folder.mkdir()
    for k, count in enumerate(counts):
        (folder / f"class{k}.txt").write_text("".join(f"text {n} of {k}\n" for n in range(count)))
    return (
        f"    source: {{name: text_folder, path: {folder.name}, examples: lines}}\n"
        "    split: {test: 0.2, validation: 0.25}\n    preprocess: {unit: words, max_length: 20}\n"
    )


@pytest.mark.parametrize(
    ("counts", "minutes", "epochs", "batch_size", "buckets"),
    [
        ([50, 50], 10, 40, 32, 2**17),  # 60 for training: as many epochs as are allowed
        ([1000, 1000], 10, 6, 32, 2**17),  # 1,200 in 38 updates an epoch
        ([4000, 4000], 10, 5, 32, 2**17),
        ([4000, 4000], 0.04, 1, 32, 2**17),
        ([20_000, 20_000], 10, 5, 128, 2**19),
        ([60] * 50, 10, 5, 32, 2**16),  # 50 classes: fewer buckets keep the updates short
    ],
)
def test_texts_get_a_bag_of_ngrams(
    inside, decided_for, counts: list[int], minutes: float, epochs: int, batch_size: int, buckets: int
) -> None:
    run = decided_for(lines_of_classes(inside.root / "texts", counts), minutes)
    assert run["model"] == {"name": "bag_of_ngrams", "buckets": buckets} and run["task"]["name"] == "classify"
    assert (run["train"]["epochs"], run["train"]["batch_size"]) == (epochs, batch_size)
    assert "class_weights" not in run["train"]


def test_rare_classes_of_texts_weigh_more(inside, decided_for, capsys) -> None:
    run = decided_for(lines_of_classes(inside.root / "texts", [90, 30]))
    assert run["train"]["class_weights"] == "effective"
    assert "train.class_weights: the largest class has 90 texts, the smallest 30" in capsys.readouterr().out


@pytest.mark.parametrize(("repeats", "hidden_size", "epochs"), [(50, 32, 43), (4_000, 128, 17)])
def test_one_long_text_gets_an_lstm_as_large_as_it_deserves(
    inside, decided_for, repeats: int, hidden_size: int, epochs: int
) -> None:
    (inside.root / "long.txt").write_text("to be or not to be " * repeats)
    run = decided_for(
        "    source: {name: plain_text, path: long.txt}\n    split: {test: 0.2, validation: 0.2}\n"
        "    preprocess: {unit: characters, length: 16}\n"
    )
    assert run["model"] == {"name": "lstm", "hidden_size": hidden_size, "embedding_size": min(64, hidden_size)}
    assert run["task"] == {"name": "next_token"} and run["train"]["epochs"] == epochs


@pytest.mark.parametrize(("minutes", "epochs"), [(10, 200), (0.005, 29)])
def test_a_forecast_gets_a_linear_model(inside, decided_for, minutes: float, epochs: int) -> None:
    rows = "".join(f"{1900 + n // 12}-{n % 12 + 1:02},{np.sin(n):.4f}\n" for n in range(480))
    (inside.root / "series.csv").write_text("month,level\n" + rows)
    run = decided_for(
        "    source: {name: series_table, path: series.csv}\n    split: {test: 0.2, validation: 0.1, order: time}\n"
        "    preprocess: {window: 12, horizon: 3}\n",
        minutes,
    )
    assert run["model"] == {"name": "nlinear"} and run["task"]["name"] == "forecast"
    assert run["train"]["epochs"] == epochs and run["train"]["keep"] == "best"


@pytest.mark.parametrize(
    ("source", "task", "weighs"),
    [("label_column: kinds, labels_separator: '|'", "multilabel", True), ("value_columns: [age]", "regress", False)],
)
def test_several_labels_and_numbers_of_pictures_get_their_task(
    inside, monkeypatch: pytest.MonkeyPatch, source: str, task: str, weighs: bool
) -> None:
    pictures(inside.root / "photos", [24])
    rows = [f"class0/{n}.png,{'|'.join(['a', 'b', 'c'][: 1 + (n % 6) // 4])},{n / 2}" for n in range(24)]
    (inside.root / "photos/table.csv").write_text("\n".join(["path,kinds,age", *rows, "class0/0.png,a,0.0", ""]))
    dataset = f"  mine:\n    source: {{name: image_table, table: photos/table.csv, {source}}}\n    split: {{}}\n"
    blocks = "    preprocess: {size: [20, 20], channels: 1}\n    augment: {views: 0}\n"
    inside.params.write_text(HEAD + dataset + blocks + RUNS.replace("photos", "mine").replace("classify", task))
    fetch("mine", source=load_params(paths.PARAMS).datasets["mine"].source)
    resources = kinds.Resources(10, 1, False, lambda model: False)
    monkeypatch.setattr(module, "resources_of_this_machine", lambda minutes, **options: resources)
    add_auto(paths.PARAMS, "mine", minutes=10, as_=None)
    assert load_params(paths.PARAMS).runs["mine-auto"].task.name == task  # what is written can be read
    run = YAML(typ="safe").load(paths.PARAMS.read_text())["runs"]["mine-auto"]
    assert run["task"] == {"name": task} and "label_smoothing" not in run["train"]
    assert ("class_weights" in run["train"]) == weighs
