"""Binary cross-entropy from params.yaml to the answers: one output for two classes, and all else as before."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Ended, Tree
from PIL import Image
from safetensors.torch import load_file
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.utils.class_weight import compute_class_weight
from small_runs import dataset_entry, params_text, run_entry

from saccade.bundle.bundle import read_config

pytestmark = pytest.mark.timeout(900)

ONES_AND_SEVENS = """\
  pair:
    source: {name: image_folder, path: pictures}
    split: {test: 0.3, validation: 0.2}
    preprocess: {size: [8, 8], channels: 1}
    augment: {views: 0}
"""
BINARY = "epochs: 6, batch_size: 16, loss: binary_cross_entropy, optimizer: {name: rmsprop, lr: 0.003}"
MODEL = "{name: mlp, hidden: [16]}"
PARAMS = params_text(
    [
        run_entry("pair-one", f"{{{BINARY}, class_weights: inverse, ema_decay: 0.5}}", dataset="pair", model=MODEL),
        run_entry(
            "still", f"{{{BINARY.replace('0.003', '1e-12')}, class_weights: inverse}}", dataset="pair", model=MODEL
        ),
        run_entry("ten", f"{{{BINARY}}}", model=MODEL),
    ],
    datasets=[dataset_entry(), ONES_AND_SEVENS],
)
CLASSES = ("one", "seven")


@pytest.fixture(scope="module")
def results(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    tree = make_tree(tracks=False)
    tree.params.write_text(PARAMS, encoding="utf-8")
    images_NHW, labels_N = load_digits(return_X_y=True)
    for number, (image, label) in enumerate(zip(images_NHW.reshape(-1, 8, 8), labels_N, strict=True)):
        name = {1: "one", 7: "seven"}.get(label)
        if name and (name == "one" or number % 3 == 0):  # sevens are rarer
            path = tree.root / "pictures" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image * 15).astype(np.uint8)).save(path)
    commands = [
        ["check"],
        *([stage, name] for name in ("pair", "digits") for stage in ("fetch", "preprocess", "augment")),
    ]
    commands += [
        ["train", "pair-one"],
        ["evaluate", "pair-one"],
        ["train", "still"],
        ["predict", "pair-one", "pictures/one"],
    ]
    commands += [["describe", "run", "pair-one"], ["check"], ["train", "ten"]]
    ended, _ = tree.run_all(*commands)
    assert [each.code for each in ended[:-2]] == [0] * (len(commands) - 2), ended
    return tree, {" ".join(command): each for command, each in zip(commands, ended, strict=True)}


def read(tree: Tree, path: str) -> dict[str, Any]:
    return json.loads((tree.root / path).read_text(encoding="utf-8"))


def split(tree: Tree, name: str) -> tuple[np.ndarray, np.ndarray]:
    folder = tree.root / "data/prepared/pair"
    return np.load(folder / f"{name}.npy"), np.load(folder / f"{name}_labels.npy")


def probabilities(tree: Tree, run: str, images: np.ndarray) -> np.ndarray:
    """Of the second class: the sigmoid of what the network says as it was trained, without a temperature."""
    config = dataclasses.replace(read_config(tree.root / "models" / run), temperature=1.0)
    network = config.build_network().eval()
    network[1].load_state_dict(load_file(tree.root / "models" / run / "weights.safetensors"))
    with torch.no_grad():
        logit_N1 = network(torch.from_numpy(images))
    assert logit_N1.shape == (len(images), 1)
    return logit_N1[:, 0].sigmoid().double().numpy()


def test_metrics_are_those_of_the_sigmoid(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    images, labels = split(tree, "test")
    p_N = probabilities(tree, "pair-one", images)
    metrics = read(tree, "reports/pair-one/metrics.json")
    assert metrics["accuracy"] == pytest.approx(accuracy_score(labels, p_N > 0.5)) and metrics["accuracy"] > 0.9
    assert metrics["loss"] == pytest.approx(log_loss(labels, p_N), rel=1e-4)
    table = (tree.root / "reports/pair-one/evaluation/predictions.csv").read_text(encoding="utf-8").splitlines()
    assert table[0] == "row,actual,predicted,confidence,p(one),p(seven)"
    answered = np.array([[float(value) for value in line.split(",")[4:]] for line in table[1:]])
    np.testing.assert_allclose(answered, np.stack([1 - p_N, p_N], axis=1), atol=1e-6)


def test_the_training_loss_is_the_weighted_binary_cross_entropy(results: tuple[Tree, dict[str, Ended]]) -> None:
    """A rate so low that the loss over the epochs is that of the weights at their end; validation is not weighted."""
    tree, _ = results
    header, *_, last = (tree.root / "reports/still/history.csv").read_text(encoding="utf-8").splitlines()
    row = dict(zip(header.split(","), map(float, last.split(",")), strict=True))
    images, labels = split(tree, "train")
    weights_K = compute_class_weight("balanced", classes=np.arange(2), y=labels)
    assert abs(weights_K[0] / weights_K[1] - 1) > 0.3
    weighted = log_loss(labels, probabilities(tree, "still", images), sample_weight=weights_K[labels])
    assert row["train_loss"] == pytest.approx(weighted, rel=1e-5)
    images, labels = split(tree, "validation")
    assert row["validation_loss"] == pytest.approx(log_loss(labels, probabilities(tree, "still", images)), rel=1e-5)


def test_pictures_are_classified_and_the_network_described(results: tuple[Tree, dict[str, Ended]]) -> None:
    _, ended = results
    lines = ended["predict pair-one pictures/one"].out.splitlines()
    assert sum("one" in line.split("pictures/one/")[-1] for line in lines) > 0.8 * len(lines) > 80
    assert "outputs 1" in ended["describe run pair-one"].out


def test_more_than_two_classes_are_refused_with_their_number(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    message = "loss (binary_cross_entropy) must have two classes to tell apart, not 10: use cross_entropy"
    assert (ended["train ten"].code, ended["train ten"].err.splitlines()[-1]) == (1, f"error: {message}")
    assert len(list((tree.root / ".saccade/runs").glob("*/journal.jsonl"))) == 2  # nothing was begun
    checked = ended["check"]  # the second, when the dataset is prepared
    assert checked.code == 2 and f"runs.ten.train.loss: {message}" in checked.err
