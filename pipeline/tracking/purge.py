"""``saccade sync --purge-diffs``: take out what earlier versions kept and sent, and this one does not.

Their ``git.diff`` held the whole difference of the tree and every new file of it, a ``.env`` or a customer's texts
too. It lies in the first event of a journal (``.saccade/runs/*/journal.jsonl``) and among the artifacts of the MLflow
run. Records of today carry the tag ``saccade.git_diff`` and are left as they are, so a second purge finds nothing.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.runs.journal import FILE_NAME, GIT_DIFF_TAG, Journal
from pipeline.tracking.mlflow_store import load_mlflow, sqlite_path, why_not_installed, why_unreachable
from pipeline.tracking.replay import RUN_UID_TAG
from pipeline.tracking.status import is_locked, stage_lock
from pipeline.tracking.uploader import describe_failure
from saccade.core.files import replacing_file
from saccade.io.credentials import mask

_DIFF = "git.diff"
_PAGE = 500  # runs asked for at a time


@dataclass(frozen=True)
class Purged:
    """What came of one journal or one MLflow run that held a diff.

    Attributes:
        what: such as ``lenet5-digits, journal .saccade/runs/ab12/journal.jsonl``.
        left_because: why it is still there; None when it is gone.
    """

    what: str
    left_because: str | None = None


def purge_journals(runs_folder: Path) -> Iterator[Purged]:
    """Take the diffs of earlier versions out of the journals, and passwords out of what lies beside them.

    Args:
        runs_folder: ``.saccade/runs``.

    Yields:
        What was changed, or could not be.
    """
    for path in sorted(runs_folder.glob(f"*/{FILE_NAME}")):
        folder = path.parent
        start = next(Journal(folder).events(), None)
        if start is None or not (_is_old(start) or _files_with_passwords(folder)):
            continue
        what = f"{start.get('run')}, {folder}"
        if is_locked(folder):
            yield Purged(what, "still running")
            continue
        with stage_lock(folder):
            if _is_old(start):
                _rewrite_start(path)
                yield Purged(f"{_DIFF} in the journal of {what}")
            for file in _files_with_passwords(folder):
                text = file.read_text(encoding="utf-8", errors="replace")
                with replacing_file(file) as partial:
                    partial.write_text(mask(text), encoding="utf-8")
                yield Purged(f"a password in {file}")


def purge_store(uri: str, experiments: Sequence[str]) -> Iterator[Purged]:
    """Delete the diffs of earlier versions from the artifacts of a tracking store.

    Args:
        uri: the tracking store.
        experiments: names of the experiments to look through; deleted runs are looked through, too.

    Yields:
        What was deleted, or could not be. A store that cannot be asked is one that could not.
    """
    shown = mask(uri)
    database = sqlite_path(uri)
    if database is not None and not database.exists():
        return  # nothing was ever sent, and asking would make one
    if reason := why_not_installed() or why_unreachable(uri):
        yield Purged(f"MLflow's artifacts at {shown}", reason)
        return
    load_mlflow()
    from mlflow import MlflowClient

    try:
        client = MlflowClient(tracking_uri=uri)
        for run in _runs_of_ours(client, experiments):
            if GIT_DIFF_TAG in run.data.tags:
                continue
            what = f"{_DIFF} of {run.info.run_name} ({run.info.run_id}) at {shown}"
            try:
                if any(entry.path == _DIFF for entry in client.list_artifacts(run.info.run_id)):
                    _delete(run, uri)
                    yield Purged(what)
            except Exception as error:  # noqa: BLE001 - one run's artifacts may be gone or protected; the others go on
                yield Purged(what, describe_failure(error))
    except Exception as error:  # noqa: BLE001 - whatever a tracking server does is told, and a later purge goes on
        yield Purged(f"MLflow's artifacts at {shown}", why_unreachable(uri) or describe_failure(error))


def experiments_of(runs_folder: Path) -> set[str]:
    """The experiments that the journals name."""
    starts = (next(Journal(path.parent).events(), None) for path in runs_folder.glob(f"*/{FILE_NAME}"))
    return {start["experiment"] for start in starts if start and "experiment" in start}


def _is_old(start: dict[str, Any]) -> bool:
    return start["event"] == "start" and _DIFF in start.get("texts", {}) and GIT_DIFF_TAG not in start.get("tags", {})


def _rewrite_start(path: Path) -> None:
    """Write the journal anew, its first line without the diff; the other lines stay byte for byte."""
    first, _, rest = path.read_bytes().partition(b"\n")
    event = json.loads(first)
    del event["texts"][_DIFF]
    with replacing_file(path) as partial:
        partial.write_bytes(json.dumps(event).encode() + b"\n" + rest)


def _files_with_passwords(folder: Path) -> list[Path]:
    """Files beside a journal in which earlier versions wrote the address of the tracking server as it was given."""
    found = []
    for path in (folder / "replica.json", folder / "uploader.log"):
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            if mask(text) != text:
                found.append(path)
    return found


def _runs_of_ours(client: Any, experiments: Sequence[str]) -> Iterator[Any]:
    from mlflow.entities import ViewType

    known = [client.get_experiment_by_name(name) for name in experiments]
    for experiment in known:
        token = None
        while experiment is not None:
            page = client.search_runs(
                [experiment.experiment_id], run_view_type=ViewType.ALL, max_results=_PAGE, page_token=token
            )
            yield from (run for run in page if RUN_UID_TAG in run.data.tags)
            token = page.token
            if not token:
                break


def _delete(run: Any, uri: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(run.info.artifact_uri, tracking_uri=uri).delete_artifacts(_DIFF)
