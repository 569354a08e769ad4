"""Which pictures may show the same: for each the few whose coarse forms are most alike, found without comparing all.

A perceptual hash keeps the signs of a picture's lowest frequencies; a signature here keeps their sizes, too, which
ranks a picture's true partner first far more often. A crop moves everything, so that each whole picture is compared
with a few windows of all others. Those lie in cells around some of the pictures, and only the cells nearest to the one
in question are searched: the work grows little faster than the number of pictures.

Signatures are whole numbers, small enough that float32 adds their products exactly: the same result whatever the number
of threads and the library underneath.

Shapes: N pictures, S side, V windows, F frequencies along one axis, D numbers of a signature, K partners of a picture.
"""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from saccade.core.cpu import usable_cores
from saccade.kinds.image.checks.registration import area_weights

_HIGHEST = 8  # down and across together, in half waves: up to there crops of other shape than the windows' still fit
_AREAS = 16  # a line is cut into before its frequencies are taken
_CUTS = ((0.0, 0.0), (0.05, 0.05), (0.0, 0.15), (0.15, 0.0))  # of a side, at its two ends
WINDOWS = tuple(itertools.product(range(len(_CUTS)), repeat=2))  # cuts down and across; the first is the whole
_FREQUENCIES = tuple(
    (down, across) for down in range(_HIGHEST + 1) for across in range(_HIGHEST + 1) if 1 <= down + across <= _HIGHEST
)
_LENGTH = 127  # of a signature, so that its numbers fit into a byte
_FAINTEST = (
    1.0  # contrast in grey levels that counts as full; what is flatter has a short signature and is like nothing
)
_LEAST_ALIKE = 0.75  # cosine; of crops of photographs that cut a fifth off one corner, 93 in 100 reach 0.8
_MAX_PARTNERS = 3
_CELL = 512  # pictures for each cell, on average
_CELLS_SEARCHED = 5
_BLOCK = 1024  # pictures whose partners are searched at once
_TILE = 8192  # windows compared at once: memory stays bounded where all pictures are alike and in one cell
_MAX_PENDING = 10_000  # hits that wait to be ranked


@dataclass(frozen=True)
class Candidates:
    """Pairs that may show the same, ordered by ``source`` and then by ``whole``; each pair of rows is there once.

    Attributes:
        source: int64 (M,), rows of pictures.
        whole: int64 (M,), rows of their partners, which look like a window of the source.
        window: int64 (M,), which one: an index of WINDOWS.
    """

    source: np.ndarray
    whole: np.ndarray
    window: np.ndarray


def window_edges(window_M: np.ndarray, side: int) -> np.ndarray:
    """First and last edge of windows, down and across, in pixels of a picture of ``side``: float32 (M, 2, 2)."""
    edges_C2 = np.array([(start, 1 - end) for start, end in _CUTS], dtype=np.float32) * side
    return edges_C2[np.array(WINDOWS)[window_M]]


def signatures(pictures_NSS: np.ndarray) -> np.ndarray:
    """Signatures of every window of pictures: int8 (N, V, D)."""
    S = pictures_NSS.shape[1]
    edges_C2 = np.array([(start, 1 - end) for start, end in _CUTS]) * S
    areas_CAS = area_weights(edges_C2[:, 0], edges_C2[:, 1], S, _AREAS)
    frequency_F1, position_A = np.arange(_HIGHEST + 1)[:, None], np.arange(_AREAS) + 0.5
    cosines_FA = np.cos(np.pi / _AREAS * frequency_F1 * position_A) * np.where(frequency_F1 == 0, np.sqrt(0.5), 1)
    lines_LS = (cosines_FA * 2 / _AREAS @ areas_CAS).reshape(-1, S)  # (C, F, S) -> (C F, S)
    spectra_NLL = lines_LS @ pictures_NSS.astype(np.float64) @ lines_LS.T
    first_V2, frequency_D2 = np.array(WINDOWS) * (_HIGHEST + 1), np.array(_FREQUENCIES)
    down_VD, across_VD = (first_V2[:, axis, None] + frequency_D2[:, axis] for axis in range(2))
    # Photographs have ever less of the higher frequencies, which tell them apart better than the lowest do.
    values_NVD = spectra_NLL[:, down_VD, across_VD] * np.sqrt(frequency_D2.sum(1))
    norm_NV1 = np.linalg.norm(values_NVD, axis=2, keepdims=True)
    return np.rint(values_NVD * (_LENGTH / np.maximum(norm_NV1, 2 * _FAINTEST))).astype(np.int8)


def find_lookalikes(
    pictures_NSS: np.ndarray, rows_N: np.ndarray, report: Callable[[int], None], threads: int | None = None
) -> Candidates:
    """The partners of each picture, at most ``K`` that it is looked for in.

    Args:
        pictures_NSS: uint8, may be memory-mapped.
        rows_N: which rows to look at, ascending.
        report: called with the number of pictures whose partners were searched.
        threads: None takes one a core. Changes nothing in the result.

    Returns:
        The pairs.
    """
    if len(rows_N) == 0:
        return _once(_no_hits(), rows_N)
    pivot_rows = rows_N[np.linspace(0, len(rows_N) - 1, -(-len(rows_N) // _CELL)).astype(int)]
    pivots_DP = signatures(pictures_NSS[pivot_rows])[:, 0].T.astype(np.float32)
    starts = range(0, len(rows_N), _BLOCK)

    def describe(start: int) -> tuple[np.ndarray, np.ndarray]:
        windows_ND = signatures(pictures_NSS[rows_N[start : start + _BLOCK]]).reshape(-1, len(_FREQUENCIES))
        return windows_ND, (windows_ND.astype(np.float32) @ pivots_DP).argmax(1)

    with ThreadPoolExecutor(threads or usable_cores(), thread_name_prefix="lookalikes") as pool:
        windows, cells = (np.concatenate(parts) for parts in zip(*pool.map(describe, starts), strict=True))
        wholes_ND = windows[:: len(WINDOWS)].copy()
        members = _Members(windows, cells, pivots_DP)
        found = []
        for start, hits in zip(
            starts, pool.map(lambda i: members.search(i, wholes_ND[i : i + _BLOCK]), starts), strict=True
        ):
            found.append(hits)
            report(min(start + _BLOCK, len(rows_N)))
    return _once(np.concatenate(found), rows_N)


_HIT = np.dtype([("source", np.int64), ("whole", np.int64), ("window", np.int64), ("alike", np.float32)])


def _no_hits() -> np.ndarray:
    return np.zeros(0, _HIT)


class _Members:
    """Signatures of all windows, each in the cell of the pivot that it is most like; the pivots are whole pictures."""

    def __init__(self, windows_ND: np.ndarray, cells_N: np.ndarray, pivots_DP: np.ndarray) -> None:
        self.order = np.argsort(cells_N, kind="stable")
        self.signatures_ND = windows_ND[self.order]
        self.bounds = np.searchsorted(cells_N[self.order], np.arange(pivots_DP.shape[1] + 1))
        self.pivots_DP = pivots_DP

    def search(self, first: int, wholes_BD: np.ndarray) -> np.ndarray:
        """The partners of the pictures ``first``, ``first + 1``, ...: _HIT."""
        wholes_BD = wholes_BD.astype(np.float32)
        limit_B = np.full(len(wholes_BD), _LEAST_ALIKE * _LENGTH**2, np.float32)
        best, pending, num_pending = _no_hits(), [_no_hits()], 0
        is_asked_BP = self._nearest_cells(wholes_BD)
        for cell, (start, end) in enumerate(itertools.pairwise(self.bounds)):
            asked_b = np.flatnonzero(is_asked_BP[:, cell])
            for tile in range(start, end if len(asked_b) else start, _TILE):
                members_mD = self.signatures_ND[tile : min(tile + _TILE, end)].astype(np.float32)
                alike_bm = wholes_BD[asked_b] @ members_mD.T
                b, m = np.nonzero(alike_bm > limit_B[asked_b, None])
                hits = np.zeros(len(b), _HIT)
                hits["source"], hits["window"] = np.divmod(self.order[tile + m], len(WINDOWS))
                hits["whole"], hits["alike"] = asked_b[b] + first, alike_bm[b, m]
                pending.append(hits[hits["source"] != hits["whole"]])
                num_pending += len(pending[-1])
                if num_pending > _MAX_PENDING:
                    best, pending, num_pending = _best(np.concatenate([best, *pending])), [], 0
                    last = best[_MAX_PARTNERS - 1 :]
                    last = last[last["whole"] == best[: len(last)]["whole"]]
                    limit_B[last["whole"] - first] = last["alike"]
        return _best(np.concatenate([best, *pending]))

    def _nearest_cells(self, wholes_BD: np.ndarray) -> np.ndarray:
        """Bool (B, P): whether to search that cell for that picture."""
        alike_BP = wholes_BD @ self.pivots_DP
        if alike_BP.shape[1] <= _CELLS_SEARCHED:
            return np.ones(alike_BP.shape, dtype=bool)
        return alike_BP >= -np.partition(-alike_BP, _CELLS_SEARCHED - 1)[:, _CELLS_SEARCHED - 1, None]


def _best(hits: np.ndarray) -> np.ndarray:
    """Of each whole the K sources most like it, each through its best window; the most alike first."""
    assert len(WINDOWS) <= 1 << 4 and _BLOCK <= 1 << 14 and 1.5 * _LENGTH**2 < 1 << 15
    whole = (
        hits["whole"] - hits["whole"].min() if len(hits) else hits["whole"]
    ) << 49  # one number for each hit: faster than several keys
    unlike = (1 << 15) - 1 - hits["alike"].astype(np.int64)
    order = np.argsort(whole | hits["source"] << 19 | unlike << 4 | hits["window"])
    is_new = np.diff((whole | hits["source"])[order], prepend=-1) != 0
    order = order[is_new]
    order = order[np.argsort((whole | unlike << 34 | hits["source"])[order])]
    hits = hits[order]
    rank = np.arange(len(hits)) - np.searchsorted(hits["whole"], hits["whole"])
    return hits[rank < _MAX_PARTNERS]


def _once(hits: np.ndarray, rows_N: np.ndarray) -> Candidates:
    """Each pair in the direction in which it is more alike, as rows of the pictures."""
    low, high = np.minimum(hits["source"], hits["whole"]), np.maximum(hits["source"], hits["whole"])
    order = np.lexsort((hits["source"], -hits["alike"], high, low))
    is_new = (np.diff(low[order], prepend=-1) != 0) | (np.diff(high[order], prepend=-1) != 0)
    hits = hits[order[is_new]]
    hits = hits[np.lexsort((hits["whole"], hits["source"]))]
    return Candidates(rows_N[hits["source"]], rows_N[hits["whole"]], hits["window"])
