"""The server on its port: slow and broken connections, a clear end, one line where the port is taken."""

import asyncio
import contextlib
import errno
import json
import signal
import socket
import threading
from asyncio.events import TimerHandle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pipeline.serving.limits import Limits
from saccade.core.errors import UserError

_IDLE_S = 15.0  # that a connection is kept open between two requests
_LAST_CONNECTIONS_S = 0.05  # in which those that the system has taken for us are taken over
_LAST_REQUESTS_S = 0.3  # in which requests that were under way when the end came may still arrive
_LOOKS = 20  # rounds of the event loop, each of which looks for connections and bytes
_LOOPBACK = ("127.", "localhost", "::1")


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    return host.startswith(_LOOPBACK)


def open_port(host: str, port: int) -> socket.socket:
    """Take a port, before a network is loaded in vain.

    Args:
        host: address, or name of this machine.
        port: number from 1 to 65535; 0: any that is free.

    Returns:
        A socket that listens to nobody yet.

    Raises:
        UserError: it is taken, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        raise UserError(_why_not(error, host, port)) from error
    taken.set_inheritable(False)
    return taken


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"--port ({port}) must be free, but another program listens on it: give --port {port + 1}, or 0 for any"
    if error.errno == errno.EACCES:
        return f"--port ({port}) must be 1024 or more for ordinary users: give --port 8000"
    return f"--host ({host}) must be an address of this machine ({error.strerror or error}): leave it out for 127.0.0.1"


@dataclass
class _Rules:
    """What all connections share."""

    limits: Limits
    is_closing: bool = False


class Server(uvicorn.Server):
    """A server that ends with exit code 0 once what it accepted is answered.

    Args:
        app: application.
        limits: what requests may cost.
        on_start: function that is called when it listens.
    """

    def __init__(self, app: FastAPI, limits: Limits, on_start: Callable[[], object] = lambda: None) -> None:
        self._rules = _Rules(limits)
        self._on_start = on_start
        protocol = type("Connection", (_Connection,), {"rules": self._rules})
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                lifespan="on",
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_keep_alive=int(_IDLE_S),
                timeout_graceful_shutdown=int(limits.receive_s + limits.answer_s) + 1,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let the first signal end it in order and a second Ctrl-C at once; none is raised again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was accepted, and what is on its way on open connections; then close."""
        self._rules.is_closing = True
        await _let_events_come(_LAST_CONNECTIONS_S)
        for server in self.servers:
            server.close()
        await _let_events_come(_LAST_REQUESTS_S)
        await super().shutdown(sockets)


async def _let_events_come(seconds: float) -> None:
    """Wait, and then for what the system holds for us: a busy loop may wake too late to have looked."""
    await asyncio.sleep(seconds)
    for _ in range(_LOOKS):
        await asyncio.sleep(0)


class _Connection(HttpToolsProtocol):
    """A connection that may neither be slow without end nor break off without an answer."""

    rules: _Rules

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._is_in_head = True
        self._timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > self.rules.limits.connections:
            self._refuse(429, f"{self.rules.limits.connections:,} connections are open, as many as may be: come later")
            return
        self._wait(self._head_is_late)

    def data_received(self, data: bytes) -> None:
        """Count the bytes before a body."""
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._timer is None:
                self._wait(self._head_is_late)
        if not self.transport.is_closing():
            super().data_received(data)
        if self._is_in_head and self._head_bytes > self.rules.limits.head_bytes:
            most = self.rules.limits.head_bytes
            self._refuse(431, f"the headers must have at most {most:,} bytes: send fewer")

    def on_headers_complete(self) -> None:
        """The body is next."""
        self._is_in_head, self._head_bytes = False, 0
        self._stop_waiting()
        super().on_headers_complete()
        if self.rules.is_closing and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The next request may begin."""
        self._stop_waiting()
        super().on_message_complete()
        self._is_in_head = True
        if self.cycle.response_complete and not self.transport.is_closing():  # a refused body is over
            self._wait(self.timeout_keep_alive_handler)

    def on_response_complete(self) -> None:
        """A body that was refused is read on, and thrown away, for a while: few clients read before they have sent."""
        super().on_response_complete()
        if not self._is_in_head and self.cycle.response_complete:
            self._wait(self.timeout_keep_alive_handler)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a client that has said all it will; refuse one that broke off in the middle.

        Returns:
            Whether the connection stays open for the answer.
        """
        if self._is_in_head and self._head_bytes:
            self._refuse(400, "the request ended within its headers: send it whole")
        elif self.cycle is None or (self.cycle.response_complete and not self.pipeline):
            return False
        elif not self._is_in_head:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._refuse(400, "the body ended before it was complete: send as many bytes as announced")
        else:
            self.cycle.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(400, "the request must be HTTP/1.1: its first line or headers cannot be read")

    def _head_is_late(self) -> None:
        self._refuse(
            408, f"a request's headers must arrive within {self.rules.limits.receive_s:g} seconds: send them faster"
        )

    def _refuse(self, status: int, line: str) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        body = json.dumps({"error": line}).encode()
        retry = "Retry-After: 1\r\n" if status == 429 else ""
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n{retry}connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _wait(self, then: Callable[[], None]) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(self.rules.limits.receive_s, then)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
