"""Texts on the disk, digests in memory: they are sequences like any list."""

import gc
import os
import tracemalloc
from pathlib import Path

import pytest

from saccade.kinds.tokens.corpus.packed_texts import Digests, PackedTexts

TEXTS = ["", "plain", "two\nlines", "Łódź 東京 👍", "lone \udcff half", "x" * 100_000, ""]


def test_texts_come_back_in_any_order() -> None:
    packed = PackedTexts(TEXTS)
    assert len(packed) == len(TEXTS) and list(packed) == TEXTS
    assert packed[-1] == TEXTS[-1] and packed[3] == TEXTS[3] and packed[1:6:2] == TEXTS[1:6:2]
    for beyond in (len(TEXTS), -len(TEXTS) - 1):
        with pytest.raises(IndexError):
            packed[beyond]


def test_it_grows_while_it_is_read() -> None:
    packed = PackedTexts()
    for i in range(50):
        packed.append(f"text {i}")
        assert packed[i] == f"text {i}" and packed[i // 2] == f"text {i // 2}"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    packed = PackedTexts(TEXTS)
    assert packed[3] == TEXTS[3] and list(tmp_path.iterdir()) == []
    gc.collect()  # what other tests left to be collected is no file of this one
    open_files = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208
    del packed
    gc.collect()
    if open_files:
        assert len(os.listdir("/proc/self/fd")) == open_files - 1  # noqa: PTH208


def test_a_hundred_thousand_lines_take_a_megabyte_of_memory() -> None:
    tracemalloc.start()
    packed, digests = PackedTexts(), Digests()
    before = tracemalloc.get_traced_memory()[0]
    for i in range(100_000):
        packed.append(f"a line of some length, as lines are, number {i}")
        digests.append(b"%d" % i)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert packed[99_999].endswith("99999") and len(set(digests)) == 100_000
    assert grown < 5_000_000  # 8 bytes a text and 16 a digest, and what their arrays keep ready; as a list: 25 MB


def test_a_full_disk_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: open("/dev/full", "wb", buffering=0))  # noqa: SIM115, PTH123
    packed = PackedTexts(["some text"])
    with pytest.raises(OSError, match="TMPDIR"):
        packed[0]
