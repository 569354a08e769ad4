"""dvc.yaml lists, for each stage, exactly the code that decides its result."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from import_closure import ROOT, closure
from ruamel.yaml import YAML

STAGES = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
TEMPLATES = {"source": "datasets", "model": "models", "task": "tasks"}


def listed(stage: str) -> list[str]:
    return [path for path in STAGES[stage]["do"]["deps"] if path.endswith(".py")]


def templated_folders(stage: str) -> list[str]:
    found = [re.search(r"\$\{item\.(\w+)\.name\}", path) for path in listed(stage)]
    return [TEMPLATES[match[1]] for match in found if match]


def decides(path: Path, stage: str) -> bool:
    """The library, the stage itself and the schema of its blocks; not paths, console, journal or tracking."""
    name = path.relative_to(ROOT).as_posix()
    return name.startswith(("src/saccade/", "pipeline/schema/", f"pipeline/{stage}_")) or name == f"pipeline/{stage}.py"


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_each_stage_lists_exactly_the_code_it_imports(stage: str) -> None:
    templated = {
        path
        for folder in templated_folders(stage)
        for path in (ROOT / "src" / "saccade" / folder).glob("*.py")
        if not path.stem.startswith("_")
    }
    imported = closure(ROOT / "pipeline" / f"{stage}.py").union(*map(closure, templated)) - templated
    expected = {path.relative_to(ROOT).as_posix() for path in imported if decides(path, stage)}
    assert {path for path in listed(stage) if "$" not in path} == expected


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_no_file_is_listed_twice_and_lists_are_sorted(stage: str) -> None:
    plain = [path for path in listed(stage) if "$" not in path]
    assert plain == sorted(set(plain))


def test_a_stage_that_takes_a_model_by_name_depends_on_its_file() -> None:
    assert "src/saccade/models/${item.model.name}.py" in listed("train")
    assert "src/saccade/models/${item.model.name}.py" in listed("evaluate")
    assert "src/saccade/tasks/${item.task.name}.py" in listed("evaluate")
    assert "src/saccade/datasets/${item.source.name}.py" in listed("fetch")


def test_the_reading_of_imports_agrees_with_what_python_imports() -> None:
    script = (
        "import sys, pipeline.train, pipeline.evaluate; from saccade import registry\n"
        "[registry.module('models', name) for name in registry.names('models')]\n"
        "[print(m.__file__) for n, m in sorted(sys.modules.items()) if n.split('.')[0] == 'saccade' and '.' in n]"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    really = {Path(line) for line in result.stdout.split() if not line.endswith("__init__.py")}
    models = set((ROOT / "src/saccade/models").glob("[a-z]*.py"))
    read = set().union(*(closure(ROOT / "pipeline" / f"{stage}.py") for stage in ("train", "evaluate")))
    assert really <= read.union(*map(closure, models))
