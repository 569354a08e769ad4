"""``make env``: what it refuses in one line, and where torch's CPU wheels come from; with wheels made here, offline."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "make_env.sh"
# A project whose build needs nothing from an index.
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "small"
version = "1"
"""
BACKEND = """
import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{folder}/small-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("small.py", "")
        wheel.writestr("small-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\n"
            "Provides-Extra: dev\\nRequires-Dist: torch\\nRequires-Dist: torchvision\\n")
        wheel.writestr("small-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("small-1.dist-info/RECORD", "")
    return "small-1-py3-none-any.whl"
"""


def project(root: Path) -> Path:
    root.mkdir()
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "backend.py").write_text(BACKEND)
    (root / "constraints.txt").write_text("torch==2.15.0\ntorchvision==0.30.0\n")
    return root


def make_env(root: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    given = {"PYTHON": sys.executable, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "NEEDED_MB": "1 1"}
    return subprocess.run(["bash", SCRIPT], cwd=root, env=kept | given | settings, capture_output=True, text=True)


def wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    folder.mkdir(exist_ok=True, parents=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}/__init__.py", "")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def installed(root: Path) -> list[str]:
    listed = subprocess.run(
        [root / ".venv/bin/python", "-m", "pip", "--disable-pip-version-check", "freeze", "--exclude-editable"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [line.partition(" @ ")[0] for line in listed.stdout.split("\n") if line.startswith("torch")]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"PYTHON": ""}, "no Python 3.11 or newer was found; install one, or name it"),
        ({"CPU": "yes"}, "CPU (yes) must be 1, for torch's CPU wheels, or left out"),
        ({"TORCH_INDEX": "wheels"}, "TORCH_INDEX (wheels) needs CPU=1 beside it"),
        ({"NEEDED_MB": "999999999 1"}, "installing takes 1000000.0 GB of disk in"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_before_anything_is_made(settings, message, tmp_path):
    root = project(tmp_path / "project")
    ended = make_env(root, **settings)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"error: {message}") and len(ended.stderr.splitlines()) == 1
    assert not (root / ".venv").exists()


@pytest.mark.slow  # each makes an environment
def test_cpu_without_an_index_says_what_was_tried(tmp_path):
    root = project(tmp_path / "project")
    ended = make_env(root, CPU="1", PATH="/usr/bin:/bin")
    assert ended.returncode == 1 and f"with Python {sys.version.split()[0]} (/" in ended.stdout
    assert ended.stderr == (
        "error: CPU=1 needs CPU wheels of torch (pip's own index has no torch 2.15.0+cpu, uv is not installed): "
        "make env CPU=1 TORCH_INDEX=URL, an index or folder of them\n"
    )


@pytest.mark.slow
def test_torch_and_torchvision_come_from_the_folder_or_the_index_that_is_named(tmp_path):
    root, folder, index = project(tmp_path / "project"), tmp_path / "wheels", tmp_path / "index"
    for name, version in (("torch", "2.15.0"), ("torchvision", "0.30.0")):
        wheel(folder, name, f"{version}+cpu")
        wheel(index / name, name, f"{version}+cpu")
        page = f'<a href="{name}-{version}%2Bcpu-py3-none-any.whl">{name}</a>'
        (index / name / "index.html").write_text(f"<!DOCTYPE html><html><body>{page}</body></html>")
        wheel(tmp_path / "cuda", name, version, "Requires-Dist: nvidia-cublas\n")
    for where in (str(folder), index.as_uri()):
        settings = {"PIP_NO_INDEX": ""} if where == index.as_uri() else {"PIP_FIND_LINKS": str(tmp_path / "cuda")}
        ended = make_env(root, CPU="1", TORCH_INDEX=where, **settings)
        assert (ended.returncode, ended.stderr) == (0, ""), ended
        assert installed(root) == ["torch==2.15.0+cpu", "torchvision==0.30.0+cpu"]
        assert (root / ".venv/.complete").exists() and (root / ".venv/.torch-index").read_text() == f"{where}\n"
        if where == str(folder):  # newer pins, later, without CPU=1: the index is remembered
            for name, version in (("torch", "2.16.0"), ("torchvision", "0.31.0")):
                wheel(folder, name, f"{version}+cpu")
            (root / "constraints.txt").write_text("torch==2.16.0\ntorchvision==0.31.0\n")
            assert make_env(root).returncode == 0
            assert installed(root) == ["torch==2.16.0+cpu", "torchvision==0.31.0+cpu"]
            (root / "constraints.txt").write_text("torch==2.15.0\ntorchvision==0.30.0\n")
            shutil.rmtree(root / ".venv")
    shutil.rmtree(root / ".venv")
    ended = make_env(root, CPU="1", TORCH_INDEX=str(tmp_path / "cuda"))
    assert ended.returncode == 1 and not (root / ".venv").exists()
    assert ended.stderr.endswith("cuda gives torch for CUDA: TORCH_INDEX must be an index of CPU wheels\n")
