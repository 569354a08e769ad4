"""What evaluation looks at, from params.yaml to the bundle, and that all who answer with it look at the same."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Ended, Tree
from sklearn.metrics import log_loss
from torchvision.transforms import v2

import saccade
from pipeline.schema.augment import AugmentBlock
from pipeline.stages.augment.stage import augment
from saccade.transforms.albumentations_adapter import augment_image, build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CROPS: list[dict[str, Any]] = [
    {"name": "RandomCrop", "height": 16, "width": 16, "p": 1.0},
    {"name": "Resize", "height": 20, "width": 20, "p": 1.0},
]
TRANSFORMS = "[{name: RandomCrop, height: 16, width: 16, p: 1.0}, {name: Resize, height: 20, width: 20, p: 1.0}]"
EPOCHS = 6
AUGMENT = {
    "crops": f"{{views: {EPOCHS}, transforms: {TRANSFORMS}}}",
    "whole": f"{{views: {EPOCHS}, transforms: {TRANSFORMS}, evaluate_crop: 1}}",
    "online": f"{{mode: online, transforms: {TRANSFORMS}}}",
}
SHARES = {"crops": 0.8, "whole": 1.0, "online": 0.8}
PARAMS = (
    "seed: 3\ntracking: {experiment: saccade}\ndatasets:\n"
    + "".join(
        f"  {name}:\n    source: {{name: digits}}\n    split: {{train_fraction: 0.1}}\n"
        "    preprocess: {size: [20, 20], channels: 1, near_duplicates: false}\n"
        f"    augment: {augment}\n"
        for name, augment in AUGMENT.items()
    )
    + "runs:\n"
    + "".join(
        f"  {name}:\n    dataset: {name}\n    task: {{name: classify}}\n    model: {{name: lenet5}}\n"
        f"    train: {{epochs: {EPOCHS}, batch_size: 20, optimizer: {{name: adam, lr: 0.004}}}}\n"
        "    evaluate: {tta: 3}\n"
        for name in AUGMENT
    )
)


@pytest.fixture(scope="module")
def results(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    tree = make_tree(tracks=False)
    tree.params.write_text(PARAMS, encoding="utf-8")
    commands = [[stage, name] for name in AUGMENT for stage in ("fetch", "preprocess", "augment")]
    commands += [["train", name] for name in AUGMENT]
    commands += [["evaluate", "crops"], ["evaluate", "crops", "--on", "whole"]]
    commands += [["describe", "run", name, *more] for name in ("crops", "whole") for more in ((), ("--json",))]
    save = (
        "import numpy as np; from pathlib import Path; from PIL import Image; Path('photos').mkdir()\n"
        "for i, image in enumerate(np.load('data/prepared/crops/test.npy')[:6]):\n"
        "    Image.fromarray(image[..., 0]).save(f'photos/{i}.png')"
    )
    commands += [["!", save], ["predict", "crops", "photos", "--json"]]
    ended, _ = tree.run_all(*commands)
    assert [each.code for each in ended] == [0] * len(commands), ended
    return tree, {" ".join(command): each for command, each in zip(commands, ended, strict=True)}


@pytest.fixture(scope="module")
def done(results: tuple[Tree, dict[str, Ended]]) -> Tree:
    return results[0]


def read(tree: Tree, path: str) -> dict[str, Any]:
    return json.loads((tree.root / path).read_text(encoding="utf-8"))


def validation_losses(tree: Tree, run: str) -> list[str]:
    with (tree.root / "reports" / run / "history.csv").open(encoding="utf-8") as file:
        return [row["validation_loss"] for row in csv.DictReader(file)]


def images_of(tree: Tree, split: str = "test") -> tuple[np.ndarray, ...]:
    prepared = tree.root / "data/prepared/crops"
    return tuple(np.load(prepared / f"{split}{suffix}.npy") for suffix in ("", "_labels", "_rows"))


def middles(images_NHWC: np.ndarray) -> np.ndarray:
    """By torchvision, on whole grey levels: a network that sees all then sees what the other one cuts out."""
    cut = v2.Compose([v2.CenterCrop(16), v2.ToDtype(torch.float32), v2.Resize([20, 20])])
    return cut(torch.from_numpy(images_NHWC).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous().numpy()


@pytest.mark.parametrize(
    ("augment_block", "share"),
    [
        ({"views": 2, "transforms": CROPS}, 0.8),
        ({"views": 2, "transforms": CROPS, "include_original": True}, 0.8),
        ({"mode": "online", "transforms": CROPS}, 0.8),
        ({"views": 2, "transforms": CROPS, "evaluate_crop": 0.9}, 0.9),
        ({"views": 2, "transforms": CROPS, "evaluate_crop": 1}, 1.0),
        ({"views": 0, "transforms": CROPS}, 1.0),
        ({"views": 0, "evaluate_crop": 0.7}, 0.7),
        ({"views": 0, "transforms": "none"}, 1.0),
        ({"views": 1, "transforms": "digits"}, 1.0),
    ],
)
def test_the_share_is_beside_the_views_where_it_is_not_all(
    augment_block: dict[str, Any], share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/prepared/toy").mkdir(parents=True)
    np.save(tmp_path / "data/prepared/toy/train.npy", np.zeros((2, 20, 20, 1), np.uint8))
    augment("toy", block=AugmentBlock(**augment_block), seed=0)
    written = json.loads((tmp_path / "data/augmented/toy/augment.json").read_text(encoding="utf-8"))
    assert written["format"] == 1
    assert written.get("evaluate_crop", "not there") == ("not there" if share == 1 else share)


@pytest.mark.parametrize("name", AUGMENT)
def test_it_goes_on_into_the_bundle_and_the_params(name: str, done: Tree) -> None:
    share, bundle = SHARES[name], read(done, f"models/{name}/bundle.json")
    assert bundle["format"] == (1 if share == 1 else 2) and bundle.get("evaluate_crop", 1) == share
    assert read(done, f"reports/{name}/run.json")["record"]["params"]["dataset.augment.evaluate_crop"] == share


def test_it_is_another_run_of_the_same_weights(done: Tree) -> None:
    reports = {name: read(done, f"reports/{name}/run.json") for name in ("crops", "whole", "online")}
    weights = {report["weights_sha256"] for report in reports.values()}
    assert len(weights) == 1  # of stored views, or of as many that were made on the way
    assert reports["crops"]["identity"] != reports["whole"]["identity"]
    assert validation_losses(done, "crops") != validation_losses(done, "whole")
    assert validation_losses(done, "crops") == validation_losses(done, "online")


def test_validation_and_test_are_measured_on_the_middle(done: Tree) -> None:
    whole = saccade.load(done.root / "models/whole")
    for split, measured in (
        ("validation", float(validation_losses(done, "crops")[-1])),
        ("test", read(done, "reports/crops/metrics.json")["loss"]),
    ):
        images, labels, _ = images_of(done, split)
        answers_NK = whole.outputs(torch.from_numpy(middles(images))).astype(np.float64)
        answers_NK /= answers_NK.sum(axis=1, keepdims=True)
        assert measured == pytest.approx(log_loss(labels, answers_NK, labels=np.arange(10)), rel=1e-4)
        assert measured != pytest.approx(log_loss(labels, whole.outputs(torch.from_numpy(images))), rel=1e-3)


def test_whoever_answers_looks_at_the_same(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    images = images_of(tree)[0][:6]
    expected_NK = saccade.load(tree.root / "models/whole").outputs(torch.from_numpy(middles(images)))
    loaded_NK = saccade.load(tree.root / "models/crops").predict(images)["probabilities"]
    np.testing.assert_allclose(loaded_NK, expected_NK, rtol=1e-4, atol=1e-5)

    lines = [json.loads(line) for line in ended["predict crops photos --json"].out.splitlines()]
    printed = {line["path"]: list(dict(sorted(line["probabilities"].items())).values()) for line in lines}
    np.testing.assert_allclose([printed[f"photos/{i}.png"] for i in range(6)], loaded_NK, atol=1e-6)

    from pipeline.tracking.mlflow_model import BundleModel

    model = BundleModel()
    model.load_context(SimpleNamespace(artifacts={"bundle": str(tree.root / "models/crops")}))
    table = model.predict(None, images)
    np.testing.assert_array_equal(table[[f"probability_{k}" for k in range(10)]].to_numpy(), loaded_NK)
    with (tree.root / "reports/crops/evaluation/predictions.csv").open(encoding="utf-8") as file:
        assert [row["predicted"] for row in csv.DictReader(file)][:6] == list(table["label"])


def test_a_dataset_without_a_crop_is_measured_with_that_of_the_run(done: Tree) -> None:
    there, own = read(done, "reports/crops/on/whole/metrics.json"), read(done, "reports/crops/metrics.json")
    assert there == {name: value for name, value in own.items() if not name.startswith("baseline_")}


def test_views_that_are_averaged_over_are_not_cropped_once_more(done: Tree) -> None:
    images, labels, rows = images_of(done)
    whole, compose = saccade.load(done.root / "models/whole"), build(CROPS)
    answers = [whole.outputs(torch.from_numpy(middles(images)))]
    for view in (1, 2):
        made = [augment_image(compose, images[i], seed=-4, view=view, index=int(rows[i])) for i in range(len(images))]
        answers.append(whole.outputs(torch.from_numpy(np.stack(made))))
    mean_NK = np.mean(answers, axis=0, dtype=np.float64)
    metrics = read(done, "reports/crops/metrics.json")
    assert metrics["tta_loss"] == pytest.approx(
        log_loss(labels, mean_NK / mean_NK.sum(axis=1, keepdims=True)), rel=1e-4
    )


def test_it_is_told(results: tuple[Tree, dict[str, Ended]]) -> None:
    _, ended = results
    said = "augmented crops: 6 views; evaluation looks at the middle 80 % of each side\n"
    assert said in ended["augment crops"].out
    assert "augmented whole: 6 views\n" in ended["augment whole"].out
    assert "run crops, input 1x20x20 (evaluation: the middle 16x16, enlarged), 10 " in ended["describe run crops"].out
    assert "run whole, input 1x20x20, 10 classes" in ended["describe run whole"].out
    described = json.loads(ended["describe run crops --json"].out)
    assert list(described)[:4] == ["model", "input", "evaluate_crop", "classes"] and described["evaluate_crop"] == 0.8
    assert "evaluate_crop" not in json.loads(ended["describe run whole --json"].out)
