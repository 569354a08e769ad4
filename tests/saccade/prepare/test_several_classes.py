"""Splits and folds of examples that may have several classes: rare ones everywhere, groups whole, additions harmless.

Shapes: N examples, K classes.
"""

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.prepare.folds import assign_folds
from saccade.prepare.splits import assign_splits, rarest_classes

CLASSES = ("sky", "tree", "boat", "whale")


def some(count: int = 400, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    labels_NK = (np.random.default_rng(seed).random((count, 4)) < [0.7, 0.5, 0.1, 0.04]).astype(np.uint8)
    return labels_NK, [f"{i}.png" for i in range(count)]


def split(labels_NK: np.ndarray, keys: list[str], **options: object) -> np.ndarray:
    return assign_splits(labels_NK, keys, **{"classes": CLASSES, "test": 0.2, "validation": 0.2, **options})


def test_each_class_has_its_share_of_each_split_and_so_have_those_without_any() -> None:
    labels_NK, keys = some()
    splits_N = split(labels_NK, keys)
    for name, share in (("test", 0.2), ("validation", 0.2), ("train", 0.6)):
        is_in_N = splits_N == name
        shares_K = labels_NK[is_in_N].sum(axis=0) / labels_NK.sum(axis=0)
        assert np.abs(shares_K[2:] - share).max() < 0.06  # the rare ones, which lead their own lists
        assert np.abs(shares_K[:2] - share).max() < 0.08
        none_N = ~labels_NK.any(axis=1)
        assert none_N[is_in_N].sum() / none_N.sum() == pytest.approx(share, abs=0.02)
    np.testing.assert_array_equal(splits_N, split(labels_NK, keys))


def test_an_example_is_listed_under_its_rarest_class() -> None:
    labels_NK, _ = some()
    order = np.argsort(labels_NK.sum(axis=0))
    for row, found in zip(labels_NK, rarest_classes(labels_NK), strict=True):
        assert found == next((k for k in order if row[k]), 4)


def test_groups_stay_together() -> None:
    labels_NK, _ = some()
    keys = [f"scene {i // 5}" for i in range(len(labels_NK))]
    splits_N = split(labels_NK, keys)
    assert all(len(set(splits_N[i : i + 5])) == 1 for i in range(0, len(keys), 5))
    fold_N = assign_folds(labels_NK, keys, classes=CLASSES, folds=4)
    assert all(len(set(fold_N[i : i + 5])) == 1 for i in range(0, len(keys), 5))


def test_what_is_tested_is_not_learnt_from_when_a_few_are_added() -> None:
    labels_NK, keys = some()
    more_NK, _ = some(10, seed=1)
    before, after = split(labels_NK, keys), split(np.vstack([labels_NK, more_NK]), [*keys, *"abcdefghij"])
    assert not ((before == "test") & (after[: len(keys)] == "train")).any()


def test_a_class_that_training_has_none_of_is_refused_and_one_that_is_only_not_measured_is_not() -> None:
    labels_NK, keys = some(60)
    labels_NK[:, 3] = 0
    labels_NK[5, 3] = 1
    alone = split(labels_NK, keys)
    assert alone[5] == "train"  # rounded, none of one is tested
    published = ["test" if i in (5, 7) else "train" for i in range(60)]
    with pytest.raises(UserError, match=r"class 'whale' \(1 example\) has none in the train split"):
        split(labels_NK, keys, test="given", published=published)


def test_folds_share_out_all_classes_of_an_example() -> None:
    labels_NK, keys = some()
    fold_N = assign_folds(labels_NK, keys, classes=CLASSES, folds=5)
    counts_FK = np.array([labels_NK[fold_N == fold].sum(axis=0) for fold in range(5)])
    assert np.ptp(counts_FK, axis=0).max() <= 4 and np.ptp(counts_FK[:, 3]) <= 1
    assert np.ptp(np.bincount(fold_N)) <= 4
    with pytest.raises(UserError, match="class 'whale' has 3 examples or groups that may go apart"):
        few_NK = np.where(np.arange(4) == 3, np.cumsum(labels_NK, axis=0) <= 3, 1) * labels_NK
        assign_folds(few_NK.astype(np.uint8), keys, classes=CLASSES, folds=5)
