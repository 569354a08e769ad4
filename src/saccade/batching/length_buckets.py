"""Batches of texts of similar length: most of what a mixed batch computes is padding.

Shapes: N examples, T tokens.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from saccade.core.devices import derive_seed
from saccade.nn.padding import sequence_lengths

POOL_BATCHES = 16  # batches among which texts are sorted: fewer leave more padding, more make epochs more alike
_CHUNK = 4096  # examples whose tokens are looked at at once


def stored_lengths(stored: Tensor) -> Tensor:
    """How many steps each stored text or series has, int64 (N,), at least 1; a few thousand at a time are read."""
    return torch.cat([sequence_lengths(chunk) for chunk in stored.split(_CHUNK)])


def by_length(order_N: Tensor, length_N: Tensor, size: int, *, seed: int, epoch: int) -> Tensor:
    """Rearrange an epoch's order so that each batch holds examples of similar length, and batches come as they fall.

    The order is cut into pools of 16 batches, each pool sorted by length and cut into batches, and these are shuffled:
    which examples meet changes from epoch to epoch, as in the order that is given. The last batch of an epoch that is
    not full stays as it was drawn.

    Args:
        order_N: rows of the examples, int64, from a sampler; on the host.
        length_N: number of tokens of each example, int64.
        size: number of examples of an update, from 1.
        seed: seed of the run.
        epoch: number of the epoch, from 1; with the seed and the order it decides everything.

    Returns:
        The same rows, int64.
    """
    if length_N.min() == length_N.max():
        return order_N
    num_whole = len(order_N) // size
    pools = order_N[: num_whole * size].split(POOL_BATCHES * size)
    sorted_rows = [pool[length_N[pool].argsort(stable=True)] for pool in pools]
    random = torch.Generator().manual_seed(derive_seed(seed, "buckets", epoch))
    shuffled = torch.cat(sorted_rows).view(num_whole, size)[torch.randperm(num_whole, generator=random)]
    return torch.cat([shuffled.flatten(), order_N[num_whole * size :]])


def longest_of(length_N: Tensor, size: int) -> list[int]:
    """The greatest of each ``size`` lengths that follow one another; known to the host before the epoch begins."""
    return [int(part.max()) for part in length_N.split(size)]


def measured_batches(count: int, length_N: Tensor | None, size: int) -> Iterator[tuple[Tensor, int | None]]:
    """All examples once, in batches for measuring: the shortest texts first, or just in order.

    Args:
        count: N, number of examples.
        length_N: number of tokens of each text, int64; None for examples that fill their rows.
        size: number of examples of a batch, from 1.

    Yields:
        Rows, int64, and the number of tokens to which they can be trimmed; None without lengths.
    """
    if length_N is None:
        for rows in torch.arange(count).split(size):
            yield rows, None
    else:
        order_N = length_N.argsort(stable=True)
        yield from zip(order_N.split(size), longest_of(length_N[order_N], size), strict=True)
