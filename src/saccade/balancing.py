"""Classes of unequal size: what an example of each weighs in the loss, or how often it is drawn.

Either makes an error on a rare class cost as much as one on a frequent class; both together would count it twice.

Shapes: N examples, K classes.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from saccade.devices import derive_seed

# The most examples that a class can count for is 1 / (1 - beta), here 1,000. With the 10,000 of beta = 0.9999 the
# classes of most datasets here would stay so far below it that ``effective`` were ``inverse`` again.
BETA = 0.999

SCHEMES: dict[str, Callable[[int], float]] = {
    "inverse": lambda count: 1 / count,
    "effective": lambda count: (1 - BETA) / (1 - BETA**count),
}


def class_weights(counts: Sequence[int], scheme: str) -> Tensor:
    """What an example of each class weighs in the training loss.

    ``inverse`` gives N / (K n_k), where n_k is the class's count and K the number of classes that occur; ``effective``
    (1 - beta) / (1 - beta^n_k) times a constant: close to ``inverse`` for small classes, while from some thousand
    examples on another one hardly changes a weight. Under both, the mean over the training examples is 1, so that a
    learning rate means what it means without weights.

    Source: Y. Cui, M. Jia, T.-Y. Lin, Y. Song, S. Belongie, "Class-Balanced Loss Based on Effective Number of Samples",
    CVPR 2019 (https://arxiv.org/abs/1901.05555). There the weights add up to K; here their mean over the examples is 1.

    Args:
        counts: training examples of each class.
        scheme: a key of ``SCHEMES``.

    Returns:
        float32 (K,); 0 for a class without examples, which no loss meets.
    """
    weights = [SCHEMES[scheme](count) if count else 0.0 for count in counts]
    mean = sum(count * weight for count, weight in zip(counts, weights, strict=True)) / sum(counts)
    return torch.tensor([weight / mean for weight in weights], dtype=torch.float32)


def shuffled(labels: Tensor, seed: int, epoch: int) -> Tensor:
    """Every example once."""
    random = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
    return torch.randperm(labels.shape[0], generator=random)


def balanced(labels_N: Tensor, seed: int, epoch: int) -> Tensor:
    """As many draws as there are examples, equally many of each class that occurs.

    Where N is no multiple of K, some classes are drawn once more than others; over K epochs all are drawn equally
    often. A class is gone through in rounds, in each of which every example of it comes once, in a new order; what an
    epoch leaves of a round comes in the next one. At the end of every epoch the examples of a class differ by at most
    one draw, however rare or frequent it is.

    Args:
        labels_N: int64 (N,).
        seed: of the run.
        epoch: from 1; with the seed it decides everything.

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
