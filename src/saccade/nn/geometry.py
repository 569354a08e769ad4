"""Output sides of convolutions and poolings, and whether an input is large enough for a row of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from saccade.core.errors import UserError
from saccade.nn.arguments import PaddingName, check_choice


def output_side(side: int, kernel_size: int, *, stride: int = 1, padding: int = 0) -> int:
    """Output side of a convolution or pooling: ``floor((i - k + 2p) / s) + 1``; not above 0 when nothing is left.

    >>> output_side(32, 5)
    28
    >>> output_side(28, 2, stride=2)
    14
    """
    return (side - kernel_size + 2 * padding) // stride + 1


@dataclass(frozen=True)
class Window:
    """A convolution or a pooling, as far as it decides the side of what it returns.

    Attributes:
        name: name of the layer, for people.
        kernel_size: positions a side.
        stride: positions between two windows.
        padding: positions added at each end.
    """

    name: str
    kernel_size: int
    stride: int = 1
    padding: int = 0

    def output_side(self, side: int) -> int:
        """Output side for an input side; not above 0 when nothing is left."""
        return output_side(side, self.kernel_size, stride=self.stride, padding=self.padding)


def output_sides(
    model: str, sides: Sequence[int], windows: Sequence[Window], *, min_left: int = 1, remedy: str = ""
) -> tuple[int, ...]:
    """The sides that are left after a chain of windows.

    Args:
        model: name of the model, for the error.
        sides: height and width in pixels, or the one length of a sequence.
        windows: convolutions and poolings in the order of computation.
        min_left: number of positions that a side must have left at the end, from 1.
        remedy: advice besides larger inputs, ending with "; or ".

    Returns:
        A side for each of ``sides``.

    Raises:
        UserError: nothing is left after one of the windows, or too little at the end; it names the layer and the least
            side that works.
    """
    left = list(sides)
    for number, window in enumerate(windows, 1):
        before, left = left, [window.output_side(side) for side in left]
        needed = min_left if number == len(windows) else 1
        if min(left) >= needed:
            continue
        least = min_side(windows, min_left)
        given = "x".join(map(str, sides))
        what = "images: a side" if len(sides) > 1 else "steps: there"
        raise UserError(
            f"{model} cannot take {given} {what} must be at least {least}. At {window.name} "
            f"(window {window.kernel_size}, stride {window.stride}, padding {window.padding}) "
            f"{'x'.join(map(str, before))} positions arrive and {'x'.join(str(max(side, 0)) for side in left)} are left"
            f"{f', of {min_left} needed' if min_left > 1 else ''}; "
            f"{remedy}{'enlarge them with preprocess.size' if len(sides) > 1 else 'take longer sequences'}"
        )
    return tuple(left)


def min_side(windows: Sequence[Window], min_left: int = 1) -> int:
    """The least side, below 10,000, of which a chain of windows leaves ``min_left`` positions."""
    return next(side for side in range(1, 10_000) if _is_enough(side, windows, min_left))


def _is_enough(side: int, windows: Sequence[Window], min_left: int) -> bool:
    for window in windows:
        side = window.output_side(side)
        if side < 1:
            return False
    return side >= min_left


def padding_size(name: PaddingName, kernel_size: int) -> int:
    """Positions of zeros at each end: none for valid; for same, what keeps the side at stride 1 (odd kernels only)."""
    check_choice("padding", name, ("valid", "same"))
    if name == "same" and kernel_size % 2 == 0:
        raise UserError(f"padding (same) needs an odd kernel, not {kernel_size}: choose {kernel_size - 1}, or valid")
    return kernel_size // 2 if name == "same" else 0
