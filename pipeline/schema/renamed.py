"""Keys of params.yaml that had another name before: both are read, and ``saccade check`` names the new one."""

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]

RENAMED: Mapping[tuple[str, ...], str] = {
    ("datasets", "*", "split", "by_heart"): "overfit",
}
"""Path of a key as it was, ``*`` for any name, to its new name."""


def renamed_keys(values: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Find keys that stand in the file under the name of before.

    Args:
        values: the file's values, in which anything may be of the wrong type.

    Yields:
        The path of each, and its new name.
    """
    for path, new in RENAMED.items():
        yield from ((found, new) for found in _paths(values, path))


def with_new_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with each key under its new name; where both stand there, the old one is left, to be refused.

    >>> with_new_names({"datasets": {"hello": {"split": {"by_heart": True}}}})
    {'datasets': {'hello': {'split': {'overfit': True}}}}
    """
    found = dict(values)
    for path, new in renamed_keys(values):
        found = _with_new_name(found, path, new)
    return found


def recorded_with_new_names(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded params of a run, which has one dataset, each under its new name.

    >>> recorded_with_new_names({"seed": 0, "dataset.split.by_heart": True})
    {'seed': 0, 'dataset.split.overfit': True}
    """
    names = {}
    for path, new in RENAMED.items():
        of_run = path[2:] if path[0] == "runs" else ("dataset", *path[2:])
        names[".".join(of_run)] = ".".join((*of_run[:-1], new))
    return {names.get(key, key): value for key, value in flat.items()}


def _paths(values: Any, path: tuple[str, ...]) -> Iterator[Path]:
    if not path:
        yield ()
    elif isinstance(values, Mapping):
        for key in values if path[0] == "*" else [path[0]] if path[0] in values else []:
            yield from ((key, *rest) for rest in _paths(values[key], path[1:]))


def _with_new_name(values: Mapping[Any, Any], path: Path, new: str) -> dict[Any, Any]:
    """A copy with the last key of the path called so, in the place where it stood."""
    key, *below = path
    if below:
        return {**values, key: _with_new_name(values[key], tuple(below), new)}
    return dict(values) if new in values else {new if name == key else name: one for name, one in values.items()}
