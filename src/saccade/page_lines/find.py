"""Lines of a page: levelled, letters joined to segments along the row, segments parted where rows touch, in order.

Letters closer together than ``JOINED`` letter heights are one segment; an item and its price, farther apart, are two,
as the lines of receipts were cut that networks are trained on. Rows are read from the top, each from left to right.

Shapes: H height, W width, C channels, N lines.
"""

from dataclasses import dataclass

import numpy as np

from saccade.page_lines.ink import Ink, find_ink, skew_degrees

JOINED = 1.3  # letter heights between letters of one line, at most
MARGIN = 0.25  # letter heights around the ink of a line
_MOST_PIXELS = 8_000_000  # lines are looked for on a page shrunk to this
_TOO_TALL = 2.2  # letter heights of a segment in which rows may touch


@dataclass(frozen=True)
class FoundLine:
    """A line of a page.

    Attributes:
        image: its pixels, levelled, uint8 (H, W) or (H, W, 3).
        corners_42: x and y of its corners in the page, from the upper left on clockwise, in pixels.
        row: number of its row, from 0 at the top.
    """

    image: np.ndarray
    corners_42: np.ndarray
    row: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width and height of the upright rectangle around it, in pixels of the page."""
        low, high = np.floor(self.corners_42.min(axis=0)), np.ceil(self.corners_42.max(axis=0))
        return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


@dataclass(frozen=True)
class FoundLines:
    """The lines of a page, in reading order.

    Attributes:
        lines: the lines.
        degrees: angle by which its rows fall to the right.
        has_columns: whether it looks like two columns of text, across which rows are read.
    """

    lines: tuple[FoundLine, ...]
    degrees: float
    has_columns: bool


def find_lines(page: np.ndarray) -> FoundLines:
    """Find the lines of a page.

    Args:
        page: uint8 (H, W), (H, W, 1) or (H, W, 3) in RGB.

    Returns:
        The lines; there may be none.
    """
    import cv2

    page = page[:, :, 0] if page.ndim == 3 and page.shape[2] == 1 else page
    grey_HW = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY) if page.ndim == 3 else page
    H, W = grey_HW.shape
    shrink = min(1.0, float(np.sqrt(_MOST_PIXELS / (H * W))))
    if shrink < 1:
        grey_HW = cv2.resize(grey_HW, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    ink = find_ink(grey_HW)
    if ink.letter_height == 0:
        return FoundLines((), 0.0, has_columns=False)
    degrees = skew_degrees(ink)
    level_23 = _levelling(degrees, grey_HW.shape)
    sides = _sides(level_23, grey_HW.shape)
    mask_HW = cv2.warpAffine(ink.mask, level_23, sides, flags=cv2.INTER_NEAREST) if degrees else ink.mask
    boxes_N4 = _segments(mask_HW, ink.letter_height)
    rows_N = row_numbers(boxes_N4)
    order = np.lexsort((boxes_N4[:, 0], rows_N))
    back_23 = cv2.invertAffineTransform(level_23)
    back_23 /= shrink  # to pixels of the page as it was given
    margin = MARGIN * ink.letter_height
    limit = np.array([W, H])
    lines = []
    for place in order.tolist():
        left, top, width, height = boxes_N4[place]
        x = np.array([left - margin, left + width + margin])
        y = np.array([top - margin, top + height + margin])
        corners_42 = (
            np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]]) @ back_23[:, :2].T + back_23[:, 2]
        )
        image = _cut(page, corners_42)
        lines.append(FoundLine(image, np.clip(corners_42, 0, limit), int(rows_N[place])))
    return FoundLines(tuple(lines), degrees, has_columns=_has_columns(boxes_N4, rows_N, ink))


def row_numbers(boxes_N4: np.ndarray) -> np.ndarray:
    """Which row each box is in: boxes whose heights overlap by half of the lower one share a row, from the top.

    Args:
        boxes_N4: left, top, width, height.

    Returns:
        Numbers from 0, int64 (N,).

    >>> row_numbers(np.array([[90, 11, 40, 10], [0, 10, 40, 10], [0, 30, 40, 12]])).tolist()
    [0, 0, 1]
    """
    rows_N = np.zeros(len(boxes_N4), np.int64)
    row, top, bottom = -1, 0.0, -1.0
    for place in np.argsort(boxes_N4[:, 1] + boxes_N4[:, 3] / 2, kind="stable").tolist():
        _, y, _, height = boxes_N4[place]
        shared = min(bottom, y + height) - max(top, y)
        if row < 0 or shared < 0.5 * min(bottom - top, height):
            row, top, bottom = row + 1, y, y + height
        else:  # the row's band follows its segments, as rows of a creased page do
            top, bottom = (top + y) / 2, (bottom + y + height) / 2
        rows_N[place] = row
    return rows_N


def _levelling(degrees: float, shape: tuple[int, ...]) -> np.ndarray:
    """The transform that levels rows, moved so that no corner of the page falls outside."""
    import cv2

    height, width = shape[:2]
    level_23 = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    level_23[:, 2] -= _moved_corners(level_23, shape).min(axis=0)
    return np.asarray(level_23)


def _moved_corners(level_23: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    height, width = shape[:2]
    corners_42 = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    moved_42: np.ndarray = corners_42 @ level_23[:, :2].T + level_23[:, 2]
    return moved_42


def _sides(level_23: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height of the levelled page."""
    width, height = np.ceil(_moved_corners(level_23, shape).max(axis=0)).astype(int).tolist()
    return width, height


def _segments(mask_HW: np.ndarray, letter_height: float) -> np.ndarray:
    """Left, top, width, height of the ink of each line, float (N, 4)."""
    import cv2

    across = max(3, round(JOINED * letter_height)) | 1
    joined_HW = cv2.morphologyEx(mask_HW, cv2.MORPH_CLOSE, np.ones((1, across), np.uint8))
    joined_HW = cv2.morphologyEx(joined_HW, cv2.MORPH_CLOSE, np.ones((max(1, round(0.3 * letter_height)), 1), np.uint8))
    _, labels_HW, stats, _ = cv2.connectedComponentsWithStats(joined_HW, connectivity=8)
    boxes = []
    for number, (left, top, width, height, _) in enumerate(stats.tolist()):
        if number == 0:
            continue
        inside = (slice(top, top + height), slice(left, left + width))
        ink_hw = (mask_HW[inside] > 0) & (labels_HW[inside] == number)
        for first, end in _parts(ink_hw, letter_height):
            columns = np.flatnonzero(ink_hw[first:end].any(axis=0))
            if len(columns) == 0:
                continue
            box = (left + columns[0], top + first, columns[-1] + 1 - columns[0], end - first)
            if box[3] >= 0.5 * letter_height and box[3] <= 4 * letter_height and box[2] >= 0.3 * letter_height:
                boxes.append(box)
    return np.array(boxes, np.float64).reshape(len(boxes), 4)


def _parts(ink_hw: np.ndarray, letter_height: float) -> list[tuple[int, int]]:
    """First row and end of each line of a segment: one, or several that touch, parted where the profile is least."""
    profile_h = ink_hw.sum(axis=1).astype(np.float64)
    height = len(profile_h)
    if height <= _TOO_TALL * letter_height:
        return [(0, height)]
    window = slice(round(0.7 * letter_height), height - round(0.7 * letter_height))
    inner = profile_h[window]
    if len(inner) == 0:
        return [(0, height)]
    lowest = int(inner.argmin())
    if inner[lowest] > 0.25 * np.percentile(profile_h, 75):
        return [(0, height)]  # a large letter or a picture
    cut = window.start + lowest
    halves = ((0, cut), (cut, height))
    return [(at + first, at + end) for at, stop in halves for first, end in _parts(ink_hw[at:stop], letter_height)]


def _cut(page: np.ndarray, corners_42: np.ndarray) -> np.ndarray:
    """The pixels of a line, levelled, at the page's own scale."""
    import cv2

    width = max(1, round(float(np.hypot(*(corners_42[1] - corners_42[0])))))
    height = max(1, round(float(np.hypot(*(corners_42[3] - corners_42[0])))))
    if corners_42[0, 1] == corners_42[1, 1]:  # level: no pixel is computed anew
        left, top = np.maximum(np.rint(corners_42[0]).astype(int), 0).tolist()
        return np.asarray(page[top : top + height, left : left + width])
    target = np.array([[0, 0], [width, 0], [width, height]], np.float32)
    to_23 = cv2.getAffineTransform(corners_42[:3].astype(np.float32), target)
    cut = cv2.warpAffine(page, to_23, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut)


def _has_columns(boxes_N4: np.ndarray, rows_N: np.ndarray, ink: Ink) -> bool:
    """Whether most rows are two long segments, parted at the same place: text in two columns, and no item and price."""
    width = ink.mask.shape[1]
    long_N = boxes_N4[:, 2] >= 0.25 * width
    rows = [np.flatnonzero((rows_N == row) & long_N) for row in np.unique(rows_N)]
    gutters = []
    for places in rows:
        if len(places) == 2:
            first, second = sorted(places.tolist(), key=lambda place: boxes_N4[place, 0])
            gutters.append((boxes_N4[first, 0] + boxes_N4[first, 2], boxes_N4[second, 0]))
    if len(gutters) < max(4, 0.5 * len(rows)):
        return False
    return max(end for end, _ in gutters) < min(start for _, start in gutters)
