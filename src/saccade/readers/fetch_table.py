"""A table, copied from a folder, an archive or this machine to the folder where it is read."""

import posixpath
from pathlib import Path, PurePosixPath

from saccade.core.errors import UserError
from saccade.core.progress import Progress
from saccade.io.archive_limits import ArchiveLimits
from saccade.io.archives import Archive, is_archive, open_archive
from saccade.io.locations import existing_path
from saccade.io.packing import copy_file, why_not_plain_file
from saccade.tables.file_content import detect_content, is_spreadsheet


def copy_table(
    source: Path, archive: Archive | None, table: str, target: Path, limits: ArchiveLimits, is_inside: bool
) -> str:
    """Copy the table to where it is read from, byte for byte, under a name that says what it is.

    Args:
        source: folder or archive.
        archive: the opened archive; None where the source is a folder.
        table: a name in there, or a path on this machine.
        target: output file, without the ending, such as .csv, that its content gives it.
        limits: upper bounds on files and bytes.
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
            f"table ({table}) must be a file in {source}, or on this machine, but neither is there, nor "
            f"{Path(table).absolute()}"
        )
    _copy_table(existing_path("table", table), target, table, limits)
    return ""


def fetch_table(source: Path, table: str | None, target: Path, limits: ArchiveLimits, progress: Progress) -> None:
    """Copy a table that is wanted by itself: the file at a path or an address, or one in a folder or an archive there.

    Args:
        source: a file, a folder or an archive on this machine.
        table: the name of the table in the folder or archive; elsewhere None, or the file's own name.
        target: output file, without the ending, such as .csv, that its content gives it.
        limits: upper bounds on files and bytes.
        progress: callback, called with the bytes there so far.

    Raises:
        UserError: there is no such table, or several, or none is named.
    """
    if source.is_dir() or (source.is_file() and is_archive(source) and not is_spreadsheet(source)):
        archive = None if source.is_dir() else open_archive(source, limits)
        table = table or _only_file(source, archive)
        copy_table(source, archive, table, target, limits, is_inside=True)
        return
    if not source.is_file():
        raise UserError(f"{source} must be a table, a folder or an archive, but is no plain file")
    if table is not None and Path(table).name != source.name:
        raise UserError(f"table ({table}) must be in an archive or a folder, but {source.name} is neither")
    limits.check_file(source.parent, source.name, source.stat().st_size)
    copy_file(source, _partial(target), progress)
    _name_by_content(target, source.name)


def _only_file(source: Path, archive: Archive | None) -> str:
    """The table of a folder or an archive that holds no other file."""
    if archive is None:
        names = [path.name for path in source.iterdir() if path.is_file() and not path.name.startswith(".")]
    else:
        names = [member.name for member in archive.members(lambda name: not name.startswith("__MACOSX/"))]
    if len(names) != 1:
        raise UserError(f"{source} holds files: name the table in there with table")
    return names[0]


def stored_table(folder: Path, stem: str) -> Path:
    """The table that ``fetch`` brought.

    Args:
        folder: the folder that it filled.
        stem: name of the file without its ending.

    Returns:
        The file.

    Raises:
        UserError: there is none.
    """
    found = sorted(path for path in folder.glob(f"{stem}.*") if path.is_file() and path != _partial(folder / stem))
    if not found:
        raise UserError(f"{folder} must hold {stem}.csv, or a table of another form, but does not. Fetch it again.")
    return found[0]


def _partial(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _name_by_content(target: Path, name: str) -> None:
    """Give what was copied the ending of what it is, and take away an earlier table."""
    suffix = detect_content(_partial(target), name).suffix
    for other in target.parent.glob(f"{target.name}.*"):
        if other != _partial(target):
            other.unlink()
    _partial(target).rename(target.with_name(target.name + suffix))


def _table_in_archive(archive: Archive, table: str, target: Path) -> str | None:
    """A table of that name from the root, else the only one of that name in some folder."""
    name = PurePosixPath(table).as_posix()
    found = list(archive.members(lambda other: f"/{other}".endswith(f"/{name}")))
    exact = [member for member in found if member.name == name] or found
    if len(exact) > 1:
        names = ", ".join(repr(member.name) for member in exact[:5])
        raise UserError(f"table ({table}) must be one file in {archive.path}, but there are {names}. Say which.")
    for member in exact:
        _partial(target).parent.mkdir(parents=True, exist_ok=True)
        _partial(target).write_bytes(archive.read(member))
        _name_by_content(target, member.name)
        return posixpath.dirname(member.name)
    return None


def _copy_table(path: Path, target: Path, table: str, limits: ArchiveLimits) -> None:
    if what := why_not_plain_file(path):
        raise UserError(f"table ({table}) must be a file, but is {what}")
    limits.check_file(path.parent, path.name, path.stat().st_size)
    copy_file(path, _partial(target))
    _name_by_content(target, path.name)


def is_there(path: Path) -> bool:
    """Whether something is at a path, which need not be one that a file can have."""
    try:
        path.stat()
    except (OSError, ValueError):  # also a name that no file can have
        return False
    return True
