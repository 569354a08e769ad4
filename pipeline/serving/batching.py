"""Requests that arrive together are answered in one forward pass of the network.

Nothing waits for others to come: what arrives while the network is at work is answered together when it is free.

Shapes: N examples, K classes or numbers, T tokens.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from pipeline.serving.limits import RefusedError
from saccade.data.spec import PAD

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Waiting:
    """The examples of a request, and where its answers are awaited."""

    stored: np.ndarray
    answers: "asyncio.Future[np.ndarray]"


class Batcher:
    """Gathers examples of several requests for one network, which a thread of its own asks.

    Args:
        answers_of: function from stored examples (N, ...) to float32 (N, K).
        most: examples of a batch, from 1; a request of more is answered by itself.
        max_waiting: examples that may wait; of more, requests are refused.
        on_batch: function that gets the number of examples of each batch.

    Attributes:
        num_waiting: examples that wait for the network now.
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
        self._is_busy = False
        self.num_waiting = 0

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
        if not self._is_busy:
            self._ask_for_next()
        return await one.answers

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Do something else with the network, between two batches.

        Args:
            work: function without arguments.

        Returns:
            What it returns.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """End the thread; what it is at is finished."""
        self._thread.shutdown()

    def _ask_for_next(self) -> None:
        batch = self._next_batch()
        self._is_busy = bool(batch)
        if batch:
            self._on_batch(sum(len(one.stored) for one in batch))
            asked = asyncio.get_running_loop().run_in_executor(
                self._thread, self._answer_together, [one.stored for one in batch]
            )
            asked.add_done_callback(partial(self._tell, batch))

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
        return np.split(answers, ends)

    def _tell(self, batch: Sequence[_Waiting], asked: "asyncio.Future[list[np.ndarray]]") -> None:
        error = asked.exception()
        self._ask_for_next()
        for place, one in enumerate(batch):
            if one.answers.done():
                continue
            if error is not None:
                one.answers.set_exception(error)
            else:
                one.answers.set_result(asked.result()[place])


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
