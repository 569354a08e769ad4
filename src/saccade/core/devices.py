"""Device, precision, threads and random numbers."""

import contextlib
import ctypes
import hashlib
import os
import platform
from typing import Any

import torch
from torch import nn

from saccade.core.errors import UserError

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt, in glibc's malloc.h


def resolve_device(name: str, local_rank: int | None = None) -> torch.device:
    """Find the device that a name stands for.

    Args:
        name: auto, cpu, cuda, cuda:1 or mps; auto takes CUDA, then MPS, then the CPU.
        local_rank: number of this process among those on this machine, from 0; None: it is alone. With several, each
            takes the GPU of its own number.

    Returns:
        A device that is there.

    Raises:
        UserError: the device is not there, or not for so many processes.
    """
    if name == "auto":
        has_mps = torch.backends.mps.is_available() and local_rank is None  # processes cannot share it
        name = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    device = torch.device(name)
    if device.type == "mps" and local_rank is not None:
        raise UserError("device (mps) must be used by one process: set train.processes: 1, or device: cpu")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if local_rank is not None:
            if 0 < count <= local_rank:
                raise UserError(f"train.processes must not exceed the GPUs of a machine ({count}); or set device: cpu")
            device = torch.device("cuda", local_rank)
        if (device.index or 0) >= count:
            raise UserError(f"device ({device}) must exist: torch sees {count} CUDA devices. Use device: auto or cpu.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("device (mps) must exist: torch sees none. Use device: auto or cpu.")
    return device


def resolve_precision(name: str, device: torch.device) -> str:
    """float32 or bfloat16; auto takes bfloat16 (autocast) on CUDA devices that compute in it, else float32."""
    if name != "auto":
        return name
    return (
        "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    )


def is_asynchronous(device: torch.device) -> bool:
    """Whether the device computes asynchronously: reading a number from it then makes the host wait."""
    return device.type != "cpu"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """A context in which the forward pass runs in ``precision``; weights stay float32."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def set_threads(threads: int | None, processes: int = 1) -> int:
    """Set torch's CPU threads (None: as many as torch finds, shared among the processes) and return their number."""
    if threads is not None or processes > 1:
        torch.set_num_threads(threads or max(torch.get_num_threads() // processes, 1))
    return torch.get_num_threads()


def keep_freed_memory() -> None:
    """Let the C library keep what is freed for what is allocated next, where it is glibc; elsewhere nothing changes.

    Left alone, it gives large blocks back to the system after each batch and asks for them anew in the next one, and
    the system clears every page before it hands it out again. On two cores that took a quarter of the time of a
    convolutional network; an LSTM, which allocates little, was 4 % slower with it (benchmarks/cost_of_pages.py). The
    process keeps its peak of memory until it ends.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    library.mallopt(_M_MMAP_THRESHOLD, 32 << 20)  # bytes; what is larger always comes from the system: its maximum
    library.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def set_deterministic(deterministic: bool, *, compile: bool = False) -> None:
    """Allow only operations whose result is the same on every run, or any; with ``compile`` the compiler's too."""
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it starts
    if compile:
        torch.use_deterministic_algorithms(deterministic)
    else:  # the same, without importing the compiler to tell it: 1.5 s at each start
        torch.set_deterministic_debug_mode("error" if deterministic else "default")
    # Otherwise torch fills every new tensor with NaN first, lest somebody read it before writing.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not deterministic


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed from any parts: neighbouring parts give unrelated seeds.

    >>> derive_seed(0, "epoch", 1)
    7329436534343938036
    """
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def manual_seed(device: torch.device, seed: int) -> None:
    """Seed the generator that dropout and its like draw from; ``torch.manual_seed`` sets those of all devices."""
    match device.type:
        case "cuda":
            torch.cuda.default_generators[torch.cuda.current_device()].manual_seed(seed)
        case "mps":
            torch.mps.manual_seed(seed)
        case _:
            torch.default_generator.manual_seed(seed)


def to_device(network: nn.Sequential, device: torch.device) -> nn.Sequential:
    """Move a network to a device, its convolutions in the memory layout that is fastest there (channels last)."""
    if device.type == "mps":
        return network.to(device)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def describe_environment(device: torch.device, processes: int) -> dict[str, str | int]:
    """Properties of the machine that the bits of the weights depend on, besides params, data and code."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": device.type,
        "device_name": name,
        "threads": torch.get_num_threads(),
        "processes": processes,
    }
