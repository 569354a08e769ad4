"""The pictures that a table names, taken out of a folder or an archive."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from saccade.datasets._archive import Archive
from saccade.datasets._limits import Limits
from saccade.datasets._packing import kind_of_file, pack_contents, pack_files
from saccade.datasets._table import Table
from saccade.datasets._table_file import is_there
from saccade.errors import UserError
from saccade.examples import Progress


def without_row(name: str) -> str:
    """How to do without a picture, for messages."""
    return "take its row out of the table"


def pack_from_folder(
    source: Path, own_folder: str, rows: Table, table: str, target: Path, limits: Limits, progress: Progress
) -> None:
    """Pack the pictures in the order of the rows, under the names that the table gives them.

    Args:
        source: the folder that the names count from, unless more of them are found from ``own_folder``.
        own_folder: the folder in there that holds the table; "" for the root.
        rows: the table.
        table: its name, for messages.
        target: the tar.
        limits: how much may be packed.
        progress: called with the bytes packed so far.

    Raises:
        UserError: a picture is not there, no file, or a link that leads out, or they exceed the limits.
    """
    roots = dict.fromkeys((source / own_folder, source))
    missing = {root: [row for row, name in enumerate(rows.paths) if not is_there(root / name)] for root in roots}
    root = min(roots, key=lambda root: len(missing[root]))
    _refuse_missing(rows, missing[root], table, root)
    real_root = source.resolve()
    for name, line in zip(rows.paths, rows.lines, strict=True):
        if what := kind_of_file(root / name):
            raise UserError(f"{table}, line {line}: {name!r} must be a plain file in {root}, but is {what}")
        if not (root / name).resolve().is_relative_to(real_root):
            raise UserError(
                f"{table}, line {line}: {name!r} must not be a link out of {source}. Put the file itself there."
            )
    pack_files(root, rows.paths, target, progress, limits)


def pack_from_archive(
    archive: Archive, own_folder: str, rows: Table, table: str, target: Path, progress: Progress
) -> None:
    """Pack the pictures in the archive's order, under the names that the table gives them.

    Args:
        archive: its root is what the names count from, unless more of them are found from ``own_folder``.
        own_folder: the folder in there that holds the table; "" for the root.
        rows: the table.
        table: its name, for messages.
        target: the tar.
        progress: called with the bytes packed so far.

    Raises:
        UserError: a picture is not there, no file, or there twice, or they exceed the archive's limits.
    """
    row_of = {name: row for row, name in enumerate(rows.paths)}

    def count(folder: str) -> int:
        return sum(1 for _ in archive.members(lambda name: _below(folder, name) in row_of))

    prefix = own_folder if own_folder and count(own_folder) >= count("") else ""
    taken: set[str] = set()

    def contents() -> Iterator[tuple[str, bytes]]:
        for member in archive.members(lambda name: _below(prefix, name) in row_of):
            name = _below(prefix, member.name)
            assert name is not None
            if name in taken:
                raise UserError(f"{archive.path} must hold {member.name!r} once, but holds it twice. Pack it anew.")
            taken.add(name)
            yield name, archive.read(member)
        missing = [row for name, row in row_of.items() if name not in taken]
        _refuse_missing(rows, missing, table, archive.path / prefix)

    pack_contents(contents(), target, progress)


def _below(folder: str, name: str) -> str | None:
    """A name as it counts from a folder; None where it is not in there."""
    if not folder:
        return name
    return name.removeprefix(f"{folder}/") if name.startswith(f"{folder}/") else None


def _refuse_missing(rows: Table, missing: Sequence[int], table: str, where: Path) -> None:
    if missing:
        name = rows.paths[missing[0]]
        hint = " Part folders by /, not by \\." if "\\" in name else ""
        others = f"it and {len(missing) - 1:,} others of {len(rows.paths):,} are" if len(missing) > 1 else "is"
        raise UserError(
            f"{table}, line {rows.lines[missing[0]]}: {name!r} must be a picture in {where}, but {others} not "
            f"there.{hint} Correct the table, or path."
        )
