"""Confident learning: equal to cleanlab's, to the definition written out, and right about labels flipped on purpose."""

import numpy as np
import pytest

from saccade.evaluate.about_data.doubtful_labels import (
    class_thresholds,
    confident_joint,
    find_doubtful_labels,
)


def noisy(N: int, K: int, share: float, seed: int, skill: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of which a share is flipped, probabilities of a fair classifier, and which labels are flipped."""
    random = np.random.default_rng(seed)
    true_N = random.choice(K, N, p=np.arange(1, K + 1) / np.arange(1, K + 1).sum())
    logits_NK = random.normal(size=(N, K)) + skill * np.eye(K)[true_N]
    p_NK = np.exp(logits_NK) / np.exp(logits_NK).sum(axis=1, keepdims=True)
    flipped_N = random.random(N) < share
    return np.where(flipped_N, (true_N + random.integers(1, K, N)) % K, true_N), p_NK, flipped_N


def test_the_joint_is_the_definition_written_out() -> None:
    labels_N, p_NK, _ = noisy(300, 4, 0.2, seed=1)
    thresholds = [np.mean([p[k] for p, y in zip(p_NK, labels_N, strict=True) if y == k]) for k in range(4)]
    np.testing.assert_allclose(class_thresholds(labels_N, p_NK), thresholds)
    counts = np.zeros((4, 4))
    for p_K, label in zip(p_NK, labels_N, strict=True):
        sure = [k for k in range(4) if p_K[k] >= thresholds[k]]
        if sure:
            counts[label, max(sure, key=lambda k: p_K[k])] += 1
    joint_KK = confident_joint(labels_N, p_NK)
    assert joint_KK.sum(axis=1).tolist() == np.bincount(labels_N).tolist()
    np.testing.assert_allclose(
        joint_KK, counts / counts.sum(axis=1, keepdims=True) * np.bincount(labels_N)[:, None], atol=1
    )


@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_is_what_cleanlab_finds(seed: int) -> None:
    from cleanlab import count, rank  # Apache-2.0 from 2.9 on; before, it was under the AGPL

    labels_N, p_NK, _ = noisy(800, 5, 0.1, seed)
    joint_KK = count.compute_confident_joint(labels_N, p_NK)
    assert np.abs(confident_joint(labels_N, p_NK) - joint_KK).max() <= 1  # whole numbers are rounded another way
    found = find_doubtful_labels(labels_N, p_NK)
    estimated = count.num_label_issues(labels_N, p_NK, estimation_method="off_diagonal_calibrated")
    assert abs(found.num_estimated - estimated) <= 5  # one a class
    score_N = rank.get_label_quality_scores(labels_N, p_NK, method="normalized_margin")
    theirs = np.argsort(score_N)[: found.num_estimated]
    assert found.rows.tolist() == theirs[score_N[theirs] < 0.5].tolist() and len(found.rows) > 40
    np.testing.assert_allclose(found.score, score_N[found.rows])


def test_flipped_labels_come_first_and_the_suggestion_is_the_true_class() -> None:
    labels_N, p_NK, flipped_N = noisy(3_000, 6, 0.03, seed=0, skill=8.0)
    found = find_doubtful_labels(labels_N, p_NK)
    first = found.rows[: round(0.03 * 3_000)]
    assert flipped_N[first].mean() > 0.9 and abs(found.num_estimated - flipped_N.sum()) < 30
    assert (found.suggested == p_NK[found.rows].argmax(axis=1)).all()
    assert (found.suggested != labels_N[found.rows]).all()
    assert found.accuracy == pytest.approx((p_NK.argmax(axis=1) == labels_N).mean())


def test_digits_with_three_in_a_hundred_labels_flipped() -> None:
    """The probabilities are those of a logistic regression over five folds: 80 % of the first 3 % are flipped ones."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    pixels_NP, true_N = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    flipped = random.choice(len(true_N), round(0.03 * len(true_N)), replace=False)
    labels_N = true_N.copy()
    labels_N[flipped] = (labels_N[flipped] + random.integers(1, 10, len(flipped))) % 10
    model = LogisticRegression(C=0.02, max_iter=200)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    p_NK = cross_val_predict(model, pixels_NP / 4, labels_N, cv=folds, method="predict_proba")
    first = find_doubtful_labels(labels_N, p_NK).rows[: len(flipped)]
    assert np.isin(first, flipped).sum() >= 0.8 * len(flipped)


def test_a_class_without_labels_is_never_suggested_for_its_threshold() -> None:
    labels_N, p_NK, _ = noisy(200, 3, 0.1, seed=3)
    p_NK = np.concatenate([p_NK * 0.999, np.full((200, 1), 0.001)], axis=1)
    assert confident_joint(labels_N, p_NK)[:, 3].sum() == 0
    assert 3 not in find_doubtful_labels(labels_N, p_NK).suggested


def test_an_example_whose_label_is_the_most_probable_class_is_not_listed_though_it_counts() -> None:
    """It is sure of a class that others are told with little probability, and not of its own."""
    p_NK = np.array([[0.85, 0.15, 0]] * 5 + [[0.55, 0.45, 0]] + [[0.2, 0.41, 0.39]] * 4 + [[0, 0, 1.0]] * 4)
    labels_N = np.array([0] * 6 + [1] * 4 + [2] * 4)
    assert confident_joint(labels_N, p_NK).tolist() == [[5, 1, 0], [0, 4, 0], [0, 0, 4]]
    found = find_doubtful_labels(labels_N, p_NK)
    assert found.num_estimated == 1 and len(found.rows) == 0


def test_labels_without_doubt_give_an_empty_list() -> None:
    labels_N = np.array([0, 1, 2, 0, 1, 2])
    found = find_doubtful_labels(labels_N, np.eye(3)[labels_N] * 0.7 + 0.1)
    assert len(found.rows) == 0 and found.num_estimated == 0 and found.accuracy == 1


def test_what_cannot_be_probabilities_is_refused() -> None:
    with pytest.raises(ValueError, match=r"labels_N \(2\) and probabilities_NK \(3\) must be as many"):
        find_doubtful_labels(np.zeros(2, int), np.full((3, 2), 0.5))
    with pytest.raises(ValueError, match="must be finite, but 1 are not"):
        find_doubtful_labels(np.zeros(2, int), np.array([[0.5, 0.5], [np.nan, 0.5]]))
