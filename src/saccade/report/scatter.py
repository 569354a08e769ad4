"""Figures of several runs against what they cost, as a drawing inside a page: SVG in the page's own colours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from saccade.display.style import shorten

_WIDTH, _HEIGHT = 360, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 14, 40
_LEAST_APART = 12.0  # between the names of two points
_MAX_NAME = 22  # characters


@dataclass(frozen=True)
class CostPoint:
    """One run in a drawing.

    Attributes:
        name: name of the run.
        cost: what it cost, above 0: parameters or seconds.
        value: its figure.
        low: lower end of the figure's interval; None where there is none.
        high: upper end likewise.
    """

    name: str
    cost: float
    value: float
    low: float | None = None
    high: float | None = None


def scatter_svg(points: Sequence[CostPoint], cost_title: str, value_title: str) -> str:
    """Draw figures with their intervals against costs, on a logarithmic axis.

    Args:
        points: runs, at least one.
        cost_title: title of the horizontal axis.
        value_title: title of the vertical axis.

    Returns:
        An ``<svg>`` that scales with the page; names are escaped, and colours are the page's variables.
    """
    from markupsafe import escape

    ends = [end for point in points for end in (point.value, point.low, point.high) if end is not None]
    lowest, highest = _widened(min(ends), max(ends), 0.06)
    costs = [math.log10(point.cost) for point in points]
    first, last = _widened(min(costs), max(costs), 0.08)

    def x_of(cost: float) -> float:
        return _LEFT + (math.log10(cost) - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def y_of(value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - lowest) / (highest - lowest) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(value_title)} against {escape(cost_title)}">'
    ]
    for value in _ticks(lowest, highest):
        parts.append(_line(_LEFT, y_of(value), _WIDTH - _RIGHT, y_of(value), "grid"))
        parts.append(_text(_LEFT - 5, y_of(value) + 3.5, f"{value:g}", "end"))
    for cost in _log_ticks(first, last):
        parts.append(_line(x_of(cost), _TOP, x_of(cost), _HEIGHT - _BOTTOM, "grid"))
        parts.append(_text(x_of(cost), _HEIGHT - _BOTTOM + 14, _short_number(cost), "middle"))
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, escape(cost_title), "middle"))
    heights = _apart([y_of(point.value) for point in points])
    for point, height in zip(points, heights, strict=True):
        x, y = x_of(point.cost), y_of(point.value)
        if point.low is not None and point.high is not None:
            parts.append(_line(x, y_of(point.low), x, y_of(point.high), "whisker"))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(point.name)}</title></circle>')
        is_left = x > (_LEFT + _WIDTH - _RIGHT) / 2
        name = escape(shorten(point.name, _MAX_NAME))
        parts.append(_text(x + (-8 if is_left else 8), height + 3.5, name, "end" if is_left else "start", "name"))
    return "\n".join([*parts, "</svg>"])


def _widened(low: float, high: float, share: float) -> tuple[float, float]:
    """The range with room at both ends; of a single value, a range around it."""
    width = (high - low) or abs(high) or 1.0
    return low - share * width, high + share * width


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers in a range."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [round(i * step, 12) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _log_ticks(first: float, last: float) -> list[float]:
    """Round numbers between two powers of ten; of a narrow range as on a linear axis."""
    factors = (1,) if last - first > 2.5 else (1, 2, 5) if last - first > 0.5 else (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    found = [f * 10.0**power for power in range(math.floor(first), math.ceil(last) + 1) for f in factors]
    inside = [cost for cost in found if first <= math.log10(cost) <= last]
    if len(inside) < 3:
        inside = _ticks(10**first, 10**last)
    return inside[:: -(-len(inside) // 6)]


def _short_number(value: float) -> str:
    """Such as 61k, 1.5M or 0.02."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.2g}"


def _apart(heights: Sequence[float]) -> list[float]:
    """The same heights, moved down where two names would lie on each other."""
    moved, last = list(heights), -math.inf
    for i in sorted(range(len(moved)), key=lambda i: heights[i]):
        moved[i] = last = max(moved[i], last + _LEAST_APART)
    return moved


def _line(x: float, y: float, to_x: float, to_y: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
