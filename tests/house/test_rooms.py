"""The four rules of the house: arrows down, no circles, 3 to 12 things a folder, and each folder says what it holds.

A new file, kind, model, dataset, task or command needs no line here; a new room needs one: its place in ``ORDER``.
"""

import ast
import functools

import pytest
from rooms import TOP, between, circle, folder_of, folders, imports, modules, room_of, without

# From the bottom to the top: a room imports itself and the rooms before it.
ORDER = (
    "saccade.core",
    "saccade.data",
    "saccade.io",
    "saccade.display",
    "saccade.nn",
    "saccade.optim",
    "saccade.batching",
    "saccade.tables",
    "saccade.readers",
    "saccade.transforms",
    "saccade.augment",
    "saccade.lettering",
    "saccade.evaluate",
    "saccade.prepare",
    "saccade.kinds",
    "saccade.recognition",
    "saccade.datasets",
    "saccade.models",
    "saccade.bundle",
    "saccade.transfer",
    "saccade.train",
    "saccade.lr_finder",
    "saccade.doctor",
    "saccade.transcripts",
    "saccade.predict",
    "saccade.page_lines",
    "saccade.explain",
    "saccade.export",
    "saccade.drift",
    "saccade.tasks",
    "saccade.report",
    "saccade.run_page",
    "saccade",
    "pipeline",
    "pipeline.privacy",
    "pipeline.schema",
    "pipeline.params",
    "pipeline.runs",
    "pipeline.tracking",
    "pipeline.stages",
    "pipeline.launch",
    "pipeline.model_registry",
    "pipeline.serving",
    "pipeline.browser_page",
    "pipeline.batch_answers",
    "pipeline.commands",
    "pipeline.cli",
    TOP,
)
# Folders that hold a file or a folder for each thing of a sort: as many as there are.
REGISTERED = ("saccade.datasets", "saccade.kinds", "saccade.models", "saccade.tasks", "pipeline.commands")
# The houses themselves hold the rooms.
HOUSES = ("saccade", "pipeline")

# Imports that break a rule and are being mended. Empty is right.
WAITING: list[tuple[str, str]] = []


@functools.cache
def graph() -> dict[str, set[str]]:
    return without(imports(), WAITING)


def test_every_room_has_its_place_in_the_order() -> None:
    assert {room_of(module) for module in modules()} == set(ORDER)
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("room", ORDER)
def test_arrows_point_down(room: str) -> None:
    upwards = [
        f"{module} imports {imported}"
        for module in modules()
        if room_of(module) == room
        for imported in sorted(graph()[module])
        if ORDER.index(room_of(imported)) > ORDER.index(room)
    ]
    assert not upwards


def test_files_import_each_other_in_no_circle() -> None:
    assert not circle(graph())


def test_folders_import_each_other_in_no_circle() -> None:
    assert not circle(between(graph(), {module: folder_of(module) for module in modules()}))


@pytest.mark.parametrize("folder", sorted(set(folders()) - {*HOUSES, *REGISTERED}))
def test_a_folder_holds_three_to_twelve_things(folder: str) -> None:
    things = [
        path.name
        for path in folders()[folder].iterdir()
        if not path.name.startswith(("_", ".")) and (path.is_file() or any(path.glob("*.py")))
    ]
    assert 3 <= len(things) <= 12, sorted(things)


@pytest.mark.parametrize("folder", sorted(folders()))
def test_a_folder_says_what_belongs_there_and_what_does_not(folder: str) -> None:
    source = (folders()[folder] / "__init__.py").read_text(encoding="utf-8")
    belongs, *others = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")
    assert belongs.endswith(".") and others, "a sentence on what belongs there, a blank line, one on what does not"
    assert others[0].endswith("."), others[0]


def test_what_waits_is_there_still() -> None:
    mended = [pair for pair in WAITING if pair[1] not in imports().get(pair[0], ())]
    assert not mended, "take these out of WAITING"
