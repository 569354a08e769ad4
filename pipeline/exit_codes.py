"""The message and the exit code of a command that fails."""

import contextlib
import errno
import os
import sys
from pathlib import Path

from pipeline.console import warn
from pipeline.params.problems import ParamsError
from pipeline.privacy.redaction import redact, show_tracebacks_redacted
from pipeline.signals import KilledBySignal
from saccade.core.errors import LostConnectionError, UserError
from saccade.core.ranks import RENDEZVOUS_VARIABLE, current_rank

_PLAIN_ERRNOS = (
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EMFILE,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
)
_SHARED_MEMORY = "/dev/shm"
_RESUMABLE = ("fetch", "train", "repeat", "repro", "sync")  # commands that keep what a stopped one has done


def report_error(error: BaseException, command: str) -> int:
    """Print an error of the user's in a line or two, and return the exit code.

    Args:
        error: exception that a command raised.
        command: name of the command, such as train; empty where none was named.

    Returns:
        The exit code of the process.

    Raises:
        BaseException: ``error`` itself, when it is not a user's: a defect of ours keeps its traceback.
    """
    try:
        return _report(error, command)
    finally:
        if os.environ.get("DVC_STAGE") and not _is_one_of_several():
            warn("DVC removed the earlier output of this stage before it began; `dvc checkout` restores it")


def _is_one_of_several() -> bool:
    """Whether another process reports for all: the one that launched this one, or rank 0."""
    return current_rank().rank > 0 or (current_rank().world_size > 1 and RENDEZVOUS_VARIABLE in os.environ)


def _without_a_name() -> str:
    """What a semaphore lacks, which several processes share: it lies in a folder that the error does not name."""
    is_missing = sys.platform == "linux" and not os.access(_SHARED_MEMORY, os.W_OK)
    return f"; {_SHARED_MEMORY} must be writable, for processes share memory there" if is_missing else ""


def _other_owner(error: OSError) -> str:
    """What to do where we may not write because the tree, or a part of it, is another user's; else empty."""
    if error.errno not in (errno.EACCES, errno.EPERM) or not hasattr(os, "geteuid"):
        return ""
    named = [error.filename] if isinstance(error.filename, str) and os.path.lexists(error.filename) else []
    for place in map(
        Path.absolute, map(Path, (*named, ".", ".saccade", ".saccade/runs", ".dvc/tmp", "data", "models", "reports"))
    ):
        with contextlib.suppress(OSError):
            owner = place.stat().st_uid
            if owner != os.geteuid() and place.is_relative_to(Path.cwd()):
                return (
                    f"; {place} belongs to {_name_of(owner)}, and this command runs as "
                    f"{_name_of(os.geteuid())}: two users need two copies of the project (git clone)"
                )
    return ""


def _name_of(user_id: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"user {user_id}"


def _report(error: BaseException, command: str) -> int:
    if isinstance(error, ParamsError):
        warn(redact(str(error)))
        return 2
    if isinstance(error, KeyboardInterrupt | KilledBySignal):
        by = f" by {error}" if isinstance(error, KilledBySignal) else ""
        next_time = "resumes where it stopped" if command in _RESUMABLE else "starts over"
        next_time = getattr(error, "next_time", "") or next_time
        if not _is_one_of_several():
            warn(f"stopped{by}; the same command {next_time}")
        return 128 + error.number if isinstance(error, KilledBySignal) else 130
    if isinstance(error, LostConnectionError) and _is_one_of_several():
        return 1
    if isinstance(error, UserError):
        message = redact(str(error))
        warn(f"error: {message}" if current_rank().rank == 0 else f"error in rank {current_rank().rank}: {message}")
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        warn(
            f"error: the disk is full ({error.filename or 'while writing'}); free some space and run the command again"
        )
    elif isinstance(error, OSError) and error.errno in _PLAIN_ERRNOS:
        warn(
            f"error: {error.strerror}"
            + (f": {error.filename}" if error.filename else _without_a_name())
            + _other_owner(error)
        )
    else:
        show_tracebacks_redacted()
        raise error
    return 1
