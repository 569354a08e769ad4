"""Stored arrays to batches on a device."""

import torch
from torch import Tensor


def resident(view: Tensor, labels: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """One view and its labels on the device when it takes less than half of the free memory there, else as they lie."""
    if device.type != "cuda" or view.numel() * view.element_size() > _free_bytes(device) / 2:
        return view, labels
    return view.to(device), labels.to(device)


def take(stored: Tensor, rows: Tensor, device: torch.device) -> Tensor:
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


def _free_bytes(device: torch.device) -> int:
    """Of the device, and of what torch has taken from it and does not use."""
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused
