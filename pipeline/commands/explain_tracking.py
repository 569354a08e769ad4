"""What explains a run by its own data, kept beside its journal and sent to MLflow as its artifacts explanations/.

What is drawn of examples that somebody names is not sent: they may be nobody else's business.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline import paths
from pipeline.console import warn
from pipeline.runs.journal import Journal
from pipeline.runs.run_store import journal_folder, restore_journal, wait_for_lock
from pipeline.tracking.mlflow_store import tracking_uri
from pipeline.tracking.status import stage_lock
from pipeline.tracking.uploader import MlflowUploader
from saccade.bundle.bundle import weights_sha256
from saccade.core.files import replacing_folder

FOLDER_NAME = "explanations"


@contextmanager
def keeping_sheets(run: str, folder: Path) -> Iterator[None]:
    """Add what is written into a folder meanwhile to the record of a run.

    Args:
        run: key in ``runs:``, or the folder of a bundle in models/; a bundle without a record of its training, such as
            one of another project, has no run in MLflow, and nothing is kept.
        folder: such as reports/RUN/explain.

    Yields:
        Nothing.
    """
    before = _written_at(folder)
    yield
    written = [path for path, at_ns in _written_at(folder).items() if before.get(path) != at_ns]
    if written:
        _keep(run, folder, written)


def _written_at(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}


def _keep(run: str, folder: Path, written: list[Path]) -> None:
    record, history = paths.report(run) / "run.json", paths.report(run) / "history.csv"
    if not (record.exists() and history.exists()):
        return
    trained = json.loads(record.read_text(encoding="utf-8"))
    if weights_sha256(paths.model(run)) != trained["weights_sha256"]:
        warn(f"not sent to MLflow: {paths.model(run)} and {record} are of two trainings; `saccade train {run}`")
        return
    store = journal_folder(trained)
    with (
        wait_for_lock(stage_lock(store), f"{run}: another process is at work on it; waiting"),
        MlflowUploader(tracking_uri(paths.home()), store) as uploader,
    ):
        journal = Journal(store)
        restore_journal(journal, trained, paths.model(run), history)
        with replacing_folder(store / FOLDER_NAME) as kept:
            for path in written:
                target = kept / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        journal.explanation(FOLDER_NAME)
        outcome = uploader.finish()
    if outcome.pending_reason:
        warn(f"not yet in MLflow ({outcome.pending_reason}): `saccade sync` sends it later")
