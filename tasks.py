#!/usr/bin/env python3
"""The tasks of the Makefile for machines without make or bash, such as Windows: ``python tasks.py run``.

    python tasks.py                 what there is
    python tasks.py env             creates .venv with the exact versions of constraints.txt
    python tasks.py run             env, then the pipeline and the table of the runs
    python tasks.py test [ARG ...]  env, then the tests; what follows goes to pytest

Standard library only. The Python that runs this file makes the environment: 3.11 or newer.
"""

from __future__ import annotations  # an older Python than the oldest we take has to come as far as saying so

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / ".complete"  # the Makefile's too: each finds what the other has made
SOURCES = ("pyproject.toml", "constraints.txt")
OLDEST = (3, 11)
SETTINGS = {
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DVC_NO_ANALYTICS": "1",
    "PYTHONUTF8": "1",
}


def environment() -> dict[str, str]:
    """What a command gets: as the Makefile exports it. DVC runs ``python`` from PATH: it must be this environment's."""
    return {
        **SETTINGS,
        **os.environ,
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")]),
        "PYTHONUTF8": "1",
    }


def call(*command: str | Path) -> None:
    """Run a command in the project's folder; end with its exit code where it fails."""
    code = subprocess.run([str(part) for part in command], cwd=str(ROOT), env=environment(), check=False).returncode
    if code != 0:
        sys.exit(code)


def fail(message: str) -> NoReturn:
    """End with a message."""
    sys.exit("error: " + message)


def is_complete() -> bool:
    """Whether .venv is there and no older than what says what it holds."""
    if not STAMP.exists() or not PYTHON.exists():
        return False
    made_at = STAMP.stat().st_mtime
    return all((ROOT / name).stat().st_mtime <= made_at for name in SOURCES)


def _has_pip() -> bool:
    command = [str(PYTHON), "-m", "pip", "--version"]
    return PYTHON.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def env() -> None:
    """Create .venv with the exact versions of constraints.txt; again when they or pyproject.toml change."""
    if is_complete():
        return
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < OLDEST:
        fail(
            f"Python must be 3.11 or newer, but this is {version}; call this file with another one, such as "
            "`python3.12 tasks.py env`"
        )
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        fail(f"{sys.executable} cannot make environments; on Debian and Ubuntu: apt install python3-venv")
    print(f"creating .venv with Python {version}: a few minutes the first time, mostly torch", flush=True)
    if not _has_pip():
        if Path(sys.prefix).resolve() == VENV.resolve():
            fail(".venv must be made anew, but its own Python runs this file; call it with the one that is installed")
        venv.EnvBuilder(clear=True, with_pip=True, symlinks=os.name != "nt").create(str(VENV))
    pip = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    call(*pip, "--constraint", "constraints.txt", "--editable", ".[dev]")
    STAMP.touch()


def run(*arguments: str) -> None:
    """Environment, check, dvc repro, table of the runs."""
    env()
    call(PYTHON, "-m", "pipeline", "repro", *arguments)


def test(*arguments: str) -> None:
    """The tests: offline, on the CPU, a few minutes."""
    env()
    call(PYTHON, "-m", "pytest", *arguments)


def test_all(*arguments: str) -> None:
    """The slow ones too."""
    test("-m", "", *arguments)


def lint() -> None:
    """Style, types, docstrings."""
    env()
    call(PYTHON, "-m", "ruff", "check", ".")
    call(PYTHON, "-m", "ruff", "format", "--check", ".")
    call(PYTHON, "-m", "mypy")
    call(PYTHON, "-c", "import sys; from pydoclint.main import main; sys.exit(main())", "--quiet", "src", "pipeline")


def format_() -> None:
    """Put the code in the house's form."""
    env()
    call(PYTHON, "-m", "ruff", "format", ".")
    call(PYTHON, "-m", "ruff", "check", "--fix", ".")


def docs() -> None:
    """Write docs/params.md and docs/params.schema.json from pipeline/schema/."""
    env()
    call(PYTHON, "-m", "pipeline.commands.params_reference")


def ui() -> None:
    """MLflow on http://127.0.0.1:5000; the environment variable PORT names another port."""
    env()
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    store = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    port = os.environ.get("PORT") or "5000"
    call(PYTHON, "-m", "mlflow", "ui", "--backend-store-uri", store, "--host", "127.0.0.1", "--port", port)


def bench(*arguments: str) -> None:
    """Run the benchmarks and write docs/performance.md; wants a quiet machine."""
    env()
    call(PYTHON, "benchmarks/run_all.py", *arguments)


TASKS = {
    "env": env,
    "run": run,
    "test": test,
    "test-all": test_all,
    "lint": lint,
    "format": format_,
    "docs": docs,
    "ui": ui,
    "bench": bench,
}


def main(arguments: Sequence[str]) -> None:
    """Run the task that the first argument names.

    Args:
        arguments: a task, and what it passes on to the program behind it.
    """
    if not arguments or arguments[0] in ("help", "-h", "--help"):
        for name, task in TASKS.items():
            print("{:<12}{}".format(name, (task.__doc__ or "").strip().rstrip(".")))
        return
    name, rest = arguments[0], arguments[1:]
    if name not in TASKS:
        fail("there is no task {!r}; there are {}".format(name, ", ".join(TASKS)))
    if rest and TASKS[name].__code__.co_flags & 0x04 == 0:  # it takes no *arguments
        fail("{} takes no arguments, but was given {}".format(name, " ".join(rest)))
    TASKS[name](*rest)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
