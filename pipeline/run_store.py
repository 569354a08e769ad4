"""What is kept of one training in ``.saccade/runs/<identity>/``, outside the outs that DVC deletes.

journal.jsonl           what happened (pipeline/journal.py)
environment.json        what the bits depend on besides the identity: torch, device, threads
checkpoint.safetensors  where training stands
bundle/                 weights and description
results/                history.csv, run.json; there once training is finished
evaluation/             the last evaluation's tables and pictures, for the tracking server
"""

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from pipeline import paths
from pipeline.journal import Journal
from saccade import bundle
from saccade.bundle import Recipe
from saccade.files import replacing_file, replacing_folder, write_json
from saccade.training import EpochRecord

HISTORY = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy", "learning_rate", "gradient_norm")


class RunStore:
    """The folder of one identity. The caller holds its lock."""

    def __init__(self, identity: str) -> None:
        self.folder = paths.run_store(identity)
        self.journal = Journal(self.folder)
        self.checkpoint = self.folder / "checkpoint.safetensors"
        self.results = self.folder / "results"
        self._environment = self.folder / "environment.json"

    def is_finished(self) -> bool:
        """Whether results are there."""
        return (self.results / "run.json").exists()

    def run_json(self) -> dict[str, Any]:
        """What run.json says."""
        return json.loads((self.results / "run.json").read_text(encoding="utf-8"))

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
        """Empty the folder; what an earlier training left is kept beside it, for its journal may be pending."""
        uid = self.journal.state().run_uid or "nothing"
        aside = self.folder.with_name(f"{self.folder.name}.before-{uid[:8]}")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for path in self.folder.iterdir():
            if path.name != "lock":
                path.rename(aside / path.name)

    def begin(self, environment: Mapping[str, Any]) -> None:
        """Note what the bits depend on besides the identity."""
        write_json(self._environment, dict(environment))

    def journal_missing(self, history: Sequence[EpochRecord]) -> None:
        """Write those epochs to the journal that it does not hold yet."""
        known = self.journal.state().epochs
        for record in history:
            if record.epoch not in known:
                metrics = asdict(record)
                self.journal.epoch(int(metrics.pop("epoch")), metrics)

    def save_bundle(self, recipe: Recipe, network: nn.Sequential) -> str:
        """Write the bundle, note it in the journal, and return the SHA-256 of its weights."""
        with replacing_folder(self.folder / "bundle") as folder:
            weights_sha256 = bundle.save(folder, recipe, network)
        self.journal.bundle("bundle")
        return weights_sha256

    def record(self) -> dict[str, Any]:
        """What the journal's first event says, less what run.json says itself: enough to write it again elsewhere."""
        start = next(self.journal.events())
        return {key: start[key] for key in ("experiment", "params", "tags", "datasets")}

    def keep_results(self, history: Sequence[Mapping[str, float]], run: Mapping[str, Any]) -> None:
        """Put the results in their place, whole."""
        with replacing_folder(self.results) as folder:
            write_history(folder / "history.csv", history)
            write_json(folder / "run.json", dict(run))

    def publish(self, run: str) -> None:
        """Copy the results to models/<run> and reports/<run>, each in one step."""
        with replacing_folder(paths.model(run)) as folder:
            shutil.copytree(self.folder / "bundle", folder, dirs_exist_ok=True)
        for name in ("history.csv", "run.json"):
            with replacing_file(paths.report(run) / name) as partial:
                shutil.copyfile(self.results / name, partial)


def write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write a row an epoch; no times, so that the same training gives the same bytes."""
    with replacing_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["epoch", *HISTORY], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a history.csv."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def restore_journal(journal: Journal, trained: Mapping[str, Any], bundle_folder: Path, history: Path) -> None:
    """Write the journal of a run that was trained elsewhere (``dvc pull``), so that its evaluation can be tracked.

    Nothing is done when the journal is there. The tracking server knows the run by its ``run_uid``, wherever it is.

    Args:
        journal: of the run's identity.
        trained: what run.json says.
        bundle_folder: models/<run>.
        history: history.csv.
    """
    if journal.state().run_uid is not None:
        return
    shutil.copytree(bundle_folder, journal.folder / "bundle", dirs_exist_ok=True)
    journal.start(run_uid=trained["run_uid"], run=trained["run"], identity=trained["identity"], **trained["record"])
    for row in read_history(history):
        journal.epoch(int(row.pop("epoch")), row)
    journal.bundle("bundle")
    journal.end("FINISHED", "restored from the published results")
