"""Where and how a training computes; what it computes is decided elsewhere."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from saccade.batching.batches import Batch
from saccade.core import devices
from saccade.core.distributed import SINGLE_PROCESS, Processes


class NonFiniteLossError(Exception):
    """A loss that is NaN or infinite; ``fit`` turns it into an error that a user can read.

    Args:
        batch: the batch that gave it.
    """

    def __init__(self, batch: Batch) -> None:
        super().__init__("the loss is not finite")
        self.batch = batch


def open_runtime(
    *,
    device: str,
    precision: str,
    threads: int | None,
    deterministic: bool,
    compile: bool,
    local_rank: int | None = None,
    local_count: int = 1,
) -> "Runtime":
    """Choose device and precision, and set torch up for them in this process.

    Args:
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: auto, float32 or bfloat16.
        threads: CPU threads of torch; None: as many as torch finds, shared among the processes of this machine.
        deterministic: whether only operations are allowed whose result is the same on every run.
        compile: whether torch.compile is to make the forward and backward pass.
        local_rank: number of this process among several on this machine; None where it is the only one.
        local_count: number of processes on this machine.

    Returns:
        A runtime of this process alone; ``processes`` are replaced when they have met.

    Raises:
        UserError: the device is not there, or not for so many processes.
    """
    found = devices.resolve_device(device, local_rank)
    if found.type == "cuda" and found.index is not None:
        torch.cuda.set_device(found)
    devices.set_threads(threads, local_count)
    devices.set_deterministic(deterministic, compile=compile)
    return Runtime(found, devices.resolve_precision(precision, found), compile=compile)


@dataclass(frozen=True)
class Runtime:
    """Device, precision and processes of a training.

    Attributes:
        device: device of the network.
        precision: float32 or bfloat16 (autocast) of the forward pass.
        processes: all processes of the training, each of which computes its rows of every batch.
        compile: whether torch.compile makes the forward and backward pass; takes a minute before the first update.
        check_losses: whether each loss is looked at before its update, though the device has to wait for that. Where
            the device does not run ahead of the host, they are looked at anyway.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "float32"
    processes: Processes = SINGLE_PROCESS
    compile: bool = False
    check_losses: bool = False

    def prepare(self, network: nn.Module) -> Callable[[Tensor], Any]:
        """The forward pass of a network: compiled, and with gradients averaged over processes, as far as asked."""
        wrapped = self.processes.wrap(network, self.device)
        return torch.compile(wrapped) if self.compile else wrapped

    def seed(self, seed: int) -> None:
        """Set the generator that dropout and its like draw from."""
        devices.manual_seed(self.device, seed)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """A context in which the forward pass runs in ``precision``; weights stay float32."""
        return devices.autocast(self.device, self.precision)

    def sum_checked(self, loss: Tensor, score: Tensor, batch: Batch) -> Tensor:
        """Loss and score summed over the examples of a batch, in all processes.

        Args:
            loss: mean over this process's examples.
            score: sum over them.
            batch: these examples.

        Returns:
            Float (2,), without a gradient: sum of losses, sum of scores. The same bits in every process.

        Raises:
            NonFiniteLossError: the sum of losses is NaN or infinite, and losses are looked at; in all processes alike.
        """
        sums = self.processes.sum(torch.stack((loss.detach() * batch.count, score * min(batch.count, 1))))
        if (self.check_losses or not devices.is_asynchronous(self.device)) and not torch.isfinite(sums[0]):
            raise NonFiniteLossError(batch)
        return sums
