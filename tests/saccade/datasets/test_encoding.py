"""Bytes to text: the same as Python, and the place of the first byte that is none."""

import random

import pytest

from saccade.core.errors import UserError
from saccade.io.encodings import codec_name, decode_text

TEXT = "Zürich, 東京, Łódź.\r\nsecond\rthird\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "UTF8", "utf-16", "utf-16-le", "utf-32"])
def test_what_python_encodes_is_read(encoding: str) -> None:
    assert decode_text(TEXT.encode(encoding), encoding) == TEXT


def test_a_byte_order_mark_is_left_out_of_utf_8() -> None:
    assert decode_text(b"\xef\xbb\xbfabc", "utf-8") == "abc"


@pytest.mark.parametrize(
    ("content", "encoding", "place"),
    [
        pytest.param(b"ab\ncd\xff", "utf-8", "line 2, column 3 holds the byte 0xff", id="after a line feed"),
        pytest.param(b"ab\r\ncd\r\xe9e", "utf-8", "line 3, column 1 holds the byte 0xe9", id="other line ends"),
        pytest.param("äöü".encode() + b"\x80", "utf-8", "line 1, column 4 holds the byte 0x80", id="after umlauts"),
        pytest.param(b"\xef\xbb\xbfa\xff", "utf-8", "line 1, column 2 holds the byte 0xff", id="after the mark"),
        pytest.param("ab\nö".encode()[:-1], "utf-8", "line 2, column 1 holds the byte 0xc3", id="cut short"),
        pytest.param(b"ab\x81", "cp1252", "must be cp1252, but line 1, column 3 holds the byte 0x81", id="cp1252"),
        pytest.param("ab\nc".encode("utf-16-le") + b"\x00\xdc", "utf-16-le", "line 2, column 2", id="a surrogate"),
        pytest.param("caf\xe9".encode("latin-1"), "ascii", "line 1, column 4 holds the byte 0xe9", id="ascii"),
    ],
)
def test_the_first_bad_byte_is_told_with_its_place(content: bytes, encoding: str, place: str) -> None:
    with pytest.raises(UserError, match=place) as raised:
        decode_text(content, encoding)
    assert "such as encoding: latin-1" in str(raised.value)


def test_the_place_is_that_of_a_byte_put_anywhere_into_a_text() -> None:
    choose = random.Random(0)
    lines = ["", "plain", "ünï", "東京 tower", "x" * 50]
    for _ in range(200):
        before = "\n".join(choose.choices(lines, k=choose.randrange(1, 6)))
        expected = (before.count("\n") + 1, len(before.rsplit("\n", 1)[-1]) + 1)
        with pytest.raises(UserError, match=rf"line {expected[0]}, column {expected[1]} holds"):
            decode_text(before.encode() + b"\xfe" + b"rest\n", "utf-8")


def test_nul_is_no_text() -> None:
    with pytest.raises(UserError, match=r"must be text, but line 2, column 3 holds a NUL byte, as binary files do"):
        decode_text(b"ab\ncd\0e", "utf-8")
    with pytest.raises(UserError, match="UTF-16 read as latin-1"):
        decode_text("abc".encode("utf-16-le"), "latin-1")


@pytest.mark.parametrize("encoding", ["utf-9", "base64", "undefined", ""])
def test_an_encoding_that_is_none_is_refused(encoding: str) -> None:
    with pytest.raises(UserError, match=rf"encoding \({encoding}\) must be one that Python knows"):
        codec_name(encoding)
