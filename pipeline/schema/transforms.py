"""Names and arguments of the transforms, from a table, because importing albumentations takes seconds.

The table is made by ``python -m pipeline.schema.transforms``, which tries each one; a test compares it with the
installed library.
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("albumentations.json")
NESTING = {
    "OneOf": ["transforms", "p"],
    "SomeOf": ["transforms", "n", "replace", "p"],
    "Sequential": ["transforms", "p"],
}
_MIXING = "mixes several images, and views are made of one image each"
ELSEWHERE = {  # what people know by these names; other versions and libraries have it
    **dict.fromkeys(("MixUp", "CutMix", "CopyPaste", "TemplateTransform"), _MIXING),
    "Lambda": "calls a function of Python, and params.yaml holds none",
}

Nearest = Callable[[object, list[str]], str]
Found = Iterator[tuple[tuple[str | int, ...], str]]


@functools.cache
def _table() -> dict[str, dict[str, Any]]:
    return json.loads(TABLE.read_text(encoding="utf-8"))


@functools.cache
def transform_arguments() -> dict[str, list[str]]:
    """Transform name to its argument names; of those that can make views."""
    usable = {name: row["arguments"] for name, row in _table().items() if "refused" not in row}
    return {**usable, **NESTING}


def transform_problems(
    transforms: Sequence[Any], nearest: Nearest, channels: int | None = None
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Wrong names and arguments, and transforms that cannot make views, each with its path below the list.

    Args:
        transforms: transforms as in params.yaml: ``[{name: Affine, rotate: [-10, 10]}, {name: OneOf, transforms:
            [...]}]``.
        nearest: function from an unknown name and the known ones to what is said of it.
        channels: channels of the images; None: not known.

    Yields:
        (path, message).
    """
    for index, transform in enumerate(transforms):
        if isinstance(transform, dict):  # else pydantic has reported it
            for path, message in _one(transform, nearest, channels):
                yield (index, *path), message


def _one(transform: Mapping[str, Any], nearest: Nearest, channels: int | None) -> Found:
    name, known = transform.get("name"), transform_arguments()
    if not isinstance(name, str):
        yield ("name",), "missing; it is required: one of albumentations' transforms"
        return
    if name in ELSEWHERE:
        yield ("name",), f"{name} {ELSEWHERE[name]}; leave it out"
        return
    if name not in known:
        reason = _table().get(name, {}).get("refused")
        no_such = f"{name!r} is no transform of albumentations 2.0.8; {nearest(name, list(known))}"
        yield ("name",), f"{name} makes no views: it {reason}; leave it out" if reason else no_such
        return
    if channels == 1 and _table().get(name, {}).get("only_colour"):
        yield ("name",), f"{name} takes images of 3 channels, but preprocess gives 1; leave it out"
    for key, value in transform.items():
        if key == "name":
            continue
        if key not in known[name]:
            yield (key,), f"{name} takes no {key!r}; {nearest(key, known[name])}{_allowed(key, known[name])}"
        elif key == "p":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            # What YAML holds besides, such as dates and NaN, is told elsewhere
            if (value < 0 or value > 1) if is_number else isinstance(value, str | bool | list | dict | None):
                yield (key,), f"{value!r}: must be a probability, a number in [0, 1]"
        elif key != "transforms" or name not in NESTING:
            yield from _quoted_numbers((key,), value)
    if name in NESTING:
        yield from _nesting(name, transform, nearest, channels)


def _allowed(key: str, known: list[str]) -> str:
    """The arguments that there are, where ``nearest`` has named one of them alone."""
    import difflib

    return f" It takes {', '.join(known)}" if difflib.get_close_matches(key, known, n=1, cutoff=0.5) else ""


def _quoted_numbers(path: tuple[str | int, ...], value: Any) -> Found:
    """albumentations takes '5' for 5; what is in quotes here is text, as everywhere in the file."""
    if isinstance(value, list | dict):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _quoted_numbers((*path, key), inner)
    elif isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return
        yield path, f"{value!r}: must be a number, without quotes"


def _nesting(name: str, transform: Mapping[str, Any], nearest: Nearest, channels: int | None) -> Found:
    inner = transform.get("transforms", [])
    if inner == []:
        yield (
            ("transforms",),
            f"missing; {name} {'applies' if name == 'Sequential' else 'chooses among'} the transforms it lists",
        )
        return
    if not isinstance(inner, list):
        yield ("transforms",), f"{inner!r}: must be a list of transforms"
        return
    for index, one in enumerate(inner):
        if not isinstance(one, dict):
            yield ("transforms", index), f"{one!r}: must be keys with values, such as {{name: Blur}}"
    for path, message in transform_problems(inner, nearest, channels):
        yield ("transforms", *path), message
    if name != "Sequential" and all(isinstance(one, dict) and one.get("p") == 0 for one in inner):
        yield ("transforms",), f"{name} weighs its transforms by their p; one at least must be above 0"
    if name == "SomeOf":
        n, replace = transform.get("n", 1), transform.get("replace", False)
        if not isinstance(replace, bool):
            yield ("replace",), f"{replace!r}: must be true or false"
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            yield ("n",), f"{n!r}: must be a whole number, 1 or more"
        elif n > len(inner) and replace is not True:
            yield ("n",), f"n ({n}) must be at most {len(inner)}, the transforms it lists; or set replace: true"


if __name__ == "__main__":
    from saccade.augment.check_transforms import describe_transforms

    TABLE.write_text(json.dumps(describe_transforms(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
