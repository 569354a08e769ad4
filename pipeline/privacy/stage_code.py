"""The code of a stage: what of the files and folders that dvc.yaml lists for it is Python."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline import paths

_TEMPLATE = re.compile(r"\$\{([^}]+)\}")
_OUTS = ("outs", "metrics", "plots")


def code_patterns(stage: str, item: Mapping[str, object]) -> list[str]:
    """The Python files of a stage as patterns of git, from the tree's root.

    A listed file is itself, a listed folder every ``.py`` below it; what another stage makes is data and no code.

    Args:
        stage: name in dvc.yaml.
        item: what stands for the templates, such as ``{"item.model.name": "lenet5"}``; ``*`` stands for what is absent.

    Returns:
        Sorted, such as ``[":(glob)src/saccade/models/lenet5.py", ":(glob)src/saccade/nn/**/*.py"]``; empty without a
        dvc.yaml.
    """
    from ruamel.yaml import YAML

    if not paths.PIPELINE.is_file():
        return []
    stages = YAML(typ="safe", pure=True).load(paths.PIPELINE.read_text(encoding="utf-8"))["stages"]
    made = {_TEMPLATE.sub("*", name) for each in stages.values() for key in _OUTS for name in _names(_body(each), key)}
    patterns = set()
    for name in _names(_body(stages[stage]), "deps"):
        if _TEMPLATE.sub("*", name) in made:
            continue
        filled = _TEMPLATE.sub(lambda match: _escaped(item[match[1]]) if match[1] in item else "*", name).rstrip("/")
        if filled.endswith(".py"):
            patterns.add(f":(glob){filled}")
        elif "." not in filled.rpartition("/")[2]:  # a file of another kind is data
            patterns.add(f":(glob){filled}/**/*.py")
    return sorted(patterns)


def _body(stage: Mapping[str, Any]) -> Mapping[str, Any]:
    """A stage, or what a ``foreach`` does again and again."""
    return stage.get("do", stage)


def _names(body: Mapping[str, Any], key: str) -> Iterator[str]:
    """Entries are texts, or mappings of one name to its options."""
    for entry in body.get(key) or ():
        yield from (entry,) if isinstance(entry, str) else entry


def _escaped(value: object) -> str:
    """A name in which no character stands for others."""
    return re.sub(r"([*?\[\\])", r"\\\1", str(value))
