"""Which files a file imports, transitively, read from the source text."""

import ast
import functools
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOMES = {"saccade": ROOT / "src", "pipeline": ROOT}


def file_of(module: str) -> Path | None:
    """The file of one of our modules; None for a package, a name inside a module, or somebody else's."""
    home = HOMES.get(module.split(".")[0])
    path = home and home.joinpath(*module.split(".")).with_suffix(".py")
    return path if path and path.is_file() else None


@functools.cache
def handed_on(module: str) -> dict[str, Path]:
    """Names that the ``__init__.py`` of one of our packages imports at its top, and the files that hold them."""
    home = HOMES.get(module.split(".")[0])
    path = home and home.joinpath(*module.split("."), "__init__.py")
    if not (path and path.is_file()):
        return {}
    body = ast.parse(path.read_text(encoding="utf-8")).body
    imports = [node for node in body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: file for node in imports for alias in node.names if (file := file_of(str(node.module)))}


def files_behind(module: str, name: str, tree: ast.Module) -> set[Path]:
    """The files of names that a package hands on: of ``name``, or of those used as ``name.this`` where it is a package.

    A stage that asks a package for one name depends on the file of that name alone.
    """
    files = {file for handed, file in handed_on(module).items() if handed == name}
    if of_package := handed_on(f"{module}.{name}"):
        attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        used = {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == name}
        files |= {file for attribute, file in of_package.items() if attribute in used}
    return files


# Functions that no stage calls: of tasks and kinds those of `saccade predict`, of sources that of `saccade start`; and
# that of the stage fetch, which depends on its source's file alone
ANSWERING = ("predict", "read_new", "recognise", "fetch")


def imported_files(path: Path, *, within: Sequence[str] = ()) -> set[Path]:
    """Our files that one file imports, inside functions too; imports for type checkers alone do not count.

    Nor do those inside the functions ``ANSWERING``, which no stage calls; with ``within``, those of these functions
    alone count.
    """
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ignored = {
        inner
        for node in ast.walk(tree)
        if (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        or (isinstance(node, ast.FunctionDef) and node.name in ANSWERING)
        for inner in ast.walk(node)
    }
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in within]
    for node in (inner for one in (functions if within else [tree]) for inner in ast.walk(one)):
        if node in ignored:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            found |= {file for alias in node.names for file in files_behind(node.module, alias.name, tree)}
        else:
            continue
        found |= {file for name in names if (file := file_of(name))}
    return found


def closure(start: Path, leave_out: tuple[str, ...] = ()) -> set[Path]:
    """All of our files that running ``start`` may import, itself included; folders left out are not entered."""
    seen: set[Path] = set()
    left = [start]
    while left:
        path = left.pop()
        if path not in seen and not path.relative_to(ROOT).as_posix().startswith(leave_out):
            seen.add(path)
            left += imported_files(path)
    return seen
