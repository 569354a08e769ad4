"""What is kept of one training in ``.saccade/runs/<identity>/``, outside the outs that DVC deletes.

journal.jsonl           what happened (pipeline/runs/journal.py)
environment.json        what the bits depend on besides the identity: torch, device, threads
checkpoints/            where training stands, as long as it is not finished
bundle/                 weights and description
non_finite/             the batch that broke the loss, if one did
results/                history.csv, gradients.csv, run.json; there once training is finished
evaluation/             the last evaluation's tables and pictures, for the tracking server
report.html             the page of the run, for the tracking server
"""

import base64
import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from pipeline import paths
from pipeline.console import say
from pipeline.runs.journal import Journal
from pipeline.runs.tables import _SECONDS, read_gradients, read_history, write_gradients, write_history
from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig
from saccade.core.files import replacing_file, replacing_folder, write_json
from saccade.train.layer_statistics import summary
from saccade.train.state import EpochRecord

_SET_ASIDE_ORDER = {"results": 0, "journal.jsonl": 2, "environment.json": 3}


class RunStore:
    """The folder of one identity. The caller holds its lock."""

    def __init__(self, identity: str) -> None:
        self.folder = paths.run_store(identity)
        self.journal = Journal(self.folder)
        self.checkpoints = self.folder / "checkpoints"
        self.results = self.folder / "results"
        self._environment = self.folder / "environment.json"

    def is_finished(self) -> bool:
        """Whether results are there."""
        return (self.results / "run.json").exists()

    def is_restored(self) -> bool:
        """Whether the folder holds only the journal of a training that was done elsewhere (``restore_journal``)."""
        return self.journal.state().run_uid is not None and not self._environment.exists()

    def differing_environment(self, environment: Mapping[str, Any]) -> str | None:
        """What of the environment has changed since the folder was begun, in words; None if nothing or not begun."""
        if not self._environment.exists():
            return None
        before = json.loads(self._environment.read_text(encoding="utf-8"))
        changes = [
            f"{key} {before.get(key)} -> {value}" for key, value in environment.items() if before.get(key) != value
        ]
        return ", ".join(changes) or None

    def set_aside(self) -> None:
        """Empty the folder; what an earlier training left is kept beside it, for its journal may be pending.

        What says that a training is finished goes first and what says in which environment last: killed in between, the
        next start does not take what is left for whole.
        """
        aside = _aside(self.folder, self.journal.state().run_uid or "nothing")
        aside.mkdir(exist_ok=True)
        for path in sorted(self.folder.iterdir(), key=lambda path: _SET_ASIDE_ORDER.get(path.name, 1)):
            if path.name != "lock":
                left = aside / path.name
                if left.is_dir():
                    shutil.rmtree(left)
                path.rename(left)

    def begin(self, environment: Mapping[str, Any]) -> None:
        """Note what the bits depend on besides the identity."""
        write_json(self._environment, dict(environment))

    def keep_dataset_report(self, dataset: str) -> str | None:
        """Copy what preprocess reported; returns the copy's name in the folder, None where there is no report."""
        report = paths.dataset_report(dataset)
        if not report.is_dir():
            return None
        with replacing_folder(self.folder / "dataset") as folder:
            shutil.copytree(report, folder, dirs_exist_ok=True)
            _add_views(folder, dataset)
        return "dataset"

    def journal_missing(self, history: Sequence[EpochRecord]) -> None:
        """Write those epochs to the journal that it does not hold yet, or holds with other results.

        Seconds are no result. Results differ where an epoch was trained again with ``deterministic: false``.
        """
        known = self.journal.state().epochs
        for record in history:
            metrics = record.row() | summary(record.layers)
            epoch = int(metrics.pop("epoch"))
            results = [name for name in metrics if name not in _SECONDS]
            if epoch not in known or any(known[epoch].get(name) != metrics[name] for name in results):
                self.journal.epoch(epoch, metrics, record.layers)

    def save_bundle(self, config: NetworkConfig, network: nn.Sequential, epoch: int) -> str:
        """Write the bundle, note in the journal of which epoch it is, and return the SHA-256 of its weights."""
        with replacing_folder(self.folder / "bundle") as folder:
            weights_sha256 = bundle.save(folder, config, network)
        self.journal.bundle("bundle", epoch)
        return weights_sha256

    def record(self) -> dict[str, Any]:
        """What the journal's first event says, less what run.json says itself: enough to write it again elsewhere."""
        start = next(self.journal.events())
        return {key: start[key] for key in ("experiment", "params", "tags", "datasets")}

    def keep_results(self, history: Sequence[EpochRecord], run: Mapping[str, Any], *, marks_kept: bool = False) -> None:
        """Put the results in their place, whole; run.json gets what it takes to write the journal again elsewhere.

        Args:
            history: records of the epochs.
            run: content of run.json.
            marks_kept: whether history.csv has a column ``kept``, 1 in the row of ``run["kept_epoch"]``, else 0.
        """
        rows = [epoch.row() for epoch in history]
        if marks_kept:
            rows = [row | {"kept": int(row["epoch"] == run["kept_epoch"])} for row in rows]
        with replacing_folder(self.results) as folder:
            write_history(folder / "history.csv", rows)
            write_gradients(folder / "gradients.csv", {epoch.epoch: epoch.layers for epoch in history})
            write_json(folder / "run.json", {**run, "record": self.record()})

    def drop_checkpoints(self) -> None:
        """Free their space: nobody goes on from there any more."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def publish(self, run: str, dataset: str, code: Mapping[str, str] | None = None) -> str:
        """Copy the results to models/<run> and reports/<run>.

        An evaluation of other weights is removed there: beside these it would mislead.

        Args:
            run: name under which they are published.
            dataset: name of the run's dataset.
            code: SHA-256 of each file and folder of code that the identity stands for, which run.json then holds: that
                of an earlier version did not. None: as it is kept.

        Returns:
            The name of the run that was trained, which another one with the same identity may be.
        """
        self.drop_checkpoints()
        report = paths.report(run)
        trained = json.loads((self.results / "run.json").read_text(encoding="utf-8"))
        if _weights_of(report) not in (None, trained["weights_sha256"]):
            for name in ("metrics.json", "evaluated.json"):
                (report / name).unlink(missing_ok=True)
            shutil.rmtree(report / "evaluation", ignore_errors=True)
        with replacing_folder(paths.model(run)) as folder:
            shutil.copytree(self.folder / "bundle", folder, dirs_exist_ok=True)
        if not (self.results / "gradients.csv").exists():  # trained by a version that measured no layers
            write_gradients(self.results / "gradients.csv", {})
        for name in ("history.csv", "gradients.csv"):
            with replacing_file(report / name) as partial:
                shutil.copyfile(self.results / name, partial)
        write_json(
            report / "run.json",
            trained | ({} if code is None else {"code": dict(code)}) | {"run": run, "dataset": dataset},
        )
        return trained["run"]


def _add_views(folder: Path, dataset: str) -> None:
    """Put the sheet of views beside the copy of a report, and into its page: MLflow shows a page without its folder."""
    sheet = paths.views_report(dataset) / "views.png"
    if not sheet.is_file():
        return
    shutil.copyfile(sheet, folder / "views.png")
    inside = f"data:image/png;base64,{base64.b64encode(sheet.read_bytes()).decode('ascii')}"
    address = paths.views_address(dataset)
    for name, outside, instead in (
        ("report.html", f'src="{address}"', f'src="{inside}"'),
        ("summary.md", f"]({address})", "](views.png)"),
    ):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(outside, instead), encoding="utf-8")


def _aside(folder: Path, run_uid: str) -> Path:
    return folder.with_name(f"{folder.name}.before-{run_uid[:8]}")


def _weights_of(report: Path) -> str | None:
    path = report / "run.json"
    return json.loads(path.read_text(encoding="utf-8"))["weights_sha256"] if path.exists() else None


@contextlib.contextmanager
def wait_for_lock(lock: Any, message: str) -> Iterator[None]:
    """Hold a lock; say ``message`` when somebody else has it, and wait."""
    from filelock import Timeout

    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(message)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def journal_folder(trained: Mapping[str, Any]) -> Path:
    """Where the journal of a published run is, or is to be: its identity may have been trained again since."""
    folder = paths.run_store(trained["identity"])
    uid = Journal(folder).state().run_uid
    return folder if uid in (None, trained["run_uid"]) else _aside(folder, trained["run_uid"])


def restore_journal(journal: Journal, trained: Mapping[str, Any], bundle_folder: Path, history: Path) -> None:
    """Write the journal of a run that was trained elsewhere (``dvc pull``), so that its evaluation can be tracked.

    Nothing is done when the journal is there. The tracking server knows the run by its ``run_uid``, wherever it is.

    Args:
        journal: journal in ``journal_folder(trained)``.
        trained: content of run.json.
        bundle_folder: folder of the bundle, models/<run>.
        history: path of history.csv; gradients.csv lies beside it.
    """
    if journal.state().run_uid is not None:
        return
    with replacing_folder(journal.folder / "bundle") as folder:
        shutil.copytree(bundle_folder, folder, dirs_exist_ok=True)
    with replacing_folder(journal.folder / "restored") as folder:  # whole or not at all: half a journal looks killed
        restored = Journal(folder)
        restored.start(
            run_uid=trained["run_uid"], run=trained["run"], identity=trained["identity"], **trained["record"]
        )
        for number, member in enumerate(trained.get("members", [])):
            restored.member(number, run_uid=member["run_uid"], identity=member["identity"])
        layers = read_gradients(history.with_name("gradients.csv"))
        for row in read_history(history) if "members" not in trained else []:  # each member has epochs of its own
            row.pop("kept", None)  # no metric
            rows = layers.get(int(row["epoch"]), [])
            restored.epoch(int(row.pop("epoch")), row | summary(rows), rows)
        restored.bundle("bundle", trained.get("kept_epoch"))  # of earlier versions: the last
        restored.end("FINISHED", trained.get("stopped_early") or "restored from the published results")
    (journal.folder / "restored" / journal.path.name).replace(journal.path)
    (journal.folder / "restored").rmdir()
