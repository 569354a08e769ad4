"""``saccade clean``: what it keeps, what it frees, and that nothing goes unasked."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from pipeline import paths
from pipeline.commands.clean import clean
from pipeline.params.load import load_params
from pipeline.runs.journal import Journal
from pipeline.tracking.mlflow_store import tracking_uri
from pipeline.tracking.status import stage_lock

URI_LINES = 2  # events that every journal made here holds: start and end


def training(name: str, run: str, *, finished: bool = True, synced: bool = True, age_s: int = 0) -> Path:
    """A folder of .saccade/runs as a training leaves it, of 1,000 bytes and a journal."""
    folder = paths.run_store(name)
    journal = Journal(folder)
    journal.start(run_uid=f"uid-{name}", run=run, experiment="x", identity=name, params={}, tags={})
    journal.end("FINISHED" if finished else "KILLED", None)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "weights").write_bytes(bytes(1000))
    if finished:
        (folder / "results").mkdir()
        (folder / "results" / "run.json").write_text("{}")
    if synced:
        sent = {tracking_uri(paths.home()): {"mlflow_run_id": "m", "lines": URI_LINES}}
        (folder / "replica.json").write_text(json.dumps(sent))
    os.utime(folder, (1e9 - age_s, 1e9 - age_s))
    return folder


def publish(run: str, name: str, file: str = "run.json") -> None:
    """What reports/<run> says of the training called ``name``."""
    paths.report(run).mkdir(parents=True, exist_ok=True)
    (paths.report(run) / file).write_text(json.dumps({"trainings": [{"identity": name, "run_uid": f"uid-{name}"}]}))


def freed(
    capsys: pytest.CaptureFixture[str], *, removes: bool = True, includes_needed: bool = False
) -> tuple[str, str]:
    """The lines on single items, and the last one."""
    clean(load_params(paths.PARAMS), removes=removes, includes_needed=includes_needed)
    *lines, last = capsys.readouterr().out.splitlines()
    return "\n".join(lines), last


def test_what_a_run_of_params_yaml_was_published_from_stays(inside, capsys):
    kept = [training("a" * 64, "lenet5-digits"), training("b" * 64, "lenet5-digits"), training("c" * 64, "lstm-digits")]
    tried = training("d" * 64, "lenet5-digits", age_s=9)
    set_aside = training(f"{'a' * 64}.before-12345678", "lenet5-digits", age_s=9)
    publish("lenet5-digits", "a" * 64)
    publish("lenet5-digits", "b" * 64, "folds.json")
    publish("lstm-digits", "c" * 64, "repeat.json")
    publish("a-run-of-yesterday", "d" * 64)  # params.yaml does not name it
    before = inside.snapshot(".saccade")
    lines, last = freed(capsys, removes=False)
    assert inside.snapshot(".saccade") == before
    assert lines.count("kept: a result in reports/ is of it") == 3
    assert ".saccade/runs/dddddddddddd...: lenet5-digits, trained 2001-09-0" in lines
    assert last.endswith("can be freed; nothing has been removed: `saccade clean --yes` does that")
    lines, last = freed(capsys)
    assert last.startswith("freed ") and last.endswith(" kB")
    assert all(path.exists() for path in kept) and not tried.exists() and not set_aside.exists()
    assert not list((inside.root / ".saccade").glob("removing-*"))
    assert freed(capsys)[1] == "nothing to free: all of it is needed"


def test_what_mlflow_does_not_have_and_what_may_go_on_stay(inside, capsys):
    pending = training("a" * 64, "forgotten", synced=False)
    stopped = training("b" * 64, "lenet5-digits", finished=False)
    stopped_before = training("c" * 64, "lenet5-digits", finished=False, age_s=9)
    of_a_member = training("d" * 64, "lstm-digits.seed3", finished=False)
    of_a_run_that_is_gone = training("e" * 64, "forgotten-too", finished=False)
    lines, _ = freed(capsys)
    assert "forgotten, trained 2001-09-0" in lines and "MLflow does not have it yet; `saccade sync` sends it" in lines
    assert "stopped; `saccade train lstm-digits` goes on with it if nothing else has changed" in lines
    assert pending.exists() and stopped.exists() and of_a_member.exists()
    assert not stopped_before.exists() and not of_a_run_that_is_gone.exists()
    freed(capsys, includes_needed=True)
    assert not pending.exists() and not stopped.exists()


def test_what_another_process_works_on_stays_whatever_is_asked(inside, capsys):
    folder = training("a" * 64, "forgotten")
    fold = paths.folds("digits-5-abc")
    fold.mkdir(parents=True)
    (fold / "params.yaml").write_text("{}")
    with stage_lock(folder), stage_lock(fold.parent / "other"):
        (fold.parent / "other" / "lock").rename(f"{fold}.lock")
        lines, _ = freed(capsys, includes_needed=True)
    assert folder.exists() and fold.exists() and lines.count("kept: in use") == 2
    freed(capsys)
    assert not folder.exists() and not fold.exists()


def test_arrays_and_stored_views_of_datasets_that_params_yaml_does_not_name_are_freed(inside, capsys):
    for name in ("digits", "gone"):
        for folder in (paths.raw(name), paths.prepared(name), paths.augmented(name)):
            folder.mkdir(parents=True)
            (folder / "views.npy").write_bytes(bytes(2_000_000))
    lines, last = freed(capsys)
    assert "2.0 MB  data/augmented/gone: stored views of gone, which params.yaml does not name" in lines
    assert last == "freed 4.0 MB"
    assert not paths.augmented("gone").exists() and not paths.prepared("gone").exists()
    assert paths.raw("gone").exists()  # bytes as published may not be had again
    assert paths.augmented("digits").exists() and paths.prepared("digits").exists()
    freed(capsys, includes_needed=True)
    assert not paths.augmented("digits").exists() and paths.raw("digits").exists()


def test_what_an_interrupted_clean_left_is_removed(inside, capsys):
    left = inside.root / ".saccade" / "removing-0123"
    left.mkdir(parents=True)
    (left / "weights").write_bytes(bytes(500))
    assert freed(capsys)[1] == "freed 500 B" and not left.exists()
    assert freed(capsys) == ("", "nothing to free")


def git(*arguments: str) -> str:
    author = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    ended = subprocess.run(["git", *arguments], env=os.environ | author, check=True, capture_output=True, text=True)
    return ended.stdout.strip()


def test_objects_of_dvcs_cache_stay_that_any_commit_refers_to(inside, capsys):
    cache = inside.root / ".dvc" / "cache" / "files" / "md5"
    (inside.root / ".dvc" / "config").parent.mkdir(parents=True)
    (inside.root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")

    def put(name: str, text: str = "x" * 100) -> Path:
        path = cache / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    earlier, inside_folder, unused = (letter * 32 for letter in "abc")
    files = [
        put(earlier),
        put(inside_folder),
        put(f"{'d' * 32}.dir", json.dumps([{"md5": inside_folder}])),
        put("e" * 32),
    ]
    gone = [put(unused), put(f"{'f' * 32}.dir", json.dumps([{"md5": unused}]))]
    files.append(put("9" * 32))
    for name, *command in (
        [earlier, "commit"],
        ["9" * 32, "commit"],
        ["e" * 32, "commit", "--amend"],  # the one before is in the reflog alone
        [f"{'d' * 32}.dir", "commit"],
    ):
        Path("dvc.lock").write_text(f"md5: {name}\n")
        git("add", "dvc.lock")
        git(*command, "-m", "x")
    git("branch", "other")
    of_an_experiment = put("8" * 32)
    Path("dvc.lock").write_text(f"md5: {'8' * 32}\n")
    git("add", "dvc.lock")
    git("update-ref", "refs/exps/one", git("commit-tree", git("write-tree"), "-m", "x"))  # as DVC keeps experiments
    git("reset", "--hard", "HEAD~1")
    Path("dvc.lock").write_text(f"md5: {'e' * 32}\n")  # of the workspace, not committed
    assert freed(capsys, removes=False)[0].endswith(".dvc/cache: 2 objects that no commit needs")
    assert all(path.exists() for path in gone)
    freed(capsys)
    assert all(path.exists() for path in [*files, of_an_experiment]) and not any(path.exists() for path in gone)
    put(unused)
    (inside.root / ".git").rename(inside.root / "git-is-elsewhere")
    clean(load_params(paths.PARAMS), removes=True, includes_needed=False)
    assert "DVC's cache is left alone: git does not say" in capsys.readouterr().err and gone[0].exists()


def test_embeddings_can_be_computed_again_and_go(inside, capsys):
    kept = paths.embeddings_store() / "0123456789abcdef"
    kept.mkdir(parents=True)
    (kept / "train.npy").write_bytes(bytes(5000))
    lines, last = freed(capsys)
    assert ".saccade/embeddings/0123456789abcdef: what frozen layers made of images" in lines
    assert last == "freed 5.0 kB" and not kept.exists()
