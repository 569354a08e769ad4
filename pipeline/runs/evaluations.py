"""evaluated.json of a run, read: what was measured, on what, with what. The stage evaluate writes it."""

from pathlib import Path
from typing import Any

from pipeline import paths
from saccade.core.files import read_json
from saccade.evaluate.outcomes import FILE_NAME

FORMAT = 1


def path_of(run: str) -> Path:
    """Where evaluated.json of a run lies."""
    return paths.report(run) / "evaluated.json"


def outcomes_path(run: str) -> Path:
    """Where lies what a run got on each test example."""
    return paths.report(run) / "evaluation" / FILE_NAME


def read_evaluated(run: str) -> dict[str, Any]:
    """What evaluated.json says; nothing where the run was not evaluated, or by a version that wrote none.

    Args:
        run: key in ``runs:``.

    Returns:
        Its values, less the format.

    Raises:
        UserError: it is damaged, or of another format.
    """
    path = path_of(run)
    return read_json(path, format_number=FORMAT, make_with=f"saccade evaluate {run}") if path.exists() else {}
