"""Texts on their way out: what an error says, less credentials, secrets of the environment and the user's name."""

import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

from saccade.io.credentials import MASK, mask

_SECRET_VARIABLE = re.compile(
    r"(?i).*(?:token|secret|passw(?:or)?d|passphrase|api_?key|access_?key|private_?key|credential|signature).*"
)
_SHORTEST = 6  # characters; a shorter value stands in other words, too


def redact(text: str) -> str:
    """A text without credentials: neither those of an address, nor values of variables such as ``..._TOKEN``.

    Args:
        text: such as the message of an exception of any library.

    Returns:
        The text with ``***`` in their place.
    """
    for value in _secret_values():
        text = text.replace(value, MASK)
    return mask(text)


def redact_for_server(text: str) -> str:
    """As ``redact``, and the user's home folder is written ``~``: a tracking server is read by others."""
    text = redact(text)
    home = os.environ.get("HOME") or ""
    return text.replace(home, "~") if len(home) > 1 and home != Path(home).anchor else text


def _secret_values() -> list[str]:
    """Secrets of the environment, the longest first: one may be a part of another."""
    values = {value for name, value in os.environ.items() if _SECRET_VARIABLE.fullmatch(name)}
    try:
        password = urlsplit(os.environ.get("MLFLOW_TRACKING_URI", "")).password
    except ValueError:  # no address, and somebody else says so
        password = None
    if password:
        values |= {password, unquote(password)}
    usable = {value.strip() for value in values if not os.path.exists(value)}  # the file of a key is no secret  # noqa: PTH110
    return sorted((value for value in usable if len(value) >= _SHORTEST), key=len, reverse=True)


def show_tracebacks_redacted() -> None:
    """Let a defect's traceback pass ``redact`` before it is printed: logs of a build server are read by others."""

    def show(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> Any:
        sys.stderr.write(redact("".join(traceback.format_exception(kind, error, where))))

    sys.excepthook = show


class RedactedStream:
    """A text stream that redacts what is written to it, line by line; for the log of a library that we do not write."""

    def __init__(self, stream: TextIO, redacted: Callable[[str], str] = redact) -> None:
        self._stream, self._redacted, self._rest = stream, redacted, ""

    def write(self, text: str) -> int:
        """Take a text; whole lines are passed on."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._stream.write(self._redacted(line) + "\n")
        return len(text)

    def flush(self) -> None:
        """Pass on what has come."""
        if self._rest:
            self._stream.write(self._redacted(self._rest))
            self._rest = ""
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
