"""A network that is too sure, from training to `saccade predict`: its temperature, and what it refuses to answer."""

import csv
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Ended, Tree
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from small_runs import dataset_entry, params_text, run_entry

import saccade
from saccade.bundle.bundle import read_config

pytestmark = pytest.mark.timeout(900)

TRAIN = "{epochs: 25, batch_size: 16, optimizer: {name: adam, lr: 0.01}}"  # 54 images by heart
WARY = "{epochs: 26, batch_size: 16, optimizer: {name: adam, lr: 0.01}}"
MODEL = "{name: mlp, hidden: [64]}"
PARAMS = params_text(
    [
        run_entry("sure", TRAIN, model=MODEL, evaluate="{reject: {max_error: 0.1}}"),
        run_entry("wary", WARY, model=MODEL, evaluate="{reject: {max_error: 0.001}}"),
    ],
    datasets=[dataset_entry(split="{train_fraction: 0.15, test: 0.4, validation: 0.4}")],
)


@pytest.fixture(scope="module")
def results(make_tree: Callable[[], Tree]) -> tuple[Tree, dict[str, Ended]]:
    tree = make_tree(tracks=False)
    tree.params.write_text(PARAMS, encoding="utf-8")
    for number, image in enumerate(load_digits().images[:60]):
        path = tree.root / "pictures" / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray((image * 15).astype(np.uint8)).save(path)
    commands = [[stage, "digits"] for stage in ("fetch", "preprocess", "augment")]
    commands += [[stage, run] for run in ("sure", "wary") for stage in ("train", "evaluate")]
    commands += [["predict", "sure", "pictures"], ["predict", "sure", "pictures", "--json"]]
    commands += [["predict", "wary", "pictures", "--json"], ["evaluate", "sure", "--on", "digits", "--split", "train"]]
    ended, _ = tree.run_all(*commands)
    assert [each.code for each in ended] == [0] * len(commands), ended
    return tree, {" ".join(command): each for command, each in zip(commands, ended, strict=True)}


def metrics_of(tree: Tree, run: str) -> dict[str, Any]:
    return json.loads((tree.root / "reports" / run / "metrics.json").read_text(encoding="utf-8"))


def table(tree: Tree, run: str, name: str) -> list[dict[str, str]]:
    with (tree.root / "reports" / run / "evaluation" / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_loss_is_the_network_s_own_and_the_predictions_are_calibrated(results: tuple[Tree, Any]) -> None:
    tree, _ = results
    metrics, config = metrics_of(tree, "sure"), read_config(tree.root / "models/sure")
    assert metrics["temperature"] == config.temperature > 1.2 and config.temperature_reason == ""
    prepared = tree.root / "data/prepared/digits"
    images, labels_N = np.load(prepared / "test.npy"), np.load(prepared / "test_labels.npy")
    network = saccade.load(tree.root / "models/sure")
    raw_NK = network.outputs(torch.from_numpy(images), calibrated=False).astype(np.float64)
    raw_NK /= raw_NK.sum(axis=1, keepdims=True)
    assert metrics["loss"] == pytest.approx(log_loss(labels_N, raw_NK), rel=1e-4)
    rows = table(tree, "sure", "predictions.csv")
    shown_NK = np.array([[float(row[f"p({k})"]) for k in range(10)] for row in rows])
    np.testing.assert_allclose(shown_NK, network.outputs(torch.from_numpy(images)), atol=1e-6)
    shown_NK /= shown_NK.sum(axis=1, keepdims=True)
    assert metrics["nll_calibrated"] == pytest.approx(log_loss(labels_N, shown_NK), rel=1e-3)
    assert metrics["nll_calibrated"] < metrics["loss"] and metrics["ece_calibrated"] < metrics["ece"]
    assert metrics["ece_low"] <= metrics["ece"] <= metrics["ece_high"]
    assert metrics["accuracy"] == np.mean(shown_NK.argmax(axis=1) == labels_N)


def test_reliability_is_told_before_and_after_and_the_curve_always(results: tuple[Tree, Any]) -> None:
    tree, ended = results
    for run in ("sure", "wary"):
        metrics, bins = metrics_of(tree, run), table(tree, run, "reliability.csv")
        for answers, key in (("network", "ece"), ("calibrated", "ece_calibrated")):
            own = [row for row in bins if row["answers"] == answers]
            total = sum(int(row["count"]) for row in own)
            error = sum(int(row["count"]) * abs(float(row["confidence"]) - float(row["accuracy"])) for row in own)
            assert error / total == pytest.approx(metrics[key], abs=1e-5)
        assert float(table(tree, run, "risk_coverage.csv")[-1]["error"]) == pytest.approx(1 - metrics["accuracy"])
        for picture in ("reliability.png", "risk_coverage.png"):
            assert (tree.root / "reports" / run / "evaluation" / picture).read_bytes().startswith(b"\x89PNG")
    metrics = metrics_of(tree, "sure")
    line = f"calibration error {metrics['ece']:.4f} ({metrics['ece_low']:.4f} to {metrics['ece_high']:.4f}), with "
    assert f"{line}temperature {metrics['temperature']:g} {metrics['ece_calibrated']:.4f}" in ended["evaluate sure"].out


def test_predict_is_unsure_below_the_threshold_of_the_report(results: tuple[Tree, Any]) -> None:
    tree, ended = results
    threshold = metrics_of(tree, "sure")["reject_threshold"]
    records = [json.loads(line) for line in ended["predict sure pictures --json"].out.splitlines()]
    assert len(records) == 60
    unsure = [record["unsure"] for record in records]
    assert unsure == [max(record["probabilities"].values()) < threshold for record in records]
    assert 0 < sum(unsure) < 60
    header, *lines = ended["predict sure pictures"].out.splitlines()
    assert header.split("  ")[-1] == f"below {threshold:.4f}"
    assert [line.endswith("  unsure") for line in lines[:60]] == unsure
    assert f"unsure below {threshold:.4f}: answers " in ended["evaluate sure"].out
    other = json.loads((tree.root / "reports/sure/on/digits/metrics.json").read_text(encoding="utf-8"))
    assert other["reject_threshold"] == threshold and other["reject_coverage"] > 0.9  # learnt by heart


def test_where_no_threshold_keeps_the_promise_the_run_says_why_and_answers_all(results: tuple[Tree, Any]) -> None:
    tree, ended = results
    metrics = metrics_of(tree, "wary")
    assert metrics["reject_threshold"] is metrics["reject_error"] is metrics["reject_coverage"] is None
    reason = metrics["reject_threshold_reason"]
    assert reason.startswith("an error of at most 0.001 with confidence 0.95 takes 2,995 validation examples without")
    assert f"null: reject_threshold: {reason}" in ended["evaluate wary"].out
    assert "unsure" not in ended["predict wary pictures --json"].out


def test_the_threshold_of_other_weights_is_not_used(results: tuple[Tree, Any]) -> None:
    tree, _ = results
    path = tree.root / "reports/sure/run.json"
    kept = path.read_text(encoding="utf-8")
    path.write_text(json.dumps(json.loads(kept) | {"weights_sha256": "0" * 64}), encoding="utf-8")
    (ended,), _ = tree.run_all(["predict", "sure", "pictures", "--json"])
    path.write_text(kept, encoding="utf-8")
    assert ended.code == 0 and "unsure" not in ended.out
    assert "reports/sure is of other weights than models/sure" in ended.err
