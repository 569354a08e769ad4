"""The layers whose output is maps of the image, found by running the network; and where on the image each cell lies.

Shapes: B batch, C channels, H height, W width of the image; h, w sides of a layer's maps.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.explain.architecture.receptive_field import ReceptiveField
from saccade.explain.architecture.trace import Call, trace
from saccade.explain.attribution.frozen import frozen


@dataclass(frozen=True)
class Axis:
    """Where the cells of a map lie along one side of the image.

    Attributes:
        start: first pixel that cell 0 sees; below 0 in the padding.
        size: number of pixels that a cell sees.
        jump: pixels from one cell to the next; 0 where every cell sees the same pixels.
        cells: number of cells.
        side: pixels of the image along this side.
    """

    start: int
    size: int
    jump: int
    cells: int
    side: int

    def centre(self, cell: int) -> float:
        """Pixel in the middle of what a cell sees; of cells that see the same, the middle of an even share."""
        if self.jump == 0:
            return (cell + 0.5) * self.side / self.cells - 0.5
        return self.start + (self.size - 1) / 2 + cell * self.jump

    def seen(self, cell: int) -> tuple[int, int]:
        """First pixel that a cell sees and the one behind its last, also where they lie outside of the image."""
        first = self.start + cell * self.jump
        return first, first + self.size

    def interpolation(self) -> Tensor:
        """Linear interpolation from cells at their centres to pixels, float (side, cells).

        Beyond the outermost centres it falls to 0 within a jump, so that a map peaks at the middle of a cell.
        """
        if self.cells == 1:
            return torch.ones(self.side, 1)
        first, step = self.centre(0), self.centre(1) - self.centre(0)
        place_side = (torch.arange(self.side) - first) / step
        return (1 - (place_side[:, None] - torch.arange(self.cells)).abs()).clamp(min=0)


@dataclass(frozen=True)
class SpatialLayer:
    """A layer whose output is maps (B, C, h, w).

    Attributes:
        name: name of the module.
        module: module whose output it is.
        use: number of the module's call, from 0: a ReLU may be shared.
        kind: class of the module.
        channels: number of maps.
        axes: where cells lie along height and width of the image.
    """

    name: str
    module: nn.Module
    use: int
    kind: str
    channels: int
    axes: tuple[Axis, Axis]

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of a map."""
        return self.axes[0].cells, self.axes[1].cells

    def to_pixels(self, map_BHW: Tensor) -> Tensor:
        """Maps (B, h, w) brought to the sides of the image, each cell at the middle of what it sees."""
        rows, columns = (axis.interpolation().to(map_BHW) for axis in self.axes)
        return rows @ map_BHW @ columns.T


def spatial_layers(network: nn.Module, x_BCHW: Tensor) -> list[SpatialLayer]:
    """The layers with spatial extent, in the order of execution; a module comes after those that it calls.

    A layer counts from the first weights on, where its output is (B, C, h, w) with more than one cell and the image's
    own batch. What merely has four dimensions, such as channels moved to the end, does not.

    Args:
        network: module that takes ``x_BCHW``.
        x_BCHW: images, one at least.

    Returns:
        One a call; empty where the network flattens the image, or reads it row by row.
    """
    return [layer for layer, _ in _spatial_calls(network, x_BCHW)]


def convolution_outputs(network: nn.Module, x_BCHW: Tensor) -> list[SpatialLayer]:
    """What each convolution comes to, behind the norm, the activation and the sum that follow it, before pooling.

    Args:
        network: module that takes ``x_BCHW``.
        x_BCHW: images, one at least.

    Returns:
        One a convolution that is called, in the order of execution.
    """
    found: list[SpatialLayer] = []
    for layer, call in _spatial_calls(network, x_BCHW):
        if isinstance(call.module, nn.Conv2d):
            found.append(layer)
        elif found and (layer.channels, layer.sides) == (found[-1].channels, found[-1].sides):
            found[-1] = layer
    return found


def _spatial_calls(network: nn.Module, x_BCHW: Tensor) -> list[tuple[SpatialLayer, Call]]:
    two_BCHW = x_BCHW[:1].expand(2, *x_BCHW.shape[1:])
    with frozen(network):
        root = trace(network, two_BCHW)
    sides = (x_BCHW.shape[2], x_BCHW.shape[3])
    uses: dict[int, int] = {}
    found, has_weights, largest = [], False, tuple(sides)
    for call in root.all():
        uses[id(call.module)] = use = uses.get(id(call.module), -1) + 1
        has_weights = has_weights or bool(call.own_parameters())
        if call is root or not has_weights or not _is_spatial(call, largest):
            continue
        largest = call.output_shape[2:]
        axes = _axes(call.receptive_field, call.output_shape[2:], sides)
        kind = type(call.module).__name__
        found.append((SpatialLayer(call.name, call.module, use, kind, call.output_shape[1], axes), call))
    return found


def _is_spatial(call: Call, largest: tuple[int, ...]) -> bool:
    """Whether an output is maps of the image; where every cell sees all of it, by the sides of the maps before."""
    shape, field = call.output_shape, call.receptive_field
    if len(shape) != 4 or shape[0] != 2 or shape[2] * shape[3] == 1 or field is None:
        return False
    moving = [any(any(segment.jumps) for segment in dimension) for dimension in field.dimensions]
    if not any(moving):  # behind a gate that sees the whole image, or where one cell is left
        return shape[2] <= largest[0] and shape[3] <= largest[1]
    return not (moving[0] or moving[1])


def _axes(field: ReceptiveField | None, cells: Sequence[int], sides: tuple[int, int]) -> tuple[Axis, Axis]:
    assert field is not None
    axes = []
    for axis in (0, 1):
        segments = field.dimensions[2 + axis]
        jump = segments[0].jumps[axis] if len(segments) == 1 else 0
        axes.append(Axis(field.starts[axis], field.sizes[axis], jump, cells[axis], sides[axis]))
    return axes[0], axes[1]


def last_layer(layers: Sequence[SpatialLayer]) -> SpatialLayer:
    """The last layer with spatial extent, which class activation maps are made of.

    Args:
        layers: result of ``spatial_layers``.

    Returns:
        The last one.

    Raises:
        UserError: there is none.
    """
    if not layers:
        raise UserError(
            "class activation maps must have a layer that keeps the image's height and width, and this network has "
            "none: take saliency, smooth-grad, integrated-gradients or occlusion"
        )
    return layers[-1]


def layer_named(layers: Sequence[SpatialLayer], name: str) -> SpatialLayer:
    """The layer of this name, at its last call.

    Args:
        layers: result of ``spatial_layers``.
        name: name of a module.

    Returns:
        The layer.

    Raises:
        UserError: there is no such layer with spatial extent; the message names the nearest.
    """
    last_layer(layers)
    found = [layer for layer in layers if layer.name == name]
    if found:
        return found[-1]
    names = list(dict.fromkeys(layer.name for layer in layers))
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.0)
    raise UserError(
        f"layer ({name}) must be one that keeps the image's height and width; nearest: {', '.join(nearest)}; "
        f"the last is {names[-1]}"
    )
