"""Which one of several processes of a training we are. Standard library only: it is asked before torch is imported."""

import os
from dataclasses import dataclass

# Set by the process that launches the others on one machine:
RENDEZVOUS_VARIABLE = "SACCADE_RENDEZVOUS_FILE"  # they meet in this file, not at a port
LAUNCHER_VARIABLE = "SACCADE_LAUNCHER_PID"  # when it is gone, so are they


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


def was_launched() -> bool:
    """Whether a process of ours started us, which has told already what is to be told before a training."""
    return LAUNCHER_VARIABLE in os.environ


def find() -> Rank:
    """Who the environment says we are: torch's elastic launcher (``torchrun``) sets it. Else, alone."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    if not all(name in os.environ for name in names):
        return Rank()
    return Rank(*(int(os.environ[name]) for name in names))
