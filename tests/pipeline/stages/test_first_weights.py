"""Training that starts from weights there are: one's own run, a file, with layers kept as they are."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from conftest import Tree
from safetensors.numpy import load_file
from small_runs import dataset_entry, params_text, run_entry

from saccade.data.prepared import open_split
from saccade.models import efficientnet_lite0
from saccade.predict.predictor import load
from saccade.transfer.published_weights import published_weights
from saccade.transfer.weight_files import read_weights

pytestmark = pytest.mark.timeout(900)

FROZEN = "[conv1, bn1, layer1, layer2, layer3]"
PARAMS = params_text(
    [
        # before base, whose weights it starts from
        run_entry(
            "tuned",
            "{batch_size: 32, epochs: 1, optimizer: {name: sgd, lr: 0.05}, init_from: base, freeze: features}",
        ),
        run_entry("base", "{epochs: 2, batch_size: 32, optimizer: {name: adam, lr: 0.003}}"),
        run_entry(
            "published",
            f"{{epochs: 1, batch_size: 32, optimizer: {{name: sgd, lr: 0.01}}, freeze: {FROZEN}}}",
            model="{name: resnet18, pretrained: weights.pth}",
        ),
        run_entry(
            "head",
            "{epochs: 6, batch_size: 16, optimizer: {name: adamw, lr: 0.02}, freeze: backbone}",
            model="{name: efficientnet_lite0, pretrained: imagenet, input_side: 40}",
        ),
        run_entry(
            "all-layers",
            "{epochs: 2, batch_size: 64, optimizer: {name: adamw, lr: 0.001}, finetune: {head_epochs: 1}}",
            model="{name: efficientnet_lite0, pretrained: imagenet, input_side: 40}",
        ),
        run_entry(
            "elsewhere",
            "{batch_size: 32, epochs: 1, optimizer: {name: sgd, lr: 0.01}, init_from: base}",
            dataset="dark",
        ),
    ],
    # dark: fewer examples, another mean
    datasets=[dataset_entry(), dataset_entry("dark", split="{train_fraction: 0.05, seed: 9}")],
)


@pytest.fixture(scope="module")
def trained(make_tree: Callable[..., Tree]) -> Tree:
    """A tree with prepared digits and the run ``base``, trained."""
    tree = make_tree(tracks=False)
    tree.params.write_text(PARAMS, encoding="utf-8")
    commands = [[stage, name] for name in ("digits", "dark") for stage in ("fetch", "preprocess", "augment")]
    results, _ = tree.run_all(*commands)
    assert [ended.code for ended in results] == [0] * 6, results
    refused = tree.run("train", "tuned")
    assert refused.code == 1 and "models/base/weights.safetensors does not exist" in refused.err
    assert "`saccade train base` first" in refused.err
    done = tree.run("train", "base")
    assert done.code == 0, done.err
    return tree


def weights(tree: Tree, run: str) -> dict[str, np.ndarray]:
    return load_file(tree.root / "models" / run / "weights.safetensors")


def identity(tree: Tree, run: str) -> str:
    return json.loads((tree.root / "reports" / run / "run.json").read_text(encoding="utf-8"))["identity"]


def test_a_run_goes_on_from_another_one_and_keeps_what_is_frozen(trained: Tree) -> None:
    done = trained.run("train", "tuned")
    assert done.code == 0 and "10 of 10 tensors taken from run base" in done.out, done
    base, tuned = weights(trained, "base"), weights(trained, "tuned")
    same = {name for name in base if np.array_equal(base[name], tuned[name])}
    assert same == {name for name in base if name.startswith("features.")} and same < set(base)
    report = json.loads((trained.root / "reports" / "tuned" / "run.json").read_text(encoding="utf-8"))
    frozen = sum(base[name].size for name in same)
    assert report["parameters"] - report["trained_parameters"] == frozen
    history = (trained.root / "reports" / "tuned" / "history.csv").read_text(encoding="utf-8").splitlines()
    first = (trained.root / "reports" / "base" / "history.csv").read_text(encoding="utf-8").splitlines()
    assert float(history[1].split(",")[1]) < float(first[1].split(",")[1])  # it begins where base has come to


def test_a_run_on_other_data_keeps_the_normalisation_of_its_first_weights(trained: Tree) -> None:
    done = trained.run("train", "elsewhere")
    assert done.code == 0, done.err
    base, elsewhere = (
        json.loads((trained.root / "models" / run / "bundle.json").read_text(encoding="utf-8"))
        for run in ("base", "elsewhere")
    )
    own = json.loads((trained.root / "data" / "prepared" / "dark" / "dataset.json").read_text(encoding="utf-8"))
    assert (elsewhere["mean"], elsewhere["std"]) == (base["mean"], base["std"]) and own["mean"] != base["mean"]


@pytest.mark.slow
def test_other_weights_to_start_from_are_another_run(trained: Tree) -> None:
    assert trained.run("train", "tuned").code == 0
    before = identity(trained, "tuned")
    again = trained.run("train", "tuned")
    assert "was trained already" in again.out and identity(trained, "tuned") == before
    trained.replace("params.yaml", "train: {epochs: 2,", "train: {epochs: 3,")
    assert trained.run("train", "base").code == 0
    anew = trained.run("train", "tuned")
    assert "was trained already" not in anew.out and identity(trained, "tuned") != before


def test_weights_of_torchvision_get_a_new_head_and_their_normalisation(trained: Tree) -> None:
    torch.manual_seed(3)
    theirs = torchvision.models.resnet18(num_classes=7)
    torch.save(theirs.state_dict(), trained.root / "weights.pth")
    done = trained.run("train", "published")
    assert done.code == 0 and "fc is new: 10 outputs here, 7 there" in done.out, done
    assert "conv1.weight is summed over its three colours" in done.out
    ours = weights(trained, "published")
    expected = theirs.state_dict()["conv1.weight"].sum(dim=1, keepdim=True)
    np.testing.assert_array_equal(ours["conv1.weight"], expected.numpy())
    np.testing.assert_array_equal(ours["layer3.1.conv2.weight"], theirs.state_dict()["layer3.1.conv2.weight"].numpy())
    np.testing.assert_array_equal(ours["bn1.running_mean"], theirs.state_dict()["bn1.running_mean"].numpy())
    assert not np.array_equal(ours["layer4.1.conv2.weight"], theirs.state_dict()["layer4.1.conv2.weight"].numpy())
    bundle = json.loads((trained.root / "models" / "published" / "bundle.json").read_text(encoding="utf-8"))
    assert bundle["mean"] == [pytest.approx((0.485 + 0.456 + 0.406) / 3)]
    assert "pretrained" not in bundle["arguments"]  # the bundle needs no file but its own
    Path(trained.root / "weights.pth").unlink()
    missing = trained.run("train", "published")
    assert (
        missing.code == 1 and "model.pretrained (weights.pth) must be imagenet, or a file that is there" in missing.err
    )


@pytest.mark.slow
def test_a_head_that_learnt_from_embeddings_answers_in_its_network(trained: Tree) -> None:
    done = trained.run("train", "head")
    assert done.code == 0 and "classifier.1 is new: 10 outputs here, 1000 there" in done.out, done
    (kept,) = (trained.root / ".saccade" / "embeddings").iterdir()
    assert np.load(kept / "train.npy").shape[::2] == (1, 1280)
    ours = weights(trained, "head")
    published = efficientnet_lite0.from_published(read_weights(published_weights("efficientnet_lite0")))
    below = [name for name in ours if not name.startswith("classifier") and name != "features.0.conv.weight"]
    assert len(below) > 200
    for name in below:
        np.testing.assert_array_equal(ours[name], published[name].numpy())
    report = json.loads((trained.root / "reports" / "head" / "run.json").read_text(encoding="utf-8"))
    assert report["trained_parameters"] == 1280 * 10 + 10 and report["parameters"] > 3_000_000
    # the whole network, on the images, loses what the head alone lost on their embeddings
    predictor = load(trained.root / "models" / "head")
    split = open_split(trained.root / "data" / "prepared" / "digits", "validation")
    probability_NK = predictor.outputs(torch.from_numpy(split.examples))
    loss = -np.log(probability_NK[np.arange(len(split.labels)), split.labels]).mean()
    history = (trained.root / "reports" / "head" / "history.csv").read_text(encoding="utf-8").splitlines()
    told = dict(zip(history[0].split(","), history[-1].split(","), strict=True))
    assert float(told["validation_loss"]) == pytest.approx(loss, rel=1e-4)
    trained.replace("params.yaml", "optimizer: {name: adamw, lr: 0.02}", "optimizer: {name: adamw, lr: 0.01}")
    before = (kept / "done.json").stat().st_mtime_ns
    assert trained.run("train", "head").code == 0
    assert (kept / "done.json").stat().st_mtime_ns == before  # another rate computes nothing again


def test_the_head_learns_first_then_all_layers(trained: Tree) -> None:
    done = trained.run("train", "all-layers")
    assert done.code == 0, done.err
    ours = weights(trained, "all-layers")
    published = efficientnet_lite0.from_published(read_weights(published_weights("efficientnet_lite0")))
    first, last = "features.1.0.block.depthwise.conv.weight", "features.8.conv.weight"
    moved = {name: np.abs(ours[name] - published[name].numpy()).max() for name in (first, last)}
    assert 0 < moved[first] < moved[last]
    np.testing.assert_array_equal(ours["features.8.norm.running_mean"], published["features.8.norm.running_mean"])


def test_where_weights_come_from_is_checked_before_anything_is_read(trained: Tree) -> None:
    text = trained.params.read_text(encoding="utf-8")
    try:
        trained.params.write_text(
            text.replace("init_from: base", "init_from: bse")
            .replace("model: {name: lenet5}", "model: {name: lenet5, pretrained: imagenet}", 1)
            .replace("train: {epochs: 1,", "train: {init_from: published, epochs: 1,"),
            encoding="utf-8",
        )
        told = trained.run("check")
        assert told.code == 2
        for problem in (
            "runs.tuned.model.pretrained: lenet5 takes no 'pretrained'",
            "runs.tuned.train.init_from: no run is called 'bse'; did you mean 'base'?",
            "runs.published.train.init_from: a run cannot start from itself",
            "the first weights come from one place: leave out init_from, or model.pretrained",
        ):
            assert problem in told.err, told.err
    finally:
        trained.params.write_text(text, encoding="utf-8")
