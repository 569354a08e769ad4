"""``augment.mode: online`` from params.yaml to the weights: those of stored views, and no file of views."""

import json
from collections.abc import Callable

import pytest
from conftest import Ended, Tree
from small_runs import dataset_entry, params_text, run_entry

TRANSFORMS = "[{name: Affine, rotate: [-25, 25], p: 1.0}]"
AUGMENT = {
    "stored": f"{{views: 2, include_original: true, transforms: {TRANSFORMS}}}",
    "online": f"{{mode: online, include_original: true, transforms: {TRANSFORMS}}}",
    "other": f"{{mode: online, include_original: true, seed: 9, transforms: {TRANSFORMS}}}",
}
TRAIN = "{epochs: 2, batch_size: 20, optimizer: {name: sgd, lr: 0.1, momentum: 0.9}, threads: 1}"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def done(make_tree: Callable[..., Tree]) -> tuple[Tree, list[Ended]]:
    tree = make_tree(tracks=False)
    datasets = [dataset_entry(name, augment=augment) for name, augment in AUGMENT.items()]
    runs = [run_entry(f"run-{name}", TRAIN, dataset=name, evaluate="{tta: 2}") for name in AUGMENT]
    tree.params.write_text(params_text(runs, datasets=datasets), encoding="utf-8")
    commands = [[stage, name] for stage in ("fetch", "preprocess", "augment") for name in AUGMENT]
    commands += [["train", f"run-{name}"] for name in AUGMENT] + [["evaluate", "run-online"], ["train", "run-online"]]
    ended, _ = tree.run_all(*commands)
    assert [each.code for each in ended] == [0] * len(commands), ended
    return tree, ended


def test_training_online_ends_in_the_weights_of_training_on_as_many_stored_views(
    done: tuple[Tree, list[Ended]],
) -> None:
    tree, _ = done
    stored, online, other = (
        json.loads((tree.root / "reports" / f"run-{name}" / "run.json").read_text(encoding="utf-8")) for name in AUGMENT
    )
    assert online["weights_sha256"] == stored["weights_sha256"] != other["weights_sha256"]
    assert len({run["identity"] for run in (stored, online, other)}) == 3
    assert len({run["data"]["views"] for run in (stored, online, other)}) == 3


def test_only_the_way_to_make_them_is_kept(done: tuple[Tree, list[Ended]]) -> None:
    tree, ended = done
    folder = tree.root / "data" / "augmented" / "online"
    assert [path.name for path in folder.iterdir()] == ["augment.json"]
    written = json.loads((folder / "augment.json").read_text(encoding="utf-8"))
    assert written["mode"] == "online" and written["transforms"][0]["rotate"] == [-25, 25]
    assert "views are made while training runs, the first of them the original" in ended[7].out


def test_what_is_trained_already_is_published_again_and_not_trained(done: tuple[Tree, list[Ended]]) -> None:
    assert "was trained already" in done[1][-1].out


def test_test_time_augmentation_uses_the_same_transforms(done: tuple[Tree, list[Ended]]) -> None:
    metrics = json.loads((done[0].root / "reports" / "run-online" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["tta_accuracy"] > 0


def test_transforms_that_change_the_size_are_refused_before_training(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(tracks=False)
    augment = "{mode: online, transforms: [{name: CenterCrop, height: 8, width: 8, p: 1.0}]}"
    tree.params.write_text(
        params_text([run_entry("a", TRAIN)], datasets=[dataset_entry(augment=augment)]), encoding="utf-8"
    )
    ended, _ = tree.run_all(["fetch", "digits"], ["preprocess", "digits"], ["augment", "digits"])
    assert ended[-1].code == 1 and "must keep dtype and size" in ended[-1].err
    assert not (tree.root / "data" / "augmented").exists() or not any((tree.root / "data" / "augmented").iterdir())
