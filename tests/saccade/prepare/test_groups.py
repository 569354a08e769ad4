"""Who must stay together, against sets that are merged by hand."""

import numpy as np

from saccade.prepare.groups import equal_rows, group_keys


def by_hand(names: list[str], together: list[list[int]]) -> list[str]:
    sets = [{row} for row in range(len(names))]
    for rows in [*together, *([i for i, n in enumerate(names) if n == name] for name in set(names))]:
        joined = set().union(*(sets[row] for row in rows))
        for row in joined:
            sets[row] = joined
    return [min(names[row] for row in members) for members in sets]


def test_an_example_alone_keeps_its_name() -> None:
    assert group_keys(["b", "a", "c"]) == ["b", "a", "c"]
    assert group_keys([]) == []


def test_equal_names_and_what_is_listed_together_are_one_unit() -> None:
    assert group_keys(["d", "b", "d", "c", "a"], [[0, 1], [3, 4]]) == ["b", "b", "b", "a", "a"]


def test_a_copy_of_a_copy_belongs_to_both() -> None:
    assert group_keys(["e", "d", "c", "b", "a"], [[0, 1], [1, 2], [2, 4]]) == ["a", "a", "a", "b", "a"]


def test_the_same_as_sets_merged_one_by_one() -> None:
    random = np.random.default_rng(0)
    for count in (1, 2, 17, 60):
        names = [f"n{i}" for i in random.integers(0, 3 * count, count)]
        together = [random.integers(0, count, random.integers(0, 4)).tolist() for _ in range(count // 6)]
        assert group_keys(names, together) == by_hand(names, together)


def test_equal_rows_are_groups_of_those_asked_for() -> None:
    values_N = np.array(["b", "a", "b", "c", "a", "b", "d"])
    everything = np.ones(7, dtype=bool)
    assert equal_rows(values_N, everything) == [[0, 2, 5], [1, 4]]
    assert equal_rows(values_N, np.array([True, True, False, True, False, True, True])) == [[0, 5]]
    assert equal_rows(values_N[:0], everything[:0]) == []
