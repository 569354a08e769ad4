"""A part of large files in place of the whole: lines spread over a table, examples that stand for several."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

_BLOCKS = 200  # places of a file, spread over it, from which lines are taken
_LONGEST_LINE = 2**20  # bytes
_PER_EXAMPLE = ("ids", "published_splits", "names", "texts", "paths")


def spread_lines(path: Path, target: Path, most: int) -> float:
    """Write the first line of a text file, and some whole ones from places that are spread over the rest.

    Args:
        path: the file.
        target: file that is written.
        most: lines to take, about.

    Returns:
        How many times as long as what was taken the file is, from 1.
    """
    size = path.stat().st_size
    with path.open("rb") as file, target.open("wb") as out:
        out.write(first := file.readline(_LONGEST_LINE))
        start, taken = len(first), len(first)
        for block in range(_BLOCKS):
            at = start + (size - start) * block // _BLOCKS
            end = start + (size - start) * (block + 1) // _BLOCKS
            file.seek(at - 1)
            file.readline(_LONGEST_LINE)  # the rest of one that began before
            for _ in range(max(1, most // _BLOCKS)):
                line = file.readline(_LONGEST_LINE) if file.tell() < end else b""
                out.write(line if line.endswith(b"\n") or not line else line + b"\n")
                taken += len(line)
    return max(1.0, size / taken)


def standing_for_more(examples: Any, times: int) -> Any:
    """Examples of which each stands for several: as many as the whole has, for settings that depend on the number.

    Args:
        examples: labelled examples, as a source reads them.
        times: number of examples that each stands for, from 1.

    Returns:
        The same, ``times`` as many.
    """
    if times == 1:
        return examples
    known = {field.name for field in fields(examples)}
    changed: dict[str, Any] = {"labels": np.repeat(examples.labels, times, axis=0)}
    for name in known & set(_PER_EXAMPLE):
        values = getattr(examples, name)
        changed[name] = _Repeated(values, times) if values is not None and len(values) else values
    if "groups" in known:
        changed["groups"] = {name: _Repeated(values, times) for name, values in examples.groups.items()}
    if "load" in known:
        changed["load"] = _loader(examples.load, times)
    return replace(examples, **changed)


def _loader(load: Callable[[int], Any], times: int) -> Callable[[int], Any]:
    return lambda i: load(i // times)


class _Repeated(Sequence[Any]):
    """Values of which each stands several times."""

    def __init__(self, values: Sequence[Any], times: int) -> None:
        self._values, self._times = values, times

    def __len__(self) -> int:
        return len(self._values) * self._times

    def __getitem__(self, i: Any) -> Any:
        return self._values[i // self._times]
