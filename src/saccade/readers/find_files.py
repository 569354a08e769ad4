"""The files that a table's names stand for, where names lack their ending, or begin in another folder."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from saccade.core.errors import UserError

_MAX_NAMED = 3


@dataclass(frozen=True)
class FoundFiles:
    """What was found.

    Attributes:
        file_of: path of the file of each name that has one.
        notes: lines for people on names that are not the files' own.
    """

    file_of: dict[str, str]
    notes: tuple[str, ...]


def find_files(names: Sequence[str], files: Iterable[str], table: str, column: str = "path") -> FoundFiles:
    """Find the file of each name: its path, or the only path that ends with it, with or without its ending.

    Where names begin in folders that are not there, as absolute paths of another machine do, they are all taken without
    as many of their first folders.

    Args:
        names: different paths in their plain form.
        files: paths of all files, in their plain form.
        table: the user's name of the table, for messages.
        column: column of the names, for messages.

    Returns:
        The files; names without one are left out.

    Raises:
        UserError: a name may be one of several files, or two names are one file.
    """
    index = _Index(files)
    exact = {name: name for name in names if name in index.all}
    if len(exact) == len(names):
        return FoundFiles(exact, ())
    # Where some names are the files' own, the others have no folders too many
    for folders in range(1 if exact else max(name.count("/") for name in names) + 1):
        found = {name: index.find(_without(name, folders)) for name in names}
        if not all(found.values()):
            continue
        for name, files_of_name in found.items():
            if len(files_of_name) > 1:
                shown = ", ".join(map(repr, files_of_name[:_MAX_NAMED])) + ", ..." * (len(files_of_name) > _MAX_NAMED)
                raise UserError(
                    f"{table}: {name!r} must be one file, but may be {shown}. Name the folder with path, or say how "
                    f"names become paths, such as path_template: '{_example(files_of_name[0], name, column)}'"
                )
        file_of = {name: files_of_name[0] for name, files_of_name in found.items()}
        if len(set(file_of.values())) == len(file_of):
            return FoundFiles(file_of, tuple(_notes(file_of, folders, table)))
    return FoundFiles(exact, ())


class _Index:
    """Paths by their names, with and without their endings."""

    def __init__(self, files: Iterable[str]) -> None:
        self.all = set(files)
        self._named: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.all):
            name = PurePosixPath(path).name
            self._named[name.casefold()].append(path)
            self._stems[PurePosixPath(path).stem.casefold()].append(path)

    def find(self, name: str) -> list[str]:
        """The files that a name may stand for: itself, else those that end with it, else with it and an ending."""
        if name in self.all:
            return [name]
        last = name.rpartition("/")[2].casefold()
        below = f"/{name.casefold()}"
        found = [path for path in self._named.get(last, ()) if f"/{path.casefold()}".endswith(below)]
        if not found:
            stems = self._stems.get(last, ())
            found = [path for path in stems if f"/{_stem(path)}".casefold().endswith(below)]
        return [path for path in found if f"/{path}".endswith(f"/{name}")] or found


def _without(name: str, folders: int) -> str:
    """A path without its first folders; its last part stays."""
    parts = name.split("/")
    return "/".join(parts[min(folders, len(parts) - 1) :])


def _stem(path: str) -> str:
    return path.removesuffix(PurePosixPath(path).suffix)


def _example(path: str, name: str, column: str) -> str:
    """How a template would make a path of a name."""
    at = path.casefold().rfind(name.rpartition("/")[2].casefold())
    last = name.rpartition("/")[2]
    return path[:at] + "{" + column + "}" + path[at + len(last) :]


def _notes(file_of: dict[str, str], cut: int, table: str) -> Iterable[str]:
    endings = sorted(
        {
            PurePosixPath(file).suffix
            for name, file in file_of.items()
            if PurePosixPath(file).name.casefold() != name.rpartition("/")[2].casefold()
        }
    )
    if endings:
        yield f"{table}: names without an ending are those of {', '.join(endings)} files"
    if cut:
        name, file = next(iter(file_of.items()))
        yield f"{table}: paths are taken without their first folders ({name!r} is {file!r}), which root would name"
    folders = sorted(
        {
            file[: len(file) - len(tail)].rstrip("/")
            for name, file in file_of.items()
            for tail in [file[len(file) - len(_tail(file, _without(name, cut))) :]]
        }
    )
    if folders not in ([""], []):
        shown = ", ".join(map(repr, folders[:_MAX_NAMED])) + (", ..." if len(folders) > _MAX_NAMED else "")
        yield f"{table}: the files lie in {shown}"


def _tail(file: str, name: str) -> str:
    """The end of a path that a name with as many folders stands for."""
    parts = file.split("/")
    return "/".join(parts[len(parts) - 1 - name.count("/") :])
