"""What a network is made of inside, drawn: first filters, maps of one example a class, units and what excites them.

Shapes: N examples, H height, W width, C channels, K classes, U units, h and w sides of a map.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.display.style import BLUE, GREY, new_figure, save_figure, shorten, style
from saccade.explain.sheets.pictures import montage, show_image
from saccade.explain.units.filters import Filters, as_pictures

_MAX_FILTERS = 128
_CELL = 0.95  # inches
_ACTIVATIONS = "from pixels to the last layer: one example a class\nthe units of each that tell classes apart most"


def draw_filters(filters: Filters, path: Path) -> None:
    """Draw the filters of the first layer, each with the wave it answers to most.

    Args:
        filters: filters of a layer.
        path: the PNG to write.
    """
    pictures = as_pictures(filters.weights[:_MAX_FILTERS])
    columns = min(len(pictures), 8 if len(pictures) <= 32 else 12)
    rows = -(-len(pictures) // columns)
    repeated = {second: first for first, second in reversed(filters.duplicates)}
    count, _, height, width = filters.weights.shape
    shown = "" if count <= _MAX_FILTERS else f", the first {_MAX_FILTERS}"
    title = (
        f"{filters.layer}: {count:,} filters of {height}×{width}{shown}; {int(filters.is_dead.sum())} dead, "
        f"{filters.num_repeated} repeated\nbelow each: cycles a pixel of its strongest wave, and how its stripes lie"
    )
    with style():
        figure = new_figure(max(_CELL * columns + 0.2, 6.4), (_CELL + 0.28) * rows + 0.65)
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        all_axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axes in all_axes:
            axes.set_axis_off()
        for number, (axes, picture) in enumerate(zip(all_axes, pictures, strict=False)):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_title(_filter_caption(filters, number, repeated), fontsize=7.5, y=-0.24, loc="center", color=GREY)
        save_figure(figure, path)


def _filter_caption(filters: Filters, number: int, repeated: dict[int, int]) -> str:
    if filters.is_dead[number]:
        return "dead"
    if number in repeated:
        return f"as {repeated[number] + 1}"
    frequency = float(filters.frequency[number])
    return "mean" if frequency == 0 else f"{frequency:.2f}  {stripes(float(filters.orientation[number]))}"


def stripes(orientation: float) -> str:
    """How stripes lie, as a sign and degrees: | upright, - lying, and between."""
    if math.isnan(orientation):
        return ""
    signs = ("|", "/", "—", "\\")
    return f"{signs[round(orientation / 45) % 4]} {orientation:.0f}°"


@dataclass(frozen=True)
class LayerMaps:
    """Maps of a layer for a few examples.

    Attributes:
        title: name of the layer and sides of its maps.
        maps: maps of the units that are shown, float (N, U, h, w).
        units: numbers of these units.
    """

    title: str
    maps: np.ndarray
    units: Sequence[int]


def draw_activations(
    images_NHWC: Sequence[np.ndarray],
    names: Sequence[str],
    layers: Sequence[LayerMaps],
    path: Path,
    *,
    title: str = _ACTIVATIONS,
) -> None:
    """Draw one example a class, and beside it what it becomes from layer to layer.

    Args:
        images_NHWC: what the network saw, of 0 to 255, one a class.
        names: classes.
        layers: maps of each layer, of the same units for all examples, each unit on one scale.
        path: the PNG to write.
        title: first lines of the sheet.
    """
    with style():
        figure = new_figure(1.35 * (len(layers) + 1) + 0.3, 1.35 * len(images_NHWC) + 1.2)
        figure.suptitle(
            f"{title}\nbright: a strong answer, on one scale for a unit",
            x=0.01, ha="left", fontsize=10,
        )  # fmt: skip
        grid = figure.subplots(len(images_NHWC), len(layers) + 1, squeeze=False)
        for number, (image_HWC, name, all_axes) in enumerate(zip(images_NHWC, names, grid, strict=True)):
            show_image(all_axes[0], image_HWC)
            all_axes[0].set_title(shorten(name, 16), fontsize=9, color=BLUE)
            for layer, axes in zip(layers, all_axes[1:], strict=True):
                axes.set_axis_off()
                columns = math.ceil(math.sqrt(len(layer.units)))
                low_U, high_U = layer.maps.min(axis=(0, 2, 3)), layer.maps.max(axis=(0, 2, 3))
                span_U11 = np.maximum(high_U - low_U, 1e-12)[:, None, None]
                shown_Uhw = (layer.maps[number] - low_U[:, None, None]) / span_U11
                gap = max(1, layer.maps.shape[3] // 12)
                axes.imshow(montage([*shown_Uhw], columns, gap), interpolation="nearest")
                if number == 0:
                    axes.set_title(layer.title, fontsize=8)
        save_figure(figure, path)


@dataclass(frozen=True)
class UnitPatches:
    """One unit and what excites it.

    Attributes:
        title: number of the unit, what it stands for and how far it tells classes apart.
        patches: patches of 0 to 1 that excite it most, the strongest first.
        backprojections: what of each its answer goes back to, of 0 to 1.
    """

    title: str
    patches: Sequence[np.ndarray]
    backprojections: Sequence[np.ndarray]


def draw_units(layers: Sequence[tuple[str, Sequence[UnitPatches]]], method: str, path: Path) -> None:
    """Draw for each layer a few units: the nine patches that excite each most, and their backprojections.

    Args:
        layers: title of each layer and its units.
        method: what the right half of each pair is, such as deconvolution.
        path: the PNG to write.
    """
    most = max(len(units) for _, units in layers)
    with style():
        figure = new_figure(1.5 * 2 * most + 0.3, 1.95 * len(layers) + 0.9)
        figure.suptitle(
            "units that say most of the label: the patches of the training data that excite each most, "
            f"and right of them their {method}\nbeside each unit: the class or number that it rises with "
            "(-: falls with), and the share of its variance that labels explain",
            x=0.01, ha="left", fontsize=10,
        )  # fmt: skip
        grid = figure.subplots(len(layers), 2 * most, squeeze=False)
        for (title, units), all_axes in zip(layers, grid, strict=True):
            for axes in all_axes:
                axes.set_axis_off()
            for place, unit in enumerate(units):
                for axes, pictures in zip(
                    all_axes[2 * place : 2 * place + 2], (unit.patches, unit.backprojections), strict=True
                ):
                    gap = max(1, pictures[0].shape[1] // 12)
                    axes.imshow(montage(pictures, 3, gap), interpolation="nearest")
                first = f"{title}\n" if place == 0 else "\n"
                all_axes[2 * place].set_title(f"{first}{unit.title}", fontsize=8, loc="left")
        save_figure(figure, path)
