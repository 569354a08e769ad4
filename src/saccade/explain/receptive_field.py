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
class Run:
    """Positions that follow one another in a dimension.

    Attributes:
        size: how many, from 2.
        jumps: how far one position moves along each axis of the input.
    """

    size: int
    jumps: PerAxis


Dimension = tuple[Run, ...]
"""Several runs, the outermost first, where a reshape joined what moves unevenly; none where the size is 1."""


@dataclass(frozen=True)
class Sight:
    """What the elements of one tensor see.

    Attributes:
        dimensions: of the tensor.
        starts: of what element 0 sees, along each axis of the input; below 0 in the padding.
        fields: how many positions every element sees along each axis.
    """

    dimensions: tuple[Dimension, ...]
    starts: PerAxis
    fields: PerAxis

    def covers(self, sides: Sequence[int]) -> bool:
        """Whether every element sees all of an input with these sides."""
        moves = any(any(run.jumps) for dimension in self.dimensions for run in dimension)
        spans = zip(self.starts, self.fields, sides, strict=True)
        return not moves and all(start <= 0 and start + field >= side for start, field, side in spans)

    def with_dimension(self, at: int, dimension: Dimension) -> "Sight":
        """The same with another dimension ``at``."""
        return replace(self, dimensions=(*self.dimensions[:at], dimension, *self.dimensions[at + 1 :]))

    def without_dimension(self, at: int) -> "Sight":
        """The same without dimension ``at``, whose size must be 1 or which was swallowed."""
        return replace(self, dimensions=self.dimensions[:at] + self.dimensions[at + 1 :])


def of_input(shape: Sequence[int], axes: Sequence[int]) -> Sight:
    """What the elements of the input see: one position each.

    Args:
        shape: of the batch.
        axes: the dimensions to follow, such as (2, 3) of (B, C, H, W).

    Returns:
        What the forward pass begins with.
    """
    none = (0,) * len(axes)
    sight = Sight(tuple(still(size, len(axes)) for size in shape), none, (1,) * len(axes))
    for number, axis in enumerate(axes):
        jumps = tuple(int(other == number) for other in range(len(axes)))
        sight = sight.with_dimension(axis, _simplest([Run(shape[axis], jumps)]))
    return sight


def still(size: int, num_axes: int) -> Dimension:
    """A dimension along which nothing moves, such as channels."""
    return (Run(size, (0,) * num_axes),) if size > 1 else ()


def swallow(sight: Sight, at: int, axes: Iterable[int] | None = None) -> Sight:
    """Every element along dimension ``at`` sees what all of them saw: a sum, a maximum, a matrix product.

    Args:
        sight: before.
        at: the dimension.
        axes: of the input, when only some are meant.

    Returns:
        Of the same shape.
    """
    axes = set(range(len(sight.starts)) if axes is None else axes)
    runs = []
    for run in sight.dimensions[at]:
        sight = _reach(
            sight, tuple((run.size - 1) * jump if axis in axes else 0 for axis, jump in enumerate(run.jumps))
        )
        runs.append(Run(run.size, tuple(0 if axis in axes else jump for axis, jump in enumerate(run.jumps))))
    return sight.with_dimension(at, _simplest(runs))


def mix(sights: Sequence[Sight], shape: Sequence[int]) -> Sight:
    """Every element of the result, of any shape, sees what any element of any operand saw."""
    swallowed = []
    for sight in sights:
        for at in range(len(sight.dimensions)):
            sight = swallow(sight, at)
        swallowed.append(sight)
    starts, fields = _union(swallowed)
    return Sight(tuple(still(size, len(starts)) for size in shape), starts, fields)


def merge(sights: Sequence[Sight], shape: Sequence[int]) -> Sight:
    """Element by element, broadcast to ``shape``: a residual sum, a gate."""
    sights = [replace(s, dimensions=((),) * (len(shape) - len(s.dimensions)) + s.dimensions) for s in sights]
    num_axes = len(sights[0].starts)
    dimensions: list[Dimension] = []
    for at, size in enumerate(shape):
        runs = _cut_alike([sight.dimensions[at] or still(size, num_axes) for sight in sights])
        if runs is None:
            sights = [swallow(sight, at) for sight in sights]
            dimensions.append(still(size, num_axes))
            continue
        # Where branches move differently along an axis, no single jump is true of the result.
        uneven = {axis for axis in range(num_axes) for run in runs if len({other.jumps[axis] for other in run}) > 1}
        sights = [swallow(sight, at, uneven) for sight in sights]
        jumps = [tuple(0 if axis in uneven else jump for axis, jump in enumerate(run[0].jumps)) for run in runs]
        dimensions.append(_simplest([Run(run[0].size, jump) for run, jump in zip(runs, jumps, strict=True)]))
    starts, fields = _union(sights)
    return Sight(tuple(dimensions), starts, fields)


def reshape(sight: Sight, shape: Sequence[int]) -> Sight:
    """The same elements in the same order, in another shape."""
    dimensions = _regrouped([run for dimension in sight.dimensions for run in dimension], shape)
    return mix([sight], shape) if dimensions is None else replace(sight, dimensions=dimensions)


def slide(
    sight: Sight, at: int, side: int, *, kernel_size: int = 1, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Sight:
    """Windows along dimension ``at``: a convolution or a pooling.

    Args:
        sight: before.
        at: the dimension.
        side: how many windows there are.
        kernel_size: positions a window.
        stride: positions between two windows.
        padding: positions before the first; below 0 where the first window begins later.
        dilation: positions between two that a window looks at.

    Returns:
        With ``side`` positions in that dimension.
    """
    num_axes = len(sight.starts)
    runs = sight.dimensions[at] or (Run(1, (0,) * num_axes),)
    if len(runs) > 1:
        return swallow(sight, at).with_dimension(at, still(side, num_axes))
    jumps = runs[0].jumps
    starts = tuple(start - padding * jump for start, jump in zip(sight.starts, jumps, strict=True))
    sight = _reach(replace(sight, starts=starts), tuple((kernel_size - 1) * dilation * jump for jump in jumps))
    return sight.with_dimension(at, _simplest([Run(side, tuple(stride * jump for jump in jumps))]))


def narrow(sight: Sight, at: int, first: int, size: int, step: int = 1) -> Sight:
    """``size`` positions of dimension ``at``, from ``first``, every ``step``-th."""
    if (first, step, size) == (0, 1, math.prod(run.size for run in sight.dimensions[at])):
        return sight
    return slide(sight, at, size, stride=step, padding=-first)


def join(sights: Sequence[Sight], at: int, shape: Sequence[int]) -> Sight:
    """One behind the other along dimension ``at``, into ``shape``: parallel branches, the steps of a loop."""
    first = sights[0]
    distances = {
        tuple(b - a for a, b in zip(one.starts, two.starts, strict=True)) for one, two in itertools.pairwise(sights)
    }
    alike = all(sight.dimensions == first.dimensions and sight.fields == first.fields for sight in sights)
    if alike and len(distances) == 1:  # the same distance between all: strips of an image, say
        return first.with_dimension(at, _simplest([Run(len(sights), distances.pop()), *first.dimensions[at]]))
    lone = [*shape[:at], 1, *shape[at + 1 :]]
    whole = merge([swallow(sight, at).with_dimension(at, ()) for sight in sights], lone)
    return whole.with_dimension(at, still(shape[at], len(first.starts)))


def _reach(sight: Sight, further: PerAxis) -> Sight:
    """Every element sees so much further, towards the end of an axis or, where below 0, towards its beginning."""
    return replace(
        sight,
        starts=tuple(start + min(reach, 0) for start, reach in zip(sight.starts, further, strict=True)),
        fields=tuple(field + abs(reach) for field, reach in zip(sight.fields, further, strict=True)),
    )


def _union(sights: Sequence[Sight]) -> tuple[PerAxis, PerAxis]:
    starts = tuple(min(starts) for starts in zip(*(sight.starts for sight in sights), strict=True))
    ends = zip(*([s + f for s, f in zip(sight.starts, sight.fields, strict=True)] for sight in sights), strict=True)
    return starts, tuple(max(end) - start for end, start in zip(ends, starts, strict=True))


def _simplest(runs: Iterable[Run]) -> Dimension:
    """Without runs of size 1, and neighbours that move alike as one: every dimension is kept in this form."""
    simplest: list[Run] = []
    for run in runs:
        if simplest and simplest[-1].jumps == tuple(run.size * jump for jump in run.jumps):
            simplest[-1] = Run(simplest[-1].size * run.size, run.jumps)
        elif run.size > 1:
            simplest.append(run)
    return tuple(simplest)


def _regrouped(runs: Sequence[Run], sizes: Sequence[int]) -> tuple[Dimension, ...] | None:
    """Dimensions of these sizes out of the same positions in the same order; None where a cut would fall unevenly."""
    left = list(runs)
    dimensions = []
    for size in sizes:
        taken: list[Run] = []
        while size > 1:
            if not left:
                return None
            run = left.pop(0)
            if run.size > size and run.size % size == 0:
                inner = run.size // size
                left.insert(0, Run(inner, run.jumps))
                run = Run(size, tuple(jump * inner for jump in run.jumps))
            if size % run.size:
                return None
            taken.append(run)
            size //= run.size
        dimensions.append(_simplest(taken))
    return None if left else tuple(dimensions)


def _cut_alike(dimensions: Sequence[Dimension]) -> list[tuple[Run, ...]] | None:
    """The same dimension of several operands: for each run, what it is in each of them; None where cuts differ."""
    sizes = [run.size for run in max(dimensions, key=len)]
    cut = [_regrouped(dimension, sizes) for dimension in dimensions]
    pieces = [[run for piece in groups for run in piece] for groups in cut if groups is not None]
    if len(pieces) < len(dimensions) or any(len(runs) != len(sizes) for runs in pieces):
        return None
    return list(zip(*pieces, strict=True))
