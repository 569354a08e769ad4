"""``saccade doctor RUN``: what a training leaves for it, where it looks, and what it says of runs, however ended."""

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Ended, Tree
from safetensors import safe_open
from safetensors.torch import load_file
from small_runs import params_text, run_entry

from pipeline import paths
from pipeline.commands import doctor
from pipeline.commands.doctor import find_case
from pipeline.runs.journal import Journal
from pipeline.runs.run_store import RunStore
from pipeline.runs.tables import read_gradients, write_gradients
from saccade.core.errors import UserError
from saccade.doctor.remedies import Change
from saccade.train.layer_statistics import summary
from saccade.train.state import EpochRecord

pytestmark = pytest.mark.timeout(900)

TRAIN = "{{epochs: {epochs}, batch_size: 20, optimizer: {{name: adam, lr: {lr}}}{more}}}"
STOPPED = ", early_stopping: {patience: 2}, keep: best"
DEEP = "{name: mlp, hidden: [9, 9, 9, 9, 9, 9, 9, 9, 9], activation: sigmoid}"
PARAMS = params_text(
    [
        run_entry("learns", TRAIN.format(epochs=4, lr=0.01, more=""), model="{name: mlp, hidden: [20]}"),
        run_entry("deep", TRAIN.format(epochs=3, lr=0.01, more=""), model=DEEP),
        run_entry("rows", TRAIN.format(epochs=2, lr=0.01, more=""), model="{name: lstm, hidden_size: 6}"),
        run_entry("breaks", TRAIN.format(epochs=3, lr="1e12", more="")),
        run_entry("stops", TRAIN.format(epochs=80, lr=0.03, more=STOPPED), model="{name: mlp, hidden: [20]}"),
    ]
)


@pytest.fixture(scope="module")
def done(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    """Everything trained once, in one process; how each command ended."""
    tree = make_tree(tracks=False)
    tree.params.write_text(PARAMS, encoding="utf-8")
    commands = [
        *([stage, "digits"] for stage in ("fetch", "preprocess", "augment")),
        *(["train", run] for run in ("learns", "deep", "rows", "breaks", "stops")),
        ["evaluate", "learns"],
        *(["doctor", run] for run in ("learns", "deep", "rows", "breaks", "stops", "nobody")),
    ]
    results, _ = tree.run_all(*commands, drawn=[["evaluate", "learns"], ["doctor", "deep"]])
    return tree, {" ".join(command): ended for command, ended in zip(commands, results, strict=True)}


def said(done: tuple[Tree, dict[str, Ended]], command: str) -> list[str]:
    ended = done[1][command]
    assert ended.code == 0, ended
    return ended.out.splitlines()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# --- what a training leaves -------------------------------------------------------------------------------------------


def test_gradients_csv_has_a_row_an_epoch_and_layer(done: tuple[Tree, dict[str, Ended]]) -> None:
    rows = rows_of(done[0].root / "reports" / "learns" / "gradients.csv")
    assert list(rows[0]) == [
        "epoch", "layer", "step", "gradient_norm", "weight_norm", "update_ratio", "dead_share"
    ]  # fmt: skip
    assert [(row["epoch"], row["layer"]) for row in rows] == [(f"{e}", layer) for e in (1, 2, 3, 4) for layer in "14"]
    for row in rows:
        assert row["step"] == "" and float(row["gradient_norm"]) > 0 and float(row["weight_norm"]) > 0
        assert 0 < float(row["update_ratio"]) < 1
        assert (row["dead_share"] == "") == (row["layer"] == "4")  # the last layer has no ReLU


def test_a_recurrent_layer_has_a_row_a_step(done: tuple[Tree, dict[str, Ended]]) -> None:
    rows = rows_of(done[0].root / "reports" / "rows" / "gradients.csv")
    steps = [(row["epoch"], row["layer"], row["step"]) for row in rows if row["step"]]
    assert steps == [(str(epoch), "recurrent", f"{t}") for epoch in (1, 2) for t in range(1, 21)]
    assert all(row["weight_norm"] == row["update_ratio"] == "" for row in rows if row["step"])


def test_the_same_rows_are_in_the_journal_and_a_few_numbers_go_to_the_tracking_server(
    done: tuple[Tree, dict[str, Ended]],
) -> None:
    tree = done[0]
    run = json.loads((tree.root / "reports" / "rows" / "run.json").read_text(encoding="utf-8"))
    state = Journal(tree.root / ".saccade" / "runs" / run["identity"]).state()
    assert state.layers == read_gradients(tree.root / "reports" / "rows" / "gradients.csv")
    history = rows_of(tree.root / "reports" / "rows" / "history.csv")
    added = set(state.epochs[2]) - set(history[1]) - {"elapsed_s", "examples_per_s"}
    assert added == set(summary(state.layers[2])) and 5 <= len(added) <= 10
    assert float(run["record"]["tags"]["saccade.constant_loss"]) == pytest.approx(2.3, abs=0.01)


def test_evaluation_draws_them_and_training_ends_with_the_verdict(done: tuple[Tree, dict[str, Ended]]) -> None:
    tree = done[0]
    assert (tree.root / "reports" / "learns" / "evaluation" / "gradients.png").stat().st_size > 5000
    assert said(done, "train learns")[-1] == "doctor: healthy"
    assert said(done, "train deep")[-1] == "doctor: vanishing, in layer 1; `saccade doctor deep` says more"


def test_what_stops_early_is_measured_up_to_there(done: tuple[Tree, dict[str, Ended]]) -> None:
    report = done[0].root / "reports" / "stops"
    epochs = [row["epoch"] for row in rows_of(report / "history.csv")]
    assert len(epochs) < 80 and list(dict.fromkeys(row["epoch"] for row in rows_of(report / "gradients.csv"))) == epochs
    headline = said(done, "train stops")[-1].removeprefix("doctor: ").partition(";")[0]
    assert headline in ("healthy", "overfitting")
    lines = said(done, "doctor stops")
    assert lines[0] == f"stops: {headline}" and lines[-1].startswith("drawn: reports/stops/doctor/gradients.png")


def test_a_loss_that_breaks_leaves_its_batch_for_study(done: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = done[0], done[1]["train breaks"]
    assert ended.code == 1 and "the loss is not finite in epoch 1, after " in ended.err
    (kept,) = (tree.root / ".saccade" / "runs").glob("*/non_finite/batch.safetensors")
    assert f"The batch is in {kept}." in ended.err and len(ended.err.splitlines()) == 2
    batch = load_file(kept)
    images, labels = (torch.from_numpy(paths_array(tree, name)) for name in ("train.npy", "train_labels.npy"))
    assert torch.equal(batch["examples"], images[batch["rows"]])
    assert torch.equal(batch["labels"], labels[batch["rows"]])
    with safe_open(kept, "pt") as file:
        about = file.metadata()
    assert about["epoch"] == "1" and f"first broken: {about['where']}" in ended.err


# As on a device that runs ahead of the host: nobody looks at a loss before the epoch ends.
AHEAD = """
from pipeline.__main__ import main  # first: then the library is the tree's
import sys
from saccade.core import devices
devices.is_asynchronous = lambda device: True
sys.argv = ["saccade", "train", "breaks", "--fresh"]
main()
"""


def test_a_loss_that_broke_far_ahead_is_met_again_where_it_breaks(done: tuple[Tree, dict[str, Ended]]) -> None:
    tree = done[0]
    found = journal_of_run(tree, "breaks").state().broke
    ended = tree.python("-c", AHEAD)
    assert ended.code == 1 and "breaks: the loss broke; again from the last checkpoint, slower" in ended.out, ended
    assert ended.err == done[1]["train breaks"].err
    journal = journal_of_run(tree, "breaks")
    per_epoch = -(-len(paths_array(tree, "train_labels.npy")) // 20)
    updates = [event["updates"] for event in journal.events() if event["event"] == "broke"]
    assert found is not None and updates == [per_epoch, found["updates"]] and found["updates"] < per_epoch


def journal_of_run(tree: Tree, run: str) -> Journal:
    """The newest: an earlier one is set aside by --fresh."""
    journals = [Journal(path.parent) for path in (tree.root / ".saccade" / "runs").glob("*/journal.jsonl")]
    return max((one for one in journals if one.state().run == run), key=lambda one: one.path.stat().st_mtime)


def paths_array(tree: Tree, name: str) -> Any:
    import numpy as np

    return np.load(tree.root / "data" / "prepared" / "digits" / name)


# --- what the doctor says ---------------------------------------------------------------------------------------------


def test_it_names_layer_evidence_remedy_and_the_line_of_params_yaml(done: tuple[Tree, dict[str, Ended]]) -> None:
    lines = said(done, "doctor deep")
    assert lines[0] == "deep: vanishing, in layer 1"
    assert lines[1].startswith("  found: by the norm of their weights, the first 3 of 10 layers get ")
    assert lines[2].startswith("  remedy: take what lets gradients pass many layers: ReLU")
    assert lines[3:5] == [
        "  params.yaml: runs.deep.model.activation: relu (now sigmoid)",
        "  params.yaml: runs.deep.model.normalisation: batch (now none)",
    ]
    assert lines[-1] == "drawn: reports/deep/doctor/gradients.png, reports/deep/doctor/learning_curves.png"
    folder = done[0].root / "reports" / "deep" / "doctor"
    assert sorted(path.name for path in folder.iterdir()) == ["gradients.png", "learning_curves.png"]
    (row,) = [line for line in lines if line.startswith("│ 25 ")]
    last = rows_of(done[0].root / "reports" / "deep" / "gradients.csv")[-2]
    assert last["layer"] == "25" and f"> {float(last['weight_norm']):.2g} " in row


def test_a_healthy_run_gets_no_remedy(done: tuple[Tree, dict[str, Ended]]) -> None:
    lines = said(done, "doctor learns")
    assert lines[0] == "learns: healthy" and not any("params.yaml" in line or "remedy" in line for line in lines)


def test_two_epochs_that_learnt_nothing_are_too_early_to_tell(done: tuple[Tree, dict[str, Ended]]) -> None:
    assert said(done, "doctor rows")[0] in ("rows: too early to tell", "rows: healthy")


def test_a_run_that_broke_is_diagnosed_from_its_journal(done: tuple[Tree, dict[str, Ended]]) -> None:
    lines = said(done, "doctor breaks")
    assert lines[0].startswith("breaks: non-finite, in layer ") and lines[0].endswith("(0 epochs done, then it failed)")
    assert "times its norm" in lines[1]  # what was measured of the epoch that was given up
    assert "  params.yaml: runs.breaks.train.optimizer.lr: 1000000000.0 (now 1000000000000.0)" in lines
    assert "  params.yaml: runs.breaks.train.clip_norm: 1.0 (now null)" in lines
    assert any(line.startswith("  batch: ") and line.endswith("non_finite/batch.safetensors") for line in lines)
    assert lines[-1] == "drawn: reports/breaks/doctor/gradients.png, reports/breaks/doctor/gradients.csv"


def test_who_was_never_trained_is_sent_there(done: tuple[Tree, dict[str, Ended]]) -> None:
    ended = done[1]["doctor nobody"]
    assert ended.code == 1
    assert ended.err == "error: nothing is known of a training of nobody: begin one with `saccade train nobody`\n"


# --- where it looks ---------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def record(epoch: int, loss: float) -> EpochRecord:
    row = {"layer": "conv", "gradient_norm": 0.1, "weight_norm": 2.0, "update_ratio": 0.01}
    return EpochRecord(
        epoch=epoch, train_loss=loss, train_score=0.5, validation_loss=loss, validation_score=0.5, learning_rate=0.1,
        gradient_norm=1.0, examples_per_s=1.0, elapsed_s=1.0, score="accuracy", layers=[row],
    )  # fmt: skip


def journal_of(identity: str, losses: Sequence[float], *, run: str = "a", uid: str = "u" * 32) -> RunStore:
    store = RunStore(identity)
    store.journal.start(
        run_uid=uid, run=run, experiment="saccade", identity=identity, params={"train.optimizer.lr": 0.1},
        tags={"saccade.constant_loss": "2.3"},
    )  # fmt: skip
    store.journal_missing([record(epoch, loss) for epoch, loss in enumerate(losses, start=1)])
    return store


def finish(store: RunStore, losses: Sequence[float], uid: str = "u" * 32) -> None:
    (store.folder / "bundle").mkdir()
    (store.folder / "bundle" / "weights.safetensors").write_bytes(b"")
    store.journal.end("FINISHED")
    history = [record(epoch, loss) for epoch, loss in enumerate(losses, start=1)]
    store.keep_results(history, {"run": "a", "run_uid": uid, "identity": store.folder.name, "weights_sha256": "0"})
    store.publish("a", "digits")


STILL, LEARNT = [2.3] * 4, [2.0, 1.0, 0.5]


def test_a_killed_training_is_known_from_its_journal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal_of("ab" * 32, STILL).journal.end("KILLED", "SIGTERM")
    doctor.doctor("a")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a: not learning (4 epochs done, then it was stopped: SIGTERM)"
    assert read_gradients(here / "reports" / "a" / "doctor" / "gradients.csv")[4][0]["layer"] == "conv"


def test_one_that_was_killed_without_a_word_too(here: Path) -> None:
    journal_of("ab" * 32, LEARNT)
    case = find_case("a")
    assert case.ended == "3 epochs done, not finished"
    assert case.record.losses("train") == LEARNT and case.record.constant_loss == 2.3
    assert case.record.settings == {"train.optimizer.lr": 0.1}


def test_a_run_that_goes_on_is_no_longer_broken(here: Path) -> None:
    store = journal_of("ab" * 32, LEARNT)
    store.journal.broke({"epoch": 4, "updates": 9, "where": "weights of conv", "layers": [], "batch": "batch"})
    assert find_case("a").record.broke is not None
    store.journal.resume(3)
    assert find_case("a").record.broke is None


def test_the_newest_training_of_a_name_counts(here: Path) -> None:
    finish(journal_of("ab" * 32, LEARNT), LEARNT)
    assert find_case("a").record.losses("train") == LEARNT and find_case("a").ended == ""
    journal_of("cd" * 32, STILL, uid="v" * 32)
    assert find_case("a").record.losses("train") == STILL
    journal_of("ef" * 32, [9.0], run="b", uid="w" * 32)
    assert find_case("a").record.losses("train") == STILL


def test_a_run_that_was_pulled_is_known_from_its_reports(here: Path) -> None:
    finish(journal_of("ab" * 32, LEARNT), LEARNT)
    from_journal = find_case("a")
    shutil.rmtree(here / ".saccade")
    pulled = find_case("a")
    assert pulled.layers == from_journal.layers and pulled.record.settings == from_journal.record.settings
    assert pulled.record.losses("validation") == LEARNT and pulled.record.constant_loss == 2.3
    (paths.report("a") / "gradients.csv").unlink()
    with pytest.raises(UserError, match=r"a was trained before layers were measured\. Train it again"):
        find_case("a")


def test_an_ensemble_under_way_is_known_from_its_members(here: Path) -> None:
    """Its own journal, which begins before theirs, has no epochs."""
    RunStore("ee" * 32).journal.start(
        run_uid="e" * 32, run="a", experiment="saccade", identity="ee" * 32, params={"train.ensemble": 3}, tags={}
    )
    with pytest.raises(UserError, match="nothing is known of a training of a"):
        doctor.find_cases("a")
    for seed, losses in ((10, STILL), (2, LEARNT)):
        journal_of(f"{seed:02}" * 32, losses, run=f"a.seed{seed}", uid=f"{seed:02}" * 16)
    journal_of("bb" * 32, LEARNT, run="b.seed1", uid="b" * 32)
    cases = doctor.find_cases("a")
    assert [case.title for case in cases] == ["a, seed2", "a, seed10"]
    assert [case.record.losses("train") for case in cases] == [LEARNT, STILL]


def test_two_names_of_one_training_are_both_known(here: Path) -> None:
    store = journal_of("ab" * 32, LEARNT)
    finish(store, LEARNT)
    store.publish("twin", "digits")
    assert find_case("twin").record.losses("train") == LEARNT


def test_without_a_constant_loss_what_training_began_with_stands_for_it(here: Path) -> None:
    store = RunStore("ab" * 32)
    store.journal.start(run_uid="u", run="a", experiment="e", identity="ab" * 32, params={}, tags={})
    store.journal_missing([record(1, 3.5), record(2, 1.0)])
    assert find_case("a").record.constant_loss == 3.5


def test_validation_of_one_class_alone_has_no_constant_loss_to_divide_by(here: Path) -> None:
    store = RunStore("ab" * 32)
    tags = {"saccade.constant_loss": "0.0"}
    store.journal.start(run_uid="u", run="a", experiment="e", identity="ab" * 32, params={}, tags=tags)
    assert find_case("a").record.constant_loss == 1.0  # no epoch yet
    store.journal_missing([record(1, 3.5)])
    assert find_case("a").record.constant_loss == 3.5
    doctor.print_verdict("a", "a", RunStore("ab" * 32).folder)


def test_what_an_earlier_version_trained_is_published_and_told_so(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its results have no gradients.csv and its journal no layers."""
    store = RunStore("ab" * 32)
    store.journal.start(run_uid="u" * 32, run="a", experiment="e", identity="ab" * 32, params={}, tags={})
    store.journal.epoch(1, {"train_loss": 2.0, "validation_loss": 2.0})
    finish(store, LEARNT)
    (store.results / "gradients.csv").unlink()
    store.publish("a", "digits")
    assert (here / "reports" / "a" / "gradients.csv").read_text(encoding="utf-8").startswith("epoch,layer,")
    assert read_gradients(here / "reports" / "a" / "gradients.csv") == {}
    doctor.print_verdict("a", "a", RunStore("ab" * 32).folder)
    assert capsys.readouterr().out.startswith("doctor: a was trained before layers were measured. Train it again")


def test_rows_come_back_from_the_table_as_they_were(tmp_path: Path) -> None:
    epochs = {
        1: [
            {"layer": "a b", "gradient_norm": 1e-17, "weight_norm": 2.0},
            {"layer": "r", "step": 3.0, "gradient_norm": 0.5},
        ]
    }
    write_gradients(tmp_path / "gradients.csv", epochs)
    assert read_gradients(tmp_path / "gradients.csv") == epochs
    assert b"\r" not in (tmp_path / "gradients.csv").read_bytes()
    assert read_gradients(tmp_path / "nowhere.csv") == {}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (Change("model.residual", True), "runs.a.model.residual: true (now false)"),
        (Change("train.clip_norm", 1.0), "runs.a.train.clip_norm: 1.0 (now null)"),
        (Change("model.pool", "attention"), "runs.a.model.pool: attention"),
        (Change("datasets.digits.source", "labels"), "datasets.digits.source: labels"),
    ],
)
def test_a_change_is_told_as_its_line(change: Change, line: str) -> None:
    assert change.line("a", {"model.residual": False, "train.clip_norm": None}) == line
