"""Paths as tables hold them, brought to one form: parted by slashes, without a drive, from no root."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from saccade.core.errors import UserError
from saccade.tables.table import Column

_DRIVE = re.compile(r"(file:/*)?([A-Za-z]:|//[^/]+(?=/))?", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{([^{}]+?)(?::0(\d+))?\}")  # {id}, or {id:05}: filled up with zeros in front


@dataclass(frozen=True)
class PathColumns:
    """How a row of a table says which file it speaks of.

    Attributes:
        path_column: column of the paths; not looked at where there is a template.
        template: path with columns in braces, such as ``scans/{id}_left.png``; ``{id:05}`` fills up with zeros.
        root: folder, of this machine or another, that paths in the table begin with and that is no part of their names.
    """

    path_column: Column = "path"
    template: str | None = None
    root: str | None = None

    def __post_init__(self) -> None:
        if self.template is not None and not self.placeholders:
            raise UserError(
                f"path_template ({self.template!r}) must name a column in braces, such as 'scans/{{id}}_left.png'"
            )

    @property
    def placeholders(self) -> list[str]:
        """The columns that the template names."""
        return list(dict.fromkeys(found[1] for found in _PLACEHOLDER.finditer(self.template or "")))

    @property
    def named(self) -> dict[str, Column]:
        """The argument that names a column of paths, to the column; those of a template may be named for more."""
        return {"path_column": self.path_column} if self.template is None else {}

    @property
    def used_up(self) -> str | None:
        """The column that is a path alone, and no group."""
        return str(self.path_column) if self.template is None else None

    def path(self, row: Mapping[str, str], where: str) -> str:
        """The path of a row's file.

        Args:
            row: columns to cells.
            where: table and line, for messages.

        Returns:
            A path in its plain form, parted by slashes, that leads nowhere up.

        Raises:
            UserError: a cell is empty, or the path leads up or is none below the root.
        """
        for column in self.placeholders or [str(self.path_column)]:
            if not row[column]:
                raise UserError(f"{where}: {column} must not be empty. Fill it, or take the row out.")
        if self.template is None:
            cell, what = row[str(self.path_column)], str(self.path_column)
        else:
            cell, what = (
                _PLACEHOLDER.sub(lambda found: row[found[1]].zfill(int(found[2] or 0)), self.template),
                "path_template",
            )
        if "://" in cell and not cell.lower().startswith("file:"):
            raise UserError(f"{where}: {what} ({cell!r}) must be a path of a file. Fetch what is at addresses before.")
        parts = _parts(cell)
        if self.root is not None:
            above = _parts(self.root)
            if [part.lower() for part in parts[: len(above)]] != [part.lower() for part in above]:
                raise UserError(f"{where}: {what} ({cell!r}) must begin with root ({self.root}), as all paths then do")
            parts = parts[len(above) :]
        if ".." in parts or not parts:
            raise UserError(
                f"{where}: {what} ({cell!r}) must be a path below the folder of the files, without .. in it. Name that "
                "folder with path."
            )
        return "/".join(parts)


def _parts(cell: str) -> list[str]:
    r"""The folders and the name of a path of any system, without drive and root.

    >>> _parts(r"C:\Users\me\a.png"), _parts("/home/me//a.png"), _parts(r".\img\a.png"), _parts("file:///d/a.png")
    (['Users', 'me', 'a.png'], ['home', 'me', 'a.png'], ['img', 'a.png'], ['d', 'a.png'])
    """
    path = cell.replace("\\", "/")
    return [part for part in PurePosixPath(path[_DRIVE.match(path).end() :]).parts if part != "/"]  # type: ignore[union-attr]  # it matches nothing, too
