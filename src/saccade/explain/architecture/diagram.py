"""A network drawn as blocks to scale: what each layer returns, from left to right.

Drawn as ``saccade.display.figures`` draws: on a bare ``Figure``, in matplotlib's default style, without a date or
a version.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.display.style import BLUE, DOTS_PER_INCH, GREY, ORANGE, STYLE
from saccade.explain.architecture.diagram_blocks import DiagramBlock
from saccade.explain.architecture.summary import NetworkSummary

GREEN, PURPLE = "#009E73", "#CC79A7"  # Okabe and Ito's, as the other colours
_METADATA = {  # what else would differ from day to day and from version to version
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_MAX_SIDE, _MAX_FEATURES = 1.6, 1.9  # inches
_MIN_LENGTH = 0.04  # inches: what would be too thin to see is drawn so
_DEPTH = 0.4  # what runs away from the viewer is drawn at this share of its length, upwards to the right at 45 degrees
_POINTS = 8
_LINE, _LETTER = _POINTS * 1.3 / 72, _POINTS * 0.62 / 72  # inches
_GAP = 0.3  # inches between two blocks
_ROW_WIDTH = 13.0  # inches; more blocks go on in the next row
_MARGIN = 0.25


@dataclass(frozen=True)
class _Solid:
    """A block in inches: what it is wide and high in front, and how deep it runs away, as drawn."""

    width: float
    height: float
    depth: float
    lines: tuple[str, ...]
    color: str

    @property
    def drawn_width(self) -> float:
        return self.width + self.depth

    @property
    def column(self) -> float:
        return max(self.drawn_width, max(map(len, self.lines)) * _LETTER)


def draw_network(name: str, description: NetworkSummary, path: Path) -> None:
    """Draw what each layer returns as a block to scale.

    Height and depth are the sides, thickness the channels; a vector stands upright; a sequence lies flat, its steps to
    the right and its features upwards. A scale whose largest number is more than ten times its smallest is of square
    roots, which the figure says. Activations, norms and dropout are left out: they change no shape. What has sums or
    branches inside is one block.

    Args:
        name: name of the network, for the title.
        description: summary from ``saccade.explain.architecture.summary.describe``.
        path: the .png, .svg or .pdf to write.

    Raises:
        UserError: the path ends otherwise.
    """
    import matplotlib
    import matplotlib.style

    check_suffix(path)
    with matplotlib.style.context(["default", STYLE, {"svg.hashsalt": "saccade"}]):
        figure = network_figure(name, description)
        with replacing_file(path) as partial:
            kind = path.suffix.lower()
            figure.savefig(partial, format=kind.removeprefix("."), metadata=_METADATA[kind])


def check_suffix(path: Path) -> None:
    """Raise the UserError of ``draw_network`` before any work is done."""
    if path.suffix.lower() not in _METADATA:
        raise UserError(f"figure ({path}) must end in {', '.join(_METADATA)}")


def network_figure(name: str, description: NetworkSummary) -> Any:
    """The figure that ``draw_network`` writes, for those who want to go on with it."""
    from matplotlib.figure import Figure

    # A text is a sequence, too, of one id a step.
    shape = (*description.input_shape, 1) if len(description.input_shape) == 1 else description.input_shape
    blocks = [DiagramBlock("input", "", shape), *description.blocks]
    side, sides_are = _scale([n for block in blocks for n in _sides(block.output_shape)], _MAX_SIDE)
    features, features_are = _scale([_features(block.output_shape) for block in blocks], _MAX_FEATURES)
    rows = _rows([_solid(block, side, features) for block in blocks])
    heads = [
        f"{name}: {description.parameters:,} parameters, {description.macs:,} multiply-adds",
        *_legend(blocks, sides_are, features_are),
    ]
    label_heights = [max(len(solid.lines) for solid in row) * _LINE for row in rows]
    row_heights = [
        max(solid.height + solid.depth for solid in row) + label_height + 0.35
        for row, label_height in zip(rows, label_heights, strict=True)
    ]
    row_widths = [sum(solid.column + _GAP for solid in row) for row in rows]
    width = max(*row_widths, *(len(line) * _LETTER for line in heads)) + 2 * _MARGIN
    height = sum(row_heights) + (len(heads) + 1) * _LINE + 2 * _MARGIN
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    axes = figure.add_axes((0, 0, 1, 1))  # one unit is an inch
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    y = height - _MARGIN
    for number, line in enumerate(heads):
        is_title = number == 0
        color = "black" if is_title else GREY
        axes.text(_MARGIN, y, line, fontsize=_POINTS + is_title, va="top", color=color)
        y -= _LINE * (1.4 if is_title else 1)
    for number, (row, row_height, label_height) in enumerate(zip(rows, row_heights, label_heights, strict=True)):
        y -= row_height
        _draw_row(axes, row, y + label_height, goes_on=number < len(rows) - 1)
    return figure


def _sides(shape: Sequence[int]) -> Sequence[int]:
    """H and W, or T; a vector has none."""
    return shape[-2:] if len(shape) > 2 else shape[:1] if len(shape) == 2 else ()


def _features(shape: Sequence[int]) -> int:
    """C, F, or the length of a vector."""
    return shape[-3] if len(shape) > 2 else shape[-1]


def _scale(numbers: Sequence[int], inches: float) -> tuple[Callable[[int], float], str]:
    """From a number to inches, the largest becoming ``inches``; and what kind of scale that is."""
    largest, least = max(numbers, default=1), min(numbers, default=1)
    if largest <= 10 * least:
        return lambda number: max(inches * number / largest, _MIN_LENGTH), "to scale"
    return lambda number: max(inches * math.sqrt(number / largest), _MIN_LENGTH), "by their square root"


def _legend(blocks: Sequence[DiagramBlock], sides_are: str, features_are: str) -> list[str]:
    dimensions = {min(len(block.output_shape), 3) for block in blocks}
    lines = []
    if 3 in dimensions:
        lines.append(f"height and depth: sides, {sides_are}; thickness: channels, {features_are}")
    if 2 in dimensions:
        lines.append(f"sequences lie flat: steps to the right, {sides_are}; features upwards, {features_are}")
    if any(block.has_branches for block in blocks):
        lines[0] += "; purple: sums or branches inside"
    if 1 in dimensions:
        lines.append(f"vectors stand upright: height {features_are}")
    return lines


def _solid(block: DiagramBlock, side: Callable[[int], float], features: Callable[[int], float]) -> _Solid:
    shape = block.output_shape
    if len(shape) == 1:
        width, height, depth = 0.1, features(shape[0]), 0.1
    elif len(shape) == 2:
        width, height, depth = side(shape[0]), features(shape[1]), _MIN_LENGTH
    else:
        width, height, depth = features(shape[-3]), side(shape[-2]), side(shape[-1])
    title = block.kind + (f" ×{block.count}" if block.count > 1 else "")
    detail = block.detail.replace("x", "×")
    lines = ("×".join(map(str, shape)), title, *([detail] if detail else []))
    return _Solid(width, height, depth * _DEPTH, lines, _color(block))


def _color(block: DiagramBlock) -> str:
    if block.kind == "input":
        return "#BBBBBB"
    if block.has_branches:
        return PURPLE
    if "Conv" in block.kind:
        return BLUE
    if "Pool" in block.kind:
        return ORANGE
    if block.kind in ("RNN", "GRU", "LSTM"):
        return GREEN
    return GREY


def _rows(solids: Sequence[_Solid]) -> list[list[_Solid]]:
    """Broken into rows of about equal width."""
    total = sum(solid.column + _GAP for solid in solids)
    count = max(1, math.ceil(total / _ROW_WIDTH))
    rows: list[list[_Solid]] = [[]]
    done = 0.0
    for solid in solids:
        if done >= len(rows) * total / count and rows[-1]:
            rows.append([])
        rows[-1].append(solid)
        done += solid.column + _GAP
    return rows


def _draw_row(axes: Any, row: Sequence[_Solid], floor: float, *, goes_on: bool) -> None:
    """Blocks side by side on a common middle, with an arrow from each to the next and labels below all of them."""
    middle = floor + 0.1 + max(solid.height + solid.depth for solid in row) / 2
    left, end = _MARGIN, None
    for solid in row:
        x = left + (solid.column - solid.drawn_width) / 2
        y = middle - (solid.height + solid.depth) / 2
        if end is not None:
            _arrow(axes, end, x, middle)
        _draw_solid(axes, solid, x, y)
        for number, line in enumerate(solid.lines, 1):
            axes.text(left + solid.column / 2, floor - number * _LINE, line, fontsize=_POINTS, ha="center")
        end = x + solid.drawn_width
        left += solid.column + _GAP
    if goes_on and end is not None:
        _arrow(axes, end, end + _GAP, middle)


def _arrow(axes: Any, start: float, end: float, y: float) -> None:
    style = {"arrowstyle": "-|>", "color": GREY, "linewidth": 0.8, "shrinkA": 2, "shrinkB": 2, "mutation_scale": 7}
    axes.annotate("", xy=(end, y), xytext=(start, y), arrowprops=style)


def _draw_solid(axes: Any, solid: _Solid, x: float, y: float) -> None:
    """The front, the top and the right side, each a shade of its own."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Polygon

    w, h, d = solid.width, solid.height, solid.depth
    faces = (
        (0.55, [(0, 0), (w, 0), (w, h), (0, h)]),
        (0.3, [(0, h), (w, h), (w + d, h + d), (d, h + d)]),
        (0.8, [(w, 0), (w + d, d), (w + d, h + d), (w, h)]),
    )
    for share, corners in faces:
        shade = tuple(1 - share * (1 - part) for part in to_rgb(solid.color))
        moved = [(x + dx, y + dy) for dx, dy in corners]
        axes.add_patch(Polygon(moved, facecolor=shade, edgecolor="white", linewidth=0.5, joinstyle="round"))
