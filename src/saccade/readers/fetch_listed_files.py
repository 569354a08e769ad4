"""The files that a table names, taken out of a folder or an archive."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from saccade.core.errors import UserError
from saccade.core.progress import Progress
from saccade.io.archive_limits import ArchiveLimits
from saccade.io.archives import Archive, open_archive
from saccade.io.downloads import fetch_file
from saccade.io.locations import existing_path, folder_or_archive, refuse_without_url, remote_file
from saccade.io.packing import pack_contents, pack_files, why_not_plain_file
from saccade.readers.fetch_table import copy_table, is_there, stored_table
from saccade.readers.file_table import FileTable, read_table
from saccade.tables.table import Column
from saccade.tables.table_format import TableFormat

_DOWNLOAD = "download.part"  # the stage keeps what is called so for the next try, and out of data/raw


def remove_row_hint(name: str) -> str:
    """How to do without a file, for messages."""
    return "take its row out of the table"


def fetch_listed_files(
    folder: Path,
    packed: str,
    table_stem: str,
    *,
    who: str,
    table: str,
    path: str | None,
    url: str | None,
    sha256: str | None,
    size: int | None,
    mirror: str | None,
    path_column: Column,
    label_column: Column,
    split_column: Column | None,
    form: TableFormat,
    limits: ArchiveLimits,
    progress: Progress,
) -> None:
    """Bring a table, and the files that it names and no others, into ``folder``.

    Args:
        folder: output folder.
        packed: name of the tar that the files are packed into, such as images.tar.
        table_stem: name of the table in the output folder, without its ending.
        who: the source, for messages.
        table: a table on this machine; with path or url, the name of one in there, else one on this machine. The
            paths in it count from path or from the archive's root; those of a table in there from its own folder,
            if more of its files are found from there.
        path: a folder or an archive with the files; None takes the table's folder.
        url: address of such an archive, in place of path.
        sha256: SHA-256 of the file at url.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        path_column: header of the files' paths.
        label_column: header of the labels.
        split_column: header of the published split; None where there is none.
        form: what the user states of the table's form.
        limits: upper bounds on files and bytes.
        progress: callback, called with a file's name, the bytes there and its size.

    Raises:
        UserError: the table is none, with its line; it names files that are not there; nothing that can be read is at
            path or url, or more than the limits.
    """
    if path is not None and url is not None:
        raise UserError(f"{who} needs path (a folder or an archive on this machine) or url, and not both")
    download = folder / _DOWNLOAD
    if url is not None:
        source = fetch_file(remote_file(url, sha256, size), download, mirror=mirror, progress=progress)
    else:
        refuse_without_url(sha256, size, mirror)
        source = folder_or_archive(path) if path is not None else existing_path("table", table).parent
    archive = None if source.is_dir() else open_archive(source, limits)
    is_inside = (path, url) != (None, None)
    own_folder = copy_table(source, archive, table, folder / table_stem, limits, is_inside=is_inside)
    rows = read_table(
        stored_table(folder, table_stem),
        table,
        path_column=path_column,
        label_column=label_column,
        split_column=split_column,
        form=form,
    )
    if archive is None:
        pack_from_folder(source, own_folder, rows, table, folder / packed, limits, progress)
    else:
        pack_from_archive(archive, own_folder, rows, table, folder / packed, progress)
    if download.exists():
        shutil.rmtree(download)


def pack_from_folder(
    source: Path, own_folder: str, rows: FileTable, table: str, target: Path, limits: ArchiveLimits, progress: Progress
) -> None:
    """Pack the files in the order of the rows, under the names that the table gives them.

    Args:
        source: the folder that the names count from, unless more of them are found from ``own_folder``.
        own_folder: the folder in there that holds the table; "" for the root.
        rows: the table.
        table: name, for messages.
        target: the tar.
        limits: upper bounds on files and bytes.
        progress: callback, called with the bytes packed so far.

    Raises:
        UserError: a file is not there, no file, or a link that leads out, or they exceed the limits.
    """
    roots = dict.fromkeys((source / own_folder, source))
    missing = {root: [row for row, name in enumerate(rows.paths) if not is_there(root / name)] for root in roots}
    root = min(roots, key=lambda root: len(missing[root]))
    _refuse_missing(rows, missing[root], table, root)
    real_root = source.resolve()
    for name, line in zip(rows.paths, rows.lines, strict=True):
        if what := why_not_plain_file(root / name):
            raise UserError(f"{table}, line {line}: {name!r} must be a plain file in {root}, but is {what}")
        if not (root / name).resolve().is_relative_to(real_root):
            raise UserError(
                f"{table}, line {line}: {name!r} must not be a link out of {source}. Put the file itself there."
            )
    pack_files(root, rows.paths, target, progress, limits)


def pack_from_archive(
    archive: Archive, own_folder: str, rows: FileTable, table: str, target: Path, progress: Progress
) -> None:
    """Pack the files in the archive's order, under the names that the table gives them.

    Args:
        archive: archive, from whose root the names count, unless more of them are found from ``own_folder``.
        own_folder: the folder in there that holds the table; "" for the root.
        rows: the table.
        table: name, for messages.
        target: the tar.
        progress: callback, called with the bytes packed so far.

    Raises:
        UserError: a file is not there, no file, or there twice, or they exceed the archive's limits.
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


def _refuse_missing(rows: FileTable, missing: Sequence[int], table: str, where: Path) -> None:
    if missing:
        name = rows.paths[missing[0]]
        hint = " Part folders by /, not by \\." if "\\" in name else ""
        others = f"it and {len(missing) - 1:,} others of {len(rows.paths):,} are" if len(missing) > 1 else "is"
        raise UserError(
            f"{table}, line {rows.lines[missing[0]]}: {name!r} must be a file in {where}, but {others} not "
            f"there.{hint} Correct the table, or path."
        )
