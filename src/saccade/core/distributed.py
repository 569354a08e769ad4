"""Training with several processes: each computes its share of every batch, gradients are averaged, weights stay equal.

With a single process, every function here does nothing.

Shapes: B batch.
"""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from saccade.core.errors import LostConnectionError
from saccade.core.ranks import RENDEZVOUS_VARIABLE, Rank

_TIMEOUT = timedelta(hours=12)  # rank 0 may wait for another training of the same; gloo notices a dead rank at once


class Processes:
    """All processes of one training, as one of them sees them.

    Args:
        me: rank of this process.

    Attributes:
        rank: number of this process, from 0.
        count: number of processes.
    """

    def __init__(self, me: Rank) -> None:
        self.rank = me.rank
        self.count = me.world_size

    def local_rows(self, rows_B: Tensor) -> tuple[Tensor, int]:
        """The rows of a batch that this process computes, every ``count``-th one, and how many of them count.

        A batch of fewer rows than processes leaves some with nothing. They must take part in the averaging
        nevertheless: they compute its first row, which does not count.
        """
        mine = rows_B[self.rank :: self.count]
        return (mine, len(mine)) if len(mine) else (rows_B[:1], 0)

    def sum(self, values: Tensor) -> Tensor:
        """The sum of ``values`` over all processes, in place, the same bits everywhere."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def broadcast(self, content: bytes | None) -> bytes | None:
        """Rank 0's bytes, or its None, to all; the others' argument is not looked at."""
        if self.count == 1:
            return content
        size = torch.tensor([-1 if content is None else len(content)])
        dist.broadcast(size, src=0)
        if size.item() < 1:
            return None if size.item() < 0 else b""
        if self.rank == 0 and content:
            buffer = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        else:
            buffer = torch.empty(int(size), dtype=torch.uint8)
        dist.broadcast(buffer, src=0)
        return buffer.numpy().tobytes()

    def share_buffers(self, network: nn.Module) -> None:
        """Give all processes rank 0's buffers: each one's batch norms have seen other examples in the last update."""
        if self.count > 1:
            for buffer in network.buffers():
                dist.broadcast(buffer, src=0)

    def convert(self, network: nn.Sequential, device: torch.device) -> nn.Sequential:
        """On GPUs, batch norms that take their statistics from the whole batch. On a CPU torch has none such."""
        if self.count > 1 and device.type == "cuda":
            return nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return network

    def wrap(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network with gradients that are averaged over all processes during ``backward``."""
        if self.count == 1:
            return network
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(network, device_ids=[device.index] if device.type == "cuda" else None)


SINGLE_PROCESS = Processes(Rank())


@contextlib.contextmanager
def process_group(me: Rank, device: torch.device) -> Iterator[Processes]:
    """Join the process group of a training, and leave it at the end; with a single process, do nothing.

    Args:
        me: rank of this process.
        device: device of this process.

    Yields:
        The processes, once all have joined.

    Raises:
        LostConnectionError: one of the others ended.
    """
    if me.world_size == 1:
        yield SINGLE_PROCESS
        return
    place = os.environ.get(RENDEZVOUS_VARIABLE)  # None under torchrun, which names an address and a port
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
        init_method=f"file://{place}" if place else None,
        rank=me.rank if place else -1,
        world_size=me.world_size if place else -1,
        timeout=_TIMEOUT,
    )
    try:
        yield Processes(me)
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise LostConnectionError("another process of this training ended, see above") from error
        raise
    finally:
        dist.destroy_process_group()
