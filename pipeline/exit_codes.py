"""What a command says when it fails, and how it ends."""

import errno
import os

from pipeline.console import warn
from pipeline.params.problems import ParamsError
from pipeline.privacy.redaction import redact, show_tracebacks_redacted
from pipeline.signals import KilledBySignal
from saccade.core.errors import LostConnectionError, UserError
from saccade.core.ranks import RENDEZVOUS_VARIABLE, find

_PLAIN = (
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EMFILE,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
)
_GO_ON = ("fetch", "train", "repeat", "repro", "sync")  # commands that keep what a stopped one has done


def exit_code_of(error: BaseException, command: str) -> int:
    """Tell a user's error in a line or two and give the exit code.

    Args:
        error: what a command raised.
        command: its name, such as train; empty where none was named.

    Returns:
        The exit code of the process.

    Raises:
        BaseException: ``error`` itself, when it is not a user's: a defect of ours keeps its traceback.
    """
    try:
        return _tell(error, command)
    finally:
        if os.environ.get("DVC_STAGE") and not _is_one_of_several():
            warn("DVC removed this stage's earlier output before it began: `dvc checkout` brings it back")


def _is_one_of_several() -> bool:
    """Whether another process tells what has happened to all: the one that launched us, or rank 0."""
    return find().rank > 0 or (find().count > 1 and RENDEZVOUS_VARIABLE in os.environ)


def _tell(error: BaseException, command: str) -> int:
    if isinstance(error, ParamsError):
        warn(redact(str(error)))
        return 2
    if isinstance(error, KeyboardInterrupt | KilledBySignal):
        by = f" by {error}" if isinstance(error, KilledBySignal) else ""
        if not _is_one_of_several():
            warn(f"stopped{by}; the same command {'goes on where it was' if command in _GO_ON else 'begins anew'}")
        return 128 + error.number if isinstance(error, KilledBySignal) else 130
    if isinstance(error, LostConnectionError) and _is_one_of_several():
        return 1
    if isinstance(error, UserError):
        message = redact(str(error))
        warn(f"error: {message}" if find().rank == 0 else f"error in rank {find().rank}: {message}")
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        warn(
            f"error: the disk is full ({error.filename or 'while writing'}); free some space and run the command again"
        )
    elif isinstance(error, OSError) and error.errno in _PLAIN:
        warn(f"error: {error.strerror}" + (f": {error.filename}" if error.filename else ""))
    else:
        show_tracebacks_redacted()
        raise error
    return 1
