"""Two distributions of a number over each other, as a drawing inside a page: SVG in the page's own colours."""

import numpy as np

_WIDTH, _HEIGHT = 420, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 8, 24, 24
_BINS = 24


def distributions_svg(known: np.ndarray, new: np.ndarray, unit: str) -> str:
    """Draw the shares of both samples in the same bins: the test split as bars, new inputs as a line.

    Args:
        known: float, values of the test split; those that are missing are left out.
        new: float, values of the new inputs.
        unit: unit, for the axis; empty: none.

    Returns:
        An ``<svg>`` that scales with the page.
    """
    from markupsafe import escape

    known, new = known[np.isfinite(known)], new[np.isfinite(new)]
    both = np.concatenate([known, new])
    if not len(both):
        return ""
    edges = np.histogram_bin_edges(both, bins=_BINS)
    shares = [np.histogram(values, edges)[0] / max(1, len(values)) for values in (known, new)]
    highest = max(float(share.max()) for share in shares) or 1.0
    x = _LEFT + np.linspace(0, 1, len(edges)) * (_WIDTH - _LEFT - _RIGHT)
    floor = _HEIGHT - _BOTTOM
    known_y, new_y = (floor - share / highest * (floor - _TOP) for share in shares)
    bars = "".join(
        f'<rect x="{x[i]:.1f}" y="{y:.1f}" width="{x[i + 1] - x[i] - 0.6:.1f}" height="{floor - y:.1f}"/>'
        for i, y in enumerate(known_y)
    )
    steps = f"M{x[0]:.1f} {floor}" + "".join(f"V{y:.1f}H{x[i + 1]:.1f}" for i, y in enumerate(new_y)) + f"V{floor}"
    axis = [
        _text(_LEFT, floor + 15, f"{edges[0]:.3g}", "start"),
        _text(_WIDTH / 2, floor + 15, str(escape(unit)), "middle"),
        _text(_WIDTH - _RIGHT, floor + 15, f"{edges[-1]:.3g}", "end"),
        _text(_LEFT, 13, "grey: test split", "start"),
        _text(_LEFT + 100, 13, "line: new inputs", "start"),
    ]
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="two distributions">'
        f'<g style="fill: var(--quiet); opacity: .35">{bars}</g>'
        f'<path d="{steps}" style="fill: none; stroke: var(--look); stroke-width: 1.6"/>'
        f'<line class="grid" x1="{_LEFT}" y1="{floor}" x2="{_WIDTH - _RIGHT}" y2="{floor}"/>{"".join(axis)}</svg>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
