"""The window of a convolution or a pooling that was called, and its output side worked out as people write it."""

from dataclasses import dataclass
from typing import Any

from torch.nn.modules import conv, pooling

from saccade.explain.architecture.trace import Call


@dataclass(frozen=True)
class LayerWindow:
    """Of a convolution or a pooling.

    Attributes:
        sizes: positions of the window, a number a side.
        strides: positions between two windows, a number a side.
        padded: positions added at both ends together, a number a side.
        dilations: positions between two that the window looks at, a number a side.
        rounds_up: whether a window that begins inside and ends outside counts (``ceil_mode``).
    """

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    padded: tuple[int, ...]
    dilations: tuple[int, ...]
    rounds_up: bool


def window_of(call: Call) -> LayerWindow | None:
    """The window of the module that was called; None where it has none."""
    layer: Any = call.module
    num_sides = len(call.output_shape) - 2

    def spread(value: Any) -> tuple[int, ...]:
        return tuple(value) if isinstance(value, tuple | list) else (value,) * num_sides

    if not isinstance(layer, conv._ConvNd | pooling._MaxPoolNd | pooling._AvgPoolNd):
        return None
    sizes, dilations = spread(layer.kernel_size), spread(getattr(layer, "dilation", 1))
    if isinstance(layer.padding, str):
        same = tuple(dilation * (size - 1) for size, dilation in zip(sizes, dilations, strict=True))
        padded = same if layer.padding == "same" else (0,) * num_sides
    else:
        padded = tuple(2 * padding for padding in spread(layer.padding))
    return LayerWindow(sizes, spread(layer.stride), padded, dilations, getattr(layer, "ceil_mode", False))


def formula_of(call: Call, window: LayerWindow) -> str:
    """The output's sides with the numbers put in; one formula where all sides have the same."""
    if isinstance(call.module, conv._ConvTransposeNd):
        return ""
    sides = zip(call.input_shape[2:], call.output_shape[2:], strict=True)
    numbers = zip(window.sizes, window.strides, window.padded, window.dilations, strict=True)
    formulas = [
        output_formula(i, o, *of, rounds_up=window.rounds_up) for (i, o), of in zip(sides, numbers, strict=True)
    ]
    return "; ".join(dict.fromkeys(formulas))


def output_formula(
    arriving: int, leaving: int, size: int, stride: int, padded: int, dilation: int = 1, *, rounds_up: bool = False
) -> str:
    """How many positions are left on a side after a convolution or a pooling, worked out.

    >>> output_formula(227, 55, 11, 4, 0)
    '(227 - 11 + 2*0)/4 + 1 = 55'
    >>> output_formula(224, 112, 7, 2, 6)
    'floor((224 - 7 + 2*3)/2) + 1 = 112'

    Args:
        arriving: positions of the input.
        leaving: positions of the output, as the layer returned them.
        size: size of the window.
        stride: positions between two windows.
        padded: positions added, both ends together.
        dilation: positions between two that a window looks at.
        rounds_up: whether a window that begins inside and ends outside counts (``ceil_mode``).

    Returns:
        The formula; empty should it not give ``leaving``, which is what is true.
    """
    reach = dilation * (size - 1) + 1
    span = arriving - reach + padded
    window = f"{size}" if dilation == 1 else f"({dilation}*({size} - 1) + 1)"
    padding = f"{padded}" if padded % 2 else f"2*{padded // 2}"
    text = f"({arriving} - {window} + {padding})/{stride}"
    if span % stride:
        text = f"{'ceil' if rounds_up else 'floor'}({text})"
    side = (-(-span // stride) if rounds_up else span // stride) + 1
    text += " + 1"
    if rounds_up and (side - 1) * stride >= arriving + padded // 2:  # the last window would begin in the padding
        side, text = side - 1, f"{text} - 1"
    return f"{text} = {side}" if side == leaving else ""
