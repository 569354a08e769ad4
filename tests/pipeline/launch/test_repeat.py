"""`saccade repeat`: one run with several seeds, or over folds; it goes on, and is refused where folds are wrong."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Ended, Tree
from small_runs import dataset_entry, params_text, run_entry

pytestmark = pytest.mark.timeout(900)

FOLDS = 3
TRAIN = "{epochs: 2, batch_size: 16, optimizer: {name: adam, lr: 0.01}, threads: 1, seed: 4}"
MODEL = "{name: mlp, hidden: [16]}"
GROUPED = """\
  pictures:
    source: {name: image_folder, path: pictures}
    split: {test: 0.2, validation: 0.2, group_by: '*/p{group}-*'}
    preprocess: {size: [6, 5], channels: 1}
    augment: {views: 0}
"""
PARAMS = params_text(
    [run_entry("one", TRAIN, model=MODEL), run_entry("by-patient", TRAIN, dataset="pictures", model=MODEL)],
    datasets=[dataset_entry(split="{train_fraction: 0.1}"), GROUPED],
)
# Ends as Ctrl-C does, when the second fold begins to be trained.
INTERRUPTED = """
import shutil, sys
from pipeline.__main__ import main
import pipeline.launch.launch as launcher
start = launcher.start_training
def start_or_stop(params, run, **options):
    if run == "by-patient-fold2":
        raise KeyboardInterrupt
    start(params, run, **options)
launcher.start_training = start_or_stop
sys.argv = ["saccade", "repeat", "by-patient", "--folds", "3"]
main()
"""
# Keeps what the tree of folds held at its end.
KEEPING = """
import shutil, sys
from pipeline.__main__ import main
remove = shutil.rmtree
def keep_and_remove(path, *arguments, **options):
    if getattr(getattr(path, "parent", None), "name", "") == "folds":
        shutil.copytree(path / "data" / "prepared", "kept")
    remove(path, *arguments, **options)
shutil.rmtree = keep_and_remove
sys.argv = ["saccade", "repeat", "by-patient", "--folds", "3"]
main()
"""


def write_pictures(folder: Path) -> None:
    """90 pictures of two classes and 24 patients, each patient with one to six; a copy among them."""
    from PIL import Image

    random = np.random.default_rng(0)
    patients = np.repeat(np.arange(24), np.tile([1, 2, 6, 6], 6))
    for number, patient in enumerate(patients):
        name = "well" if (patient // 4) % 3 else "ill"
        (folder / name).mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (6, 5), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name / f"p{patient}-{number}.png")


@pytest.fixture(scope="module")
def results(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    tree = make_tree(tracks=False)
    tree.params.write_text(PARAMS, encoding="utf-8")
    write_pictures(tree.root / "pictures")
    commands = {
        "check": ["check"],
        **{f"{stage} digits": [stage, "digits"] for stage in ("fetch", "preprocess", "augment")},
        "train": ["train", "one"],
        "seeds 2": ["repeat", "one", "--seeds", "2"],
        "seeds 3": ["repeat", "one", "--seeds", "3"],
        "fractions": ["repeat", "one", "--fractions", "0.5", "1.0"],
        "fetch": ["fetch", "pictures"],
        "preprocess": ["preprocess", "pictures"],
    }
    ended, _ = tree.run_all(*commands.values())
    assert [each.code for each in ended] == [0] * len(commands), ended
    told = dict(zip(commands, ended, strict=True))
    told["interrupted"] = tree.python("-c", INTERRUPTED)
    told["folds"] = replace(tree, tracks=True).python("-c", KEEPING)
    assert told["interrupted"].code == 130 and told["folds"].code == 0, told
    return tree, told


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_seeds_are_trained_once_each(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    trained = {
        name: [line.split(":")[0] for line in ended[name].out.splitlines() if line.startswith("trained ")]
        for name in ("seeds 2", "seeds 3")
    }
    assert trained == {"seeds 2": ["trained one.seed5"], "seeds 3": ["trained one.seed6"]}
    kept = read(tree.root / "reports/one/repeat.json")
    first, one = kept["trainings"][0], read(tree.root / "reports/one/run.json")
    assert (first["seed"], first["identity"], first["weights_sha256"]) == (4, one["identity"], one["weights_sha256"])
    assert [each["seed"] for each in kept["trainings"]] == [4, 5, 6]


def test_the_table_and_the_files_tell_mean_and_deviation(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    kept = read(tree.root / "reports/one/repeat.json")
    values = [each["metrics"]["accuracy"] for each in kept["trainings"]]
    found = kept["metrics"]["accuracy"]
    assert found["values"] == values and len(set(values)) > 1
    assert found["mean"] == pytest.approx(np.mean(values)) and found["std"] == pytest.approx(np.std(values, ddof=1))
    with (tree.root / "reports/one/repeat.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], float(row["accuracy"])) for row in rows] == list(zip("456", values, strict=True))
    first = kept["trainings"][0]["metrics"]
    assert float(rows[0]["accuracy_low"]) == first["accuracy_low"] < values[0] <= float(rows[0]["accuracy_high"])
    said = ended["seeds 3"].out
    assert "95 % interval" in said and f"{first['accuracy_low']:.4f} to {first['accuracy_high']:.4f}" in said
    assert (
        f"one: test accuracy {found['mean']:.4f} on average over 3 seeds, standard deviation {found['std']:.4f}; "
        "see reports/one/repeat.json"
    ) in said.splitlines()
    assert all(f"{value:.4f}" in said for value in [*values, found["mean"], found["std"]])
    assert not (tree.root / "reports/one/metrics.json").exists()  # nobody has evaluated the run itself


def arrays(tree: Tree, fold: int, what: str) -> dict[str, np.ndarray]:
    folder = tree.root / "kept" / f"pictures-fold{fold}"
    return {split: np.load(folder / f"{split}{what}.npy") for split in ("train", "validation", "test")}


def test_each_example_is_in_one_test_fold_and_no_patient_in_two_splits(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    names = sorted(
        path.relative_to(tree.root / "pictures").as_posix() for path in (tree.root / "pictures").rglob("*.png")
    )
    patient_of = [name.split("/p")[1].split("-")[0] for name in names]
    tested: list[int] = []
    validated = []
    for fold in range(1, FOLDS + 1):
        rows = arrays(tree, fold, "_rows")
        tested += rows["test"].tolist()
        validated.append(frozenset(rows["validation"].tolist()))
        assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(len(names)))
        patients = [{patient_of[row] for row in some} for some in rows.values()]
        assert not (patients[0] & patients[1] or patients[0] & patients[2] or patients[1] & patients[2])
    assert sorted(tested) == list(range(len(names)))
    assert len(set(validated)) == FOLDS
    labels = [arrays(tree, fold, "_labels")["test"] for fold in range(1, FOLDS + 1)]
    assert np.ptp([np.bincount(some, minlength=2) for some in labels], axis=0).max() <= 3  # patients have up to 6


def test_statistics_are_of_each_folds_own_training_split(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    means = []
    for fold in range(1, FOLDS + 1):
        train = arrays(tree, fold, "")["train"] / 255
        described = read(tree.root / "kept" / f"pictures-fold{fold}" / "dataset.json")
        assert described["mean"] == pytest.approx([train.mean()], rel=1e-5)
        assert described["std"] == pytest.approx([train.std()], rel=1e-4)
        means.append(described["mean"][0])
    assert len(set(means)) == FOLDS


def test_interrupted_it_goes_on_where_it_stopped(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    assert (
        "trained by-patient-fold1" in ended["interrupted"].out
        and "trained by-patient-fold2" not in ended["interrupted"].out
    )
    assert ended["interrupted"].err == "stopped; the same command resumes where it stopped\n"
    said = ended["folds"].out
    assert "by-patient-fold1 was trained already" in said
    assert "trained by-patient-fold2" in said and "trained by-patient-fold3" in said
    assert "prepared pictures-fold1" not in said and "prepared pictures-fold2" not in said
    assert "prepared pictures-fold3" in said
    left = [path.name for path in (tree.root / ".saccade/folds").iterdir() if path.is_dir()]
    assert left == []


def test_folds_are_told_as_seeds_are_and_kept_with_all_runs(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    kept = read(tree.root / "reports/by-patient/folds.json")
    assert (kept["by"], [each["fold"] for each in kept["trainings"]]) == ("fold", [1, 2, 3])
    for fold, each in enumerate(kept["trainings"], start=1):
        own = read(tree.root / f"reports/by-patient-fold{fold}/metrics.json")
        assert each["metrics"] == {name: value for name, value in own.items() if not isinstance(value, str)}
        assert (tree.root / ".saccade/runs" / each["identity"] / "results/run.json").exists()
        assert each["mlflow_run_id"]
    found = kept["metrics"]["balanced_accuracy"]
    assert found["std"] == pytest.approx(np.std(found["values"], ddof=1))
    assert "on average over 3 folds, standard deviation" in ended["folds"].out
    assert (tree.root / "data/raw/pictures").is_dir() and (tree.root / "mlflow.db").exists()
    prepared = sorted(path.name for path in (tree.root / "data/prepared").iterdir())
    assert prepared == ["digits", "pictures"]  # the project's own data stay as they are


def test_doubtful_labels_are_those_of_training_data_by_their_files(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    with (tree.root / "reports/by-patient/doubtful_labels.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    prepared = tree.root / "data/prepared/pictures"
    learnt = [np.load(prepared / f"{split}_rows.npy") for split in ("train", "validation")]
    assert {int(row["row"]) for row in listed} <= set(np.concatenate(learnt).tolist())
    assert all((tree.root / "pictures" / row["name"]).exists() for row in listed)
    assert "labels of the training and validation split" in ended["folds"].out


def test_shares_learn_from_less_and_are_measured_on_the_same_test_split(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    said, kept = ended["fractions"].out, read(tree.root / "reports/one/fractions.json")
    assert "trained one-share50: " in said and "one-share100 was trained already" in said  # the run itself
    half, whole = kept["trainings"]
    assert (half["share"], whole["share"]) == (0.5, 1.0) and 0 <= whole["examples"] - 2 * half["examples"] <= 10
    assert whole["identity"] == read(tree.root / "reports/one/run.json")["identity"]
    with (tree.root / "reports/one/fractions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["examples"]) for row in rows] == [half["examples"], whole["examples"]]
    assert [float(row["accuracy"]) for row in rows] == pytest.approx(
        [each["metrics"]["accuracy"] for each in (half, whole)], rel=1e-5
    )
    assert all(float(row["low"]) < float(row["accuracy"]) < float(row["high"]) and row["std"] == "" for row in rows)
    assert (tree.root / "reports/one/fractions.png").exists() and f"one: {kept['sentence']}; see " in said
    more = whole["examples"] - half["examples"]
    assert kept["sentence"].startswith(f"the last {more} training examples were worth ")


def test_shares_are_refused_where_they_would_be_wrong(tree: Tree) -> None:
    tree.params.write_text(PARAMS, encoding="utf-8")
    for given, message in (
        (["0.5"], "--fractions (0.5) must be two shares in (0, 1] at least, such as 0.25 0.5 1.0"),
        (["0.5", "1.5"], "--fractions (0.5, 1.5) must be two shares in (0, 1] at least"),
        (["half"], "--fractions (half) must be numbers, such as 0.25 0.5 1.0"),
    ):
        assert message in " ".join(tree.run("repeat", "one", "--fractions", *given).err.replace("│", "").split())
    assert "'extra' belongs to no option" in tree.run("repeat", "one", "extra", "--seeds", "2").err


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{test: given}", "--folds must be left out with split.test (given) of digits: the published test split"),
    ],
)
def test_folds_are_refused_where_they_would_be_wrong(tree: Tree, split: str, message: str) -> None:
    tree.params.write_text(params_text([run_entry("one", TRAIN)], datasets=[dataset_entry(split=split)]))
    ended = tree.run("repeat", "one", "--folds", "3")
    assert ended.code == 1 and message in ended.err and not (tree.root / ".saccade").exists()


def test_folds_are_refused_for_a_run_that_starts_from_another_and_for_names_that_are_taken(tree: Tree) -> None:
    runs = [
        run_entry("one", TRAIN),
        run_entry("next", TRAIN.replace("seed: 4", "init_from: one")),
        run_entry("one-fold2", TRAIN),
    ]
    tree.params.write_text(params_text(runs))
    message = "--folds must be left out with train.init_from (one), which may have learnt from what a fold holds"
    assert message in tree.run("repeat", "next", "--folds", "3").err
    message = "runs of params.yaml must not hold one-fold2, as a fold of one is called: rename it"
    assert message in tree.run("repeat", "one", "--folds", "3").err
    for arguments in ((), ("--seeds", "2", "--folds", "2")):
        ended = tree.run("repeat", "one", *arguments)
        assert ended.code == 2 and "--seeds N, or --folds K" in " ".join(ended.err.split())


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{folds: 4}", "folds and fold must be set together"),
        ("{folds: 4, fold: 5}", "fold (5) must be at most folds (4)"),
        ("{folds: 4, fold: 1, test: 0.2}", "test (0.2) must be left out with folds: fold 1 is the test split"),
    ],
)
def test_a_fold_in_params_is_checked(tree: Tree, split: str, message: str) -> None:
    tree.params.write_text(params_text([run_entry("one", TRAIN)], datasets=[dataset_entry(split=split)]))
    ended = tree.run("check")
    assert ended.code == 2 and message in ended.err
