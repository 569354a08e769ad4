"""What a request may cost, and how one that costs more, or cannot be read, is refused."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

_MEBIBYTE = 2**20
_SHOWN = 60  # characters of a value in a message


class RefusedError(Exception):
    """A request that is not answered.

    Args:
        status: HTTP status, 4xx, or 504.
        message: line with the value, the rule it breaks, and the remedy.
        retry_after_s: seconds after which the same request may be answered; None: it will not.
    """

    def __init__(self, status: int, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the response."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}


@dataclass(frozen=True)
class Limits:
    """What requests may cost.

    Attributes:
        request_bytes: bytes of a request's body.
        held_requests: bodies of the largest size that are held in memory at once.
        pixels: pixels of a picture, looked at before it is decoded.
        characters: characters of a text.
        steps: steps of a series.
        inputs: inputs of a request.
        waiting: inputs that wait for the network at once.
        requests: requests that are being read or answered at once.
        connections: open connections.
        head_bytes: bytes of a request's first line and headers.
        receive_s: seconds until a request has arrived.
        answer_s: seconds from then until it is answered.
        batch: inputs that the network is given at once; 1: each by itself.
    """

    request_bytes: int = 16 * _MEBIBYTE
    held_requests: int = 8
    pixels: int = 50_000_000
    characters: int = 100_000
    steps: int = 100_000
    inputs: int = 256
    waiting: int = 1024
    requests: int = 256
    connections: int = 1024
    head_bytes: int = 2**16
    receive_s: float = 10.0
    answer_s: float = 30.0
    batch: int = 64


class Gate:
    """Counts what is being read and answered, and refuses what would be too much at once.

    Args:
        limits: what requests may cost.

    Attributes:
        requests: requests inside.
        held_bytes: bytes of their bodies.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.requests = 0
        self.held_bytes = 0

    @contextlib.contextmanager
    def admitted(self) -> Iterator["Held"]:
        """Let a request in.

        Yields:
            What counts the bytes of its body.

        Raises:
            RefusedError: there are too many requests.
        """
        if self.requests >= self._limits.requests:
            raise RefusedError(
                429, f"{self.requests:,} requests are being answered, as many as may be at once: ask again later", 1
            )
        held = Held(self, self._limits)
        self.requests += 1
        try:
            yield held
        finally:
            self.requests -= 1
            held.release()


class Held:
    """The bytes of one request's body, counted among those of all.

    Args:
        gate: counter of all.
        limits: what requests may cost.

    Attributes:
        size: bytes of this one.
    """

    def __init__(self, gate: Gate, limits: Limits) -> None:
        self._gate = gate
        self._limits = limits
        self.size = 0

    def add(self, num_bytes: int) -> None:
        """Count bytes that have arrived.

        Args:
            num_bytes: number of them.

        Raises:
            RefusedError: the body, or those of all requests together, are too large.
        """
        self.size += num_bytes
        self._gate.held_bytes += num_bytes
        self.require_size(self.size)
        most = self._limits.request_bytes * self._limits.held_requests
        if self._gate.held_bytes > most:
            raise RefusedError(
                429, f"the bodies of all requests hold {most:,} bytes, as many as may be at once: ask again later", 1
            )

    def require_size(self, num_bytes: int) -> None:
        """Refuse a body that is too large.

        Args:
            num_bytes: size that it has so far, or says that it has.

        Raises:
            RefusedError: it is.
        """
        most = self._limits.request_bytes
        if num_bytes > most:
            raise RefusedError(
                413,
                f"the body ({num_bytes:,} bytes or more) must have at most {most:,}: send fewer or smaller inputs, or "
                "serve with a larger --max-request-mb",
            )

    def release(self) -> None:
        """Forget them: the body is no longer held."""
        self._gate.held_bytes -= self.size
        self.size = 0


def shown(value: object) -> str:
    """A value of a request as a message shows it: on one line, cut where it is long."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: _SHOWN + 1])
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
