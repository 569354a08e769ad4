"""Which class and which published split a folder's name stands for: ``cat``, ``train/cat``, ``pets/test/cat/old``."""

import glob
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from saccade.datasets._archive import leave_out
from saccade.errors import UserError

_SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
_LAYOUT = "Put each class into a folder of its name: cat/1.jpg, or train/cat/1.jpg"


class Place(NamedTuple):
    """What a folder says of the examples in it; ``split`` is train, validation, test, or None where none is said."""

    split: str | None
    class_name: str


def place_folders(folders: Iterable[str], where: Path) -> dict[str, Place]:
    """Read classes and splits from the names of the folders that hold examples.

    The class is the first folder below the root. Where all first folders are called train, val, validation or test (in
    any case), they are the split, and the class is the folder below. Folders that all examples share above that do not
    count: an archive often has one around everything.

    Args:
        folders: of the examples, parted by slashes; "" is the root. Repetitions do not matter.
        where: the archive, for messages.

    Returns:
        A place for each folder.

    Raises:
        UserError: a folder says no class, there is only one class, or a split lacks one.
    """
    below = _without_shared({folder: folder.split("/") if folder else [] for folder in sorted(set(folders))})
    are_splits = _first_are_splits({parts[0] for parts in below.values() if parts}, where)
    places = {}
    for folder, parts in below.items():
        class_parts = parts[1:] if are_splits else parts
        if not class_parts:
            raise _no_class(folder, where, is_parent=any(other.startswith(f"{folder}/") for other in below))
        places[folder] = Place(_SPLITS[parts[0].lower()] if are_splits else None, class_parts[0])
    _refuse_missing_classes(places, where)
    return places


def _without_shared(below: dict[str, list[str]]) -> dict[str, list[str]]:
    """Take away the folders that all share, but a split's name and the last one, which may be the class."""
    while True:
        first = {parts[0] if len(parts) > 1 else "" for parts in below.values()}
        if len(first) != 1 or (name := first.pop()) == "" or name.lower() in _SPLITS:
            return below
        below = {folder: parts[1:] for folder, parts in below.items()}


def _no_class(folder: str, where: Path, is_parent: bool) -> UserError:
    """A pattern leaves out all below a folder: it is no remedy where classes are there."""
    remedy = "" if is_parent or not folder else f"; or leave them out: {leave_out(glob.escape(folder) + '/*')}"
    return UserError(
        f"{where}: examples in {folder or 'its root'} must lie in a folder of their class. {_LAYOUT}{remedy}"
    )


def _first_are_splits(first: set[str], where: Path) -> bool:
    """A class may be called train (beside bus and car); train and test together are splits."""
    splits = {name for name in first if name.lower() in _SPLITS}
    others = first - splits
    if len(splits) > 1 and others:
        pattern = f"*{glob.escape(min(others))}/*"
        raise UserError(
            f"{where}: {', '.join(sorted(splits))} look like splits, but {', '.join(sorted(others)[:5])} beside them "
            f"like classes. Have one or the other, or leave some out: {leave_out(pattern)}"
        )
    return bool(splits) and not others


def _refuse_missing_classes(places: Mapping[str, Place], where: Path) -> None:
    classes_of: dict[str | None, set[str]] = {}
    for place in places.values():
        classes_of.setdefault(place.split, set()).add(place.class_name)
    classes = set().union(*classes_of.values())
    if len(classes) == 1:
        raise UserError(f"{where} must hold at least two classes, but there is only {min(classes)!r}. {_LAYOUT}")
    for split, found in classes_of.items():
        if missing := min(classes - found, default=None):
            raise UserError(
                f"{where}: class {missing!r} must have examples in each split, but has none in {split}. Put some "
                f"there, or leave the class out: {leave_out('*/' + glob.escape(missing) + '/*')}"
            )
