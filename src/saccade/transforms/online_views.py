"""Augmented views made while a network trains on them, by processes beside it: for copies that would not fit the disk.

View ``e`` holds the same bytes as the stored view ``e``, because ``ViewMaker`` makes both. Nothing of it is kept: the
order of an epoch is known before it begins, so the processes work a few blocks ahead of the training, which waits only
where they are slower than it is.

Shapes: N examples, H height, W width, C channels.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from saccade.core.cpu import usable_cores
from saccade.core.errors import UserError
from saccade.data.arrays import open_array
from saccade.transforms.albumentations_adapter import build, colors_for
from saccade.transforms.views import ViewMaker

_BLOCK_BYTES = 2 << 20  # of a task's result, which travels through a pipe
_BLOCK_IMAGES = 256
_TASKS_AHEAD = 3  # for each process: one at work, one that waits for it, one that waits to be read


@dataclass
class OnlineViews:
    """Endless views of one training split; the processes that make them start when the first is read.

    Args:
        images_path: the prepared train.npy, uint8 (N, H, W, C).
        transforms: names and arguments, in order, as ``write_views`` takes them.
        seed: seed of the whole augmentation.
        include_original: whether view 0 is the images as they are.
        is_padded: whether columns of 0 stand right of narrower images.
        processes: number of processes that make them; None: one a core. The result does not depend on it.
    """

    images_path: Path
    transforms: Sequence[Mapping[str, Any]]
    seed: int
    include_original: bool = False
    is_padded: bool = False
    processes: int | None = None
    _pool: ProcessPoolExecutor | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self._images = open_array(self.images_path)
        self._colors = colors_for(self.transforms, self._images)
        self._make: ViewMaker | None = None
        self.shape = self._images.shape

    def view(self, number: int) -> "OnlineView":
        """View ``number``, from 0: rows can be taken from it as from a tensor uint8 (N, H, W, C)."""
        return OnlineView(self, number)

    def make(self, number: int, rows: Sequence[int]) -> np.ndarray:
        """These rows of a view, made here and now: uint8 (len(rows), H, W, C)."""
        if self._make is None:
            compose = build(self.transforms, self._colors)
            self._make = ViewMaker(compose, self.seed, self.include_original, self.is_padded)
        return _make_rows(self._images, self._make, number, rows)

    def submit(self, number: int, rows: Sequence[int]) -> "Future[np.ndarray]":
        """These rows of a view, made by another process."""
        if self._pool is None:
            self._pool = _start_pool(
                self.processes or usable_cores(),
                (self.images_path, self.transforms, self._colors, self.seed, self.include_original, self.is_padded),
            )
        return self._pool.submit(_work, number, rows)

    def close(self) -> None:
        """End the processes; what they have begun is given up."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


class OnlineView:
    """One view that exists only as far as it is being read.

    Args:
        views: views of which it is one.
        number: number of the view, from 0.

    Attributes:
        shape: (N, H, W, C).
        device: device that rows are taken from: the CPU.
    """

    def __init__(self, views: OnlineViews, number: int) -> None:
        self.shape = torch.Size(views.shape)
        self.device = torch.device("cpu")
        self._views = views
        self._number = number
        self._block = max(1, min(_BLOCK_IMAGES, _BLOCK_BYTES // max(1, int(np.prod(views.shape[1:])))))
        self._ahead = _TASKS_AHEAD * (views.processes or usable_cores())
        self.prefetch([])

    def prefetch(self, updates: Sequence[Sequence[int]]) -> None:
        """Say what will be read, so that it can be made ahead.

        Args:
            updates: rows that each update to come reads, each of them once.
        """
        self._updates = updates
        self._starts = np.concatenate([[0], np.cumsum([len(rows) for rows in updates], dtype=np.int64)]).tolist()
        self._rows = [row for rows in updates for row in rows]
        self._now = -1  # the update that is being read
        self._position: dict[int, int] = {}  # in _rows, of each row of that update
        self._blocks: dict[int, Future[np.ndarray]] = {}
        self._submitted = 0
        self._submit_ahead()

    def index_select(self, dim: int, rows: Tensor) -> Tensor:
        """As of a tensor. Rows that nobody expected are made here.

        Args:
            dim: 0.
            rows: int64 (B,).

        Returns:
            uint8 (B, H, W, C).

        Raises:
            UserError: the transforms cannot take an image, or a process that makes views ended.
        """
        assert dim == 0
        wanted = rows.tolist()
        if not self._turn_to(wanted):
            return torch.from_numpy(self._views.make(self._number, wanted))
        images = np.empty((len(wanted), *self.shape[1:]), dtype=np.uint8)
        for i, row in enumerate(wanted):
            block, offset = divmod(self._position[row], self._block)
            images[i] = self._result(block)[offset]
        self._submit_ahead()
        return torch.from_numpy(images)

    def _turn_to(self, wanted: Sequence[int]) -> bool:
        """Whether the update under way, or the next one, was said to read these rows; earlier ones are forgotten."""
        if self._position.keys() >= set(wanted):
            return True
        following = self._now + 1
        if following == len(self._updates) or not set(self._updates[following]).issuperset(wanted):
            return False
        start = self._starts[following]
        self._now = following
        self._position = {row: start + i for i, row in enumerate(self._updates[following])}
        for block in [block for block in self._blocks if (block + 1) * self._block <= start]:
            del self._blocks[block]
        return True

    def _result(self, block: int) -> np.ndarray:
        while block >= self._submitted:  # an update larger than what is made ahead
            self._submit()
        try:
            return self._blocks[block].result()
        except BrokenProcessPool as error:
            raise UserError(
                "a process that makes views ended; often because memory ran out. Train again: it resumes"
            ) from error

    def _submit_ahead(self) -> None:
        while self._submitted * self._block < len(self._rows) and len(self._blocks) < self._ahead:
            self._submit()

    def _submit(self) -> None:
        start = self._submitted * self._block
        self._blocks[self._submitted] = self._views.submit(self._number, self._rows[start : start + self._block])
        self._submitted += 1


def _start_pool(processes: int, arguments: tuple[Any, ...]) -> ProcessPoolExecutor:
    # Threads of torch and of CUDA run already, and a fork copies none of them: a server without any forks instead.
    # It imports albumentations once (2.6 s), and not each process for itself.
    context: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    if sys.platform != "win32":
        context.set_forkserver_preload(["albumentations", "saccade.transforms.online_views"])
    return ProcessPoolExecutor(processes, context, _start_worker, arguments)


_worker: dict[str, Any] = {}


def _start_worker(
    images_path: Path,
    transforms: Sequence[Mapping[str, Any]],
    colors: np.ndarray | None,
    seed: int,
    include_original: bool,
    is_padded: bool,
) -> None:
    import cv2

    cv2.setNumThreads(0)  # the processes are the parallelism
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the training process ends us
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    images = np.asarray(open_array(images_path))  # each row of a memory map would be one more
    _worker.update(images=images, make=ViewMaker(build(transforms, colors), seed, include_original, is_padded))


def _exit_with_parent() -> None:
    """End this process when its parent ends: a parent that is killed ends nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(number: int, rows: Sequence[int]) -> np.ndarray:
    return _make_rows(_worker["images"], _worker["make"], number, rows)


def _make_rows(images: np.ndarray, make: ViewMaker, number: int, rows: Sequence[int]) -> np.ndarray:
    made = np.empty((len(rows), *images.shape[1:]), dtype=np.uint8)
    for i, row in enumerate(rows):
        made[i] = make(images[row], view=number, index=row)
    return made
