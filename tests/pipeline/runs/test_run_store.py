"""What is kept of a training outside DVC's outs, and where a run says it comes from."""

import hashlib
import json
import subprocess
import sys

import pytest

from pipeline import paths
from pipeline.privacy.git_state import GitState
from pipeline.runs import provenance, run_store
from pipeline.runs.journal import Journal
from pipeline.runs.run_store import RunStore, journal_folder, restore_journal, wait_for_lock
from pipeline.runs.tables import read_history, write_history
from saccade.core.errors import UserError
from saccade.train.state import EpochRecord

IDENTITY = "ab" * 32


def record(epoch: int) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        train_loss=1 / 3 / epoch,
        train_score=0.5,
        validation_loss=1e-17 * epoch,
        validation_score=0.1 + 0.2,
        learning_rate=0.004,
        gradient_norm=12.5,
        examples_per_s=100.0 * epoch,
        elapsed_s=2.5,
        score="accuracy",
    )


def start(journal: Journal, uid: str = "u" * 32) -> None:
    journal.start(
        run_uid=uid, run="a", experiment="saccade", identity=IDENTITY, params={"train.epochs": 3}, tags={"t": "1"}
    )


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    store = RunStore(IDENTITY)
    store.folder.mkdir(parents=True)
    return store


def finish(store: RunStore, weights: bytes = b"weights") -> None:
    """Leave in the store what a finished training leaves."""
    if store.journal.state().run_uid is None:
        start(store.journal)
    (store.folder / "bundle").mkdir(exist_ok=True)
    (store.folder / "bundle" / "weights.safetensors").write_bytes(weights)
    (store.folder / "bundle" / "bundle.json").write_text("{}")
    sha256 = hashlib.sha256(weights).hexdigest()
    results = {"run": "a", "run_uid": "u" * 32, "identity": IDENTITY, "weights_sha256": sha256}
    store.keep_results([record(1), record(2)], results)


def test_the_store_lies_in_the_original_root_when_dvc_runs_a_copy(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for inside, home in {
        ".": tmp_path,
        ".dvc/tmp/exps/tmp1a2b": tmp_path,
        ".dvc/tmp/exps/standalone/tmp1a2b": tmp_path,
        ".dvc/tmp/exps/tmp1a2b/vision/project": tmp_path / "vision/project",
        ".dvc/tmp/exps/standalone/tmp1a2b/project": tmp_path / "project",
        "vision/project": tmp_path / "vision/project",  # a project below the root of a larger repository
    }.items():
        (tmp_path / inside).mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(tmp_path / inside)
        assert paths.home() == home
        assert RunStore(IDENTITY).folder == home / ".saccade" / "runs" / IDENTITY


def test_set_aside_empties_the_folder_and_keeps_what_was_in_it(store):
    start(store.journal, "0123456789abcdef")
    finish(store)
    (store.folder / "lock").write_text("")
    store.set_aside()
    assert [path.name for path in store.folder.iterdir()] == ["lock"]
    aside = store.folder.with_name(f"{IDENTITY}.before-01234567")
    assert {path.name for path in aside.iterdir()} == {"journal.jsonl", "bundle", "results"}
    assert Journal(aside).state().run_uid == "0123456789abcdef"
    assert not store.is_finished() and store.journal.state().run_uid is None


def test_set_aside_twice_keeps_both_trainings(store):
    for uid in ("1" * 32, "2" * 32):
        start(store.journal, uid)
        store.set_aside()
    kept = sorted(path.name for path in store.folder.parent.iterdir() if "before" in path.name)
    assert kept == [f"{IDENTITY}.before-11111111", f"{IDENTITY}.before-22222222"]


def test_set_aside_before_anything_was_written(store):
    store.set_aside()
    store.set_aside()
    assert list(store.folder.iterdir()) == []


def test_the_environment_is_compared_in_words(store):
    assert store.differing_environment({"torch": "2.10", "threads": 1}) is None
    store.begin({"torch": "2.10", "threads": 1})
    assert store.differing_environment({"torch": "2.10", "threads": 1}) is None
    assert store.differing_environment({"torch": "2.11", "threads": 1}) == "torch 2.10 -> 2.11"
    assert store.differing_environment({"torch": "2.10", "threads": 2, "new": "x"}) == "threads 1 -> 2, new None -> x"


def test_journal_missing_writes_each_epoch_once(store):
    start(store.journal)
    store.journal_missing([record(1)])
    size = store.journal.size()
    store.journal_missing([record(1)])
    assert store.journal.size() == size
    store.journal_missing([record(1), record(2), record(3)])
    assert list(store.journal.state().epochs) == [1, 2, 3]
    assert sum(event["event"] == "epoch" for event in store.journal.events()) == 3
    expected = {key: value for key, value in record(2).row().items() if key != "epoch"}
    assert store.journal.state().epochs[2] == expected


def test_is_finished_only_once_the_results_are_whole(store):
    start(store.journal)
    assert not store.is_finished()
    with pytest.raises(TypeError):
        store.keep_results([record(1)], {"run": object()})  # fails after history.csv was written
    assert not store.is_finished() and not store.results.exists()
    finish(store)
    assert store.is_finished()


def test_publish_puts_the_results_where_dvc_looks(store, tmp_path):
    finish(store)
    assert store.publish("a", "digits") == "a"
    assert {path.name for path in (tmp_path / "models/a").iterdir()} == {"weights.safetensors", "bundle.json"}
    assert {path.name for path in (tmp_path / "reports/a").iterdir()} == {"history.csv", "gradients.csv", "run.json"}
    published = json.loads((tmp_path / "reports/a/run.json").read_text())
    assert published == json.loads((store.results / "run.json").read_text()) | {"dataset": "digits"}


def test_another_run_of_the_same_identity_is_published_under_its_own_name(store, tmp_path):
    finish(store)
    assert store.publish("b", "digits") == "a"
    published = json.loads((tmp_path / "reports/b/run.json").read_text())
    assert (published["run"], published["run_uid"]) == ("b", "u" * 32)


def test_an_evaluation_stays_beside_its_own_weights_and_leaves_with_them(store, tmp_path):
    finish(store, b"first")
    store.publish("a", "digits")
    (tmp_path / "reports/a/metrics.json").write_text("{}")
    (tmp_path / "reports/a/evaluation").mkdir()
    store.publish("a", "digits")
    assert {path.name for path in (tmp_path / "reports/a").iterdir()} > {"metrics.json", "evaluation"}
    finish(store, b"second")
    store.publish("a", "digits")
    assert {path.name for path in (tmp_path / "reports/a").iterdir()} == {"history.csv", "gradients.csv", "run.json"}


def test_publish_replaces_what_was_there_and_leaves_the_rest(store, tmp_path):
    (tmp_path / "models/a").mkdir(parents=True)
    (tmp_path / "models/a/stale.safetensors").write_bytes(b"old")
    (tmp_path / "reports/a").mkdir(parents=True)
    (tmp_path / "reports/a/metrics.json").write_text("{}")
    finish(store)
    store.publish("a", "digits")
    assert not (tmp_path / "models/a/stale.safetensors").exists()
    assert (tmp_path / "reports/a/metrics.json").exists()


def test_a_publish_that_fails_leaves_the_earlier_bundle_whole(store, tmp_path, monkeypatch):
    finish(store, b"first")
    store.publish("a", "digits")
    finish(store, b"second")
    copied = run_store.shutil.copytree

    def full_disk(source, target, **options):
        copied(source, target, **options)
        (target / "bundle.json").unlink()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_store.shutil, "copytree", full_disk)
    with pytest.raises(OSError, match="No space left"):
        store.publish("a", "digits")
    assert (tmp_path / "models/a/weights.safetensors").read_bytes() == b"first"
    assert (tmp_path / "models/a/bundle.json").exists()
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"a"}


def test_history_comes_back_as_it_was_to_the_last_bit(tmp_path):
    rows = [record(epoch).row() for epoch in (1, 2, 3)]
    write_history(tmp_path / "history.csv", rows)
    header = (tmp_path / "history.csv").read_text().splitlines()[0]
    assert header.split(",")[0] == "epoch" and "elapsed_s" not in header and "examples_per_s" not in header
    assert {"train_accuracy", "validation_accuracy"} < set(header.split(",")) and "score" not in header
    expected = [{key: float(row[key]) for key in header.split(",")} for row in rows]
    assert read_history(tmp_path / "history.csv") == expected
    first = (tmp_path / "history.csv").read_bytes()
    write_history(tmp_path / "history.csv", [row | {"elapsed_s": 99.0} for row in rows])
    assert (tmp_path / "history.csv").read_bytes() == first and b"\r" not in first


def test_the_epoch_that_is_kept_is_marked_and_no_metric(store, tmp_path):
    start(store.journal)
    store.journal_missing([record(1), record(2), record(3)])
    finish(store)
    results = json.loads((store.results / "run.json").read_text()) | {"kept_epoch": 2, "stopped_early": "enough"}
    store.keep_results([record(1), record(2), record(3)], results, marks_kept=True)
    store.publish("a", "digits")
    rows = read_history(tmp_path / "reports/a/history.csv")
    assert [row["kept"] for row in rows] == [0, 1, 0]
    trained = json.loads((tmp_path / "reports/a/run.json").read_text())
    elsewhere = Journal(tmp_path / "elsewhere" / IDENTITY)
    restore_journal(elsewhere, trained, tmp_path / "models/a", tmp_path / "reports/a/history.csv")
    events = {event["event"]: event for event in elsewhere.events()}
    assert events["bundle"]["epoch"] == 2 and "kept" not in events["epoch"]["metrics"]
    assert events["end"]["reason"] == "enough"


def test_the_journal_of_a_pulled_run_is_written_again_once(store, tmp_path):
    start(store.journal)
    store.journal_missing([record(1), record(2)])
    finish(store)
    store.publish("a", "digits")
    trained = json.loads((tmp_path / "reports/a/run.json").read_text())

    elsewhere = Journal(tmp_path / "elsewhere" / IDENTITY)
    arguments = (elsewhere, trained, tmp_path / "models/a", tmp_path / "reports/a/history.csv")
    restore_journal(*arguments)
    begun, state = next(elsewhere.events()), elsewhere.state()
    assert (state.run_uid, state.run, state.status) == ("u" * 32, "a", "FINISHED")
    assert (begun["identity"], begun["params"], begun["tags"]) == (IDENTITY, {"train.epochs": 3}, {"t": "1"})
    assert list(state.epochs) == [1, 2] and state.epochs[2]["train_loss"] == record(2).train_loss
    assert (elsewhere.folder / "bundle" / "weights.safetensors").read_bytes() == b"weights"
    assert [event["event"] for event in elsewhere.events()] == ["start", "epoch", "epoch", "bundle", "end"]

    size = elsewhere.size()
    restore_journal(*arguments)
    assert elsewhere.size() == size


def test_a_journal_that_could_not_be_restored_whole_is_not_there(store, tmp_path, monkeypatch):
    finish(store)
    store.publish("a", "digits")
    trained = json.loads((tmp_path / "reports/a/run.json").read_text())
    elsewhere = Journal(tmp_path / "elsewhere" / IDENTITY)
    arguments = (elsewhere, trained, tmp_path / "models/a", tmp_path / "reports/a/history.csv")
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "end", lambda *_: 1 / 0)  # the process dies here, say
        with pytest.raises(ZeroDivisionError):
            restore_journal(*arguments)
    assert elsewhere.state().run_uid is None
    restore_journal(*arguments)
    assert elsewhere.state().status == "FINISHED" and list(elsewhere.state().epochs) == [1, 2]
    assert {path.name for path in elsewhere.folder.iterdir()} == {"journal.jsonl", "bundle"}


def test_what_was_restored_is_not_gone_on_from(store):
    assert not store.is_restored()
    start(store.journal)
    assert store.is_restored()
    store.begin({"torch": "2.10"})
    assert not store.is_restored()


def test_an_evaluation_finds_the_journal_of_its_own_training(store):
    first, second = ({"identity": IDENTITY, "run_uid": uid * 32} for uid in "12")
    assert journal_folder(first) == store.folder
    start(store.journal, "1" * 32)
    assert journal_folder(first) == store.folder
    store.set_aside()
    start(store.journal, "2" * 32)
    assert journal_folder(second) == store.folder
    assert Journal(journal_folder(first)).state().run_uid == "1" * 32


def test_a_lock_that_another_process_holds_is_waited_for_with_a_word(tmp_path, capsys):
    from filelock import FileLock

    with wait_for_lock(FileLock(tmp_path / "lock"), "waiting"):
        pass
    assert capsys.readouterr().out == ""
    script = (
        "import sys, time, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire()\n"
        "print(1, flush=True); time.sleep(0.5)"
    )
    with subprocess.Popen([sys.executable, "-c", script, tmp_path / "lock"], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"1\n"
        with wait_for_lock(FileLock(tmp_path / "lock"), "waiting"):
            other.wait(timeout=5)
    assert capsys.readouterr().out == "waiting\n"


# --- where a run comes from -------------------------------------------------------------------------------------------


def test_the_dvc_stage_and_experiment_are_tags(monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "train@a")
    monkeypatch.setenv("DVC_EXP_NAME", "")
    tags = provenance.tags({"torch": "2.10"}, GitState(None))
    assert tags["dvc.stage"] == "train@a" and "dvc.exp_name" not in tags and tags["saccade.torch"] == "2.10"
    assert "mlflow.source.git.commit" not in tags


def test_a_run_tells_user_and_host_only_when_asked_to(monkeypatch):
    monkeypatch.delenv("SACCADE_TAGS", raising=False)
    assert not {"mlflow.user", "saccade.host"} & provenance.tags({}, GitState(None)).keys()
    monkeypatch.setenv("SACCADE_TAGS", "host, user")
    assert {"mlflow.user", "saccade.host"} <= provenance.tags({}, GitState(None)).keys()
    monkeypatch.setenv("SACCADE_TAGS", "hots")
    with pytest.raises(UserError, match=r"SACCADE_TAGS \(hots\) must be user, host, or both"):
        provenance.tags({}, GitState(None))


def test_flatten_joins_keys_with_dots_and_leaves_lists_whole():
    nested = {"train": {"optimizer": {"lr": 0.1, "betas": [0.9, {"a": 1}]}, "empty": {}}, "seed": 0, "none": None}
    assert provenance.flatten(nested) == {
        "train.optimizer.lr": 0.1,
        "train.optimizer.betas": [0.9, {"a": 1}],
        "seed": 0,
        "none": None,
    }
    assert provenance.flatten({"name": "digits"}, "dataset") == {"dataset.name": "digits"}
