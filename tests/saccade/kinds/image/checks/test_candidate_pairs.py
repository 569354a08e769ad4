"""Proposals: the same as comparing all with all, whatever the number of threads, and bounded.

Shapes: N pictures, S side.
"""

import numpy as np
import pytest
from scipy.fft import dctn

from saccade.kinds.image.checks import candidate_pairs
from saccade.kinds.image.checks.candidate_pairs import WINDOWS, find_lookalikes, signatures, window_edges


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """uint8 (N, 32, 32) of 4 x 4 blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (count, 8, 8), dtype=np.uint8)
    return blocks.repeat(4, axis=1).repeat(4, axis=2)


def test_the_signature_of_the_whole_is_a_weighted_cosine_transform() -> None:
    picture_SS = pictures(1)[0]
    spectrum = dctn(picture_SS.reshape(16, 2, 16, 2).mean((1, 3)), norm="ortho")
    numbers = [spectrum[u, v] * np.sqrt(u + v) for u in range(9) for v in range(9) if 1 <= u + v <= 8]
    expected = np.rint(127 * np.array(numbers) / np.linalg.norm(numbers))
    np.testing.assert_array_equal(signatures(picture_SS[None])[0, 0], expected)


def test_brightness_and_contrast_change_little_and_flat_pictures_have_hardly_any() -> None:
    picture_NSS = pictures(1)
    duller = (picture_NSS * 0.5 + 30).astype(np.uint8)
    assert np.abs(signatures(picture_NSS).astype(int) - signatures(duller)).max() <= 1
    assert not signatures(np.full((1, 32, 32), 77, np.uint8)).any()
    faint = np.full((1, 32, 32), 77, np.uint8)
    faint[0, 5, 5] += 1
    assert np.linalg.norm(signatures(faint)[0, 0].astype(int)) < 64  # half of the length: like nothing


def test_window_edges_are_fractions_of_the_side() -> None:
    window = WINDOWS.index((2, 3))
    np.testing.assert_allclose(
        window_edges(np.array([0, window]), 50), [[[0.0, 50.0], [0.0, 50.0]], [[0.0, 42.5], [7.5, 50.0]]]
    )


def by_comparing_all(pictures_NSS: np.ndarray) -> set[frozenset[int]]:
    signatures_NVD = signatures(pictures_NSS).astype(int)
    alike_NN = np.max(signatures_NVD[:, 0] @ signatures_NVD.transpose(1, 2, 0), axis=0).astype(float)  # whole, source
    np.fill_diagonal(alike_NN, -1)
    found = set()
    for whole, alike_N in enumerate(alike_NN):
        nearest = np.argsort(-alike_N, kind="stable")[:3]
        found |= {frozenset((whole, int(source))) for source in nearest if alike_N[source] > 0.75 * 127**2}
    return found


def clusters(count: int) -> np.ndarray:
    """Pictures in fours that are like each other, so that some have more partners than are kept."""
    noise = np.random.default_rng(1).normal(scale=25, size=(count, 32, 32))
    return np.clip(pictures(-(-count // 6)).repeat(6, axis=0)[:count] + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("most_pending", [10_000, 10])
def test_a_search_of_all_cells_finds_what_comparing_all_finds(
    most_pending: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate_pairs, "_MAX_PENDING", most_pending)
    monkeypatch.setattr(candidate_pairs, "_CELL", 60)  # five cells
    monkeypatch.setattr(candidate_pairs, "_BLOCK", 70)
    monkeypatch.setattr(candidate_pairs, "_TILE", 40)
    pictures_NSS = clusters(300)
    found = find_lookalikes(pictures_NSS, np.arange(300), lambda done: None)
    pairs = {frozenset(pair) for pair in zip(found.source.tolist(), found.whole.tolist(), strict=True)}
    assert pairs == by_comparing_all(pictures_NSS) and len(pairs) == len(found.source) > 300


def test_few_cells_of_many_find_nearly_all_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate_pairs, "_CELL", 10)
    monkeypatch.setattr(candidate_pairs, "_BLOCK", 70)
    pictures_NSS = clusters(600)
    done: list[int] = []
    one = find_lookalikes(pictures_NSS, np.arange(600), done.append, threads=1)
    four = find_lookalikes(pictures_NSS, np.arange(600), lambda done: None, threads=4)
    for name in ("source", "whole", "window"):
        np.testing.assert_array_equal(getattr(one, name), getattr(four, name))
    pairs = {frozenset(pair) for pair in zip(one.source.tolist(), one.whole.tolist(), strict=True)}
    everything = by_comparing_all(pictures_NSS)
    assert len(pairs & everything) > 0.9 * len(everything)
    assert done == [*range(70, 600, 70), 600]


def test_only_the_rows_asked_for_take_part() -> None:
    pictures_NSS = clusters(60)
    rows = np.array([1, 2, 3, 30, 31, 50])
    found = find_lookalikes(pictures_NSS, rows, lambda done: None)
    pairs = {frozenset(pair) for pair in zip(found.source.tolist(), found.whole.tolist(), strict=True)}
    assert pairs == {frozenset(pair) for pair in [(1, 2), (1, 3), (2, 3), (30, 31)]}


def test_of_many_that_are_all_alike_each_has_a_few_partners() -> None:
    same_NSS = pictures(1).repeat(2000, axis=0)
    found = find_lookalikes(same_NSS, np.arange(2000), lambda done: None)
    assert 2000 <= len(found.source) <= 6000
