"""``saccade preprocess`` on folders of pictures as people have them: unequal, with masks, copies and damage."""

import importlib.util
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Ended, Tree
from PIL import Image

_COUNTS = {"Free": 45, "Blowhole": 12, "Crack": 9}
_PARAMS = """\
seed: 0
tracking: {experiment: saccade}
datasets:
  tiles:
    source: {name: image_folder, path: tiles, include: ["MT_*/Imgs/*.jpg"], class_from: "MT_{class}/Imgs/*"}
    split: {}
    preprocess: {size: [32, 32], channels: 1}
    augment: {views: 0}
runs:
  tiles-cnn:
    dataset: tiles
    task: {name: classify}
    model: {name: lenet5}
    train: {epochs: 3, batch_size: 16, optimizer: {name: adam, lr: 0.002}, class_weights: inverse}
    evaluate: {device: cpu}
"""


def _make_tiles(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location("tiles", ROOT / "docs" / "tiles.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make_tiles(folder, counts=_COUNTS)


@pytest.fixture
def tree(make_tree: Callable[..., Tree]) -> Tree:
    tree = make_tree(tracks=False)
    tree.params.write_text(_PARAMS, encoding="utf-8")
    _make_tiles(tree.root / "tiles")
    return tree


def imgs(tree: Tree, name: str) -> Path:
    return tree.root / "tiles" / f"MT_{name}" / "Imgs"


def prepare(tree: Tree) -> Ended:
    (fetched, prepared), _ = tree.run_all(["fetch", "tiles"], ["preprocess", "tiles"])
    assert fetched.code == 0, fetched.err
    return prepared


def description(tree: Tree) -> dict[str, Any]:
    return json.loads((tree.root / "data/prepared/tiles/dataset.json").read_text(encoding="utf-8"))


def rows_of(tree: Tree) -> dict[str, set[int]]:
    return {
        split: set(np.load(tree.root / f"data/prepared/tiles/{split}_rows.npy").tolist())
        for split in ("train", "validation", "test")
    }


def names_in_order(tree: Tree) -> list[str]:
    """The photographs as the packed folder lists them."""
    return sorted(path.relative_to(tree.root / "tiles").as_posix() for path in (tree.root / "tiles").rglob("*.jpg"))


def test_photographs_are_taken_and_masks_left_and_the_report_says_what_there_is(tree: Tree) -> None:
    ended = prepare(tree)
    assert ended.code == 0, ended.err
    assert description(tree)["spec"]["classes"] == ["Blowhole", "Crack", "Free"]
    assert sum(description(tree)["counts"].values()) == sum(_COUNTS.values())
    report = tree.root / "reports/datasets/tiles"
    assert {path.name for path in report.iterdir()} == {"findings.json", "report.html", "summary.md", "samples.png"}
    assert "reports/datasets/tiles/report.html" in ended.out
    page = (report / "report.html").read_text(encoding="utf-8")
    assert "Blowhole" in page and re.search(r"imbalanced|unequal", page)
    assert "://" not in page  # nothing is asked of any server
    assert not list((tree.root / "data/prepared/tiles").glob("tmp*"))


def test_published_splits_are_kept_where_nothing_is_said_of_them(tree: Tree) -> None:
    shutil.rmtree(tree.root / "tiles")
    levels = iter(range(10, 250, 4))
    for split, count in (("Training", 8), ("Testing", 3)):
        for name in ("ok", "torn"):
            for i in range(count):
                path = tree.root / "tiles" / split / name / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (8, 8), next(levels)).save(path)
    source = 'include: ["MT_*/Imgs/*.jpg"], class_from: "MT_{class}/Imgs/*"'
    tree.replace("params.yaml", f", {source}", "")
    ended = prepare(tree)
    assert "tiles: splits by folder: 'Training' is train, 'Testing' is test\n" in ended.out
    assert "the published splits are kept, validation drawn from training (split.test: given)" in ended.out
    assert "train 14, validation 2, test 6 images of 32x32x1, 2 classes (ok, torn); see" in ended.out
    tree.replace("params.yaml", "split: {}", "split: {test: 0.2, validation: 0.2}")
    ended = prepare(tree)
    assert "the published splits are drawn anew (split.test: 0.2); test: given keeps them" in ended.out
    assert "train 14, validation 4, test 4 images" in ended.out


def test_pictures_of_more_than_8_bits_are_scaled_by_a_rule_that_is_said(tree: Tree) -> None:
    shutil.rmtree(tree.root / "tiles")
    random = np.random.default_rng(5)
    for name, low in (("ok", 0), ("torn", 2000)):
        for i in range(8):
            path = tree.root / "tiles" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(low, low + 2000, (8, 8), dtype=np.uint16)).save(path)
    tree.replace("params.yaml", ', include: ["MT_*/Imgs/*.jpg"], class_from: "MT_{class}/Imgs/*"', "")
    ended = prepare(tree)
    assert re.search(
        r"16 pictures of more than 8 bits: values \d+ to 3,9\d\d; 0 to 4,095 scaled to 0 to 255; of 6\d grey levels a "
        r"picture, 5\d are left \(preprocess\.value_range sets other limits\)",
        ended.out,
    )
    assert description(tree)["spec"]["value_range"] == [0, 4095]
    page = (tree.root / "reports/datasets/tiles/summary.md").read_text(encoding="utf-8")
    assert "16 pictures of more than 8 bits" in page
    tree.replace("params.yaml", "channels: 1}", "channels: 1, value_range: type}")
    ended = prepare(tree)
    assert re.search(r"the type's range scaled to 0 to 255; of 6\d grey levels a picture, \d are left", ended.err)
    assert "value_range" not in description(tree)["spec"]
    tree.replace("params.yaml", "value_range: type}", "value_range: [4000, 0]}")
    assert "preprocess.value_range ([4000, 0]) must begin with the smaller value" in prepare(tree).err


def test_a_file_that_is_no_picture_stops_it_by_name_and_can_be_left_out(tree: Tree) -> None:
    assert prepare(tree).code == 0
    before = tree.snapshot("data/prepared") | tree.snapshot("reports")
    (imgs(tree, "Crack") / "broken.jpg").write_bytes(b"<html>404</html>")
    whole = (imgs(tree, "Free") / "partfr000_0.jpg").read_bytes()
    (imgs(tree, "Free") / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    ended = prepare(tree)
    assert ended.code == 1 and "pictures that cannot be read (2 of 68)" in ended.err
    assert "MT_Crack/Imgs/broken.jpg must be a picture" in ended.err and "MT_Free/Imgs/cut.jpg" in ended.err
    assert "preprocess.on_unreadable: quarantine" in ended.err
    assert tree.snapshot("data/prepared") | tree.snapshot("reports") == before  # an earlier good output stays
    tree.replace("params.yaml", "channels: 1}", "channels: 1, on_unreadable: quarantine}")
    ended = prepare(tree)
    assert ended.code == 0 and "pictures that cannot be read (2 of 68): left out" in ended.err
    assert sum(description(tree)["counts"].values()) == 66
    page = (tree.root / "reports/datasets/tiles/report.html").read_text(encoding="utf-8")
    assert "broken.jpg" in page and "cut.jpg" in page


def test_copies_stay_in_one_split_whatever_their_format(tree: Tree) -> None:
    for i in range(0, 45, 3):
        original = imgs(tree, "Free") / f"partfr{i // 3:03}_{i}.jpg"
        with Image.open(original) as picture:  # the same pixels in other bytes
            picture.save(imgs(tree, "Free") / f"copy_{i}.bmp")
    tree.replace("params.yaml", '"MT_*/Imgs/*.jpg"', '"MT_*/Imgs/*.jpg", "*.bmp"')
    ended = prepare(tree)
    assert ended.code == 0, ended.err
    names = sorted(
        path.relative_to(tree.root / "tiles").as_posix()
        for path in (tree.root / "tiles").rglob("*")
        if path.suffix in (".jpg", ".bmp")
    )
    split_of = {names[row]: split for split, rows in rows_of(tree).items() for row in rows}
    assert len(split_of) == 66 + 15
    for i in range(0, 45, 3):
        original = f"MT_Free/Imgs/partfr{i // 3:03}_{i}.jpg"
        assert split_of[original] == split_of[f"MT_Free/Imgs/copy_{i}.bmp"]


def test_one_picture_in_two_classes_stops_it_and_can_be_left_out(tree: Tree) -> None:
    shutil.copy(imgs(tree, "Free") / "partfr001_3.jpg", imgs(tree, "Crack") / "really.jpg")
    ended = prepare(tree)
    assert ended.code == 1 and "several classes, pixel for pixel the same (1)" in ended.err
    assert "MT_Crack/Imgs/really.jpg (Crack) = MT_Free/Imgs/partfr001_3.jpg (Free)" in ended.err
    assert not (tree.root / "data/prepared/tiles").exists()
    tree.replace("params.yaml", "channels: 1}", "channels: 1, on_conflict: quarantine}")
    ended = prepare(tree)
    assert ended.code == 0 and sum(description(tree)["counts"].values()) == 65


def test_a_copy_in_two_published_splits_stops_it_and_can_be_let_be(tree: Tree) -> None:
    published = tree.root / "published"
    for split, shares in (("train", range(0, 6)), ("test", range(6, 9))):
        for name in _COUNTS:
            (published / split / name).mkdir(parents=True)
            for path in [sorted(imgs(tree, name).glob("*.jpg"))[i] for i in shares]:
                shutil.copy(path, published / split / name)
    first = sorted((published / "train" / "Free").iterdir())[0]
    shutil.copy(first, published / "test" / "Free" / "again.jpg")
    tree.replace(
        "params.yaml", 'path: tiles, include: ["MT_*/Imgs/*.jpg"], class_from: "MT_{class}/Imgs/*"', "path: published"
    )
    tree.replace("params.yaml", "split: {}", "split: {test: given, validation: 0.2}")
    ended = prepare(tree)
    assert ended.code == 1 and "several of the published splits (1)" in ended.err
    assert f"test/Free/again.jpg (test) = train/Free/{first.name} (train)" in ended.err
    tree.replace("params.yaml", "validation: 0.2}", "validation: 0.2, allow_leakage: true}")
    ended = prepare(tree)
    assert ended.code == 0 and "learnt by heart" in ended.err
    assert description(tree)["counts"]["test"] == 10


def kept_groups(tree: Tree) -> np.ndarray:
    folder = tree.root / "data" / "prepared" / "tiles"
    return np.concatenate([np.load(folder / f"{split}_groups.npy") for split in ("train", "validation", "test")])


@pytest.mark.parametrize("key", ["column", "pattern"])
def test_what_is_of_one_part_stays_in_one_split(tree: Tree, key: str) -> None:
    tree.replace("params.yaml", "split: {}", 'split: {group_by: "{group}_*.jpg", test: 0.25, validation: 0.25}')
    if key == "column":
        named = [(name, name.split("/")[0][3:], Path(name).name.split("_")[0]) for name in names_in_order(tree)]
        lines = ["path,label,part", *map(",".join, named)]
        (tree.root / "tiles" / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        text = tree.params.read_text(encoding="utf-8")
        text = re.sub(r"source: \{.*\}", "source: {name: image_table, table: tiles/labels.csv}", text)
        tree.params.write_text(text.replace('"{group}_*.jpg"', "part"), encoding="utf-8")
    ended = prepare(tree)
    assert ended.code == 0, ended.err
    names = names_in_order(tree)
    split_of = {names[row]: split for split, rows in rows_of(tree).items() for row in rows}
    assert len(split_of) == 66
    splits_of_part: dict[str, set[str]] = {}
    for name, split in split_of.items():
        splits_of_part.setdefault(Path(name).name.split("_")[0], set()).add(split)
    assert len(splits_of_part) == 22 and all(len(splits) == 1 for splits in splits_of_part.values())
    assert len(np.unique(kept_groups(tree))) == 22


def test_a_wrong_group_is_told(tree: Tree) -> None:
    tree.replace("params.yaml", "split: {}", "split: {group_by: patient}")
    ended = prepare(tree)
    assert ended.code == 1 and "split.group_by ('patient') must be a column of the source, which has none" in ended.err
    tree.replace("params.yaml", "group_by: patient", 'group_by: "person-{group}_*"')
    ended = prepare(tree)
    assert ended.code == 1 and "must fit every path, but does not fit MT_Blowhole/Imgs/partbl000_0.jpg" in ended.err


def test_series_without_groups_cannot_be_grouped(tree: Tree) -> None:
    text = re.sub(r"source: \{.*\}", "source: {name: adding, length: 4, examples: 40}", _PARAMS.split("runs:")[0])
    text = re.sub(r"preprocess: \{.*\}", "preprocess: {}", text).replace("split: {}", "split: {group_by: patient}")
    tree.params.write_text(text + "runs: {}\n", encoding="utf-8")
    ended = prepare(tree)
    assert ended.code == 1 and "split.group_by ('patient') must be a column of the source, which has none" in ended.err


def test_near_duplicates_are_told_and_can_be_kept_together(tree: Tree) -> None:
    for i in range(0, 45, 3):
        with Image.open(imgs(tree, "Free") / f"partfr{i // 3:03}_{i}.jpg") as picture:
            picture.save(imgs(tree, "Free") / f"again_{i}.jpg", quality=60)
    ended = prepare(tree)
    assert ended.code == 0 and re.search(
        r"pairs? of pictures in two splits look nearly the same: .*split.group_near_duplicates: true keeps \d+",
        ended.err,
    )
    tree.replace("params.yaml", "split: {}", "split: {group_near_duplicates: true}")
    ended = prepare(tree)
    assert ended.code == 0 and "group_near_duplicates" not in ended.err
    names = names_in_order(tree)
    split_of = {names[row]: split for split, rows in rows_of(tree).items() for row in rows}
    together = [
        split_of[f"MT_Free/Imgs/partfr{i // 3:03}_{i}.jpg"] == split_of[f"MT_Free/Imgs/again_{i}.jpg"]
        for i in range(0, 45, 3)
    ]
    assert sum(together) >= 14


def test_a_class_that_is_too_small_is_named(tree: Tree) -> None:
    for path in sorted(imgs(tree, "Crack").glob("*.jpg"))[2:]:
        path.unlink()
    ended = prepare(tree)
    assert ended.code == 1 and "class 'Crack' (2 examples) has none in the validation and test splits" in ended.err


def test_pictures_are_fitted_alike_in_training_and_in_predicting(tree: Tree) -> None:
    tree.replace("params.yaml", "channels: 1}", "channels: 1, fit: pad}")
    stages = [["fetch", "tiles"], ["preprocess", "tiles"], ["augment", "tiles"]]
    results, _ = tree.run_all(*stages, ["train", "tiles-cnn"], ["evaluate", "tiles-cnn"], ["compare"])
    assert [ended.code for ended in results] == [0] * 6, [ended.err for ended in results]
    metrics = json.loads((tree.root / "reports/tiles-cnn/metrics.json").read_text(encoding="utf-8"))
    assert next(iter(metrics)) == "balanced_accuracy"  # five Free tiles to each Crack
    assert "baseline_balanced_accuracy" in metrics
    assert "test balanced_accuracy" in results[4].out and "balanced_accuracy" in results[5].out
    predictions = (tree.root / "reports/tiles-cnn/evaluation/predictions.csv").read_text(encoding="utf-8").splitlines()
    names = names_in_order(tree)
    classes = [column[2:-1] for column in predictions[0].split(",")[4:]]
    rows = {int(line.split(",")[0]): line.split(",")[4:] for line in predictions[1:]}
    ended = tree.run("predict", "tiles-cnn", "--json", *(f"tiles/{names[row]}" for row in rows))
    assert ended.code == 0, ended.err
    answers = [json.loads(line) for line in ended.out.splitlines()]
    for answer, expected in zip(answers, rows.values(), strict=True):
        assert [answer["probabilities"][name] for name in classes] == pytest.approx([*map(float, expected)], abs=2e-6)


def test_check_tells_when_the_folder_has_changed_since_it_was_fetched(tree: Tree) -> None:
    assert prepare(tree).code == 0
    assert tree.run("check").err == ""
    (tree.root / "tiles" / ".DS_Store").write_bytes(b"x")  # hidden: nobody packs it
    assert tree.run("check").err == ""
    shutil.copy(imgs(tree, "Free") / "partfr001_3.jpg", imgs(tree, "Free") / "partfr099_1.jpg")
    ended = tree.run("check")
    assert ended.code == 0 and "tiles has changed since it was fetched (132 files then, 133 now)" in ended.err
    assert "dvc repro -f fetch@tiles" in ended.err
    assert prepare(tree).code == 0 and tree.run("check").err == ""
