"""What earlier versions kept and sent is taken out again, once, and nothing else."""

import json
from pathlib import Path

import pytest
from tracking_helpers import everything, fresh_store, mlflow_server, refusing_server, start, write_run

from pipeline.runs.journal import Journal
from pipeline.tracking import replay as replica
from pipeline.tracking.purge import purge_journals, purge_store
from pipeline.tracking.replay import replay
from pipeline.tracking.status import stage_lock

OLD_TAGS = {"mlflow.source.git.commit": "c0ffee", "saccade.host": "ann-laptop", "mlflow.user": "ann"}
LEAK = "+++ b/.env\n+TOKEN=PRIVATE\n"
OLD = {"tags": OLD_TAGS, "texts": {"params.yaml": "seed: 0\n", "git.diff": LEAK}}


def as_before(start):
    """What earlier versions sent of a journal's first event: all of it."""
    return dict(start["tags"]), dict(start["texts"])


def everywhere(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.fixture
def sent(tmp_path, monkeypatch):
    """An old run and a new one, journals and store, as earlier versions left them."""
    uri = fresh_store(tmp_path / "store")
    runs = tmp_path / "runs"
    write_run(runs / "old", run_uid="old", **OLD)
    write_run(runs / "new", run_uid="new")
    with monkeypatch.context() as before:
        before.setattr(replica, "_as_sent_today", as_before)
        for name in ("old", "new"):
            replay(runs / name, uri)
    return runs, uri


def test_old_diffs_go_from_journals_and_store_and_new_ones_stay(sent):
    runs, uri = sent
    assert everywhere(runs).count(b"PRIVATE") == 1 and everywhere(runs.parent / "store").count(b"PRIVATE") == 1
    lines = (runs / "old" / "journal.jsonl").read_bytes().split(b"\n")
    removed = [*purge_journals(runs), *purge_store(uri, ["saccade"])]
    assert [found.left_because for found in removed] == [None, None]
    assert "journal of lenet5-digits" in removed[0].what and "git.diff of lenet5-digits" in removed[1].what
    assert b"PRIVATE" not in everywhere(runs) + everywhere(runs.parent / "store")
    after = (runs / "old" / "journal.jsonl").read_bytes().split(b"\n")
    assert after[1:] == lines[1:]  # nothing but the first event was touched
    first = json.loads(lines[0])
    del first["texts"]["git.diff"]
    assert json.loads(after[0]) == first
    assert next(Journal(runs / "new").events())["texts"]["git.diff"] == "-a\n+b\n"
    assert list((runs.parent / "store").rglob("git.diff"))  # the new run's
    assert [*purge_journals(runs), *purge_store(uri, ["saccade"])] == []  # nothing is left to do
    replay(runs / "old", uri)
    assert b"PRIVATE" not in everywhere(runs.parent / "store")


def test_a_pending_journal_of_an_earlier_version_sends_no_diff_and_no_names(tmp_path):
    uri = fresh_store(tmp_path / "store")
    leak = {"dataset.source.url": "https://ann:" + "PRIVATE@host/a.zip?token=" + "PRIVATE"}
    write_run(tmp_path / "runs" / "old", params=leak, **OLD)
    replay(tmp_path / "runs" / "old", uri)
    there = everything(uri)
    assert "git.diff" not in [path for path, _ in there["artifacts"]]
    assert not {"mlflow.user", "saccade.host"} & there["tags"].keys()
    assert there["params"]["dataset.source.url"] == "https://***@host/a.zip?token=***"
    assert b"PRIVATE" not in everywhere(tmp_path / "store") and b"ann-laptop" not in everywhere(tmp_path / "store")


@pytest.mark.slow
def test_old_diffs_go_from_a_server_and_new_ones_stay(tmp_path, monkeypatch):
    store, runs = tmp_path / "server", tmp_path / "runs"
    store.mkdir()
    with refusing_server() as free:
        port = int(free.rpartition(":")[2])
    with mlflow_server(store, port):
        uri = f"http://127.0.0.1:{port}"
        with monkeypatch.context() as before:
            before.setattr(replica, "_as_sent_today", as_before)
            replay(write_run(runs / "old", run_uid="old", **OLD).folder, uri)
        replay(write_run(runs / "new", run_uid="new").folder, uri)
        assert everywhere(store).count(b"PRIVATE") == 1
        assert [found.left_because for found in purge_store(uri, ["saccade"])] == [None]
        assert b"PRIVATE" not in everywhere(store) and len(list(store.rglob("git.diff"))) == 1
        assert [*purge_store(uri, ["saccade"])] == []


def test_a_deleted_run_is_purged_too(sent):
    from mlflow import MlflowClient

    runs, uri = sent
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("saccade").experiment_id
    for run in client.search_runs([experiment], "tags.`saccade.run_uid` = 'old'"):
        client.delete_run(run.info.run_id)
    assert [found.left_because for found in purge_store(uri, ["saccade", "no such"])] == [None]
    assert b"PRIVATE" not in everywhere(runs.parent / "store")


def test_a_dead_server_is_told_and_the_journals_are_purged_all_the_same(sent):
    runs, _ = sent
    with refusing_server() as uri:
        address = uri.replace("//", "//ann:PRIVATE@")
        (found,) = purge_store(address, ["saccade"])
    assert "does not answer" in found.left_because and "PRIVATE" not in found.what + found.left_because
    assert len(list(purge_journals(runs))) == 1 and b"PRIVATE" not in everywhere(runs)


def test_a_run_that_is_under_way_is_left_and_told(sent):
    runs, _ = sent
    with stage_lock(runs / "old"):
        (found,) = purge_journals(runs)
    assert found.left_because == "still running" and b"PRIVATE" in everywhere(runs)


def test_passwords_in_what_lies_beside_a_journal_go(tmp_path):
    folder = tmp_path / "runs" / "a"
    start(folder)
    address = "https://ann:" + "PRIVATE@host"
    (folder / "replica.json").write_text(json.dumps({address: {"mlflow_run_id": "1", "lines": 2}}))
    (folder / "uploader.log").write_text(f"no answer from {address}/api\n")
    assert len(list(purge_journals(tmp_path / "runs"))) == 2
    assert b"PRIVATE" not in everywhere(tmp_path)
    assert replica.upload_progress(folder, address) == ("1", 2)  # what was sent is still known
    assert list(purge_journals(tmp_path / "runs")) == []


def test_the_command_says_what_it_removed_and_ends_with_1_where_it_could_not(tree):
    write_run(tree.root / ".saccade" / "runs" / "old", **OLD)
    uri = fresh_store(tree.root / "store")
    ended = tree.run("sync", "--purge-diffs", MLFLOW_TRACKING_URI=uri)
    assert ended.code == 0 and "removed: git.diff in the journal of lenet5-digits" in ended.out, ended.err
    assert "lenet5-digits: sent as" in ended.out  # and then it is a sync
    with refusing_server() as dead:
        ended = tree.run("sync", "--purge-diffs", MLFLOW_TRACKING_URI=dead.replace("//", "//ann:PRIVATE@"))
    assert ended.code == 1 and "does not answer" in ended.out and "run `saccade sync --purge-diffs` again" in ended.err
    assert "PRIVATE" not in ended.out + ended.err
