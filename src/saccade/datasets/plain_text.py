"""A text to go on with: its next letter, or word, is predicted at each step.

    source: {name: plain_text, path: shakespeare.txt}
    source: {name: plain_text, text: hello}

A file, the files of a folder or an archive one after the other, an address, or the text itself.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, ArchiveLimits, exclude_file_hint
from saccade.io.archives import NameFilter, is_archive, open_archive
from saccade.io.encodings import codec_name, decode_text
from saccade.io.locations import refuse_without_url
from saccade.kinds.tokens.corpus.packed_texts import PackedTexts
from saccade.kinds.tokens.text.tokenizer import normalise
from saccade.readers.examples import TextStream
from saccade.readers.fetch_archive import fetch_archive, name_filter, single_file

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "tokens"
LABELS = "next tokens"

_PACKED = "texts.tar"
_GIVEN = "text.txt"
_PIECE = 2**20  # characters, about


def fetch(
    folder: Path,
    *,
    text: str | None = None,
    path: str | None = None,
    url: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    mirror: str | None = None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    encoding: str = "utf-8",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    progress: Progress = no_progress,
) -> None:
    """Bring the text into ``folder`` as one file: a folder packed into a tar, a file or an archive as it is.

    Args:
        folder: output folder.
        text: the text itself; it is kept in UTF-8.
        path: a file, a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) on this machine, in place of text.
        url: address of such a file or archive, in place of text and path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        include: patterns of the files to take from a folder or an archive; None takes all.
        exclude: patterns of the files to leave out.
        encoding: encoding of the text.
        max_files: most members of an archive, or files of a folder.
        max_file_bytes: most bytes of one file.
        max_bytes: most bytes of all files together.
        progress: callback, called with the file's name, the bytes there and its size.

    Raises:
        UserError: not exactly one of text, path and url; the text is empty; nothing that can be read is there; the
            bytes are not the named ones; encoding, a pattern or a limit is none.
    """
    limits = ArchiveLimits(max_files, max_file_bytes, max_bytes)
    codec_name(encoding)
    if text is None:
        fetch_archive(
            folder,
            _PACKED,
            who="plain_text",
            path=path,
            url=url,
            sha256=sha256,
            size=size,
            mirror=mirror,
            wanted=name_filter(include, exclude),
            limits=limits,
            progress=progress,
            is_file_enough=True,
        )
        return
    if (path, url) != (None, None):
        raise UserError("plain_text needs text, path or url, and no two of them")
    refuse_without_url(sha256, size, mirror)
    if (include, exclude, encoding) != (None, None, "utf-8"):
        raise UserError("include, exclude and encoding belong to path and url; leave them out beside text")
    if not text:
        raise UserError("text ('') must hold something to learn, but is empty")
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:  # "\\ud800" in quotes
        raise UserError(f"text ({ascii(text)[:60]}) must hold characters alone, and no half of one") from error
    (folder / _GIVEN).write_bytes(content)
    progress(_GIVEN, len(content), len(content))


def read(
    folder: Path,
    *,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    encoding: str = "utf-8",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
) -> TextStream:
    """Read the text; of several files, sorted by name, each begins on a line of its own.

    Patterns, and the files that are never taken, are those of ``image_folder``.

    Args:
        folder: the folder that ``fetch`` filled.
        include: patterns of the files to take from a folder or an archive; None takes all.
        exclude: patterns of the files to leave out.
        encoding: encoding of the text, as Python names it; a byte order mark is left out.
        max_files: most members of an archive.
        max_file_bytes: most bytes of one file.
        max_bytes: most bytes of all files together.

    Returns:
        The text.

    Raises:
        UserError: the archive is damaged or exceeds a limit; a file is no text, with the line; there is no text at all.
    """
    path, limits = single_file(folder), ArchiveLimits(max_files, max_file_bytes, max_bytes)
    pieces = PackedTexts()
    empty: list[str] = []
    if is_archive(path):
        _read_archive(path, name_filter(include, exclude), encoding, limits, pieces, empty)
    else:
        limits.check_file(path.parent, path.name, path.stat().st_size)
        for piece in _pieces(_decoded(path.read_bytes(), encoding, str(path))):
            pieces.append(piece)
    if len(pieces) == 0:
        raise UserError(f"{path} must hold text, but is empty. Name another file, and fetch again.")
    return TextStream(pieces, tuple(f"left out an empty file: {name}" for name in empty))


def _read_archive(
    path: Path, wanted: NameFilter, encoding: str, limits: ArchiveLimits, pieces: PackedTexts, empty: list[str]
) -> None:
    """Append the files in the order of their names; they are read in that of the archive, once."""
    archive, read, place_of = open_archive(path, limits), PackedTexts(), {}
    for member in archive.members(wanted):
        where = f"{path}: {member.name!r}"
        try:
            text = _decoded(archive.read(member), encoding, where)
        except UserError as error:
            raise UserError(f"{error}, or {exclude_file_hint(member.name)}") from error
        first = len(read)
        for piece in _pieces(text):
            read.append(piece)
        if first == len(read):
            empty.append(member.name)
        else:
            place_of[member.name] = range(first, len(read))
    for name in sorted(place_of):
        if len(pieces) and not pieces[-1].endswith("\n"):
            pieces.append("\n")
        for place in place_of[name]:
            pieces.append(read[place])


def _decoded(content: bytes, encoding: str, where: str) -> str:
    try:
        return normalise(decode_text(content, encoding))
    except UserError as error:
        raise UserError(f"{where} {error}") from error


def _pieces(text: str) -> Iterator[str]:
    """Whole lines, about a MiB of them at a time."""
    start = 0
    while start < len(text):
        end = text.find("\n", min(start + _PIECE, len(text)) - 1) + 1 or len(text)
        yield text[start:end]
        start = end


def recognise(look: "Look") -> "list[Reading]":
    """One text, or several one after the other; see ``saccade.recognition``."""
    from saccade.recognition.texts import one_long_text

    return one_long_text(look)
