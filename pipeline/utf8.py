"""Python's UTF-8 mode for a command and all that it starts, whatever the locale says.

Under an 8-bit locale, or with ``PYTHONUTF8=0``, Python reads the names of files in that encoding: a folder ``café`` is
then two other letters, or none. Names on disk, params.yaml and dvc.lock are UTF-8 here on every machine.
"""

import codecs
import io
import locale
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

_STARTED_ANEW = "SACCADE_UTF8"  # set for the process that we become, so that it does not do so again


def is_utf8() -> bool:
    """Whether names of files, text files and the output of other programs are read as UTF-8."""
    encodings = (sys.getfilesystemencoding(), locale.getpreferredencoding(do_setlocale=False))  # the mode counts here
    return all(codecs.lookup(encoding).name == "utf-8" for encoding in encodings)


def start_anew_in_utf8() -> None:
    """Become the same command in UTF-8 mode, where this process is not in it: it can only be chosen at the start."""
    if is_utf8() or os.environ.get(_STARTED_ANEW):
        os.environ.pop(_STARTED_ANEW, None)  # what we start decides for itself
        return
    # Of several -X utf8 the first one counts.
    become([sys.executable, "-X", "utf8=1", *sys.orig_argv[1:]], os.environ | {"PYTHONUTF8": "1", _STARTED_ANEW: "1"})


def become(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Go on as another program in this one's place.

    Windows has no such thing: its ``exec`` starts a second process and hands the terminal back at once. There the other
    program is waited for.

    Args:
        command: the program and its arguments.
        environment: its environment.
    """
    if sys.platform == "win32":
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    os.execve(command[0], list(command), environment)


def escape_what_cannot_be_printed() -> None:
    r"""Print a letter that the terminal has not, or a byte of a name that is no letter, as ``\xe9`` or ``\udce9``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
