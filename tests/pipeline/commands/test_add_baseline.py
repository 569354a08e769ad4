"""``saccade add --baseline RUN``: the better baseline as a run that trains, is evaluated and answers."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Tree
from PIL import Image
from small_runs import params_text, run_entry

from pipeline import paths
from pipeline.commands.add_baseline import add_baseline
from pipeline.params.load import load_params
from saccade.core.errors import UserError
from saccade.core.files import write_json

TRAIN = "{epochs: 2, batch_size: 16, optimizer: {name: adam, lr: 0.01}}"
PICTURES = """\
  pictures:   # two classes
    source: {name: image_folder, path: pictures}
    split: {test: 0.25, validation: 0.25, seed: 3}
    preprocess: {size: [12, 10], channels: 3}
    augment: {views: %d, transforms: [{name: HorizontalFlip}]}
"""
TEXTS = """\
  texts: {source: {name: text_folder, path: texts}, split: {}, preprocess: {unit: words, max_length: 9}, augment: {}}
"""
SERIES = """\
  tides:
    source: {name: series_table, path: tides.csv}
    split: {test: 0.2, validation: 0.2, order: time}
    preprocess: {window: 24, horizon: 6}
    augment: {views: 0}
"""
GESTURES = """\
  gestures: {source: {name: series_folder, table: labels.csv}, split: {}, preprocess: {}, augment: {views: 0}}
"""


def write_params(file: Path, views: int = 0) -> None:
    runs = [run_entry("mine", TRAIN, dataset="pictures")]
    file.write_text(params_text(runs, datasets=[PICTURES % views]), encoding="utf-8")


def write_pictures(folder: Path) -> None:
    random = np.random.default_rng(0)
    for brightness, name in ((0, "dark"), (150, "light")):
        (folder / name).mkdir(parents=True)
        for i in range(8):
            pixels = random.integers(0, 90, (13, 11, 3)) + brightness
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.png")


def test_the_run_is_added_beside_and_nothing_else_changes(inside: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    write_params(paths.PARAMS)
    before = paths.PARAMS.read_text(encoding="utf-8")
    add_baseline(paths.PARAMS, "mine")
    assert paths.PARAMS.read_text(encoding="utf-8").startswith(before)
    params = load_params(paths.PARAMS)
    new = params.runs["mine-baseline"]
    assert (list(params.datasets), new.dataset) == (["pictures"], "pictures")
    assert new.model.name == "efficientnet_lite0" and new.train.frozen_layers == ["backbone"]
    assert new.model.arguments == {"pretrained": "imagenet", "input_side": 224}
    assert "added runs.mine-baseline to params.yaml" in capsys.readouterr().out
    with pytest.raises(UserError, match="has 'mine-baseline' already"):
        add_baseline(paths.PARAMS, "mine")


def test_views_are_left_to_the_dataset_that_has_them(inside: Tree) -> None:
    write_params(paths.PARAMS, views=4)
    add_baseline(paths.PARAMS, "mine")
    params = load_params(paths.PARAMS)
    assert params.runs["mine-baseline"].dataset == "pictures-baseline" and params.runs["mine"].dataset == "pictures"
    plain, own = params.datasets["pictures-baseline"], params.datasets["pictures"]
    assert (plain.source, plain.split, plain.preprocess) == (own.source, own.split, own.preprocess)
    assert (plain.augment.makes_views, own.augment.views) == (False, 4)


def test_two_runs_over_one_dataset_share_the_one_without_views(inside: Tree) -> None:
    write_params(paths.PARAMS, views=4)
    text = paths.PARAMS.read_text(encoding="utf-8")
    paths.PARAMS.write_text(text + run_entry("other", TRAIN, dataset="pictures"), encoding="utf-8")
    add_baseline(paths.PARAMS, "mine")
    add_baseline(paths.PARAMS, "other")
    params = load_params(paths.PARAMS)
    assert list(params.datasets) == ["pictures", "pictures-baseline"]
    assert params.runs["other-baseline"].dataset == "pictures-baseline"


@pytest.mark.parametrize(
    ("histograms", "features", "model"),
    [(0.9, 0.8, "gradient_histograms"), (0.8, 0.9, "efficientnet_lite0"), (0.9, None, "gradient_histograms")],
)
def test_the_better_of_two_that_were_measured_is_taken(
    inside: Tree, histograms: float, features: float | None, model: str
) -> None:
    write_params(paths.PARAMS)
    measured = {"accuracy": 0.7, "baseline_accuracy": histograms, "baseline_features_accuracy": features}
    known = {name: value for name, value in measured.items() if value is not None}
    write_json(paths.report("mine") / "metrics.json", known)
    add_baseline(paths.PARAMS, "mine")
    assert load_params(paths.PARAMS).runs["mine-baseline"].model.name == model


@pytest.mark.parametrize(
    ("dataset", "task", "own", "model"),
    [(TEXTS, "classify", "lstm", "bag_of_ngrams"), (SERIES, "forecast", "lstm", "nlinear")],
)
def test_texts_and_forecasts_have_linear_models_of_their_own(
    inside: Tree, dataset: str, task: str, own: str, model: str
) -> None:
    name = dataset.split(":")[0].strip()
    run = run_entry("mine", TRAIN, dataset=name, model=f"{{name: {own}}}").replace("classify", task)
    paths.PARAMS.write_text(params_text([run], datasets=[dataset]), encoding="utf-8")
    add_baseline(paths.PARAMS, "mine")
    params = load_params(paths.PARAMS)
    new = params.runs["mine-baseline"]
    assert (new.model.name, new.task.name, new.dataset, list(params.datasets)) == (model, task, name, [name])


def test_what_cannot_have_one_is_refused_and_the_file_stays(inside: Tree) -> None:
    runs = [run_entry("mine", TRAIN, dataset="gestures", model="{name: lstm}")]
    text = params_text(runs, datasets=[GESTURES])
    paths.PARAMS.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"--baseline \(mine\) must be a run whose baseline can be a run"):
        add_baseline(paths.PARAMS, "mine")
    with pytest.raises(UserError, match="has no 'mime'; did you mean"):
        add_baseline(paths.PARAMS, "mime")
    assert paths.PARAMS.read_text(encoding="utf-8") == text


@pytest.mark.slow
def test_it_trains_is_evaluated_and_answers_as_any_other(tree: Tree) -> None:
    write_params(tree.params)
    write_pictures(tree.root / "pictures")
    run = "mine-baseline"
    commands = [["add", "--baseline", "mine"], *([stage, "pictures"] for stage in ("fetch", "preprocess", "augment"))]
    commands += [["train", run], ["evaluate", run], ["predict", run, "pictures/light/0.png", "--json"], ["add"]]
    commands += [["add", "hello", "--baseline", "mine"]]
    results, _ = tree.run_all(*commands)
    assert [ended.code for ended in results] == [0] * 7 + [2, 2], results
    metrics = json.loads((tree.root / "reports" / run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["accuracy"] == metrics["baseline_features_accuracy"] == 1
    assert json.loads(results[6].out)["label"] == "light"
    assert "--baseline stands alone" in results[8].err
