"""Processes forked from one that has imported much end as processes of their own do."""

import os
from pathlib import Path

import pytest
from conftest import Tree
from warm_python import run


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
