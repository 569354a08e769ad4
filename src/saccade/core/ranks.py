"""The rank of this process among those of a training. Standard library only: it is asked before torch is imported."""

import os
from dataclasses import dataclass

# Set by the process that launches the others on one machine:
RENDEZVOUS_VARIABLE = "SACCADE_RENDEZVOUS_FILE"  # they meet in this file, not at a port
LAUNCHER_VARIABLE = "SACCADE_LAUNCHER_PID"  # when it is gone, so are they


@dataclass(frozen=True)
class Rank:
    """The rank of a process, by torch's names.

    Attributes:
        rank: number of this process, from 0; 0 alone writes files and prints.
        world_size: number of processes.
        local_rank: number of this process among those of this machine: its GPU.
        local_world_size: number of processes on this machine.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1


def is_launched_child() -> bool:
    """Whether a saccade process launched this one, and has already printed what precedes a training."""
    return LAUNCHER_VARIABLE in os.environ


def current_rank() -> Rank:
    """The rank that the environment names, as ``torchrun`` sets it; else that of a single process."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    if not all(name in os.environ for name in names):
        return Rank()
    return Rank(*(int(os.environ[name]) for name in names))
