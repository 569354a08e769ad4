"""dvc.yaml lists, for each stage, the folders and files whose code decides its result, and no others."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from import_closure import ROOT, closure, handed_on, imported_files
from ruamel.yaml import YAML

from saccade import kinds
from saccade.core import registry

STAGES = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
TEMPLATES = {"source": "datasets", "model": "models", "task": "tasks"}
CHECKED = sorted(set(STAGES) - {"fetch"})  # what fetch brings is compared with its checksum, whatever code brought it


def listed(stage: str) -> list[str]:
    return [path for path in STAGES[stage]["do"]["deps"] if path.startswith(("src/", "pipeline/"))]


def shell(stage: str) -> Path:
    """Where the stage begins."""
    folder = ROOT / "pipeline" / "stages" / stage
    return folder / "stage.py" if folder.is_dir() else folder.with_suffix(".py")


def templated(stage: str) -> set[Path]:
    """All the files that the templates of a stage may stand for."""
    found = [re.search(r"\$\{item\.(\w+)\.name\}", path) for path in listed(stage)]
    folders = [ROOT / "src" / "saccade" / TEMPLATES[match[1]] for match in found if match]
    return {path for folder in folders for path in folder.glob("*.py") if not path.stem.startswith("_")}


# What keeps and sends the record of a run reads what a stage has decided.
RECORDS = ("pipeline/privacy/", "pipeline/runs/", "pipeline/tracking/")
# Views that training makes itself are named by augment.json, which holds the digest of this code: see the test below.
MAKES_VIEWS = "src/saccade/transforms/"


def decides(path: Path, stage: str) -> bool:
    """The library, the schema of the stage's blocks and the stage itself; not paths, console, journal or tracking.

    What the stage ``train`` computes, saccade.train.setup decides: its own folder keeps the record and is not among
    them (the test below holds it to that).
    """
    name, own = path.relative_to(ROOT).as_posix(), () if stage == "train" else (f"pipeline/stages/{stage}",)
    if stage == "train" and name.startswith(MAKES_VIEWS):
        return False
    return name.startswith(("src/saccade/", "pipeline/schema/", *own))


# What a stage asks the kinds of data for, which are found by their names, as models are
ASKED = {"evaluate": ("baseline", "features_baseline", "beside_answers", "properties", "draw_mistakes")}


def asked_of_kinds(stage: str) -> set[Path]:
    """The files of the kinds that answer a stage."""
    if stage == "preprocess":
        return {registry.source_file("kinds", form) for kind in registry.names("kinds") for form in kinds.forms(kind)}
    protocols = [registry.source_file("kinds", kind) for kind in registry.names("kinds")]
    asked = ASKED.get(stage, ())
    return set().union(*(imported_files(path, within=asked) for path in protocols)) if asked else set()


def asked_of_tasks(stage: str) -> set[Path]:
    """The files that a task's own loss and score import: training takes nothing else of its file."""
    if stage != "train":
        return set()
    found = set()
    for task in registry.names("tasks"):
        own = (*registry.constant("tasks", task, "LOSSES"), registry.constant("tasks", task, "SCORE"))
        found |= imported_files(registry.source_file("tasks", task), within=own)
    return found


def imported(stage: str) -> set[Path]:
    named = templated(stage)
    followed = {path for path in named if stage != "train" or path.parent.name != "tasks"}
    followed |= asked_of_kinds(stage) | asked_of_tasks(stage)
    everything = closure(shell(stage), leave_out=RECORDS).union(*map(closure, followed)) - named
    return {path for path in everything if decides(path, stage)}


def lies_in(path: Path, place: str) -> bool:
    return path == ROOT / place or (ROOT / place) in path.parents


@pytest.mark.parametrize("stage", CHECKED)
def test_every_imported_file_lies_in_what_its_stage_lists(stage: str) -> None:
    outside = [path for path in imported(stage) if not any(lies_in(path, place) for place in listed(stage))]
    assert not outside


@pytest.mark.parametrize("stage", CHECKED)
def test_nothing_is_listed_that_its_stage_does_not_import(stage: str) -> None:
    files = imported(stage)
    unused = [place for place in listed(stage) if "$" not in place and not any(lies_in(path, place) for path in files)]
    assert not unused


def test_the_code_that_makes_views_reaches_training_through_the_stage_augment() -> None:
    assert MAKES_VIEWS.rstrip("/") in listed("augment")
    assert "data/augmented/${item.dataset}" in STAGES["train"]["do"]["deps"]


def test_the_folder_of_the_stage_train_decides_no_number() -> None:
    """It calls the library with what params.yaml says: no tensors, losses, optimisers or networks of its own."""
    allowed = ("saccade.core.", "saccade.train.")
    for path in (ROOT / "pipeline" / "stages" / "train").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        assert not {name.partition(".")[0] for name in modules} & {"torch", "numpy"}, path
        assert all(f"{name}.".startswith(allowed) for name in modules if name.startswith("saccade")), (path, modules)


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_what_is_listed_exists_once_and_in_order(stage: str) -> None:
    plain = [path for path in listed(stage) if "$" not in path]
    assert plain == sorted(set(plain))
    assert all((ROOT / path).exists() for path in plain)


def test_a_stage_that_takes_a_model_by_name_depends_on_its_file() -> None:
    assert "src/saccade/models/${item.model.name}.py" in listed("train")
    assert "src/saccade/models/${item.model.name}.py" in listed("evaluate")
    assert "src/saccade/tasks/${item.task.name}.py" in listed("evaluate")
    assert "src/saccade/tasks/${item.task.name}.py" in listed("train")  # it may bring the loss
    assert listed("fetch") == ["src/saccade/datasets/${item.source.name}.py"]


def test_what_python_leaves_beside_code_is_no_dependency() -> None:
    lines = (ROOT / ".dvcignore").read_text(encoding="utf-8").splitlines()
    assert {"__pycache__/", "*.pyc"} <= set(lines)


def test_the_reading_of_imports_agrees_with_what_python_imports() -> None:
    script = (
        "import sys, pipeline.stages.train.stage, pipeline.stages.evaluate.stage; from saccade.core import registry\n"
        "[registry.module('models', name) for name in registry.names('models')]\n"
        "[print(m.__file__) for n, m in sorted(sys.modules.items()) if n.split('.')[0] == 'saccade' and '.' in n]"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    # Python imports all that a package hands on, where a stage asks for some of it.
    really = {Path(line) for line in result.stdout.split() if not line.endswith("__init__.py")}
    really -= set(handed_on("saccade.kinds").values()) | {ROOT / "src/saccade/kinds/offers.py"}
    models = set((ROOT / "src/saccade/models").glob("[a-z]*.py"))
    read = set().union(*(closure(shell(stage)) for stage in ("train", "evaluate")))
    assert really <= read.union(*map(closure, models))
