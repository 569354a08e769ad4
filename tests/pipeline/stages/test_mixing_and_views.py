"""Mixup, CutMix and test-time augmentation from params.yaml to the weights and the metrics."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Ended, Tree
from sklearn.metrics import accuracy_score, f1_score, log_loss
from small_runs import dataset_entry, params_text, run_entry

import saccade
from pipeline.stages.evaluate.in_words import verdict_on_baseline
from saccade.transforms.albumentations_adapter import augment_image, build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RUNS = {
    "plain": ("", ""),
    "averaged": ("", ", tta: 3, batch_size: 50"),
    "blended": (", mixup: 0.4", ""),
    "pasted": (", cutmix: 1", ""),
    "both": (", mixup: 0.4, cutmix: 1.0", ", tta: 2"),
}
PARAMS = params_text(
    [
        run_entry(
            name,
            f"{{epochs: 3, batch_size: 20, optimizer: {{name: sgd, lr: 0.1, momentum: 0.9}}{extra}}}",
            evaluate=f"{{top_k: [1, 2]{views}}}",
        )
        for name, (extra, views) in RUNS.items()
    ],
    datasets=[dataset_entry(augment="{views: 0, transforms: [{name: Affine, rotate: [-25, 25], p: 1.0}]}")],
    seed=3,
)
MEASURED = ["accuracy", "top2_accuracy", "macro_f1", "balanced_accuracy", "loss", "ece"]


@pytest.fixture(scope="module")
def results(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    tree = make_tree(tracks=False)
    tree.params.write_text(PARAMS, encoding="utf-8")
    commands = [[stage, "digits"] for stage in ("fetch", "preprocess", "augment")]
    commands += [[stage, name] for name in RUNS for stage in ("train", "evaluate")]
    commands += [["evaluate", "averaged", "--on", "digits"]]
    ended, _ = tree.run_all(*commands)
    assert [each.code for each in ended] == [0] * len(commands), ended
    return tree, {" ".join(command): each for command, each in zip(commands, ended, strict=True)}


@pytest.fixture(scope="module")
def done(results: tuple[Tree, dict[str, Ended]]) -> Tree:
    return results[0]


def read(tree: Tree, path: str) -> dict[str, Any]:
    return json.loads((tree.root / "reports" / path).read_text(encoding="utf-8"))


def test_each_way_of_mixing_is_recorded_and_another_run(done: Tree) -> None:
    reports = {run: read(done, f"{run}/run.json") for run in RUNS}
    params = {run: report["record"]["params"] for run, report in reports.items()}
    assert {run: (each["train.mixup"], each["train.cutmix"]) for run, each in params.items()} == {
        "plain": (None, None), "averaged": (None, None), "blended": (0.4, None), "pasted": (None, 1.0),
        "both": (0.4, 1.0),
    }  # fmt: skip
    for key in ("identity", "weights_sha256"):
        assert reports["plain"][key] == reports["averaged"][key]
        assert len({report[key] for report in reports.values()}) == len(RUNS) - 1


def test_views_are_measured_beside_the_images_as_they_are(done: Tree) -> None:
    plain, averaged, both = (read(done, f"{run}/metrics.json") for run in ("plain", "averaged", "both"))
    assert not [name for name in plain if name.startswith("tta_")]
    assert {name: averaged[name] for name in plain} == plain
    assert next(iter(averaged)) == "accuracy" and set(averaged) - set(plain) == {f"tta_{name}" for name in MEASURED}
    assert averaged["tta_loss"] != averaged["loss"] and both["tta_loss"] != both["loss"]
    tables = [(done.root / f"reports/{run}/evaluation/predictions.csv").read_bytes() for run in ("plain", "averaged")]
    assert tables[0] == tables[1]


def test_the_figures_are_those_of_the_mean_answer(done: Tree) -> None:
    """Views made here, one by one; measured by scikit-learn."""
    prepared = done.root / "data/prepared/digits"
    images, labels, rows = (np.load(prepared / f"test{suffix}.npy") for suffix in ("", "_labels", "_rows"))
    network = saccade.load(done.root / "models/averaged")
    compose = build([{"name": "Affine", "rotate": [-25, 25], "p": 1.0}])
    answers = [network.outputs(torch.from_numpy(images), calibrated=False)]
    for view in (1, 2):
        made = [augment_image(compose, images[i], seed=-4, view=view, index=int(rows[i])) for i in range(len(images))]
        answers.append(network.outputs(torch.from_numpy(np.stack(made)), calibrated=False))
    mean_NK = np.mean(answers, axis=0, dtype=np.float64)
    mean_NK /= mean_NK.sum(axis=1, keepdims=True)  # float32 rounds; scikit-learn warns of it
    metrics = read(done, "averaged/metrics.json")
    assert metrics["tta_accuracy"] == pytest.approx(accuracy_score(labels, mean_NK.argmax(axis=1)))
    assert metrics["tta_macro_f1"] == pytest.approx(f1_score(labels, mean_NK.argmax(axis=1), average="macro"))
    assert metrics["tta_loss"] == pytest.approx(log_loss(labels, mean_NK), rel=1e-4)


def test_it_is_told_in_one_line(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    metrics = read(tree, "averaged/metrics.json")
    line = (
        f"evaluated averaged: test accuracy {metrics['accuracy']:.4f} (95 %: {metrics['accuracy_low']:.4f} to "
        f"{metrics['accuracy_high']:.4f}), over 3 views {metrics['tta_accuracy']:.4f}, "
        f"baseline {metrics['baseline_accuracy']:.4f}, {verdict_on_baseline(metrics, 'accuracy')}; "
        "see reports/averaged/evaluation"
    )
    assert line in ended["evaluate averaged"].out.splitlines()
    assert " over 3 views" not in ended["evaluate plain"].out


def test_another_dataset_is_measured_over_views_too(done: Tree) -> None:
    there, own = read(done, "averaged/on/digits/metrics.json"), read(done, "averaged/metrics.json")
    assert there == {name: value for name, value in own.items() if not name.startswith("baseline_")}


def test_views_that_cannot_be_made_are_refused(done: Tree) -> None:
    path = done.root / "data/augmented/digits/augment.json"
    kept, metrics = path.read_text(encoding="utf-8"), read(done, "averaged/metrics.json")
    try:
        path.write_text(json.dumps(json.loads(kept) | {"transforms": []}), encoding="utf-8")
        without = done.run("evaluate", "averaged")
        path.unlink()
        missing = done.run("evaluate", "averaged")
    finally:
        path.write_text(kept, encoding="utf-8")
    assert (without.code, missing.code) == (1, 1)
    assert "evaluate.tta (3) needs transforms, and data/augmented/digits/augment.json has none" in without.err
    assert "Make it with `saccade augment digits`" in without.err
    assert "data/augmented/digits/augment.json does not exist. Make it with `saccade augment digits`." in missing.err
    assert read(done, "averaged/metrics.json") == metrics
