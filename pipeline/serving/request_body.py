"""The body of a request: received within its limits of size and time, and parsed as JSON or as files of a form."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.serving.limits import Held, Limits, RefusedError, shown

if TYPE_CHECKING:
    from fastapi import Request

_JSON, _FORM = "application/json", "multipart/form-data"
_IS_FILE = re.compile(rb";\s*filename\*?=", re.IGNORECASE)


@dataclass(frozen=True)
class Body:
    """A body as it arrived.

    Attributes:
        content: its bytes.
        media: media type, in small letters and without parameters.
        parameters: of the media type: those that follow a semicolon.
    """

    content: bytes
    media: str
    parameters: dict[str, str]

    @property
    def is_form(self) -> bool:
        """Whether it holds files."""
        return self.media == _FORM


async def receive(request: "Request", limits: Limits, held: Held) -> Body:
    """Receive the body of a request.

    Args:
        request: request whose headers are there.
        limits: what it may cost.
        held: counter of its bytes.

    Returns:
        The body.

    Raises:
        RefusedError: it is compressed, of another type, empty, too large, too slow, or ends early.
    """
    from starlette.requests import ClientDisconnect

    headers = request.headers
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise RefusedError(415, f"Content-Encoding ({shown(encoding)}) must be left out: send the body uncompressed")
    media, parameters = _media_type(headers.get("content-type", ""))
    if media not in (_JSON, _FORM):
        raise RefusedError(
            415,
            f"Content-Type ({shown(media) or 'none'}) must be {_JSON}, or {_FORM} for files: curl sends these with "
            "--json and -F",
        )
    declared = headers.get("content-length", "")
    if declared.isdecimal():
        held.require_size(int(declared[:20]))
    content = bytearray()
    try:
        async with asyncio.timeout(limits.receive_s):
            async for chunk in request.stream():
                held.add(len(chunk))
                content += chunk
    except TimeoutError:
        raise RefusedError(
            408,
            f"the body must arrive within {limits.receive_s:g} seconds, but {len(content):,} bytes did: send it faster,"
            " or less at once",
        ) from None
    except ClientDisconnect:
        raise RefusedError(400, "the body ended before it was complete: send as many bytes as announced") from None
    if not content:
        raise RefusedError(400, f"the body ({media}) must not be empty: send what is to be answered")
    return Body(bytes(content), media, parameters)


def _media_type(header: str) -> tuple[str, dict[str, str]]:
    from python_multipart.multipart import parse_options_header

    media, options = parse_options_header(header[:1000])
    decoded = {name.decode("latin-1"): value.decode("latin-1") for name, value in options.items()}
    return media.decode("latin-1").strip().lower(), decoded


def parse_json(content: bytes) -> dict[str, Any]:
    """Parse an object of JSON, strictly: numbers are finite.

    Args:
        content: bytes in UTF-8.

    Returns:
        The object.

    Raises:
        RefusedError: it is something else.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(
            400,
            f"the body must be UTF-8, but byte {error.start:,} (0x{content[error.start]:02x}) is none: encode it",
        ) from None
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise RefusedError(
            400, f"the body must be JSON, but at character {error.pos:,}: {error.msg}. Correct it there"
        ) from None
    except RecursionError:
        raise RefusedError(400, "the body is nested too deeply: an input is a text, or numbers in lists") from None
    except ValueError as error:  # a whole number of thousands of digits
        raise RefusedError(400, f"the body holds a number that cannot be read: {shown(str(error))}") from None
    if not isinstance(found, dict):
        raise RefusedError(
            400, f'the body ({shown(found)}) must be an object such as {{"images": [...]}}, not {type(found).__name__}'
        )
    return found


def _refuse_constant(name: str) -> None:
    raise RefusedError(400, f"the body holds {name}: numbers must be finite, leave out what is missing")


def parse_files(body: Body, limits: Limits) -> list[bytes]:
    """Take the files out of a form.

    Args:
        body: body of a form.
        limits: how many inputs it may hold.

    Returns:
        Bytes of each file, in their order; what they are called does not matter.

    Raises:
        RefusedError: it is no such form, or holds none, or too many.
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser

    boundary = body.parameters.get("boundary", "")
    if not 0 < len(boundary) <= 70:
        raise RefusedError(
            400, f"boundary ({shown(boundary)}) must have 1 to 70 characters: let the client write the Content-Type"
        )
    files: list[bytearray] = []
    heads: list[bytearray] = []

    def begin() -> None:
        if len(files) >= limits.inputs:
            raise RefusedError(
                413, f"a request must hold at most {limits.inputs:,} inputs: send the rest in another request"
            )
        files.append(bytearray())
        heads.append(bytearray())

    def head(data: bytes, start: int, end: int) -> None:
        heads[-1].extend(data[start:end])

    def add(data: bytes, start: int, end: int) -> None:
        files[-1].extend(data[start:end])

    callbacks: Any = {
        "on_part_begin": begin,
        "on_header_field": head,
        "on_header_value": head,
        "on_part_data": add,
        "on_end": lambda: ends.append(True),
    }
    ends: list[bool] = []
    try:
        parser = MultipartParser(boundary.encode("latin-1", "replace"), callbacks)
        parser.write(body.content)
        parser.finalize()
    except FormParserError as error:
        raise RefusedError(400, f"the body must be a form with files, but is damaged: {shown(str(error))}") from None
    if not ends:
        raise RefusedError(400, "the form ends before its last boundary: send it whole")
    if not files:
        raise RefusedError(400, "the form must hold at least one file: curl sends one with -F image=@photo.jpg")
    for place, part in enumerate(heads):
        if not _IS_FILE.search(part):
            raise RefusedError(
                400,
                f"part {place + 1} of the form must be a file, but is a field: send it with -F image=@photo.jpg, the @"
                " included",
            )
    return [bytes(file) for file in files]
