"""Folds: each example in one, no group in two, classes shared out evenly; beside scikit-learn's.

Shapes: N examples, F folds, K classes.
"""

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.prepare.folds import assign_folds, seed_of_fold, splits_of_rolling_origin
from saccade.prepare.split_settings import SplitSettings, assign


def names(count: int) -> list[str]:
    return [f"k{number}" for number in range(count)]


def counts(fold_N: np.ndarray, labels_N: np.ndarray, folds: int, classes: int) -> np.ndarray:
    return np.array([np.bincount(labels_N[fold_N == fold], minlength=classes) for fold in range(folds)])


@pytest.mark.parametrize("folds", [2, 5, 7])
@pytest.mark.parametrize("seed", [0, 3])
def test_classes_and_sizes_differ_by_one_example_at_most(folds: int, seed: int) -> None:
    labels_N = np.random.default_rng(seed).choice(4, size=203, p=[0.55, 0.25, 0.12, 0.08])
    fold_N = assign_folds(labels_N, names(203), classes=tuple("abcd"), folds=folds, seed=seed)
    assert fold_N.shape == (203,) and set(fold_N.tolist()) == set(range(folds))
    counts_FK = counts(fold_N, labels_N, folds, 4)
    assert np.ptp(counts_FK, axis=0).max() <= 1
    assert np.ptp(counts_FK.sum(axis=1)) <= 1


def test_many_small_classes_do_not_all_begin_with_the_first_fold() -> None:
    labels_N = np.repeat(np.arange(50), 6)
    fold_N = assign_folds(labels_N, names(300), classes=names(50), folds=4)
    assert np.bincount(fold_N).tolist() == [75, 75, 75, 75]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_groups_stay_together_and_classes_nearly_even(seed: int) -> None:
    from sklearn.model_selection import StratifiedGroupKFold

    random = np.random.default_rng(seed)
    labels_N, group_N = random.choice(3, size=400, p=[0.6, 0.3, 0.1]), random.integers(0, 60, 400)
    keys = [f"g{group}" for group in group_N]
    fold_N = assign_folds(labels_N, keys, classes=tuple("abc"), folds=5, seed=seed)
    for group in range(60):
        assert len(set(fold_N[group_N == group])) == 1
    ours_FK = counts(fold_N, labels_N, 5, 3)
    theirs_N = np.zeros(400, dtype=int)
    theirs = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fold, (_, test) in enumerate(theirs.split(labels_N, labels_N, group_N)):
        theirs_N[test] = fold
    theirs_FK = counts(theirs_N, labels_N, 5, 3)
    assert np.ptp(ours_FK.sum(axis=1)) <= np.ptp(theirs_FK.sum(axis=1))
    assert np.ptp(ours_FK, axis=0).sum() <= np.ptp(theirs_FK, axis=0).sum()


def test_examples_alone_make_up_for_groups_class_by_class() -> None:
    labels_N = np.array([0] * 30 + [1] * 30)
    keys = [*["cats"] * 8, *names(46), *["dogs"] * 6]
    fold_N = assign_folds(labels_N, keys, classes=("cat", "dog"), folds=3)
    assert len(set(fold_N[:8])) == len(set(fold_N[-6:])) == 1
    assert counts(fold_N, labels_N, 3, 2).tolist() == [[10, 10]] * 3


def test_the_seed_decides_and_the_order_of_the_examples_does_not() -> None:
    random = np.random.default_rng(0)
    labels_N, keys = random.integers(0, 3, 90), names(90)
    first = assign_folds(labels_N, keys, classes=tuple("abc"), folds=4, seed=1)
    order = random.permutation(90)
    again = assign_folds(labels_N[order], [keys[row] for row in order], classes=tuple("abc"), folds=4, seed=1)
    np.testing.assert_array_equal(again, first[order])
    assert (assign_folds(labels_N, keys, classes=tuple("abc"), folds=4, seed=2) != first).any()


def test_what_is_left_out_is_in_no_fold() -> None:
    left_out = np.arange(40) % 4 == 0
    fold_N = assign_folds(np.zeros(40, dtype=int), names(40), classes=("a",), folds=3, left_out=left_out)
    np.testing.assert_array_equal(fold_N == -1, left_out)
    assert np.bincount(fold_N[~left_out]).tolist() == [10, 10, 10]


def test_a_class_that_cannot_be_in_every_fold_is_refused() -> None:
    labels_N = np.array([0] * 9 + [1] * 6)
    keys = [*names(9), "x", "x", "x", "y", "y", "z"]
    with pytest.raises(UserError, match=r"class 'dog' has 3 examples or groups that may go apart.* each of 4 folds"):
        assign_folds(labels_N, keys, classes=("cat", "dog"), folds=4)
    assert set(assign_folds(labels_N, keys, classes=("cat", "dog"), folds=3).tolist()) == {0, 1, 2}


def test_one_fold_is_refused() -> None:
    with pytest.raises(UserError, match=r"folds \(1\) must be at least 2"):
        assign_folds(np.zeros(4, dtype=int), names(4), classes=("a",), folds=1)


def test_each_fold_draws_from_a_seed_of_its_own() -> None:
    assert len({seed_of_fold(seed, fold) for seed in range(20) for fold in range(1, 11)}) == 200


@pytest.mark.parametrize(("count", "folds"), [(203, 4), (12, 3), (9, 8)])
def test_folds_by_time_are_scikit_learns_and_learn_from_the_past_alone(count: int, folds: int) -> None:
    from sklearn.model_selection import TimeSeriesSplit

    for fold, (past, test) in enumerate(TimeSeriesSplit(folds).split(np.zeros(count)), start=1):
        splits_N = splits_of_rolling_origin(names(count), folds=folds, fold=fold)
        assert np.flatnonzero(splits_N == "train").tolist() == past.tolist()
        assert np.flatnonzero(splits_N == "test").tolist() == test.tolist()


def test_a_group_is_where_its_latest_example_is_and_what_is_left_out_counts_for_nothing() -> None:
    keys = ["a", "b", "b", "c", "d", "e", "a", "f", "g"]
    left_out = np.array([key == "d" for key in keys])
    splits_N = splits_of_rolling_origin(keys, folds=3, fold=2, left_out=left_out)  # 8 in blocks of 2
    assert splits_N.tolist() == ["test", "train", "train", "train", "", "test", "test", "", ""]
    with pytest.raises(UserError, match=r"folds \(8\) must be fewer than the 8 examples"):
        splits_of_rolling_origin(keys, folds=8, fold=1, left_out=left_out)


def test_a_fold_by_time_has_its_latest_past_for_validation() -> None:
    settings = SplitSettings(validation=0.25, order="time", folds=3, fold=2)
    splits_N = assign(settings, np.zeros(16, dtype=np.int64), ["only"], names(16))
    assert splits_N.tolist() == ["train"] * 6 + ["validation"] * 2 + ["test"] * 4 + [""] * 4
