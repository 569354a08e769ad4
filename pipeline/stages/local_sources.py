"""Folders and files on this machine that datasets were fetched from: has something in them changed since?

DVC does not look at them, for they lie outside the project. A fingerprint (names, sizes and times of the files) is kept
in .saccade/sources when a dataset is fetched, and compared by ``saccade check`` and ``saccade repro``.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline import paths
from saccade.core.files import write_json

_KEYS = ("path", "table")  # of a source: what may name a place on this machine


def look_at(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the local places of a source look like.

    Args:
        arguments: of the source.

    Returns:
        A fingerprint for each place; empty where the source names none.
    """
    return {key: _fingerprint(place) for key, place in _places(arguments)}


def remember(dataset: str, places: Mapping[str, Any]) -> None:
    """Keep what the local places of a dataset looked like before it was fetched.

    Args:
        dataset: key in ``datasets:``.
        places: from ``look_at``.
    """
    if places:
        write_json(_kept(dataset), places)
    else:
        _kept(dataset).unlink(missing_ok=True)


def changes(datasets: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What was fetched from a place that looks different now.

    Args:
        datasets: arguments of the source of each dataset.

    Yields:
        A line for each place.
    """
    for dataset, arguments in datasets.items():
        if not _kept(dataset).exists() or not paths.raw(dataset).exists():
            continue
        before = json.loads(_kept(dataset).read_text(encoding="utf-8"))
        for key, now in look_at(arguments).items():
            then = before.get(key, now)
            if then["place"] == now["place"] and then != now:
                yield (
                    f"datasets.{dataset}.source.{key}: {arguments[key]} has changed since it was fetched "
                    f"({_difference(then, now)}); `dvc repro -f fetch@{dataset}` takes what is there now"
                )


def _kept(dataset: str) -> Path:
    return paths.home() / ".saccade" / "sources" / f"{dataset}.json"


def _places(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in _KEYS:
        place = arguments.get(key)
        if isinstance(place, str) and Path(place).expanduser().exists():
            yield key, place


def _fingerprint(place: str) -> dict[str, Any]:
    root = Path(place).expanduser()
    digest, files, size = hashlib.sha256(), 0, 0
    for name, status in _files(root):
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
        files, size = files + 1, size + status.st_size
    return {"place": str(root.absolute()), "files": files, "bytes": size, "digest": digest.hexdigest()}


def _files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Names below the root, sorted, and what is known of each; hidden ones do not count."""
    if not root.is_dir():
        yield root.name, root.stat()
        return
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and path.exists():
                yield path.relative_to(root).as_posix(), path.stat()


def _difference(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    for what in ("files", "bytes"):
        if then[what] != now[what]:
            return f"{then[what]:,} {what} then, {now[what]:,} now"
    return "names or times of files"
