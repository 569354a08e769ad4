"""Series from a CSV file to a forecast, and to a class, with the commands that people type."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Ended, Tree
from series_files import write_tides

import saccade
from saccade.datasets.series_table import read_series

_PARAMS = """\
seed: 0
tracking: {experiment: saccade}
datasets:
  tides:
    source: {name: series_table, path: tides.csv, targets: [level]}
    split: {test: 0.2, validation: 0.2, order: time}
    preprocess: {window: 24, horizon: 6, missing: interpolate}
    augment: {views: 0}
  gestures:
    source: {name: series_folder, table: gestures/labels.csv, time_column: t}
    split: {test: 0.25, validation: 0.25, group_by: person}
    preprocess: {length: 20}
    augment: {views: 0}
runs:
  tide:
    dataset: tides
    task: {name: forecast}
    model: {name: gru, hidden_size: 8}
    train: {epochs: 6, batch_size: 32, optimizer: {name: adam, lr: 0.02}, loss: mae}
    evaluate: {device: cpu}
  gesture:
    dataset: gestures
    task: {name: classify}
    model: {name: conv1d, channels: [8], kernel_size: 3}
    train: {epochs: 8, batch_size: 8, optimizer: {name: adam, lr: 0.02}}
    evaluate: {top_k: [1], device: cpu}
"""


def write_gestures(folder: Path) -> None:
    """Two persons' circles and lines, each of 20 to 25 steps."""
    folder.mkdir()
    random = np.random.default_rng(1)
    rows = [["path", "label", "person"]]
    for i in range(48):
        label, steps = ("circle", "line")[i % 2], 20 + i % 6
        turn = np.arange(25) / 4
        x, y = (np.cos(turn), np.sin(turn)) if label == "circle" else (turn, 2 * turn)
        with (folder / f"{i}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["t", "x", "y"])
            for t in range(steps):
                writer.writerow([f"{t * 0.05:.2f}", f"{x[t] + 0.1 * random.normal():.3f}", f"{y[t]:.3f}"])
        rows.append([f"{i}.csv", label, f"p{i // 4}"])
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture(scope="module")
def tree(make_tree: Callable[..., Tree]) -> Tree:
    """Both runs trained and evaluated."""
    tree = make_tree(draws=True)
    tree.params.write_text(_PARAMS, encoding="utf-8")
    write_tides(tree.root / "tides.csv")
    write_gestures(tree.root / "gestures")
    stages = [[stage, name] for name in ("tides", "gestures") for stage in ("fetch", "preprocess", "augment")]
    runs = [[stage, name] for name in ("tide", "gesture") for stage in ("train", "evaluate")]
    ended, _ = tree.run_all(["check"], *stages, *runs, ["compare"], ["describe", "run", "tide"])
    assert [one.code for one in ended] == [0] * len(ended), [one.err or one.code for one in ended]
    said = "".join(one.out for one in ended)
    assert "tides: 3 values missing and interpolated, among them those of 1 missing row" in said
    assert "windows in no split: " in said and "where something was filled in" in said
    assert "windows of 24x2, to forecast: level, 6 steps of 1 hour ahead" in said
    assert "gestures: 40 series longer than preprocess.length (20): the rest was cut off" in said
    assert "evaluated tide: test mae" in said and "run tide, input 24x2, outputs 6" in said
    return tree


def json_of(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


ENDS = ("_low", "_high", "_interval_reason")


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_metrics_are_those_of_the_table_of_forecasts(tree: Tree) -> None:
    metrics, folder = json_of(tree.root / "reports/tide/metrics.json"), tree.root / "reports/tide/evaluation"
    names = ["persistence", "seasonal", "ridge"]
    errors = ["mae", "rmse", "mase", "smape", "band_coverage"]
    assert [name for name in metrics if not name.endswith((*ENDS, "_reason"))] == [
        *errors,
        *(f"{name}_mae" for name in names),
        "baseline_mae",
    ]
    assert metrics["mae_low"] < metrics["mae"] < metrics["mae_high"]
    rows = table_of(folder / "forecast.csv")
    numbers = {
        name: np.array([float(row[name]) for row in rows]) for name in ("truth", "forecast", "low", "high", *names)
    }
    off = numbers["forecast"] - numbers["truth"]
    assert metrics["mae"] == pytest.approx(np.abs(off).mean(), rel=1e-4)
    assert metrics["rmse"] == pytest.approx(np.sqrt((off**2).mean()), rel=1e-4)
    for name in names:
        assert metrics[f"{name}_mae"] == pytest.approx(np.abs(numbers[name] - numbers["truth"]).mean(), rel=1e-4)
    is_inside = (numbers["low"] <= numbers["truth"]) & (numbers["truth"] <= numbers["high"])
    assert metrics["band_coverage"] == pytest.approx(is_inside.mean(), abs=0.002)
    assert 0.5 < metrics["band_coverage"] < 0.98
    assert ("band_coverage_reason" in metrics) == (abs(metrics["band_coverage"] - 0.8) > 0.05)
    holds = f"the band is to hold 80% and holds {metrics['band_coverage']:.1%} of what came. It was measured on the"
    assert metrics.get("band_coverage_reason", holds).startswith(holds)
    assert metrics["baseline_mae"] == min(metrics[f"{name}_mae"] for name in names)
    # A tide of 200 cm is seen by what looks half a day back, and not by what looks one hour back.
    assert max(metrics["mae"], metrics["seasonal_mae"], metrics["ridge_mae"]) < 60 < 150 < metrics["persistence_mae"]
    by_step = table_of(folder / "by_step.csv")
    assert [row["step"] for row in by_step] == list("123456")
    assert np.mean([float(row["mae"]) for row in by_step]) == pytest.approx(metrics["mae"], rel=1e-4)
    drawn = {path.name for path in folder.iterdir()}
    pictures = {"forecast.png", "by_step.png", "learning_curves.png", "gradients.png"}
    pictures |= {"seen.csv", "seen_1.png", "seen_2.png", "seen_3.png"}
    assert drawn == {"forecast.csv", "by_step.csv", "outcomes.csv", "speed.csv", *pictures}


def test_the_table_of_forecasts_holds_what_the_file_says(tree: Tree) -> None:
    level = {row["when"]: row["level"] for row in table_of(tree.root / "tides.csv")}
    rows = table_of(tree.root / "reports/tide/evaluation/forecast.csv")
    assert (
        len({row["window"] for row in rows})
        == json_of(tree.root / "data/prepared/tides/dataset.json")["counts"]["test"]
    )
    assert {row["target"] for row in rows} == {"level"}
    for row in rows:
        assert float(row["truth"]) == pytest.approx(float(level[row["time"]]), rel=1e-5)
    first = [row["time"] for row in rows[:6]]
    assert first == [row["when"] for row in table_of(tree.root / "tides.csv")][-100:-94]  # the last 20 % of the hours


def test_no_hour_of_training_is_in_a_test_window(tree: Tree) -> None:
    folder = tree.root / "data/prepared/tides"
    rows = {split: np.load(folder / f"{split}_rows.npy") for split in ("train", "validation", "test")}
    assert rows["train"].max() + 30 <= rows["validation"].min() and rows["validation"].max() + 30 <= rows["test"].min()


def test_the_dataset_report_shows_the_series(tree: Tree) -> None:
    folder = tree.root / "reports/datasets/tides"
    text = (folder / "summary.md").read_text(encoding="utf-8")
    for fact in (
        "500 steps of 1 hour",
        "12 steps, found in the autocorrelation",
        "3 interpolated",
        r"2024-01-21 19\:00",
    ):
        assert fact in text, fact
    assert (folder / "samples.png").exists() and (folder / "report.html").read_text().count("<img") >= 4


_REFUSED = [
    (["short.csv"], "short.csv has 20 rows, fewer than the 24 that the network sees"),
    (["height.csv"], "height.csv must have a column 'level' of numbers, but has 'when', 'height'"),
    (["daily.csv"], "daily.csv must have a row every 1 hour, as the network was trained with"),
    (["none.csv"], "none.csv must be a table, but there is none"),
    (["tides.csv", "short.csv"], "tide forecasts one series at a time, but 2 files are named"),
    (["tides.csv", "--top", "2"], "--top (2) must be left out: tide forecasts a series, and knows no classes"),
    (["tides.csv", "--out", "ahead.jpg"], "ahead.jpg) must end with .png"),
    (["tides.csv", "--text", "x"], "--text (x) must be left out: tide forecasts a series"),
]


@pytest.fixture(scope="module")
def asked(tree: Tree) -> dict[str, Ended]:
    """What ``saccade predict`` said, by its arguments."""
    write_tides(tree.root / "short.csv", steps=20)
    write_tides(tree.root / "height.csv", header="when,height,wind")
    rows: list[list[object]] = [
        ["when", "level", "wind"],
        *([f"2024-02-{day:02}", 5000 + day, 1] for day in range(1, 28)),
    ]
    with (tree.root / "daily.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    (tree.root / "point.csv").write_text("t,x,y\n0,1,2\n0.05,1,2\n")
    commands = [
        ["tide", "tides.csv", "--json", "--out", "ahead.png"],
        ["tide", "tides.csv"],
        ["gesture", "gestures/0.csv", "gestures/5.csv", "--json"],
        ["gesture", "point.csv"],
        *(["tide", *arguments] for arguments, _ in _REFUSED),
    ]
    ended, _ = tree.run_all(*(["predict", *command] for command in commands))
    return {" ".join(command): one for command, one in zip(commands, ended, strict=True)}


def test_a_forecast_goes_on_where_the_file_ends(tree: Tree, asked: dict[str, Ended]) -> None:
    ended = asked["tide tides.csv --json --out ahead.png"]
    assert ended.code == 0, ended.err
    steps = [json.loads(line) for line in ended.out.splitlines()]
    assert [step["time"] for step in steps] == [f"2024-01-21 {hour}:00" for hour in range(20, 24)] + [
        "2024-01-22 00:00", "2024-01-22 01:00",
    ]  # fmt: skip
    assert (tree.root / "ahead.png").read_bytes().startswith(b"\x89PNG")
    band = json_of(tree.root / "models/tide/bundle.json")["band"]
    assert band["share"] == 0.8 and len(band["low"]) == len(band["high"]) == 6
    for step, low, high in zip(steps, band["low"], band["high"], strict=True):
        told = step["targets"]["level"]
        assert told["low"] == pytest.approx(told["forecast"] + low, abs=0.02)
        assert told["high"] == pytest.approx(told["forecast"] + high, abs=0.02)
        assert 4700 < told["forecast"] < 5300
    inputs = read_series(tree.root / "tides.csv", "x").series.values[-24:].astype(np.float32)
    answers = saccade.load(tree.root / "models/tide").outputs(torch.from_numpy(inputs[None]))[0]
    assert [step["targets"]["level"]["forecast"] for step in steps] == pytest.approx(answers.tolist(), rel=1e-5)


def test_a_forecast_is_a_table_and_a_picture(tree: Tree, asked: dict[str, Ended]) -> None:
    ended = asked["tide tides.csv"]
    assert ended.code == 0, ended.err
    header, *lines = ended.out.splitlines()
    assert header.split() == ["time", "level", "10", "%", "90", "%"] and len(lines) == 7
    assert [line[:16] for line in lines[:2]] == ["2024-01-21 20:00", "2024-01-21 21:00"]
    assert lines[-1] == "drawn: reports/tide-forecast.png" and (tree.root / "reports/tide-forecast.png").exists()


@pytest.mark.parametrize(("arguments", "message"), _REFUSED)
def test_what_cannot_be_forecast(asked: dict[str, Ended], arguments: list[str], message: str) -> None:
    ended = asked[" ".join(["tide", *arguments])]
    assert ended.code == 1 and message in ended.err.replace("\n", " "), ended.err
    assert ended.out == ""


def test_series_are_classified(tree: Tree, asked: dict[str, Ended]) -> None:
    metrics = json_of(tree.root / "reports/gesture/metrics.json")
    assert metrics["accuracy"] > 0.9
    people = [row["person"] for row in table_of(tree.root / "gestures/labels.csv")]
    rows = {s: np.load(tree.root / f"data/prepared/gestures/{s}_rows.npy") for s in ("train", "validation", "test")}
    found = [{people[row] for row in rows[split]} for split in rows]
    assert not found[0] & found[1] and not found[0] & found[2] and not found[1] & found[2]
    ended = asked["gesture gestures/0.csv gestures/5.csv --json"]
    assert ended.code == 0, ended.err
    first, second = map(json.loads, ended.out.splitlines())
    assert (first["label"], second["label"]) == ("circle", "line") and set(first["probabilities"]) == {"circle", "line"}
    assert ended.err == "1 of 2 files read up to step 20, as in training\n"
    ended = asked["gesture point.csv"]
    assert ended.code == 1 and "point.csv must have 20 steps, as all had in training, but has 2" in ended.err
    text = (tree.root / "reports/datasets/gestures/summary.md").read_text(encoding="utf-8")
    assert "40 cut to 20 steps" in text and "a row every 0.05" in text


def test_both_are_mlflow_models(tree: Tree) -> None:
    script = """
import json, mlflow, numpy as np
mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name("saccade").experiment_id
out = {}
for model in client.search_logged_models([experiment]):
    loaded = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
    shape = [2, *loaded.metadata.signature.inputs.inputs[0].shape[1:]]
    table = loaded.predict(np.full(shape, 7, np.float32))
    out[model.name] = [list(table.columns), table.shape[0], table.iloc[0, -1].item()]
print(json.dumps(out))
"""
    ended = tree.python("-c", script)
    assert ended.code == 0, ended.err
    out = json.loads(ended.out.splitlines()[-1])
    assert out["tide"][:2] == [[f"level +{h}" for h in range(1, 7)], 2] and out["tide"][2] > 1000
    assert out["gesture"][:2] == [["label", "probability_circle", "probability_line"], 2]


def test_evaluation_on_another_series_takes_the_same_columns(tree: Tree) -> None:
    text = tree.params.read_text(encoding="utf-8")
    tides = _PARAMS.split("datasets:\n")[1].split("  gestures:")[0]
    other = tides.replace("tides:", "other:").replace("tides.csv", "other.csv")
    other = text.replace(tides, tides + other)
    write_tides(tree.root / "other.csv", header="when,level,gusts")
    tree.params.write_text(other, encoding="utf-8")
    try:
        stages = [["fetch", "other"], ["preprocess", "other"], ["evaluate", "tide", "--on", "other"]]
        same = "import shutil; shutil.copy('tides.csv', 'other.csv')"
        ended, _ = tree.run_all(*stages, ["!", same], *stages)
        assert [one.code for one in ended] == [0, 0, 1, 0, 0, 0, 0], [one.err for one in ended]
        assert "must hold the columns that the network takes (level, wind, a row every 1 hour)" in ended[2].err
        metrics = json_of(tree.root / "reports/tide/on/other/metrics.json")
        assert [name for name in metrics if not name.endswith((*ENDS, "_reason"))] == [
            "mae",
            "rmse",
            "mase",
            "smape",
            "band_coverage",
        ]
        assert metrics["mae"] == pytest.approx(json_of(tree.root / "reports/tide/metrics.json")["mae"], rel=1e-5)
    finally:
        tree.params.write_text(text, encoding="utf-8")
