"""``saccade sync``: send every run that the tracking store does not have completely."""

from pathlib import Path

from pipeline.runs.journal import FILE_NAME, Journal
from pipeline.tracking.mlflow_store import why_not_installed, why_unreachable
from pipeline.tracking.replay import replay, upload_progress
from pipeline.tracking.status import close_if_abandoned, is_locked
from pipeline.tracking.uploader import Outcome, describe_failure


def sync(runs_folder: Path, uri: str) -> list[tuple[str, Outcome]]:
    """Send every journal that the store does not have whole.

    A run that is still running is left to its own uploader. One whose process disappeared is recorded as
    KILLED first.

    Args:
        runs_folder: ``.saccade/runs``.
        uri: the tracking store.

    Returns:
        The run's key and what came of it, for each journal that was not complete.
    """
    results: list[tuple[str, Outcome]] = []
    unreachable = why_not_installed() or why_unreachable(uri)
    for path in sorted(runs_folder.glob(f"*/{FILE_NAME}"), key=_order_of_sending):
        folder, journal = path.parent, Journal(path.parent)
        state = journal.state()
        if state.run is None:
            continue  # killed before its first event was whole
        if is_locked(folder):
            results.append((state.run, Outcome(upload_progress(folder, uri)[0], "still running")))
            continue
        close_if_abandoned(folder)
        mlflow_run_id, num_sent = upload_progress(folder, uri)
        was_whole = num_sent == sum(1 for _ in journal.events())
        if unreachable:
            if not was_whole:
                results.append((state.run, Outcome(mlflow_run_id, unreachable)))
            continue
        try:
            outcome = Outcome(replay(folder, uri), None)  # asks the store, which may have lost what was sent
            if not was_whole or outcome.mlflow_run_id != mlflow_run_id:
                results.append((state.run, outcome))
        except Exception as error:  # noqa: BLE001 - told in the outcome, and the next run may well pass
            unreachable = why_unreachable(uri)
            results.append((state.run, Outcome(mlflow_run_id, unreachable or describe_failure(error))))
    return results


def _order_of_sending(path: Path) -> tuple[bool, float]:
    """The oldest first; ensembles after all others, so that their members are there."""
    return bool(Journal(path.parent).state().members), path.stat().st_mtime
