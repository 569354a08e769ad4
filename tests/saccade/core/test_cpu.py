"""How many cores: those that this process may use, and without waiting for torch."""

import os
import subprocess
import sys

import pytest

from saccade.core.cpu import usable_cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
def test_only_the_cores_that_the_process_may_use_count() -> None:
    code = "import os; from saccade.core.cpu import usable_cores; os.sched_setaffinity(0, {%d}); print(usable_cores())"
    core = min(os.sched_getaffinity(0))
    ended = subprocess.run([sys.executable, "-c", code % core], capture_output=True, text=True, check=True)
    assert int(ended.stdout) == 1
    assert usable_cores() == len(os.sched_getaffinity(0))


def test_where_cores_cannot_be_asked_for_it_is_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert usable_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


def test_augmenting_imports_no_torch() -> None:
    code = "import sys, saccade.augment.stored_views; print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
