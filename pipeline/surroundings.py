"""What libraries expect around a command and containers often lack: a name for the user's number, a home.

DVC asks for both and ends with an error of its own; torch's compiler and others ask for them too.
"""

import getpass
import os
from pathlib import Path


def complete_environment(folder: Path) -> None:
    """Set ``USER`` and ``HOME`` for this command and all that it starts, where the system knows neither.

    What is set stays as it is.

    Args:
        folder: where a home can be, should one be needed; nothing is created before somebody writes there.
    """
    try:
        getpass.getuser()
    except (OSError, KeyError, ImportError):  # the user's number has no entry, as with `docker run --user 12345`
        os.environ["USER"] = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(folder.resolve() / ".saccade" / "home")
