"""`train.ensemble` from params.yaml to the answers, the reports and MLflow; grown from 3 to 5; after a kill."""

import csv
import json
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Ended, Tree
from series_files import write_tides
from small_runs import dataset_entry, params_text, run_entry
from tracking_helpers import everything

import saccade
from pipeline.stages.evaluate.members import for_tracking, summary

pytestmark = pytest.mark.timeout(900)

TRAIN = "epochs: 2, batch_size: 16, optimizer: {name: adam, lr: 0.01}, threads: 1, checkpoint_every_s: 0"
MODEL = "{name: mlp, hidden: [16]}"
RUNS = [
    run_entry("one", f"{{{TRAIN}, seed: 6}}", model=MODEL),
    run_entry("many", f"{{{TRAIN}, seed: 5, ensemble: 3}}", model=MODEL),
]
PARAMS = params_text(RUNS, datasets=[dataset_entry(split="{test: 0.05, train_fraction: 0.1}")])
GROWN = PARAMS.replace("ensemble: 3", "ensemble: 5")
KEEP = "import shutil; [shutil.copytree(name, f'kept/{name}', dirs_exist_ok=True) for name in ('models', 'reports')]"
FORECAST = """\
seed: 0
tracking: {experiment: saccade}
datasets:
  tides:
    source: {name: series_table, path: tides.csv, targets: [level]}
    split: {test: 0.2, validation: 0.2, order: time}
    preprocess: {window: 24, horizon: 6, missing: interpolate}
    augment: {views: 0}
runs:
  tide:
    dataset: tides
    task: {name: forecast}
    model: {name: gru, hidden_size: 8}
    train: {epochs: 2, batch_size: 32, optimizer: {name: adam, lr: 0.02}, loss: mae, ensemble: 2}
    evaluate: {device: cpu}
"""
PREPARE = [[stage, "digits"] for stage in ("fetch", "preprocess", "augment")]

# Kills itself as `kill -9` would, after the first update of the second member.
KILLED = """
import os, signal, sys
from pipeline.__main__ import main  # first: then the library is the tree's
from saccade.train.checkpoints import Checkpoints
save, trained = Checkpoints.save, set()
def save_and_die(self, state):
    save(self, state)
    trained.add(self.folder)
    if len(trained) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
Checkpoints.save = save_and_die
sys.argv = ["saccade", "train", "many"]
main()
"""


@pytest.fixture(scope="module")
def results(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    """An ensemble of 3, whose second member is a run of its own, evaluated; ``kept`` holds it. Then one of 5."""
    tree = make_tree()
    tree.params.write_text(PARAMS, encoding="utf-8")
    commands = {
        "check": ["check"],
        **{" ".join(command): command for command in PREPARE},
        "train one": ["train", "one"],
        "evaluate one": ["evaluate", "one"],
        "train 3": ["train", "many"],
        "evaluate 3": ["evaluate", "many"],
        "again": ["train", "many"],
        "keep": ["!", KEEP],
        "grow": ["!", f"open('params.yaml', 'w').write({GROWN!r})"],
        "train 5": ["train", "many"],
        "evaluate 5": ["evaluate", "many"],
        "on": ["evaluate", "many", "--on", "digits", "--split", "validation"],
        "describe": ["describe", "run", "many", "--json"],
        "compare": ["compare"],
    }
    ended, _ = tree.run_all(*commands.values())
    assert [each.code for each in ended] == [0] * len(commands), ended
    return tree, dict(zip(commands, ended, strict=True))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def history(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_member_with_the_seed_of_a_plain_run_is_that_run(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    one = read(tree.root / "reports/one/run.json")
    many = read(tree.root / "kept/reports/many/run.json")
    assert [member["seed"] for member in many["members"]] == [5, 6, 7]
    for key in ("identity", "weights_sha256", "run_uid", "mlflow_run_id", "run"):
        assert many["members"][1][key] == one[key]
    assert f"many.seed6 was trained already ({one['identity'][:12]})" in ended["train 3"].out
    assert "trained many.seed5: validation" in ended["train 3"].out
    assert "trained many: an ensemble of 3 members, seeds 5 to 7" in ended["train 3"].out
    assert len({member["weights_sha256"] for member in many["members"]}) == 3
    weights = [tree.root / "kept/models" / name for name in ("one", "many/members/1")]
    assert len({(folder / "weights.safetensors").read_bytes() for folder in weights}) == 1


def test_what_is_trained_already_is_published_again(results: tuple[Tree, dict[str, Ended]]) -> None:
    assert "many: all 3 members were trained already: published again" in results[1]["again"].out
    assert "trained many" not in results[1]["again"].out


def test_from_3_to_5_two_are_trained(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    said = ended["train 5"].out
    assert [line.split(":")[0] for line in said.splitlines() if line.startswith("trained ")] == [
        "trained many.seed8",
        "trained many.seed9",
        "trained many",
    ]
    before, after = (read(tree.root / folder / "many/run.json") for folder in ("kept/reports", "reports"))
    assert after["members"][:3] == before["members"] and len(after["members"]) == 5
    assert len({after["identity"], before["identity"], *(member["identity"] for member in after["members"])}) == 7


def test_probabilities_are_those_of_the_members_on_average(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    test = torch.from_numpy(np.load(tree.root / "data/prepared/digits/test.npy"))
    labels = np.load(tree.root / "data/prepared/digits/test_labels.npy")
    members = [saccade.load(tree.root / f"models/many/members/{number}") for number in range(5)]
    alone = [member.outputs(test, calibrated=False) for member in members]
    ensemble = saccade.load(tree.root / "models/many")
    np.testing.assert_allclose(ensemble.outputs(test, calibrated=False), np.mean(alone, axis=0), rtol=1e-5, atol=1e-6)
    sharpened = np.mean(alone, axis=0) ** (1 / ensemble.config.temperature)  # one of its own, on the averaged answers
    sharpened /= sharpened.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ensemble.outputs(test), sharpened, rtol=1e-4, atol=1e-6)
    measured = read(tree.root / "reports/many/metrics.json")
    right = np.mean(alone, axis=0).argmax(axis=1) == labels
    assert measured["accuracy"] == pytest.approx(right.mean())
    values = [float((answers.argmax(axis=1) == labels).mean()) for answers in alone]
    assert measured["members"]["accuracy"] == {
        "mean": pytest.approx(np.mean(values)),
        "std": pytest.approx(np.std(values, ddof=1)),
        "values": pytest.approx(values),
    }
    with (tree.root / "reports/many/evaluation/predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["p(3)"]) for row in rows] == pytest.approx(ensemble.outputs(test)[:, 3].tolist(), abs=1e-6)


def test_a_member_measures_what_the_plain_run_does(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    one, many = (read(tree.root / f"kept/reports/{run}/metrics.json") for run in ("one", "many"))
    ends = ("_low", "_high")
    own = {name: value for name, value in one.items() if "baseline_" not in name and not name.endswith(ends)}
    assert {name: found["values"][1] for name, found in many["members"].items()} == own
    accuracy = many["members"]["accuracy"]
    lowest, highest = min(accuracy["values"]), max(accuracy["values"])
    line = (
        f"3 members: test accuracy mean {accuracy['mean']:.4f}, standard deviation {accuracy['std']:.4f} "
        f"({lowest:.4f} to {highest:.4f})"
    )
    assert line in ended["evaluate 3"].out.splitlines()
    interval = f"{many['accuracy_low']:.4f} to {many['accuracy_high']:.4f}"
    line = f"evaluated many: test accuracy {many['accuracy']:.4f} (95 %: {interval}), baseline"
    assert line in ended["evaluate 3"].out


def test_the_history_has_each_members_epochs(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    rows, own = (history(tree.root / f"kept/reports/{run}/history.csv") for run in ("many", "one"))
    assert list(rows[0])[:2] == ["epoch", "member"]
    assert [(row["epoch"], row["member"]) for row in rows] == [(e, m) for m in "012" for e in "12"]
    assert [{key: value for key, value in row.items() if key != "member"} for row in rows[2:4]] == own


def test_the_other_commands_know_an_ensemble(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    assert "evaluated many on digits: validation accuracy" in ended["on"].out
    assert json.loads(ended["describe"].out)["parameters"] == read(tree.root / "reports/one/run.json")["parameters"]
    row = next(line for line in ended["compare"].out.splitlines() if " many " in line)
    assert f"{5 * json.loads(ended['describe'].out)['parameters']:,}" in row


def test_the_doctor_looks_at_each_member(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    with (tree.root / "reports/many/gradients.csv").open(encoding="utf-8") as file:
        assert {row["member"] for row in csv.DictReader(file)} == set("01234")
    ended = tree.run("doctor", "many")
    assert ended.code == 0, ended.err
    seeds = [line.partition(":")[0] for line in ended.out.splitlines() if line.startswith("many, seed")]
    assert seeds == [f"many, seed{number}" for number in range(5, 10)]
    for seed in range(5, 10):
        assert (tree.root / f"reports/many/doctor/seed{seed}/gradients.png").exists()
    kept = (tree.root / ".saccade").rename(tree.root / "elsewhere")  # as where somebody else trained it
    try:
        assert tree.run("doctor", "many").out == ended.out
    finally:
        kept.rename(tree.root / ".saccade")


def test_mlflow_shows_members_below_the_larger_ensemble(results: tuple[Tree, dict[str, Ended]]) -> None:
    import mlflow
    from mlflow import MlflowClient

    tree, _ = results
    uri = f"sqlite:///{tree.root / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("saccade")
    assert experiment is not None
    runs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
    assert {run.info.status for run in runs.values()} == {"FINISHED"} and len(runs) == 7
    three, five = (read(tree.root / folder / "many/run.json") for folder in ("kept/reports", "reports"))
    parent = runs[five["mlflow_run_id"]]
    children = {
        run_id for run_id, run in runs.items() if run.data.tags.get("mlflow.parentRunId") == five["mlflow_run_id"]
    }
    assert children == {member["mlflow_run_id"] for member in five["members"]}
    assert parent.data.params["train.ensemble"] == "5" and parent.data.tags["saccade.members"] == "5"
    assert "train.ensemble" not in runs[five["members"][0]["mlflow_run_id"]].data.params
    smaller = runs[three["mlflow_run_id"]].data
    assert smaller.tags["saccade.grown_into"] == five["mlflow_run_id"] and smaller.params["train.ensemble"] == "3"
    measured = read(tree.root / "reports/many/metrics.json")
    for name, value in {"accuracy": measured["accuracy"], **for_tracking(measured["members"])}.items():
        assert parent.data.metrics[f"test_{name}"] == pytest.approx(value)
    for member, accuracy in zip(five["members"], measured["members"]["accuracy"]["values"], strict=True):
        assert runs[member["mlflow_run_id"]].data.metrics["test_accuracy"] == pytest.approx(accuracy)

    found = client.search_logged_models([experiment.experiment_id], f"source_run_id = '{five['mlflow_run_id']}'")
    mlflow.set_tracking_uri(uri)
    model = mlflow.pyfunc.load_model(f"models:/{found[0].model_id}")
    images = np.load(tree.root / "data/prepared/digits/test.npy")[:9]
    table = model.predict(images)
    expected = saccade.load(tree.root / "models/many").predict(images)
    assert table["label"].tolist() == expected["label"]
    np.testing.assert_allclose(table.iloc[:, 1:].to_numpy(), expected["probabilities"], rtol=1e-6)


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_to_the_same_weights(
    results: tuple[Tree, dict[str, Ended]], make_tree: Callable[..., Tree]
) -> None:
    whole, _ = results
    tree = make_tree()
    tree.params.write_text(PARAMS, encoding="utf-8")
    shutil.copytree(whole.root / "data", tree.root / "data")
    killed = tree.python("-c", KILLED)
    assert killed.code == -9 and not (tree.root / "models/many").exists()
    parents = [
        path for path in (tree.root / ".saccade/runs").glob("*/journal.jsonl") if '"train.ensemble"' in path.read_text()
    ]
    assert len(parents) == 1
    again = tree.run("train", "many")
    assert again.code == 0, again.err
    assert "many.seed5 was trained already" in again.out and "many.seed6: going on after epoch 0" in again.out
    there, expected = (
        read(folder / "many/run.json") for folder in (tree.root / "reports", whole.root / "kept/reports")
    )
    for key in ("identity", "weights_sha256"):
        assert there[key] == expected[key]
        assert [member[key] for member in there["members"]] == [member[key] for member in expected["members"]]
    events = [json.loads(line) for line in parents[0].read_text(encoding="utf-8").splitlines()]
    assert [event["event"] for event in events if event["event"] == "start"] == ["start"]
    assert [event["number"] for event in events if event["event"] == "member"] == [0, 1, 2]
    assert events[-1] | {"at_ms": 0} == {"event": "end", "at_ms": 0, "status": "FINISHED", "reason": None}


@pytest.mark.slow
def test_it_is_evaluated_where_only_what_was_published_is(
    results: tuple[Tree, dict[str, Ended]], make_tree: Callable[..., Tree]
) -> None:
    """As after ``dvc pull`` on another machine: without the stores of the members, and with an empty MLflow."""
    whole, _ = results
    tree = make_tree()
    tree.params.write_text(GROWN, encoding="utf-8")
    for folder in ("data", "models", "reports"):
        shutil.copytree(whole.root / folder, tree.root / folder)
    (tree.root / "reports/many/metrics.json").unlink()
    ended = tree.run("evaluate", "many")
    assert ended.code == 0, ended.err
    metrics = "reports/many/metrics.json"
    assert read(tree.root / metrics) == read(whole.root / metrics)
    uri, trained = f"sqlite:///{tree.root / 'mlflow.db'}", read(tree.root / "reports/many/run.json")
    there = everything(uri)
    assert there["runs"] == 1 and there["tags"]["saccade.run_uid"] == trained["run_uid"]
    assert there["tags"]["saccade.members"] == "5" and there["status"] == "FINISHED"


@pytest.mark.slow
def test_each_member_of_several_processes_is_the_plain_run_of_as_many(tree: Tree) -> None:
    two = PARAMS.replace("ensemble: 3", "ensemble: 2, processes: 2").replace("seed: 6", "seed: 6, processes: 2")
    tree.params.write_text(two, encoding="utf-8")
    ended = [tree.run(*command) for command in [*PREPARE, ["train", "many"], ["train", "one"]]]
    assert [each.code for each in ended] == [0] * 5, ended
    one, many = (read(tree.root / f"reports/{run}/run.json") for run in ("one", "many"))
    assert many["members"][1]["weights_sha256"] == one["weights_sha256"]
    assert many["members"][1]["run_uid"] == one["run_uid"]  # not trained again


@pytest.mark.slow
def test_forecasts_are_averaged_and_their_band_is_measured_anew(tree: Tree) -> None:
    write_tides(tree.root / "tides.csv")
    tree.params.write_text(FORECAST, encoding="utf-8")
    stages = [[stage, "tides"] for stage in ("fetch", "preprocess", "augment")]
    ended, _ = tree.run_all(*stages, ["train", "tide"], ["evaluate", "tide"], ["predict", "tide", "tides.csv"])
    assert [each.code for each in ended] == [0] * 6, ended
    test, truth = (np.load(tree.root / f"data/prepared/tides/test{what}.npy") for what in ("", "_labels"))
    together = saccade.load(tree.root / "models/tide")
    alone = [saccade.load(tree.root / f"models/tide/members/{number}") for number in range(2)]
    mean = np.mean([each.outputs(torch.from_numpy(test)) for each in alone], axis=0)
    measured = read(tree.root / "reports/tide/metrics.json")
    assert measured["mae"] == pytest.approx(np.abs(mean - truth).mean(), rel=1e-5)
    maes = [np.abs(each.outputs(torch.from_numpy(test)) - truth).mean() for each in alone]
    assert measured["members"]["mae"]["values"] == pytest.approx(maes, rel=1e-5)
    assert "persistence_mae" in measured and "persistence_mae" not in measured["members"]
    shown, known = (np.load(tree.root / f"data/prepared/tides/validation{what}.npy") for what in ("", "_labels"))
    off = known - np.mean([each.outputs(torch.from_numpy(shown)) for each in alone], axis=0)
    assert together.config.interval is not None and alone[0].config.interval is not None
    assert together.config.interval.low == pytest.approx(np.quantile(off, 0.1, axis=0), rel=1e-4, abs=1e-2)
    assert together.config.interval != alone[0].config.interval


def test_a_training_cannot_start_from_an_ensemble(tree: Tree) -> None:
    tree.params.write_text(PARAMS.replace("seed: 6}", "seed: 6, init_from: many}"), encoding="utf-8")
    ended = tree.run("check")
    assert ended.code == 2
    assert "many is an ensemble of 3, and a training starts from one network: name another run" in ended.err


def test_an_ensemble_of_none_is_refused(tree: Tree) -> None:
    tree.params.write_text(PARAMS.replace("ensemble: 3", "ensemble: 0"), encoding="utf-8")
    ended = tree.run("check")
    assert ended.code == 2 and "runs.many.train.ensemble" in ended.err


def test_the_summary_is_numpys_and_a_single_one_has_no_spread() -> None:
    values = [0.25, 0.75, 0.4, 0.1]
    found = summary([{"mae": value, "loss": -value} for value in values])
    assert found["mae"]["mean"] == pytest.approx(np.mean(values))
    assert found["mae"]["std"] == pytest.approx(np.std(values, ddof=1)) == statistics.stdev(values)
    assert found["loss"]["values"] == [-value for value in values]
    alone = summary([{"mae": 0.5, "only": 1.0}])
    assert alone["mae"] == {"mean": 0.5, "std": None, "values": [0.5]}
    assert for_tracking(alone) == {"mae_members_mean": 0.5, "only_members_mean": 1.0}
    assert list(summary([{"mae": 0.5, "only": 1.0}, {"mae": 1.0}])) == ["mae"]
