"""The training split cut into updates and batches, epoch by epoch.

An update is what one step of the optimiser learns from. It is cut into batches that are as large as memory allows, and
each process of a training computes its own rows of every batch. What an update holds follows from the seed and its
place in the run alone, so a training that is stopped and goes on later meets the same updates.

Shapes: N examples, B batch.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from saccade.batching.arrays import LabelledArrays, LazyView, take, trim, view_of_epoch
from saccade.batching.length_buckets import by_length, longest_of
from saccade.batching.mixup import draw_mix
from saccade.batching.samplers import SAMPLERS
from saccade.core.devices import derive_seed
from saccade.core.distributed import SINGLE_PROCESS, Processes
from saccade.optim.losses import MixedTarget


@dataclass(frozen=True)
class Batch:
    """Examples of one forward and backward pass of this process.

    Attributes:
        x: stored examples (B, ...) on the device, padding trimmed, mixed where mixup or CutMix is on.
        target: labels (B, ...) on the device; two and their shares where examples are mixed.
        weight: factor of the mean loss over these examples in the loss of the update: their number, times the number
            of processes (which average their gradients), over the examples of the update.
        count: number of examples that count; 0 where there are fewer rows than processes and this one has none.
        rows: int64 (B,), the place of each example in the training split.
    """

    x: Tensor
    target: Tensor | MixedTarget
    weight: float
    count: int
    rows: Tensor


@dataclass(frozen=True)
class Update:
    """One step's worth of examples; iterating over it takes its batches from memory, one at a time.

    Attributes:
        number: place in its epoch, from 0.
        examples: number of examples over all batches and processes.
        seed: seed of the random numbers that this process draws in it, such as dropout's.
    """

    number: int
    examples: int
    seed: int
    _take_batches: Callable[[], Iterator[Batch]]

    def __iter__(self) -> Iterator[Batch]:
        return self._take_batches()


class Batches:
    """The updates of a training.

    Args:
        data: the training split.
        batch_size: examples of a forward pass over all processes, from 1; the last one of an epoch holds what is left.
        seed: seed of the run: it decides the order, the mixing, and the seed of each update.
        accumulation_steps: forward and backward passes an update, from 1; each example weighs the same, however the
            update is cut.
        sampler: key of ``samplers.SAMPLERS``: which examples an epoch draws, in which order.
        length_buckets: whether texts of similar length are drawn together; without effect where there are no lengths.
        mixup: alpha of the blending of examples, above 0; None: without. See ``mixup.draw_mix``.
        cutmix: alpha of the pasting of boxes, above 0; None: without. With both, each update draws one of the two.
        device: device of the network.
        processes: all processes of the training.

    Attributes:
        batch_size: number of examples of a forward pass over all processes.
        num_examples: N, examples an epoch.
        update_size: examples an update.
        updates_per_epoch: number of updates, the last one perhaps smaller.
    """

    def __init__(
        self,
        data: LabelledArrays,
        batch_size: int,
        *,
        seed: int,
        accumulation_steps: int = 1,
        sampler: str = "shuffle",
        length_buckets: bool = True,
        mixup: float | None = None,
        cutmix: float | None = None,
        device: torch.device = torch.device("cpu"),
        processes: Processes = SINGLE_PROCESS,
    ) -> None:
        self.batch_size = batch_size
        self.num_examples = len(data.labels)
        self.update_size = batch_size * accumulation_steps
        self.updates_per_epoch = -(-self.num_examples // self.update_size)
        self._data, self._seed, self._device, self._processes = data, seed, device, processes
        self._sampler, self._length_buckets = SAMPLERS[sampler], length_buckets
        self._mixup, self._cutmix = mixup, cutmix
        self._view: Tensor | LazyView | None = None  # of the last epoch that was begun
        self._labels = data.labels

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Update]:
        """Begin an epoch.

        Args:
            epoch: number of the epoch, from 1.
            skip: number of examples that are done already, a multiple of ``update_size``.

        Returns:
            An iterator over the updates that are left.
        """
        view, labels = self._open_view(epoch)
        order = self._order(epoch)
        lengths = self._data.lengths
        longest = None if lengths is None else longest_of(lengths[order], self.update_size)
        order = order.to(view.device)  # once an epoch: rows that go to the device in each update make the host wait
        if not isinstance(view, Tensor):
            is_mixed = self._mixup is not None or self._cutmix is not None
            updates = order[skip:].split(self.update_size)
            local_rows = self._processes.local_rows
            view.prefetch([rows_of_update(rows, self.batch_size, local_rows, is_mixed=is_mixed) for rows in updates])
        return self._updates(epoch, skip, order, longest, view, labels)

    def last_batch(self, epoch: int) -> Batch:
        """The last batch of an epoch with the rows of all processes, as it is stored: neither trimmed nor mixed."""
        assert self._view is not None, "the epoch has been begun"
        rows = self._order(epoch).to(self._view.device)[-self.batch_size :]
        x, target = take(self._view, rows, self._device), take(self._labels, rows, self._device)
        return Batch(x, target, 1.0, len(rows), rows)

    def _updates(
        self,
        epoch: int,
        skip: int,
        order: Tensor,
        longest: list[int] | None,
        view: Tensor | LazyView,
        labels: Tensor,
    ) -> Iterator[Update]:
        for start in range(skip, self.num_examples, self.update_size):
            number = start // self.update_size
            number_in_run = (epoch - 1) * self.updates_per_epoch + number
            rows = order[start : start + self.update_size]
            steps = None if longest is None else longest[number]

            def take_batches(
                rows: Tensor = rows, steps: int | None = steps, number_in_run: int = number_in_run
            ) -> Iterator[Batch]:
                return self._batches(rows, steps, number_in_run, view, labels)

            seed = derive_seed(self._seed, "update", number_in_run, self._processes.rank)
            yield Update(number, len(rows), seed, take_batches)

    def _batches(
        self, update: Tensor, steps: int | None, number_in_run: int, view: Tensor | LazyView, labels: Tensor
    ) -> Iterator[Batch]:
        mix = draw_mix(view.shape[1:], mixup=self._mixup, cutmix=self._cutmix, seed=self._seed, updates=number_in_run)
        x: Tensor
        target: Tensor | MixedTarget
        # Each example's partner in mixing is the one before it in the update, the first one's is the last.
        for rows, partners in zip(update.split(self.batch_size), update.roll(1).split(self.batch_size), strict=True):
            local, count = self._processes.local_rows(rows)
            x, target = trim(take(view, local, self._device), take(labels, local, self._device), steps)
            if mix is not None:
                x, target = mix.batch(x, target, view, labels, self._processes.local_rows(partners)[0])
            yield Batch(x, target, count * self._processes.count / len(update), count, local)

    def _open_view(self, epoch: int) -> tuple[Tensor | LazyView, Tensor]:
        """The view of an epoch; the only one there is stays on the device from epoch to epoch."""
        views = self._data.views
        if self._view is None or not isinstance(views, Tensor) or views.shape[0] > 1:
            self._view, self._labels = view_of_epoch(self._data, epoch, self._device)
        return self._view, self._labels

    def _order(self, epoch: int) -> Tensor:
        """The rows of an epoch's examples in their order, int64 (N,), on the host."""
        order = self._sampler(self._data.labels, self._seed, epoch)
        if self._data.lengths is None or not self._length_buckets:
            return order
        return by_length(order, self._data.lengths, self.update_size, seed=self._seed, epoch=epoch)


def rows_of_update(
    rows: Tensor, batch_size: int, local_rows: Callable[[Tensor], tuple[Tensor, int]], *, is_mixed: bool
) -> list[int]:
    """The rows that one process reads in an update.

    Args:
        rows: int64, those of the update, in order.
        batch_size: examples of a forward pass over all processes.
        local_rows: ``Processes.local_rows``.
        is_mixed: whether each example's partner is read, too.

    Returns:
        Each row once, in the order of reading.
    """
    read = [
        local_rows(batch)[0].tolist()
        for examples in ([rows, rows.roll(1)] if is_mixed else [rows])
        for batch in examples.split(batch_size)
    ]
    return list(dict.fromkeys(row for batch in read for row in batch))
