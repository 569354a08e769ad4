"""The name of a run: one SHA-256 over everything that decides its result."""

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import paths
from saccade.files import sha256_of_file


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
    """SHA-256 of the code files that a stage of dvc.yaml lists.

    Args:
        stage: name in dvc.yaml.
        item: what stands for the templates, such as ``{"item.model.name": "lenet5"}``.

    Returns:
        Path to digest.
    """
    files = [_fill(path, item) for path in _code_files(stage)]
    return {path: sha256_of_file(Path(path)) for path in files}


@functools.cache
def _code_files(stage: str) -> list[str]:
    from ruamel.yaml import YAML

    stages = YAML(typ="safe", pure=True).load(paths.PIPELINE.read_text(encoding="utf-8"))["stages"]
    return [path for path in stages[stage]["do"]["deps"] if isinstance(path, str) and path.endswith(".py")]


def _fill(template: str, item: Mapping[str, str]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda match: item[match[1]], template)
