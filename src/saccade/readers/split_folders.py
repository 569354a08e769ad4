"""Which folders are splits and which are classes: train/cat, Training/cat, seg_train/seg_train/cat, cat/train.

Folders are compared by their names in one Unicode form, without the spaces around; what is said of them is certain, or
a question is asked.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from saccade.core.errors import UserError
from saccade.data.spec import SPLIT_NAMES, SPLITS
from saccade.io.path_patterns import compile_pattern, escape_pattern, exclude_line
from saccade.readers.class_names import plain_name

Parts = Mapping[str, Sequence[str]]
"""A folder's path to the names of the folders on the way to it."""

_TOKEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_A-Za-z]+")
_NEUTRAL = {"set", "sets", "data", "dataset", "image", "images", "img", "imgs", "picture", "pictures", "text", "texts"}
_UNLABELLED = {"pred", "predict", "prediction", "predictions", "unlabelled", "unlabeled", "unsup", "unsupervised"}
_PICTURES = {"image", "images", "img", "imgs", "picture", "pictures", "photo", "photos"}  # in each class's folder
_BESIDE_PICTURES = {
    "mask",
    "masks",
    "annotation",
    "annotations",
    "label",
    "labels",
    "segmentation",
    "segmentations",
    "gt",
}
_MAX_NAMED = 3  # folders or classes in a message


@dataclass(frozen=True)
class SplitFolders:
    """What folders say of the files in them.

    Attributes:
        split_of: split of each folder that counts: train, validation or test; None where none is said.
        class_parts: names of folders, less those of splits and of what is around all, of each that counts.
        notes: lines for people on what was found.
    """

    split_of: Mapping[str, str | None]
    class_parts: Parts
    notes: tuple[str, ...] = ()


def find_split_folders(
    folders: Sequence[str], where: Path, *, splits: Mapping[str, object] | None = None, may_ask: bool = True
) -> SplitFolders:
    """Tell splits from classes.

    Args:
        folders: folder of each file, parted by slashes; "" is the root.
        where: the archive, for messages.
        splits: split to a folder's name or pattern, or a list of them, as the user says; None: names tell.
        may_ask: whether folders that hold the same folders are a question; not where the user said what the class is.

    Returns:
        Splits and the remaining names; folders that are left out are in neither.

    Raises:
        UserError: names can be read in two ways, or ``splits`` fits none.
    """
    files = Counter(folders)
    parts = {folder: folder.split("/") if folder else [] for folder in sorted(files)}
    if splits is not None:
        return _named_by_user(parts, where, splits)
    below = _without_shared(parts)
    found = _first_are_splits(below, where) or _split_and_class_in_one_name(below) or _second_are_splits(below)
    if found is None:
        found = SplitFolders(dict.fromkeys(below), below)
    if may_ask:
        _refuse_same_folders(found, files, where)
    return found


def check_splits(splits: Mapping[str, object] | None) -> None:
    """Refuse what names no split, or no folder.

    Args:
        splits: split to a folder's name or pattern, or a list of them; None: nothing to check.

    Raises:
        UserError: a key is no split, or a value no name.
    """
    for split, value in (splits or {}).items():
        if split not in SPLITS:
            raise UserError(f"splits ({split}) must name {', '.join(SPLITS)}, as in splits: {{train: Training}}")
        for name in _values(value):
            compile_pattern(name.rstrip("/"))


def _values(value: object) -> list[str]:
    """Names as YAML holds them: 2023 is one, too."""
    return [str(one) for one in (value if isinstance(value, list) else [value])]


def _named_by_user(parts: Parts, where: Path, splits: Mapping[str, object]) -> SplitFolders:
    check_splits(splits)
    fits = [
        (split, name, compile_pattern(name.rstrip("/"))) for split, value in splits.items() for name in _values(value)
    ]
    split_of: dict[str, str | None] = {}
    above: dict[str, list[str]] = {}  # names of the folders around the one of the split, and of those in it
    below: dict[str, list[str]] = {}
    used: set[str] = set()
    others = []
    for folder, names in parts.items():
        place = _first_fit(names, fits)
        if place is None:
            others.append(folder)
            continue
        depth, split_of[folder], name = place
        used.add(name)
        above[folder], below[folder] = list(names[:depth]), list(names[depth + 1 :])
    if missing := [name for _, name, _ in fits if name not in used]:
        known = ", ".join(map(repr, sorted({names[0] for names in parts.values() if names})[:_MAX_NAMED]))
        raise UserError(
            f"{where}: splits ({missing[0]}) must be the name of a folder that holds examples, but there is none; "
            f"there are {known or 'no folders'}"
        )
    if others:
        raise UserError(
            f"{where}: {others[0] or 'its root'!r} and {len(others) - 1:,} other folders must lie in one that splits "
            f"names ({', '.join(name for _, name, _ in fits)}). Name their folder there, or leave them out: "
            f"{exclude_line(escape_pattern(others[0]) + '/*')}"
        )
    if not any(below.values()):  # cat/Training: the class stands before
        return SplitFolders(split_of, _without_shared(above))
    return SplitFolders(split_of, _without_folder_of_each_split(below, split_of))


def _first_fit(
    names: Sequence[str], fits: Sequence[tuple[str, str, Callable[[str], bool]]]
) -> tuple[int, str, str] | None:
    """The depth of the first folder on the way that is one of the named, its split and what it was named."""
    for depth in range(len(names)):
        path = "/".join(names[: depth + 1])
        for split, name, is_it in fits:
            if is_it(path):
                return depth, split, name
    return None


def _without_shared(below: Parts) -> Parts:
    """Take away the folders that all share, but a split's name and the last one, which may be the class."""
    while True:
        first = {parts[0] if len(parts) > 1 else "" for parts in below.values()}
        if len(first) != 1 or (name := first.pop()) == "" or plain_name(name).lower() in SPLIT_NAMES:
            return below
        below = {folder: parts[1:] for folder, parts in below.items()}


def split_in_name(name: str) -> tuple[str | None, str]:
    """The split that a folder's name speaks of, and the rest of the name.

    >>> split_in_name("Training"), split_in_name("seg_test"), split_in_name("valSet2017"), split_in_name("station")
    (('train', ''), ('test', 'seg'), ('validation', '2017'), (None, 'station'))

    Args:
        name: name of a folder.

    Returns:
        train, validation or test, or None where the name holds no word for one, or several; and its other words.
    """
    plain = plain_name(name)
    if plain.lower() in SPLIT_NAMES:
        return SPLIT_NAMES[plain.lower()], ""
    words = [word.lower() for word in _TOKEN.findall(plain)]
    words = [word.removesuffix("set") if word.removesuffix("set") in SPLIT_NAMES else word for word in words]
    said = [word for word in words if word in SPLIT_NAMES]
    rest = [w for w in words if w not in SPLIT_NAMES and w not in _NEUTRAL and not (w.isdigit() and len(w) < 3)]
    return (SPLIT_NAMES[said[0]], " ".join(rest)) if len(said) == 1 else (None, plain)


def _first_are_splits(below: Parts, where: Path) -> SplitFolders | None:
    """A class may be called train (beside bus and car); train and test together are splits, and so are seg_train and
    seg_test: what is left of their names is the same, or they hold a folder of the same name.
    """
    first = sorted({parts[0] for parts in below.values() if parts})
    said = {name: split_in_name(name) for name in first}
    whole = {name for name in first if plain_name(name).lower() in SPLIT_NAMES}
    named = {name for name in first if said[name][0] is not None}
    splits = whole
    if named != whole and len({said[name][0] for name in named}) > 1:
        rests = {said[name][1] for name in named}
        shared = set.intersection(*(_inside(below, name) for name in named))
        splits = named if len(rests) == 1 or shared else whole
    others = [name for name in first if name not in splits]
    unlabelled = {
        name for name in others if set(_TOKEN.findall(name.lower())) & _UNLABELLED and not _inside(below, name) - {name}
    }
    is_alone = len(splits) == 1 and (set(others) > unlabelled or not all(_inside(below, name) for name in splits))
    if not splits or (others and is_alone):
        return None
    if other := [name for name in others if name not in unlabelled]:
        raise UserError(
            f"{where}: {', '.join(sorted(splits))} look like splits, but {', '.join(map(repr, other[:5]))} "
            "beside them like classes. Have one or the other, or leave some out: "
            f"{exclude_line(escape_pattern(other[0])[1:] + '/*')}"
        )
    split_of = {name: said[name][0] for name in splits}
    _refuse_two_validations(split_of, where)
    kept = {folder: parts for folder, parts in below.items() if not parts or parts[0] in splits}
    split_of_folder = {folder: split_of[parts[0]] if parts else None for folder, parts in kept.items()}
    rest = {folder: parts[1:] for folder, parts in kept.items()}
    read = [f"{name!r} is {split_of[name]}" for name in sorted(splits, key=_order) if name.lower() != split_of[name]]
    notes = [f"splits by folder: {', '.join(read)}"] if read else []
    notes += [f"left out {name!r}, which holds no folder of a class" for name in sorted(unlabelled)]
    return SplitFolders(split_of_folder, _without_folder_of_each_split(rest, split_of_folder), tuple(notes))


def _order(name: str) -> int:
    return SPLITS.index(split_in_name(name)[0] or "test")


def _inside(below: Parts, name: str) -> set[str]:
    """Names of the folders right below the one of that name; one that is called as it is, is looked through."""
    inner = {tuple(parts[1:]) for parts in below.values() if parts and parts[0] == name}
    if {parts[0] for parts in inner if parts} == {name}:
        inner = {parts[1:] for parts in inner if parts}
    return {plain_name(parts[0]) for parts in inner if parts}


def _refuse_two_validations(split_of: Mapping[str, str | None], where: Path) -> None:
    """Train, dev and eval: whether eval is the test, only the user knows."""
    held = sorted(name for name, split in split_of.items() if split == "validation")
    last = [name for name in held if plain_name(name).lower().startswith("eval")]
    if "test" in split_of.values() or not last or len(last) == len(held):
        return
    first = next(name for name in held if name not in last)
    train = next((name for name, split in split_of.items() if split == "train"), "train")
    raise UserError(
        f"{where}: {first!r} and {last[0]!r} can be validation and test, or both validation. Say which: "
        f"splits: {{train: {train}, validation: {first}, test: {last[0]}}}, or "
        f"splits: {{train: {train}, validation: [{', '.join(held)}]}}"
    )


def _without_folder_of_each_split(below: Parts, split_of: Mapping[str, str | None]) -> Parts:
    """Take away the one folder that all in a split lie in: seg_train/seg_train/cat, or train/images/cat in each."""
    while True:
        around: dict[str | None, set[str]] = {}
        for folder, parts in below.items():
            around.setdefault(split_of[folder], set()).add(plain_name(parts[0]) if len(parts) > 1 else "")
        single = {split: next(iter(names)) for split, names in around.items() if len(names) == 1 and "" not in names}
        taken = {split for split, name in single.items() if split_in_name(name)[0] == split}
        if len(single) == len(around) and len(set(single.values())) == 1:
            taken = set(single)
        if not taken:
            return below
        below = {folder: parts[1:] if split_of[folder] in taken else parts for folder, parts in below.items()}


def _split_and_class_in_one_name(below: Parts) -> SplitFolders | None:
    """train_cat, train_dog, test_cat: a split in each name, and some class in two of them."""
    first = {parts[0] for parts in below.values() if parts}
    said = {name: split_in_name(name) for name in first}
    if (
        not first
        or not all(parts for parts in below.values())
        or any(s is None or not rest for s, rest in said.values())
    ):
        return None
    times = Counter(rest for _, rest in {(split, rest) for split, rest in said.values()})
    if len({split for split, _ in said.values()}) < 2 or len(times) < 2 or max(times.values()) < 2:
        return None
    return SplitFolders(
        {folder: said[parts[0]][0] for folder, parts in below.items()},
        {folder: [said[parts[0]][1], *parts[1:]] for folder, parts in below.items()},
        (f"splits and classes by folder: {min(first)!r} is class {said[min(first)][1]!r} of {said[min(first)][0]}",),
    )


def _second_are_splits(below: Parts) -> SplitFolders | None:
    """cat/train, cat/test, dog/train: the split stands below the class."""
    if not below or any(len(parts) != 2 for parts in below.values()):
        return None
    split_of = {folder: SPLIT_NAMES.get(plain_name(parts[1]).lower()) for folder, parts in below.items()}
    if None in split_of.values() or len(set(split_of.values())) < 2:
        return None
    example = min(below)
    note = f"splits by the folders below the classes: {'/'.join(below[example])!r} is {split_of[example]}"
    return SplitFolders(split_of, {folder: parts[:1] for folder, parts in below.items()}, (note,))


def _refuse_same_folders(found: SplitFolders, files: Mapping[str, int], where: Path) -> None:
    """Folders that hold the same folders are no classes, whatever they are called: splits, or what else is asked."""
    inside: dict[str, set[str]] = {}
    direct, counts = set(), Counter[str]()
    for folder, parts in found.class_parts.items():
        counts[parts[0] if parts else ""] += files[folder]
        if len(parts) > 1:
            inside.setdefault(parts[0], set()).add(plain_name(parts[1]))
        elif parts:
            direct.add(parts[0])
    outer = sorted(name for name in inside if name not in direct)
    times = Counter(inner for name in outer for inner in inside[name])
    shared = sorted(name for name, count in times.items() if count > 1)
    alike = [name for name in outer if inside[name] & set(shared)]
    if len(shared) < 2 or 2 * len(alike) <= len({*inside, *direct}):
        return
    first = f"class_from: first (classes {_listed(alike)})"
    opening = f"{where}: {_listed(alike)} hold the same folders ({_listed(shared)}): "
    if all(name.lower() in SPLIT_NAMES for name in shared):
        named = {SPLIT_NAMES[name.lower()]: name for name in shared}
        below = sorted({parts[-1] for parts in found.class_parts.values()})
        raise UserError(
            f"{opening}are those splits, and the folders in them the classes ({_listed(below)})? {_line(named)}; "
            f"or {first}"
        )
    kinds = {name for name in shared if name.lower() in _PICTURES}
    if len(kinds) == 1 and all(name.lower() in _BESIDE_PICTURES for name in set(shared) - kinds):
        pictures = f"include: ['*/{kinds.pop()}/*']"
        raise UserError(
            f"{opening}leave out what is no example of a class: {pictures}, and the classes are {_listed(alike)}"
        )
    parent = f"class_from: parent (classes {_listed(sorted({parts[-1] for parts in found.class_parts.values()}))})"
    if set(found.split_of.values()) != {None} or len(alike) > len(SPLITS):
        raise UserError(f"{opening}which is the class? {parent}; {first}")
    order = [name for name, _ in counts.most_common() if name in alike]  # training is the largest
    named = dict(zip(("train", "test") if len(alike) == 2 else ("train", "test", "validation"), order, strict=True))
    raise UserError(f"{opening}are they splits? {_line(named)}; or {parent}; or {first}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_MAX_NAMED])) + (", ..." if len(names) > _MAX_NAMED else "")


def _line(named: Mapping[str, str]) -> str:
    """The line of params.yaml that names splits; where two are called alike, the others stay with the user."""
    return f"splits: {{{', '.join(f'{split}: {named[split]}' for split in SPLITS if split in named)}}}"
