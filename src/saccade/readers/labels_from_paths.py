"""Which class and which published split a name stands for: ``cat/1.jpg``, ``train/cat/1.jpg``, ``test/cat_1.jpg``."""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from saccade.core.errors import UserError
from saccade.data.spec import SPLIT_NAMES
from saccade.io.path_patterns import compile_field, escape_pattern, exclude_line

_LAYOUT = "Put each class into a folder of its name: cat/1.jpg, or train/cat/1.jpg"


class PathLabels(NamedTuple):
    """What a name says of an example; ``split`` is train, validation, test, or None where none is said."""

    split: str | None
    class_name: str


def check_class_from(class_from: str) -> None:
    """Refuse what says nothing.

    Args:
        class_from: part of a path that is the class: first, parent, or a pattern.

    Raises:
        UserError: it is neither first nor parent, nor a pattern that holds {class} once.
    """
    if class_from not in ("first", "parent"):
        _class_reader(class_from)


def labels_from_paths(
    names: Sequence[str], where: Path, class_from: str = "first", layout: str = _LAYOUT
) -> list[PathLabels]:
    """Read classes and splits from names.

    Where all first folders are called train, val, validation or test (in any case), they are the split. Folders that
    all examples share above that do not count: an archive often has one around everything. The class is then, by
    ``class_from``,

    - ``first``: the first folder below the root, or below the split;
    - ``parent``: the folder that the file itself is in;
    - a pattern such as ``MT_{class}/Imgs/*`` or ``{class}_[0-9]*.jpg``: what stands in place of {class};
      ``path_patterns.compile_field`` says how.

    Args:
        names: paths of files, parted by slashes.
        where: the archive, for messages.
        class_from: part of a path that is the class, as described above.
        layout: advice how files should lie, for messages.

    Returns:
        A place for each name.

    Raises:
        UserError: ``class_from`` or a name says no class, there is only one class, or a split lacks one.
    """
    folders = [posixpath.dirname(name) for name in names]
    below = _without_shared({folder: folder.split("/") if folder else [] for folder in sorted(set(folders))})
    are_splits = _first_are_splits({parts[0] for parts in below.values() if parts}, where)
    if class_from in ("first", "parent"):
        of_folder = {}
        for folder, parts in below.items():
            class_parts = parts[1:] if are_splits else parts
            if not class_parts:
                is_parent = any(other.startswith(f"{folder}/") for other in below)
                raise _no_class(folder, where, layout, is_parent)
            of_folder[folder] = class_parts[0 if class_from == "first" else -1]
        classes = [of_folder[folder] for folder in folders]
    else:
        classes = _classes_by_pattern(names, class_from, where)
    split_of = {folder: SPLIT_NAMES[parts[0].lower()] if are_splits else None for folder, parts in below.items()}
    places = [PathLabels(split_of[folder], name) for folder, name in zip(folders, classes, strict=True)]
    _refuse_missing_classes(set(places), where, class_from, layout)
    return places


def _without_shared(below: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """Take away the folders that all share, but a split's name and the last one, which may be the class."""
    while True:
        first = {parts[0] if len(parts) > 1 else "" for parts in below.values()}
        if len(first) != 1 or (name := first.pop()) == "" or name.lower() in SPLIT_NAMES:
            return below
        below = {folder: parts[1:] for folder, parts in below.items()}


def _class_reader(pattern: str) -> Callable[[str], str | None]:
    try:
        return compile_field(pattern, "class")
    except UserError as error:
        raise UserError(
            f"class_from ({pattern}) must be first, parent, or a pattern such as 'MT_{{class}}/Imgs/*': {error}"
        ) from None


def _classes_by_pattern(names: Sequence[str], pattern: str, where: Path) -> list[str]:
    reader = _class_reader(pattern)
    classes, misfits = [], []
    for name in names:
        class_name = reader(name)
        if class_name is None:
            misfits.append(name)
        else:
            classes.append(class_name)
    if misfits:
        raise UserError(
            f"{where}: {misfits[0]!r} must fit class_from ({pattern}), but it and {len(misfits) - 1:,} others of "
            f"{len(names):,} do not. Correct class_from, or leave them out: {exclude_line(escape_pattern(misfits[0]))}"
        )
    return classes


def _no_class(folder: str, where: Path, layout: str, is_parent: bool) -> UserError:
    """A pattern leaves out all below a folder: it is no remedy where classes are there."""
    remedy = "" if is_parent or not folder else f"; or leave them out: {exclude_line(escape_pattern(folder) + '/*')}"
    return UserError(
        f"{where}: examples in {repr(folder) if folder else 'its root'} must lie in a folder of their class. "
        f"{layout}; class_from reads other layouts{remedy}"
    )


def _first_are_splits(first: set[str], where: Path) -> bool:
    """A class may be called train (beside bus and car); train and test together are splits."""
    splits = {name for name in first if name.lower() in SPLIT_NAMES}
    others = first - splits
    if len(splits) > 1 and others:
        raise UserError(
            f"{where}: {', '.join(sorted(splits))} look like splits, but {', '.join(map(repr, sorted(others)[:5]))} "
            "beside them like classes. Have one or the other, or leave some out: "
            f"{exclude_line(escape_pattern(min(others))[1:] + '/*')}"
        )
    return bool(splits) and not others


def _refuse_missing_classes(places: set[PathLabels], where: Path, class_from: str, layout: str) -> None:
    is_pattern = class_from not in ("first", "parent")
    classes_of: dict[str | None, set[str]] = {}
    for place in places:
        classes_of.setdefault(place.split, set()).add(place.class_name)
    classes = set().union(*classes_of.values())
    if len(classes) == 1:
        remedy = f"Correct class_from ({class_from})" if is_pattern else layout
        raise UserError(f"{where} must hold at least two classes, but there is only {min(classes)!r}. {remedy}")
    for split, found in sorted(classes_of.items(), key=str):
        if missing := min(classes - found, default=None):
            name = escape_pattern(missing)[1:]
            pattern = class_from.replace("{class}", name) if is_pattern else f"{name}/*"
            raise UserError(
                f"{where}: class {missing!r} must have examples in each split, but has none in {split}. Put some "
                f"there, or leave the class out: {exclude_line(pattern)}"
            )
