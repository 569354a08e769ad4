"""Occlusion: what covering a window of the input takes away from a class's score. It asks for no gradient.

Source: M. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", 2013.

Shapes: B batch, C channels, H height, W width, K classes, P windows.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from saccade.explain.attribution.frozen import frozen
from saccade.explain.attribution.gradients import class_scores

_WINDOWS = 8  # a side, without overlap, where no window is given
_BATCH_SIZE = 32


def default_window(sides: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """A window of an eighth of each side, 2 pixels at least, and half of it as stride."""
    height, width = (max(2, side // _WINDOWS) for side in sides)
    return (height, width), (max(1, height // 2), max(1, width // 2))


def occlusion(
    network: nn.Module,
    x_BCHW: Tensor,
    class_B: Tensor,
    *,
    window: tuple[int, int] | None = None,
    stride: tuple[int, int] | None = None,
    value: float = 0.0,
    batch_size: int = _BATCH_SIZE,
) -> Tensor:
    """The score less the score with a window covered, a mean over the windows that cover a pixel.

    Args:
        network: module from float (B, C, H, W) to scores (B, K).
        x_BCHW: images as the network takes them.
        class_B: class of each example, int64 (B,).
        window: height and width that are covered at once; None: an eighth of each side.
        stride: distance between windows, at most the window; None: half of it. The last window may be cut off.
        value: what covers: 0 is the mean colour of the training data, after normalising.
        batch_size: covered images at once, at least.

    Returns:
        Of the shape of ``x_BCHW``, the same in all channels, with sign.
    """
    height, width = x_BCHW.shape[2:]
    usual_window, usual_stride = default_window((height, width))
    window = window or usual_window
    stride = stride or (usual_stride if window == usual_window else (max(1, window[0] // 2), max(1, window[1] // 2)))
    B = len(x_BCHW)
    total_BHW, count_HW = x_BCHW.new_zeros(B, height, width), x_BCHW.new_zeros(height, width)
    with frozen(network), torch.no_grad():
        score_B = class_scores(network, x_BCHW, class_B)
        places = list(_places((height, width), window, stride))
        at_once = max(1, batch_size // B)
        for start in range(0, len(places), at_once):
            some = places[start : start + at_once]
            covered_PBCHW = x_BCHW.repeat(len(some), 1, 1, 1, 1)
            for covered_BCHW, (rows, columns) in zip(covered_PBCHW, some, strict=True):
                covered_BCHW[:, :, rows, columns] = value
            scores_PB = class_scores(network, covered_PBCHW.flatten(0, 1), class_B.repeat(len(some))).view(-1, B)
            for lost_B, (rows, columns) in zip(score_B - scores_PB, some, strict=True):
                total_BHW[:, rows, columns] += lost_B[:, None, None]
                count_HW[rows, columns] += 1
    return (total_BHW / count_HW)[:, None].expand_as(x_BCHW).clone()


def num_windows(sides: tuple[int, int]) -> int:
    """How many forward passes an image of these sides takes, with the usual window."""
    return len(list(_places(sides, *default_window(sides))))


def _places(sides: tuple[int, int], window: tuple[int, int], stride: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    starts = [
        range(0, 1 + -(-max(side - size, 0) // step) * step, step)
        for side, size, step in zip(sides, window, stride, strict=True)
    ]
    for top in starts[0]:
        for left in starts[1]:
            yield slice(top, top + window[0]), slice(left, left + window[1])
