"""Requests that arrive together are answered in one forward pass of the network.

Nothing waits for others to come: what has arrived is answered together as soon as the network is free.

Shapes: N examples, K classes or numbers, T tokens.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pipeline.serving.limits import RefusedError
from saccade.data.spec import PAD


@dataclass(frozen=True)
class _Waiting:
    """The examples of a request, and where its answers are awaited."""

    stored: np.ndarray
    answers: "asyncio.Future[np.ndarray]"


@dataclass(frozen=True)
class _Work:
    """Something else that the network is needed for, and where its result is awaited."""

    do: Callable[[], Any]
    result: "asyncio.Future[Any]"


class Batcher:
    """Gathers examples of several requests for one network, which answers a batch at a time.

    Args:
        answers_of: function from stored examples (N, ...) to float32 (N, K).
        most: examples of a batch, from 1; a request of more is answered by itself.
        max_waiting: examples that may wait; of more, requests are refused.
        on_batch: function that gets the number of examples of each batch.

    Attributes:
        num_waiting: examples that wait for the network now.
        in_thread: whether a thread of its own asks the network. A network that answers a batch in a few milliseconds
            is asked between two events instead: two threads that take turns in Python would cost it more.
    """

    def __init__(
        self,
        answers_of: Callable[[np.ndarray], np.ndarray],
        *,
        most: int,
        max_waiting: int,
        on_batch: Callable[[int], object] = lambda size: None,
    ) -> None:
        self._answers_of = answers_of
        self._most = most
        self._max_waiting = max_waiting
        self._on_batch = on_batch
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._waiting: deque[_Waiting] = deque()
        self._work: deque[_Work] = deque()
        self._is_busy = False
        self.num_waiting = 0
        self.in_thread = True

    async def answer(self, stored: np.ndarray) -> np.ndarray:
        """Answer about the examples of a request.

        Args:
            stored: examples as in data/prepared, (N, ...), at least one.

        Returns:
            Float32 (N, K).

        Raises:
            RefusedError: too many examples wait already.
        """
        if self.num_waiting and self.num_waiting + len(stored) > self._max_waiting:
            raise RefusedError(
                429, f"{self.num_waiting:,} inputs wait for the network, as many as may wait: ask again later", 1
            )
        one = _Waiting(stored, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        self.num_waiting += len(stored)
        self._ask_soon()
        return await one.answers

    async def run(self, do: Callable[[], Any]) -> Any:
        """Do something else with the network in the thread, while no batch is answered.

        Args:
            do: function without arguments.

        Returns:
            What it returns.
        """
        one = _Work(do, asyncio.get_running_loop().create_future())
        self._work.append(one)
        self._ask_soon()
        return await one.result

    def close(self) -> None:
        """End the thread; what it is at is finished."""
        self._thread.shutdown()

    def _ask_soon(self) -> None:
        """After the other requests that have arrived already: these are read first."""
        if not self._is_busy:
            self._is_busy = True
            asyncio.get_running_loop().call_soon(self._ask)

    def _ask(self) -> None:
        if self._work:
            one = self._work.popleft()
            self._in_thread(one.do, partial(_tell, [one.result], lambda result: [result]))
        elif batch := self._next_batch():
            self._on_batch(sum(len(one.stored) for one in batch))
            answer = partial(self._answer_together, [one.stored for one in batch])
            tell = partial(_tell, [one.answers for one in batch], list)
            if self.in_thread:
                self._in_thread(answer, tell)
            else:
                done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                try:
                    done.set_result(answer())
                except Exception as error:  # noqa: BLE001 - whoever asked gets it
                    done.set_exception(error)
                tell(done)
                self._go_on()
        else:
            self._is_busy = False

    def _in_thread(self, do: Callable[[], Any], tell: Callable[["asyncio.Future[Any]"], None]) -> None:
        asked = asyncio.get_running_loop().run_in_executor(self._thread, do)
        asked.add_done_callback(tell)
        asked.add_done_callback(lambda asked: self._go_on())

    def _go_on(self) -> None:
        self._is_busy = False
        if self._waiting or self._work:
            self._ask_soon()

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].stored) <= self._most):
            one = self._waiting.popleft()
            self.num_waiting -= len(one.stored)
            if not one.answers.done():  # whoever asked is gone, or has waited for too long
                batch.append(one)
                size += len(one.stored)
        return batch

    def _answer_together(self, several: Sequence[np.ndarray]) -> list[np.ndarray]:
        answers = self._answers_of(join(several))
        ends = np.cumsum([len(stored) for stored in several])[:-1]
        return np.split(answers, ends) if len(several) > 1 else [answers]


def _tell(
    awaited: Sequence["asyncio.Future[Any]"],
    parts: Callable[[Any], Sequence[Any]],
    asked: "asyncio.Future[Any]",
) -> None:
    """Give each of those who wait its part of a result, or the error to all."""
    error = asked.exception()
    results = parts(asked.result()) if error is None else []
    for place, one in enumerate(awaited):
        if one.done():
            continue
        if error is not None:
            one.set_exception(error)
        else:
            one.set_result(results[place])


def join(several: Sequence[np.ndarray]) -> np.ndarray:
    """Examples of several requests as one array; shorter texts get padding behind their ends.

    Args:
        several: arrays (N, ...) of one shape but for N; of texts int32 (N, T), T may differ, too.

    Returns:
        Array with the sum of their N.
    """
    if len(several) == 1:
        return several[0]
    if several[0].ndim == 2 and several[0].dtype == np.int32:
        longest = max(tokens_NT.shape[1] for tokens_NT in several)
        several = [
            np.pad(tokens_NT, ((0, 0), (0, longest - tokens_NT.shape[1])), constant_values=PAD) for tokens_NT in several
        ]
    return np.concatenate(several)
