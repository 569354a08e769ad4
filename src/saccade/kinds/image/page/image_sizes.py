"""Sections of the dataset report: how large and how bright the pictures were, and which are unlike the others.

Shapes: N images, R readable ones, S side of a thumbnail.
"""

from collections.abc import Sequence

import numpy as np

from saccade.display.page import Cell, Gallery, Group, Line, PageBlock, Section, Share, Table, percent
from saccade.kinds.image.page.checked import Checked

_FEW_SIZES = 8
_UNUSUAL_PIXELS = 4  # times as many pixels as the median, or as few: half or twice the sides
_MAX_NAMED = 20
_LEAST_STRETCH = 1.01  # a picture's proportions were changed if they were off by more than that factor
_MAX_SHOWN = 8
_BLOCK = 256  # thumbnails whose grey levels are held at a time
_FENCE = 3  # widths of the middle half
_LEAST_FENCE = 20  # grey levels; where nearly all are equally bright, a little difference is not unusual
_BLANK = 2  # grey levels of standard deviation
_LEVELS = 32  # a bar of the histogram


def fit_line(checked: Checked, shape: Sequence[int], fit: str) -> Line:
    """How pictures of other proportions were brought to the size of training.

    Args:
        checked: whose sides are compared.
        shape: (H, W, C) of the prepared images.
        fit: stretch, crop or pad.

    Returns:
        How many were changed, and by how much at most.
    """
    rows = np.flatnonzero(checked.inspected.is_readable)
    sides_R2 = checked.inspected.sides[rows].astype(np.float64)
    factor_R = sides_R2[:, 0] / sides_R2[:, 1] * shape[1] / shape[0]
    factor_R = np.maximum(factor_R, 1 / factor_R)
    changed = int((factor_R > _LEAST_STRETCH).sum())
    if not changed:
        return ("All pictures had the proportions of the prepared ones, to within 1 %.",)
    worst = int(factor_R.argmax())
    factor, lost = float(factor_R[worst]), percent(1 - 1 / float(factor_R[worst]))
    height, width = sides_R2[worst].astype(int)
    what, how_much = {
        "stretch": ("stretched", f"one side {factor:.2f} times as much as the other"),
        "crop": ("cropped in the middle", f"losing {lost} of the picture"),
        "pad": ("padded with black", f"which then covers {lost}"),
    }[fit]
    return (
        f"{changed:,} of {len(rows):,} pictures ({percent(changed / len(rows))}) had other proportions and were "
        f"{what}, most of all ",
        checked.name(rows[worst]),
        f" ({height} × {width}): {how_much}.",
    )


def sizes(checked: Checked, shape: Sequence[int]) -> Section:
    """Original sizes: the most frequent, and the unusual by name.

    Args:
        checked: whose sides are counted.
        shape: (H, W, C) of the prepared images.

    Returns:
        One line where all are of one size.
    """
    rows = np.flatnonzero(checked.inspected.is_readable)
    sides_R2 = checked.inspected.sides[rows].astype(np.int64)
    distinct, counts = np.unique(sides_R2[:, 0] << 32 | sides_R2[:, 1], return_counts=True)
    if len(distinct) == 1:
        height, width = sides_R2[0]
        line = (f"All pictures were {height} × {width} pixels (height × width).",)
        return Section("sizes", "Original sizes", f"all {height} × {width}", lines=[line])
    area_R = sides_R2.prod(axis=1)
    smallest, largest = sides_R2[area_R.argmin()], sides_R2[area_R.argmax()]
    enlarged = int(((sides_R2[:, 0] < shape[0]) | (sides_R2[:, 1] < shape[1])).sum())
    lines: list[Line] = [
        (
            f"{len(distinct):,} different sizes, height × width in pixels: the smallest {smallest[0]} × {smallest[1]}, "
            f"the largest {largest[0]} × {largest[1]}. {f'{enlarged:,} of {len(rows):,}' if enlarged else 'None'} had "
            f"a side shorter than the prepared {shape[0]} × {shape[1]}, so that it was enlarged.",
        )
    ]
    frequent = np.argsort(-counts, kind="stable")[:_FEW_SIZES]
    size_counts = [(f"{distinct[i] >> 32} × {distinct[i] & 0xFFFFFFFF}", int(counts[i])) for i in frequent]
    if rest := len(rows) - sum(count for _, count in size_counts):
        size_counts.append((f"{len(distinct) - len(frequent):,} other sizes", rest))
    blocks: list[PageBlock] = [_bars("size", size_counts)]
    if len(distinct) > _FEW_SIZES:
        blocks.append(_bars("shorter side", _doublings(sides_R2.min(axis=1))))

    median = float(np.median(area_R))
    ratio_R = np.maximum(area_R / median, median / area_R)
    unusual = np.flatnonzero(ratio_R > _UNUSUAL_PIXELS)
    rule = f"less than a quarter or more than {_UNUSUAL_PIXELS} times the pixels of the median picture"
    if len(unusual):
        order = unusual[np.argsort(-ratio_R[unusual], kind="stable")][:_MAX_NAMED]
        named: list[list[Cell]] = [
            [checked.name(rows[i]), checked.class_name(rows[i]), f"{sides_R2[i, 0]} × {sides_R2[i, 1]}"] for i in order
        ]
        first = f", the {len(order)} furthest off" if len(order) < len(unusual) else ""
        lines.append((f"{len(unusual):,} of unusual size ({rule}){first} below by name.",))
        blocks.append(Table(["unusual size", "class", "height × width"], named))
    else:
        lines.append((f"None is of unusual size ({rule}).",))
    result = f"{len(distinct):,} sizes, {f'{len(unusual):,} pictures' if len(unusual) else 'none'} unusual"
    return Section("sizes", "Original sizes", result, not len(unusual), lines, blocks)


def _doublings(side_R: np.ndarray) -> list[tuple[str, int]]:
    """Counts of sides in 1, 2..3, 4..7 and so on, from the first that occurs to the last."""
    power_R = np.frexp(side_R.astype(np.float64))[1] - 1
    first, counts = int(power_R.min()), np.bincount(power_R)
    return [(f"{2**p:,} to {2 ** (p + 1) - 1:,}", int(counts[p])) for p in range(first, len(counts))]


def _bars(what: str, counts: Sequence[tuple[str, int]]) -> Table:
    total, most = sum(count for _, count in counts), max(count for _, count in counts)
    rows = [(name, count, Share(count / total, count / most)) for name, count in counts]
    return Table([what, "pictures", "share"], rows)


def brightness(checked: Checked) -> Section:
    """The darkest, the lightest and the blank pictures."""
    rows = np.flatnonzero(checked.inspected.is_readable)
    mean_N, deviation_N = _grey_levels(checked.inspected.thumbnails)
    mean_R, deviation_R = mean_N[rows], deviation_N[rows]
    low, high = (float(quartile) for quartile in np.quantile(mean_R, [0.25, 0.75]))
    fence = max(_FENCE * (high - low), _LEAST_FENCE)
    dark, light = np.flatnonzero(mean_R < low - fence), np.flatnonzero(mean_R > high + fence)
    blank = np.flatnonzero(deviation_R < _BLANK)
    found = [
        f"{len(some):,} {what}"
        for some, what in ((dark, "very dark"), (light, "very light"), (blank, "without contrast"))
        if len(some)
    ]
    lines: list[Line] = [
        (
            "The mean grey level of a picture, from 0 (black) to 255 (white). The middle half of the pictures lies "
            f"between {low:.0f} and {high:.0f}. Very dark or very light is what lies further from them than {_FENCE} "
            f"times that range (at least {_LEAST_FENCE} levels); without contrast, perhaps blank, is a picture whose "
            f"grey levels, shrunk to a thumbnail, have a standard deviation below {_BLANK}.",
        ),
        (f"Found: {', '.join(found) if found else 'none of these'}.",),
    ]
    levels = np.bincount(mean_R.astype(np.int64) // _LEVELS, minlength=256 // _LEVELS).tolist()
    bars = [(f"{i * _LEVELS} to {(i + 1) * _LEVELS - 1}", count) for i, count in enumerate(levels)]
    darkest = np.argsort(mean_R, kind="stable")
    lightest = np.argsort(-mean_R, kind="stable")
    flattest = blank[np.argsort(deviation_R[blank], kind="stable")]
    blocks: list[PageBlock] = [_bars("mean grey level", bars)]
    for title, order, value_R in (
        ("The darkest", darkest, mean_R),
        ("The lightest", lightest, mean_R),
        ("Without contrast", flattest, deviation_R),
    ):
        shown = [
            Group([checked.figure(int(rows[i]), _level(title, float(value_R[i])))]) for i in order[:_MAX_SHOWN].tolist()
        ]
        if shown:
            blocks.append(Gallery(title, shown))
    return Section("brightness", "Brightness", ", ".join(found) or "nothing unusual", not found, lines, blocks)


def _level(title: str, value: float) -> str:
    return f"deviation {value:.1f}" if title == "Without contrast" else f"mean {value:.0f}"


def _grey_levels(thumbnails_NSS: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each thumbnail, float32 (N,)."""
    mean_N, deviation_N = (np.zeros(len(thumbnails_NSS), np.float32) for _ in range(2))
    for start in range(0, len(thumbnails_NSS), _BLOCK):
        block = slice(start, start + _BLOCK)
        pixels = thumbnails_NSS[block].reshape(len(mean_N[block]), -1).astype(np.float32)
        mean_N[block], deviation_N[block] = pixels.mean(axis=1), pixels.std(axis=1)
    return mean_N, deviation_N
