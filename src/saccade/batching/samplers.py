"""Samplers: which examples an epoch draws, and in which order.

With ``balanced`` an error on a rare class costs as much as one on a frequent class; class weights do the same, and both
together would count it twice.

Shapes: N examples, K classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from saccade.core.devices import derive_seed


def shuffled(labels: Tensor, seed: int, epoch: int) -> Tensor:
    """Every example once, in an order that follows from the seed and the epoch: int64 (N,)."""
    random = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
    return torch.randperm(labels.shape[0], generator=random)


def balanced(labels_N: Tensor, seed: int, epoch: int) -> Tensor:
    """As many draws as there are examples, equally many of each class that occurs.

    Where N is no multiple of K, some classes are drawn once more than others; over K epochs all are drawn equally
    often. A class is gone through in rounds, in each of which every example of it comes once, in a new order; what an
    epoch leaves of a round comes in the next one. At the end of every epoch the examples of a class differ by at most
    one draw, however rare or frequent it is.

    Args:
        labels_N: class of each example, int64 (N,).
        seed: seed of the run.
        epoch: number of the epoch, from 1; with the seed it decides everything.

    Returns:
        Rows of the examples, int64 (N,), shuffled.
    """
    N = len(labels_N)
    of_each_class = labels_N.argsort(stable=True).split(labels_N.bincount().tolist())
    occurring = [rows for rows in of_each_class if len(rows)]
    K = len(occurring)
    drawn = []
    for k, rows in enumerate(occurring):  # draws k, k + K, k + 2 K... of all draws of the run are of class k
        first, end = (-((k - draw) // K) for draw in ((epoch - 1) * N, epoch * N))
        drawn.append(rows[_in_rounds(len(rows), first, end, most=-(-N // K), seed=derive_seed(seed, "class", k))])
    return torch.cat(drawn)[shuffled(labels_N, seed, epoch)]


def _in_rounds(size: int, first: int, end: int, *, most: int, seed: int) -> Tensor:
    """Draws ``first`` to ``end`` (excluded) of an endless row of permutations of ``size``; at most ``most`` of them.

    Made in blocks of as many permutations as an epoch needs: a generator for each one takes seconds for tiny classes.
    """
    rounds = -(-most // size)
    blocks = range(first // (rounds * size), -(-end // (rounds * size)))
    made = []
    for block in blocks:
        random = torch.Generator().manual_seed(derive_seed(seed, block))
        keys = torch.rand(rounds, size, generator=random, dtype=torch.float64)
        made.append(keys.argsort(dim=1).flatten())
    start = first - blocks.start * rounds * size
    return torch.cat(made)[start : start + end - first]


SAMPLERS: dict[str, Callable[[Tensor, int, int], Tensor]] = {"shuffle": shuffled, "balanced": balanced}
