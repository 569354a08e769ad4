"""Which column of a table names files, and how: as paths, as paths of another machine, or as ids in a pattern."""

import posixpath
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.recognition.columns import Column, TableLook

_FOUND_SHARE = 0.9  # of a column's cells, that name files where it is one of paths
_CELLS = 2_000  # of a column, that are looked for among the files
_MAX_FOLDERS = 50  # from which paths may count


@dataclass(frozen=True)
class ListedFiles:
    """How a table names files.

    Attributes:
        column: column of paths or ids.
        folder: folder from which the paths count; empty for the root.
        root: what stands in the cells before such a path, as on the machine that wrote the table.
        template: path with the column in braces, where the cells are ids; empty where they are paths.
    """

    column: Column
    folder: str
    root: str = ""
    template: str = ""

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of a source, but for the folder."""
        if self.template:
            return {"path_template": self.template}
        named = {} if self.column.name == "path" else {"path_column": self.column.name}
        return named | ({"root": self.root} if self.root else {})


def find_listed_files(table: TableLook, files: Sequence[str]) -> ListedFiles | None:
    """The column whose cells name files: from the table's folder, from another one, by their ends or by a pattern.

    Args:
        table: the table.
        files: names of the files that may be meant, parted by slashes.

    Returns:
        The column and how it is read; None where no column names most of its files.
    """
    own = posixpath.dirname(table.name)
    folders = sorted({folder for name in files for folder in _folders_above(name)} - {own})
    folders = [own, *sorted(folders, key=lambda folder: (folder.count("/"), folder))[:_MAX_FOLDERS]]
    known = {folder: _names_below(files, folder) for folder in folders}
    columns = [column for column in table.columns if column.values and _may_name_files(column)]
    for column in columns:
        cells = [_parts(value) for value in column.values[:_CELLS]]
        if not all(cells):
            continue
        for folder in folders:
            for start in range(len(_shared(cells)) + 1):
                if _share("/".join(parts[start:]) in known[folder] for parts in cells):
                    return ListedFiles(column, folder, _before(column.values[0], start))
    for column in columns:
        for folder in folders:
            if (template := _template(column, known[folder])) is not None:
                return ListedFiles(column, folder, template=template)
    return None


def _may_name_files(column: Column) -> bool:
    """Numbers are ids where few repeat; classes 0 and 1 are none of files 0.png and 1.png."""
    return not column.are_numbers or (column.are_whole and 3 * len(column.counts) > len(column.values))


def _template(column: Column, names: set[str]) -> str | None:
    """The pattern by which ids become names, such as scans/{id}_left.png."""
    first = column.values[0]
    if 2 * len(column.counts) < len(column.values) or not str(column.name).isidentifier():
        return None
    for name in sorted(names):
        last = posixpath.basename(name)
        if first not in last or not posixpath.splitext(name)[1]:
            continue
        before, _, after = name.rpartition(first)
        if _share(f"{before}{value}{after}" in names for value in column.values[:_CELLS]):
            return f"{before}{{{column.name}}}{after}"
    return None


def _folders_above(name: str) -> Iterator[str]:
    while name:
        name = posixpath.dirname(name)
        yield name


def _names_below(files: Sequence[str], folder: str) -> set[str]:
    """Names as they count from a folder, with their suffix and without."""
    below = [name.removeprefix(f"{folder}/") for name in files if not folder or name.startswith(f"{folder}/")]
    return {*below, *(posixpath.splitext(name)[0] for name in below)}


def _parts(cell: str) -> list[str]:
    return [part for part in cell.replace("\\", "/").split("/") if part not in ("", ".")]


def _shared(paths: Sequence[Sequence[str]]) -> Sequence[str]:
    """The folders with which all paths begin."""
    shared = list(paths[0][:-1])
    for parts in paths:
        while list(parts[: len(shared)]) != shared or len(parts) <= len(shared):
            shared.pop()
    return shared


def _before(cell: str, start: int) -> str:
    """What stands in a path before one of its parts; empty for the first one."""
    if start == 0:
        return ""
    rest = "/".join(_parts(cell)[start:])
    return cell.replace("\\", "/").removesuffix(rest).rstrip("/")


def _share(found: Iterator[bool]) -> bool:
    return statistics.mean(found) >= _FOUND_SHARE
