"""tasks.py does what the Makefile does, with whatever Python there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """tasks.py in a project whose environment is complete, with a `python` that says how it was called."""
    (tmp_path / "tasks.py").write_bytes((ROOT / "tasks.py").read_bytes())
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    folder = tmp_path / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    folder.mkdir(parents=True)
    if os.name == "nt":
        pytest.skip("a script cannot stand for python.exe")
    python = folder / "python"
    python.write_text('#!/bin/sh\necho "$@"\necho "$PYTHONUTF8 ${PATH%%:*}"\nexit "${CODE:-0}"\n', encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / ".venv" / ".complete").touch()
    return tmp_path


def tasks(project: Path, *arguments: str, python: str = sys.executable, **environment: str) -> tuple[int, str]:
    command = [python, str(project / "tasks.py"), *arguments]
    ended = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["run"], "-m pipeline repro"),
        (["run", "evaluate@lenet5-digits"], "-m pipeline repro evaluate@lenet5-digits"),
        (["test", "-x", "tests/test_tasks.py"], "-m pytest -x tests/test_tasks.py"),
        (["lint"], "-m ruff check ."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_task_calls_the_environments_own_python(arguments: list[str], call: str, project: Path) -> None:
    code, said = tasks(project, *arguments, PYTHONUTF8="0")
    assert code == 0 and said.splitlines()[:2] == [call, f"1 {project / '.venv' / 'bin'}"]


def test_the_exit_code_is_that_of_the_program(project: Path) -> None:
    assert tasks(project, "lint", CODE="3")[0] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "error: there is no task 'nope'; there are env, run, test"),
        (["env", "now"], "error: env takes no arguments, but was given now"),
    ],
    ids=["unknown", "superfluous"],
)
def test_a_wrong_call_is_told(arguments: list[str], message: str, project: Path) -> None:
    code, said = tasks(project, *arguments)
    assert code == 1 and said.startswith(message)


def test_an_environment_older_than_its_sources_gets_the_pinned_versions_anew(project: Path) -> None:
    os.utime(project / ".venv" / ".complete", (0, 0))
    code, said = tasks(project, "env")
    install = "-m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .[dev]"
    assert code == 0 and said.startswith("creating .venv with Python") and install in said.splitlines()
    assert tasks(project, "env") == (0, "")


def test_every_task_of_the_makefile_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)) - {"clean-env"}  # rm -r, or the Explorer
    said = subprocess.run([sys.executable, str(ROOT / "tasks.py")], capture_output=True, text=True, check=True).stdout
    assert targets <= {line.split()[0] for line in said.splitlines()}
