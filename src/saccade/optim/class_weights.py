"""Weights of classes in the training loss, from their counts.

Shapes: K classes.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

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
        counts: number of training examples of each class.
        scheme: key of ``SCHEMES``.

    Returns:
        float32 (K,); 0 for a class without examples, which no loss meets.
    """
    weights = [SCHEMES[scheme](count) if count else 0.0 for count in counts]
    mean = sum(count * weight for count, weight in zip(counts, weights, strict=True)) / sum(counts)
    return torch.tensor([weight / mean for weight in weights], dtype=torch.float32)


def positive_weights(counts: Sequence[int], total: int, scheme: str) -> Tensor:
    """What the examples that have a class weigh in its part of the loss, where an example may have several classes.

    With n_k examples that have the class, and m_k that do not, ``inverse`` gives m_k / n_k, so that both sides count
    the same together; ``effective`` gives the quotient of their effective numbers (1 - beta^n) / (1 - beta), which
    stays below 1,000.

    Args:
        counts: number of training examples that have each class.
        total: number of all training examples.
        scheme: key of ``SCHEMES``.

    Returns:
        float32 (K,); 1 for a class that all examples have, or none.
    """
    weight = SCHEMES[scheme]
    weights = [weight(count) / weight(total - count) if 0 < count < total else 1.0 for count in counts]
    return torch.tensor(weights, dtype=torch.float32)
