"""``saccade repro [TARGETS]``: params.yaml has been checked; now ``dvc repro``, then the table."""

import subprocess
import sys
from collections.abc import Sequence

from pipeline.commands.listing import show_comparison
from pipeline.console import say
from pipeline.params.load import Params


def repro(params: Params, arguments: Sequence[str]) -> None:
    """Run DVC, then compare the runs.

    Args:
        params: the checked file.
        arguments: arguments for ``dvc repro``.

    Raises:
        SystemExit: DVC failed; its exit code.
    """
    code = subprocess.run([sys.executable, "-m", "dvc", "repro", *arguments], check=False).returncode
    if code != 0:
        raise SystemExit(code)
    show_comparison(params, list(params.runs))
    say("next: `make ui` opens MLflow; `dvc plots show` draws the curves; pictures: reports/<run>/evaluation/")
