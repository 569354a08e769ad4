"""Which device, which precision, how many threads, and which random numbers."""

import contextlib
import hashlib
import os
import platform
from typing import Any

import torch

from saccade.errors import UserError


def resolve_device(name: str) -> torch.device:
    """The device of a name.

    Args:
        name: auto, cpu, cuda, cuda:1 or mps; auto takes CUDA, then MPS, then the CPU.

    Returns:
        A device that is there.

    Raises:
        UserError: the device is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise UserError(f"device ({name}) must exist: torch sees {count} CUDA devices. Use device: auto or cpu.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("device (mps) must exist: torch sees none. Use device: auto or cpu.")
    return device


def resolve_precision(name: str, device: torch.device) -> str:
    """float32 or bfloat16; auto takes bfloat16 (autocast) on CUDA devices that compute in it, else float32."""
    if name != "auto":
        return name
    return "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """A context in which the forward pass runs in ``precision``; weights stay float32."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def set_threads(threads: int | None) -> int:
    """Set torch's CPU threads (None: as many as torch finds) and return their number."""
    if threads is not None:
        torch.set_num_threads(threads)
    return torch.get_num_threads()


def set_deterministic(deterministic: bool) -> None:
    """Allow only operations whose result is the same on every run, or any."""
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it starts
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed from any parts: neighbouring parts give unrelated seeds.

    >>> derive_seed(0, "epoch", 1)
    7329436534343938036
    """
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def describe_environment(device: torch.device, threads: int) -> dict[str, str | int]:
    """What the bits of the weights depend on besides params, data and code."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": device.type,
        "device_name": name,
        "threads": threads,
        "processes": 1,
    }
