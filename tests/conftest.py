"""Fixtures that several test files share."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

# Small networks on a busy machine: two threads would wait for each other at every step. Before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell that runs the tests in the background lets them ignore Ctrl-C, and all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
_DATA = Path(os.environ.get("SACCADE_TEST_DATA", Path(__file__).parents[2] / "shared" / "datasets"))


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """``real_data("mnist")`` is that part of the real data; the test is skipped where it is absent."""

    def find(name: str) -> Path:
        if not (_DATA / name).exists():
            pytest.skip(f"needs {_DATA / name}; SACCADE_TEST_DATA names another folder")
        return _DATA / name

    return find
