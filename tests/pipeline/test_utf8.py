"""Commands under a locale that knows no letters beyond ASCII."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Tree
from PIL import Image

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0"}  # by itself, C alone puts Python into its UTF-8 mode

TWO_CLASSES = """\
seed: 0
tracking: {experiment: saccade}
datasets:
  pictures:
    source: {name: image_folder, path: PLACE}
    split: {test: 0.25, validation: 0.25}
    preprocess: {size: [20, 20], channels: 1}
    augment: {views: 0}
runs: {}
"""


# One process for both, for importing torch is most of their time. It starts anew in the first ``main``.
_BOTH = """
import sys
from pipeline.__main__ import main
for command in ("fetch", "preprocess"):
    sys.argv = ["saccade", command, "pictures"]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
"""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for name in ("café", "naïve", "日本"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            pixels = draw.integers(0, 256, (12, 11, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"é{number}.png")
    return tmp_path / "photos"


def test_class_folders_beyond_ascii_are_packed_and_named_on_the_page(tree: Tree, pictures: Path) -> None:
    tree.params.write_text(TWO_CLASSES.replace("PLACE", str(pictures)), encoding="utf-8")
    ended = tree.python("-c", _BOTH, **ASCII)
    assert ended.code == 0, ended.err
    page = (tree.root / "reports/datasets/pictures/report.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("café", "naïve", "日本"))


PROBE = """
import json, os, sys
from pipeline.utf8 import start_anew_in_utf8
start_anew_in_utf8()
print(json.dumps([sys.flags.utf8_mode, [os.fsencode(word).hex() for word in sys.argv[1:]], sorted(os.environ)]))
"""


@pytest.mark.parametrize("flags", [[], ["-X", "utf8=0"]], ids=["by the environment", "by a flag of Python's"])
def test_a_command_starts_anew_once_with_the_same_bytes_as_arguments(flags: list[str]) -> None:
    words = [b"caf\xc3\xa9", b"caf\xe9", b"two\nlines"]
    ended = subprocess.run(
        [sys.executable, *flags, "-c", PROBE, *words], cwd=ROOT, env=os.environ | ASCII, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    mode, arguments, names = json.loads(ended.stdout)
    assert mode == 1
    assert arguments == [word.hex() for word in words]
    assert "PYTHONUTF8" in names and "SACCADE_UTF8" not in names


def test_what_we_start_is_in_utf8_mode_whatever_the_environment_said() -> None:
    child = "import sys; print(sys.flags.utf8_mode)"
    code = f"import pipeline, subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    environment = os.environ | ASCII
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.stdout == "1\n"


SAYING = """
from pipeline.console import say
from pipeline.utf8 import escape_what_cannot_be_printed
escape_what_cannot_be_printed()
say("café \\udce9")
"""


@pytest.mark.parametrize(
    ("encoding", "printed"), [("utf-8", "café \\udce9\n"), ("ascii", "caf\\xe9 \\udce9\n")], ids=["utf-8", "ascii"]
)
def test_what_a_terminal_cannot_show_is_escaped(encoding: str, printed: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    ended = subprocess.run([sys.executable, "-c", SAYING], cwd=ROOT, env=environment, capture_output=True)
    assert (ended.returncode, ended.stdout.decode()) == (0, printed)
