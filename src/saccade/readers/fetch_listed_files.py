"""The files that a table names, taken out of a folder or an archive."""

import os
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
from saccade.readers.find_files import find_files
from saccade.readers.path_columns import PathColumns
from saccade.readers.row_labels import LabelColumns
from saccade.tables.cells import LabelsAre
from saccade.tables.table import Column
from saccade.tables.table_format import TableFormat

_NOTES = "notes.txt"
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
    paths: PathColumns,
    label_column: Column,
    split_column: Column | None,
    form: TableFormat,
    labels_are: LabelsAre = None,
    number_hint: str = "",
    limits: ArchiveLimits,
    progress: Progress,
    labels: LabelColumns | None = None,
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
        paths: columns that say which file a row speaks of.
        label_column: header of the labels.
        split_column: header of the published split; None where there is none.
        form: what the user states of the table's form.
        labels_are: classes, where labels that are numbers with decimals are names of classes all the same.
        number_hint: what can be done where they are numbers, for the message.
        limits: upper bounds on files and bytes.
        progress: callback, called with a file's name, the bytes there and its size.
        labels: columns of the labels, in place of label_column, and how their cells are read; None: one class a file.

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
        paths=paths,
        label_column=label_column,
        split_column=split_column,
        form=form,
        labels_are=labels_are,
        number_hint=number_hint,
        labels=labels,
    )
    if archive is None:
        notes = pack_from_folder(source, own_folder, rows, table, folder / packed, limits, progress)
    else:
        notes = pack_from_archive(archive, own_folder, rows, table, folder / packed, progress)
    (folder / _NOTES).unlink(missing_ok=True)
    if notes:
        (folder / _NOTES).write_text("\n".join(notes) + "\n", encoding="utf-8")
    if download.exists():
        shutil.rmtree(download)


def notes_of_fetch(folder: Path) -> list[str]:
    """What ``fetch_listed_files`` found out about the names in a table.

    Args:
        folder: the folder that it filled.

    Returns:
        Lines for people.
    """
    path = folder / _NOTES
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def pack_from_folder(
    source: Path, own_folder: str, rows: FileTable, table: str, target: Path, limits: ArchiveLimits, progress: Progress
) -> tuple[str, ...]:
    """Pack the files in the order of the rows, under the names that the table gives them.

    Args:
        source: the folder that the names count from, unless more of them are found from ``own_folder``.
        own_folder: the folder in there that holds the table; "" for the root.
        rows: the table.
        table: name, for messages.
        target: the tar.
        limits: upper bounds on files and bytes.
        progress: callback, called with the bytes packed so far.

    Returns:
        Lines for people on names that are not the files' own.

    Raises:
        UserError: a file is not there, no file, or a link that leads out, or they exceed the limits.
    """
    roots = dict.fromkeys((source / own_folder, source))
    missing = {root: [row for row, name in enumerate(rows.paths) if not is_there(root / name)] for root in roots}
    root = min(roots, key=lambda root: len(missing[root]))
    file_of = {name: name for name in rows.paths}
    notes: tuple[str, ...] = ()
    if missing[root]:
        found = find_files(rows.paths, _files_below(source), table, rows.path_column)
        _refuse_missing(rows, [row for row in missing[root] if rows.paths[row] not in found.file_of], table, root)
        root, file_of, notes = source, found.file_of, found.notes
    real_root = source.resolve()
    for name, line in zip(rows.paths, rows.lines, strict=True):
        file = root / file_of[name]
        if what := why_not_plain_file(file):
            raise UserError(f"{table}, line {line}: {name!r} must be a plain file in {root}, but is {what}")
        if not file.resolve().is_relative_to(real_root):
            raise UserError(
                f"{table}, line {line}: {name!r} must not be a link out of {source}. Put the file itself there."
            )
    pack_files(root, rows.paths, target, progress, limits, file_of)
    return notes


def _files_below(folder: Path) -> Iterator[str]:
    """Paths of all files below a folder; hidden folders do not count."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            yield Path(parent, name).relative_to(folder).as_posix()


def pack_from_archive(
    archive: Archive, own_folder: str, rows: FileTable, table: str, target: Path, progress: Progress
) -> tuple[str, ...]:
    """Pack the files in the archive's order, under the names that the table gives them.

    Args:
        archive: archive, from whose root the names count, unless more of them are found from ``own_folder``.
        own_folder: the folder in there that holds the table; "" for the root.
        rows: the table.
        table: name, for messages.
        target: the tar.
        progress: callback, called with the bytes packed so far.

    Returns:
        Lines for people on names that are not the files' own.

    Raises:
        UserError: a file is not there, no file, or there twice, or they exceed the archive's limits.
    """
    row_of = {name: row for row, name in enumerate(rows.paths)}
    all_files: set[str] = set()

    def collect(name: str) -> bool:
        all_files.add(name)
        return False

    assert not list(archive.members(collect))
    bases = [f"{own_folder}/", ""] if own_folder else [""]
    missing = {base: [row for name, row in row_of.items() if f"{base}{name}" not in all_files] for base in bases}
    base = min(bases, key=lambda base: len(missing[base]))
    name_of = {f"{base}{name}": name for name in rows.paths}
    notes: tuple[str, ...] = ()
    if missing[base]:
        found = find_files(rows.paths, all_files, table, rows.path_column)
        absent = [row for row in missing[base] if rows.paths[row] not in found.file_of]
        _refuse_missing(rows, absent, table, archive.path / base)
        name_of, notes = {file: name for name, file in found.file_of.items()}, found.notes
    taken: set[str] = set()

    def contents() -> Iterator[tuple[str, bytes]]:
        for member in archive.members(lambda name: name in name_of):
            if member.name in taken:
                raise UserError(f"{archive.path} must hold {member.name!r} once, but holds it twice. Pack it anew.")
            taken.add(member.name)
            yield name_of[member.name], archive.read(member)

    pack_contents(contents(), target, progress)
    return notes


def _refuse_missing(rows: FileTable, missing: Sequence[int], table: str, where: Path) -> None:
    if missing:
        name = rows.paths[missing[0]]
        others = f"it and {len(missing) - 1:,} others of {len(rows.paths):,} are" if len(missing) > 1 else "is"
        raise UserError(
            f"{table}, line {rows.lines[missing[0]]}: {name!r} must be a file in {where}, but {others} not "
            f"there. Correct the table, or path; path_template says how "
            "names become paths, and root what paths in the table begin with."
        )
