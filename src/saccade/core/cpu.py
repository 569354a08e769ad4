"""How many cores there are to share work among. Standard library only: what does not train need not import torch."""

import os


def usable_cores() -> int:
    """Cores that this process may use, at least 1; macOS can only say how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
