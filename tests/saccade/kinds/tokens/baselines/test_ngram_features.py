"""Runs of tokens, against scikit-learn's CountVectorizer."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from saccade.kinds.tokens.baselines.ngram_features import choose_features, count_features, runs_of

TEXTS = ["abcab", "bca", "", "a", "cabcabc", "xyz", "abcab"]


def ids(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")


def framed(text: str, length: int) -> str:
    """With the step outside at both ends, where runs of one token do not go."""
    return text if length == 1 else f"|{text}|"


@pytest.mark.parametrize("lengths", [(1,), (2,), (3,), (1, 2, 3), (2, 4)])
def test_counts_are_those_of_scikit_learn(lengths: tuple[int, ...]) -> None:
    columns: dict[str, np.ndarray] = {}
    for length in lengths:
        counter = CountVectorizer(analyzer="char", ngram_range=(length, length), lowercase=False)
        try:
            counts = counter.fit_transform([framed(text, length) for text in TEXTS]).toarray()
        except ValueError:  # no run of that length
            continue
        columns |= {name: counts[:, column] for name, column in counter.vocabulary_.items()}
    runs = runs_of([ids(text) for text in TEXTS], lengths)
    features = choose_features([runs], least_texts=1, most=1000)
    ours = count_features(runs, features).toarray()
    assert ours.shape == (len(TEXTS), len(columns)) and ours.dtype == np.float32
    assert sorted(map(tuple, ours.T.tolist())) == sorted(map(tuple, np.array(list(columns.values())).tolist()))


def test_runs_in_few_texts_are_left_out_and_the_most_common_kept() -> None:
    runs = [runs_of([ids(text) for text in TEXTS[i : i + 3]], (1,)) for i in (0, 3, 6)]  # batch by batch
    assert len(choose_features(runs, least_texts=1, most=99)) == 6  # a b c x y z
    assert len(choose_features(runs, least_texts=2, most=99)) == 3
    everything = runs_of([ids(text) for text in TEXTS], (1,))
    best = choose_features(runs, least_texts=1, most=1)
    assert count_features(everything, best).toarray()[:, 0].tolist() == [2, 1, 0, 1, 2, 0, 2]  # a, in five texts


def test_runs_that_training_does_not_hold_count_for_nothing() -> None:
    features = choose_features([runs_of([ids("ab")], (1, 2))], least_texts=1, most=99)
    assert count_features(runs_of([ids("cd"), ids("b")], (1, 2)), features).toarray().sum(axis=1).tolist() == [0, 2]
    none = choose_features([runs_of([ids("ab")], (1, 2))], least_texts=2, most=99)
    assert count_features(runs_of([ids("ab")], (1, 2)), none).toarray().tolist() == [[0.0]]


def test_many_runs_have_numbers_of_their_own() -> None:
    rows = np.random.default_rng(0).integers(1, 60_000, size=(2000, 40))
    runs = runs_of(list(rows), (1, 2, 3))
    different = sum(len({tuple(run) for row in rows for run in windows(row, length)}) for length in (1, 2, 3))
    assert len(np.unique(runs.hashes)) == different


def windows(row: np.ndarray, length: int) -> list[list[int]]:
    framed_row = [0, *row.tolist(), 0] if length > 1 else row.tolist()
    return [framed_row[i : i + length] for i in range(len(framed_row) - length + 1)]
