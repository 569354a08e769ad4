"""Pictures inside a sheet: images, maps over images, values with a sign, many small ones as one.

Shapes: H height, W width, C channels, N pictures.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from saccade.display.style import BLUE, GREY, ORANGE

_BETWEEN = (0.72, 0.84, 0.94)  # neither white, grey nor black, as pictures are
_BRIGHT_SHARE = 0.995  # of the pixels lie below the brightest shade: one pixel shall not darken all others


def show_image(axes: Any, image_HWC: np.ndarray) -> None:
    """Draw an image of 0 to 255, grey or colour, without axes."""
    axes.set_axis_off()
    image_HWC = np.asarray(image_HWC, dtype=np.float64).clip(0, 255) / 255
    axes.imshow(image_HWC if image_HWC.shape[2] == 3 else image_HWC[:, :, 0], cmap="gray", vmin=0, vmax=1)


def show_map(axes: Any, image_HWC: np.ndarray, map_HW: np.ndarray, top: float, *, is_overlay: bool) -> None:
    """Draw a map of values from 0: over the image, which shines through where there is little, or by itself.

    Args:
        axes: axes to draw into.
        image_HWC: image of 0 to 255.
        map_HW: map, in the sides of the image.
        top: value of the brightest shade; 0: the map is dark.
        is_overlay: whether the image is to be seen.
    """
    axes.set_axis_off()
    colors_HWC = over_image(image_HWC, map_HW, top) if is_overlay else _in_colors(_shares(map_HW, top))
    axes.imshow(colors_HWC.clip(0, 1), interpolation="nearest")


def over_image(image_HWC: np.ndarray, map_HW: np.ndarray, top: float) -> np.ndarray:
    """A map of values from 0 in colours over a grey image, which shines through where there is little.

    Args:
        image_HWC: image of 0 to 255.
        map_HW: map, in the sides of the image.
        top: value of the brightest shade; 0: the map is dark.

    Returns:
        Float64 (H, W, 3) of 0 to 1.
    """
    share_HW = _shares(map_HW, top)
    grey_HW = np.asarray(image_HWC, dtype=np.float64).mean(axis=2) / 255
    over_HW1 = (0.15 + 0.75 * share_HW**0.5)[:, :, None]
    colors_HWC = (1 - over_HW1) * (0.1 + 0.8 * grey_HW[:, :, None]) + over_HW1 * _in_colors(share_HW)
    return np.asarray(colors_HWC.clip(0, 1))


def _shares(map_HW: np.ndarray, top: float) -> np.ndarray:
    return (map_HW / top).clip(0, 1) if top > 0 else np.zeros_like(map_HW)


def _in_colors(share_HW: np.ndarray) -> np.ndarray:
    import matplotlib

    return np.asarray(matplotlib.colormaps["inferno"](share_HW)[:, :, :3])


def show_signed(axes: Any, map_HW: np.ndarray, top: float) -> None:
    """Draw values with a sign: blue speaks for the class, orange against it, white does neither; as in texts."""
    from matplotlib.colors import LinearSegmentedColormap

    axes.set(xticks=[], yticks=[])
    colors = LinearSegmentedColormap.from_list("signed", [ORANGE, "white", BLUE])
    top = top or 1.0
    axes.imshow(map_HW, cmap=colors, vmin=-top, vmax=top, interpolation="nearest")
    for side in axes.spines.values():
        side.set(visible=True, color=GREY)


def say_no_evidence(axes: Any) -> None:
    """Write across a map that nothing in it speaks for the class."""
    axes.text(
        0.5, 0.5, "no positive\nevidence", transform=axes.transAxes, ha="center", va="center", fontsize=9,
        color="white", bbox={"facecolor": "black", "alpha": 0.65, "linewidth": 0, "pad": 2},
    )  # fmt: skip


def brightest(maps: Sequence[np.ndarray]) -> float:
    """The value of the brightest shade for several maps on one scale."""
    return max((float(np.quantile(np.abs(map_HW), _BRIGHT_SHARE)) for map_HW in maps), default=0.0) or max(
        (float(np.abs(map_HW).max()) for map_HW in maps), default=0.0
    )


def montage(pictures_NHWC: Sequence[np.ndarray], columns: int, gap: int = 1) -> np.ndarray:
    """Several pictures of 0 to 1 and of the same sides as one, pale blue between them and where one is missing.

    Args:
        pictures_NHWC: at least one, grey (H, W) or colour (H, W, 3).
        columns: pictures side by side.
        gap: pixels between two.

    Returns:
        float64 (H, W, 3).
    """
    height, width = pictures_NHWC[0].shape[:2]
    rows = -(-len(pictures_NHWC) // columns)
    sheet_HWC = np.empty((rows * (height + gap) - gap, columns * (width + gap) - gap, 3))
    sheet_HWC[:] = _BETWEEN
    for number, picture in enumerate(pictures_NHWC):
        top, left = (number // columns) * (height + gap), (number % columns) * (width + gap)
        colored_HWC = picture if picture.ndim == 3 and picture.shape[2] == 3 else picture.reshape(height, width, 1)
        sheet_HWC[top : top + height, left : left + width] = colored_HWC
    return sheet_HWC


def around_grey(values: np.ndarray) -> np.ndarray:
    """Values with a sign brought to 0..1, 0 becoming the grey between black and white."""
    top = float(np.abs(values).max())
    return values / (2 * top) + 0.5 if top > 0 else np.full_like(values, 0.5, dtype=np.float64)
