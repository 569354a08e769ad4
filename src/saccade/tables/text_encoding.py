"""The encoding of a table's text: told by a byte order mark or UTF-8; else the likely one is proposed, not taken."""

import codecs
import io
import re
from typing import NoReturn

from saccade.core.errors import UserError
from saccade.io.encodings import codec_name
from saccade.tables.file_content import FileContent

_CHUNK_BYTES = 2**16
_HEAD_BYTES = 256
_EXCERPT = 60  # characters of a line in a message
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKS_OF_WORDS = tuple(mark for mark, codec in _MARKS if codec != "utf-8-sig")
_LATIN = ("cp1252", "latin-1")
_EAST = ("gb2312", "shift_jis", "euc_kr", "big5", "gb18030")
_CYRILLIC = ("cp1251", "koi8-r")


def find_encoding(content: FileContent, name: str, stated: str | None) -> tuple[str, str]:
    """The codec of a text, and what it is called.

    Args:
        content: the file.
        name: the user's name of the file, for messages.
        stated: encoding that the user names; None: by the byte order mark, else UTF-8.

    Returns:
        Name of a codec of Python, and the encoding's name for messages.

    Raises:
        UserError: it is UTF-16 without a byte order mark.
    """
    with content.reading(name) as file:
        head = file.read(_HEAD_BYTES)
    if stated is not None:
        codec = codec_name(stated)
        if codecs.lookup(codec).name in ("utf-16", "utf-32") and not head.startswith(_MARKS_OF_WORDS):
            raise UserError(
                f"{name} must begin with a byte order mark to be {stated}. Without one, name the order of the bytes, "
                f"such as encoding: {stated}-le, or leave encoding out"
            )
        return codec, stated
    codec = next((codec for mark, codec in _MARKS if head.startswith(mark)), "utf-8")
    if codec == "utf-8" and head.count(0) > len(head) // 4:
        likely = likely_encoding(head)
        shown = head.decode(likely or "utf-8", "replace").splitlines()[0]
        raise UserError(
            f"{name} holds NUL bytes; in {likely} it begins {shown[:_EXCERPT]!r}. Name it: encoding: {likely}"
        )
    return codec, codec.removesuffix("-sig")


def refuse_bad_byte(content: FileContent, name: str, codec: str, encoding: str) -> NoReturn:
    """Name the first byte that cannot be decoded, its line, and the encoding in which the line reads as words.

    Args:
        content: the file.
        name: the user's name of the file.
        codec: codec that failed.
        encoding: name of the encoding.

    Raises:
        UserError: always.
    """
    line, byte, raw = _first_bad_byte(content, name, codec)
    where = f"{name}, line {line}: the byte 0x{byte:02x} is no {encoding}"
    with content.reading(name) as file:
        head = file.read(4)
    marked = next((mark for bom, mark in _MARKS if head.startswith(bom)), None)
    likely = likely_encoding(raw) if marked is None else None if marked == codec else marked
    if likely is None:
        raise UserError(
            f"{where}. Save the table as a CSV file in UTF-8, or name its encoding, such as encoding: latin-1"
        )
    if marked is not None:
        raise UserError(f"{where}; its first bytes say {likely}. Name that, or leave encoding out.")
    shown = raw.decode(likely, "replace").strip("\r\n\ufeff")
    place = next((i for i, letter in enumerate(shown) if ord(letter) > 127), 0)
    start = max(0, place - _EXCERPT // 2)
    raise UserError(
        f"{where}; in {likely} the line reads {shown[start : start + _EXCERPT]!r}. Name it: encoding: {likely}"
    )


def likely_encoding(raw: bytes) -> str | None:
    """The encoding in which some bytes that are no UTF-8 read as words.

    Args:
        raw: bytes of a line.

    Returns:
        Its name; None where none is likelier than others.
    """
    if b"\0" in raw:
        even, odd = raw[::2].count(0), raw[1::2].count(0)
        return "utf-16-le" if odd > even else "utf-16-be"
    letters = sum(byte > 127 or chr(byte).isalpha() for byte in raw)
    high = sum(byte > 127 for byte in raw)
    few = high * 3 < letters or high <= 2
    candidates = (*_LATIN, "cp850", *_CYRILLIC) if few else (*_EAST, *_CYRILLIC, *_LATIN)
    if few and any(0x80 <= byte <= 0x9F for byte in raw):
        candidates = ("cp850", *candidates)
    scores = []
    for place, codec in enumerate(candidates):
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        scores.append((_odd_letters(text, few), place, codec))
    return {"gb2312": "gb18030"}.get(found := min(scores)[2], found) if scores else None


def _odd_letters(text: str, is_latin: bool) -> int:
    """How many letters are out of place: no letters, or small ones before capitals."""
    foreign = [letter for letter in text if ord(letter) > 127]
    no_words = sum(not letter.isalpha() and letter not in "°€£–—’‘“”…²³½µ§«»" for letter in foreign)
    mixed = len(re.findall(r"[a-zà-ÿа-я][A-ZÀ-ÞА-Я]", text))
    other = sum(is_latin and ord(letter) > 0x24F and letter.isalpha() for letter in foreign)
    other += sum(0xFF61 <= ord(letter) <= 0xFF9F for letter in foreign)  # half-width kana
    return 2 * no_words + mixed + other


def _first_bad_byte(content: FileContent, name: str, codec: str) -> tuple[int, int, bytes]:
    """The line, from 1, and the value of the first byte that cannot be decoded, and the bytes of that line."""
    decoder, newlines, lines = codecs.getincrementaldecoder(codec)(), io.IncrementalNewlineDecoder(None, True), 1
    with content.reading(name) as file:
        tail = b""  # of the line that is being decoded
        while chunk := file.read(_CHUNK_BYTES):
            state = decoder.getstate()
            try:
                lines += newlines.decode(decoder.decode(chunk)).count("\n")
            except UnicodeDecodeError:
                decoder.setstate(state)
                for place in range(len(chunk)):  # byte by byte, up to the bad one
                    try:
                        lines += newlines.decode(decoder.decode(chunk[place : place + 1])).count("\n")
                    except UnicodeDecodeError as error:
                        before = re.split(rb"[\r\n]", tail + chunk[:place])[-1]
                        after = re.split(rb"[\r\n]", chunk[place:] + file.read(_CHUNK_BYTES))[0]
                        return lines, error.object[error.start], before[-500:] + after[:500]
            tail = re.split(rb"[\r\n]", tail[-1000:] + chunk)[-1]
    return lines, 0, b""  # the end is missing
