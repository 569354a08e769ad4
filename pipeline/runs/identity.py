"""The name of a run: one SHA-256 over everything that decides its result."""

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import paths
from saccade.core.files import sha256_of_file


def identity_of(settings: Mapping[str, Any], digests: Mapping[str, str], code: Mapping[str, str]) -> str:
    """Name a run.

    Args:
        settings: resolved params and seeds, plain JSON values.
        digests: SHA-256 of each array that training reads.
        code: SHA-256 of each code file that decides the result.

    Returns:
        64 hexadecimal digits.
    """
    whole = {"settings": settings, "digests": digests, "code": code}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, allow_nan=False).encode()).hexdigest()


def code_digests(stage: str, item: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of the code files that a stage of dvc.yaml lists, alone or in folders.

    Args:
        stage: name of a stage in dvc.yaml.
        item: values of the templates, such as ``{"item.model.name": "lenet5"}``.

    Returns:
        Path to digest, in the order of dvc.yaml; the files of a folder in the order of their names.
    """
    files = [file for path in _code_paths(stage) for file in _files_of(Path(_fill(path, item)))]
    return {file.as_posix(): sha256_of_file(file) for file in files}


def listed_code(stage: str, item: Mapping[str, str]) -> dict[str, str]:
    """One SHA-256 for each folder and file of code that a stage of dvc.yaml lists.

    Args:
        stage: name of a stage in dvc.yaml.
        item: values of the templates, such as ``{"item.model.name": "lenet5"}``.

    Returns:
        Path to digest, in the order of dvc.yaml: of a folder that of the paths and digests of its files.
    """
    by_file, listed = code_digests(stage, item), {}
    for template in _code_paths(stage):
        path = _fill(template, item)
        inside = {file: digest for file, digest in by_file.items() if file == path or file.startswith(f"{path}/")}
        whole = "".join(f"{digest}  {file}\n" for file, digest in inside.items())
        listed[path] = inside.get(path) or hashlib.sha256(whole.encode()).hexdigest()
    return listed


def code_items(model: str, task: str) -> dict[str, str]:
    """Values of the templates of the stages that run a model on a task."""
    return {"item.model.name": model, "item.task.name": task}


def _files_of(path: Path) -> list[Path]:
    """The file itself, or all files of a folder and of those below it, less what .dvcignore leaves out."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc")


@functools.cache
def _code_paths(stage: str) -> list[str]:
    """The listed code: what lies below src/ and pipeline/; the other dependencies are data."""
    from ruamel.yaml import YAML

    stages = YAML(typ="safe", pure=True).load(paths.PIPELINE.read_text(encoding="utf-8"))["stages"]
    return [path for path in stages[stage]["do"]["deps"] if path.startswith(("src/", "pipeline/"))]


def _fill(template: str, item: Mapping[str, str]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda match: item[match[1]], template)
