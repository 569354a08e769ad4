"""Replaying a journal into a real SQLite store: all of it arrives, and a second replay adds nothing."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import warm_python
from tracking_helpers import (
    TREE,
    everything,
    fresh_store,
    start,
    write_bundle,
    write_evaluation,
    write_run,
)

from pipeline.tracking.replay import MlflowReplay, replay
from saccade.core.errors import UserError


def test_a_run_arrives_whole(tmp_path):
    uri = fresh_store(tmp_path / "with a space")
    journal = write_run(tmp_path / "ab")
    run_id = replay(journal.folder, uri)

    there = everything(uri)
    times = {event["event"]: event["at_ms"] for event in journal.events()}
    assert (there["runs"], there["run_id"], there["name"]) == (1, run_id, "lenet5-digits")
    assert (there["status"], there["times"]) == ("FINISHED", (times["start"], times["end"]))
    assert there["params"] == {
        "train.epochs": "3",
        "train.lr": "0.05",
        "model.name": "lenet5",
        "augment": '[{"p": 0.8}]',
        "none": "null",
    }
    wanted = {
        "saccade.kept_epoch": "3",
        "saccade.run_uid": "u1",
        "saccade.identity": "ab" * 32,
        "mlflow.source.git.commit": "c0ffee",
    }
    assert wanted.items() <= there["tags"].items() and "saccade.end_reason" not in there["tags"]
    at_ms = [event["at_ms"] for event in journal.events() if event["event"] == "epoch"]
    assert there["metrics"]["loss"] == [(1, at_ms[0], "1.0"), (2, at_ms[1], "0.5"), (3, at_ms[2], repr(1 / 3))]
    assert [value for _, _, value in there["metrics"]["grad_norm"]] == ["nan", "nan", "nan"]
    assert [float(value) for _, _, value in there["metrics"]["peak"]] == [pytest.approx(sys.float_info.max)] * 3
    assert there["metrics"]["test_accuracy"] == [(3, times["evaluation"], "0.75")]
    assert [(name, context) for name, _, _, context in there["inputs"]] == [
        ("digits-train", "training"),
        ("digits-val", "validation"),
    ]
    assert json.loads(there["inputs"][0][2]) == {"n": 7, "digest": "d" * 64}
    assert [path for path, _ in there["artifacts"]] == [
        "bundle/bundle.json",
        "bundle/weights.safetensors",
        "evaluation/pictures/confusion.csv",
        "git.diff",
        "params.json",
        "params.yaml",
        "report.html",
    ]
    (model_id, status, name) = there["models"][0]
    assert (len(there["models"]), status, name) == (1, "READY", "lenet5-digits")
    assert there["outputs"] == [(model_id, 3)]
    assert ("accuracy", 3, "0.75") in there["model_metrics"] and ("test_accuracy", 3, "0.75") in there["model_metrics"]
    assert (tmp_path / "with a space" / "mlartifacts" / "saccade" / run_id).is_dir()


@pytest.mark.parametrize("remembers", [True, False])
def test_a_second_replay_adds_nothing(tmp_path, remembers):
    uri = fresh_store(tmp_path)
    journal = write_run(tmp_path / "ab")
    first_id = replay(journal.folder, uri)
    before = everything(uri)
    if not remembers:
        (journal.folder / "replica.json").unlink()

    assert replay(journal.folder, uri) == first_id
    assert everything(uri) == before


def test_event_by_event_comes_to_the_same_as_all_at_once(tmp_path):
    live_uri, late_uri = fresh_store(tmp_path / "live"), fresh_store(tmp_path / "late")
    journal = start(tmp_path / "ab")
    replica = MlflowReplay(journal.folder, live_uri)
    replica.push()
    for epoch in (1, 2, 3):
        journal.epoch(epoch, {"loss": 1 / epoch})
        replica.push()
    write_bundle(journal)
    replica.push()
    write_evaluation(journal)
    MlflowReplay(journal.folder, live_uri).push()  # another process, as the evaluate stage is
    journal.end("FINISHED")
    replica.push()
    replay(journal.folder, late_uri)

    live, late = everything(live_uri), everything(late_uri)
    own = ("run_id", "outputs", "models")  # the store's own ids
    assert {k: v for k, v in live.items() if k not in own} == {k: v for k, v in late.items() if k not in own}
    assert len(live["models"]) == len(live["outputs"]) == 1


def test_a_thousand_metrics_a_call_is_enough_for_more(tmp_path):
    uri = fresh_store(tmp_path)
    journal = start(tmp_path / "ab")
    for epoch in range(1, 41):
        journal.epoch(epoch, {f"m{number}": float(epoch) for number in range(30)})
    calls = []
    replica = MlflowReplay(journal.folder, uri, announce=calls.append)
    replica.push()
    assert calls.count("metrics") == 2
    assert sum(len(rows) for rows in everything(uri)["metrics"].values()) == 1200


def test_an_epoch_trained_again_after_a_resume(tmp_path):
    uri = fresh_store(tmp_path)
    journal = start(tmp_path / "ab")
    journal.epoch(1, {"loss": 0.5, "elapsed_s": 1.0})
    odd = {"grad_norm": math.nan, "peak": math.inf}
    journal.epoch(2, {"loss": 0.4, "elapsed_s": 1.0, **odd})
    journal.end("KILLED", "SIGTERM")
    replay(journal.folder, uri)
    killed = everything(uri)
    assert (killed["status"], killed["tags"]["saccade.end_reason"]) == ("KILLED", "SIGTERM")

    journal.resume(from_epoch=1)
    replay(journal.folder, uri)
    assert everything(uri)["status"] == "RUNNING" and "saccade.end_reason" not in everything(uri)["tags"]
    journal.epoch(2, {"loss": 0.4, "elapsed_s": 2.0, **odd})
    journal.end("FINISHED")
    replay(journal.folder, uri)
    there = everything(uri)
    assert (there["runs"], there["status"]) == (1, "FINISHED")
    assert [(step, value) for step, _, value in there["metrics"]["loss"]] == [(1, "0.5"), (2, "0.4")]
    assert [(step, value) for step, _, value in there["metrics"]["training/elapsed_s"]] == [
        (1, "1.0"),
        (2, "1.0"),
        (2, "2.0"),
    ]
    assert len(there["metrics"]["grad_norm"]) == len(there["metrics"]["peak"]) == 1
    (journal.folder / "replica.json").unlink()
    replay(journal.folder, uri)
    assert everything(uri) == there


def test_an_evaluation_made_again(tmp_path):
    uri = fresh_store(tmp_path)
    journal = write_run(tmp_path / "ab")
    replay(journal.folder, uri)
    before = everything(uri)
    write_evaluation(journal)
    replay(journal.folder, uri)
    assert everything(uri) == before
    write_evaluation(journal, accuracy=0.8)
    replay(journal.folder, uri)
    assert ("report.html", 16) in everything(uri)["artifacts"]
    assert [(step, value) for step, _, value in everything(uri)["metrics"]["test_accuracy"]] == [
        (3, "0.75"),
        (3, "0.8"),
    ]
    assert everything(uri)["status"] == "FINISHED"


def test_what_explains_the_run_arrives_later(tmp_path):
    uri = fresh_store(tmp_path)
    journal = write_run(tmp_path / "ab")
    replay(journal.folder, uri)
    (journal.folder / "explanations").mkdir()
    (journal.folder / "explanations" / "units.png").write_bytes(b"units")
    journal.explanation("explanations")
    replay(journal.folder, uri)
    assert ("explanations/units.png", 5) in everything(uri)["artifacts"]


def test_long_and_many_params(tmp_path):
    uri = fresh_store(tmp_path)
    params = {f"augment.{number}": number for number in range(250)} | {"prompt": "x" * 7_000, "odd[0]": True}
    journal = start(tmp_path / "ab", params=params, tags={"long": "y" * 9_000})
    write_bundle(journal)
    replay(journal.folder, uri)
    there = everything(uri)
    assert len(there["params"]) == 252 and there["params"]["prompt"] == "x" * 6_000
    assert there["params"]["odd_0_"] == "true" and there["tags"]["long"] == "y" * 8_000
    (full,) = tmp_path.glob("mlartifacts/saccade/*/artifacts/params.json")
    assert json.loads(full.read_text()) == params
    (journal.folder / "replica.json").unlink()
    replay(journal.folder, uri)
    assert everything(uri) == there  # a shortened value is no change


def test_a_param_that_changed_becomes_a_tag(tmp_path):
    uri = fresh_store(tmp_path)
    replay(start(tmp_path / "here").folder, uri)
    elsewhere = start(tmp_path / "there", params={"train.epochs": 5, "train.new": 1})
    replay(elsewhere.folder, uri)
    there = everything(uri)
    assert there["runs"] == 1 and there["params"]["train.epochs"] == "3" and there["params"]["train.new"] == "1"
    assert there["tags"]["saccade.param_drift.train.epochs"] == "5"


def test_a_deleted_experiment_says_how_to_bring_it_back(tmp_path):
    from mlflow import MlflowClient

    uri = fresh_store(tmp_path)
    journal = start(tmp_path / "ab")
    replay(journal.folder, uri)
    client = MlflowClient(tracking_uri=uri)
    experiment_id = client.get_experiment_by_name("saccade").experiment_id
    client.delete_experiment(experiment_id)
    (journal.folder / "replica.json").unlink()
    with pytest.raises(UserError, match=rf"tracking\.experiment \(saccade\).*--experiment-id {experiment_id}"):
        replay(journal.folder, uri)


def test_an_interrupted_model_is_finished_and_not_logged_again(tmp_path, monkeypatch):
    from mlflow import MlflowClient

    uri = fresh_store(tmp_path)
    journal = write_run(tmp_path / "ab")
    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_model_artifacts", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            replay(journal.folder, uri)
    (half,) = everything(uri)["models"]
    assert half[1] == "PENDING"

    replay(journal.folder, uri)
    there = everything(uri)
    assert there["models"] == [(half[0], "READY", half[2])] and there["outputs"] == [(half[0], 3)]


def test_what_is_measured_again_is_shown_beside_the_model_once(tmp_path):
    from mlflow import MlflowClient

    uri = fresh_store(tmp_path)
    journal = write_run(tmp_path / "ab")
    replay(journal.folder, uri)
    write_evaluation(journal, accuracy=0.875)
    replay(journal.folder, uri)
    (journal.folder / "replica.json").unlink()
    replay(journal.folder, uri)
    (model,) = everything(uri)["models"]
    shown = MlflowClient(tracking_uri=uri).get_logged_model(model[0]).metrics
    assert sorted(metric.value for metric in shown if metric.key == "test_accuracy") == [0.75, 0.875]
    assert [metric.value for metric in shown if metric.key == "test_loss"] == [0.5]


def test_a_bundle_for_series_becomes_an_mlflow_model_too(tmp_path):
    uri = fresh_store(tmp_path)
    journal = start(tmp_path / "ab")
    write_bundle(journal, kind="series")
    write_evaluation(journal)
    replay(journal.folder, uri)
    there = everything(uri)
    assert [status for _, status, _ in there["models"]] == ["READY"]
    assert ("bundle/weights.safetensors", 7) in there["artifacts"]
    assert there["metrics"]["test_accuracy"][0][0] == 0


STAND_IN = """
import json
from pathlib import Path
from types import SimpleNamespace
import numpy as np

class Bundle:
    def __init__(self, path):
        spec = json.loads((Path(path) / "bundle.json").read_text())["spec"]
        self.spec = SimpleNamespace(**{"vocabulary": (), "output": "per_example"} | spec)
    def predict_array(self, images_NHWC):
        if images_NHWC.min() < 0:
            raise ValueError("a pixel of less than nothing")
        dog_N = images_NHWC.reshape(len(images_NHWC), -1).mean(1, dtype=np.float32) / 255
        labels = [self.spec.classes[int(dog > 0.5)] for dog in dog_N]
        return {"probabilities": np.stack([1 - dog_N, dog_N], 1), "label": labels}

class kinds:
    def from_array(spec, images_NHWC):
        return images_NHWC
    def from_bytes(spec, content):
        return np.full(spec.shape, content[0], np.uint8)

load = Bundle
"""

LOADING = """
import sys
import mlflow, numpy as np, pandas as pd
model, registered = (mlflow.pyfunc.load_model(uri) for uri in sys.argv[1:])
images = np.array([0, 255], np.uint8).repeat(6).reshape(2, 2, 3, 1)
print(model.predict(images).to_json(orient="split"))
print(registered.predict({"image": images}).to_json(orient="split"))
print(registered.predict(pd.DataFrame({"image": ["AAAA", "data:image/png;base64,//8="]})).to_json(orient="split"))
example = model.input_example
print(example.shape, example.dtype, list(model.predict(example)["label"]))
example = registered.input_example
print(list(example.columns), len(example), example["image"][0][:11], len(registered.predict(example)))
plain = model.unwrap_python_model()
print(list(plain.predict(None, np.full((1, 2, 3, 1), 254.6))["label"]))
try:
    plain.predict(None, np.full((1, 2, 3, 1), -0.5))
except ValueError as error:
    print(error)
"""


def log_stand_in(root: Path) -> tuple[str, str, str]:
    """The store, the model of the run, and the one that is registered."""
    library = root / "stand-in" / "saccade"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text(STAND_IN)
    (library / "__pycache__").mkdir()
    (library / "__pycache__" / "left.pyc").write_bytes(b"")
    uri = fresh_store(root)
    replay = MlflowReplay(write_run(root / "ab").folder, uri, library=library)
    replay.push()
    of_run = everything(uri)["models"][0][0]
    bundle = next((root / "ab").rglob("bundle.json")).parent
    registered = replay.push_model(bundle)[1]
    assert registered == replay.push_model(bundle)[1] != of_run  # logged once
    return uri, f"models:/{of_run}", f"models:/{registered}"


def test_the_model_loads_where_pickle_is_forbidden(tmp_path, monkeypatch):
    uri, *model_uris = log_stand_in(tmp_path)
    assert not list(tmp_path.glob("mlartifacts/**/__pycache__"))
    stored = [path.name for path in tmp_path.glob("mlartifacts/saccade/models/**/*") if path.is_file()]
    assert "mlflow_model.py" in stored and not [name for name in stored if "pkl" in name or "pickle" in name]

    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    code, out, err = warm_python.run(["-c", LOADING, *model_uris], cwd=tmp_path, env=os.environ)
    assert code == 0, err
    assert "type hint" not in err  # MLflow scolds about annotations that it does not know
    table, of_pixels, of_files, example, registered_example, rounded, refused = out.splitlines()
    assert example == "(1, 2, 3, 1) uint8 ['cat']"
    assert registered_example == "['image'] 1 iVBORw0KGgo 1"  # a PNG
    assert of_pixels == of_files == table
    table = json.loads(table)
    assert table["columns"] == ["label", "probability_cat", "probability_dog"]
    assert table["data"] == [["cat", 1.0, 0.0], ["dog", 0.0, 1.0]]
    assert rounded == "['dog']" and refused == "a pixel of less than nothing"


@pytest.mark.slow
def test_the_model_is_served(tmp_path, monkeypatch):
    import socket
    import time

    import requests

    uri, _, model_uri = log_stand_in(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # it calls `uvicorn`
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model_uri, "-p", port, "--env-manager", "local"]
    with (tmp_path / "serve.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                assert requests.get(f"http://127.0.0.1:{port}/ping", timeout=5).ok
                break
            except requests.ConnectionError:
                assert server.poll() is None and time.monotonic() < until, (tmp_path / "serve.log").read_text()
                time.sleep(0.2)
        images = np.full((1, 2, 3, 1), 255).tolist()
        answer = requests.post(f"http://127.0.0.1:{port}/invocations", json={"inputs": images}, timeout=30)
        assert answer.json()["predictions"] == [{"label": "dog", "probability_cat": 0.0, "probability_dog": 1.0}]
        files = {"inputs": ["AAAA", "//8="]}  # base64
        answer = requests.post(f"http://127.0.0.1:{port}/invocations", json=files, timeout=30)
        assert [row["label"] for row in answer.json()["predictions"]] == ["cat", "dog"]
        answer = requests.post(f"http://127.0.0.1:{port}/invocations", json={"inputs": ["AAAA", "!"]}, timeout=30)
        assert answer.status_code == 400 and "row 1: image ('!') must be base64 text" in answer.text
    finally:
        server.terminate()
        server.wait(20)


MAKING = """
import sys
from pathlib import Path
from pipeline.tracking.replay import replay
sys.stdin.readline()
print(replay(Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.mark.slow
def test_two_processes_make_one_store(tmp_path):
    uri = f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}"
    making = []
    for name in ("a", "b"):
        journal = start(tmp_path / name, run_uid=name, run=name)
        command = [sys.executable, "-c", MAKING, str(journal.folder), uri]
        making.append(subprocess.Popen(command, cwd=TREE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for process in making:
        process.stdin.write("go\n")
        process.stdin.flush()
    ids = [process.communicate(timeout=280)[0].strip() for process in making]
    assert [process.returncode for process in making] == [0, 0]
    assert len(set(ids)) == everything(uri)["runs"] == 2


def test_two_replays_of_one_journal_at_once_make_one_run(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    uri = fresh_store(tmp_path)
    journal = start(tmp_path / "ab")
    journal.epoch(1, {"loss": math.nan})
    with ThreadPoolExecutor() as threads:
        ids = list(threads.map(lambda _: replay(journal.folder, uri), range(3)))
    assert len(set(ids)) == everything(uri)["runs"] == 1
