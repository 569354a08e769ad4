"""Pictures that are nearly the same: re-encoded, resized, made brighter or duller, cut at the sides.

Two steps. ``lookalikes.py`` proposes a few partners for each picture by their coarse forms; handwritten ones are all
alike in that, so that proposals alone cry wolf. ``registration.py`` then lays each pair one over the other as well as
it goes, and what is left of a difference decides.

Two limits hold for what is left, since two things differ between encodings of one picture. JPEG, rounding and clipping
leave an error of some grey levels, however strong the picture's own contrast; and in a dull picture those few levels
are the picture itself, hence a share of the contrast. Handwriting has the strongest contrast of all: strokes of another
hand differ by more grey levels than JPEG at quality 30 leaves.

A third limit is for pictures of one material: two tiles, two fields of cells under even light differ by little where
areas are averaged. Their grain is no other's, so that the finest forms must agree where there are any.

Shapes: N pictures, S side of a thumbnail, M pairs.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from saccade.core.cpu import usable_cores
from saccade.core.progress import Progress, no_progress
from saccade.kinds.image.checks.candidate_pairs import Candidates, find_lookalikes, window_edges
from saccade.kinds.image.checks.registration import area_weights, compare_details, register

THUMBNAIL_SIDE = 64  # fine enough that a grid of 16 can be laid over any window of it without blur

_LARGEST_DIFFERENCE = 5.0  # grey levels; JPEG at quality 30 leaves CIFAR-10 with 4; few handwritten digits differ less
_LARGEST_SHARE = 0.25  # of the contrast
_FINEST_AREA = 1.5  # pixels of the smaller picture: finer areas show how it was resized, not what is on it
# side, grid, steps, and how far beyond the limits a pair goes on: the cheap first ones leave few
_COARSE_STAGES = ((THUMBNAIL_SIDE // 2, 8, 2, 2.0), (THUMBNAIL_SIDE // 2, 8, 3, 1.0))
_FINE_STAGE = (THUMBNAIL_SIDE, 16, 6, 1.0)
_SMALL_STAGE = (THUMBNAIL_SIDE, 8, 3, 0.8)  # instead of the fine one; larger areas average more of the errors away
# Of copies of tiles, photographs and CIFAR-10 images 95 in 100 have details that correlate by 0.85 or more, of pairs of
# different tiles 95 in 100 by less than 0.4; details fainter than a grey level are rounding and noise of JPEG.
_DETAIL_GRID, _LEAST_CORRELATION, _FAINTEST_DETAILS = THUMBNAIL_SIDE // 2, 0.6, 1.0
_BLOCK_PAIRS = 512  # about 30 MB in each thread


_Stage = tuple[int, int, int, float]


@dataclass(frozen=True)
class NearPair:
    """Two rows of the thumbnails whose pictures are nearly the same.

    Attributes:
        first: the lower row.
        second: the higher row.
        difference: root mean square of what is left between them after alignment, in grey levels of 256.
    """

    first: int
    second: int
    difference: float


def thumbnail(image: np.ndarray) -> np.ndarray:
    """A small grey picture of a picture of any size: each pixel is the mean of the area it stands for.

    Sides stretch. Small pictures are not smoothed: an area within one pixel has that pixel's value.

    Args:
        image: uint8 (H, W), (H, W, 1) or (H, W, 3).

    Returns:
        uint8 (S, S).
    """
    from PIL import Image

    picture = Image.fromarray(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image).convert("L")
    factors = tuple(max(1, side // (2 * THUMBNAIL_SIDE)) for side in picture.size)
    reduced = np.asarray(picture.reduce(factors), dtype=np.float32)  # whole numbers of pixels, in fast integers
    down, across = (
        _thumbnail_weights(side, factor) for side, factor in zip(picture.size[::-1], factors[::-1], strict=True)
    )
    # A few lines at once: products this small stay in this thread, where larger ones wait for helpers on busy cores.
    lines = down.reshape(-1, 4, down.shape[1]) @ reduced @ across.T
    return np.rint(lines).astype(np.uint8).reshape(THUMBNAIL_SIDE, THUMBNAIL_SIDE)


@lru_cache(maxsize=1024)
def _thumbnail_weights(pixels: int, factor: int) -> np.ndarray:
    """float32 (S, pixels after reducing); the last of those may stand for fewer than ``factor``."""
    first, last = np.array(0.0), np.array(pixels / factor)
    return area_weights(first, last, -(-pixels // factor), THUMBNAIL_SIDE)


def find_near_duplicates(
    thumbnails_NSS: np.ndarray,
    *,
    sides_N2: np.ndarray | None = None,
    among: np.ndarray | None = None,
    progress: Progress = no_progress,
) -> list[NearPair]:
    """Find pairs of pictures that are nearly the same.

    Work and memory are bounded for each picture: at most three partners of it are looked at. Of many pictures that are
    all nearly the same, not every pair is given, but chains of pairs connect them. Of those with equal thumbnails each
    is paired with the first of them only. Pictures that are all but flat are paired when their thumbnails are equal.

    Args:
        thumbnails_NSS: of ``thumbnail``; may be memory-mapped.
        sides_N2: height and width of the pictures in pixels: small ones are compared on a coarser grid. None: none is.
        among: bool (N,) or row numbers to look at; None is all.
        progress: called with pictures, then with pairs, done so far.

    Returns:
        The pairs, the smallest difference first, then by row. The same for the same thumbnails.
    """
    rows = np.arange(len(thumbnails_NSS)) if among is None else np.arange(len(thumbnails_NSS))[np.asarray(among)]
    distinct, pairs = _set_equal_ones_aside(thumbnails_NSS, np.unique(rows))
    candidates = find_lookalikes(
        thumbnails_NSS, distinct, lambda done: progress("pictures compared", done, len(distinct))
    )
    area_N = np.full(len(thumbnails_NSS), np.inf) if sides_N2 is None else np.min(sides_N2, axis=1) / _FINE_STAGE[1]
    pairs += _confirm(thumbnails_NSS, candidates, area_N < _FINEST_AREA, progress)
    return sorted(pairs, key=lambda pair: (pair.difference, pair.first, pair.second))


def _set_equal_ones_aside(thumbnails_NSS: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, list[NearPair]]:
    """Rows whose thumbnails are distinct, and the others paired with one of those."""
    first_with: dict[bytes, int] = {}
    pairs = []
    for row in rows.tolist():
        first = first_with.setdefault(_digest(thumbnails_NSS[row]), row)
        if first != row:
            pairs.append(NearPair(first, row, 0.0))
    return np.array(list(first_with.values()), dtype=np.int64), pairs


def _digest(thumbnail_SS: np.ndarray) -> bytes:
    return hashlib.blake2b(thumbnail_SS.tobytes(), digest_size=16).digest()


def _confirm(
    thumbnails_NSS: np.ndarray, candidates: Candidates, is_small_N: np.ndarray, progress: Progress
) -> list[NearPair]:
    """The pairs whose difference is within both limits."""
    is_small_M = is_small_N[candidates.source] | is_small_N[candidates.whole]

    def confirm(work: tuple[np.ndarray, _Stage]) -> tuple[int, list[NearPair]]:
        pairs, last_stage = work
        source, whole = candidates.source[pairs], candidates.whole[pairs]
        edges_MA2, difference = window_edges(candidates.window[pairs], 1), np.zeros(len(pairs))
        for side, grid, steps, slack in (*_COARSE_STAGES, last_stage):
            sources_MSS, wholes_MSS = (_of_side(thumbnails_NSS[rows], side) for rows in (source, whole))
            found = register(sources_MSS, wholes_MSS, edges_MA2 * side, grid=grid, steps=steps)
            is_near = found.difference < slack * np.minimum(_LARGEST_DIFFERENCE, _LARGEST_SHARE * found.contrast)
            source, whole, edges_MA2 = source[is_near], whole[is_near], found.windows[is_near] / side
            difference = found.difference[is_near]
        if last_stage == _FINE_STAGE:
            correlation, strength = compare_details(
                thumbnails_NSS[source], thumbnails_NSS[whole], edges_MA2 * THUMBNAIL_SIDE, grid=_DETAIL_GRID
            )
            is_near = (correlation > _LEAST_CORRELATION) | (strength < _FAINTEST_DETAILS)
            source, whole, difference = source[is_near], whole[is_near], difference[is_near]
        low, high = np.minimum(source, whole), np.maximum(source, whole)
        return len(pairs), [NearPair(int(a), int(b), float(d)) for a, b, d in zip(low, high, difference, strict=True)]

    work = [
        (pairs[start : start + _BLOCK_PAIRS], last_stage)
        for pairs, last_stage in (
            (np.flatnonzero(~is_small_M), _FINE_STAGE),
            (np.flatnonzero(is_small_M), _SMALL_STAGE),
        )
        for start in range(0, len(pairs), _BLOCK_PAIRS)
    ]
    confirmed, done = [], 0
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="confirm") as pool:
        for count, near in pool.map(confirm, work):
            confirmed += near
            done += count
            progress("pairs compared", done, len(is_small_M))
    return confirmed


def _of_side(pictures_MSS: np.ndarray, side: int) -> np.ndarray:
    M, S, _ = pictures_MSS.shape
    return pictures_MSS.reshape(M, side, S // side, side, S // side).mean((2, 4), dtype=np.float32)
