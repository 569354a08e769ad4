"""Names and arguments of albumentations' transforms, from a table, because importing the library takes seconds.

The table is made by ``python -m pipeline.schema.transforms``; a test compares it with the installed library.
"""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("albumentations.json")
NESTING = {
    "OneOf": ["transforms", "p"],
    "SomeOf": ["transforms", "n", "replace", "p"],
    "Sequential": ["transforms", "p"],
}

Nearest = Callable[[object, list[str]], str]


@functools.cache
def transform_arguments() -> dict[str, list[str]]:
    """Transform name to its argument names."""
    return {**json.loads(TABLE.read_text(encoding="utf-8")), **NESTING}


def transform_problems(transforms: Sequence[Any], nearest: Nearest) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Wrong names and arguments, each with its path below the list and a message.

    Args:
        transforms: as in params.yaml: ``[{name: Affine, rotate: [-10, 10]}, {name: OneOf, transforms: [...]}]``.
        nearest: what to say after an unknown name, given that name and the known ones.

    Yields:
        (path, message).
    """
    known = transform_arguments()
    for index, transform in enumerate(transforms):
        if not isinstance(transform, dict):
            continue  # pydantic has reported it
        name = transform.get("name")
        if not isinstance(name, str):
            yield (index, "name"), "missing; it is required: one of albumentations' transforms"
        elif name not in known:
            yield (index, "name"), f"{name!r} is no transform of albumentations 2.0.8; {nearest(name, list(known))}"
        else:
            for key, value in transform.items():
                if key != "name" and key not in known[name]:
                    yield (index, key), f"{name} takes no {key!r}; {nearest(key, known[name])}"
                elif key == "transforms" and name in NESTING:
                    for path, message in _nested_problems(value, nearest):
                        yield (index, key, *path), message
            if name in NESTING and transform.get("transforms", []) == []:
                yield (index, "transforms"), f"missing; {name} chooses among the transforms it lists"


def _nested_problems(transforms: Any, nearest: Nearest) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """As ``transform_problems``, for what pydantic does not look at."""
    if not isinstance(transforms, list):
        yield (), f"{transforms!r}: must be a list of transforms"
        return
    for index, transform in enumerate(transforms):
        if not isinstance(transform, dict):
            yield (index,), f"{transform!r}: must be keys with values, such as {{name: Blur}}"
    yield from transform_problems(transforms, nearest)


if __name__ == "__main__":
    from saccade.augmentation import describe_transforms

    TABLE.write_text(json.dumps(describe_transforms(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
