"""Which pixels of a page are ink, and by how much its rows are turned.

The paper's brightness around each pixel is estimated by a closing (bright wins over dark strokes) and divided out, so
that shadows and grey paper do not matter; one threshold by Otsu's rule then parts ink from paper. Letters are connected
components of ink; the angle at which their centres pile up best in a projection profile is the page's.

Source: N. Otsu, "A Threshold Selection Method from Gray-Level Histograms", 1979; W. Postl, "Detection of Linear Oblique
Structures and Skew Scan in Digitized Documents", 1986 (the angle of greatest sum of squares of the profile).

Shapes: H height, W width, N components.
"""

from dataclasses import dataclass

import numpy as np

MOST_DEGREES = 8.0  # of skew that is looked for
_LEAST_CONTRAST = 40  # grey levels between ink and paper, once the paper is white
_LEAST_SIDE, _MOST_SHARE = 5, 0.1  # of a letter: pixels in height, and share of the page's larger side
_PAPER = 25  # the paper's brightness is estimated on the page shrunk to windows of about this many


@dataclass(frozen=True)
class Ink:
    """The ink of a page.

    Attributes:
        mask: 255 where there is ink of letters, else 0, uint8 (H, W).
        letters: left, top, width and height of each letter, float (N, 4).
        letter_height: usual height of a letter in pixels; 0: there is none.
    """

    mask: np.ndarray
    letters: np.ndarray
    letter_height: float


def find_ink(grey_HW: np.ndarray) -> Ink:
    """Part ink from paper, and letters from rules, pictures and specks.

    Args:
        grey_HW: the page, uint8, dark print on bright paper; a mostly dark page is taken for bright print.

    Returns:
        The ink of letters.
    """
    import cv2

    if np.median(grey_HW) < 80 and grey_HW.mean() < 80:
        grey_HW = 255 - grey_HW
    smooth_HW = cv2.GaussianBlur(grey_HW, (3, 3), 0)
    shrink = max(1, min(grey_HW.shape) // 400)
    small = cv2.resize(smooth_HW, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((_PAPER, _PAPER), np.uint8))
    paper = cv2.resize(cv2.blur(paper, (_PAPER, _PAPER)), grey_HW.shape[::-1], interpolation=cv2.INTER_LINEAR)
    flat_HW = cv2.divide(smooth_HW, np.maximum(paper, 1), scale=255)
    threshold, _ = cv2.threshold(flat_HW, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    is_ink_HW = flat_HW <= threshold
    nothing = Ink(np.zeros(grey_HW.shape, np.uint8), np.zeros((0, 4)), 0.0)
    if is_ink_HW.all() or not is_ink_HW.any():
        return nothing
    if float(flat_HW[~is_ink_HW].mean()) - float(flat_HW[is_ink_HW].mean()) < _LEAST_CONTRAST:
        return nothing
    _, labels_HW, stats, _ = cv2.connectedComponentsWithStats(is_ink_HW.astype(np.uint8), connectivity=8)
    left, top, width, height, area = stats.astype(np.float64).T
    is_letter = (height >= _LEAST_SIDE) & (height <= _MOST_SHARE * max(grey_HW.shape)) & (width <= 12 * height)
    is_letter &= area >= 8
    is_letter[0] = False  # the paper
    if not is_letter.any():
        return nothing
    # the height below which half of the ink of letters lies: specks are many, but hold little of it
    order = np.flatnonzero(is_letter)[np.argsort(height[is_letter], kind="stable")]
    usual = float(height[order][np.searchsorted(np.cumsum(area[order]), area[order].sum() / 2)])
    is_letter &= (height <= 3.5 * usual) & (height >= 0.35 * usual)
    # dots, dashes and commas belong to letters beside them; rules and pictures do not
    is_kept = is_letter | ((height < 0.35 * usual) & (width <= 1.5 * usual) & (area >= max(3.0, 0.01 * usual**2)))
    is_kept[0] = False
    mask_HW = np.where(is_kept[labels_HW], np.uint8(255), np.uint8(0))
    return Ink(mask_HW, np.stack([left, top, width, height], axis=1)[is_letter], usual)


def skew_degrees(ink: Ink) -> float:
    """The angle by which rows fall to the right, in degrees; 0 where there are too few letters to tell.

    Args:
        ink: ink of the page.

    Returns:
        Degrees, within ``MOST_DEGREES``.
    """
    if len(ink.letters) < 8:
        return 0.0
    x_N, y_N = ink.letters[:, 0] + ink.letters[:, 2] / 2, ink.letters[:, 1] + ink.letters[:, 3] / 2
    best = 0.0
    for reach, step in ((MOST_DEGREES, 0.25), (1.0, 0.05)):
        degrees = best + np.arange(-reach, reach + step / 2, step)
        peaks = np.array([_peakedness(x_N, y_N, one, ink.letter_height) for one in degrees])
        best = float(
            degrees[peaks >= 0.98 * peaks.max()].mean()
        )  # few letters have a plateau, of which the middle counts
    level = _peakedness(x_N, y_N, 0.0, ink.letter_height)
    return best if _peakedness(x_N, y_N, best, ink.letter_height) > 1.02 * level else 0.0


def _peakedness(x_N: np.ndarray, y_N: np.ndarray, degrees: float, letter_height: float) -> float:
    """The sum of squares of the profile of letters, whose bins are a quarter of a letter high."""
    turned_N = y_N * np.cos(np.radians(degrees)) - x_N * np.sin(np.radians(degrees))
    bins_N = np.floor((turned_N - turned_N.min()) / max(1.0, letter_height / 4)).astype(np.int64)
    counts = np.bincount(bins_N).astype(np.float64)
    smooth = np.convolve(counts, [0.5, 1.0, 0.5], mode="same")
    return float((smooth**2).sum())
