"""What ``saccade check`` finds out about transforms by trying them, and what it warns of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.params.prepared_datasets import find_dataset_info
from pipeline.params.problems import Problem
from pipeline.schema.transforms import NESTING
from saccade.augment.policies import resolve_transforms

if TYPE_CHECKING:
    from pipeline.params.load import Params

_GLYPH_SOURCES = ("digits", "emnist", "mnist")  # whose classes are digits or letters, whatever was fetched
_NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MIN_GLYPHS = 3  # two classes called 0 and 1, or A and B, are seldom characters
_MIRRORS = ("HorizontalFlip", "VerticalFlip", "Transpose", "D4", "SquareSymmetry")
_TURNS = {  # argument and its default, in degrees
    "Affine": ("rotate", 0),
    "Rotate": ("limit", 90),
    "SafeRotate": ("limit", 90),
    "ShiftScaleRotate": ("rotate_limit", 45),
}
_MAX_DEGREES = 30  # degrees


def transform_value_problems(params: "Params") -> list[Problem]:
    """Build and try the transforms that params.yaml lists: only albumentations knows their values; that takes seconds.

    Policies are not tried: they are ours, and tested.

    Args:
        params: the whole file.

    Returns:
        What is wrong, each with its path in the file.
    """
    found = []
    for name, dataset in params.datasets.items():
        transforms, shape = dataset.augment.transforms, dataset.preprocess.image_shape
        if isinstance(transforms, str) or not transforms or shape is None:
            continue
        from saccade.augment.check_transforms import find_transform_problems

        height, width, channels = shape
        for place, message in find_transform_problems(transforms, height=height, width=width, channels=channels):
            found.append(Problem(("datasets", name, "augment", "transforms", *place), message))
    return found


def glyph_warnings(params: "Params") -> Iterator[str]:
    """Where mirrored or turned digits and letters would be taught as what they no longer are.

    Args:
        params: the whole file.

    Yields:
        A line for each dataset.
    """
    for name, dataset in params.datasets.items():
        shape = dataset.preprocess.image_shape
        if shape is None or not dataset.augment.transforms or not dataset.augment.makes_views:
            continue
        transforms = resolve_transforms(dataset.augment.transforms, height=shape[0], width=shape[1])
        effects = list(dict.fromkeys(_turned_or_mirrored(transforms)))
        if effects and _has_glyphs(name, dataset.source.name):
            yield (
                f"datasets.{name}.augment.transforms: the classes of {name} are digits or letters, and "
                f"{', '.join(effects)}: a mirrored 2 is none, a 6 on its head is a 9. Leave that out, or turn less"
            )


def _has_glyphs(dataset: str, source: str) -> bool:
    if source in _GLYPH_SOURCES:
        return True
    description = find_dataset_info(dataset)
    return description is not None and are_glyphs(description.spec.classes)


def are_glyphs(classes: Sequence[str]) -> bool:
    """Whether the classes are digits or letters: single characters, or numbers in words.

    Args:
        classes: their names.

    Returns:
        False for two classes: those called 0 and 1 are seldom digits.

    >>> are_glyphs(["0", "1", "2"]), are_glyphs(["Zero", "One", "Two"]), are_glyphs(["0", "1"])
    (True, True, False)
    """
    return len(classes) >= _MIN_GLYPHS and all(
        (len(name) == 1 and name.isalnum()) or name.lower() in _NUMERALS for name in classes
    )


def _turned_or_mirrored(transforms: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is said of each transform, the nested ones too, that mirrors or turns far."""
    for transform in transforms:
        name = transform["name"]
        if transform.get("p") == 0:
            continue
        if name in NESTING:
            yield from _turned_or_mirrored(transform["transforms"])
        elif name in _MIRRORS:
            yield f"{name} mirrors"
        elif name == "RandomRotate90":
            yield f"{name} turns by up to 270 degrees"
        elif name in _TURNS:
            argument, default = _TURNS[name]
            given = transform.get(argument, default)
            farthest = max(map(abs, given if isinstance(given, list | tuple) else [given]))
            if farthest > _MAX_DEGREES:
                yield f"{name} turns by up to {farthest:g} degrees"
