"""The end of a run, written into its journal: finished, failed or killed.

A training stage enters ``MlflowUploader``, takes ``stage_lock``, enters ``reporting_status``, writes the journal's
events and at the end ``end("FINISHED")``; then it calls ``finish`` on the uploader.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline.privacy.redaction import redact_for_server
from pipeline.runs.journal import Journal
from pipeline.signals import END_SIGNALS, KilledBySignal


def stage_lock(journal_folder: Path) -> Any:
    """The ``FileLock`` that a stage holds from before its first event until after its last."""
    from filelock import FileLock

    journal_folder.mkdir(parents=True, exist_ok=True)
    return FileLock(journal_folder / "lock")


def is_locked(folder: Path) -> bool:
    """Whether a stage writes the journal in a folder at the moment."""
    from filelock import Timeout

    try:
        with stage_lock(folder).acquire(blocking=False):
            return False
    except Timeout:
        return True


def close_if_abandoned(journal_folder: Path) -> None:
    """Write the end of a run whose process is gone without having written it. Nothing if it, or another, is there."""
    from filelock import Timeout

    with contextlib.suppress(Timeout), stage_lock(journal_folder).acquire(timeout=1, poll_interval=0.05):
        journal = Journal(journal_folder)
        if journal.state().status == "RUNNING":
            journal.end("KILLED", "the process ended without a word (SIGKILL, out of memory, or no power)")


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
