"""What the units of a layer answer to many images: the strongest answer of each, and how well it tells classes apart.

Images go through in batches and are forgotten; of each unit the nine strongest answers are kept.

Shapes: N images, B images at once, U units (channels), C channels of the image, K classes, h and w sides of a map.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from saccade.core.progress import Progress, no_progress
from saccade.explain.attribution.frozen import frozen
from saccade.explain.attribution.spatial_layers import SpatialLayer

KEPT = 9  # answers of a unit


@dataclass(frozen=True)
class UnitResponses:
    """What the units of one layer answered.

    Attributes:
        layer: layer.
        largest: strongest answer of each unit to each image, float32 (N, U).
        top_values: strongest answers of each unit, one an image at most, descending, float32 (U, T) with T = min(9, N).
        top_rows: row of the image of each, int64 (U, T).
        top_cells: row and column of the cell that gave it, int64 (U, T, 2).
    """

    layer: SpatialLayer
    largest: np.ndarray
    top_values: np.ndarray
    top_rows: np.ndarray
    top_cells: np.ndarray

    @property
    def is_dead(self) -> np.ndarray:
        """Units that answer the same to every image, bool (U,)."""
        return np.asarray(self.largest.max(axis=0) - self.largest.min(axis=0) <= 1e-12)


def unit_responses(
    network: nn.Module,
    layers: Sequence[SpatialLayer],
    stored_NHWC: np.ndarray,
    read: Callable[[Tensor], Tensor],
    *,
    batch_size: int = 64,
    progress: Progress = no_progress,
) -> list[UnitResponses]:
    """Run images through a network and keep what the units of some layers answered.

    Args:
        network: module that takes what ``read`` gives.
        layers: layers to look at.
        stored_NHWC: images as they lie in data/prepared, one at least.
        read: function from stored images (B, H, W, C) to what the network takes.
        batch_size: images at once.
        progress: callback with images done.

    Returns:
        One a layer.
    """
    parts: list[list[tuple[Tensor, Tensor]]] = [[] for _ in layers]
    for start in range(0, len(stored_NHWC), batch_size):
        x_BCHW = read(torch.from_numpy(np.array(stored_NHWC[start : start + batch_size])))
        for part, output_BUhw in zip(parts, outputs_of_layers(network, x_BCHW, layers), strict=True):
            value_BU, place_BU = output_BUhw.flatten(2).max(dim=2)
            part.append((value_BU.float().cpu(), place_BU.cpu()))
        progress("looking at units", min(start + batch_size, len(stored_NHWC)), len(stored_NHWC))
    return [_gathered(layer, part) for layer, part in zip(layers, parts, strict=True)]


def _gathered(layer: SpatialLayer, parts: list[tuple[Tensor, Tensor]]) -> UnitResponses:
    value_NU, place_NU = (torch.cat(each) for each in zip(*parts, strict=True))
    top_TU, row_TU = value_NU.topk(min(KEPT, len(value_NU)), dim=0)
    place_TU = place_NU.gather(0, row_TU)
    width = layer.sides[1]
    cells_UT2 = torch.stack([place_TU.T // width, place_TU.T % width], dim=2)
    return UnitResponses(layer, value_NU.numpy(), top_TU.T.numpy(), row_TU.T.numpy(), cells_UT2.numpy())


def outputs_of_layers(network: nn.Module, x_BCHW: Tensor, layers: Sequence[SpatialLayer]) -> list[Tensor]:
    """The outputs of several layers from one forward pass, without gradients.

    Args:
        network: module that takes ``x_BCHW``.
        x_BCHW: images as the network takes them.
        layers: layers of it.

    Returns:
        (B, U, h, w) of each.
    """
    kept: dict[nn.Module, list[Tensor]] = {layer.module: [] for layer in layers}
    handles = [
        module.register_forward_hook(lambda module, inputs, output: kept[module].append(output.clone()))
        for module in kept
    ]
    try:
        with frozen(network), torch.no_grad():
            network(x_BCHW)
    finally:
        for handle in handles:
            handle.remove()
    return [kept[layer.module][layer.use] for layer in layers]


def class_separation(values_NU: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """How much of a unit's variance its classes explain (eta squared): 1 tells them apart, 0 says nothing.

    Args:
        values_NU: answers of units.
        labels_N: class ids.

    Returns:
        float64 (U,), in [0, 1]; 0 for a unit that always answers the same.
    """
    values_NU = values_NU.astype(np.float64)
    mean_U = values_NU.mean(axis=0)
    total_U = ((values_NU - mean_U) ** 2).sum(axis=0)
    between_U = np.zeros_like(total_U)
    for k in np.unique(labels_N):
        of_class = values_NU[labels_N == k]
        between_U += len(of_class) * (of_class.mean(axis=0) - mean_U) ** 2
    share_U: np.ndarray = np.divide(between_U, total_U, out=np.zeros_like(total_U), where=total_U > 1e-12)
    return share_U


def favourite_class(values_NU: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """The class whose images a unit answers to most on average, int64 (U,)."""
    classes = np.unique(labels_N)
    means = np.stack([values_NU[labels_N == k].mean(axis=0) for k in classes])
    favourite_U: np.ndarray = classes[means.argmax(axis=0)]
    return favourite_U
