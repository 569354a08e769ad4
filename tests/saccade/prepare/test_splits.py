"""Which example goes where: exact counts, the same every time, and steady when examples are added.

Shapes: N examples.
"""

import re

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.spec import SPLITS
from saccade.prepare.split_settings import settings_for
from saccade.prepare.splits import assign_splits

CLASSES = ("cat", "dog", "owl")
COUNTS = (100, 61, 40)


def examples(counts: tuple[int, ...] = COUNTS, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """(labels_N, ids) in a shuffled order."""
    labels_N = np.repeat(np.arange(len(counts)), counts)
    ids = [f"{label}/{index}.png" for label, count in enumerate(counts) for index in range(count)]
    order = np.random.default_rng(seed).permutation(len(ids))
    return labels_N[order], [ids[i] for i in order]


def assign(labels_N: np.ndarray, ids: list[str], **options: object) -> np.ndarray:
    return assign_splits(labels_N, ids, **{"classes": CLASSES, "test": 0.15, "validation": 0.2, **options})


def by_id(splits_N: np.ndarray, ids: list[str]) -> dict[str, str]:
    return dict(zip(ids, splits_N.tolist(), strict=True))


def counts_of(splits_N: np.ndarray, labels_N: np.ndarray) -> dict[str, list[int]]:
    return {split: np.bincount(labels_N[splits_N == split], minlength=3).tolist() for split in SPLITS}


def test_each_class_is_split_by_the_exact_shares() -> None:
    labels_N, ids = examples()
    assert counts_of(assign(labels_N, ids), labels_N) == {
        "test": [15, 9, 6],  # 0.15 of 100, 61, 40, rounded
        "validation": [20, 12, 8],
        "train": [65, 40, 26],
    }


def test_the_assignment_is_the_same_in_every_version() -> None:
    """A change of the hash would move examples that old runs were tested on into training, silently."""
    ids = [f"{i}" for i in range(12)]
    splits_N = assign_splits(np.zeros(12, np.int64), ids, classes=("cat",), test=0.25, validation=0.25, seed=3)
    assert "".join(split[1] for split in splits_N) == "aaearrrreerr"  # vAlidation, tRain, tEst


def test_the_seed_and_nothing_else_decides() -> None:
    labels_N, ids = examples()
    first = assign(labels_N, ids, seed=1)
    np.testing.assert_array_equal(first, assign(labels_N, ids, seed=1))
    other = assign(labels_N, ids, seed=2)
    assert (first != other).mean() > 0.2
    assert counts_of(first, labels_N) == counts_of(other, labels_N)


def test_the_order_of_the_rows_does_not_matter() -> None:
    expected = by_id(assign(*examples(seed=0)), examples(seed=0)[1])
    for seed in (1, 2):
        labels_N, ids = examples(seed=seed)
        assert by_id(assign(labels_N, ids), ids) == expected


def test_ids_decide_and_not_how_classes_are_numbered() -> None:
    labels_N, ids = examples()
    np.testing.assert_array_equal(assign(labels_N, ids), assign(2 - labels_N, ids))


def test_equal_ids_stay_in_one_split() -> None:
    labels_N, ids = examples()
    twins = [name.replace("1.png", "2.png") for name in ids]  # several rows now share each of these names
    assert len(set(twins)) < len(ids) - 15
    splits_N = assign(labels_N, twins)
    for name in set(twins):
        assert len({split for split, twin in zip(splits_N, twins, strict=True) if twin == name}) == 1


def test_equal_groups_stay_in_one_split_although_their_labels_differ() -> None:
    labels_N, _ = examples()
    groups = [f"patient {i}" for i in np.random.default_rng(3).integers(0, 60, size=len(labels_N))]
    splits_N = assign(labels_N, groups)
    for group in set(groups):
        assert len({split for split, name in zip(splits_N, groups, strict=True) if name == group}) == 1
    shares = {split: (splits_N == split).mean() for split in SPLITS}
    assert abs(shares["test"] - 0.15) < 0.05 and abs(shares["validation"] - 0.2) < 0.05
    shuffled = np.random.default_rng(4).permutation(len(groups))
    again = assign(labels_N[shuffled], [groups[i] for i in shuffled])
    np.testing.assert_array_equal(again, splits_N[shuffled])


@pytest.mark.parametrize("test", [0.15, "given"])
def test_what_is_left_out_goes_nowhere_and_does_not_count(test: float | str) -> None:
    labels_N, ids = examples()
    published = ["test" if name.endswith("3.png") else "train" for name in ids]
    out_N = np.random.default_rng(5).random(len(ids)) < 0.3
    splits_N = assign(labels_N, ids, test=test, published=published, left_out=out_N)
    assert (splits_N[out_N] == "").all() and (splits_N[~out_N] != "").all()
    kept = np.flatnonzero(~out_N)
    without = assign(labels_N[kept], [ids[i] for i in kept], test=test, published=[published[i] for i in kept])
    np.testing.assert_array_equal(splits_N[kept], without)


def test_a_class_whose_examples_belong_together_is_told_how_many_may_go_apart() -> None:
    labels_N, ids = examples((60, 30, 20))
    keys = ["one patient" if label == 2 else name for label, name in zip(labels_N, ids, strict=True)]
    with pytest.raises(UserError, match=r"class 'owl' \(20 examples, 1 that may go apart\) has none in the train"):
        assign(labels_N, keys)


def test_a_published_test_split_is_kept_and_the_rest_is_split() -> None:
    labels_N, ids = examples()
    published = ["test" if name.endswith(("3.png", "7.png")) else "train" for name in ids]
    splits_N = assign(labels_N, ids, test="given", validation=0.2, published=published)
    np.testing.assert_array_equal(splits_N == "test", np.array(published) == "test")
    rest = [80, 49, 32]  # without the names that end in 3 or 7
    assert counts_of(splits_N, labels_N)["validation"] == [16, 10, 6]
    assert counts_of(splits_N, labels_N)["train"] == [rest[0] - 16, rest[1] - 10, rest[2] - 6]


def test_a_published_validation_split_is_kept_too() -> None:
    labels_N, ids = examples()
    published = np.where(np.arange(len(ids)) % 5 == 0, "test", "train").astype(object)
    published[np.arange(len(ids)) % 7 == 1] = "validation"
    np.testing.assert_array_equal(assign(labels_N, ids, test="given", published=published.tolist()), published)


def test_a_published_validation_split_is_kept_while_the_test_is_drawn_from_training() -> None:
    labels_N, ids = examples()
    published = ["validation" if name.endswith(("3.png", "7.png")) else "train" for name in ids]
    splits_N = assign(labels_N, ids, test=0.15, keep_validation=True, published=published)
    np.testing.assert_array_equal(splits_N == "validation", np.array(published) == "validation")
    assert counts_of(splits_N, labels_N)["test"] == [12, 7, 5]  # 0.15 of 80, 49, 32


@pytest.mark.parametrize(
    ("published", "test", "kept", "line"),
    [
        (None, 0.15, None, ""),
        (["train", "test"], "given", ["train", "test"], "validation drawn from training"),
        (["train", "validation", "test"], "given", ["train", "validation", "test"], "the published splits are kept ("),
        (["train", "validation"], 0.15, ["train", "validation"], "15% of training drawn for the test"),
        (["train", "train"], 0.15, None, ""),
        (["test", "test"], 0.15, None, ""),
    ],
)
def test_published_splits_are_kept_where_nothing_is_said(
    published: list[str] | None, test: float | str, kept: list[str] | None, line: str
) -> None:
    settings, said = settings_for({"test": None}, published)
    assert settings.test == test and settings.published(published) == kept and line in said
    assert bool(said) == bool(line)
    assert ("drawn anew" in settings_for({"test": 0.3}, published)[1]) == (len(set(published or ())) > 1)
    folds = settings_for({"test": None, "folds": 5, "fold": 1}, published)
    assert ("the folds are parts of all examples" in folds[1]) == (len(set(published or ())) > 1)
    for values in ({"test": 0.3}, {"test": None, "folds": 5, "fold": 1}, {"test": None, "order": "time"}):
        assert settings_for(values, published)[0].published(published) is None


def test_published_splits_do_not_count_when_a_share_is_asked_for() -> None:
    labels_N, ids = examples()
    published = ["test" if label == 0 else "train" for label in labels_N]
    np.testing.assert_array_equal(assign(labels_N, ids, published=published), assign(labels_N, ids))


def test_a_smaller_training_share_is_a_subset_of_a_larger_one() -> None:
    labels_N, ids = examples()
    whole = assign(labels_N, ids)
    larger = whole
    for fraction, kept in ((0.5, [32, 20, 13]), (0.1, [6, 4, 3]), (0.001, [1, 1, 1])):
        smaller = assign(labels_N, ids, train_fraction=fraction)
        for split in ("test", "validation"):
            np.testing.assert_array_equal(smaller == split, whole == split)
        assert counts_of(smaller, labels_N)["train"] == kept
        assert not ((smaller == "train") & (larger != "train")).any()
        np.testing.assert_array_equal(smaller == "", (whole == "train") & (smaller != "train"))
        larger = smaller


def test_time_order_trains_on_the_earliest_and_tests_on_the_latest() -> None:
    labels_N = np.array([0, 1, 2, 0] * 5)
    ids = [f"{i}" for i in range(20)][::-1]
    splits_N = assign(labels_N, ids, order="time", test=0.15, validation=0.1)
    assert splits_N.tolist() == ["train"] * 15 + ["validation"] * 2 + ["test"] * 3
    splits_N = assign(labels_N, ids, order="time", test=0.15, validation=0.1, train_fraction=0.4)
    assert splits_N.tolist() == [""] * 9 + ["train"] * 6 + ["validation"] * 2 + ["test"] * 3  # the latest of training


def test_time_order_keeps_together_what_must_stay_together() -> None:
    """A copy of what the test asks for is not learnt from, and nothing later than the test begins is."""
    ids = [str(i) for i in range(20)]
    ids[2] = ids[18]
    ids[3] = ids[4] = ids[16]
    splits_N = assign(np.zeros(20, dtype=np.int64), ids, classes=["all"], order="time", test=0.15, validation=0.1)
    assert {
        id_: len(set(splits_N[[i for i, other in enumerate(ids) if other == id_]])) for id_ in ids
    } == dict.fromkeys(ids, 1)
    assert splits_N[[19, 18, 2]].tolist() == ["test"] * 3 and splits_N[[17, 16, 3, 4]].tolist() == ["validation"] * 4
    assert (splits_N == "train").sum() == 13


def test_without_test_or_validation_share_there_is_none() -> None:
    labels_N, ids = examples()
    assert set(assign(labels_N, ids, test=0.0, validation=0.25)) == {"train", "validation"}
    assert set(assign(labels_N, ids, test=0.25, validation=0.0)) == {"train", "test"}


def foremost_ids(count: int, seed: int) -> list[str]:
    """New ids that all come before almost every other: the worst that can be added, for they push test examples out."""
    ids = [f"new {i}" for i in range(100 * count)]
    one_class_N = np.zeros(len(ids), np.int64)
    splits_N = assign_splits(one_class_N, ids, classes=("any",), test=0.01, validation=0.0, seed=seed)
    return [name for name, split in zip(ids, splits_N, strict=True) if split == "test"]


def moves_when_added(new_labels_N: np.ndarray, seed: int) -> list[tuple[str, str]]:
    labels_N, ids = examples()
    before = by_id(assign(labels_N, ids, seed=seed), ids)
    all_ids = foremost_ids(len(new_labels_N), seed) + ids
    after = by_id(assign(np.concatenate([new_labels_N, labels_N]), all_ids, seed=seed), all_ids)
    return [(before[name], after[name]) for name in ids if before[name] != after[name]]


@pytest.mark.parametrize("added", [(1, 1, 1), (5, 0, 3), (19, 11, 7)])  # validation holds 20, 12 and 8
@pytest.mark.parametrize("seed", range(4))
def test_adding_examples_moves_few_and_no_test_example_into_training(added: tuple[int, ...], seed: int) -> None:
    moves = moves_when_added(np.repeat(np.arange(3), added), seed)
    assert ("test", "train") not in moves
    assert len(moves) <= 2 * sum(added)  # across two borders


def test_the_bound_is_sharp() -> None:
    assert ("test", "train") in moves_when_added(np.repeat(np.arange(3), (40, 24, 16)), seed=0)


def test_a_published_test_split_is_asked_for_but_not_there() -> None:
    labels_N, ids = examples()
    for published in (None, ["train"] * len(ids)):
        with pytest.raises(UserError, match=r"split\.test \(given\) must be a share such as 0\.15 .* no test split$"):
            assign(labels_N, ids, test="given", published=published)
    with pytest.raises(UserError, match=r"publishes train and validation alone\. Leave test out to keep them"):
        assign(labels_N, ids, test="given", published=["train", "validation"] * (len(ids) // 2) + ["train"])


@pytest.mark.parametrize(("test", "validation", "total"), [(0.5, 0.5, "1"), (0.7, 0.4, r"1\.1"), ("given", 1.0, "1")])
def test_shares_that_leave_nothing_to_train_on(test: float | str, validation: float, total: str) -> None:
    labels_N, ids = examples()
    with pytest.raises(UserError, match=rf"split\.test \+ split\.validation \({total}\) must be below 1"):
        assign(labels_N, ids, test=test, validation=validation, published=["test"] * len(ids))


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ((100, 61, 3), {}, r"class 'owl' \(3 examples\) has none in the test split"),
        (
            (100, 4, 61),
            {"test": 0.2, "validation": 0.1},
            r"class 'dog' \(4 examples\) has none in the validation split",
        ),
        ((0, 61, 40), {}, r"'cat' \(0 examples\) has none in the train, validation and test splits: "),
        (
            (2, 1, 100),
            {"small_class_remedy": "source.min_per_class"},
            r"each class must have examples in each split, but 2 have not:\n"
            r"  class 'cat' \(2 examples\) has none in the validation and test splits\n"
            r"  class 'dog' \(1 example\) has none in the validation and test splits\n"
            r"Give them more examples, .*, or leave the classes out \(source\.min_per_class: 3\)",
        ),
    ],
)
def test_a_class_that_a_split_lacks_is_named(counts: tuple[int, ...], options: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        assign(*examples(counts), **options)


def test_a_class_that_a_published_split_lacks_is_named() -> None:
    labels_N, ids = examples()
    published = np.where((np.arange(len(ids)) % 4 == 0) & (labels_N != 2), "test", "train").tolist()
    message = (
        "class 'owl' (40 examples) has none in the test split as published: give it more examples, put some there, "
        "draw the splits anew (split.test: 0.15), or leave the class out"
    )
    with pytest.raises(UserError, match=re.escape(message)):
        assign(labels_N, ids, test="given", published=published)


def test_a_split_without_examples_is_named() -> None:
    labels_N, ids = examples((1, 1, 1))
    with pytest.raises(UserError, match="the test split is empty: 3 examples are too few for these shares"):
        assign(labels_N, ids, validation=0.0)
    message = r"the train split is empty: 40 examples \(1 that may go apart\), 80 left out, are too few"
    with pytest.raises(UserError, match=message):
        assign(np.repeat([0, 1, 2], 40), ["one"] * 120, left_out=np.repeat([0, 1, 2], 40) > 0, order="time")
    with pytest.raises(UserError, match="the validation split is empty: 3 examples"):
        assign(labels_N, ids, order="time", test=0.4, validation=0.1)


def test_groups_that_each_hold_all_classes_are_shared_out_together() -> None:
    """Fonts: each has every letter, and there are fewer fonts than letters."""
    labels_N = np.tile(np.arange(50), 20)
    keys = [f"font {number // 50}" for number in range(1000)]
    splits_N = assign_splits(labels_N, keys, classes=[str(k) for k in range(50)], test=0.25, validation=0.15)
    fonts = {
        split: {keys[row] for row in np.flatnonzero(splits_N == split)} for split in ("train", "validation", "test")
    }
    assert {split: len(names) for split, names in fonts.items()} == {"train": 12, "validation": 3, "test": 5}
    assert sum(map(len, fonts.values())) == 20
