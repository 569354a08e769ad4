"""How one picture lies in another: the window of the first that shows what the whole second shows.

Sides may be cut and stretched, each by its own amount; turning and mirroring are not looked for. Both pictures are
averaged over the same areas, with parts of pixels weighted as such: a window found right leaves no difference at all
where the pixels are equal, and that is what makes a difference mean something.

Shapes: M pairs, S side of a picture, G side of the grid of areas that are compared, A the axes (down, across).
"""

from dataclasses import dataclass

import numpy as np

_LONGEST_STEP = 2.0  # pixels an edge may move at once: further than that a gradient says nothing
_DAMPING = (1e-2, 0.3, 10.0)  # of a step: at first, its factor after one that helped, and after one that did not
_SHORTEST_SIDE, _LONGEST_SIDE = 0.7, 1.1  # of a window, in sides of its picture
_LEAST_OVERLAP = 0.7  # of the areas, inside both pictures


@dataclass(frozen=True)
class Registration:
    """What was found for each pair.

    Attributes:
        windows: float32 (M, A, 2), first and last edge of the window, in pixels.
        difference: float32 (M,), root mean square over the areas that lie in both pictures, each picture with its mean
            taken away and scaled to the contrast of both (their geometric mean). In grey levels.
        contrast: float32 (M,), that contrast: a standard deviation in grey levels.
    """

    windows: np.ndarray
    difference: np.ndarray
    contrast: np.ndarray


def area_weights(first: np.ndarray, last: np.ndarray, pixels: int, areas: int) -> np.ndarray:
    """What each pixel of a line adds to the mean of each area of a window.

    Args:
        first: where windows begin, in pixels from the line's beginning, (...).
        last: where they end, (...).
        pixels: of the line.
        areas: of equal length that a window is cut into.

    Returns:
        float32 (..., areas, pixels); an area that lies inside the line has the sum 1, outside 0.
    """
    length = (last - first)[..., None] / areas
    edges = (first[..., None] + length * np.arange(areas + 1)).astype(np.float32)
    covered = np.clip(edges[..., None] - np.arange(pixels, dtype=np.float32), 0, 1)  # of each pixel, before each edge
    return np.diff(covered, axis=-2) / length[..., None].astype(np.float32)


def register(
    sources_MSS: np.ndarray, wholes_MSS: np.ndarray, windows_MA2: np.ndarray, *, grid: int, steps: int
) -> Registration:
    """Find the window of each source that shows what its partner shows, by Gauss-Newton from a first guess.

    Brightness and contrast do not matter: each step fits them anew.

    Args:
        sources_MSS: pictures to find a window of, uint8 or float.
        wholes_MSS: their partners.
        windows_MA2: the guesses, in pixels; a tenth of the side off is near enough.
        grid: G; divides S.
        steps: how often each window is moved; the best one counts, the guess among them.

    Returns:
        Windows and what is left of a difference there.
    """
    sources_MSS = sources_MSS.astype(np.float32)
    M, S, _ = sources_MSS.shape
    wholes_MGG = wholes_MSS.reshape(M, grid, S // grid, grid, S // grid).mean((2, 4), dtype=np.float32)
    windows = windows_MA2.astype(np.float32)
    damping, lower, higher = _DAMPING
    damping_M = np.full(M, damping, np.float32)
    best = Registration(windows.copy(), np.full(M, np.inf, np.float32), np.zeros(M, np.float32))
    for step in range(steps + 1):
        view = _view(sources_MSS, windows, grid)
        compared = _compare(view.seen, view.inside, wholes_MGG)
        is_better_M = compared.difference < best.difference
        best.windows[is_better_M] = windows[is_better_M]
        best.difference[is_better_M] = compared.difference[is_better_M]
        best.contrast[is_better_M] = compared.contrast[is_better_M]
        if step < steps:
            damping_M *= np.where(is_better_M, lower, higher)
            windows = _within_bounds(windows + _step(view, compared, damping_M), S)
    return best


def compare_details(
    sources_MSS: np.ndarray, wholes_MSS: np.ndarray, windows_MA2: np.ndarray, *, grid: int
) -> tuple[np.ndarray, np.ndarray]:
    """Whether two pictures that are laid over each other have their finest forms in common, too.

    Args:
        sources_MSS: pictures.
        wholes_MSS: their partners.
        windows_MA2: what of each source shows its partner, in pixels, from ``register``.
        grid: G; divides S, and is even. A detail is what an area has beyond the mean of the 2x2 it is in.

    Returns:
        float32 (M,) each: the correlation of the details, and the weaker ones' root mean square in grey levels.
    """
    M, S, _ = sources_MSS.shape
    view = _view(sources_MSS.astype(np.float32), windows_MA2.astype(np.float32), grid)
    wholes_MGG = wholes_MSS.reshape(M, grid, S // grid, grid, S // grid).mean((2, 4), dtype=np.float32)
    seen_MGG, there_MGG = (_details(values_MGG) * view.inside for values_MGG in (view.seen, wholes_MGG))
    strengths = [np.sqrt(_mean(details_MGG**2, view.inside)) for details_MGG in (seen_MGG, there_MGG)]
    together_M = _mean(seen_MGG * there_MGG, view.inside)
    return together_M / np.maximum(strengths[0] * strengths[1], 1e-6), np.minimum(*strengths)


def _details(values_MGG: np.ndarray) -> np.ndarray:
    M, G, _ = values_MGG.shape
    means = values_MGG.reshape(M, G // 2, 2, G // 2, 2).mean((2, 4))
    return values_MGG - means.repeat(2, axis=1).repeat(2, axis=2)


@dataclass(frozen=True)
class _View:
    seen: np.ndarray  # (M, G, G), sources through their windows
    inside: np.ndarray  # (M, G, G), 1 where the area lies in the source
    changes: np.ndarray  # (M, 4, P), of what is seen in the P = G * G areas when one of the edges moves by a pixel


def _view(sources_MSS: np.ndarray, windows_MA2: np.ndarray, grid: int) -> _View:
    M, S, _ = sources_MSS.shape
    first, last = windows_MA2[..., 0], windows_MA2[..., 1]
    weights_MAGS = area_weights(first, last, S, grid)
    down_MGS, across_MSG = weights_MAGS[:, 0], weights_MAGS[:, 1].transpose(0, 2, 1)
    halfway_MGS, halfway_MSG = down_MGS @ sources_MSS, sources_MSS @ across_MSG
    is_inside_MAG = weights_MAGS.sum(3) > 0.999
    # When an area's border moves, what changes is what lies under the border, between the two nearest pixels.
    part_E = np.linspace(0, 1, grid + 1, dtype=np.float32)
    borders_MAE = first[..., None] + (last - first)[..., None] * part_E
    centres_S = np.arange(S, dtype=np.float32) + 0.5
    under_MAES = np.maximum(1 - np.abs(borders_MAE[..., None] - centres_S), 0)
    per_pixel_MA = grid / (last - first)
    changes = []
    for axis, under in enumerate(
        (under_MAES[:, 0] @ halfway_MSG, (halfway_MGS @ under_MAES[:, 1].transpose(0, 2, 1)).transpose(0, 2, 1))
    ):
        for moves_E in (1 - part_E, part_E):  # how far each border moves with the first edge, and with the last
            change = np.diff(under * moves_E[:, None], axis=1) * per_pixel_MA[:, axis, None, None]
            changes.append((change if axis == 0 else change.transpose(0, 2, 1)).reshape(M, grid * grid))
    inside_MGG = (is_inside_MAG[:, 0, :, None] & is_inside_MAG[:, 1, None, :]).astype(np.float32)
    return _View(halfway_MGS @ across_MSG, inside_MGG, np.stack(changes, 1))


@dataclass(frozen=True)
class _Compared:
    seen: np.ndarray  # (M, G, G), the source through its window, of mean 0 and standard deviation 1; 0 outside
    left: np.ndarray  # (M, G, G), what the partner, likewise, has beyond the best multiple of it
    gain: np.ndarray  # (M,), that multiple, for what one grey level is there
    difference: np.ndarray
    contrast: np.ndarray


def _compare(seen_MGG: np.ndarray, inside_MGG: np.ndarray, wholes_MGG: np.ndarray) -> _Compared:
    seen_MGG, seen_deviation_M = _standardised(seen_MGG, inside_MGG)
    wholes_MGG, whole_deviation_M = _standardised(wholes_MGG, inside_MGG)
    correlation_M = _mean(seen_MGG * wholes_MGG, inside_MGG)
    contrast_M = np.sqrt(seen_deviation_M * whole_deviation_M)
    difference_M = contrast_M * np.sqrt(np.maximum(2 - 2 * correlation_M, 0))
    difference_M[inside_MGG.mean((1, 2)) < _LEAST_OVERLAP] = np.inf
    left_MGG = wholes_MGG - correlation_M[:, None, None] * seen_MGG
    return _Compared(seen_MGG, left_MGG, correlation_M / np.maximum(seen_deviation_M, 1e-3), difference_M, contrast_M)


def _mean(values_MGG: np.ndarray, inside_MGG: np.ndarray) -> np.ndarray:
    return (values_MGG * inside_MGG).sum((1, 2)) / np.maximum(inside_MGG.sum((1, 2)), 1)


def _standardised(values_MGG: np.ndarray, inside_MGG: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centred_MGG = (values_MGG - _mean(values_MGG, inside_MGG)[:, None, None]) * inside_MGG
    deviation_M = np.sqrt(_mean(centred_MGG**2, inside_MGG))
    return centred_MGG / np.maximum(deviation_M, 1e-3)[:, None, None], deviation_M


def _step(view: _View, compared: _Compared, damping_M: np.ndarray) -> np.ndarray:
    """A damped Gauss-Newton step of the four edges; mean and multiple are fitted, hence taken out of each change."""
    M, _, P = view.changes.shape
    inside_M1P, seen_M1P = view.inside.reshape(M, 1, P), compared.seen.reshape(M, 1, P)
    areas_M11 = np.maximum(inside_M1P.sum(2, keepdims=True), 1)
    changes_M4P = view.changes * inside_M1P
    changes_M4P -= changes_M4P.sum(2, keepdims=True) / areas_M11 * inside_M1P
    changes_M4P -= changes_M4P @ seen_M1P.transpose(0, 2, 1) / areas_M11 * seen_M1P
    changes_M4P *= compared.gain[:, None, None]
    normal_M44 = changes_M4P @ changes_M4P.transpose(0, 2, 1)
    damping_M = damping_M * np.trace(normal_M44, axis1=1, axis2=2) / 4 + 1e-6
    normal_M44 += damping_M[:, None, None] * np.eye(4, dtype=np.float32)
    step_M4 = np.linalg.solve(normal_M44, changes_M4P @ compared.left.reshape(M, P, 1))[..., 0]
    return np.clip(step_M4, -_LONGEST_STEP, _LONGEST_STEP).reshape(M, 2, 2)


def _within_bounds(windows_MA2: np.ndarray, S: int) -> np.ndarray:
    centre_MA, side_MA = windows_MA2.mean(2), np.diff(windows_MA2)[..., 0]
    half_MA = np.clip(side_MA, _SHORTEST_SIDE * S, _LONGEST_SIDE * S) / 2
    return np.stack([centre_MA - half_MA, centre_MA + half_MA], 2)
