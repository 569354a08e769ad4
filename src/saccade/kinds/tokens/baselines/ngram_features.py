"""How often short runs of tokens occur in a text, as rows of a sparse matrix.

A run of n tokens becomes one number of 64 bits by a hash, so that counting is sorting; that any two of ten million runs
share a number has a chance of 3 in a million. Runs may begin or end one step outside the text, where PAD stands: how a
name begins says more than what is somewhere in it.

Shapes: N texts, D features, R runs of all texts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.data.spec import PAD

_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd; 2**64 over the golden ratio
_START = np.uint64(0x123456789ABCDEF1)  # far from any id: where a start met an id, runs of other lengths came out equal


@dataclass(frozen=True)
class Runs:
    """Runs of tokens, text by text.

    Attributes:
        hashes: uint64 (R,).
        rows: int64 (R,), which text each is of.
        num_texts: N.
    """

    hashes: np.ndarray
    rows: np.ndarray
    num_texts: int


def runs_of(texts: Sequence[np.ndarray], lengths: Sequence[int]) -> Runs:
    """All runs of the given lengths.

    Args:
        texts: ids of each, (t,), without padding.
        lengths: in tokens, from 1; runs of one token do not reach outside the text.

    Returns:
        The runs.
    """
    ends = np.cumsum([0, *(len(text) + 2 for text in texts)])
    flat = np.full(ends[-1], PAD, dtype=np.uint64)
    row_of = np.repeat(np.arange(len(texts)), np.diff(ends))
    for start, text in zip(ends[:-1].tolist(), texts, strict=True):
        flat[start + 1 : start + 1 + len(text)] = text
    hashes, rows = [], []
    for length in lengths:
        mixed = np.full(max(0, len(flat) - length + 1), np.uint64(length) * _START)
        for i in range(length):
            mixed = (mixed ^ flat[i : i + len(mixed)]) * _FACTOR
            mixed ^= mixed >> np.uint64(29)
        last = length - 1
        is_inside = row_of[: len(mixed)] == row_of[last : last + len(mixed)]
        if length == 1:
            is_inside &= flat[: len(mixed)] != PAD
        hashes.append(mixed[is_inside])
        rows.append(row_of[: len(mixed)][is_inside])
    return Runs(np.concatenate(hashes), np.concatenate(rows), len(texts))


def choose_features(batches: Iterable[Runs], *, least_texts: int, most: int) -> np.ndarray:
    """The runs to look at: those that are in the most texts.

    Args:
        batches: runs of the training texts, some texts at a time.
        least_texts: a run that fewer texts hold says nothing of others.
        most: D at most.

    Returns:
        uint64 (D,), sorted.
    """
    once = []
    for runs in batches:
        order = np.lexsort((runs.hashes, runs.rows))
        hashes, rows = runs.hashes[order], runs.rows[order]
        is_new = np.ones(len(hashes), dtype=bool)  # the first time in its text
        is_new[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
        once.append(hashes[is_new])
    found, texts = np.unique(np.concatenate(once), return_counts=True)
    found, texts = found[texts >= least_texts], texts[texts >= least_texts]
    return np.sort(found[np.argsort(-texts, kind="stable")[:most]])


def count_features(runs: Runs, features: np.ndarray) -> Any:
    """How often each of the chosen runs occurs in each text.

    Args:
        runs: of any texts.
        features: uint64 (D,), sorted.

    Returns:
        A scipy CSR matrix (N, D), float32.
    """
    from scipy.sparse import csr_matrix

    places = np.minimum(np.searchsorted(features, runs.hashes), max(0, len(features) - 1))
    is_known = features[places] == runs.hashes if len(features) else np.zeros(len(places), dtype=bool)
    ones = np.ones(int(is_known.sum()), dtype=np.float32)
    shape = (runs.num_texts, max(1, len(features)))
    return csr_matrix((ones, (runs.rows[is_known], places[is_known])), shape=shape)
