"""What the tracking tests share: a run's journal, and everything a store knows about it."""

import functools
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.runs.journal import Journal
from pipeline.tracking.mlflow_store import why_unreachable

TREE = Path(__file__).resolve().parents[2]

DATASETS = [
    {"name": "digits-train", "digest": "d" * 64, "context": "training", "source": "data/prepared", "profile": {"n": 7}},
    {"name": "digits-val", "digest": "e" * 64, "context": "validation", "source": "data/prepared", "profile": {"n": 2}},
]


@functools.cache
def _empty_database() -> Path:
    from mlflow import MlflowClient

    path = Path(tempfile.mkdtemp()) / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


def fresh_store(root: Path) -> str:
    """A SQLite store with its tables and nothing in them; making the tables takes two seconds, copying them none."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(_empty_database(), root / "mlflow.db")
    return f"sqlite:///{root / 'mlflow.db'}"


def start(folder: Path, **changes) -> Journal:
    journal = Journal(folder)
    values = {
        "run_uid": "u1",
        "run": "lenet5-digits",
        "experiment": "saccade",
        "identity": "ab" * 32,
        "params": {"train.epochs": 3, "train.lr": 0.05, "model.name": "lenet5", "augment": [{"p": 0.8}], "none": None},
        "tags": {
            "mlflow.source.git.commit": "c0ffee",
            "DVC_STAGE": "train@lenet5-digits",
            "saccade.git_diff": "1 file",
        },
        "datasets": DATASETS,
        "texts": {"params.yaml": "seed: 0\n", "git.diff": "-a\n+b\n"},
    }
    journal.start(**(values | changes))
    return journal


def write_bundle(journal: Journal, kind: str = "image") -> None:
    bundle = journal.folder / "bundle"
    bundle.mkdir(exist_ok=True)
    spec = {"kind": kind, "shape": [2, 3, 1], "classes": ["cat", "dog"]}
    (bundle / "bundle.json").write_text(json.dumps({"spec": spec}))
    (bundle / "weights.safetensors").write_bytes(b"weights")
    journal.bundle("bundle")


def write_evaluation(journal: Journal, accuracy: float = 0.75) -> None:
    pictures = journal.folder / "evaluation" / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    (pictures / "confusion.csv").write_text("a,b\n")
    (journal.folder / "report.html").write_text("<!DOCTYPE html>\n")
    journal.evaluation({"accuracy": accuracy, "loss": 0.5}, "evaluation", "report.html")


def write_run(folder: Path, **changes) -> Journal:
    """A whole run of three epochs, with a number that is none."""
    journal = start(folder, **changes)
    for epoch in (1, 2, 3):
        journal.epoch(epoch, {"loss": 1 / epoch, "accuracy": epoch / 4, "grad_norm": math.nan, "peak": math.inf})
    write_bundle(journal)
    write_evaluation(journal)
    journal.end("FINISHED")
    return journal


def everything(uri: str, experiment: str = "saccade") -> dict:
    """All that the store knows, as plain values that can be compared; ``runs`` counts the experiment's runs."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment_id = client.get_experiment_by_name(experiment).experiment_id
    runs = client.search_runs([experiment_id])
    run = client.get_run(runs[0].info.run_id)
    run_id = run.info.run_id

    def files(path=None):
        for entry in client.list_artifacts(run_id, path):
            yield from files(entry.path) if entry.is_dir else [(entry.path, entry.file_size)]

    def rows(key):
        history = client.get_metric_history(run_id, key)
        return sorted((metric.step, metric.timestamp, repr(metric.value)) for metric in history)

    models = client.search_logged_models([experiment_id])
    return {
        "runs": len(runs),
        "run_id": run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "times": (run.info.start_time, run.info.end_time),
        "params": run.data.params,
        "tags": run.data.tags,
        "metrics": {key: rows(key) for key in run.data.metrics},
        "inputs": sorted(
            (entry.dataset.name, entry.dataset.digest, entry.dataset.profile, entry.tags[0].value)
            for entry in run.inputs.dataset_inputs
        ),
        "outputs": [(output.model_id, output.step) for output in run.outputs.model_outputs] if run.outputs else [],
        "models": [(model.model_id, str(model.status), model.name) for model in models],
        "model_metrics": sorted((m.key, m.step, repr(m.value)) for model in models for m in model.metrics or []),
        "artifacts": sorted(files()),
    }


@contextmanager
def refusing_server():
    """An address where nobody listens, for as long as the block runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound but not listening: refused, and nobody else can take it
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def hanging_server():
    """An address that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def mlflow_server(root: Path, port: int) -> Iterator[None]:
    """MLflow's own server on a loopback port; database and artifacts lie in ``root``."""
    fresh_store(root)
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
        for _ in range(100):  # each waits half a second where nobody answers
            if why_unreachable(f"http://127.0.0.1:{port}") is None:
                break
            with suppress(subprocess.TimeoutExpired):
                server.wait(1)
        yield
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # the server and its workers, a group of our own
        server.wait()
