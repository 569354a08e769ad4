"""Several labels of pictures and texts, numbers of pictures: from tables with known answers to what predict says."""

import csv
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import Ended, Tree
from PIL import Image

pytestmark = pytest.mark.timeout(900)

BANDS = ("left", "middle", "right")
PARAMS = """\
seed: 0
tracking: {experiment: saccade}
datasets:
  bands:
    source: {name: image_table, table: bands/labels.csv, label_column: bands, labels_separator: " "}
    split: {test: 0.25, validation: 0.25, group_by: sheet}
    preprocess: {size: [6, 9], channels: 1, near_duplicates: false}
    augment: {views: 0}
  grey:
    source: {name: image_table, table: bands/labels.csv, value_columns: [level, half]}
    split: {test: 0.25, validation: 0.25}
    preprocess: {size: [6, 9], channels: 1, near_duplicates: false}
    augment: {views: 0}
  notes:
    source: {name: text_table, path: notes.csv, label_columns: [sea, wood], multilabel: true}
    split: {test: 0.25, validation: 0.25}
    preprocess: {unit: words, max_length: 12}
    augment: {views: 0}
runs:
  notes:
    dataset: notes
    task: {name: multilabel}
    model: {name: bag_of_ngrams, buckets: 1024}
    train: {epochs: 25, batch_size: 16, optimizer: {name: adam, lr: 0.1}}
    evaluate: {}
  bands:
    dataset: bands
    task: {name: multilabel}
    model: {name: mlp, hidden: [24]}
    train: {epochs: 25, batch_size: 16, class_weights: inverse, optimizer: {name: adam, lr: 0.01}, ensemble: 2}
    evaluate: {}
  grey:
    dataset: grey
    task: {name: regress}
    model: {name: mlp, hidden: [24]}
    train: {epochs: 25, batch_size: 16, optimizer: {name: adam, lr: 0.01}}
    evaluate: {}
"""
NAMES = ("bands", "grey", "notes")
COMMANDS = {
    "check": ["check"],
    **{f"{stage} {name}": [stage, name] for name in NAMES for stage in ("fetch", "preprocess", "augment")},
    **{f"{stage} {name}": [stage, name] for name in NAMES for stage in ("train", "evaluate")},
    "predict notes": ["predict", "notes", "--text", "waves and trees by the cliff", "--text", "by the cliff", "--json"],
    "predict bands": ["predict", "bands", "new"],
    "predict bands json": ["predict", "bands", "new", "--json"],
    "predict bands top": ["predict", "bands", "new", "--top", "2"],
    "predict grey": ["predict", "grey", "new"],
    "predict grey json": ["predict", "grey", "new", "--json"],
    "on itself": ["evaluate", "bands", "--on", "bands", "--split", "validation"],
}


def picture(has: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Three bands, those that are there brighter than the others."""
    image_HW = random.integers(0, 70, (6, 9), dtype=np.uint8)
    for k in np.flatnonzero(has):
        image_HW[:, 3 * k : 3 * k + 3] += 110
    return image_HW


@pytest.fixture(scope="module")
def results(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    tree, random = make_tree(tracks=False), np.random.default_rng(0)
    tree.params.write_text(PARAMS, encoding="utf-8")
    (tree.root / "bands").mkdir()
    (tree.root / "new").mkdir()
    rows = [["path", "bands", "level", "half", "sheet"]]
    for number in range(160):
        has = random.random(3) < (0.6, 0.4, 0.2)
        image_HW = picture(has, random)
        Image.fromarray(image_HW).save(tree.root / "bands" / f"{number}.png")
        level = 500 + 10 * image_HW.mean()
        rows.append([f"{number}.png", " ".join(np.array(BANDS)[has]), f"{level:.2f}", f"{level / 2:.2f}", number // 2])
    with (tree.root / "bands" / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    words = {"sea": ("waves", "boat", "salt"), "wood": ("trees", "moss", "deer")}
    notes = ["text,sea,wood"]
    for _ in range(240):
        has = random.random(2) < 0.5
        chosen = [str(random.choice(words[name])) for name, is_there in zip(words, has, strict=True) if is_there]
        filling = [str(word) for word in random.choice(["the", "by", "and", "cliff", "far", "old"], 6)]
        notes.append(f"{' '.join(random.permutation(chosen + filling))},{','.join(map(str, has))}")
    (tree.root / "notes.csv").write_text("\n".join([*notes, ""]))
    for name, has in (("all", (1, 1, 1)), ("none", (0, 0, 0)), ("right", (0, 0, 1))):
        Image.fromarray(picture(np.array(has), random)).save(tree.root / "new" / f"{name}.png")
    drawn = [[stage, run] for stage, run in (("preprocess", "bands"), ("evaluate", "bands"), ("evaluate", "grey"))]
    ended, _ = tree.run_all(*COMMANDS.values(), drawn=drawn)
    return tree, dict(zip(COMMANDS, ended, strict=True))


def metrics_of(tree: Tree, run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tree.root / f"reports/{run}/metrics.json").read_text())
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_ends_well(results: tuple[Tree, dict[str, Ended]], command: str) -> None:
    assert results[1][command].code == 0, results[1][command]


def test_several_labels_are_prepared_with_their_groups(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    folder = tree.root / "data/prepared/bands"
    info = json.loads((folder / "dataset.json").read_text())
    assert info["spec"]["multilabel"] is True and info["spec"]["classes"] == list(BANDS)
    sheets = {}
    for split in ("train", "validation", "test"):
        labels_NK = np.load(folder / f"{split}_labels.npy")
        assert labels_NK.dtype == np.uint8 and labels_NK.shape[1] == 3
        assert info["class_counts"][split] == labels_NK.sum(axis=0).tolist() and min(info["class_counts"][split]) > 0
        sheets[split] = {int(row) // 2 for row in np.load(folder / f"{split}_rows.npy")}
    assert not sheets["train"] & (sheets["test"] | sheets["validation"])
    assert "3 of them (left, middle, right)" in ended["preprocess bands"].out
    page = (tree.root / "reports/datasets/bands/summary.md").read_text()
    assert "of which each may have several or none" in page and "Classes together" in page


def test_the_network_finds_them_better_than_the_baseline_allows(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    metrics = metrics_of(tree, "bands")
    assert next(iter(metrics)) == "mean_average_precision"
    assert metrics["mean_average_precision"] > 0.97 and metrics["macro_f1"] > 0.9 and metrics["micro_f1"] > 0.9
    assert 0.5 < metrics["baseline_mean_average_precision"] <= 1 and 0.5 < metrics["baseline_macro_f1"] <= 1
    assert metrics["members"]["mean_average_precision"]["mean"] > 0.9
    assert "test mean_average_precision" in ended["evaluate bands"].out
    history = (tree.root / "reports/bands/history.csv").read_text().splitlines()[0]
    assert "validation_samples_f1" in history


def test_the_thresholds_of_the_bundle_decide_in_tables_and_answers(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    thresholds = json.loads((tree.root / "models/bands/bundle.json").read_text())["thresholds"]
    assert len(thresholds) == 3 and all(0 <= value <= 1 for value in thresholds)
    folder = tree.root / "reports/bands/evaluation"
    with (folder / "per_class.csv").open() as file:
        assert [float(row["threshold"]) for row in csv.DictReader(file)] == pytest.approx(thresholds, abs=1e-6)
    with (folder / "predictions.csv").open() as file:
        for row in csv.DictReader(file):
            found = [name for name, t in zip(BANDS, thresholds, strict=True) if float(row[f"p({name})"]) >= t]
            assert row["predicted"] == (", ".join(found) or "none")
    assert (folder / "mistakes.png").stat().st_size > 0


def test_new_pictures_get_their_labels(results: tuple[Tree, dict[str, Ended]]) -> None:
    ended = results[1]
    title, *lines = ended["predict bands"].out.splitlines()
    assert title.split()[:2] == ["picture", "labels"]
    assert [line.split()[0] for line in lines] == ["new/all.png", "new/none.png", "new/right.png"]
    assert all(name in lines[0] for name in BANDS)
    assert lines[1].split()[1] == "none" and lines[2].split()[1] == "right" and "left" not in lines[2]
    records = [json.loads(line) for line in ended["predict bands json"].out.splitlines()]
    assert [sorted(record["labels"]) for record in records] == [["left", "middle", "right"], [], ["right"]]
    assert all(set(record["probabilities"]) == set(BANDS) for record in records)
    assert ended["predict bands top"].out.splitlines()[0].split() == [
        "picture", "label", "probability", "label", "2", "probability", "2",
    ]  # fmt: skip


def test_numbers_are_learnt_standardised_and_answered_in_their_unit(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    labels_NO = np.load(tree.root / "data/prepared/grey/train_labels.npy")
    bundle = json.loads((tree.root / "models/grey/bundle.json").read_text())
    np.testing.assert_allclose(bundle["target_mean"], labels_NO.mean(axis=0, dtype=float), rtol=1e-6)
    np.testing.assert_allclose(bundle["target_std"], labels_NO.std(axis=0, dtype=float), rtol=1e-6)
    metrics = metrics_of(tree, "grey")
    assert next(iter(metrics)) == "mae" and metrics["mae"] < 0.4 * metrics["baseline_constant_mae"]
    test_NO = np.load(tree.root / "data/prepared/grey/test_labels.npy")
    constant = np.abs(test_NO - np.median(labels_NO, axis=0)).mean()
    assert metrics["baseline_constant_mae"] == pytest.approx(constant, rel=1e-5)
    assert metrics["baseline_mae"] < metrics["baseline_constant_mae"]
    assert f"constant {metrics['baseline_constant_mae']:.4f}" in ended["evaluate grey"].out
    with (tree.root / "reports/grey/evaluation/per_number.csv").open() as file:
        errors = {row["number"]: float(row["mae"]) for row in csv.DictReader(file)}
    assert np.mean([errors["level"], errors["half"]]) == pytest.approx(metrics["mae"], rel=1e-4)
    assert errors["half"] < errors["level"]
    for record in map(json.loads, ended["predict grey json"].out.splitlines()):
        image_HW = np.asarray(Image.open(tree.root / record["path"]))
        assert record["level"] == pytest.approx(500 + 10 * image_HW.mean(), abs=8 * metrics["mae"])
        assert record["half"] == pytest.approx(record["level"] / 2, abs=8 * metrics["mae"])
    assert ended["predict grey"].out.splitlines()[0].split() == ["picture", "level", "half"]
    assert "Numbers to predict" in (tree.root / "reports/datasets/grey/summary.md").read_text()


def test_texts_with_several_labels_are_learnt_and_told(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    metrics = metrics_of(tree, "notes")
    assert metrics["mean_average_precision"] > 0.9 and metrics["baseline_mean_average_precision"] > 0.9
    found = [sorted(json.loads(line)["labels"]) for line in ended["predict notes"].out.splitlines()]
    assert found == [["sea", "wood"], []]
    with (tree.root / "reports/notes/evaluation/mistakes.csv").open() as file:
        for row in csv.DictReader(file):
            assert row["actual"] != row["predicted"] and 0 < float(row["furthest off"]) <= 1
    assert "Classes together" in (tree.root / "reports/datasets/notes/summary.md").read_text()


WRONG = {
    "task: {name: multilabel}": (
        "task: {name: classify}",
        "runs.notes.task: classify predicts classes, but the labels of notes are several classes; multilabel would",
    ),
    "task: {name: regress}": (
        "task: {name: multilabel}",
        "runs.grey.task: multilabel predicts several classes, but the labels of grey are numbers; regress would",
    ),
    "class_weights: inverse": (
        "sampler: balanced",
        "runs.bands.train.sampler: multilabel predicts several classes an example: leave sampler out",
    ),
    ', labels_separator: " "': (
        "",
        "runs.bands.task: multilabel predicts several classes, but the labels of bands are classes; classify would",
    ),
}


@pytest.mark.parametrize("old", WRONG)
def test_a_task_that_does_not_suit_the_labels_is_told_with_those_that_would(old: str, inside: Tree) -> None:
    from params_helpers import problems_of

    new, message = WRONG[old]
    assert old in PARAMS
    (problem,) = problems_of(PARAMS.replace(old, new, 1), inside.root)
    assert problem.split(": ", 1)[1] == message
