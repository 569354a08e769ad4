"""A small copy of the tree to run commands in."""

import compileall
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
import warm_python
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
_COPIED = ("pipeline", "src", "recipes", "dvc.yaml", "params.yaml", "pyproject.toml", ".gitignore")

# Runs commands one after the other in one process, for starting Python and importing torch is most of their time.
_MANY = """
import contextlib, io, json, os, sys, traceback
from pipeline.__main__ import main
home, results = os.getcwd(), []
commands, drawn = json.loads(sys.argv[1])
figures = sys.modules.get("matplotlib.figure")
plain = getattr(figures, "Figure", None)
for arguments in commands:
    os.chdir(home)
    if arguments in drawn:
        figures.Figure = plain.real
    sys.argv = ["saccade", *arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = (exec(arguments[1], {}) if arguments[:1] == ["!"] else main()) or 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            code = traceback.format_exc()
    if arguments in drawn:
        figures.Figure = plain
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps([results, sorted(sys.modules)]))
"""


class _Unknown(set[str]):
    """What cannot be asked: a process that begins with modules imported does not show which a command imports."""

    def __and__(self, *other: object) -> set[str]:
        raise AssertionError("which modules are imported is seen with run_all(..., cold=True) alone")

    __contains__ = __iter__ = __and__  # type: ignore[assignment]


class Ended(NamedTuple):
    """How a command ended; ``code`` is a traceback when it raised."""

    code: int | str
    out: str
    err: str


@dataclass(frozen=True)
class Tree:
    """A copy of the tree.

    Attributes:
        root: its folder.
        draws: whether commands draw their figures, or write a plain square in place of each, which takes a quarter of
            the time; the tests below whole/ draw each kind of figure once, those of tests/saccade look at them.
        tracks: whether what commands train and measure is copied to MLflow, or a process that copies nothing says so.
    """

    root: Path
    draws: bool = False
    tracks: bool = True

    @property
    def params(self) -> Path:
        return self.root / "params.yaml"

    def replace(self, file: str, old: str, new: str) -> None:
        text = (self.root / file).read_text(encoding="utf-8")
        assert old in text
        (self.root / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    def python(self, *arguments: str, cwd: Path | None = None, cold: bool = False, **environment: str) -> Ended:
        """``python ...`` in the tree, in a process that has torch and MLflow imported already.

        Args:
            arguments: begin with ``-m`` or ``-c``.
            cwd: None is the root of the tree.
            cold: start Python itself, to see what is imported; so do environment variables that it reads as it starts.
            environment: variables beside those of the tests.
        """
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_", "PYTHON"))}
        clean |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"} | environment
        clean[warm_python.PLAIN_FIGURES] = str(int(not self.draws))
        clean[warm_python.UNTRACKED] = str(int(not self.tracks))
        if not cold and not any(key.startswith(("OMP_", "PYTHON")) for key in environment.keys() - {"PYTHONPATH"}):
            return Ended(*warm_python.run(arguments, cwd=cwd or self.root, env=clean))
        ended = subprocess.run(
            [sys.executable, *arguments], cwd=cwd or self.root, env=clean, capture_output=True, text=True
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def run(self, *arguments: str, cwd: Path | None = None, cold: bool = False, **environment: str) -> Ended:
        """``python -m pipeline ...``."""
        return self.python("-m", "pipeline", *arguments, cwd=cwd, cold=cold, **environment)

    def run_all(
        self, *commands: Sequence[str], drawn: Sequence[Sequence[str]] = (), cold: bool = False
    ) -> tuple[list[Ended], set[str]]:
        """Commands in one process; how each ended, and, of a cold one, the modules that were imported at the end.

        ``["!", code]`` runs a line of Python between two commands. Those in ``drawn`` draw their figures in a tree that
        draws none.
        """
        assert all(command in commands for command in drawn)
        ended = self.python("-c", _MANY, json.dumps([commands, drawn]), cold=cold)
        assert ended.code == 0, ended.err
        results, modules = json.loads(ended.out)
        return [Ended(*result) for result in results], set(modules) if cold else _Unknown()

    def snapshot(self, below: str = ".") -> dict[str, bytes | None]:
        """Every file below a folder with its bytes, and every folder."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes() if path.is_file() else None
            for path in sorted((self.root / below).rglob("*"))
            if not {"__pycache__", ".git"} & set(path.parts)
        }


@pytest.fixture(scope="session")
def make_tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Tree]:
    """``make_tree()`` is a new copy of the tree, a git repository without a commit; ``draws``, ``tracks``: see Tree."""
    # Compiled once: commands write no bytecode, and compiling their modules anew would take each a third of a second.
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # the processes that run the tests side by side take one
        shared = shared.parent
    first = shared / "first"
    with FileLock(shared / "first.lock"):
        if not (first / ".git").exists():
            first.mkdir()
            for item in _COPIED:
                (shutil.copytree if (ROOT / item).is_dir() else shutil.copy2)(ROOT / item, first / item)
            assert all(compileall.compile_dir(first / item, quiet=1) for item in ("pipeline", "src"))
            subprocess.run(["git", "init", "--quiet"], cwd=first, check=True)

    def make(draws: bool = False, tracks: bool = True) -> Tree:
        root = tmp_path_factory.mktemp("tree")
        shutil.copytree(first, root, dirs_exist_ok=True)
        return Tree(root, draws, tracks)

    return make


@pytest.fixture
def tree(make_tree: Callable[..., Tree]) -> Tree:
    """A copy of the tree."""
    return make_tree()


@pytest.fixture
def inside(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A copy of the tree that this process stands in; the code is the tree's own, not the copy's."""
    monkeypatch.chdir(tree.root)
    for name in [key for key in os.environ if key.startswith(("DVC_", "MLFLOW_TRACKING"))]:
        monkeypatch.delenv(name)
    return tree
