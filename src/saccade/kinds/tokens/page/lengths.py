"""Section of the dataset report: how long the texts are."""

import numpy as np

from saccade.data.spec import SPLITS
from saccade.display.page import Cell, Line, Section, Share, Table, percent
from saccade.kinds.tokens.page.checked import CheckedTexts

_MAX_BARS = 16
_LAST = 99  # per cent of the texts are shorter than where the last bar, which has no end, begins at the latest
_MANY_CUT = 0.1  # share of the texts above which it is worth a look


def lengths_section(checked: CheckedTexts) -> Section:
    """Lengths in tokens, before texts are cut, in each split.

    Args:
        checked: whose texts are measured.

    Returns:
        A histogram.
    """
    unit, most = checked.tokens.spool.unit, checked.max_length
    lengths_N = checked.tokens.spool.lengths
    in_split = {split: lengths_N[checked.splits == split] for split in SPLITS}
    all_R = np.concatenate([in_split[split] for split in SPLITS])
    cut = sum(checked.tokens.cut.values())
    low, median, high = (int(np.percentile(all_R, share, method="lower")) for share in (5, 50, 95))
    lines: list[Line] = [
        (
            f"From {all_R.min():,} to {all_R.max():,} {unit}; half of the texts have {median:,} or less, nine in ten "
            f"between {low:,} and {high:,}.",
        ),
        (
            f"{cut:,} of {len(all_R):,} texts ({percent(cut / len(all_R))}) are longer than max_length, {most:,}: what "
            f"comes after the first {most:,} {unit} was cut off."
            if cut
            else f"None is longer than max_length, {most:,}: nothing was cut off.",
        ),
    ]
    edges, width = _edges(all_R)
    counts = {split: np.histogram(in_split[split], [*edges, np.inf])[0] for split in SPLITS}
    totals = np.sum([counts[split] for split in SPLITS], axis=0)
    rows: list[list[Cell]] = []
    for i, start in enumerate(edges):
        is_open = i + 1 == len(edges) and start + width <= all_R.max()
        name = f"{start:,} or more" if is_open else _span(start, start // width * width + width - 1)
        share = Share(int(totals[i]) / len(all_R), int(totals[i]) / int(totals.max()))
        rows.append([name, *(int(counts[split][i]) for split in SPLITS), share])
    result = f"{all_R.min():,} to {all_R.max():,} {unit}, " + (f"{cut:,} cut" if cut else "none cut")
    table = Table([unit, *SPLITS, "share"], rows)
    return Section("lengths", "Lengths", result, cut <= _MANY_CUT * len(all_R), lines, [table])


def _edges(lengths_R: np.ndarray) -> tuple[list[int], int]:
    """Where bars begin, and their width, which is round; the last one is open where a few texts are very long."""
    first, last = int(lengths_R.min()), int(np.percentile(lengths_R, _LAST, method="lower"))
    widths = (factor * 10**power for power in range(12) for factor in (1, 2, 5))
    width = next(width for width in widths if last // width - first // width < _MAX_BARS)
    starts = range(first // width * width, last + 1, width)
    return [max(start, 1) for start in starts], width


def _span(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"
