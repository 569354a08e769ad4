"""`early_stopping` and `keep: best` from params.yaml to the weights, the reports and MLflow; also after a kill."""

import csv
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Ended, Tree
from small_runs import params_text, run_entry

import saccade

pytestmark = pytest.mark.timeout(600)

TRAIN = "epochs: 300, batch_size: 16, optimizer: {name: adam, lr: 0.01}, early_stopping: {patience: 3}, ema_decay: 0.5"
RUNS = {"best": ", keep: best, checkpoint_every_s: 0", "last": ""}
PARAMS = params_text(
    [
        run_entry(name, f"{{{TRAIN}{more}}}", model="{name: mlp, hidden: [32], dropout: 0.2}")
        for name, more in RUNS.items()
    ]
)

# Kills itself as `kill -9` would, just after the checkpoint of that update.
KILLED = """
import os, signal, sys
from pipeline.__main__ import main  # first: then the library is the tree's
from saccade.train.checkpoints import Checkpoints
save = Checkpoints.save
def save_and_die(self, state):
    save(self, state)
    if state.optimizer.step_count == {update}:
        os.kill(os.getpid(), signal.SIGKILL)
Checkpoints.save = save_and_die
sys.argv = ["saccade", "train", "best"]
main()
"""


@pytest.fixture(scope="module")
def results(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    tree = make_tree()
    tree.params.write_text(PARAMS, encoding="utf-8")
    commands = [[stage, "digits"] for stage in ("fetch", "preprocess", "augment")]
    commands += [["train", "best"], ["evaluate", "best"], ["train", "last"]]
    ended, _ = tree.run_all(*commands)
    assert [each.code for each in ended] == [0] * len(commands), ended
    return tree, {" ".join(command): each for command, each in zip(commands, ended, strict=True)}


def report(tree: Tree, run: str) -> tuple[dict[str, Any], list[dict[str, float]]]:
    folder = tree.root / "reports" / run
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return json.loads((folder / "run.json").read_text(encoding="utf-8")), rows


def test_it_stops_and_the_reports_say_why_and_what_is_kept(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    for run in ("best", "last"):
        told, rows = report(tree, run)
        losses = [row["validation_loss"] for row in rows]
        lowest = losses.index(min(losses)) + 1
        assert told["epochs"] == len(rows) == lowest + 3 < 300
        reason = f"stopped after {len(rows)} of 300 epochs: 3 epochs without a lower validation loss"
        assert told["stopped_early"] == reason
        assert told["kept_epoch"] == (lowest if run == "best" else len(rows))
        kept = rows[told["kept_epoch"] - 1]
        when = f"in epoch {lowest}, the best of {len(rows)}" if run == "best" else f"after {len(rows)} epochs"
        line = f"trained {run}: validation accuracy {kept['validation_accuracy']:.4f} {when}; {reason}"
        assert line in ended[f"train {run}"].out.splitlines()
        marks = [row.get("kept") for row in rows]
        assert marks == (
            [float(epoch == lowest) for epoch in range(1, len(rows) + 1)] if run == "best" else [None] * len(rows)
        )


def test_the_weights_are_those_of_the_epoch_and_training_is_the_same(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    prepared = tree.root / "data/prepared/digits"
    images, labels = (np.load(prepared / f"validation{suffix}.npy") for suffix in ("", "_labels"))
    losses = {}
    for run in ("best", "last"):
        network = saccade.load(tree.root / "models" / run)
        p_NK = network.outputs(torch.from_numpy(images), calibrated=False).astype(np.float64)
        losses[run] = -np.log(p_NK[np.arange(len(labels)), labels]).mean()
    of_epochs = [row["validation_loss"] for row in report(tree, "best")[1]]
    assert of_epochs == [row["validation_loss"] for row in report(tree, "last")[1]]
    assert losses["best"] == pytest.approx(min(of_epochs), rel=1e-5)
    assert losses["last"] == pytest.approx(of_epochs[-1], rel=1e-5)
    assert of_epochs[-1] > min(of_epochs) * 1.0001


def test_mlflow_knows_the_epoch_and_the_reason(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    told, _ = report(tree, "best")
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tree.root / 'mlflow.db'}")
    run = client.get_run(told["mlflow_run_id"])
    assert run.data.tags["saccade.kept_epoch"] == str(told["kept_epoch"])
    assert run.data.tags["saccade.end_reason"] == told["stopped_early"] and run.info.status == "FINISHED"
    assert (run.data.params["train.keep"], run.data.params["train.early_stopping.patience"]) == ("best", "3")
    assert [output.step for output in run.outputs.model_outputs] == [told["kept_epoch"]]
    (tested,) = client.get_metric_history(run.info.run_id, "test_accuracy")
    assert tested.step == told["kept_epoch"] and "kept" not in run.data.metrics


@pytest.mark.parametrize(
    ("epochs_after_the_best", "updates"),
    [
        pytest.param(0, -1, marks=pytest.mark.slow),  # the best epoch is still to be measured
        (0, 2),  # in the middle of the next one
        pytest.param(3, 0, marks=pytest.mark.slow),  # the last is trained
    ],
)
def test_a_run_that_is_killed_ends_in_the_same_weights(
    results: tuple[Tree, dict[str, Ended]], epochs_after_the_best: int, updates: int
) -> None:
    tree, _ = results
    told, _ = report(tree, "best")
    history = (tree.root / "reports/best/history.csv").read_bytes()
    per_epoch = -(-len(np.load(tree.root / "data/prepared/digits/train_labels.npy")) // 16)
    update = (told["kept_epoch"] + epochs_after_the_best) * per_epoch + updates
    store = tree.root / ".saccade/runs" / told["identity"]
    store.rename(store.with_name(f"before-{update}"))
    killed = tree.python("-c", KILLED.format(update=update))
    assert killed.code == -9 and not (store / "results").exists(), killed
    again = tree.run("train", "best")
    assert again.code == 0 and "best: going on after epoch" in again.out, again
    after, _ = report(tree, "best")
    for key in ("weights_sha256", "epochs", "kept_epoch", "stopped_early"):
        assert after[key] == told[key], key
    assert (tree.root / "reports/best/history.csv").read_bytes() == history
