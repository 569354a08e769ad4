"""Which one of several processes of a training we are. Standard library only: it is asked before torch is imported."""

import os
from dataclasses import dataclass

RENDEZVOUS_VARIABLE = "SACCADE_RENDEZVOUS_FILE"  # processes of one machine meet in a file, not at a port


@dataclass(frozen=True)
class Rank:
    """Who we are.

    Attributes:
        rank: from 0; 0 alone writes files and talks.
        count: of processes.
        local_rank: among those of this machine: which of its GPUs is ours.
        local_count: of processes on this machine.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1


def find() -> Rank:
    """Who the environment says we are: torch's elastic launcher (``torchrun``) sets it. Else, alone."""
    if "LOCAL_RANK" not in os.environ:
        return Rank()
    return Rank(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))
