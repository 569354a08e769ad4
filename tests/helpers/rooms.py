"""The rooms of the house and what they import, read from the source text; ``test_rooms.py`` holds the rules."""

import ast
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOMES = {"saccade": ROOT / "src", "pipeline": ROOT}
TOP_FILES = ("__main__", "cli", "exit_codes")  # of pipeline/: they call everything; its other files are called
TOP = "pipeline, on top"

Graph = Mapping[str, set[str]]


@functools.cache
def modules() -> dict[str, Path]:
    """Dotted name to file; a package is its __init__.py."""
    found = {}
    for name, home in HOMES.items():
        for path in sorted((home / name).rglob("*.py")):
            parts = path.relative_to(home).with_suffix("").parts
            found[".".join(parts[:-1] if path.stem == "__init__" else parts)] = path
    return found


def folders() -> dict[str, Path]:
    """Dotted name to folder, of all that hold code."""
    return {name: path.parent for name, path in modules().items() if path.stem == "__init__"}


@functools.cache
def imports() -> dict[str, set[str]]:
    """Module to the modules that it imports: at its top, inside functions, and for type checkers alone."""
    known = modules()
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        graph[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0 and node.module, f"{path}: imports must be absolute"
                # ``from a import b`` is the module a.b where there is one, else a name inside of a.
                inner = (f"{node.module}.{alias.name}" for alias in node.names)
                named = [one if one in known else node.module for one in inner]
            else:
                continue
            graph[name] |= {one for one in named if one in known and one != name}
    return graph


def folder_of(module: str) -> str:
    """The folder that a module lies in; pipeline/ itself counts as two."""
    if module.startswith("pipeline.") and module.removeprefix("pipeline.") in TOP_FILES:
        return TOP
    return module if modules()[module].stem == "__init__" else module.rpartition(".")[0]


def room_of(module: str) -> str:
    """The folder just below src/saccade or pipeline that a module lies in, however deep."""
    folder = folder_of(module)
    return folder if folder == TOP else ".".join(folder.split(".")[:2])


def between(graph: Graph, group: Mapping[str, str]) -> dict[str, set[str]]:
    """The same imports between groups of modules, those inside of a group left out."""
    grouped: dict[str, set[str]] = {name: set() for name in group.values()}
    for module, imported in graph.items():
        grouped[group[module]] |= {group[one] for one in imported} - {group[module]}
    return grouped


def circle(graph: Graph) -> list[str]:
    """Some circle of a graph, its first member named again at the end; empty where there is none."""
    done: set[str] = set()

    def search(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for following in sorted(graph.get(name, ())):
            if found := search(following, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := search(name, []))), [])


def without(graph: Graph, left_out: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """A graph less some of its imports."""
    pairs = set(left_out)
    return {name: {one for one in imported if (name, one) not in pairs} for name, imported in graph.items()}
