"""The message and the exit code of a command that fails."""

import errno
import os

from pipeline.console import warn
from pipeline.params.problems import ParamsError
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


def _report(error: BaseException, command: str) -> int:
    if isinstance(error, ParamsError):
        warn(str(error))
        return 2
    if isinstance(error, KeyboardInterrupt | KilledBySignal):
        by = f" by {error}" if isinstance(error, KilledBySignal) else ""
        next_time = "resumes where it stopped" if command in _RESUMABLE else "starts over"
        if not _is_one_of_several():
            warn(f"stopped{by}; the same command {next_time}")
        return 128 + error.number if isinstance(error, KilledBySignal) else 130
    if isinstance(error, LostConnectionError) and _is_one_of_several():
        return 1
    if isinstance(error, UserError):
        warn(f"error: {error}" if current_rank().rank == 0 else f"error in rank {current_rank().rank}: {error}")
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        warn(
            f"error: the disk is full ({error.filename or 'while writing'}); free some space and run the command again"
        )
    elif isinstance(error, OSError) and error.errno in _PLAIN_ERRNOS:
        warn(f"error: {error.strerror}" + (f": {error.filename}" if error.filename else ""))
    else:
        raise error
    return 1
