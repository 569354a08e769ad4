"""Edits against a plain dynamic programme."""

import numpy as np
import pytest

from saccade.transcripts.edits import align, count_edits


def by_table(truth: str, read: str) -> int:
    """Wagner and Fischer's table, cell by cell."""
    table = np.zeros((len(truth) + 1, len(read) + 1), int)
    table[:, 0], table[0] = range(len(truth) + 1), range(len(read) + 1)
    for i, t in enumerate(truth, start=1):
        for j, r in enumerate(read, start=1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (t != r))
    return int(table[-1, -1])


def drawn_pairs() -> list[tuple[str, str]]:
    rng = np.random.default_rng(0)
    return [tuple("".join(rng.choice(list("ab ç"), rng.integers(0, 9))) for _ in range(2)) for _ in range(60)]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("truth", "read"), [("", ""), ("", "ab"), ("ab", ""), ("RM 12.50", "RM12,50 "), *drawn_pairs()]
)
def test_edits_are_those_of_a_plain_dynamic_programme(truth: str, read: str) -> None:
    assert count_edits(truth, read) == by_table(truth, read)
    found = align(truth, read)
    assert sum(edit.kind != "same" for edit in found) == by_table(truth, read)


@pytest.mark.parametrize(
    ("truth", "read"), [("TOTAL 5.00", "T0TAL5.000"), ("abc", ""), ("", "xy"), *drawn_pairs()[:20]]
)
def test_an_alignment_spells_both_texts(truth: str, read: str) -> None:
    found = align(truth, read)
    assert "".join(truth[e.truth] for e in found if e.kind != "inserted") == truth
    assert "".join(read[e.read] for e in found if e.kind != "missed") == read
    assert all(
        (truth[e.truth] == read[e.read]) == (e.kind == "same") for e in found if e.kind in ("same", "substituted")
    )


def test_sequences_of_words_and_of_ids_are_compared_whole() -> None:
    assert count_edits(["TOTAL", "RM", "5.00"], ["TOTAL", "5.OO"]) == 2
    assert count_edits([-1, 5, 5], [1, 5, 5]) == 1
