"""Line charts as SVG inside the page: readable without a script, which only adds values where a pointer is.

They are drawn for 400 units of width, at which a telephone shows them, and grow with the page. Colours come from the
page's style, which knows light and dark: Okabe and Ito's, and dashes beside them.
"""

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from saccade.run_page.blocks import Curve, LineChart

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _HEIGHT = 400, 236
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 12, 12, 40
_MAX_TICKS = 5  # of the y axis
_MAX_POINTS = 300  # of a curve; of more, every so many
_STEPS = (1, 2, 2.5, 5, 10)


def svg(chart: LineChart) -> "Markup":
    """Draw a chart.

    Args:
        chart: its curves, with at least one value among them.

    Returns:
        An ``svg`` element; what the script needs stands in its attributes.
    """
    from markupsafe import Markup

    chosen = range(0, len(chart.x), max(1, math.ceil(len(chart.x) / _MAX_POINTS)))
    x = [chart.x[i] for i in chosen]
    curves = [_every(curve, chosen) for curve in chart.curves]
    x_ticks, y_ticks = ([0, 0.25, 0.5, 0.75, 1] if chart.has_diagonal else x_axis(x)), y_axis(chart, curves)
    across = _scale((min(x[0], x_ticks[0]), max(x[-1], x_ticks[-1])), _LEFT, _WIDTH - _RIGHT, is_logarithmic=False)
    up = _scale((y_ticks[0], y_ticks[-1]), _HEIGHT - _BOTTOM, _TOP, is_logarithmic=chart.is_logarithmic)

    drawn = Markup("")
    for tick in y_ticks:
        drawn += Markup('<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(
            _LEFT, _WIDTH - _RIGHT, y=_at(up(tick))
        )
        drawn += Markup('<text x="{}" y="{}" text-anchor="end" dy=".35em">{}</text>').format(
            _LEFT - 6, _at(up(tick)), short(tick)
        )
    for tick in x_ticks:
        drawn += Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            _at(across(tick)), _HEIGHT - _BOTTOM + 17, short(tick)
        )
    drawn += Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
        (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, chart.x_title
    )
    if chart.has_diagonal:
        drawn += Markup('<line class="diagonal" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
            _at(across(0)), _at(up(0)), _at(across(1)), _at(up(1))
        )
    if chart.marked is not None:
        drawn += Markup('<line class="marked" x1="{x}" x2="{x}" y1="{}" y2="{}"/>').format(
            _TOP, _HEIGHT - _BOTTOM, x=_at(across(chart.marked))
        )
    for number, curve in enumerate(curves):
        drawn += _drawn(curve, number, [across(place) for place in x], up, has_points=chart.has_points)
    values = [{"name": curve.name, "values": [_rounded(value) for value in curve.values]} for curve in curves]
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}" data-x="{}" data-at="{}" data-curves="{}" '
        'data-title="{}" data-top="{}" data-bottom="{}">{}</svg>'
    ).format(
        _WIDTH,
        _HEIGHT,
        description(chart),
        json.dumps([_rounded(place) for place in x]),
        json.dumps([round(across(place), 1) for place in x]),
        json.dumps(values),
        chart.x_title,
        _TOP,
        _HEIGHT - _BOTTOM,
        drawn,
    )


def description(chart: LineChart) -> str:
    """A sentence for whoever does not see the chart: where each curve begins and ends.

    Args:
        chart: the one that is drawn.

    Returns:
        Such as "Loss: training from 2.28 to 0.0147; validation from 2.24 to 0.0353, over epoch 1 to 24".
    """
    told = []
    for curve in chart.curves:
        known = [value for value in curve.values if value is not None]
        if known:
            told.append(f"{curve.name} from {known[0]:.3g} to {known[-1]:.3g}")
    return f"{chart.title}: {'; '.join(told)}, over {chart.x_title} {short(chart.x[0])} to {short(chart.x[-1])}"


def x_axis(x: Sequence[float]) -> list[float]:
    """Round numbers within the x values; the first and the last one where there are hardly any."""
    if x[0] == x[-1]:
        return [x[0]]
    ticks = [tick for tick in _round_numbers(x[0], x[-1], 6) if x[0] <= tick <= x[-1]]
    if all(float(place).is_integer() for place in x):
        ticks = [tick for tick in ticks if float(tick).is_integer()]
    return ticks if len(ticks) > 1 else [x[0], x[-1]]


def y_axis(chart: LineChart, curves: Sequence[Curve]) -> list[float]:
    """Round numbers around all values; powers of ten on a logarithmic axis.

    Args:
        chart: the chart.
        curves: its curves, as they are drawn.

    Returns:
        Rising numbers, at least two.
    """
    found = [value for curve in curves for ends in (curve.values, curve.low, curve.high) for value in ends]
    known = [value for value in found if value is not None]
    if chart.has_diagonal:
        return [0.0, 0.25, 0.5, 0.75, 1.0]  # shares on both axes
    low, high = min(known), max(known)
    if chart.is_logarithmic:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        step = max(1, math.ceil((last - first) / _MAX_TICKS))
        return [10.0**power for power in range(first, last + step, step)][: last - first + 2]
    if low == high:
        low, high = (low - 1, high + 1) if low == 0 else sorted((0.0, 2 * low))
    return _round_numbers(low, high, _MAX_TICKS)


def _round_numbers(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten, from below ``low`` to above ``high``."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(factor * power for factor in (*_STEPS, 20, 50) if (high - low) / (factor * power) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _scale(ends: tuple[float, float], start: float, stop: float, *, is_logarithmic: bool) -> "_Scale":
    return _Scale(ends, start, stop, is_logarithmic)


class _Scale:
    """From a value to a place in the drawing.

    Args:
        ends: values at both ends.
        start: place of the first.
        stop: place of the second.
        is_logarithmic: whether equal ratios are equally far apart.
    """

    def __init__(self, ends: tuple[float, float], start: float, stop: float, is_logarithmic: bool) -> None:
        self._map = math.log10 if is_logarithmic else float
        self._low, self._high = self._map(ends[0]), self._map(ends[1])
        self._start, self._stop = start, stop

    def __call__(self, value: float) -> float:
        if self._low == self._high:
            return (self._start + self._stop) / 2
        return self._start + (self._map(value) - self._low) / (self._high - self._low) * (self._stop - self._start)


def _drawn(curve: Curve, number: int, places: Sequence[float], up: _Scale, *, has_points: bool) -> "Markup":
    from markupsafe import Markup

    drawn = Markup("")
    if curve.low:
        ends = list(zip(places, curve.low, curve.high, strict=True))
        known = [(place, low, high) for place, low, high in ends if low is not None and high is not None]
        outline = [(place, high) for place, _, high in known] + [(place, low) for place, low, _ in reversed(known)]
        drawn += Markup('<polygon class="band c{}" points="{}"/>').format(number, _points(outline, up))
    for part in _without_gaps(places, curve.values):
        kind = f"curve c{number}" + (" dashed" if curve.is_dashed else "")
        drawn += Markup('<polyline class="{}" points="{}"/>').format(kind, _points(part, up))
        if has_points or len(part) == 1:
            for place, value in part:
                drawn += Markup('<circle class="point c{}" cx="{}" cy="{}" r="3"/>').format(
                    number, _at(place), _at(up(value))
                )
    return drawn


def _without_gaps(places: Sequence[float], values: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    parts: list[list[tuple[float, float]]] = [[]]
    for place, value in zip(places, values, strict=True):
        if value is None:
            parts.append([])
        else:
            parts[-1].append((place, value))
    return [part for part in parts if part]


def _points(pairs: Sequence[tuple[float, float]], up: _Scale) -> str:
    return " ".join(f"{_at(place)},{_at(up(value))}" for place, value in pairs)


def _every(curve: Curve, chosen: range) -> Curve:
    def thinned(values: Sequence[float | None]) -> list[float | None]:
        return [values[i] for i in chosen] if values else []

    return Curve(curve.name, thinned(curve.values), curve.is_dashed, thinned(curve.low), thinned(curve.high))


def _at(place: float) -> str:
    return f"{place:.1f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def short(value: float) -> str:
    """A number beside an axis.

    >>> short(0.25), short(20.0), short(0.00001), short(25000.0)
    ('0.25', '20', '1e-5', '25k')
    """
    if value != 0 and abs(value) < 0.0001:
        return f"{value:.0e}".replace("e-0", "e-")
    if abs(value) >= 1e6:
        return f"{value:.2g}".replace("e+0", "e").replace("e+", "e")
    return f"{value / 1000:.4g}k" if abs(value) >= 10_000 else f"{value:.4g}"
