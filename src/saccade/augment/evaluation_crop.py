"""How much of an image evaluation looks at: as much of its middle as the views of training show of the whole.

A crop that is enlarged to the size of the images shows things larger than the image does, and a network that learnt
from such views meets smaller things in whole images. Looking at a middle of the same share of each side makes them as
large again.

Nothing is imported here that takes time, for ``saccade check`` reads this file.

Source: H. Touvron, A. Vedaldi, M. Douze, H. Jégou, Fixing the Train-Test Resolution Discrepancy, NeurIPS 2019,
https://arxiv.org/abs/1906.06423. The paper enlarges the images of evaluation, and so feeds the network more pixels;
here it gets the size that it was trained with.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

DEFAULT_SHARE = 0.875
"""Of crops of random sizes: 224 of 256 pixels, as torchvision's presets evaluate what RandomResizedCrop trained
(https://github.com/pytorch/vision/blob/main/references/classification/presets.py); timm's ``DEFAULT_CROP_PCT`` too."""

_CROPS = ("RandomCrop", "CenterCrop", "AtLeastOneBBoxRandomCrop")
_TURNS = ("D4", "RandomRotate90", "SquareSymmetry", "Transpose")  # they change the size of what is no square
_PADS = ("Crop", "Pad", "PadIfNeeded")  # to a size that takes their whole arguments to know
_OTHER_SCALES = ("CropAndPad", "LongestMaxSize", "RandomScale", "SafeRotate", "SmallestMaxSize")  # smaller, maybe
_HALF_THE_TIME = ("Affine", "OneOf", "Sequential")  # of what is told apart here, where no p stands; else always


def evaluation_crop(transforms: Sequence[Mapping[str, Any]], *, height: int, width: int) -> float:
    """The share of each side that evaluation shall look at, for images that were trained on in such views.

    No smaller than what any view shows, whatever chance leaves out or chooses; crops of random sizes count as
    ``DEFAULT_SHARE``, or as their mean where that is more. 1 where the transforms keep the scale, or where it cannot be
    told from their arguments.

    Args:
        transforms: names and arguments, in order; they bring images back to their size.
        height: height of the images, in pixels.
        width: width of the images, in pixels.

    Returns:
        In (0, 1], in whole pixels of a side.

    >>> crop, back = {"name": "RandomCrop", "height": 24, "width": 24}, {"name": "Resize", "height": 32, "width": 32}
    >>> evaluation_crop([crop, back], height=32, width=32)
    0.75
    >>> evaluation_crop([{"name": "Pad", "padding": 4}, {**crop, "height": 32, "width": 32}], height=32, width=32)
    1.0
    >>> evaluation_crop([{"name": "Sequential", "p": 0.9, "transforms": [crop, back]}], height=32, width=32)
    1.0
    """
    outcomes = _after_all(transforms, {_Outcome(height, width)})
    return max(
        max(1, round(side / max(zoom, 1.0))) / side
        for outcome in outcomes
        for side, zoom in ((height, outcome.zoom_y), (width, outcome.zoom_x))
    )


@dataclass(frozen=True)
class _Outcome:
    """What transforms may have made of an image.

    Attributes:
        height: height in pixels; infinite where it is not known.
        width: width in pixels; infinite where it is not known.
        zoom_y: factor by which things are taller than in the image; 0 where it is not known, and so not enlarged.
        zoom_x: factor by which they are wider.
    """

    height: float
    width: float
    zoom_y: float = 1.0
    zoom_x: float = 1.0

    def resized(self, height: float, width: float, seen_y: float = 1.0, seen_x: float = 1.0) -> "_Outcome":
        """Brought to a size, all of it or a share of each side."""
        zoom_y = self.zoom_y * height / (seen_y * self.height)
        return _Outcome(height, width, zoom_y, self.zoom_x * width / (seen_x * self.width))

    def of_unknown_size(self) -> "_Outcome":
        """Padded to some size; what is resized from there has a zoom of 0."""
        return replace(self, height=math.inf, width=math.inf)


def _after_all(transforms: Iterable[Mapping[str, Any]], before: set[_Outcome]) -> set[_Outcome]:
    """All that may come out of transforms that are applied one after the other."""
    for transform in transforms:
        p = transform.get("p", 0.5 if transform["name"] in _HALF_THE_TIME else 1.0)
        after = _after(transform, before) if p > 0 else set()
        before = after if p >= 1 else before | after
    return before


def _after(transform: Mapping[str, Any], before: set[_Outcome]) -> set[_Outcome]:
    """All that may come out of a transform that is applied."""
    match transform["name"]:
        case "Sequential":
            return _after_all(transform["transforms"], before)
        case "OneOf":  # the one that is chosen is applied; its p is its weight
            weighed = (inner for inner in transform["transforms"] if inner.get("p") != 0)
            return set().union(*(_after(inner, before) for inner in weighed))
        case "SomeOf":  # as though none of them were certain
            for inner in transform["transforms"]:
                before = before | _after(inner, before)
            return before
    return {_after_one(transform, outcome) for outcome in before}


def _after_one(transform: Mapping[str, Any], before: _Outcome) -> _Outcome:
    height, width = before.height, before.width
    match transform:
        case {"name": "Resize", "height": new_height, "width": new_width}:
            return before.resized(new_height, new_width)
        case {"name": "SmallestMaxSize" | "LongestMaxSize" as name, "max_size": int(size)} if height < math.inf:
            factor = size / (min(height, width) if name == "SmallestMaxSize" else max(height, width))
            return before.resized(round(height * factor), round(width * factor))
        case {"name": "RandomResizedCrop", "size": [new_height, new_width]}:
            share = max(
                DEFAULT_SHARE, math.sqrt(_mean(transform.get("scale", (0.08, 1.0))))
            )  # the scale is of the area
            return before.resized(new_height, new_width, share, share)
        case {"name": "RandomSizedCrop", "min_max_height": heights, "size": [new_height, new_width]}:
            cut = _mean(heights), _mean(heights) * transform.get("w2h_ratio", 1.0)
            shares = (max(DEFAULT_SHARE, cut[0] / height), max(DEFAULT_SHARE, cut[1] / width))
            return before.resized(new_height, new_width, *shares)
        case {"name": "Affine"}:
            y, x = _affine_scales(transform.get("scale", 1.0))
            zoomed = replace(before, zoom_y=before.zoom_y * y, zoom_x=before.zoom_x * x)
            return zoomed.of_unknown_size() if transform.get("fit_output") else zoomed
        case {"name": name, "height": new_height, "width": new_width} if name in _CROPS:
            return replace(before, height=new_height, width=new_width)
        case {"name": name} if name in _PADS or (name in _TURNS and height != width):
            return before.of_unknown_size()
        case {"name": name} if name in _OTHER_SCALES or (name == "Perspective" and transform.get("fit_output")):
            return _Outcome(math.inf, math.inf, 0.0, 0.0)
    return before


def _mean(ends: Sequence[float]) -> float:
    return (ends[0] + ends[1]) / 2


def _affine_scales(scale: Any) -> tuple[float, float]:
    """Of height and width: the smallest that may be drawn, or 1 where that lies between them."""
    of_y, of_x = (scale.get("y", 1.0), scale.get("x", 1.0)) if isinstance(scale, Mapping) else (scale, scale)
    ranges = ((each, each) if isinstance(each, int | float) else (min(each), max(each)) for each in (of_y, of_x))
    y, x = (1.0 if low <= 1 <= high else low for low, high in ranges)
    return y, x
