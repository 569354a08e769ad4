"""What a command says when it fails, and how it ends."""

import errno
import os

from pipeline.console import warn
from saccade.errors import UserError

_PLAIN = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE)


def exit_code_of(error: BaseException) -> int:
    """Tell a user's error in a line or two and give the exit code.

    Args:
        error: what a command raised.

    Returns:
        The exit code of the process.

    Raises:
        BaseException: ``error`` itself, when it is not a user's: a defect of ours keeps its traceback.
    """
    from pipeline.params import ParamsError  # it imports pydantic, without which --help answers sooner

    if isinstance(error, ParamsError):
        warn(str(error))
        return 2
    if isinstance(error, KeyboardInterrupt):
        warn("stopped; the same command goes on from the last finished epoch")
        return 130
    if isinstance(error, UserError):
        warn(f"error: {error}")
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        warn(
            f"error: the disk is full ({error.filename or 'while writing'}); free some space and run the command again"
        )
    elif isinstance(error, OSError) and error.errno in _PLAIN:
        warn(f"error: {error.strerror}: {error.filename}")
    else:
        raise error
    if os.environ.get("DVC_STAGE"):
        warn("DVC removed this stage's earlier output before it began: `dvc checkout` brings it back")
    return 1
