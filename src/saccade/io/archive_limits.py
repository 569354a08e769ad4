"""What an archive may hold: how much, of what kind, and under what names; what it says of itself is not believed.

A few kilobytes can claim, and unpack to, more than any disk. The defaults let the largest sets through that people
train on as single files (ImageNet of 2012: 1.4 million files, 150 GB) and stop what would keep a machine busy for days.
Nothing is unpacked to the disk, so ``MAX_BYTES`` bounds the time that reading may take, and ``MAX_FILE_BYTES`` the
memory, for a file is read whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from saccade.core.errors import UserError
from saccade.io.member_names import decode_disk_name, likely_reading
from saccade.io.path_patterns import escape_pattern, exclude_line

MAX_FILES = 2_000_000
MAX_FILE_BYTES = 1_000_000_000
MAX_BYTES = 1_000_000_000_000

_NAME_BYTES = 4096  # the longest path that Linux opens
_REMEDY = "If it is what you expect, raise"


def exclude_file_hint(name: str) -> str:
    """How a user of ``exclude`` leaves one file out, for messages."""
    return f"leave it out: {exclude_line(escape_pattern(name))}"


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive, or a folder, may hold.

    Attributes:
        max_files: members, folders and links too, from 1.
        max_file_bytes: length of a file that is wanted in bytes, from 1.
        max_bytes: lengths of all files together in bytes, from 1.
        omit_hint: function from a file's name to the advice how to do without that file, for messages.
    """

    max_files: int = MAX_FILES
    max_file_bytes: int = MAX_FILE_BYTES
    max_bytes: int = MAX_BYTES
    omit_hint: Callable[[str], str] = exclude_file_hint

    def __post_init__(self) -> None:
        for name in ("max_files", "max_file_bytes", "max_bytes"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} ({getattr(self, name)}) must be at least 1")

    def check_file(self, where: Path, name: str, size: int) -> None:
        """Refuse a file that is too long, before it is read.

        Args:
            where: the archive or folder, for the message.
            name: name of the file.
            size: length that the archive claims, in bytes.

        Raises:
            UserError: it is longer than ``max_file_bytes``.
        """
        if size > self.max_file_bytes:
            raise UserError(
                f"{where}: {name!r} must be at most {self.max_file_bytes:,} bytes long (max_file_bytes), but is "
                f"{size:,}. {_REMEDY} max_file_bytes; else {self.omit_hint(name)}"
            )

    def check_total(self, where: Path, files: int, size: int) -> None:
        """Refuse an archive that holds too much, as far as it is known by now.

        Args:
            where: the archive or folder, for the message.
            files: number of members.
            size: their lengths together in bytes.

        Raises:
            UserError: they are more than ``max_files``, or longer than ``max_bytes``.
        """
        if files > self.max_files:
            raise UserError(
                f"{where} must hold at most {self.max_files:,} files (max_files), but holds more. {_REMEDY} max_files."
            )
        if size > self.max_bytes:
            raise UserError(
                f"{where} must unpack to at most {self.max_bytes:,} bytes (max_bytes), but claims {size:,} or more. "
                f"{_REMEDY} max_bytes."
            )

    def not_plain(self, where: Path, name: str, what: str) -> UserError:
        """The error for something that is wanted and no plain file."""
        remedy = f"Put the file itself there, or {self.omit_hint(name)}"
        return UserError(f"{where}: {name!r} must be a plain file, but is {what}. {remedy}")


def plain_member_name(where: Path, name: str) -> str:
    """The name in its plain form: ./a//b is a/b.

    Args:
        where: the archive or folder, for messages.
        name: name as it stands in the archive.

    Returns:
        Parts with one slash between them.

    Raises:
        UserError: it leads out, is no UTF-8, or too long for a path.
    """
    plain = PurePosixPath(name)
    if plain.is_absolute() or ".." in plain.parts:
        raise UserError(f"{where}: member {name!r} must not lead out of the archive. Pack it anew without that one.")
    try:
        length = len(name.encode("utf-8"))
    except UnicodeEncodeError as error:
        found = likely_reading([name.encode("utf-8", "surrogateescape")])
        read = decode_disk_name(name, found.codec)
        raise UserError(
            f"{where}: the name {name!r} must be UTF-8. As {found.codec} it is {read!r}: "
            f"names_encoding: {found.codec}, or rename it"
        ) from error
    if length > _NAME_BYTES:
        raise UserError(f"{where}: a name of {length:,} bytes must be at most {_NAME_BYTES:,} long: {name[:40]!r}...")
    return plain.as_posix()
