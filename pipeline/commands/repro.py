"""``saccade repro [TARGETS]``: params.yaml has been checked; now ``dvc repro``, then the table."""

import errno
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.commands.compare import compare
from pipeline.console import say
from pipeline.params.load import Params
from pipeline.without_git import prepare_dvc, tell_missing_commit


def repro(params: Params, arguments: Sequence[str]) -> None:
    """Run DVC, then compare the runs.

    Args:
        params: the checked file.
        arguments: arguments for ``dvc repro``.

    Raises:
        OSError: the project's folder cannot be written to.
        UserError: DVC cannot be told to do without git.
        SystemExit: DVC failed; its exit code.
    """
    _refuse_read_only()
    prepare_dvc()
    tell_missing_commit()
    # DVC runs `python` from PATH: it must be this environment's, also where nobody has activated it.
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}
    command = [sys.executable, "-m", "dvc", "repro", *arguments]
    code = subprocess.run(command, env=environment, check=False).returncode
    if code != 0:
        raise SystemExit(code)
    compare(list(params.runs), named=False)
    say("next: `make ui` opens MLflow; `dvc plots show` draws the curves; pages: reports/index.html")


def _refuse_read_only() -> None:
    """DVC would call it an unexpected error."""
    for place in (Path(), Path(".dvc"), Path(".dvc", "tmp")):
        if place.exists() and not os.access(place, os.W_OK):
            number = errno.EROFS if _is_read_only_disk(place) else errno.EACCES
            raise OSError(number, os.strerror(number), str(place.absolute()))


def _is_read_only_disk(place: Path) -> bool:
    return hasattr(os, "statvfs") and bool(os.statvfs(place).f_flag & os.ST_RDONLY)
