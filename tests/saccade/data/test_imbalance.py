"""When classes are imbalanced, and what a constant answer gets: against scikit-learn's."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from saccade.data.imbalance import constant_accuracy, is_imbalanced, is_strongly_imbalanced


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([5, 9], False), ([5, 10], True), ([40, 3, 20], True), ([7], False), ([3, 0], True), ([0, 0], False)],
)
def test_imbalanced_is_twice_the_smallest(counts: list[int], expected: bool) -> None:
    assert is_imbalanced(counts) is expected


@pytest.mark.parametrize(
    ("counts", "expected"), [([90, 30], True), ([89, 30], False), ([2, 0], False), ([3, 0], True), ([40, 8, 20], True)]
)
def test_strongly_imbalanced_is_three_times_the_smallest(counts: list[int], expected: bool) -> None:
    assert is_strongly_imbalanced(counts) is expected


@pytest.mark.parametrize("counts", [[3, 11, 7], [4, 4], [9, 0, 1]])
def test_a_constant_answer_gets_the_share_of_the_largest_class(counts: list[int]) -> None:
    labels_N = np.repeat(np.arange(len(counts)), counts)
    nothing = np.zeros((len(labels_N), 1))
    dummy = DummyClassifier(strategy="most_frequent").fit(nothing, labels_N)
    assert constant_accuracy(counts) == pytest.approx(dummy.score(nothing, labels_N))


def test_without_examples_nothing_is_right() -> None:
    assert constant_accuracy([0, 0]) == 0
