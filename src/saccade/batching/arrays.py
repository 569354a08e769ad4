"""The arrays that batches are taken from: views of the examples and their labels, stored or made while they are read.

Shapes: N examples, B batch, V stored views, H height, W width, C channels, T tokens, O numbers to predict.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class LazyView(Protocol):
    """A view whose rows are made when they are read, as ``saccade.transforms.online_views`` makes them."""

    shape: torch.Size
    device: torch.device

    def prefetch(self, updates: Sequence[Sequence[int]]) -> None: ...
    def index_select(self, dim: int, rows: Tensor) -> Tensor: ...


class LazyViews(Protocol):
    """Views without end, one an epoch, as ``saccade.transforms.online_views`` makes them."""

    def view(self, number: int) -> LazyView: ...


@dataclass(frozen=True)
class LabelledArrays:
    """Examples as they lie on the disk, memory-mapped or in memory.

    Attributes:
        views: (V, N, ...), such as uint8 (V, N, H, W, C); epoch e (from 1) reads view (e - 1) mod V. Or an object that
            makes view e - 1 while epoch e reads it.
        labels: int64 (N,) of classes, float32 (N, O) of numbers to predict, or int64 (N, T) of next tokens.
        lengths: int64 (N,), the tokens of each text, which padding follows; None where examples fill their rows.
    """

    views: Tensor | LazyViews
    labels: Tensor
    lengths: Tensor | None = None


def view_of_epoch(data: LabelledArrays, epoch: int, device: torch.device) -> tuple[Tensor | LazyView, Tensor]:
    """The view that an epoch reads: number (epoch - 1) mod V of stored ones, number epoch - 1 of lazy ones.

    Args:
        data: the examples.
        epoch: number of the epoch, from 1.
        device: device of the network.

    Returns:
        The view and its labels; on the device where they fit there.
    """
    if isinstance(data.views, Tensor):
        return to_device_if_it_fits(data.views[(epoch - 1) % data.views.shape[0]], data.labels, device)
    return data.views.view(epoch - 1), data.labels


def to_device_if_it_fits(view: Tensor, labels: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """One view and its labels on the device when it takes less than half of the free memory there, else as they lie."""
    if device.type != "cuda" or view.numel() * view.element_size() > _free_bytes(device) / 2:
        return view, labels
    return view.to(device), labels.to(device)


def take(stored: Tensor | LazyView, rows: Tensor, device: torch.device) -> Tensor:
    """The rows of an array as a batch on the device; ``rows`` lie where the array lies."""
    return stored.index_select(0, rows).to(device, non_blocking=True)


def trim(x: Tensor, target: Tensor, steps: int | None) -> tuple[Tensor, Tensor]:
    """Cut off padding that no text or line of a batch needs.

    Args:
        x: stored examples (B, T, ...), or images of lines (B, H, T, C).
        target: one label an example; one a token: int64 (B, T); or a transcript, which has no more than a line's steps.
        steps: number of steps of the longest example; None: nothing is cut.

    Returns:
        Both, without a copy.
    """
    if steps is None:
        return x, target
    x = x[:, :, :steps] if x.ndim == 4 else x[:, :steps]
    return x, target[:, :steps] if target.ndim == 2 and not target.is_floating_point() else target


def _free_bytes(device: torch.device) -> int:
    """Memory of the device that is free, or that torch has taken from it and does not use."""
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused
