"""Processes forked from one that has imported much end as processes of their own do."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Tree
from PIL import Image
from warm_python import STORE_VARIABLE, UPLOADER, Started, python_folder, run

from pipeline.tracking.uploader import MlflowUploader


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("print('said')", (0, "said\n", "")),
        ("import sys; print('ä', file=sys.stderr); sys.exit(3)", (3, "", "ä\n")),
        ("import os; os.kill(os.getpid(), 9)", (-9, "", "")),
        ("import os, sys; print(os.getcwd(), {**os.environ}, sys.argv[1:])", (0, "{cwd} {{'A': 'b'}} ['one']\n", "")),
        ("import atexit; atexit.register(print, 'at last'); raise SystemExit", (0, "at last\n", "")),
        ("print({'saccade', 'pipeline'} & {name.partition('.')[0] for name in __import__('sys').modules})",
         (0, "set()\n", "")),
        ("import sys; sys.exit('a word')", (1, "", "a word\n")),
        ("import threading, time; threading.Thread(target=lambda: time.sleep(0.1) or print('thread')).start()",
         (0, "thread\n", "")),
    ],
)  # fmt: skip
def test_it_ends_as_python_does(tmp_path: Path, code: str, ended: tuple[int, str, str]) -> None:
    expected = (ended[0], ended[1].format(cwd=tmp_path.resolve()), ended[2])
    assert run(["-c", code, "one"], cwd=tmp_path, env={"A": "b"}) == expected


def test_an_exception_has_its_traceback(tmp_path: Path) -> None:
    code, out, err = run(["-c", "1 / 0"], cwd=tmp_path, env=os.environ)
    assert (
        (code, out) == (1, "") and err.startswith("Traceback") and err.endswith("ZeroDivisionError: division by zero\n")
    )


def test_a_warm_command_says_what_a_cold_one_does(tree: Tree) -> None:
    tree.replace("src/saccade/__init__.py", '"""saccade', 'print("the copy\'s own")\n"""saccade')
    warm, cold = (tree.run("train", "lenet5-digit", cold=cold) for cold in (False, True))
    assert warm == cold and warm.code == 1 and warm.out == "the copy's own\n"


def test_the_python_that_other_programs_start_is_a_warm_one(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.argv, os.getcwd(), 'torch' in sys.modules, sys.stdin.read()); sys.exit(3)"
    environment = os.environ | {"PATH": f"{python_folder()}{os.pathsep}{os.environ['PATH']}"}
    shell = f"cd {tmp_path} && echo told | python -c \"{code}\" 'a b'; echo $?"
    ended = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True)
    assert ended.stdout == f"['-c', 'a b'] {tmp_path.resolve()} True told\n\n3\n" and ended.stderr == ""


@pytest.mark.parametrize("draws", [True, False])
def test_figures_are_drawn_where_a_tree_says_so(make_tree: Callable[..., Tree], draws: bool) -> None:
    code = (
        "from pathlib import Path; import pipeline, numpy; from saccade.display.figures import draw_confusion;"
        "draw_confusion(numpy.eye(3, dtype=int), ('a', 'b', 'c'), Path('three.png'))"
    )
    tree = make_tree(draws)
    ended = tree.python("-c", code)
    assert ended.code == 0, ended.err
    with Image.open(tree.root / "three.png") as figure:
        assert (figure.size == (8, 8)) is not draws


@pytest.mark.parametrize("tracks", [True, False])
def test_journals_are_copied_to_mlflow_where_a_tree_says_so(make_tree: Callable[..., Tree], tracks: bool) -> None:
    code = (
        "import pipeline; from pathlib import Path; from pipeline.tracking.uploader import MlflowUploader;"
        "uploader = MlflowUploader('sqlite:///mlflow.db', Path('journal').resolve()).__enter__();"
        "print(uploader.finish())"
    )
    tree = make_tree(tracks=tracks)
    ended = tree.python("-c", code)
    assert ended.code == 0, ended.err
    known = None if tracks else "0" * 32
    assert ended.out == f"Outcome(mlflow_run_id={known!r}, pending_reason=None)\n"
    assert (tree.root / "journal" / "uploader.log").exists() is tracks


def test_what_a_training_starts_is_what_is_forked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By another name it would be a Python of its own: seconds for each training, and no test red."""
    started: dict[str, Any] = {}

    def refuse(arguments: list[str], **options: Any) -> None:
        started.update(options, arguments=arguments)
        raise OSError("seen")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with MlflowUploader("sqlite:///mlflow.db"):
        pass
    assert started["arguments"] == [sys.executable, *UPLOADER]
    assert started["env"][STORE_VARIABLE] == "sqlite:///mlflow.db"


def test_one_that_is_started_runs_beside_us_until_it_is_ended(tmp_path: Path) -> None:
    code = "import os, time; print(os.getpid(), os.getsid(0), flush=True); open(f'{os.getpid()}', 'w'); time.sleep(60)"
    both = [Started(["-c", code], cwd=tmp_path, env={}) for _ in range(2)]
    with pytest.raises(subprocess.TimeoutExpired):
        both[0].wait(0.01)
    assert all(process.poll() is None for process in both)
    assert run(["-c", "print('meanwhile')"], cwd=tmp_path, env={})[1] == "meanwhile\n"
    while len(list(tmp_path.iterdir())) < 2:
        assert all(process.poll() is None for process in both)
    both[0].kill()
    both[1].send_signal(signal.SIGINT)
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [-signal.SIGKILL, -signal.SIGINT]
    assert "KeyboardInterrupt" in said[1][1] and said[0][0] in ("", f"{both[0].pid} {both[0].pid}\n")
    assert len({process.pid for process in both}) == 2


def test_one_that_is_started_ends_by_itself_too(tmp_path: Path) -> None:
    process = Started(["-c", "import os; print(os.getpid(), os.getsid(0)); raise SystemExit(3)"], cwd=tmp_path, env={})
    assert process.communicate(timeout=60) == (f"{process.pid} {process.pid}\n", "")
    assert process.returncode == process.poll() == process.wait() == 3
    process.kill()  # nobody
