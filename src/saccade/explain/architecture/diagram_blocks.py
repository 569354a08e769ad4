"""A network as the blocks that a figure shows: neighbouring layers that are alike as one, small ones left out."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from saccade.explain.architecture.layer_windows import window_of
from saccade.explain.architecture.trace import Call


@dataclass(frozen=True)
class DiagramBlock:
    """Neighbouring layers that a figure shows as one.

    Attributes:
        kind: class of the layer, or of the module that holds several.
        detail: window of the layer, such as 5x5 / 2; empty where it has none.
        output_shape: shape without the batch.
        has_branches: whether it holds several layers, with sums or branches among them.
        count: number of such layers that follow one another.
    """

    kind: str
    detail: str
    output_shape: tuple[int, ...]
    has_branches: bool = False
    count: int = 1


def diagram_blocks(root: Call) -> list[DiagramBlock]:
    """The parts that follow one another; what has sums or branches inside is one block, but not the whole network."""
    blocks: list[DiagramBlock] = []
    for call in (link for part in root.children or [root] for link in _links(part)):
        shape, window = call.output_shape[1:], window_of(call)
        is_flat = len(shape) == 1 and math.prod(shape) == math.prod(call.input_shape[1:])
        if call.is_leaf and not call.macs and not window and (shape == call.input_shape[1:] or is_flat):
            continue  # activations, norms, dropout, flatten: the numbers are as many as before
        detail = format_sides(window.sizes) if window else ""
        if window and set(window.strides) != {1}:
            detail += f" / {format_sides(window.strides, short=True)}"
        block = DiagramBlock(type(call.module).__name__, detail, shape, has_branches=not call.is_leaf)
        if blocks and block == replace(blocks[-1], count=1):
            block = replace(block, count=blocks.pop().count + 1)
        blocks.append(block)
    return blocks


def _links(call: Call) -> Iterator[Call]:
    if call.is_chain:
        for child in call.children:
            yield from _links(child)
    else:
        yield call


def format_sides(sides: Sequence[int], *, short: bool = False) -> str:
    """Sides as people write them: 5x5; with ``short`` a single number where they are equal."""
    return f"{sides[0]}" if short and len(set(sides)) == 1 else "x".join(map(str, sides))
