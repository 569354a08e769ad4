"""Tracking, as the stages and ``saccade sync`` see it. The journal is the record; MLflow holds a copy of it.

A training stage: enter ``Follower``, take ``stage_lock``, enter ``reporting_status``, write the journal's events and
at the end ``end("FINISHED")``, then call ``finish`` on the follower. ``python -m pipeline.tracking.status`` is the
follower's child process; it ends by itself.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline.privacy.redaction import redact_for_server
from pipeline.runs.journal import FILE_NAME, Journal
from pipeline.signals import END_SIGNALS, KilledBySignal
from pipeline.tracking.replay import progress_of, replay
from pipeline.tracking.store import tracking_uri, why_not_installed, why_unreachable
from pipeline.tracking.uploader import (
    URI_VARIABLE,
    Follower,
    Outcome,
    close_if_abandoned,
    describe_failure,
    follow,
    stage_lock,
)

__all__ = [
    "Follower",
    "KilledBySignal",
    "Outcome",
    "is_locked",
    "replay",
    "reporting_status",
    "stage_lock",
    "sync",
    "tracking_uri",
]


def sync(runs_folder: Path, uri: str) -> list[tuple[str, Outcome]]:
    """Send every journal that the store does not have whole.

    A run that is still running is left to its own follower. One whose process is gone without a word is ended as
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
            results.append((state.run, Outcome(progress_of(folder, uri)[0], "still running")))
            continue
        close_if_abandoned(folder)
        mlflow_run_id, num_sent = progress_of(folder, uri)
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


def is_locked(folder: Path) -> bool:
    """Whether a stage writes the journal in a folder at the moment."""
    from filelock import Timeout

    try:
        with stage_lock(folder).acquire(blocking=False):
            return False
    except Timeout:
        return True


@contextmanager
def reporting_status(journal: Journal) -> Iterator[None]:
    """Write how the run inside the block ended, unless it has said so itself; the exception goes on.

    SIGTERM and SIGHUP become ``KilledBySignal`` inside the block; a signal that is ignored (``nohup``) stays so.
    In any other thread than the main one, signals are left alone.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in END_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, _raise_killed)
    try:
        yield
    except BaseException as error:
        if journal.state().status == "RUNNING":  # else it has said how it ended, or there is nothing yet to end
            match error:
                case KeyboardInterrupt():
                    journal.end("KILLED", "SIGINT")
                case KilledBySignal():
                    journal.end("KILLED", str(error))
                case _:
                    journal.end("FAILED", redact_for_server(f"{type(error).__name__}: {error}"))
        raise
    finally:
        for number_before, handler in before.items():
            signal.signal(number_before, handler)


def _raise_killed(number: int, frame: FrameType | None) -> None:
    raise KilledBySignal(number)


if __name__ == "__main__":
    sys.exit(follow(os.environ[URI_VARIABLE]))
