"""A table, taken out of a folder or an archive, or from this machine, to where it is read."""

import posixpath
from pathlib import Path, PurePosixPath

from saccade.datasets._archive import Archive
from saccade.datasets._limits import Limits
from saccade.datasets._origin import existing_path
from saccade.datasets._packing import copy_file, kind_of_file
from saccade.errors import UserError
from saccade.files import replacing_file


def take_table(source: Path, archive: Archive | None, table: str, target: Path, limits: Limits, is_inside: bool) -> str:
    """Copy the table to where it is read from.

    Args:
        source: folder or archive.
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
    if is_inside and not is_there(Path(table)) and not table.startswith("~"):
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


def is_there(path: Path) -> bool:
    """Whether something is at a path, which need not be one that a file can have."""
    try:
        path.stat()
    except (OSError, ValueError):  # also a name that no file can have
        return False
    return True
