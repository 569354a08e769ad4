"""Ctrl-C and SIGTERM during training: the first one lets the update under way end, a second one stops at once."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class KilledBySignal(BaseException):
    """SIGTERM or SIGHUP, as an exception, so that ``with`` and ``finally`` blocks are left in order."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class StopRequest:
    """Inside the block, the first signal is noted and the second one does what it did before the block.

    A signal that is ignored (``nohup``) stays so. In any other thread than the main one, signals are left alone.

    Args:
        is_led: another process stops us when it is time: note every signal, and act on none.
    """

    def __init__(self, *, is_led: bool = False) -> None:
        self.number: int | None = None
        self._is_led = is_led
        self._before: dict[int, Any] = {}
        self._parent = os.getppid()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore()

    @property
    def is_asked(self) -> bool:
        """Whether a signal came, or the process that launched us is gone."""
        if os.getppid() != self._parent and "LOCAL_RANK" in os.environ:
            self.number = self.number or signal.SIGTERM
        return self.number is not None

    def error(self) -> BaseException:
        """What the signal would have raised."""
        if self.number == signal.SIGINT:
            return KeyboardInterrupt()
        assert self.number is not None
        return KilledBySignal(self.number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        if not self._is_led:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
