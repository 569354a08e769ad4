"""A trained run on what it has not seen: `saccade predict` on files, `saccade evaluate --on` on another dataset."""

import csv
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from conftest import Ended, Tree
from PIL import Image

_PARAMS = """\
seed: 0
tracking: {experiment: saccade}
datasets:
  shapes:
    source: {name: image_folder, path: photos}
    split: {test: given}
    preprocess: {size: [8, 9], channels: 3}
    augment: {views: 0}
  abroad:
    source: {name: image_folder, path: abroad}
    split: {test: given}
    preprocess: {size: [8, 9], channels: 3}
    augment: {views: 0}
  strange:
    source: {name: image_folder, path: strange}
    split: {test: given}
    preprocess: {size: [8, 9], channels: 3}
    augment: {views: 0}
  large:
    source: {name: image_folder, path: photos}
    split: {test: given}
    preprocess: {size: [16, 16], channels: 3}
    augment: {views: 0}
  sums: {source: {name: adding, length: 4, examples: 40}, split: {}, preprocess: {}, augment: {views: 0}}
runs:
  run:
    dataset: shapes
    task: {name: classify}
    model: {name: mlp, hidden: [8]}
    train: {epochs: 2, batch_size: 8, optimizer: {name: adam, lr: 0.001}}
    evaluate: {top_k: [1], device: cpu, features_baseline: false}
  untrained:
    dataset: shapes
    task: {name: classify}
    model: {name: mlp}
    train: {epochs: 2, batch_size: 8, optimizer: {name: adam, lr: 0.001}}
    evaluate: {}
  adder:
    dataset: sums
    task: {name: regress}
    model: {name: lstm, hidden_size: 4}
    train: {epochs: 1, batch_size: 8, optimizer: {name: adam, lr: 0.001}}
    evaluate: {}
"""

# As found in folders of one's own: colour, grey, see-through, of a palette, 16 bits deep, lossy; sizes differ.
_MODES = ("RGB", "L", "RGBA", "P", "I;16", "RGB")


def draw(path: Path, number: int, brightness: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(number)
    mode = _MODES[number % len(_MODES)]
    shape = (10 + number % 5, 12 + number % 7)
    if mode == "I;16":
        picture = Image.fromarray(random.integers(0, 256 * brightness, shape, dtype=np.uint16))
    else:
        pixels = random.integers(0, brightness, (*shape, 4), dtype=np.uint8)
        picture = Image.fromarray(pixels if mode == "RGBA" else pixels[..., :3].copy()).convert(mode)
    picture.save(path, "JPEG" if mode in ("RGB", "L") else "PNG")  # whatever the name says


def make_pictures(root: Path) -> None:
    for split, count in (("train", 12), ("val", 4), ("test", 6)):
        for k, name in enumerate(("disc", "ring", "bar")):
            for i in range(count):
                draw(root / "photos" / split / name / f"{i:02}.jpg", 100 * k + i + 50 * len(split), 60 + 90 * k)
    for split in ("train", "val", "test"):  # no bar, and a class that `run` does not know
        for name in ("ring", "disc"):
            shutil.copytree(root / "photos" / split / name, root / "abroad" / split / name)
            shutil.copytree(root / "photos" / split / name, root / "strange" / split / f"{name} of tin")
        shutil.copytree(root / "photos" / split / "bar", root / "abroad" / split / "star")


@pytest.fixture(scope="module")
def tree(make_tree) -> Tree:
    """A tree with `run` and `adder` trained and evaluated."""
    tree = make_tree()
    tree.params.write_text(_PARAMS, encoding="utf-8")
    make_pictures(tree.root)
    datasets = ("shapes", "abroad", "strange", "large", "sums")
    stages = [[stage, dataset] for dataset in datasets for stage in ("fetch", "preprocess", "augment")]
    runs = [[stage, run] for run in ("run", "adder") for stage in ("train", "evaluate")]
    results, _ = tree.run_all(*stages, *runs)
    assert [ended.code for ended in results] == [0] * 19, [ended for ended in results if ended.code]
    (tree.root / "odd").mkdir()
    shutil.copy(tree.root / "photos/test/bar/00.jpg", tree.root / "odd/a.jpg")
    shutil.copy(tree.root / "photos/test/bar/01.jpg", tree.root / "odd/c d é.jpg")
    (tree.root / "odd/b.jpg").write_text("<html>")
    (tree.root / "empty").mkdir()
    return tree


def predictions(tree: Tree, below: str = "reports/run") -> list[dict[str, str]]:
    with (tree.root / below / "evaluation/predictions.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def without_rows(rows: list[dict[str, str]]) -> list[list[str]]:
    """The predictions alone, sorted: examples have other numbers in another dataset."""
    return sorted(list(row.values())[1:] for row in rows)


@pytest.fixture(scope="module")
def told(tree: Tree) -> dict[str, Ended]:
    """How each call of `predict` ended, by name."""
    with tarfile.open(tree.root / "data/raw/shapes/images.tar") as tar:
        packed = [member.name for member in tar.getmembers() if member.isfile()]
    calls = {
        "test split": ["run", "--json", *(f"photos/{packed[int(row['row'])]}" for row in predictions(tree))],
        "top 2": ["run", "photos/test/ring", "photos/test/[ab]*/00.jpg", "--top", "2", "--json"],
        "table": ["run", "odd/a.jpg", "odd/c d é.jpg", "--top", "9"],
        "unreadable": ["run", "odd"],
        "all unreadable": ["run", "odd/b.jpg", "--json"],
        "no such path": ["run", "odds"],
        "no pictures": ["run", "empty", "src"],
        "untrained": ["untrained", "odd"],
        "numbers": ["adder", "odd"],
        "unknown run": ["rum", "odd"],
        "top 0": ["run", "odd", "--top", "0"],
        "no path": ["run"],
    }
    before = tree.snapshot()
    results, _ = tree.run_all(*(["predict", *call] for call in calls.values()))
    assert tree.snapshot() == before
    return dict(zip(calls, results, strict=True))


# predict


def test_the_probabilities_are_those_of_evaluate_to_the_printed_digits(tree, told):
    ended, expected = told["test split"], predictions(tree)
    assert (ended.code, ended.err, len(expected)) == (0, "", 18)
    lines = [json.loads(line) for line in ended.out.splitlines()]
    for line, row in zip(lines, expected, strict=True):
        assert list(line) == ["path", "label", "probabilities"]
        assert line["label"] == row["predicted"] and line["path"].startswith(f"photos/test/{row['actual']}/")
        printed = {f"p({name})": f"{p:.6f}" for name, p in line["probabilities"].items()}
        assert printed == {key: value for key, value in row.items() if key.startswith("p(")}
    assert len(set(map(str, without_rows(expected)))) == 18  # a mix-up would be seen


def test_top_tells_the_most_probable_classes_in_order(told):
    lines = [json.loads(line) for line in told["top 2"].out.splitlines()]
    assert [line["path"] for line in lines][-1] == "photos/test/bar/00.jpg" and len(lines) == 7
    assert [line["path"] for line in lines][:6] == sorted(line["path"] for line in lines[:6])
    for line in lines:
        first, second = line["probabilities"].values()
        assert first >= second > 0 and first + second <= 1 and line["label"] == next(iter(line["probabilities"]))


def test_the_table_has_a_line_a_picture(told):
    assert told["table"].code == 0
    header, first, second = told["table"].out.splitlines()
    assert " ".join(header.split()) == "picture label probability label 2 probability 2 label 3 probability 3"
    assert first.startswith("odd/a.jpg     ") and second.startswith("odd/c d é.jpg ")
    for line in (first, second):
        words = line[len("odd/c d é.jpg") :].split()
        assert set(words[::2]) == {"bar", "disc", "ring"} and sum(map(float, words[1::2])) == pytest.approx(1, abs=2e-4)
        assert line.index(words[0]) == header.index("label")


def test_unreadable_pictures_are_told_and_the_rest_go_on(told):
    ended = told["unreadable"]
    assert ended.code == 1
    assert [line.split("  ")[0] for line in ended.out.splitlines()] == ["picture", "odd/a.jpg", "odd/c d é.jpg"]
    assert ended.err == (
        "odd/b.jpg must be a picture: its 6 bytes are none that Pillow knows\n"
        "error: 1 of 3 pictures could not be read, see above\n"
    )
    assert (told["all unreadable"].code, told["all unreadable"].out) == (1, "")
    assert told["all unreadable"].err.endswith("error: 1 of 1 picture could not be read, see above\n")


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        ("no such path", 1, "error: path (odds) must be a file, a folder or a pattern such as 'photos/*.jpg', but "),
        ("no pictures", 1, "error: empty, src must hold pictures (.jpg, .jpeg, .png,"),
        (
            "untrained",
            1,
            "error: models/untrained/bundle.json does not exist. Make it with `saccade train untrained`.\n",
        ),
        ("numbers", 1, "error: odd must be a table, but there is none"),  # it tells the numbers of a series
        ("unknown run", 1, "error: runs of params.yaml has no 'rum'; did you mean 'run'?\n"),
        ("top 0", 2, "Usage: "),
        ("no path", 2, "Usage: "),
    ],
)
def test_what_cannot_be_predicted_is_told_in_a_line(call, code, message, told):
    ended = told[call]
    assert (ended.code, ended.out) == (code, "") and ended.err.startswith(message), ended
    assert code == 2 or len(ended.err.splitlines()) == 1


def test_paths_are_those_of_the_folder_that_the_command_is_called_in(tree):
    ended = tree.run(
        "predict", "run", "00.jpg", "../ring/*", "--json", cwd=tree.root / "photos/test/bar", PYTHONPATH=str(tree.root)
    )
    assert ended.code == 0, ended.err
    names = [json.loads(line)["path"] for line in ended.out.splitlines()]
    assert len(names) == 7 and names[0] == "00.jpg" and names[1].startswith("../ring/00.")


def test_on_a_terminal_there_is_a_bar_and_results_still_go_where_they_are_sent(tree):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pipeline", "predict", "run", "odd", "photos/test", "--json"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(command, cwd=tree.root, stdout=subprocess.PIPE, stderr=theirs, env=environment)
    os.close(theirs)
    out, _ = process.communicate()
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.returncode == 1
    assert len([json.loads(line) for line in out.splitlines()]) == 20
    assert b"predicting with run" in shown and b"21/21" in shown and b"odd/b.jpg must be a picture" in shown


def test_a_table_of_answers_holds_what_is_printed_and_drift_needs_more_of_them(tree, told):
    calls = [
        ["predict", "run", "photos/test", "odd", "--out", "answers.csv", "--monitor"],
        ["predict", "run", "photos/test", "--json"],
        ["predict", "run", "odd", "--out", "answers.xlsx"],
        ["predict", "run", "odd", "--out", "odd.jsonl", "--json"],
        ["drift", "run", "odd"],
        ["drift", "run"],
    ]
    (table, printed, excel, summary, few, none), _ = tree.run_all(*calls)
    assert table.code == printed.code == summary.code == 0, (table, printed, summary)
    assert "answers.csv: 21 rows, 1 row with a problem in place of an answer; " in table.out
    few_kept = "20 new inputs are too few: drift is measured of 30 at least. Collect more."
    assert table.err == f"--monitor: {few_kept}\n"
    with (tree.root / "answers.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert [row["path"] for row in rows[18:]] == ["odd/a.jpg", "odd/b.jpg", "odd/c d é.jpg"] and rows[19]["problem"]
    for row, line in zip(rows, lines, strict=False):
        assert (row["path"], row["label"]) == (line["path"], line["label"])
        assert {key: float(row[f"p({key})"]) for key in line["probabilities"]} == line["probabilities"]
    assert excel.code == 1 and "answers.xlsx) must end with .parquet, .csv, .jsonl: run classifies images" in excel.err
    assert json.loads(summary.out)["rows"] == 3 and json.loads(summary.out)["problems"] == 1
    assert (few.code, few.out) == (1, "") and "error: 2 new inputs are too few: drift is measured of 30" in few.err
    assert none.code == 2
    for name in ("answers.csv", "odd.jsonl"):
        (tree.root / name).unlink()


def test_a_stopped_prediction_does_not_promise_to_go_on(tree):
    """It waits for whoever reads its lines, so the signal comes in the middle."""
    (tree.root / "many").mkdir()
    for number in range(1200):  # more than a pipe holds
        os.link(tree.root / "odd/a.jpg", tree.root / f"many/{number}.jpg")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "predict", "run", "many", "--json"],
        cwd=tree.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=280)
    assert (process.returncode, err) == (130, "stopped; the same command starts over\n")
    assert 1 <= len((first + out).splitlines()) < 1200


# evaluate --on


@pytest.fixture(scope="module")
def scored(tree: Tree) -> dict[str, Ended]:
    """How each call of `evaluate` ended, by name."""
    calls = {
        "abroad": ["run", "--on", "abroad"],
        "own": ["run", "--on", "shapes"],
        "all": ["adder", "--on", "sums", "--split", "all"],
        "strange": ["run", "--on", "strange"],
        "large": ["run", "--on", "large"],
        "sums": ["run", "--on", "sums"],
        "untrained": ["untrained", "--on", "shapes"],
        "unknown": ["run", "--on", "shape"],
        "split alone": ["run", "--split", "train"],
    }
    kept = ("reports/run/evaluation", "reports/adder/evaluation", ".saccade", "data", "models")
    files = ("reports/run/metrics.json", "reports/run/run.json", "mlflow.db")
    before = [tree.snapshot(name) for name in kept], [(tree.root / name).read_bytes() for name in files]
    first, *others = (["evaluate", *call] for call in calls.values())
    (scored_cold,), modules = tree.run_all(first, cold=True)
    results = [scored_cold, *tree.run_all(*others)[0]]
    assert before == ([tree.snapshot(name) for name in kept], [(tree.root / name).read_bytes() for name in files])
    assert "mlflow" not in modules
    return dict(zip(calls, results, strict=True))


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_dataset_is_scored_by_the_names_of_its_classes(tree, scored):
    ended, report = scored["abroad"], tree.root / "reports/run/on/abroad"
    metrics = read(report / "metrics.json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "left out 6 examples of classes that run does not know: star (6)\n"
        "classes of run that no example has: bar\n"
        f"evaluated run on abroad: test accuracy {metrics['accuracy']:.4f} over 12 examples; "
        "see reports/run/on/abroad\n"
    )
    there = predictions(tree, "reports/run/on/abroad")
    of_own = [row for row in predictions(tree) if row["actual"] != "bar"]
    assert len(there) == 12 and without_rows(there) == without_rows(of_own)
    assert metrics["accuracy"] == sum(row["actual"] == row["predicted"] for row in there) / 12
    told = read(report / "scored.json")
    assert told["left_out"] == {"star": 6} and told["classes_without_examples"] == ["bar"] and told["examples"] == 12
    assert {path.name for path in report.iterdir()} == {"metrics.json", "scored.json", "evaluation"}
    assert {"confusion.png", "mistakes.png", "per_class.csv"} <= {
        path.name for path in (report / "evaluation").iterdir()
    }


def test_its_own_dataset_gives_its_own_figures(tree, scored):
    assert scored["own"].code == 0 and len(scored["own"].out.splitlines()) == 1
    own = read(tree.root / "reports/run/metrics.json")
    there = read(tree.root / "reports/run/on/shapes/metrics.json")
    assert there == {name: value for name, value in own.items() if not name.startswith("baseline_")}
    assert predictions(tree, "reports/run/on/shapes") == predictions(tree)


def test_all_splits_are_joined(tree, scored):
    assert scored["all"].code == 0 and "evaluated adder on sums: all mse " in scored["all"].out
    assert sorted(int(row["row"]) for row in predictions(tree, "reports/adder/on/sums")) == list(range(40))


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        (
            "strange",
            1,
            "error: run cannot be measured on strange (test): the dataset must hold examples of classes that ",
        ),
        (
            "large",
            1,
            "error: run cannot be measured on large (test): the dataset must hold images of 8x9x3, but was prep",
        ),
        (
            "sums",
            1,
            "error: run cannot be measured on sums (test): the dataset must hold images, which the network takes",
        ),
        ("untrained", 1, "error: reports/untrained/run.json does not exist. Make it with `saccade train untrained`.\n"),
        ("unknown", 1, "error: datasets of params.yaml has no 'shape'; did you mean 'shapes'?\n"),
        ("split alone", 2, "Usage: "),
    ],
)
def test_what_cannot_be_scored_is_told_and_writes_nothing(call, code, message, tree, scored):
    ended = scored[call]
    assert (ended.code, ended.out) == (code, "") and ended.err.startswith(message), ended
    assert {path.name for path in (tree.root / "reports/run/on").iterdir()} == {"abroad", "shapes"}
