"""From files to a trained and measured network with ``saccade start`` and ``saccade repro``, no line edited between."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, Tree
from written_files import WORDS, write_texts

pytestmark = [pytest.mark.slow, pytest.mark.pipeline, pytest.mark.timeout(600)]


def test_start_and_repro_take_no_edit(tree: Tree, tmp_path: Path) -> None:
    ends = {"Finnish": "nen", "Irish": "gan", "Polish": "ski"}
    lines = {
        f"{name}.txt": "\n".join(f"{a[:3]}{b[:2]}{end}" for a in WORDS for b in WORDS[:8]) for name, end in ends.items()
    }
    write_texts(tmp_path / "surnames", lines)
    shutil.copytree(ROOT / ".dvc", tree.root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "config.local"))
    subprocess.run(["git", "add", "-A"], cwd=tree.root, check=True)

    started = tree.run("start", str(tmp_path / "surnames"))
    assert (started.code, started.err) == (0, "")
    *_, repro, predict = (line.strip().split() for line in started.out.splitlines())
    assert repro == ["saccade", "repro", "evaluate@surnames"] and predict[:3] == ["saccade", "predict", "surnames"]

    ended = tree.run(*repro[1:], DVC_NO_ANALYTICS="1", HOME=os.environ.get("HOME", str(tmp_path)))
    assert ended.code == 0, ended.out + ended.err
    measured = json.loads((tree.root / "reports" / "surnames" / "metrics.json").read_text())
    assert measured["accuracy"] > 0.9
    assert "Irish" in tree.run("predict", "surnames", "--text", "sorbugan").out
