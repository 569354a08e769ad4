"""A few combinations out of many, such that every two values of two different arguments meet in one at least."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest


def pairwise(*axes: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Combinations of one value an axis, chosen greedily, always the same: most defects need two values to show.

    Source: D. R. Kuhn, D. R. Wallace, A. M. Gallo, "Software fault interactions and implications for software testing",
    2004: of the failures studied there, 70 to 98 % need at most two parameters.
    """
    every = list(itertools.product(*(range(len(axis)) for axis in axes)))
    missing = {pair for row in every for pair in _pairs(row)}
    chosen = []
    while missing:
        best = max(every, key=lambda row: len(missing.intersection(_pairs(row))))
        missing.difference_update(_pairs(best))
        chosen.append(best)
    return [tuple(axis[i] for axis, i in zip(axes, row, strict=True)) for row in chosen]


def _pairs(row: tuple[int, ...]) -> list[tuple[tuple[int, int], ...]]:
    return list(itertools.combinations(enumerate(row), 2))


def slow_but_pairwise(*axes: Sequence[Any]) -> list[tuple[tuple[Any, ...], Any]]:
    """All combinations in order, each with the marks of its test: slow where ``pairwise`` leaves it out."""
    quick = pairwise(*axes)
    return [(row, () if row in quick else pytest.mark.slow) for row in itertools.product(*axes)]
