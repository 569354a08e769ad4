"""The pictures that a table names, and the table itself, taken out of a folder or an archive."""

import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from saccade.datasets._archive import Archive
from saccade.datasets._limits import Limits
from saccade.datasets._origin import existing_path
from saccade.datasets._packing import copy_file, kind_of_file, pack_contents, pack_files
from saccade.datasets._table import Table
from saccade.errors import UserError
from saccade.examples import Progress
from saccade.files import replacing_file


def without_row(name: str) -> str:
    """How to do without a picture, for messages."""
    return "take its row out of the table"


def take_table(source: Path, archive: Archive | None, table: str, target: Path, limits: Limits, is_inside: bool) -> str:
    """Copy the table to where it is read from.

    Args:
        source: folder or archive of the pictures.
        archive: it, opened; None where it is a folder.
        table: a name in there, or a path on this machine.
        target: where to put it.
        limits: how long it may be.
        is_inside: whether it may be a name in there.

    Returns:
        The folder in there that holds it; "" for the root, or where it is none in there.

    Raises:
        UserError: there is no such table, or several.
    """
    if is_inside and archive is not None and (found := _table_in_archive(archive, table, target)) is not None:
        return found
    name = PurePosixPath(table)
    is_below = is_inside and archive is None and not name.is_absolute() and ".." not in name.parts
    if is_below and (source / name).exists():
        _copy_table(source / name, target, table, limits)
        return posixpath.dirname(name.as_posix())
    if is_inside and not _is_there(Path(table)) and not table.startswith("~"):
        raise UserError(
            f"table ({table}) must be a CSV file in {source}, or on this machine, but neither is there, nor "
            f"{Path(table).absolute()}"
        )
    _copy_table(existing_path("table", table), target, table, limits)
    return ""


def _table_in_archive(archive: Archive, table: str, target: Path) -> str | None:
    """A table of that name from the root, else the only one of that name in some folder."""
    name = PurePosixPath(table).as_posix()
    found = list(archive.members(lambda other: f"/{other}".endswith(f"/{name}")))
    exact = [member for member in found if member.name == name] or found
    if len(exact) > 1:
        names = ", ".join(repr(member.name) for member in exact[:5])
        raise UserError(f"table ({table}) must be one file in {archive.path}, but there are {names}. Say which.")
    for member in exact:
        with replacing_file(target) as partial:
            partial.write_bytes(archive.read(member))
        return posixpath.dirname(member.name)
    return None


def _copy_table(path: Path, target: Path, table: str, limits: Limits) -> None:
    if what := kind_of_file(path):
        raise UserError(f"table ({table}) must be a CSV file, but is {what}")
    limits.check_file(path.parent, path.name, path.stat().st_size)
    copy_file(path, target)


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
    missing = {root: [row for row, name in enumerate(rows.paths) if not _is_there(root / name)] for root in roots}
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


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (OSError, ValueError):  # also a name that no file can have
        return False
    return True


def _refuse_missing(rows: Table, missing: Sequence[int], table: str, where: Path) -> None:
    if missing:
        name = rows.paths[missing[0]]
        hint = " Part folders by /, not by \\." if "\\" in name else ""
        others = f"it and {len(missing) - 1:,} others of {len(rows.paths):,} are" if len(missing) > 1 else "is"
        raise UserError(
            f"{table}, line {rows.lines[missing[0]]}: {name!r} must be a picture in {where}, but {others} not "
            f"there.{hint} Correct the table, or path."
        )
