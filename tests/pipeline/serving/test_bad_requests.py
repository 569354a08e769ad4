"""Requests that cannot be answered: each gets a 4xx with one line, costs no memory, and the next one is answered."""

import base64
import gzip
import json
import re
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from served_networks import Client, form_of, picture, running, served_of

from pipeline.serving.limits import Limits

JSON = {"Content-Type": "application/json"}
LIMITS = Limits(
    request_bytes=2**20,
    held_requests=3,
    pixels=1_000_000,
    characters=500,
    steps=40,
    inputs=8,
    receive_s=0.5,
    head_bytes=4096,
)


@pytest.fixture(scope="module")
def pictures() -> Iterator[Client]:
    with running(served_of("pictures"), LIMITS) as client:
        yield client


@pytest.fixture(scope="module")
def texts() -> Iterator[Client]:
    with running(served_of("texts"), LIMITS) as client:
        yield client


@pytest.fixture(scope="module")
def series() -> Iterator[Client]:
    with running(served_of("series"), LIMITS) as client:
        yield client


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG that says how large it is, and a pixel or two."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(50))) + chunk(b"IEND", b"")


def npy_header(shape: tuple[int, ...], dtype: str = "|u1") -> bytes:
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


FILES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 422, "file 1 must be a picture, but is empty"),
    "no picture": (b"hello", 422, "file 1 must be a picture: its 5 bytes are none that Pillow knows"),
    "truncated JPEG": (picture(form="JPEG")[:400], 422, "file 1 must be a whole picture: .*"),
    "truncated PNG": (picture()[:90], 422, "file 1 must be a whole picture: .*"),
    "PNG of 10^10 pixels": (png_header(100_000, 100_000), 422, "file 1 must .*pixel.*"),
    "PNG of 2 million pixels": (png_header(1000, 2000), 422, ".* at most 1,000,000 pixels, but has 2000x1000"),
    "PNG of no pixels": (png_header(0, 3), 422, "file 1 must be .*"),
    "PNG without its data": (png_header(300, 300), 422, "file 1 must be a whole picture: .*"),
    "array of 10^12": (npy_header((10**6, 10**6)), 422, ".* at most 1,000,000 pixels, but is an array .*"),
    "array of objects": (npy_header((2, 2), "|O"), 422, "file 1 must be an array of numbers, .* is object"),
    "pickle": (b"\x80\x04\x95\x1a\x00\x00\x00cposix\nsystem\n", 422, "file 1 must be a picture: .*"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 422, "file 1 must be a picture: .*"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 422, "file 1 must be a picture: .*"),
    "gzip of a picture": (gzip.compress(picture()), 422, "file 1 must be a picture: .*"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_picture_is_refused(pictures: Client, name: str) -> None:
    content, status, line = FILES[name]
    refused(pictures, pictures.post_files([content]), status, line)
    by_json = pictures.post({"images": [b64(picture()), b64(content)]})
    refused(pictures, by_json, status, line.replace("file 1", r"images\[1\]"))


def refused(client: Client, answer: tuple[int, Any, Any], status: int, line: str) -> None:
    found, headers, body = answer
    assert (found, list(body)) == (status, ["error"]) and headers["Content-Type"] == "application/json"
    assert re.fullmatch(line, body["error"]), body["error"]
    assert "\n" not in body["error"] and len(body["error"]) < 300
    again, _, answered = ask_well(client)
    assert (again, len(answered["answers"])) == (200, 1)


def ask_well(client: Client) -> tuple[int, Any, Any]:
    good: dict[str, Any] = {"pictures": None, "texts": {"texts": ["abc"]}, "series": {"series": [[[1, 2]]]}}
    value = good[client.service.served.run]
    return client.post_files([picture()]) if value is None else client.post(value)


KEYS = r"must be one of images, arrays: pictures classifies images"
BODIES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, r"the body \(application/json\) must not be empty: send what is to be answered"),
    "no JSON": (b"hello", 400, "the body must be JSON, but at character 0: Expecting value. Correct it there"),
    "JSON cut short": (b'{"images": ["', 400, "the body must be JSON, but at character 12: Unterminated .*"),
    "two objects": (b"{} {}", 400, "the body must be JSON, but at character 3: Extra data. Correct it there"),
    "list": (b"[1]", 400, r"the body \(\[1\]\) must be an object such as .*, not list"),
    "null": (b"null", 400, r"the body \(None\) must be an object such as .*, not NoneType"),
    "no key": (b"{}", 400, rf"the keys of the body \(none\) {KEYS}"),
    "wrong key": (b'{"image": "x"}', 400, rf"the keys of the body \(image\) {KEYS}"),
    "key of another kind": (b'{"texts": ["x"]}', 400, rf"the keys of the body \(texts\) {KEYS}"),
    "two keys": (b'{"images": ["x"], "arrays": []}', 400, rf"the keys of the body \(images, arrays\) {KEYS}"),
    "key of control letters": (b'{"\\u0000\\u001b[2J": 1}', 400, rf"the keys of the body \(\\x00\\x1b\[2J\) {KEYS}"),
    "inputs in no list": (b'{"images": "x"}', 400, r"images \(x\) must be a list of at least one input: .*"),
    "no inputs": (b'{"images": []}', 400, r"images \(\[\]\) must be a list of at least one input: .*"),
    "too many inputs": (json.dumps({"images": ["eA=="] * 9}).encode(), 413, r"images .* must hold at most 8: .*"),
    "number for a picture": (b'{"images": [5]}', 400, r"images\[0\] \(5\) must be text: a file's bytes in base64"),
    "path": (b'{"images": ["/etc/passwd"]}', 400, r"images\[0\] \(/etc/passwd\) .*: no path or address is opened"),
    "address": (b'{"images": ["http://127.0.0.1/x.png"]}', 400, r".*: no path or address is opened"),
    "file address": (b'{"images": ["file:///etc/passwd"]}', 400, r".*: no path or address is opened"),
    "cut base64": (b'{"images": ["iVBORw0KG"]}', 400, r"images\[0\] \(iVBORw0KG\) must be a file's bytes in base64 .*"),
    "invalid UTF-8": (b'{"images": ["\xff"]}', 400, r"the body must be UTF-8, but byte 13 \(0xff\) is none: .*"),
    "UTF-16": ('{"images": []}'.encode("utf-16"), 400, r"the body must be UTF-8, but byte 0 \(0xff\) is none: .*"),
    "NaN": (b'{"arrays": [[NaN]]}', 400, "the body holds NaN: numbers must be finite, leave out what is missing"),
    "Infinity": (b'{"arrays": [[-Infinity]]}', 400, "the body holds -Infinity: numbers must be finite, .*"),
    "deep nesting": (b'{"arrays": ' + b"[" * 100_000, 400, "the body is nested too deeply: .*"),
    "90 axes": (b'{"arrays": ' + b"[" * 90 + b"]" * 90 + b"}", 400, "arrays .*must be numbers .*"),
    "huge whole number": (b'{"arrays": [[' + b"9" * 5000 + b"]]}", 400, "the body holds a number that cannot .*"),
    "whole number of 30 digits": (b'{"arrays": [[[[' + b"9" * 30 + b"]]]]}", 400, "arrays .*must be numbers .*"),
    "ragged array": (b'{"arrays": [[[1, 2], [3]]]}', 400, r"arrays must be numbers of the shape .*, all of one length"),
    "texts in an array": (b'{"arrays": [[[["1"]]]]}', 400, r"arrays .* must be numbers of the shape \(N, 32, 32, 1\)"),
    "truth in an array": (b'{"arrays": [[[[true]]]]}', 400, r"arrays .* must be numbers of the shape \(N, 32, 32, 1\)"),
    "wrong shape": (b'{"arrays": [[[[1], [2]]]]}', 422, r"arrays \(shape 1, 1, 2, 1\) must have the shape .*"),
    "empty array": (b'{"arrays": [[]]}', 400, r"arrays .* must be numbers of the shape .*"),
    "pixels beyond 255": (
        json.dumps({"arrays": [[[[256]] * 32] * 32]}).encode(),
        422,
        r"arrays pixel values \(256.0..256.0\) must .*",
    ),
    "negative pixels": (json.dumps({"arrays": [[[[-1]] * 32] * 32]}).encode(), 422, "arrays pixel values .*"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_read_is_refused(pictures: Client, name: str) -> None:
    content, status, line = BODIES[name]
    refused(pictures, pictures.ask("POST", "/predict", content, JSON), status, line)


TEXTS: dict[str, tuple[Any, int, str]] = {
    "no text": ({"texts": [""]}, 422, r"texts\[0\] \(''\) must hold one of the characters at least: leave it out"),
    "white text": ({"texts": ["a", " \n"]}, 422, r"texts\[1\] .* must hold one of the characters at least: .*"),
    "number": ({"texts": [5]}, 400, r"texts\[0\] \(5\) must be text: texts classifies texts"),
    "long text": ({"texts": ["a" * 501]}, 413, r"texts\[0\] \(501 characters\) must have at most 500: cut it"),
    "half of a letter": ({"texts": ["\ud800"]}, 400, r"texts\[0\] holds half of a surrogate pair .*"),
    "text for a list": ({"texts": "abc"}, 400, r"texts \(abc\) must be a list of at least one input: .*"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_cannot_be_answered_is_refused(texts: Client, name: str) -> None:
    value, status, line = TEXTS[name]
    refused(texts, texts.post(value), status, line)


def test_an_answer_that_is_no_number_is_refused() -> None:
    served = served_of("sums")
    served.network.answers_of = lambda stored, batch_size: np.full((len(stored), 1), np.nan, np.float32)
    with running(served) as client:
        status, _, body = client.post({"series": [[[3e38, 1]] * 4]})
    assert status == 422 and body["error"].startswith("input 1 has no finite answer: its values lie too far")


def test_files_are_refused_where_texts_are_read(texts: Client) -> None:
    refused(texts, texts.post_files([b"abc"]), 415, 'texts classifies texts: send {"texts": .*, not a form of files')


SERIES: dict[str, tuple[Any, int, str]] = {
    "flat": ({"series": [[1, 2]]}, 400, r"series\[0\] \(\[1, 2\]\) must be a list of steps, each a list of numbers"),
    "no steps": ({"series": [[]]}, 400, r"series\[0\] \(\[\]\) must be a list of steps, each a list of numbers"),
    "ragged": ({"series": [[[1, 2], [3]]]}, 400, r"series\[0\] must be a list of steps, .*, all of one length"),
    "wrong features": ({"series": [[[1, 2, 3]]]}, 422, r"series\[0\] \(3 numbers a step\) must have 2 \(x, y\)"),
    "null": ({"series": [[[1, None]]]}, 400, r"series\[0\] .* must be a list of steps, each a list of numbers"),
    "too large": ({"series": [[[1, 1e39]]]}, 422, r"series\[0\] holds a number beyond 3.4e38, .*"),
    "too many steps": ({"series": [[[1, 2]] * 41]}, 413, r"series\[0\] \(41 steps\) must have at most 40: cut it"),
}


@pytest.mark.parametrize("name", SERIES)
def test_a_series_that_cannot_be_answered_is_refused(series: Client, name: str) -> None:
    value, status, line = SERIES[name]
    refused(series, series.post(value), status, line)


TABLES: dict[str, tuple[bytes, int, str]] = {
    "gzip bomb": (gzip.compress(bytes(10**6)), 415, "file 1 is gzip: send the table as plain text, such as CSV"),
    "workbook": (b"PK\x03\x04" + bytes(50), 415, "file 1 is zip: .*"),
    "picture": (picture(), 422, "file-1.csv must be a table, but is a PNG picture. .*"),
    "wrong columns": (b"a,b\n1,2\n3,4\n", 422, ".*file-1.csv.*"),
    "words": (b"x,y\n1,two\n3,4\n", 422, ".*file-1.csv.*two.*"),
    "too many lines": (b"x,y\n" + b"1,2\n" * 41, 413, "file 1 must have at most 40 lines: cut it"),
    "empty": (b"", 422, ".*file-1.csv.*"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_cannot_be_read_is_refused(series: Client, name: str) -> None:
    content, status, line = TABLES[name]
    refused(series, series.post_files([content]), status, line)


REQUESTS: dict[str, tuple[str, str, bytes | None, dict[str, str], int, str]] = {
    "no type": ("POST", "/predict", b"{}", {}, 415, r"Content-Type \(none\) must be application/json, or .*"),
    "wrong type": ("POST", "/predict", b"{}", {"Content-Type": "text/xml"}, 415, r"Content-Type \(text/xml\) must .*"),
    "gzip bomb": (
        "POST",
        "/predict",
        gzip.compress(bytes(10**7)),
        {**JSON, "Content-Encoding": "gzip"},
        415,
        r"Content-Encoding \(gzip\) must be left out: send the body uncompressed",
    ),
    "form without a boundary": (
        "POST",
        "/predict",
        b"x",
        {"Content-Type": "multipart/form-data"},
        400,
        r"boundary \(\) must have 1 to 70 .*",
    ),
    "form that is none": (
        "POST",
        "/predict",
        b"hello",
        {"Content-Type": "multipart/form-data; boundary=b"},
        400,
        "the body must be a form .*",
    ),
    "form cut short": (
        "POST",
        "/predict",
        form_of([picture()])[0][:-20],
        {"Content-Type": form_of([])[1]},
        400,
        "the form ends before .*",
    ),
    "form without files": (
        "POST",
        "/predict",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n',
        {"Content-Type": "multipart/form-data; boundary=b"},
        400,
        "part 1 of the form must be a file, but is a field: .*",
    ),
    "form of too many files": (
        "POST",
        "/predict",
        form_of([b"x"] * 9)[0],
        {"Content-Type": form_of([])[1]},
        413,
        ".* at most 8 inputs.*",
    ),
    "body too large": ("POST", "/predict", b" " * (2**20 + 1), JSON, 413, r"the body \(1,048,577 .*"),
    "wrong method": ("GET", "/predict", None, {}, 405, "GET must be POST for /predict"),
    "unknown method": ("BREW", "/predict", None, {}, 400, "the request must be HTTP.*"),
    "delete": ("DELETE", "/", None, {}, 405, "DELETE must be GET for /"),
    "wrong path": ("GET", "/%2e%2e/%2e%2e/etc/passwd", None, {}, 404, "/../../etc/passwd must be one of .*"),
    "no number for top": ("POST", "/predict?top=all", b"{}", JSON, 400, r"top \(all\) must be a whole number .*"),
    "unknown question": ("POST", "/predict?url=x", b"{}", JSON, 400, "the address has url=, .*"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_is_not_one_of_ours_is_refused(pictures: Client, name: str) -> None:
    method, path, content, headers, status, line = REQUESTS[name]
    refused(pictures, pictures.ask(method, path, content, headers), status, line)


HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
RAW: dict[str, tuple[bytes, bool, int, str]] = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00hello\r\n\r\n", False, 400, "the request must be HTTP.*"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", False, 400, "the request must be HTTP.*"),
    "wrong length": (HEAD + b"Content-Length: many\r\n\r\n", False, 400, "the request must be HTTP.*"),
    "length and chunks": (
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        False,
        400,
        "the request must be HTTP.*",
    ),
    "200 MB announced": (HEAD + b"Content-Length: 200000000\r\n\r\n{", False, 413, r"the body \(200,000,000 bytes .*"),
    "endless headers": (HEAD + b"X: " + b"x" * 9000, False, 431, "the headers must have at most 4,096 .*"),
    "slow headers": (HEAD[:40], False, 408, "a request's headers must arrive within 0.5 seconds: send them faster"),
    "slow body": (HEAD + b"Content-Length: 9\r\n\r\n{", False, 408, "the body must arrive within 0.5 .*"),
    "half-closed in the headers": (HEAD[:40], True, 400, "the request ended within its .*"),
    "half-closed in the body": (HEAD + b"Content-Length: 9\r\n\r\n{", True, 400, "the body ended before .*"),
    "address that is none": (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", False, 400, "the request must be HTTP.*"),
}


@pytest.mark.parametrize("name", RAW)
def test_a_connection_that_goes_wrong_gets_an_answer(pictures: Client, name: str) -> None:
    content, closes, status, line = RAW[name]
    with socket.create_connection(("127.0.0.1", pictures.port), timeout=10) as connection:
        connection.sendall(content)
        if closes:
            connection.shutdown(socket.SHUT_WR)
        answer = read_answer(connection)
    refused(pictures, answer, status, line)


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    import http.client

    response = http.client.HTTPResponse(connection)
    response.begin()
    content = response.read()
    return response.status, response.headers, json.loads(content)  # type: ignore[return-value]


def test_a_client_that_says_it_is_done_is_still_answered(pictures: Client) -> None:
    body, media = form_of([picture()])
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", pictures.port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        status, _, answer = read_answer(connection)
    assert (status, len(answer["answers"])) == (200, 1)


def test_large_bodies_cost_no_memory(pictures: Client) -> None:
    """20 MB without a length are refused at the first of them, read on and thrown away, or cut off."""
    ask_well(pictures)
    before = psutil.Process().memory_info().rss
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", pictures.port), timeout=10) as connection:
            connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            piece = b"100000\r\n" + b" " * 2**20 + b"\r\n"
            for _ in range(20):
                connection.sendall(piece)
            status, _, answer = read_answer(connection)
            assert status == 413 and "must have at most 1,048,576" in answer["error"]
    assert psutil.Process().memory_info().rss - before < 12 * 2**20
    assert ask_well(pictures)[0] == 200


def test_a_body_without_end_is_cut_off(pictures: Client) -> None:
    began = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", pictures.port), timeout=10) as connection,
        pytest.raises((BrokenPipeError, ConnectionResetError)),
    ):
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        while time.monotonic() - began < 8:
            connection.sendall(b"10000\r\n" + b" " * 2**16 + b"\r\n")
            time.sleep(0.02)
    assert ask_well(pictures)[0] == 200


def test_nothing_of_a_request_is_left_on_the_disk(
    series: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert series.post_files([b"x,y\n1,2\n3,4\n"])[0] == 200
    assert series.post_files([b"x,y\n1,two\n3,4\n"])[0] == 422
    assert not list(tmp_path.iterdir())
