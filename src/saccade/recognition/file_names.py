"""Classes and splits read from the names of files, where nobody has said how they are to be read."""

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from saccade.core.errors import UserError
from saccade.data.spec import SPLIT_NAMES, SPLITS
from saccade.io.path_patterns import compile_pattern, escape_pattern
from saccade.readers.labels_from_paths import PathLabels, labels_from_paths

# What may part a class from a number, a name or the suffix in a file's name, tried in this order.
_JOINED = "{class}[0-9]*"  # nothing but the change from letters to digits
_NAME_PATTERNS = (
    *("{class}_[0-9]*", "{class}.[0-9]*", "{class}-[0-9]*", "{class} [0-9]*", "{class} ([0-9]*", _JOINED),
    *("[0-9]*_{class}.*", "[0-9]*-{class}.*", "*_[0-9]*_{class}.*", "*_{class}.*", "*-{class}.*"),
    *("{class}_*", "{class}-*"),
)
MIN_OF_A_CLASS = 3  # examples, one for each split
_FEWEST = 2  # examples of each class; a pattern that makes more classes than examples / 3 is none
_MEAN = 3
_STATED_SPLITS = re.compile(r"splits: \{([^}]*)\}")  # in a message that asks which folders are splits
_STATED_PICTURES = re.compile(r"include: \['([^']+)'\]")
_STATED = re.compile(r"(train|validation|test): (\[[^\]]*\]|[^,]+)")


@dataclass(frozen=True)
class NamedClasses:
    """Files whose names say their class.

    Attributes:
        arguments: keyword arguments of the source by which they are read so, such as class_from.
        names: names of the files that count.
        places: class and split of each of them.
        notes: lines for people on what was found.
    """

    arguments: Mapping[str, Any]
    names: list[str]
    places: list[PathLabels]
    notes: tuple[str, ...] = ()

    @property
    def class_from(self) -> str | None:
        """Part of a path that is the class; None: the first folder, or the first one in a split."""
        return self.arguments.get("class_from")

    @property
    def counts(self) -> Counter[str]:
        """How many files there are of each class."""
        return Counter(place.class_name for place in self.places)

    @property
    def splits(self) -> Counter[str]:
        """How many files each published split has; empty where none is published."""
        return Counter(place.split for place in self.places if place.split is not None)

    def seen(self, things: str) -> tuple[str, ...]:
        """Lines for people: how many classes, of which size, and which splits.

        Args:
            things: what the files are, such as "pictures".

        Returns:
            A line or two.
        """
        return seen_classes(self.counts, self.splits, things)

    def without_small_classes(self, things: str) -> tuple["NamedClasses", tuple[str, ...]]:
        """The same less classes of too few examples for three splits, with a line that says which; where that is safe.

        Args:
            things: what the files are, such as "pictures".

        Returns:
            The classes that are left, and a line or none.
        """
        if self.splits:
            return self._without_missing_classes(things)
        few = sorted(name for name, count in self.counts.items() if count < MIN_OF_A_CLASS)
        if not few or len(self.counts) - len(few) < 2:
            return self, ()
        listed = ", ".join(f"{name} {self.counts[name]}" for name in few[:20]) + (", ..." if len(few) > 20 else "")
        line = f"left out classes of fewer than {MIN_OF_A_CLASS} {things}, one for each split: {listed}"
        left = self._without(few)
        return replace(left, arguments={**self.arguments, "min_per_class": MIN_OF_A_CLASS}), (line,)

    def _without_missing_classes(self, things: str) -> tuple["NamedClasses", tuple[str, ...]]:
        """The same less classes that a published split lacks, such as what has no label yet beside neg and pos."""
        there = {(place.split, place.class_name) for place in self.places}
        missing = sorted({name for name in self.counts for split in self.splits if (split, name) not in there})
        if not missing or len(self.counts) - len(missing) < 2 or self.class_from not in (None, "first", "parent"):
            return self, ()
        left = self._without(missing)
        line = f"left out {things} that a published split lacks: " + ", ".join(
            f"{n} {self.counts[n]:,}" for n in missing
        )
        exclude = [f"{escape_pattern(name)[1:]}/*" for name in missing]
        return replace(left, arguments={**self.arguments, "exclude": exclude}), (line,)

    def _without(self, classes: Sequence[str]) -> "NamedClasses":
        """The same less some classes."""
        kept = [row for row, place in enumerate(self.places) if place.class_name not in classes]
        names, places = [self.names[row] for row in kept], [self.places[row] for row in kept]
        return NamedClasses(self.arguments, names, places, self.notes)


def seen_classes(counts: Counter[str], splits: Counter[str] | None, things: str) -> tuple[str, ...]:
    """Lines for people on classes and published splits.

    Args:
        counts: number of examples of each class.
        splits: number of examples of each published split, by any of its words; None where there is none.
        things: what the examples are, such as "pictures".

    Returns:
        One line or two.
    """
    largest = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(6))
    more = f", ... {counts.most_common()[-1][0]} {counts.most_common()[-1][1]:,}" if len(counts) > 6 else ""
    return (f"{counts.total():,} {things} in {len(counts):,} classes: {largest}{more}", *seen_splits(splits))


def seen_splits(splits: Counter[str] | None) -> tuple[str, ...]:
    """A line for people on published splits.

    Args:
        splits: number of examples of each, by any of its words; None where there is none.

    Returns:
        The line, or none.
    """
    if not splits:
        return ()
    of = {split: sum(n for word, n in splits.items() if SPLIT_NAMES[word.lower()] == split) for split in SPLITS}
    return ("published splits: " + ", ".join(f"{split} {count:,}" for split, count in of.items() if count),)


def by_folders(names: Sequence[str], where: Path, **arguments: Any) -> NamedClasses:
    """Classes that are folders, or what arguments of the source say.

    Args:
        names: paths of files, parted by slashes.
        where: the folder or archive, for messages.
        **arguments: class_from and splits, where they are stated.

    Returns:
        A class for each file that counts.

    Raises:
        UserError: the folders are no classes, or may be read in two ways, with the reason.
    """
    found = labels_from_paths(names, where, arguments.get("class_from"), splits=arguments.get("splits"))
    return NamedClasses(arguments, list(found.places), list(found.places.values()), (*found.notes, *found.warnings))


def by_answers(names: Sequence[str], where: Path, question: str) -> list[NamedClasses]:
    """Classes by each answer to the question with which ``by_folders`` stopped.

    Args:
        names: paths of files, parted by slashes.
        where: the folder or archive, for messages.
        question: the message, which names class_from and splits as params.yaml would.

    Returns:
        A reading for each answer that fits; none where nothing was asked.
    """
    answers: list[dict[str, Any]] = [{"splits": _splits_of(text)} for text in _STATED_SPLITS.findall(question)]
    answers += [{"class_from": word} for word in ("parent", "first") if f"class_from: {word}" in question]
    found = []
    for answer in answers:
        try:
            found.append(by_folders(names, where, **answer))
        except UserError:
            continue
    for pattern in _STATED_PICTURES.findall(question):
        kept = by_folders(list(filter(compile_pattern(pattern), names)), where)
        note = f"left out the {len(names) - len(kept.names):,} files that are none of {pattern}"
        found.append(replace(kept, arguments={"include": [pattern]}, notes=(*kept.notes, note)))
    return found


def _splits_of(text: str) -> dict[str, Any]:
    """The mapping that a message writes as YAML: ``train: 2023, test: [a, b]``."""
    found: dict[str, Any] = {}
    for split, folders in _STATED.findall(text):
        listed = [folder.strip() for folder in folders.strip("[]").split(",")]
        found[split] = listed if folders.startswith("[") else listed[0]
    return found


def by_inner_folders(names: Sequence[str], where: Path, outer: NamedClasses) -> NamedClasses | None:
    """Classes that are the folders that files lie in, where these lie in others: birds/eagle/1.jpg.

    Args:
        names: paths of files, parted by slashes.
        where: the folder or archive, for messages.
        outer: the classes by the first folders.

    Returns:
        Other classes than the first folders; None where there are none, or they look like parts, days or people.
    """
    try:
        found = by_folders(names, where, class_from="parent")
    except UserError:
        return None
    classes = found.counts
    are_numbered = statistics.mean(any(map(str.isdigit, name)) for name in classes) > 0.5
    is_filled = min(classes.values()) >= _FEWEST and len(found.places) >= _MEAN * len(classes)
    return found if len(classes) > len(outer.counts) and is_filled and not are_numbered else None


def by_file_names(names: Sequence[str], where: Path) -> Iterator[NamedClasses]:
    """Classes in the names of files: cat_1.jpg, cat.1.jpg, 1_cat.jpg.

    Args:
        names: paths of files, parted by slashes.
        where: the folder or archive, for messages.

    Yields:
        Readings with different classes, the likeliest first.
    """
    known: list[list[PathLabels]] = []
    for pattern in _NAME_PATTERNS:
        try:
            found = by_folders(names, where, class_from=pattern)
        except UserError:
            continue
        is_filled = min(found.counts.values()) >= _FEWEST and len(names) >= _MEAN * len(found.counts)
        if pattern == _JOINED and not all(name[-1].isalpha() for name in found.counts):
            continue  # cat. of cat.1.jpg, or the first digit of an age
        if is_filled and found.places not in known:
            known.append(found.places)
            yield found
