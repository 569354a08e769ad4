"""Transforms of images, by albumentations and our own: the only file that knows that library.

The pixels of a view depend on (seed, view, index) and the training set alone, never on which process makes them or in
which order. ``augment/stored_views.py`` writes them; ``augment/check_transforms.py`` finds out which transforms can be
used.
"""

import functools
import hashlib
import inspect
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.transforms.custom_transforms import CUSTOM_TRANSFORMS, principal_colors

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else importing it asks the package registry for news

_NO_TRANSFORMS = ("BasicTransform", "DualTransform", "ImageOnlyTransform", "Transform3D", "Lambda")  # bases; code
_BYTE = np.dtype(np.uint8)
NESTING = ("OneOf", "SomeOf", "Sequential")
TransformPath = tuple[str | int, ...]
"""Where in a list of transforms: ``(0, "transforms", 2)`` is the third of those inside the first."""


def walk_transforms(
    transforms: Sequence[Mapping[str, Any]], above: TransformPath = ()
) -> Iterator[tuple[TransformPath, Mapping[str, Any]]]:
    """Every transform of a list, the nested ones too, each with its place."""
    for i, transform in enumerate(transforms):
        yield (*above, i), transform
        if transform["name"] in NESTING:
            yield from walk_transforms(transform["transforms"], (*above, i, "transforms"))


def colors_for(transforms: Sequence[Mapping[str, Any]], images_NHWC: np.ndarray) -> np.ndarray | None:
    """What ``build`` needs to know of a training set: its ``principal_colors``; None where no transform asks."""
    asked = any(transform["name"] == "PrincipalColorShift" for _, transform in walk_transforms(transforms))
    return principal_colors(images_NHWC) if asked else None


def build(transforms: Sequence[Mapping[str, Any]], colors: np.ndarray | None = None) -> Any:
    """An ``albumentations.Compose`` of the transforms.

    Args:
        transforms: albumentations' own names and arguments, or those of ``CUSTOM_TRANSFORMS``, in order.
        colors: principal colours from ``colors_for``; None where no transform asks for them.

    Returns:
        What ``augment_image`` takes.

    Raises:
        UserError: a name that albumentations does not have, or arguments that it refuses.
    """
    import albumentations

    compose = albumentations.Compose([_build_one(transform, colors) for transform in transforms], seed=0)
    # The constructor gives each transform generators of its own; augment_image sets one pair that all of them share.
    compose.set_random_state(_LazyGenerator(), random.Random(0))
    compose.image_steps = [_as_function(transform) for transform in compose.transforms]
    return compose


class _LazyGenerator:
    """numpy's generator, whose state is set when something first draws from it: for many an image nothing does."""

    def __init__(self) -> None:
        self._generator = np.random.Generator(np.random.PCG64(0))
        self._start: tuple[int, int] | None = None

    def restart(self, state: int, increment: int) -> None:
        """Draw as PCG64 does from this state on."""
        self._start = (state, increment)

    def __getattr__(self, name: str) -> Any:
        if self._start is not None:
            (state, increment), self._start = self._start, None
            numbers = {"state": state, "inc": increment}
            self._generator.bit_generator.state = {
                "bit_generator": "PCG64",
                "state": numbers,
                "has_uint32": 0,
                "uinteger": 0,
            }
        return getattr(self._generator, name)


def _build_one(transform: Mapping[str, Any], colors: np.ndarray | None) -> Any:
    arguments = dict(transform)
    name = arguments.pop("name")
    assert colors is not None or name != "PrincipalColorShift", "colors_for(transforms, images) gives what it needs"
    if name in NESTING:
        arguments["transforms"] = [_build_one(inner, colors) for inner in arguments["transforms"]]
    try:
        return transform_class(name)(
            **{
                key: tuple(value) if isinstance(value, list) and key != "transforms" else value
                for key, value in arguments.items()
            },
            **({"colors": colors} if name in CUSTOM_TRANSFORMS else {}),
        )
    except (ValueError, TypeError) as error:
        lines = [line.split(" [type=")[0].strip() for line in str(error).splitlines()]
        reasons = [line for line in lines if line and "errors.pydantic" not in line]
        raise UserError(f"transform {name} refuses {arguments}: {'; '.join(reasons[1:4] or reasons)}") from error


def _as_function(transform: Any) -> Callable[[np.ndarray], Any]:
    """A transform of a Compose as a function of one image that draws and makes the same as when the Compose calls it.

    What masks, boxes and replays need is left out: half of what a transform costs that does as little as a crop.
    """
    from albumentations import BasicTransform
    from albumentations.core.utils import ensure_contiguous_output

    kind = type(transform)
    usual = ("__call__", "should_apply", "update_transform_params", "apply_with_params")
    if (
        any(getattr(kind, name, None) is not getattr(BasicTransform, name) for name in usual)
        or transform.targets_as_params
        or "image" not in transform.targets
    ):
        return lambda image_HWC: transform(image=image_HWC)["image"]
    p, draw, apply = transform.p, transform.py_random.random, transform.targets["image"]
    draw_params = None if kind.get_params is BasicTransform.get_params else transform.get_params
    needs_image = kind.get_params_dependent_on_data is not BasicTransform.get_params_dependent_on_data
    draw_for = transform.get_params_dependent_on_data if needs_image else None

    def function(image_HWC: np.ndarray) -> Any:
        if p < 1.0 and (p <= 0.0 or draw() >= p):
            return image_HWC
        params = draw_params() if draw_params else {}
        params["shape"] = image_HWC.shape
        if draw_for:
            params.update(draw_for(params=params, data={"image": image_HWC}))
        return ensure_contiguous_output(apply(image_HWC, **params))

    return function


def library_transforms() -> dict[str, list[str]]:
    """Every transform of the installed albumentations with the names of its arguments; base classes are none."""
    import albumentations

    names = {}
    for name in sorted(dir(albumentations)):
        kind = getattr(albumentations, name)
        if not isinstance(kind, type) or not issubclass(kind, albumentations.BasicTransform) or name in _NO_TRANSFORMS:
            continue
        parameters = list(inspect.signature(kind).parameters.values())
        if all(parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) for parameter in parameters):
            names[name] = [parameter.name for parameter in parameters]
    return names


def takes_volumes(name: str) -> bool:
    """Whether it is one of the transforms for stacks of slices, which do nothing to an image."""
    import albumentations

    return issubclass(transform_class(name), albumentations.Transform3D) or name == "ToTensor3D"


def transform_class(name: str) -> Any:
    """The class of a transform.

    Args:
        name: name as in params.yaml.

    Returns:
        A class whose objects a Compose takes.

    Raises:
        UserError: there is none of that name.
    """
    import albumentations

    kind = _custom_class(name) if name in CUSTOM_TRANSFORMS else getattr(albumentations, name, None)
    if kind is None:
        raise UserError(f"transform {name!r} must be one of albumentations {albumentations.__version__}")
    return kind


@functools.cache
def _custom_class(name: str) -> Any:
    """A class of ``CUSTOM_TRANSFORMS`` as an albumentations transform: it draws from the generator of its Compose."""
    import albumentations

    class Own(albumentations.ImageOnlyTransform):
        """A change of pixels with a probability."""

        def __init__(self, p: float = 0.5, colors: np.ndarray | None = None, **arguments: Any) -> None:
            super().__init__(p=p)
            self._change, self._colors = CUSTOM_TRANSFORMS[name](**arguments), colors

        def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
            colors = self._colors if self._colors is not None else np.zeros((img.shape[2], img.shape[2]))
            return self._change(img, self.random_generator, colors)

    Own.__name__ = Own.__qualname__ = name
    return Own


def augment_image(compose: Any, image_HWC: np.ndarray, *, seed: int, view: int, index: int) -> np.ndarray:
    """View ``view`` of image ``index``: the same pixels whenever and wherever it is called.

    A Compose shares two generators with its transforms; both are set anew for this image, in place, because
    albumentations' own ``set_random_seed`` walks all transforms and costs a quarter of the throughput.

    Args:
        compose: composition from ``albumentations_adapter.build``.
        image_HWC: uint8 (H, W, C); it stays as it is.
        seed: seed of the whole augmentation.
        view: number of the view, from 0.
        index: position in the training split, from 0.

    Returns:
        uint8 (H, W, C).

    Raises:
        UserError: the transforms cannot take such an image, or change its size, channels or dtype.
    """
    digest = hashlib.blake2b(f"{seed}/{view}/{index}".encode(), digest_size=24).digest()
    state, increment = int.from_bytes(digest[:16], "little"), int.from_bytes(digest[16:], "little") * 2 + 1
    compose.random_generator.restart(state, increment)
    compose.py_random.seed(state)
    result = apply_transforms(compose, image_HWC)
    if result.shape != image_HWC.shape or result.dtype != _BYTE:
        raise UserError(
            f"the transforms turn an image of {image_HWC.dtype} {image_HWC.shape} into {result.dtype} "
            f"{tuple(result.shape)}; they must keep dtype and size: end with a crop or resize to the size in preprocess"
        )
    return result


def apply_transforms(compose: Any, image_HWC: np.ndarray) -> Any:
    """What a Compose makes of an image, with whatever its generators draw next.

    Args:
        compose: composition from ``albumentations_adapter.build``.
        image_HWC: uint8 (H, W, C).

    Returns:
        Of any size, dtype and kind.

    Raises:
        UserError: the transforms cannot take such an image; its cause is what the library raised.
    """
    image: Any = np.ascontiguousarray(image_HWC)
    try:
        compose.py_random.random()  # a Compose draws whether to do anything at all, at p: 1.0 too
        for step in compose.image_steps:
            image = step(image)
        return image
    except _refusals() as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"the transforms cannot take an image of {image_HWC.dtype} {image_HWC.shape}: {reason}"
        ) from error


def _refusals() -> tuple[type[Exception], ...]:
    """What transforms raise that cannot take an image."""
    import cv2
    from albumentations.augmentations.crops.transforms import CropSizeError  # a child of Exception alone

    return (ValueError, LookupError, ArithmeticError, RuntimeError, CropSizeError, cv2.error)
