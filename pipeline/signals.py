"""Ctrl-C and SIGTERM during training: the first lets the current update finish, the second stops at once."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from saccade.core.ranks import LAUNCHER_VARIABLE

END_SIGNALS = tuple(  # Windows has no SIGHUP
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
SIGNALS = (signal.SIGINT, *END_SIGNALS)
_PATIENCE_S = 25.0  # the launcher kills after 30


class KilledBySignal(BaseException):
    """A signal as an exception, so that ``with`` and ``finally`` blocks are left in order.

    Args:
        number: number of the signal.
        next_time: what the same command does the next time, such as "goes on after 64 of 100"; empty: what commands
            of that name do.
    """

    def __init__(self, number: int, next_time: str = "") -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.next_time = next_time


class StopRequest:
    """A context in which the first signal only requests a stop; the second acts as it did before the context.

    A signal that is ignored (``nohup``) stays so. In any other thread than the main one, signals are left alone.

    Args:
        is_worker: whether rank 0 decides when this process stops: then every signal is only recorded, and the process
            ends by itself when rank 0 takes too long.
    """

    def __init__(self, *, is_worker: bool = False) -> None:
        self.number: int | None = None
        self._is_worker = is_worker
        self._before: dict[int, Any] = {}
        self._patience: threading.Timer | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._record)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore()
        if self._patience:
            self._patience.cancel()

    @property
    def is_requested(self) -> bool:
        """Whether a signal came, or the process that launched us is gone."""
        return self.number is not None or _is_orphan()

    def error(self) -> BaseException:
        """The exception that the signal would have raised."""
        return KeyboardInterrupt() if self.number == signal.SIGINT else KilledBySignal(self.number or signal.SIGTERM)

    def _record(self, number: int, frame: FrameType | None) -> None:
        if self._is_worker and self.number is None:
            self._patience = threading.Timer(_PATIENCE_S, os._exit, (128 + number,))  # in a wait that no signal ends
            self._patience.daemon = True
            self._patience.start()
        self.number = number
        if not self._is_worker:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


def restore_default_handlers() -> None:
    """Let every signal end this process at once, also inside a wait of torch's that never returns to Python."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def _is_orphan() -> bool:
    launcher = os.environ.get(LAUNCHER_VARIABLE)
    return launcher is not None and os.getppid() != int(launcher)
