"""The uploader, ``sync`` and the status of a run, with real processes, a real store and servers that fail."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from tracking_helpers import (
    TREE,
    everything,
    fresh_store,
    hanging_server,
    refusing_server,
    start,
    write_bundle,
    write_evaluation,
    write_run,
)

from pipeline.runs.journal import Journal
from pipeline.signals import KilledBySignal
from pipeline.tracking.mlflow_store import tracking_uri, why_unreachable
from pipeline.tracking.replay import replay
from pipeline.tracking.status import reporting_status, stage_lock
from pipeline.tracking.sync import sync
from pipeline.tracking.uploader import MlflowUploader

SOON_S = 60  # on a machine that is busy with other things


def train(folder, uri, epochs=3, after_epoch=lambda epoch: None):
    """What a stage does, in small."""
    journal = Journal(folder)
    with stage_lock(folder), MlflowUploader(uri, folder) as uploader:
        with reporting_status(journal):
            start(folder)
            for epoch in range(1, epochs + 1):
                journal.epoch(epoch, {"loss": 1 / epoch})
                after_epoch(epoch)
            write_bundle(journal)
            write_evaluation(journal)
            journal.end("FINISHED")
        began_at = time.monotonic()
        outcome = uploader.finish()
    print(f"finish took {time.monotonic() - began_at:.2f} s: {outcome}")
    return outcome, time.monotonic() - began_at


def wait_until(condition, seconds=280.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.05)


# where runs are tracked


def test_the_default_store_lies_in_the_root(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other/runs.db")
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/other/runs.db"
    for uri in ("http://tracking:5000", "sqlite:////srv/runs.db", "databricks"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        assert tracking_uri(tmp_path) == uri


def test_any_answer_is_an_answer_and_no_password_is_shown():
    def answer_404(listening):
        connection, _ = listening.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=answer_404, args=(listening,))
        answering.start()
        assert why_unreachable(f"http://127.0.0.1:{listening.getsockname()[1]}/mlflow") is None
        answering.join()
    with refusing_server() as uri:
        reason = why_unreachable(uri.replace("//", "//me:secret@"))
        assert reason == f"{uri} does not answer ([Errno 111] Connection refused)"
        assert "does not answer" in why_unreachable(uri.replace("http", "postgresql"))
    with hanging_server() as uri:
        assert "timed out" in why_unreachable(uri)
    assert why_unreachable("sqlite:////nowhere/mlflow.db") is None


# the uploader


def test_a_run_is_whole_when_the_stage_ends(tmp_path):
    uri = fresh_store(tmp_path)
    outcome, _ = train(tmp_path / "ab", uri)  # shorter than `import mlflow`
    there = everything(uri)
    assert (outcome.mlflow_run_id, outcome.pending_reason) == (there["run_id"], None)
    assert there["status"] == "FINISHED" and len(there["metrics"]["loss"]) == 3 and len(there["models"]) == 1
    assert sync(tmp_path, uri) == []


def test_epochs_arrive_while_the_run_goes_on(tmp_path):
    uri = fresh_store(tmp_path)

    def seen(epoch):
        def is_there():
            with contextlib.suppress(AttributeError, IndexError):  # no experiment, no run yet
                return len(everything(uri)["metrics"].get("loss", [])) == epoch

        wait_until(is_there)
        assert everything(uri)["status"] == "RUNNING"

    outcome, _ = train(tmp_path / "ab", uri, epochs=2, after_epoch=seen)
    assert outcome.pending_reason is None and everything(uri)["status"] == "FINISHED"


@pytest.mark.slow
@pytest.mark.parametrize("trained_s", [0.0, 1.5])
@pytest.mark.parametrize("kind", ["refused", "hanging", "no such name"])
def test_a_server_that_fails_costs_the_stage_nothing(tmp_path, kind, trained_s):
    servers = {
        "refused": refusing_server(),
        "hanging": hanging_server(),
        "no such name": contextlib.nullcontext("http://tracking.invalid:5000"),
    }
    with servers[kind] as uri:
        outcome, took_s = train(tmp_path / "ab", uri, epochs=1, after_epoch=lambda epoch: time.sleep(trained_s))
        assert outcome.mlflow_run_id is None and "does not answer" in outcome.pending_reason
        assert took_s < SOON_S  # 0.1 s refused, 0.6 s hanging; MLflow's own defaults take four minutes
        ((run, later),) = sync(tmp_path, uri)
        assert run == "lenet5-digits" and "does not answer" in later.pending_reason
    ((_, sent),) = sync(tmp_path, fresh_store(tmp_path))
    assert sent.pending_reason is None


def test_without_mlflow_the_run_is_pending(tmp_path, monkeypatch):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "pipeline").symlink_to(TREE / "pipeline")
    hide = (
        "import importlib.util as u\nf = u.find_spec\nu.find_spec = lambda n, *a: None if n == 'mlflow' else f(n, *a)"
    )
    (tree / "sitecustomize.py").write_text(hide)
    monkeypatch.setenv("PYTHONPATH", str(tree))
    outcome, took_s = train(tmp_path / "runs" / "ab", f"sqlite:///{tmp_path}/mlflow.db", epochs=1)
    assert outcome.pending_reason == "mlflow is not installed" and took_s < SOON_S


def test_a_server_that_hangs_in_mid_request_is_given_up(tmp_path):
    """It answers /health, and then nothing: the uploader is in MLflow's hands when the stage ends."""

    in_request = threading.Event()
    kept = []

    def serve(listening):
        while not in_request.is_set():
            connection, _ = listening.accept()
            if b"/health" in connection.recv(4096):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                connection.close()
            else:
                kept.append(connection)
                in_request.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        uri = f"http://127.0.0.1:{listening.getsockname()[1]}"
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        outcome, took_s = train(tmp_path / "ab", uri, epochs=1, after_epoch=lambda epoch: in_request.wait(60))
    assert "does not answer" in outcome.pending_reason and took_s < SOON_S


def test_the_copys_own_code_runs(tmp_path):
    (tmp_path / "copy" / "pipeline").mkdir(parents=True)
    (tmp_path / "copy" / "pipeline" / "__init__.py").touch()
    (tmp_path / "copy" / "pipeline" / "tracking.py").write_text("""print('hello\\n{"pending": "the copy was here"}')""")
    with MlflowUploader("sqlite:////unused.db", tmp_path / "ab", code_tree=tmp_path / "copy") as uploader:
        assert uploader.finish().pending_reason == "the copy was here"


def test_a_follower_that_dies_leaves_the_run_pending(tmp_path):
    journal = start(tmp_path / "ab")
    with MlflowUploader(fresh_store(tmp_path), tmp_path / "ab") as uploader:
        uploader._child.kill()
        journal.end("FINISHED")
        outcome = uploader.finish()
    assert "ended early" in outcome.pending_reason and uploader.finish() is outcome


def test_a_follower_that_cannot_start_is_no_reason_to_stop(tmp_path):
    start(tmp_path / "ab")
    with MlflowUploader("sqlite:////unused.db", tmp_path / "ab", code_tree=tmp_path / "nowhere") as uploader:
        assert "did not start" in uploader.finish().pending_reason


def test_ctrl_c_while_waiting_goes_through(tmp_path, monkeypatch):
    start(tmp_path / "ab").end("FINISHED")
    with pytest.raises(KeyboardInterrupt), MlflowUploader(fresh_store(tmp_path), tmp_path / "ab") as uploader:
        monkeypatch.setattr(uploader, "_wait", lambda patience_s: os.kill(os.getpid(), signal.SIGINT) or time.sleep(5))
        uploader.finish()
    assert "interrupted" in uploader.finish().pending_reason and uploader._child.poll() is not None


# the end of a run

TRAINER = """
import sys, time
from pathlib import Path
from pipeline.runs.journal import Journal
from pipeline.tracking.status import reporting_status, stage_lock
from pipeline.tracking.uploader import MlflowUploader
folder, uri = Path(sys.argv[1]), sys.argv[2]
journal = Journal(folder)
with stage_lock(folder), MlflowUploader(uri, folder) as uploader, reporting_status(journal):
    journal.start(run_uid="u1", run="r", experiment="saccade", identity="i", params={}, tags={})
    journal.epoch(1, {"loss": 0.5})
    print("training", flush=True)
    if sys.argv[3:] == ["raise"]:
        raise ArithmeticError("loss is nan after step 7")
    time.sleep(600)
"""


@pytest.mark.parametrize(
    "number, status, reason, code",
    [
        (signal.SIGKILL, "KILLED", "the process ended without a word", -signal.SIGKILL),
        (signal.SIGTERM, "KILLED", "SIGTERM", 1),
        pytest.param(signal.SIGHUP, "KILLED", "SIGHUP", 1, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "KILLED", "SIGINT", -signal.SIGINT, marks=pytest.mark.slow),
        (None, "FAILED", "ArithmeticError: loss is nan after step 7", 1),
    ],
)
def test_the_status_tells_how_a_run_ended(tmp_path, number, status, reason, code):
    uri = fresh_store(tmp_path)
    folder = tmp_path / "ab"
    command = [sys.executable, "-c", TRAINER, str(folder), uri, *([] if number else ["raise"])]
    trainer = subprocess.Popen(
        command, cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert trainer.stdout.readline() == "training\n"
    if number:
        os.killpg(trainer.pid, number)  # as a terminal does: to the whole group
    trainer.communicate(timeout=280)
    assert trainer.returncode == code

    def is_sent():
        ends = [event for event in Journal(folder).events() if event["event"] == "end"]
        with contextlib.suppress(AttributeError, IndexError):
            return ends and everything(uri)["status"] == status

    wait_until(is_sent)
    assert Journal(folder).state().status == status
    assert everything(uri)["tags"]["saccade.end_reason"].startswith(reason)
    assert [value for _, _, value in everything(uri)["metrics"]["loss"]] == ["0.5"]


def test_signals_become_exceptions_only_inside_the_block(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    journal = start(tmp_path / "ab")
    with pytest.raises(KilledBySignal, match="SIGTERM") as caught, reporting_status(journal):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert caught.value.number == signal.SIGTERM and signal.getsignal(signal.SIGTERM) is before
    assert journal.state().status == "KILLED"


def test_nohup_stays_nohup(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        journal = start(tmp_path / "ab")
        with reporting_status(journal):
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.05)
        assert journal.state().status == "RUNNING"
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_end_that_was_written_is_not_overwritten(tmp_path):
    journal = start(tmp_path / "ab")
    with pytest.raises(KeyboardInterrupt), reporting_status(journal):
        journal.end("FINISHED")
        raise KeyboardInterrupt
    assert journal.state().status == "FINISHED"


def test_what_had_not_begun_does_not_end(tmp_path):
    """An end before the start would be the journal's first event, and nobody could go on from there."""
    journal = Journal(tmp_path / "ab")
    with pytest.raises(KeyboardInterrupt), reporting_status(journal):
        raise KeyboardInterrupt
    assert list(journal.events()) == []


def test_in_a_thread_signals_are_left_alone(tmp_path):
    journal = start(tmp_path / "ab")

    def fail():
        with contextlib.suppress(ValueError), reporting_status(journal):
            raise ValueError("no")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert journal.state().status == "FAILED"


# sync


def test_sync_sends_what_is_pending_and_leaves_what_runs(tmp_path):
    uri = fresh_store(tmp_path)
    replay(write_run(tmp_path / "runs" / "done", run_uid="done", run="done").folder, uri)
    write_run(tmp_path / "runs" / "pending", run_uid="pending", run="pending")
    start(tmp_path / "runs" / "killed", run_uid="killed", run="killed")
    running = start(tmp_path / "runs" / "running", run_uid="running", run="running")
    (tmp_path / "runs" / "empty").mkdir()

    with stage_lock(running.folder):
        results = dict(sync(tmp_path / "runs", uri))
    assert set(results) == {"pending", "killed", "running"}
    assert results["running"].pending_reason == "still running" and running.state().status == "RUNNING"
    assert results["pending"].pending_reason is None and results["killed"].pending_reason is None
    assert Journal(tmp_path / "runs" / "killed").state().status == "KILLED"
    assert everything(uri)["runs"] == 3
    assert [run for run, _ in sync(tmp_path / "runs", uri)] == ["running"]


def test_one_bad_journal_does_not_stop_the_others(tmp_path):
    from mlflow import MlflowClient

    uri = fresh_store(tmp_path)
    client = MlflowClient(tracking_uri=uri)
    client.delete_experiment(client.create_experiment("gone"))
    start(tmp_path / "a", run="bad", experiment="gone")
    start(tmp_path / "b", run="good", run_uid="u2")
    results = dict(sync(tmp_path, uri))
    assert "mlflow experiments restore" in results["bad"].pending_reason
    assert results["good"].pending_reason is None


@pytest.mark.slow
def test_a_store_that_was_deleted_is_filled_again(tmp_path):
    uri = fresh_store(tmp_path)
    replay(write_run(tmp_path / "ab").folder, uri)
    (tmp_path / "mlflow.db").unlink()
    fresh_store(tmp_path)  # the same address, nothing in it
    assert replay(tmp_path / "ab", uri) == everything(uri)["run_id"]
    (tmp_path / "mlflow.db").unlink()
    script = (
        "import sys; from pathlib import Path; from pipeline.tracking.sync import sync; "
        "print(sync(Path(sys.argv[1]), sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, str(tmp_path), uri]  # this process still holds the file that is gone
    first = subprocess.run(command, cwd=TREE, capture_output=True, text=True, check=True).stdout
    assert "pending_reason=None" in first
    assert subprocess.run(command, cwd=TREE, capture_output=True, text=True, check=True).stdout == "[]\n"


# a real server


@contextlib.contextmanager
def mlflow_server(root, port):
    uri = f"http://127.0.0.1:{port}"
    options = {
        "--backend-store-uri": f"sqlite:///{root}/mlflow.db",
        "--artifacts-destination": f"{root}/artifacts",
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": "1",
    }
    command = [sys.executable, "-m", "mlflow", "server", *(word for option in options.items() for word in option)]
    with (root / "server.log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until(lambda: why_unreachable(uri) is None or server.poll() is not None, 120)
        yield uri
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # the server and its workers, a group of our own
        server.wait()


@pytest.mark.slow
def test_a_server_killed_in_the_middle_and_synced_afterwards(tmp_path):
    fresh_store(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "runs" / "ab"
    with contextlib.ExitStack() as stack:
        uri = stack.enter_context(mlflow_server(tmp_path, port))

        def kill_after_the_second(epoch):
            if epoch == 2:
                wait_until(lambda: (folder / "replica.json").exists())
                stack.close()

        outcome, took_s = train(folder, uri, epochs=4, after_epoch=kill_after_the_second)
    assert outcome.mlflow_run_id and "does not answer" in outcome.pending_reason and took_s < SOON_S

    with mlflow_server(tmp_path, port):
        assert [sent.pending_reason for _, sent in sync(tmp_path / "runs", uri)] == [None]
        there = everything(uri)
        assert (there["runs"], there["run_id"], there["status"]) == (1, outcome.mlflow_run_id, "FINISHED")
        assert [step for step, _, _ in there["metrics"]["loss"]] == [1, 2, 3, 4]
        assert there["models"][0][1] == "READY" and len(there["artifacts"]) == 6

        (folder / "replica.json").unlink()
        assert [sent.pending_reason for _, sent in sync(tmp_path / "runs", uri)] == [None]
        assert everything(uri) == there

        whole = write_run(tmp_path / "runs" / "cd", run_uid="u2", experiment="second")  # nan and inf over HTTP
        replay(whole.folder, uri)
        before = everything(uri, "second")
        (whole.folder / "replica.json").unlink()
        replay(whole.folder, uri)
        assert everything(uri, "second") == before
