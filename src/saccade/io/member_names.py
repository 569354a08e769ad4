"""Names of files that do not say in which encoding they are: old zips, and disks that were written elsewhere.

A zip marks names in UTF-8 by a flag; others are, by its specification, in the code page of the first IBM PC, and in
truth in that of whoever packed it. Which one reads them as words is counted.
"""

import itertools
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from saccade.core.errors import UserError
from saccade.io.encodings import codec_name

# Of equals the first is taken. The first two are what Windows packs with in the Americas and Western Europe.
_CODECS = (
    *("cp850", "cp437", "cp1252", "cp852", "cp866", "cp737", "cp857", "cp862", "cp1250", "cp1251", "cp1253"),
    *("cp932", "gb2312", "cp949", "big5"),
)
_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075  # extra field of Info-ZIP: the name in UTF-8, valid while the plain one is unchanged
_MAX_NAMES = 5_000  # that are looked at
_COMMON = frozenset("áàâãäåæçéèêëíìîïñóòôõöøœúùûüýßÁÀÂÃÄÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÕÖØŒÚÙÛÜÝ")
_JAPANESE = {"HIRAGANA", "KATAKANA", "CJK"}
_WORD = re.compile(r"[^\W\d_]+")


class Reading(NamedTuple):
    """How names were read.

    Attributes:
        codec: encoding, as Python names it; empty where nothing had to be found out.
        note: line for people where the reading is certain.
        warning: line where it is only the likeliest.
    """

    codec: str
    note: str = ""
    warning: str = ""


def unmarked_name(info: zipfile.ZipInfo) -> bytes | None:
    """The bytes of a zip member's name whose encoding is not known; None where it is.

    Args:
        info: member of a zip.

    Returns:
        Bytes that hold more than ASCII.
    """
    if info.flag_bits & _UTF8_FLAG or info.orig_filename.isascii():
        return None
    raw = info.orig_filename.encode("cp437")
    return None if _unicode_path(info.extra, raw) else raw


def member_name(info: zipfile.ZipInfo, codec: str) -> str:
    """The name of a zip's member.

    Args:
        info: member of a zip.
        codec: encoding of names that bear no mark.

    Returns:
        Its name; backslashes part folders where no slash does.

    Raises:
        UnicodeDecodeError: the name is none in this encoding.
    """
    name = info.filename
    if not (info.flag_bits & _UTF8_FLAG or info.orig_filename.isascii()):
        raw = info.orig_filename.encode("cp437")
        name = _unicode_path(info.extra, raw) or raw.decode(codec)
    return name.replace("\\", "/") if "\\" in name and "/" not in name else name


def _unicode_path(extra: bytes, raw: bytes) -> str:
    place = 0
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, place)
        value = extra[place + 4 : place + 4 + size]
        if kind == _UNICODE_PATH and len(value) > 5 and value[1:5] == struct.pack("<I", zlib.crc32(raw)):
            return value[5:].decode("utf-8", "replace")
        place += 4 + size
    return ""


def likely_reading(names: Iterable[bytes]) -> Reading:
    """The encoding that reads names as words: UTF-8 where all are, else the code page with the most plausible letters.

    Args:
        names: names with more than ASCII in them.

    Returns:
        The encoding, and what to tell of it.
    """
    parts = list(dict.fromkeys(part for name in names for part in re.split(rb"[/\\]", name) if not part.isascii()))
    parts = parts[:_MAX_NAMES]
    if not parts:
        return Reading("")
    if (decoded := _decoded(parts, "utf-8")) is not None:
        return Reading("utf-8", note=f"names that bear no mark of their encoding are UTF-8, such as {decoded[0]!r}")
    readings = {codec: decoded for codec in _CODECS if (decoded := _decoded(parts, codec)) is not None}
    scores = {codec: sum(_plausibility(text, codec) for text in decoded) for codec, decoded in readings.items()}
    if not scores:
        return Reading("latin-1", warning="names are in no encoding that is known here: names_encoding says which")
    best = max(scores, key=lambda codec: scores[codec])  # of equals the first
    rivals = [codec for codec in scores if readings[codec] != readings[best] and scores[codec] > 0.75 * scores[best]]
    sample = next((i for i, text in enumerate(readings[best]) if any(text != readings[c][i] for c in rivals)), 0)
    told = f"names that bear no mark of their encoding are read as {best}, such as {readings[best][sample]!r}"
    beyond = sum(byte > 127 for part in parts for byte in part)
    if not rivals and scores[best] > 0.75 * beyond:
        return Reading(best, note=f"{told} (names_encoding sets another)")
    rivals = sorted(rivals, key=lambda codec: -scores[codec])[:2]
    others = " or ".join(f"{readings[codec][sample]!r} ({codec})" for codec in rivals)
    wrong = f"If {others} is right" if rivals else "If they are others"
    return Reading(best, warning=f"{told}. {wrong}: names_encoding: {rivals[0] if rivals else 'cp437'}")


def named_reading(names_encoding: str) -> Reading:
    """The reading that the user asks for.

    Args:
        names_encoding: encoding as Python names it.

    Returns:
        It, with nothing to tell.
    """
    return Reading(codec_name(names_encoding))


def decode_disk_name(name: str, names_encoding: str | None) -> str:
    """A name as the disk or a tar gave it, whose bytes are not UTF-8, in an encoding that the user named.

    Args:
        name: name in which such bytes are lone surrogates, as Python reads them.
        names_encoding: encoding as Python names it; None leaves the name as it is.

    Returns:
        The name.

    Raises:
        UserError: it is none in this encoding.
    """
    if names_encoding is None or is_utf8(name):
        return name
    try:
        return name.encode("utf-8", "surrogateescape").decode(codec_name(names_encoding))
    except UnicodeDecodeError as error:
        raise UserError(f"the name {name!r} must be {names_encoding} (names_encoding): {error.reason}") from error


def is_utf8(name: str) -> bool:
    """Whether a name of the disk was UTF-8."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _decoded(parts: Sequence[bytes], codec: str) -> list[str] | None:
    try:
        return [part.decode(codec) for part in parts]
    except UnicodeDecodeError:
        return None


def _plausibility(text: str, codec: str) -> float:
    """How many bytes beyond ASCII look like letters of words: symbols, mixed scripts and odd capitals do not.

    >>> [round(_plausibility(b"ma\\x87\\xc6".decode(codec), codec), 1) for codec in ("cp850", "cp852", "cp437")]
    [2.0, 0.6, 0.0]
    """
    total = 0.0
    for letter in text:
        if not letter.isascii() and not letter.isalpha() and not unicodedata.category(letter).startswith("M"):
            total -= 1
    for word in _WORD.findall(text):
        beyond = [letter for letter in word if not letter.isascii()]
        scripts = {_script(letter) for letter in word}
        if len(scripts) > 1:
            total -= len(beyond)
            continue
        for letter in beyond:
            is_usual = letter in _COMMON or not scripts & {"LATIN", "HALFWIDTH"}
            total += len(letter.encode(codec)) if is_usual else 0.6
        for before, letter in itertools.pairwise(word):
            if before.islower() and letter.isupper() and not (before.isascii() and letter.isascii()):
                total -= 1
    return total


def _script(letter: str) -> str:
    if letter in "ªº":  # ordinals of Spanish and Portuguese
        return "LATIN"
    first = unicodedata.name(letter, "NONE").split()[0]
    return "CJK" if first in _JAPANESE else first
