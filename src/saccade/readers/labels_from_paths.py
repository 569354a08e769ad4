"""Which class and which published split a name stands for: ``cat/1.jpg``, ``train/cat/1.jpg``, ``test/cat_1.jpg``."""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from saccade.core.errors import UserError
from saccade.io.path_patterns import compile_field, escape_pattern, exclude_line
from saccade.readers.class_names import plain_class_names
from saccade.readers.split_folders import check_splits, find_split_folders

_LAYOUT = "Put each class into a folder of its name: cat/1.jpg, or train/cat/1.jpg"


class PathLabels(NamedTuple):
    """What a name says of an example; ``split`` is train, validation, test, or None where none is said."""

    split: str | None
    class_name: str


@dataclass(frozen=True)
class LabelledPaths:
    """What names say of examples.

    Attributes:
        places: class and split of each name; names that are left out are not there.
        notes: lines for people on what was found, such as splits and names that became one.
        warnings: lines that people should not miss.
    """

    places: Mapping[str, PathLabels]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def check_class_from(
    class_from: str | None, splits: Mapping[str, object] | None = None, rename: Mapping[str, object] | None = None
) -> None:
    """Refuse what says nothing.

    Args:
        class_from: part of a path that is the class: first, parent, a pattern, or None.
        splits: split to a folder's name, or a list of them.
        rename: class name to the name to take in its place.

    Raises:
        UserError: class_from is neither first nor parent, nor a pattern that holds {class} once; splits names no split;
            a class becomes one without a name.
    """
    if class_from not in (None, "first", "parent"):
        _class_reader(class_from)
    check_splits(splits)
    if nameless := next((name for name, new in (rename or {}).items() if not str(new).strip()), None):
        raise UserError(f"rename_classes ({nameless!r}) must give a name that holds more than spaces")


def labels_from_paths(
    names: Sequence[str],
    where: Path,
    class_from: str | None = None,
    layout: str = _LAYOUT,
    *,
    splits: Mapping[str, object] | None = None,
    rename: Mapping[str, object] | None = None,
) -> LabelledPaths:
    """Read classes and splits from names.

    ``split_folders`` says which folders are splits. Folders that all examples share above those do not count: an
    archive often has one around everything. The class is then, by ``class_from``,

    - ``first``: the first folder below the root, or below the split;
    - ``parent``: the folder that the file itself is in;
    - a pattern such as ``MT_{class}/Imgs/*`` or ``{class}_[0-9]*.jpg``: what stands in place of {class};
      ``path_patterns.compile_field`` says how.

    Args:
        names: paths of files, parted by slashes.
        where: the archive, for messages.
        class_from: part of a path that is the class, as described above; None takes the first folder, and asks where
            those hold the same folders.
        layout: advice how files should lie, for messages.
        splits: split to a folder's name or pattern, or a list of them; None: the names of folders tell.
        rename: class name to the name to take in its place.

    Returns:
        A place for each name that counts.

    Raises:
        UserError: ``class_from`` or a name says no class, names can be read in two ways, or there is only one class.
    """
    folder_of = {name: posixpath.dirname(name) for name in names}
    found = find_split_folders(list(folder_of.values()), where, splits=splits, may_ask=class_from is None)
    counted = [name for name in names if folder_of[name] in found.class_parts]
    if class_from in (None, "first", "parent"):
        of_folder = {}
        for folder, parts in found.class_parts.items():
            if not parts:
                is_parent = any(other.startswith(f"{folder}/") for other in found.class_parts)
                raise _no_class(folder, where, layout, is_parent)
            of_folder[folder] = parts[-1 if class_from == "parent" else 0]
        classes = [of_folder[folder_of[name]] for name in counted]
    else:
        classes = _classes_by_pattern(counted, class_from, where)
    classes, notes, warnings = plain_class_names(classes, where, rename)
    _refuse_one_class(classes, where, class_from, layout)
    one_of_each: dict[PathLabels, PathLabels] = {}  # millions of names share few of them
    places = {}
    for name, class_name in zip(counted, classes, strict=True):
        place = PathLabels(found.split_of[folder_of[name]], class_name)
        places[name] = one_of_each.setdefault(place, place)
    return LabelledPaths(places, (*found.notes, *notes), warnings)


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


def _refuse_one_class(classes: Sequence[str], where: Path, class_from: str | None, layout: str) -> None:
    if len(set(classes)) == 1:
        is_pattern = class_from not in (None, "first", "parent")
        remedy = f"Correct class_from ({class_from})" if is_pattern else layout
        raise UserError(f"{where} must hold at least two classes, but there is only {classes[0]!r}. {remedy}")
