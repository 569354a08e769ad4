"""The uploader: a child process that copies a run's journal to the tracking server while the run goes on.

The training process never imports MLflow and never waits for a server: it writes its journal, and the uploader reads
it. It has two pipes to its parent. In the one the parent says which journal, and at the end ``finish``; if it closes
without that word, the parent was killed. In the other the child says, from then on, each step it takes and how it
ended: one JSON object a line.

It is started before anything else, even before its parent knows the journal: MLflow takes two seconds to import and to
open its store, in which the parent imports torch on another core.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.privacy.redaction import RedactedStream, redact, show_tracebacks_redacted
from pipeline.tracking.mlflow_store import (
    NOT_INSTALLED,
    PROBE_TIMEOUT_S,
    is_remote,
    load_mlflow,
    why_not_installed,
    why_unreachable,
)
from pipeline.tracking.replay import TREE, MlflowReplay, upload_progress, warm_up
from pipeline.tracking.status import close_if_abandoned
from saccade.core.errors import UserError

POLL_S = 0.2
URI_VARIABLE = "SACCADE_UPLOADER_URI"  # not an argument: those are for everybody to see
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_MIN_PAUSE_S, _MAX_PAUSE_S = 1.0, 60.0
_QUIET_S = 0.1  # this long without a word from the child, and the parent asks the server itself
_PATIENCE_S = 120.0  # one step of the child: a big file's upload, `import mlflow` on a busy machine


@dataclass(frozen=True)
class Outcome:
    """Where a run's copy stands: its MLflow id if known, and why it is not complete, None if it is."""

    mlflow_run_id: str | None
    pending_reason: str | None


# the parent's side


class MlflowUploader:
    """Starts the child on entering; ``finish`` waits for it. Leaving without ``finish`` does the same.

    Enter it before ``reporting_status``, so that the journal has its end when this block is left.
    """

    def __init__(self, uri: str, journal_folder: Path | None = None, code_tree: Path = TREE) -> None:
        """Prepare.

        Args:
            uri: the tracking store.
            journal_folder: ``.saccade/runs/<identity>``; None: not known yet, ``follow`` tells it.
            code_tree: the folder whose ``pipeline`` package the child runs.
        """
        self.folder, self.uri, self.code_tree = journal_folder, uri, code_tree
        self._outcome: Outcome | None = None
        self._stdin = self._stdout = -1

    def __enter__(self) -> Self:
        child_in, self._stdin = os.pipe()
        self._stdout, child_out = os.pipe()
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "pipeline.tracking.uploader"],
                cwd=self.code_tree,
                stdin=child_in,
                stdout=child_out,
                stderr=subprocess.DEVNULL,  # until it knows where its log is
                start_new_session=True,  # Ctrl-C in the terminal is for the training
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
                env=os.environ | dict.fromkeys(_THREADS, "1") | {URI_VARIABLE: self.uri},  # it may hold a password
            )
        except OSError as error:  # no memory for another process, say: the training goes on without
            self._outcome = Outcome(None, f"the uploader did not start ({error})")
            os.close(self._stdin)
            os.close(self._stdout)
        os.close(child_in)
        os.close(child_out)
        if self.folder is not None:
            self.follow(self.folder)
        return self

    def follow(self, journal_folder: Path) -> None:
        """Tell the child which journal to copy.

        Args:
            journal_folder: ``.saccade/runs/<identity>``.
        """
        self.folder = journal_folder
        journal_folder.mkdir(parents=True, exist_ok=True)
        if self._outcome is None:
            with contextlib.suppress(BrokenPipeError):  # it has ended already, and ``finish`` will tell
                os.write(self._stdin, os.fsencode(journal_folder.resolve()) + b"\0")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.finish()

    def finish(self, patience_s: float = _PATIENCE_S) -> Outcome:
        """Let the child send the rest, and wait while it gets on; call it after the journal's ``end`` event.

        A server that does not answer costs half a second; the run is then pending, and ``sync`` sends it later.

        Args:
            patience_s: how long one step, such as one file's upload, may take.

        Returns:
            The outcome; the same one when called again.
        """
        if self._outcome is None:
            self._outcome = self._pending("interrupted while it was sent")  # unless the waiting comes to an end
            if self.folder is None:  # there was nothing to follow
                os.close(self._stdin)
                self._stop()
                return self._outcome
            with contextlib.suppress(BrokenPipeError):  # it has ended already, and said why
                os.write(self._stdin, b"finish\n")
            os.close(self._stdin)
            try:
                self._outcome = self._wait(patience_s)
            finally:
                self._stop()
        return self._outcome

    def _wait(self, patience_s: float) -> Outcome:
        heard_at = time.monotonic()
        probe = None
        for message in self._messages():
            if message is not None:
                heard_at, probe = time.monotonic(), None
                if "pending" in message:
                    return self._pending(message["pending"])
                if "done" in message:
                    return Outcome(message["done"], None)
                continue
            if time.monotonic() - heard_at > patience_s:
                return self._pending(f"no progress in {patience_s:g} s, see {self.folder}/uploader.log")
            if is_remote(self.uri):  # the child may hang in a request that has begun before the server hung
                probe = probe or _Probe(self.uri)
                if probe.reason:
                    return self._pending(probe.reason)
                if probe.age_s > 1.0:
                    probe = None
        log = Path(f"{self.folder}/uploader.log")
        return self._pending("the uploader ended early" + (f", see {log}" if log.exists() else ""))

    def _messages(self) -> Iterator[dict[str, Any] | None]:
        """Yield what the child says, and None each time it has said nothing for a while; end when it has ended."""
        buffer = b""
        pipe, self._stdout = _Pipe(self._stdout), -1  # which closes it
        while True:
            received = pipe.read(_QUIET_S)
            if received is None:
                yield None
                continue
            if not received:
                return
            *lines, buffer = (buffer + received).split(b"\n")
            yield from (json.loads(line) for line in lines if line.startswith(b"{"))

    def _pending(self, reason: str) -> Outcome:
        return Outcome(upload_progress(self.folder, self.uri)[0] if self.folder else None, reason)

    def _stop(self) -> None:
        if self._stdout != -1:
            os.close(self._stdout)
        if self._outcome is not None and self._outcome.pending_reason is None:
            return  # it has said that all is there, and ends by itself
        waits_s = (0.05, 0.2, 0.2)
        for wait_s, stop in zip(waits_s, (self._child.terminate, self._child.kill, None), strict=True):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(wait_s)
                return
            if stop:
                stop()


class _Pipe:
    """The reading end of a pipe, read by a thread: no other way of waiting a while for a pipe is there on Windows.

    Args:
        descriptor: of the pipe. It is closed when the other end is, unless it is standard input.
    """

    def __init__(self, descriptor: int) -> None:
        self._received: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._first = b""
        threading.Thread(target=self._read_all, args=(descriptor,), daemon=True).start()

    def wait(self) -> bytes:
        """What comes next, after however long; empty when the other end is closed."""
        return self._received.get()

    def read(self, wait_s: float) -> bytes | None:
        """What has come; empty when the other end is closed, None when nothing comes in that time."""
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            return self._received.get(timeout=wait_s) if wait_s > 0 else self._received.get_nowait()
        except queue.Empty:
            return None

    def put_back(self, received: bytes) -> None:
        """Let ``read`` give it once more."""
        self._first = received

    def _read_all(self, descriptor: int) -> None:
        try:
            while received := os.read(descriptor, 65536):
                self._received.put(received)
        finally:
            self._received.put(b"")
            if descriptor > 2:
                os.close(descriptor)


class _Probe:
    """Asks the server in a thread, because looking up its name may hang and takes no time limit."""

    def __init__(self, uri: str) -> None:
        self._started_at = time.monotonic()
        self._answer: str | None = None
        self._thread = threading.Thread(target=self._ask, args=(uri,), daemon=True)
        self._thread.start()

    def _ask(self, uri: str) -> None:
        self._answer = why_unreachable(uri)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._started_at

    @property
    def reason(self) -> str | None:
        """Why the server cannot be reached; None if it can, or as long as that is open."""
        if self._thread.is_alive():
            return "looking up the server's name hangs" if self.age_s > PROBE_TIMEOUT_S + 1.0 else None
        return self._answer


# the child's side


def run_uploader(uri: str) -> int:
    """Copy a journal until the parent is done or gone: the child's main function.

    Args:
        uri: the tracking store.

    Returns:
        The exit code: 0 if the copy is complete or there is none to make, 1 if something is pending.
    """
    if hasattr(os, "nice"):  # Windows has none
        os.nice(19)  # on a machine of few cores, the training needs them more
    output = _ParentOutput()
    warm_up(uri)
    parent = _ParentInput()
    journal_folder = parent.path()
    if journal_folder is None:
        return 0
    with (journal_folder / "uploader.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.stderr = RedactedStream(sys.stderr)  # MLflow's own messages hold the address, and with it a password
    show_tracebacks_redacted()
    mlflow_replay = MlflowReplay(journal_folder, uri, announce=lambda step: output.say(step=step))
    pause_s, sent_bytes, reason = POLL_S, -1, None
    while True:
        size = mlflow_replay.journal.size()
        if size != sent_bytes:
            reason = _attempt(mlflow_replay, uri, output)
            sent_bytes = -1 if reason else size
        heard = "finish" if output.parent_reads else parent.poll(0.0)
        if reason == NOT_INSTALLED or (heard == "finish" and (output.parent_reads or reason)):
            break  # after a failure the parent need not wait for the same answer again
        if heard == "running":
            pause_s = min(max(2 * pause_s, _MIN_PAUSE_S), _MAX_PAUSE_S) if reason else POLL_S
            heard = parent.poll(pause_s)
        if heard == "gone":
            close_if_abandoned(journal_folder)
        output.parent_reads = heard != "running"
    if reason:
        output.say(pending=reason)
        return 1
    output.say(done=upload_progress(journal_folder, uri)[0])
    return 0


class _ParentOutput:
    """The pipe to the parent; what libraries print goes to the log instead.

    Nobody reads it before the end, and a full pipe would stop us: until ``parent_reads`` nothing is said but the end.
    """

    def __init__(self) -> None:
        self.parent_reads = False
        self._pipe = os.dup(1)
        os.dup2(2, 1)

    def say(self, **message: Any) -> None:
        if self.parent_reads or "step" not in message:
            with contextlib.suppress(BrokenPipeError):  # the parent is gone; the rest is for the server
                os.write(self._pipe, json.dumps(message).encode() + b"\n")


class _ParentInput:
    """The pipe from the parent, at standard input."""

    def __init__(self) -> None:
        self._pipe = _Pipe(0)

    def path(self) -> Path | None:
        """The folder that it says first; None when it closes the pipe instead.

        A null byte ends it, which no name holds; it may hold a line's end, and bytes that are no letters.
        """
        said = b""
        while b"\0" not in said:
            if not (heard := self._pipe.wait()):
                return None
            said += heard
        name, _, rest = said.partition(b"\0")
        if rest:
            self._pipe.put_back(rest)
        return Path(os.fsdecode(name))

    def poll(self, seconds: float) -> str:
        """Wait for ``finish``, ``gone`` (the pipe closed without a word) or ``running`` (it is still there)."""
        heard = self._pipe.read(seconds)
        if heard is None:
            return "running"
        return "finish" if heard else "gone"


def _attempt(mlflow_replay: MlflowReplay, uri: str, output: _ParentOutput) -> str | None:
    """Send what is new. Returns why that was not possible, None if it was, or if there is nothing yet."""
    output.say(step="probe")
    reason = why_not_installed() or why_unreachable(uri)
    if reason:
        return reason
    output.say(step="import")
    try:
        load_mlflow()
        if mlflow_replay.journal.size():
            mlflow_replay.push()
    except Exception as error:  # noqa: BLE001 - whatever a tracking server does, the training goes on
        print(time.strftime("%F %T"), describe_failure(error), file=sys.stderr, flush=True)  # noqa: T201
        return why_unreachable(uri) or describe_failure(error)
    return None


def describe_failure(error: Exception) -> str:
    """One line on what went wrong while sending."""
    first_line = redact(str(error)).strip().partition("\n")[0]
    return (first_line if isinstance(error, UserError) else f"{type(error).__name__}: {first_line}")[:500]


if __name__ == "__main__":
    sys.exit(run_uploader(os.environ[URI_VARIABLE]))
