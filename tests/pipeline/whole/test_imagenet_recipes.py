"""The recipes after the papers, from pictures to metrics: a few updates on a generated folder."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Tree
from ruamel.yaml import YAML

pytestmark = [pytest.mark.slow, pytest.mark.pipeline, pytest.mark.timeout(900)]

RECIPES = ("imagenet-alexnet", "imagenet-googlenet", "imagenet-resnet50", "imagenet-vgg16")
PICTURES, SIDE = 14, 227  # a class; pixels


def write_pictures(folder: Path) -> None:
    """Three classes of noise around a colour of their own, split as published."""
    random = np.random.default_rng(0)
    for number, name in enumerate(("ant", "bee", "cat")):
        for split, count in (("train", PICTURES), ("val", 4), ("test", 4)):
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                picture = random.integers(0, 120, size=(SIDE, SIDE + 9, 3), dtype=np.uint8)
                picture[:, :, number] += 100
                assert cv2.imwrite(str(folder / split / name / f"{i}.jpg"), picture)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_runs_from_pictures_to_metrics(tree: Tree, recipe: str) -> None:
    write_pictures(tree.root / "data" / "imagenet")
    assert tree.run("add", recipe).code == 0
    yaml = YAML()
    yaml.width = 4096
    params = yaml.load(tree.params.read_text(encoding="utf-8"))
    run = params["runs"][recipe]
    params["datasets"][run["dataset"]]["augment"]["views"] = 1
    run["train"] |= {"epochs": 2, "batch_size": 14}
    run["evaluate"] |= {"features_baseline": False}  # of noise, at 30 images a second
    yaml.dump(params, tree.params)
    for stage in ("fetch", "preprocess", "augment"):
        done = tree.run(stage, run["dataset"])
        assert done.code == 0, done.err
    for stage in ("train", "evaluate"):
        done = tree.run(stage, recipe)
        assert done.code == 0, done.err
    if recipe == "imagenet-alexnet":  # the colours of its own training split, and crops of 7/8
        written = json.loads((tree.root / f"data/augmented/{run['dataset']}/augment.json").read_text(encoding="utf-8"))
        assert [each["name"] for each in written["transforms"]] == [
            "Resize", "RandomCrop", "HorizontalFlip", "PrincipalColorShift"
        ]  # fmt: skip
    bundle = json.loads((tree.root / "models" / recipe / "bundle.json").read_text(encoding="utf-8"))
    side = bundle["spec"]["shape"][0]
    assert (side, round(bundle["evaluate_crop"] * side)) == ((227, 199) if "alexnet" in recipe else (224, 196))
    metrics = json.loads((tree.root / "reports" / recipe / "metrics.json").read_text(encoding="utf-8"))
    assert 0 <= metrics["accuracy"] <= 1 and np.isfinite(metrics["loss"])
    history = (tree.root / "reports" / recipe / "history.csv").read_text(encoding="utf-8").splitlines()
    assert len(history) == 3
