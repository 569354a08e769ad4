"""``python -m pipeline`` and ``saccade``: run a command, and tell errors in a line or two."""

import os
import sys
from pathlib import Path

from pipeline.surroundings import complete_environment
from pipeline.utf8 import become, escape_what_cannot_be_printed, start_anew_in_utf8

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run the command line.

    Exit codes: 0 done; 1 it could not be done, the message says why; 2 params.yaml or the command line is wrong;
    130 Ctrl-C; 128 + n on signal n. What is not a user's error keeps its traceback.
    """
    start_anew_in_utf8()
    escape_what_cannot_be_printed()
    complete_environment(HERE.parent)
    _use_the_tree_we_stand_in()
    from pipeline.cli import app
    from pipeline.exit_codes import report_error

    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    try:
        app(standalone_mode=True, prog_name="saccade")  # shells complete that name, whichever way we were called
    except SystemExit as end:
        if end.code == 130:  # Typer's way of ending on Ctrl-C
            report_error(KeyboardInterrupt(), command)
        raise
    except BaseException as error:  # noqa: BLE001 - what is not ours to explain is raised again there
        sys.exit(report_error(error, command))


def _use_the_tree_we_stand_in() -> None:
    """An installed ``saccade`` called in another copy of the project runs that copy's code, not its own."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return  # it was deleted: commands that need a tree say so
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "pipeline" / "__main__.py").is_file():
            if (folder / "pipeline").resolve() != HERE:
                environment = os.environ | {
                    "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
                }
                become([sys.executable, "-P", "-m", "pipeline", *sys.argv[1:]], environment)
            return


if __name__ == "__main__":
    main()
