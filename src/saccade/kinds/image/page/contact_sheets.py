"""Prepared images as pictures of a page: which of them, how many, how large.

Shapes: N images, H height, W width, C channels, K classes.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.data.sampling import rows_of_classes, spread
from saccade.display.embedded import data_uri
from saccade.display.page import Name, PageImage

MAX_CLASSES = 40  # that get a sheet
_MAX_A_CLASS = 14  # one line of a wide window
_FEW_A_CLASS = 8  # below it, larger images are shrunk so that more of them are seen
_MAX_BYTES = 2_000_000  # of all sheets together, about
_PORTRAIT_SIDE = 128  # pixels, at most, of an image that is shown with its name
_SMALL_SIDE = 32  # pixels; up to it an image is stored without loss, and enlarged
_SHEET_SIDE = 48  # pixels at which an image is shown, at least
_MARGIN = 6
_LONGEST_LABEL = 24  # characters
_SAMPLES = 10  # a class, of samples.png


@dataclass(frozen=True)
class SheetPlan:
    """What fits on a page.

    Attributes:
        classes: which classes get a sheet, in their order, spread over all.
        most: images of each.
        shrunk: by what whole number the sides are divided.
    """

    classes: list[int]
    most: int
    shrunk: int


def plan_sheets(num_classes: int, shape: Sequence[int]) -> SheetPlan:
    """Choose how many classes and images to show, and how small, so that the page stays at a few MB.

    Args:
        num_classes: K.
        shape: (H, W, C) of the images.

    Returns:
        At least one image of each chosen class.
    """
    classes = spread(np.arange(num_classes), MAX_CLASSES).tolist()
    shrunk = 1
    while True:
        side = max(shape[:2]) // shrunk
        pixels = shape[0] * shape[1] / shrunk**2
        stored = 100 + pixels * shape[2] if side <= _SMALL_SIDE else 700 + 0.4 * pixels  # bytes: PNG, JPEG
        most = int(_MAX_BYTES / (len(classes) * stored))
        if most >= _FEW_A_CLASS or side <= 2 * _SMALL_SIDE:
            return SheetPlan(classes, max(1, min(most, _MAX_A_CLASS)), shrunk)
        shrunk *= 2


def portrait(image_HWC: np.ndarray) -> PageImage:
    """One image, large enough to look at; large ones shrunk."""
    side = max(image_HWC.shape[:2])
    return _picture(image_HWC, shrunk=-(-side // _PORTRAIT_SIDE), zoom=max(1, _PORTRAIT_SIDE // side))


def sheet_picture(image_HWC: np.ndarray, shrunk: int) -> PageImage:
    """One image among many of its class."""
    side = max(image_HWC.shape[:2]) // shrunk
    return _picture(image_HWC, shrunk=shrunk, zoom=max(1, -(-_SHEET_SIDE // max(side, 1))))


def line_picture(image_HWC: np.ndarray) -> PageImage:
    """A stored line, without the columns that only fill it up."""
    from saccade.kinds.image.pixels.line import real_columns

    return _picture(image_HWC[:, : real_columns(image_HWC)], shrunk=1, zoom=1)


def _picture(image_HWC: np.ndarray, *, shrunk: int, zoom: int) -> PageImage:
    image = _as_pillow(image_HWC, shrunk)
    is_small = max(image.size) <= _SMALL_SIDE
    file = io.BytesIO()
    if is_small:
        image.save(file, "PNG", optimize=True)
    else:
        image.save(file, "JPEG", quality=88, optimize=True)
    uri = data_uri(file.getvalue(), "png" if is_small else "jpeg")
    return PageImage(uri, image.width * zoom, image.height * zoom, is_enlarged=zoom > 1)


def _as_pillow(image_HWC: np.ndarray, shrunk: int) -> Any:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(image_HWC[..., 0] if image_HWC.shape[2] == 1 else image_HWC))
    return image.reduce(shrunk) if shrunk > 1 else image


def draw_samples(images_NHWC: np.ndarray, labels_N: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """One row a class: its name, then some of its images, enlarged by whole pixels where they are small.

    Args:
        images_NHWC: uint8, may be memory-mapped.
        labels_N: class ids.
        classes: the K names; of many, some are drawn.
        path: the PNG to write.
    """
    from PIL import Image, ImageDraw, ImageFont

    plan = plan_sheets(len(classes), images_NHWC.shape[1:])
    height, width = _as_pillow(images_NHWC[0], plan.shrunk).size[::-1]
    zoom = max(1, -(-_SHEET_SIDE // min(height, width)))
    font = ImageFont.load_default(size=16)
    names = [Name(classes[k]).escaped for k in plan.classes]
    names = [name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + "..." for name in names]
    label_width = int(max(font.getlength(name) for name in names)) + 2 * _MARGIN
    step_y, step_x = height * zoom + _MARGIN, width * zoom + _MARGIN
    sheet = Image.new("RGB", (label_width + _SAMPLES * step_x + _MARGIN, len(names) * step_y + _MARGIN), "white")
    pen = ImageDraw.Draw(sheet)
    for n, (name, rows) in enumerate(
        zip(names, rows_of_classes(labels_N, plan.classes, min(plan.most, _SAMPLES)), strict=True)
    ):
        top = _MARGIN + n * step_y
        pen.text((_MARGIN, top + height * zoom // 2), name, fill="black", font=font, anchor="lm")
        for column, row in enumerate(rows):
            image = _as_pillow(images_NHWC[row], plan.shrunk)
            big = image.resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
            sheet.paste(big.convert("RGB"), (label_width + column * step_x, top))
    sheet.save(path)
