"""Every benchmark runs from its first line to its last with ``--quick``, and leaves the project's files as they are.

What is measured that way means nothing; that it is measured shows that the benchmark still fits the library.
"""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
PEERS = ROOT / ".venv-peers"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

OTHERWISE = {  # those that a test below calls by name, and the two that other benchmarks call
    *("cost_of_pages", "gpu_engine", "mnist_race", "races", "recipe_seeds", "run_all", "where_time_goes", "own_data"),
    *("bare_loop", "keras_peer", "near_duplicates", "views_and_accuracy", "planned_promotions", "calibration"),
    "pointing_game",
    "retraining_commits",  # counts commits of the history, which a copy of the project may not have
}
RUNNABLE = {path.stem for path in BENCHMARKS.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
REPORTING = sorted(RUNNABLE - OTHERWISE)  # a new one too: it takes --quick and --work, and prints figures


def call(name: str, *arguments: str) -> str:
    """Standard output of a benchmark; the pages, the pictures and the results of the project must stay as they are."""
    before = kept_files()
    ended = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert kept_files() == before
    return ended.stdout


def kept_files() -> dict[Path, bytes]:
    paths = [*(BENCHMARKS / "results").glob("*"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/images").glob("race-*")]
    return {path: path.read_bytes() for path in paths}


def figures_in(out: str) -> list[dict]:
    """What was measured; each value of ours is a number that can have been measured."""
    return checked([json.loads(line) for line in out.splitlines()])


def checked(lines: list[dict]) -> list[dict]:
    figures = [line for line in lines if "skipped" not in line]
    for figure in figures:
        assert all(value > 0 for value in (figure["ours"], *figure["ours_values"])), figure
        # linearity's peer is a line through three short times, which noise can bend below 0
        assert all(map(math.isfinite, (*figure["ours_values"], *figure["theirs_values"]))), figure
    return figures


def test_the_benchmarks_called_by_name_are_there() -> None:
    assert OTHERWISE < RUNNABLE


@pytest.mark.parametrize("name", REPORTING)
def test_a_benchmark_reports_figures(name: str, tmp_path: Path) -> None:
    figures = figures_in(call(name, "--quick", "--work", str(tmp_path)))
    assert len(figures) >= 2 and len({(figure["what"], figure["peer"]) for figure in figures}) == len(figures)


def test_planted_copies_are_found_and_false_alarms_counted(real_data: Callable[[str], Path]) -> None:
    data = real_data("cifar10-images.tar.gz").parent
    real_data("mnist")
    out = call("near_duplicates", "--data", str(data), "--quick")
    assert out.count("  all") == 2 and "MNIST: 700 images" in out and "of 100 test images" in out


def test_views_and_accuracy_are_measured_and_drawn(tmp_path: Path) -> None:
    assert call("views_and_accuracy", "digits", "--quick", "--work", str(tmp_path)) == ""
    results = tmp_path / "views"
    runs = json.loads((results / "views_digits.json").read_text(encoding="utf-8"))["runs"]
    assert list(runs) == ["none-seed0", "1-seed0", "online-seed0"]
    assert (results / "images" / "views-and-accuracy.png").read_bytes().startswith(b"\x89PNG")
    assert "| online |" in (results / "augmentation.md").read_text(encoding="utf-8")


def test_saccades_loop_and_the_bare_one_are_measured_on_the_cpu_too() -> None:
    figures = figures_in(call("gpu_engine", "--quick", "--device", "cpu"))
    assert len(figures) == 10 and {figure["peer"] for figure in figures} == {"a bare loop"}


def test_where_time_goes_adds_up() -> None:
    rows = [line.strip("| ").split(" | ") for line in call("where_time_goes", "--quick").splitlines()]
    shares = [[float(cell.rstrip("%")) for cell in row[1:]] for row in rows[2:]]
    assert rows[0][1:] == ["lenet5", "lstm", "resnet18"] and rows[-1][0] == "everything else"
    assert [sum(column) for column in zip(*shares, strict=True)] == pytest.approx([100] * 3, abs=5)  # rounded


def test_the_race_against_keras_needs_both(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    mirror = real_data("mnist")
    if not (PEERS / "requirements.txt").exists():
        pytest.skip(f"needs Keras in {PEERS}; `make bench` installs it")
    figures = figures_in(call("mnist_race", "--quick", "--mirror", str(mirror), "--work", str(tmp_path)))
    assert len(figures) == 3


def test_quick_installs_nothing(tmp_path: Path) -> None:
    arguments = ["--quick", "--peers", str(tmp_path / "peers"), "--work", str(tmp_path)]
    (line,) = [json.loads(line) for line in call("mnist_race", *arguments).splitlines()]
    assert line["what"] == "everything" and "Keras is not in" in line["skipped"]
    assert not (tmp_path / "peers").exists()


def test_a_planned_promotion_is_measured_with_and_without(tmp_path: Path) -> None:
    row = call("planned_promotions", "--quick", "--work", str(tmp_path)).splitlines()[-1]
    assert re.fullmatch(r"nlinear with [\d.]+ \(0.00\), ridge [\d.]+; without [\d.]+ \(0.00\), ridge [\d.]+;", row), row


def test_grad_cam_of_a_trained_network_points_at_the_digit_and_of_a_random_one_by_chance() -> None:
    lines = [json.loads(line) for line in call("pointing_game").splitlines()]
    found = {line["figure"]: line for line in lines}["pointing game, grad-cam"]
    assert found["trained"] >= 0.95
    assert abs(found["random"] - found["chance"]) < 0.09  # four standard deviations of 200 draws


def test_a_recipe_is_trained_with_seeds(tmp_path: Path) -> None:
    out = call("recipe_seeds", "digits-conv1d", "--quick", "--seeds", "3", "4", "--work", str(tmp_path))
    (row,) = [line for line in out.splitlines() if line.startswith("| 3 |")]
    accuracy, baseline = (float(cell) for cell in row.split(" | ")[1:3])
    assert 0 < accuracy <= 1 and 0.5 < baseline <= 1
    assert f"mean {accuracy:.4f}, standard deviation 0.0000 over 1 seed\n" in out


def test_calibration_prints_a_row_a_run(tmp_path: Path) -> None:
    out = call("calibration", "--quick", "--work", str(tmp_path))
    (row,) = [line for line in out.splitlines() if line.startswith("| lenet5-digits |")]
    count, accuracy = row.split(" | ")[1:3]
    assert count == "269" and 0 < float(accuracy) < 1


def test_a_recipe_that_predicts_no_classes_is_judged_by_its_loss(tmp_path: Path) -> None:
    out = call("recipe_seeds", "hello", "--quick", "--seeds", "3", "--work", str(tmp_path))
    (row,) = [line for line in out.splitlines() if line.startswith("| 3 |")]
    loss, baseline = (float(cell) for cell in row.split(" | ")[1:3])
    assert 0 < baseline < loss < 3 and "| seed | test loss |" in out  # one epoch of a word learns little
    assert f"perplexity: mean {math.exp(loss):.2f}"[:-1] in out


@pytest.mark.parametrize(
    ("race", "arguments", "pictures"),
    [
        ("activations", (), ["race-activations.png"]),
        ("adding", ("--only", "50-rnn", "50-lstm"), ["race-adding-gradients.png", "race-adding.png"]),
    ],
)
def test_a_race_is_run_and_drawn(race: str, arguments: Sequence[str], pictures: list[str], tmp_path: Path) -> None:
    if race == "activations":
        make_pictures(tmp_path / "pictures")
        arguments = ("--path", str(tmp_path / "pictures"))
    call("races", race, "--quick", "--work", str(tmp_path), *arguments)
    made = tmp_path / "races"
    assert sorted(path.name for path in made.glob("*.png")) == pictures
    results = json.loads((made / f"race_{race}.json").read_text(encoding="utf-8"))
    assert [len(run["history"]) for run in results["runs"].values()] == [1, 1]
    assert [[row["epoch"] for row in run["history"][0]] for run in results["runs"].values()] == [[1, 2], [1, 2]]
    page, kept = ((folder / "races.md").read_text(encoding="utf-8") for folder in (made, ROOT / "docs"))
    assert page != kept and page.partition("<!--")[0] == kept.partition("<!--")[0]
    if race == "adding":
        assert [len(norms) for norms in results["gradients"]["50-lstm"].values()] == [50] * 4


def make_pictures(folder: Path) -> None:
    """As CIFAR-10's are: train/<class>/ and test/<class>/, 32x32, in colour."""
    random = np.random.default_rng(0)
    for split, count in (("train", 40), ("test", 10)):
        for k in range(10):
            (folder / split / f"class {k}").mkdir(parents=True)
            for i in range(count):
                picture = Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8))
                picture.save(folder / split / f"class {k}" / f"{i}.png")


def test_run_all_makes_a_page_of_what_cost_of_pages_reports(tmp_path: Path) -> None:
    out = call("run_all", "--quick", "--only", "cost_of_pages", "--work", str(tmp_path))
    assert f"wrote {tmp_path / 'performance.md'}" in out
    page = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert "## cost_of_pages" in page and "| LeNet-5, 28x28 |" in page
    (results,) = (tmp_path / "results").iterdir()
    assert results.name == "cost_of_pages.json"
    assert len(checked(json.loads(results.read_text(encoding="utf-8"))["figures"])) == 3


def test_own_data_are_measured_through_the_product_and_kept(tmp_path: Path) -> None:
    tiny = {
        "preprocess": {"size": [8, 8], "channels": 1},
        "augment": {"views": 0},
        "model": {"name": "mlp"},
        "train": {"epochs": 1, "batch_size": 64, "optimizer": {"name": "adam", "lr": 0.004}},
    }
    (tmp_path / "tiny.yaml").write_text(json.dumps(tiny), encoding="utf-8")
    chosen = ["--sets", "faces", "digits", "--splits", "2", "--methods", "baseline", f"tiny={tmp_path / 'tiny.yaml'}"]
    places = ["--work", str(tmp_path), "--shared", str(tmp_path)]
    page = call("own_data", *chosen, *places)
    assert "- faces skipped: needs " in page and page == (tmp_path / "results/own_data.md").read_text(encoding="utf-8")
    results = json.loads((tmp_path / "results/own_data.json").read_text(encoding="utf-8"))
    methods = results["sets"]["digits"]["methods"]
    assert 0.1 < methods["tiny"]["accuracy"] < methods["baseline@tiny"]["accuracy"] <= 1
    assert methods["tiny"]["splits"] == [2] and methods["tiny"]["train_s"] < methods["tiny"]["whole_s"]
    assert results["sets"]["digits"]["best"] == "baseline@tiny"
    (kept,) = (tmp_path / "cells").iterdir()
    measured_at = kept.stat().st_mtime_ns
    assert call("own_data", *chosen, *places) == page
    assert kept.stat().st_mtime_ns == measured_at


def test_keras_computes_the_peers() -> None:
    python = PEERS / "bin" / "python"
    if not python.exists():
        pytest.skip(f"needs Keras in {PEERS}; `make bench` installs it")
    command = [str(python), str(BENCHMARKS / "keras_peer.py"), "lstm", "--examples", "256", "--epochs", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout.splitlines()[-1])["examples_per_s"] > 0
