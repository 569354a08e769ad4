"""Thresholds of classes that an example may have several of."""

import numpy as np
import pytest

from saccade.data.thresholds import choose_thresholds, found_classes


def test_each_class_gets_the_threshold_of_the_highest_f1() -> None:
    """Against all thresholds there are, by scikit-learn's F1."""
    from sklearn.metrics import f1_score

    random = np.random.default_rng(0)
    probabilities_NK = random.random((40, 5)).round(1)  # many are equal
    labels_NK = (random.random((40, 5)) < [0.1, 0.3, 0.5, 0.9, 0.5]).astype(np.uint8)
    thresholds = choose_thresholds(probabilities_NK, labels_NK)
    found_NK = found_classes(probabilities_NK, thresholds)
    for k in range(5):
        tried = [f1_score(labels_NK[:, k], probabilities_NK[:, k] >= t) for t in np.linspace(0, 1.05, 106)]
        assert f1_score(labels_NK[:, k], found_NK[:, k]) == pytest.approx(max(tried))


def test_a_hit_at_the_top_beats_two_among_six() -> None:
    """F1 2 / (1 + 3) against 4 / (6 + 3)."""
    p_N1 = np.array([[0.9, 0.8, 0.75, 0.7, 0.65, 0.6, *[0.1] * 14, 0.05]]).T
    has_N1 = np.isin(p_N1, [0.9, 0.6, 0.05]).astype(np.uint8)
    assert choose_thresholds(p_N1, has_N1) == pytest.approx([0.85])


def test_of_equally_good_ones_the_nearest_to_a_half() -> None:
    labels_NK = np.array([[1, 1, 1], [0, 1, 0], [0, 0, 0]], np.uint8)
    probabilities_NK = np.array([[0.9, 0.2, 0.3], [0.4, 0.2, 0.1], [0.1, 0.1, 0.2]])
    assert choose_thresholds(probabilities_NK, labels_NK) == pytest.approx([0.5, 0.15, 0.25])


def test_a_class_that_no_example_has_keeps_a_half_and_one_that_all_have_finds_them_all() -> None:
    labels_NK, probabilities_NK = np.array([[0, 1], [0, 1]], np.uint8), np.array([[0.9, 0.1], [0.7, 0.3]])
    thresholds = choose_thresholds(probabilities_NK, labels_NK)
    assert thresholds[0] == 0.5
    assert found_classes(probabilities_NK, thresholds)[:, 1].all()


def test_without_thresholds_a_half_decides_and_the_threshold_itself_counts() -> None:
    probabilities_NK = np.array([[0.5, 0.49]], np.float32)
    assert found_classes(probabilities_NK, []).tolist() == [[True, False]]
    assert found_classes(probabilities_NK, [0.6, 0.2]).tolist() == [[False, True]]


@pytest.mark.parametrize("shape", [(3, 2), (0, 3)])
def test_shapes_that_differ_and_no_examples_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"must be the same \(N, K\), N at least 1"):
        choose_thresholds(np.zeros(shape), np.zeros((len(np.zeros(shape)), 3), np.uint8))
