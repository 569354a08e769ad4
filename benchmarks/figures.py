"""One measured figure, as every benchmark prints it: a JSON object a line. Standard library only."""

import json
import statistics
import sys
from collections.abc import Sequence


def report(
    what: str,
    unit: str,
    ours: Sequence[float],
    theirs: Sequence[float] = (),
    *,
    peer: str = "",
    target: tuple[str, float] | None = None,
    note: str = "",
) -> None:
    """Print a figure.

    The ratio is the median of the ratios of the pairs, ours / theirs: what slows the machine for a while slows both
    halves of a pair. The target is compared with the ratio. Where there is no peer, the figure is the lowest of ours,
    and the target is compared with it.

    Args:
        what: was measured.
        unit: of both sides.
        ours: every value, in the order of measurement.
        theirs: likewise, one for each of ours; empty where there is no peer.
        peer: what theirs are.
        target: ("at least" or "at most", number).
        note: what a reader must know besides.
    """
    pairs = list(zip(ours, theirs, strict=True)) if theirs else []
    ratios = [one / other for one, other in pairs]
    ratio = statistics.median(ratios) if ratios else None
    figure_of_ours = min(ours) if ratio is None else statistics.median(ours)
    judged = figure_of_ours if ratio is None else ratio
    reached = None if target is None else judged >= target[1] if target[0] == "at least" else judged <= target[1]
    figure = {
        "what": what,
        "unit": unit,
        "peer": peer,
        "ours": figure_of_ours,
        "theirs": statistics.median(theirs) if theirs else None,
        "ratio": ratio,
        "ratios": [min(ratios), max(ratios)] if ratios else None,
        "target": target,
        "reached": reached,
        "ours_values": list(ours),
        "theirs_values": list(theirs),
        "note": note,
    }
    print(json.dumps(figure), flush=True)


def report_skipped(what: str, reason: str) -> None:
    """Print that a figure is missing, and why."""
    print(json.dumps({"what": what, "skipped": reason}), flush=True)


def tell(line: str) -> None:
    """Say on standard error what is going on: standard output holds figures only."""
    print(line, file=sys.stderr, flush=True)
