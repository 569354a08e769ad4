"""Which part of the input the elements of a tensor depend on.

An element sees a stretch of positions along each axis of the input: height and width of an image, the steps of a
series. The stretch begins at ``start``, plus ``index * jump`` for each of the tensor's dimensions; its length, the
receptive field, is the same for all elements of a tensor. A window of k positions, stride s, padding p then does

    field = field + (k - 1) * jump        start = start - p * jump        jump = s * jump

and what combines two branches sees what either of them sees. Where elements would differ in what they see, each is said
to see all of it: a field is never too small.

Source of the window's arithmetic: A. Araujo, W. Norris, J. Sim, "Computing receptive fields of convolutional neural
networks", Distill, 2019.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

PerAxis = tuple[int, ...]  # one number for each axis of the input


@dataclass(frozen=True)
class Segment:
    """Positions that follow one another in a dimension.

    Attributes:
        size: number of positions, from 2.
        jumps: distance that one position moves along each axis of the input.
    """

    size: int
    jumps: PerAxis


Dimension = tuple[Segment, ...]
"""Several segments, the outermost first, where a reshape joined what moves unevenly; none where the size is 1."""


@dataclass(frozen=True)
class ReceptiveField:
    """What the elements of one tensor see.

    Attributes:
        dimensions: dimensions of the tensor, each as segments.
        starts: first input position that element 0 sees, along each axis of the input; below 0 in the padding.
        sizes: number of positions that every element sees along each axis.
    """

    dimensions: tuple[Dimension, ...]
    starts: PerAxis
    sizes: PerAxis

    def covers(self, sides: Sequence[int]) -> bool:
        """Whether every element sees all of an input with these sides."""
        moves = any(any(segment.jumps) for dimension in self.dimensions for segment in dimension)
        spans = zip(self.starts, self.sizes, sides, strict=True)
        return not moves and all(start <= 0 and start + size >= side for start, size, side in spans)

    def with_dimension(self, at: int, dimension: Dimension) -> "ReceptiveField":
        """The same with another dimension ``at``."""
        return replace(self, dimensions=(*self.dimensions[:at], dimension, *self.dimensions[at + 1 :]))

    def without_dimension(self, at: int) -> "ReceptiveField":
        """The same without dimension ``at``, whose size must be 1 or which was reduced."""
        return replace(self, dimensions=self.dimensions[:at] + self.dimensions[at + 1 :])


def input_field(shape: Sequence[int], axes: Sequence[int]) -> ReceptiveField:
    """What the elements of the input see: one position each.

    Args:
        shape: shape of the batch.
        axes: the dimensions to follow, such as (2, 3) of (B, C, H, W).

    Returns:
        What the forward pass begins with.
    """
    none = (0,) * len(axes)
    field = ReceptiveField(tuple(constant_axis(size, len(axes)) for size in shape), none, (1,) * len(axes))
    for number, axis in enumerate(axes):
        jumps = tuple(int(other == number) for other in range(len(axes)))
        field = field.with_dimension(axis, _simplest([Segment(shape[axis], jumps)]))
    return field


def constant_axis(size: int, num_axes: int) -> Dimension:
    """A dimension along which nothing moves, such as channels."""
    return (Segment(size, (0,) * num_axes),) if size > 1 else ()


def reduce_axis(field: ReceptiveField, at: int, axes: Iterable[int] | None = None) -> ReceptiveField:
    """Every element along dimension ``at`` sees what all of them saw: a sum, a maximum, a matrix product.

    Args:
        field: field before the operation.
        at: the dimension.
        axes: axes of the input, when only some are meant.

    Returns:
        Of the same shape.
    """
    axes = set(range(len(field.starts)) if axes is None else axes)
    segments = []
    for segment in field.dimensions[at]:
        field = _reach(
            field, tuple((segment.size - 1) * jump if axis in axes else 0 for axis, jump in enumerate(segment.jumps))
        )
        segments.append(
            Segment(segment.size, tuple(0 if axis in axes else jump for axis, jump in enumerate(segment.jumps)))
        )
    return field.with_dimension(at, _simplest(segments))


def mix(fields: Sequence[ReceptiveField], shape: Sequence[int]) -> ReceptiveField:
    """Every element of the result, of any shape, sees what any element of any operand saw."""
    reduced = []
    for field in fields:
        for at in range(len(field.dimensions)):
            field = reduce_axis(field, at)
        reduced.append(field)
    starts, sizes = _union(reduced)
    return ReceptiveField(tuple(constant_axis(size, len(starts)) for size in shape), starts, sizes)


def merge(fields: Sequence[ReceptiveField], shape: Sequence[int]) -> ReceptiveField:
    """Element by element, broadcast to ``shape``: a residual sum, a gate."""
    fields = [replace(s, dimensions=((),) * (len(shape) - len(s.dimensions)) + s.dimensions) for s in fields]
    num_axes = len(fields[0].starts)
    dimensions: list[Dimension] = []
    for at, size in enumerate(shape):
        segments = _cut_alike([field.dimensions[at] or constant_axis(size, num_axes) for field in fields])
        if segments is None:
            fields = [reduce_axis(field, at) for field in fields]
            dimensions.append(constant_axis(size, num_axes))
            continue
        # Where branches move differently along an axis, no single jump is true of the result.
        uneven = {
            axis
            for axis in range(num_axes)
            for segment in segments
            if len({other.jumps[axis] for other in segment}) > 1
        }
        fields = [reduce_axis(field, at, uneven) for field in fields]
        jumps = [
            tuple(0 if axis in uneven else jump for axis, jump in enumerate(segment[0].jumps)) for segment in segments
        ]
        dimensions.append(
            _simplest([Segment(segment[0].size, jump) for segment, jump in zip(segments, jumps, strict=True)])
        )
    starts, sizes = _union(fields)
    return ReceptiveField(tuple(dimensions), starts, sizes)


def reshape(field: ReceptiveField, shape: Sequence[int]) -> ReceptiveField:
    """The same elements in the same order, in another shape."""
    dimensions = _regrouped([segment for dimension in field.dimensions for segment in dimension], shape)
    return mix([field], shape) if dimensions is None else replace(field, dimensions=dimensions)


def slide_window(
    field: ReceptiveField,
    at: int,
    side: int,
    *,
    kernel_size: int = 1,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> ReceptiveField:
    """Windows along dimension ``at``: a convolution or a pooling.

    Args:
        field: field before the operation.
        at: the dimension.
        side: number of windows.
        kernel_size: positions a window.
        stride: positions between two windows.
        padding: positions before the first; below 0 where the first window begins later.
        dilation: positions between two that a window looks at.

    Returns:
        With ``side`` positions in that dimension.
    """
    num_axes = len(field.starts)
    segments = field.dimensions[at] or (Segment(1, (0,) * num_axes),)
    if len(segments) > 1:
        return reduce_axis(field, at).with_dimension(at, constant_axis(side, num_axes))
    jumps = segments[0].jumps
    starts = tuple(start - padding * jump for start, jump in zip(field.starts, jumps, strict=True))
    field = _reach(replace(field, starts=starts), tuple((kernel_size - 1) * dilation * jump for jump in jumps))
    return field.with_dimension(at, _simplest([Segment(side, tuple(stride * jump for jump in jumps))]))


def slice_axis(field: ReceptiveField, at: int, first: int, size: int, step: int = 1) -> ReceptiveField:
    """``size`` positions of dimension ``at``, from ``first``, every ``step``-th."""
    if (first, step, size) == (0, 1, math.prod(segment.size for segment in field.dimensions[at])):
        return field
    return slide_window(field, at, size, stride=step, padding=-first)


def join(fields: Sequence[ReceptiveField], at: int, shape: Sequence[int]) -> ReceptiveField:
    """One behind the other along dimension ``at``, into ``shape``: parallel branches, the steps of a loop."""
    first = fields[0]
    distances = {
        tuple(b - a for a, b in zip(one.starts, two.starts, strict=True)) for one, two in itertools.pairwise(fields)
    }
    alike = all(field.dimensions == first.dimensions and field.sizes == first.sizes for field in fields)
    if alike and len(distances) == 1:  # the same distance between all: strips of an image, say
        return first.with_dimension(at, _simplest([Segment(len(fields), distances.pop()), *first.dimensions[at]]))
    lone = [*shape[:at], 1, *shape[at + 1 :]]
    whole = merge([reduce_axis(field, at).with_dimension(at, ()) for field in fields], lone)
    return whole.with_dimension(at, constant_axis(shape[at], len(first.starts)))


def _reach(field: ReceptiveField, further: PerAxis) -> ReceptiveField:
    """Every element sees so much further, towards the end of an axis or, where below 0, towards its beginning."""
    return replace(
        field,
        starts=tuple(start + min(reach, 0) for start, reach in zip(field.starts, further, strict=True)),
        sizes=tuple(size + abs(reach) for size, reach in zip(field.sizes, further, strict=True)),
    )


def _union(fields: Sequence[ReceptiveField]) -> tuple[PerAxis, PerAxis]:
    starts = tuple(min(starts) for starts in zip(*(field.starts for field in fields), strict=True))
    ends = zip(*([s + f for s, f in zip(field.starts, field.sizes, strict=True)] for field in fields), strict=True)
    return starts, tuple(max(end) - start for end, start in zip(ends, starts, strict=True))


def _simplest(segments: Iterable[Segment]) -> Dimension:
    """Without segments of size 1, and neighbours that move alike as one: every dimension is kept in this form."""
    simplest: list[Segment] = []
    for segment in segments:
        if simplest and simplest[-1].jumps == tuple(segment.size * jump for jump in segment.jumps):
            simplest[-1] = Segment(simplest[-1].size * segment.size, segment.jumps)
        elif segment.size > 1:
            simplest.append(segment)
    return tuple(simplest)


def _regrouped(segments: Sequence[Segment], sizes: Sequence[int]) -> tuple[Dimension, ...] | None:
    """Dimensions of these sizes out of the same positions in the same order; None where a cut would fall unevenly."""
    left = list(segments)
    dimensions = []
    for size in sizes:
        taken: list[Segment] = []
        while size > 1:
            if not left:
                return None
            segment = left.pop(0)
            if segment.size > size and segment.size % size == 0:
                inner = segment.size // size
                left.insert(0, Segment(inner, segment.jumps))
                segment = Segment(size, tuple(jump * inner for jump in segment.jumps))
            if size % segment.size:
                return None
            taken.append(segment)
            size //= segment.size
        dimensions.append(_simplest(taken))
    return None if left else tuple(dimensions)


def _cut_alike(dimensions: Sequence[Dimension]) -> list[tuple[Segment, ...]] | None:
    """The same dimension of several operands: for each segment, what it is in each of them; None where cuts differ."""
    sizes = [segment.size for segment in max(dimensions, key=len)]
    cut = [_regrouped(dimension, sizes) for dimension in dimensions]
    pieces = [[segment for piece in groups for segment in piece] for groups in cut if groups is not None]
    if len(pieces) < len(dimensions) or any(len(segments) != len(sizes) for segments in pieces):
        return None
    return list(zip(*pieces, strict=True))
