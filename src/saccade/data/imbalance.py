"""Whether some classes are much rarer than others, and what that makes of plain accuracy."""

from collections.abc import Sequence

_LEAST_RATIO = 2  # largest to smallest; below it, accuracy and balanced accuracy hardly differ


def is_imbalanced(counts: Sequence[int]) -> bool:
    """Whether the largest class has at least twice the examples of the smallest; ``counts`` of each, one or more."""
    return max(counts) > 0 and max(counts) >= _LEAST_RATIO * min(counts)


def constant_accuracy(counts: Sequence[int]) -> float:
    """The accuracy of always answering the largest class; 0 where ``counts`` holds no example."""
    return max(counts) / max(sum(counts), 1)
