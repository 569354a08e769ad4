"""The journal: what is written is what is read, whatever killed the writer."""

import json
import math
import subprocess
import sys

import pytest

from pipeline.runs.journal import Journal


def started(folder, **changes):
    journal = Journal(folder)
    values = {"run_uid": "u1", "run": "lenet5", "experiment": "saccade", "identity": "ab", "params": {}, "tags": {}}
    journal.start(**(values | changes))
    return journal


def test_events_come_back_in_order_with_their_values(tmp_path):
    journal = started(tmp_path / "runs" / "ab", params={"train.epochs": 2, "augment": [{"name": "Affine"}]})
    journal.epoch(1, {"loss": 0.5})
    journal.bundle("bundle", epoch=1)
    journal.evaluation({"accuracy": 0.25}, "evaluation")
    journal.end("FAILED", "ValueError: lr (-1) must be positive")

    events = list(journal.events())
    assert [event["event"] for event in events] == ["start", "epoch", "bundle", "evaluation", "end"]
    assert events[0]["params"] == {"train.epochs": 2, "augment": [{"name": "Affine"}]}
    assert events[1]["metrics"] == {"loss": 0.5} and events[1]["epoch"] == 1
    assert events[2]["folder_name"] == "bundle" and events[2]["epoch"] == 1
    assert events[3]["metrics"] == {"accuracy": 0.25} and events[3]["folder_name"] == "evaluation"
    assert (events[4]["status"], events[4]["reason"]) == ("FAILED", "ValueError: lr (-1) must be positive")
    times = [event["at_ms"] for event in events]
    assert times == sorted(times) and all(type(at_ms) is int for at_ms in times)
    assert [event["event"] for event in journal.events(skip=3)] == ["evaluation", "end"]


def test_nothing_is_there_before_the_first_event(tmp_path):
    journal = Journal(tmp_path / "ab")
    assert list(journal.events()) == [] and journal.state().status is None and journal.size() == 0
    assert not (tmp_path / "ab").exists()


def test_values_that_json_cannot_hold_survive(tmp_path):
    journal = started(tmp_path, params={"clip": math.inf, "betas": (0.9, math.nan)})
    journal.epoch(1, {"loss": math.nan, "up": math.inf, "down": -math.inf})

    for line in journal.path.read_text().splitlines():
        json.loads(line, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    metrics = list(journal.events())[1]["metrics"]
    assert math.isnan(metrics["loss"]) and metrics["up"] == math.inf and metrics["down"] == -math.inf


def test_numbers_of_numpy_are_written_as_numbers(tmp_path):
    np = pytest.importorskip("numpy")
    journal = started(tmp_path)
    journal.epoch(1, {"loss": np.float32(0.5)})
    assert journal.state().epochs == {1: {"loss": 0.5}}


def test_a_torn_last_line_is_passed_over_and_cut_off_by_the_next_event(tmp_path):
    journal = started(tmp_path)
    journal.epoch(1, {"loss": 0.5})
    with journal.path.open("ab") as file:
        file.write(b'{"event": "epoch", "at_ms": 17')

    assert [event["event"] for event in journal.events()] == ["start", "epoch"]
    journal.epoch(2, {"loss": 0.25})
    assert journal.state().epochs == {1: {"loss": 0.5}, 2: {"loss": 0.25}}
    assert b'"at_ms": 17{' not in journal.path.read_bytes()


def test_a_journal_that_is_torn_in_its_first_line_starts_again(tmp_path):
    (tmp_path / "journal.jsonl").write_bytes(b'{"event": "sta')
    journal = started(tmp_path)
    assert [event["event"] for event in journal.events()] == ["start"]


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    journal = started(tmp_path)
    with journal.path.open("ab") as file:
        file.write(b"\0\0\0\n")
    journal.epoch(1, {"loss": 0.5})
    with pytest.raises(ValueError, match=r"journal\.jsonl line 2 is not JSON"):
        list(journal.events())


def test_the_last_record_of_an_epoch_counts(tmp_path):
    journal = started(tmp_path)
    for epoch, loss in [(1, 0.5), (2, 0.4), (3, 0.3)]:
        journal.epoch(epoch, {"loss": loss})
    journal.end("KILLED", "SIGTERM")
    assert journal.state().status == "KILLED"

    journal.resume(from_epoch=1)
    journal.epoch(2, {"loss": 0.2})
    state = journal.state()
    assert state.epochs == {1: {"loss": 0.5}, 2: {"loss": 0.2}, 3: {"loss": 0.3}}
    assert state.status == "RUNNING" and state.run_uid == "u1" and state.run == "lenet5"


def test_a_second_start_is_refused(tmp_path):
    started(tmp_path)
    with pytest.raises(FileExistsError, match="resume it, or remove"):
        started(tmp_path, run_uid="u2")


def test_start_and_end_are_on_the_disk_when_the_call_returns(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.append(descriptor))
    journal = started(tmp_path)
    journal.epoch(1, {"loss": 0.5})
    assert len(synced) == 1
    journal.end("FINISHED")
    assert len(synced) == 2


def test_tracking_imports_neither_mlflow_nor_torch():
    heavy = "{'mlflow', 'torch', 'pandas', 'numpy'} & set(sys.modules)"
    command = f"import sys; import pipeline.tracking.sync; print({heavy} or 'light')"
    assert subprocess.run([sys.executable, "-c", command], capture_output=True, text=True).stdout == "light\n"


def test_what_was_measured_of_the_layers_comes_back_as_numbers(tmp_path):
    journal = started(tmp_path)
    rows = [
        {"layer": "conv", "gradient_norm": 0.5, "update_ratio": math.nan},
        {"layer": "rnn", "step": 3, "gradient_norm": 1},
    ]
    journal.epoch(1, {"loss": 0.5}, rows)
    journal.epoch(2, {"loss": 0.4})
    (first, second), broke = (journal.state().layers[epoch] for epoch in (1, 2)), journal.state().broke
    assert first[0]["layer"] == "conv" and first[0]["gradient_norm"] == 0.5 and math.isnan(first[0]["update_ratio"])
    assert first[1] == rows[1] and second == [] and broke is None
    journal.broke(
        {"epoch": 3, "updates": 41, "where": "weights of conv", "layers": rows[:1], "batch": "batch.safetensors"}
    )
    broke = journal.state().broke
    assert (broke["epoch"], broke["where"], broke["layers"][0]["gradient_norm"]) == (3, "weights of conv", 0.5)
    journal.resume(from_epoch=2)
    assert journal.state().broke is None


def test_a_journal_of_an_older_version_has_no_layers(tmp_path):
    journal = started(tmp_path)
    with journal.path.open("ab") as file:
        file.write(b'{"event": "epoch", "at_ms": 17, "epoch": 1, "metrics": {"loss": 0.5}}\n')
    assert journal.state().epochs == {1: {"loss": 0.5}} and journal.state().layers == {1: []}
