"""Stored arrays to batches on a device.

Shapes: N examples, B batch, V stored views.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor


class OnlineView(Protocol):
    """A view made while it is read, such as ``online_views.OnlineView``: rows are taken from it as from a tensor."""

    shape: torch.Size
    device: torch.device

    def prefetch(self, updates: Sequence[Sequence[int]]) -> None: ...
    def index_select(self, dim: int, rows: Tensor) -> Tensor: ...


class MadeViews(Protocol):
    """Views without end, such as ``online_views.OnlineViews``."""

    def view(self, number: int) -> OnlineView: ...


def view_of_epoch(
    views: Tensor | MadeViews, labels: Tensor, epoch: int, device: torch.device
) -> tuple[Tensor | OnlineView, Tensor]:
    """What an epoch reads: of stored views (V, N, ...) number (epoch - 1) mod V, of others number epoch - 1.

    Args:
        views: stored, or made while they are read.
        labels: (N, ...).
        epoch: from 1.
        device: where the network is.

    Returns:
        The view and its labels.
    """
    if isinstance(views, Tensor):
        return resident(views[(epoch - 1) % views.shape[0]], labels, device)
    return views.view(epoch - 1), labels


def resident(view: Tensor, labels: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """One view and its labels on the device when it takes less than half of the free memory there, else as they lie."""
    if device.type != "cuda" or view.numel() * view.element_size() > _free_bytes(device) / 2:
        return view, labels
    return view.to(device), labels.to(device)


def take(stored: Tensor | OnlineView, rows: Tensor, device: torch.device) -> Tensor:
    """The rows of an array as a batch on the device; ``rows`` lie where the array lies."""
    return stored.index_select(0, rows).to(device, non_blocking=True)


def trim(x: Tensor, target: Tensor, steps: int | None) -> tuple[Tensor, Tensor]:
    """Cut off padding that no text of a batch needs.

    Args:
        x: (B, T, ...).
        target: an answer an example, or one a token: int64 (B, T).
        steps: the longest text's tokens; None: nothing is cut.

    Returns:
        Both, without a copy.
    """
    if steps is None:
        return x, target
    return x[:, :steps], target[:, :steps] if target.ndim == 2 and not target.is_floating_point() else target


def rows_of_updates(
    order: Tensor,
    batch_size: int,
    accumulation_steps: int,
    share: Callable[[Tensor], tuple[Tensor, int]],
    *,
    mixing: bool,
) -> Iterator[list[int]]:
    """Which rows one process reads in each update of an epoch.

    Args:
        order: int64, of the examples that are left of the epoch.
        batch_size: examples of a forward pass, over all processes.
        accumulation_steps: forward and backward passes an update.
        share: ``Processes.share``.
        mixing: whether each example's partner is read, too.

    Yields:
        For each update its rows, each of them once.
    """
    for update in order.split(batch_size * accumulation_steps):
        batches = [update, update.roll(1)] if mixing else [update]
        read = (share(rows)[0].tolist() for batch in batches for rows in batch.split(batch_size))
        yield list(dict.fromkeys(row for rows in read for row in rows))


def _free_bytes(device: torch.device) -> int:
    """Of the device, and of what torch has taken from it and does not use."""
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused
