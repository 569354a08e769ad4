"""Bytes decoded as text, and the place of the first byte that is not text."""

import codecs

from saccade.core.errors import UserError

_REMEDY = "Save it in UTF-8, or name its encoding, such as encoding: latin-1"


def codec_name(encoding: str) -> str:
    """The codec that reads an encoding; of UTF-8 the one that leaves a byte order mark out.

    Args:
        encoding: name of an encoding in Python: utf-8, latin-1, cp1252, utf-16.

    Returns:
        Its name.

    Raises:
        UserError: Python knows no such encoding of text.
    """
    try:
        b"a\n".decode(encoding)
    except UnicodeDecodeError:
        pass  # such as utf-32, which has no text of two bytes
    except (LookupError, UnicodeError) as error:
        raise UserError(f"encoding ({encoding}) must be one that Python knows, such as utf-8 or latin-1") from error
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def decode_text(content: bytes, encoding: str) -> str:
    """Read a text file.

    Args:
        content: bytes of the file.
        encoding: name of an encoding in Python, such as utf-8 or latin-1.

    Returns:
        The text, without a byte order mark, line ends as they are.

    Raises:
        UserError: a byte is none of that encoding, or NUL, which no text holds: with line and column; that message
            goes on after the file's name.
    """
    codec = codec_name(encoding)
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        line, column = line_and_column(error.object[: error.start].decode(codec, "ignore"))
        raise UserError(
            f"must be {encoding}, but line {line}, column {column} holds the byte 0x{error.object[error.start]:02x}. "
            f"{_REMEDY}"
        ) from error
    refuse_nul(text, encoding)
    return text


def refuse_nul(text: str, encoding: str) -> None:
    """Refuse text with NUL characters: a binary file, or UTF-16 read as something else.

    Args:
        text: text to search.
        encoding: encoding that it was read by, for the message.

    Raises:
        UserError: there is one, with its line and column; that message goes on after the file's name.
    """
    if (at := text.find("\0")) >= 0:
        line, column = line_and_column(text[:at])
        raise UserError(
            f"must be text, but line {line}, column {column} holds a NUL byte, as binary files do and UTF-16 read as "
            f"{encoding}. {_REMEDY}"
        )


def line_and_column(text: str) -> tuple[int, int]:
    """Line and column, from 1, of what follows a text; lines end as Python reads them in text files."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return len(lines), len(lines[-1]) + 1
