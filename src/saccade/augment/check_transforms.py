"""Which transforms can make views of images, found out by trying them: all of the library's, or those of a list.

A view is an image of the training split's size, channels and dtype, made from one image. So a transform that needs a
mask, boxes or another image cannot be used, nor one that gives floats.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.transforms.albumentations_adapter import (
    NESTING,
    TransformPath,
    apply_transforms,
    build,
    library_transforms,
    takes_volumes,
    transform_class,
    walk_transforms,
)
from saccade.transforms.custom_transforms import CUSTOM_TRANSFORMS, principal_colors

_SIDE = 64  # of the images that the library's transforms are tried on

# Arguments to try a transform with, where it has no defaults for them or these suit larger images.
_ARGUMENTS: dict[str, Any] = {
    **dict.fromkeys(("height", "width", "x_max", "y_max", "max_size", "min_height", "min_width"), 32),
    **{"size": [32, 32], "min_max_height": [16, 32], "px": 4, "num_grid_xy": [4, 4], "magnitude": 3},
    **{"freq_mask_param": 8, "time_mask_param": 8, "font_path": "font.ttf"},
}
_ASKED_FOR = {"mask": "a mask", "bboxes": "boxes", "cropping_bbox": "a box", "volume": "a stack of slices"}


def sample_arguments(name: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Arguments with which a transform can be tried on a small image.

    Args:
        name: name of the transform.
        arguments: their names.

    Returns:
        For the transform's constructor, p: 1 among them.
    """
    chosen = {key: _ARGUMENTS[key] for key in arguments if key in _ARGUMENTS}
    if name in ("LongestMaxSize", "SmallestMaxSize"):
        chosen = {"max_size": 32}
    return chosen | {"p": 1.0}


def describe_transforms() -> dict[str, dict[str, Any]]:
    """Every transform that params.yaml may name, and every other of the library's with the reason why it may not.

    Returns:
        Name to {"arguments": their names}, with "refused": the reason, where it makes no views, and "only_colour": true
        where it takes no images of one channel.
    """
    described: dict[str, dict[str, Any]] = {}
    for name, arguments in library_transforms().items():
        described[name] = {"arguments": arguments}
        transform = {"name": name} | sample_arguments(name, arguments)
        colour, grey = (_reason_against(transform, _image(_SIDE, _SIDE, channels)) for channels in (3, 1))
        if colour is not None:
            described[name]["refused"] = colour
        elif grey is not None:
            described[name]["only_colour"] = True
    for name, kind in CUSTOM_TRANSFORMS.items():
        described[name] = {"arguments": [*(field.name for field in dataclasses.fields(kind)), "p"]}
    described["StainJitter"]["only_colour"] = True
    return described


def _image(height: int, width: int, channels: int) -> np.ndarray:
    """An image with slopes, edges and grain, uint8 (H, W, C), the same on every call."""
    y_H1, x_1W = np.mgrid[:height, :1][0], np.mgrid[:1, :width][1]
    slopes = [40 + 150 * y_H1 / height + 0 * x_1W, 30 + 120 * x_1W / width + 60 * ((y_H1 // 4 + x_1W // 4) % 2)]
    slopes.append(0.5 * slopes[0] + 0.5 * slopes[1][::-1])
    grain_HWC = np.random.default_rng(0).normal(0, 8, size=(height, width, channels))
    return (np.stack(slopes[:channels], axis=-1) + grain_HWC).clip(0, 255).astype(np.uint8)


def _reason_against(transform: Mapping[str, Any], image_HWC: np.ndarray) -> str | None:
    """Why a transform makes no views of such images; None where it does."""
    name = transform["name"]
    if takes_volumes(name):
        return "needs a stack of slices"
    if name == "ConstrainedCoarseDropout":
        return "needs a mask or boxes"  # without them it does nothing, and says nothing
    compose = build([transform])
    asked = compose.transforms[0].targets_as_params
    if asked:
        return "needs " + " and ".join(_ASKED_FOR.get(key, f"other data than the image ({key})") for key in asked)
    try:
        result = apply_transforms(compose, image_HWC)
    except UserError as error:
        cause = error.__cause__
        if isinstance(cause, KeyError) and cause.args[0] in _ASKED_FOR:
            return f"needs {_ASKED_FOR[cause.args[0]]}"
        if "find mask" in str(cause):  # CropNonEmptyMaskIfExists
            return "needs a mask"
        return f"refuses such an image: {cause}"
    if not isinstance(result, np.ndarray):
        return "gives a tensor, and training makes its own"
    if result.dtype != np.uint8:
        return f"gives {result.dtype}, and views are uint8: training scales and normalises on the device"
    if result.ndim != 3 or result.shape[2] != image_HWC.shape[2]:
        return "gives another number of channels"
    return None


# --- a list of them -------------------------------------------------------------------------------------------------


def find_transform_problems(
    transforms: Sequence[Mapping[str, Any]], *, height: int, width: int, channels: int
) -> list[tuple[TransformPath, str]]:
    """What is wrong with a list of transforms, by building each of them and applying them to an image.

    Chance is left out: each branch of a OneOf is tried, each transform that may be left out is left out once.

    Args:
        transforms: names and arguments; the names are known.
        height: height of the training images, in pixels.
        width: width of the training images, in pixels.
        channels: 1 or 3.

    Returns:
        (place, message) for each problem.
    """
    wrong = [problem for place, transform in walk_transforms(transforms) for problem in _wrong_values(place, transform)]
    if wrong:
        return wrong
    image_HWC = _image(height, width, channels)
    colors = principal_colors(image_HWC[None])
    leaves = {place: t for place, t in walk_transforms(transforms) if t["name"] not in NESTING}
    built = {place: build([{**t, "p": 1.0}], colors) for place, t in leaves.items()}
    found: dict[TransformPath, str] = {}
    for chain in _chains(transforms):
        problem = _problem_of_chain([(place, leaves[place]["name"], built[place]) for place in chain], image_HWC)
        if problem is not None:
            found.setdefault(*problem)
    return list(found.items())


def _wrong_values(place: TransformPath, transform: Mapping[str, Any]) -> Iterator[tuple[TransformPath, str]]:
    name = transform["name"]
    nested = {"transforms": [{"name": "NoOp"}] * len(transform["transforms"])} if name in NESTING else {}
    try:
        build([{**transform, **nested}], np.zeros((3, 3)))
    except UserError as error:
        details = getattr(getattr(error.__cause__, "__cause__", None), "errors", None)
        if details is None:
            yield place, str(error)
            return
        messages: dict[TransformPath, list[str]] = {}
        for detail in details():  # a value that fits no branch of a union has a message for each
            argument = detail["loc"][:1]
            message = str(detail["msg"]).removeprefix("Value error, ").replace("Input should", "must")
            messages.setdefault((*place, *argument), []).append(message)
        for at, lines in messages.items():
            key = str(at[-1])
            value = f"{transform[key]!r}: " if at != place and key in transform else ""
            yield at, f"{value}{name} refuses it: {'; or '.join(dict.fromkeys(lines))}"


def _chains(transforms: Sequence[Mapping[str, Any]]) -> Iterator[list[TransformPath]]:
    """Places of transforms that may be applied one after the other: every branch once, and every omission once."""
    widest = max(
        (
            len(t["transforms"])
            for _, t in walk_transforms(transforms)
            if t["name"] != "Sequential" and t["name"] in NESTING
        ),
        default=1,
    )
    for branch in range(widest):
        whole = list(_applied(transforms, branch))
        yield [place for place, _ in whole]
        for omitted in dict.fromkeys(unit for _, units in whole for unit in units):
            yield [place for place, units in whole if omitted not in units]


def _applied(
    transforms: Sequence[Mapping[str, Any]],
    branch: int,
    above: TransformPath = (),
    units: tuple[TransformPath, ...] = (),
) -> Iterator[tuple[TransformPath, tuple[TransformPath, ...]]]:
    """Path of each transform that is applied, and the paths of the transforms that may be left out together with it.

    ``branch`` chooses among the transforms of a OneOf: that one, counted around; of a SomeOf: those from that one on.
    """
    for i, transform in enumerate(transforms):
        place, name = (*above, i), transform["name"]
        inner = (*units, place) if _probability(transform) < 1 else units
        if name not in NESTING:
            yield place, inner
            continue
        below = transform["transforms"]
        count = len(below) if name == "Sequential" else transform.get("n", 1) if name == "SomeOf" else 1
        chosen = set(range(len(below))) if count >= len(below) else {(branch + k) % len(below) for k in range(count)}
        for at, left_out in _applied(below, branch, (*place, "transforms"), inner):
            if at[len(place) + 1] in chosen:
                # What a OneOf or SomeOf chose is applied whatever its own probability, which is its weight
                yield at, left_out if name == "Sequential" else tuple(u for u in left_out if u != at[: len(place) + 2])


def _probability(transform: Mapping[str, Any]) -> float:
    default: float = 0.5
    if "p" not in transform and transform["name"] not in CUSTOM_TRANSFORMS:
        import inspect

        default = inspect.signature(transform_class(transform["name"])).parameters["p"].default
    return float(transform.get("p", default))


def _problem_of_chain(
    chain: Sequence[tuple[TransformPath, str, Any]], image_HWC: np.ndarray
) -> tuple[TransformPath, str] | None:
    """The first transform that fails; or that after which the size never comes back."""
    image, last_change, channels = image_HWC, None, image_HWC.shape[2]
    for place, name, compose in chain:
        try:
            result = apply_transforms(compose, image)
        except UserError as error:
            reason = " ".join(str(error.__cause__).split())
            return place, f"{name} cannot take an image of {_sides(image)} with {channels} channels: {reason}"
        if result.dtype != np.uint8 or result.ndim != 3 or result.shape[2] != channels:
            given = f"{result.dtype} {tuple(result.shape)}"
            return place, f"{name} makes {given} of an image; it must stay uint8 with {channels} channels"
        if result.shape != image.shape:
            last_change = (place, f"{name} makes {_sides(result)} of {_sides(image)}")
        image = result
    if image.shape == image_HWC.shape or last_change is None:
        return None
    place, message = last_change
    remedy = f"views must have the size of preprocess, {_sides(image_HWC)}: let a RandomCrop or Resize to it follow"
    return place, f"{message}; {remedy}, with p: 1.0"


def _sides(image_HWC: np.ndarray) -> str:
    return f"{image_HWC.shape[0]}x{image_HWC.shape[1]}"
