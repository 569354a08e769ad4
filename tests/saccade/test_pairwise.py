"""A few combinations hold every pair of values."""

import itertools

from pairwise import pairwise, slow_but_pairwise

AXES = ("abc", (1, 2, 3, 4), (False, True), "xyz")


def test_every_two_values_meet_in_few_combinations() -> None:
    chosen = pairwise(*AXES)
    for (i, one), (j, other) in itertools.combinations(enumerate(AXES), 2):
        assert {(row[i], row[j]) for row in chosen} == set(itertools.product(one, other))
    assert 12 <= len(chosen) <= 16 and pairwise(*AXES) == chosen  # of 72; 3 x 4 is the least


def test_the_others_are_slow() -> None:
    rows = slow_but_pairwise(*AXES)
    assert [row for row, _ in rows] == list(itertools.product(*AXES))
    assert {row for row, marks in rows if not marks} == set(pairwise(*AXES))
