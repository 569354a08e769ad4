"""Twenty-one marked secrets lie around a project: none is written or sent by what is run there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Ended, Tree
from leak_helpers import environment, found_in_files, git, mark, marks_in, pictures, plant, recording
from tracking_helpers import everything, fresh_store, mlflow_server, refusing_server

from pipeline import paths
from pipeline.params.credentials import secret_problems
from pipeline.params.load import load_params, raise_problems
from pipeline.params.problems import ParamsError
from pipeline.runs.journal import Journal
from pipeline.runs.provenance import start_journal

PASSWORD = mark("environment: password in MLFLOW_TRACKING_URI")

# Several commands in one process, for starting Python and importing torch is most of their time.
_IN_ONE_PROCESS = """
import json, sys
from pipeline.__main__ import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["saccade", *arguments]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""


def test_nothing_leaks_from_a_training_a_failing_one_and_a_sync(tree: Tree, tmp_path: Path) -> None:
    archive, home, uri = pictures(), tmp_path / "home-of-ann", fresh_store(tree.root / "store")
    home.mkdir()
    with recording(archive) as source, refusing_server() as dead:
        planted = plant(tree.root, source.address, archive)
        values = environment(source.address, home)
        commands = [["fetch", "pets"], ["fetch", "mirrored"], ["preprocess", "pets"], ["augment", "pets"]]
        commands = json.dumps([*commands, ["train", "works"]])
        ended = tree.python("-c", _IN_ONE_PROCESS, commands, **values, MLFLOW_TRACKING_URI=uri)
        assert ended.code == 0, ended.err
        broken = tree.run("train", "breaks", **values, MLFLOW_TRACKING_URI=uri)
        synced = tree.run("sync", **values, MLFLOW_TRACKING_URI=dead.replace("//", f"//ann:{PASSWORD}@"))
        given, asked = b"".join(source.credentials), b"".join(source.requests)
    told = "".join(ended.out + ended.err + broken.out + broken.err + synced.out + synced.err)

    # What was asked for happened: each address got its credentials, a run was sent whole, another one failed.
    assert b"Basic" in given and b"sig=" + mark("environment: signed query of a source's url").encode() in given
    assert broken.code == 1 and "RuntimeError: no answer from https://***@db/a, asked with ***" in broken.err
    assert synced.code == 1 and "still pending at http://***@127.0.0.1" in synced.err
    assert ended.err.count("looks like a secret; the changes of this file are not kept") == 2
    assert everything(uri)["runs"] == 2 and everything(uri)["tags"]["saccade.git_dirty"] == "true"
    sent = [path for path in (tree.root / "store").rglob("*") if path.is_file()]
    assert "MLmodel" in [path.name for path in sent] and ".env" not in [path.name for path in sent]

    # And nothing of it is in what was told, asked, written or sent.
    assert not marks_in(told.encode() + asked) and "customers" not in told
    assert found_in_files(tree.root, planted) == {}
    assert found_in_files(home, set()) == {}
    stored = b"".join(path.read_bytes() for path in sent)
    assert b"home-of-ann" not in stored and b"see ~/backend.log" in stored
    assert b"$PETS_PASSWORD" in stored and b"customers" not in stored


def in_project(tree: Tree, values: dict[str, str], *command: str) -> Ended:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    clean |= {"PATH": path, "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", *command], cwd=tree.root, env=clean | values, capture_output=True, text=True
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_leaks_from_repro_a_queued_experiment_and_a_real_server(tree: Tree, tmp_path: Path) -> None:
    archive, home, store = pictures(), tmp_path / "home-of-ann", tmp_path / "server"
    home.mkdir()
    store.mkdir()
    shutil.copytree(ROOT / ".dvc", tree.root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "config.local"))
    shutil.copy2(ROOT / ".dvcignore", tree.root / ".dvcignore")
    for name in ("name", "email"):  # the home folder with the user's own is another one here
        git(tree.root, "config", f"user.{name}", "t@example.org")
    with refusing_server() as free:
        port = int(free.rpartition(":")[2])
    with recording(archive) as source, mlflow_server(store, port), recording(passes_on_to=port) as server:
        planted = plant(tree.root, source.address, archive)
        values = environment(source.address, home)
        values |= {"MLFLOW_TRACKING_URI": f"http://ann:{PASSWORD}@{server.address}"}
        told = [
            in_project(tree, values, "pipeline", "repro", "evaluate@works"),
            in_project(tree, values, "pipeline", "train", "breaks"),
            in_project(tree, values, "pipeline", "sync"),
        ]
        assert [ended.code for ended in told] == [0, 1, 0], told
        git(tree.root, "add", "dvc.lock", "params.yaml")
        git(tree.root, "commit", "--quiet", "-m", "trained", "--", "dvc.lock", "params.yaml")
        lr = "runs.works.train.optimizer.lr=0.02"
        told.append(in_project(tree, values, "dvc", "exp", "run", "--queue", "-S", lr, "evaluate@works"))
        told.append(in_project(tree, values, "dvc", "exp", "run", "--run-all"))
        assert [ended.code for ended in told[3:]] == [0, 0], told[3:]
    sent = b"".join(server.requests)
    assert sent.count(b"/runs/create") == 3 and b"git.diff" in sent and b"MLmodel" in sent  # two trained, one broke
    assert any(b"Basic" in given for given in server.credentials)
    assert not marks_in(sent)
    assert not marks_in("".join(ended.out + ended.err for ended in told).encode())
    assert b"home-of-ann" not in sent and b"customers" not in sent
    assert found_in_files(tree.root, planted) == {}
    assert found_in_files(home, set()) == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'source: {name: mnist, mirror: "https://ann:' + 'LEAK@host/a"}',
            "datasets.digits.source.mirror: an address here must not hold a user name or password: dvc.lock and the "
            "tracking server would keep it. Write $DIGITS_SECRET in its place and `export DIGITS_SECRET=...`",
        ),
        (
            'source: {name: mnist, mirror: "https://host/a?page=1&token=' + 'LEAK"}',
            "datasets.digits.source.mirror: an address here must not hold a credential (the query's token)",
        ),
        (
            'source: {name: mnist, mirror: "https://${oc.env:LEAK}@host/a"}',
            "datasets.digits.source.mirror: a variable of the environment is written $NAME here",
        ),
        ("source: {name: digits}   # password: " + "LEAK1234", "looks like a secret (Secret Keyword)"),
        ("source: {name: digits}   # " + "hf_" + "LEAK" * 9, "looks like a secret (Hugging Face token)"),
    ],
)
def test_a_secret_in_params_yaml_is_refused_and_nothing_is_written(inside: Tree, line, message) -> None:
    inside.replace("params.yaml", "source: {name: digits}", line)
    number = inside.params.read_text(encoding="utf-8").split("\n").index("    " + line.rstrip()) + 1
    before = inside.snapshot()
    with pytest.raises(ParamsError) as caught:
        params = load_params(paths.PARAMS)
        raise_problems(paths.PARAMS, list(secret_problems(paths.PARAMS.read_text(encoding="utf-8"))))
        assert not params
    assert f"line {number}: {message}" in str(caught.value) and "LEAK" not in str(caught.value)
    assert inside.snapshot() == before


def test_a_training_begins_no_record_with_such_a_params_yaml(inside: Tree) -> None:
    inside.replace("params.yaml", "seed: 0", "seed: 0  # password: " + "LEAK1234")
    journal = Journal(inside.root / "run")
    with pytest.raises(ParamsError, match="line 3: looks like a secret"):
        start_journal(journal, "a", "saccade", "ab" * 32, {"model.name": "lenet5"}, {}, [], None)
    assert not journal.size()


def test_the_commands_refuse_a_secret_in_params_yaml(tree: Tree) -> None:
    tree.replace("params.yaml", "seed: 0", "seed: 0  # password: " + "LEAK1234")
    before = tree.snapshot()
    (checked, repro), _ = tree.run_all(["check"], ["repro"])
    for ended in (checked, repro):
        assert ended.code == 2 and "line 3: looks like a secret (Secret Keyword)" in ended.err
        assert "LEAK" not in ended.out + ended.err
    assert tree.snapshot() == before
