"""Stored arrays to batches on a device."""

import torch
from torch import Tensor


def resident(view: Tensor, device: torch.device) -> Tensor:
    """One view on the device when it takes less than half of the free memory there, else where it lies."""
    if device.type != "cuda" or view.numel() * view.element_size() > torch.cuda.mem_get_info(device)[0] / 2:
        return view
    return view.to(device)


def take(view: Tensor, rows: Tensor, device: torch.device) -> Tensor:
    """The rows of a view as a batch on the device."""
    return view.index_select(0, rows.to(view.device)).to(device, non_blocking=True)
