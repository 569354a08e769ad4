"""The part of an image that a cell sees, and what of it the cell's answer goes back to.

Shapes: C channels, H height, W width of the image; h, w sides of a patch.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from saccade.explain.attribution.frozen import frozen
from saccade.explain.attribution.relu_rules import ReluRule
from saccade.explain.attribution.spatial_layers import SpatialLayer


def patch_box(layer: SpatialLayer, cell: Sequence[int]) -> tuple[int, int, int, int]:
    """What a cell of a layer sees: first row and column, and those behind the last; outside of the image too."""
    (top, bottom), (left, right) = (axis.seen(int(place)) for axis, place in zip(layer.axes, cell, strict=True))
    return top, left, bottom, right


def cut(image_HWC: np.ndarray, box: tuple[int, int, int, int], value: float) -> np.ndarray:
    """A box of an image, filled up where it lies outside; no larger than the image along a side that it covers.

    Args:
        image_HWC: image, or map with a last axis.
        box: first row and column, and those behind the last.
        value: value of what lies outside.

    Returns:
        float64 (h, w, C).
    """
    height, width, channels = image_HWC.shape
    top, left, bottom, right = box
    if bottom - top >= height:
        top, bottom = 0, height
    if right - left >= width:
        left, right = 0, width
    patch_hwC = np.full((bottom - top, right - left, channels), value, dtype=np.float64)
    rows, columns = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
    inside = image_HWC[rows, columns]
    patch_hwC[
        rows.start - top : rows.start - top + len(inside), columns.start - left : columns.start - left + inside.shape[1]
    ] = inside
    return patch_hwC


def unit_backprojection(
    network: nn.Module, x_BCHW: Tensor, layer: SpatialLayer, unit: int, cells_B2: np.ndarray, *, deconvolve: bool
) -> Tensor:
    """One cell's answer sent back to the image.

    Args:
        network: module that takes ``x_BCHW``.
        x_BCHW: images as the network takes them.
        layer: layer of the cell.
        unit: channel of the layer.
        cells_B2: row and column of the cell, one an image.
        deconvolve: by the rule of deconvolution at each ReLU; else the gradient.

    Returns:
        (B, C, H, W), with sign; zeros outside of what the cell sees.
    """
    kept: list[Tensor] = []
    handle = layer.module.register_forward_hook(lambda module, inputs, output: _keep(kept, output))
    x_BCHW = x_BCHW.detach().requires_grad_()
    try:
        with frozen(network):
            if deconvolve:
                with ReluRule("deconvolution"):
                    network(x_BCHW)
            else:
                network(x_BCHW)
            rows_B, columns_B = torch.as_tensor(cells_B2, device=x_BCHW.device).T
            answer_B = kept[layer.use][torch.arange(len(x_BCHW), device=x_BCHW.device), unit, rows_B, columns_B]
            (gradient,) = torch.autograd.grad(answer_B.sum(), x_BCHW)
    finally:
        handle.remove()
    return gradient


def _keep(kept: list[Tensor], output: Tensor) -> Tensor:
    kept.append(output)
    return output.clone()


def answer_of_patch(
    network: nn.Module,
    x_CHW: Tensor,
    layer: SpatialLayer,
    unit: int,
    cell: Sequence[int],
    *,
    around: float = 0.0,
) -> float:
    """A cell's answer where nothing but its patch is left of the image.

    Args:
        network: module that takes images.
        x_CHW: image as the network takes it.
        layer: layer of the cell.
        unit: channel of the layer.
        cell: row and column of the cell.
        around: value of all that the cell does not see.

    Returns:
        The answer: that to the whole image, where the receptive field is right.
    """
    top, left, bottom, right = patch_box(layer, cell)
    alone_CHW = torch.full_like(x_CHW, around)
    rows, columns = slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))
    alone_CHW[:, rows, columns] = x_CHW[:, rows, columns]
    kept: list[Tensor] = []
    handle = layer.module.register_forward_hook(lambda module, inputs, output: _keep(kept, output))
    try:
        with frozen(network), torch.no_grad():
            network(alone_CHW[None])
    finally:
        handle.remove()
    return float(kept[layer.use][0, unit, int(cell[0]), int(cell[1])])
