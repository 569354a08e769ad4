"""Pictures: labelled by the names of folders and files, or by a table."""

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.kinds.image.pixels.decode import IMAGE_SUFFIXES, decode_for, decode_image
from saccade.readers.examples import ImageExamples
from saccade.recognition.columns import Column, TableLook, look_at_table, place_of_table, tables_of
from saccade.recognition.file_names import (
    NamedClasses,
    by_answers,
    by_file_names,
    by_folders,
    by_inner_folders,
    seen_classes,
    seen_splits,
)
from saccade.recognition.groups import group_column_names, group_patterns
from saccade.recognition.listed_files import ListedFiles, find_listed_files
from saccade.recognition.look import Look, suffix_of
from saccade.recognition.recognised import CERTAIN, LIKELY, Reading, Recognised, Unusable
from saccade.recognition.samples import spread_lines

_LEAST_SHARE = 0.3  # of all files, that are pictures where a folder is one of pictures
_MIN_NUMBERS = 20  # different ones, of a column to predict; fewer are classes
_LARGE = 500_000_000  # bytes of pictures, above which those of some rows are looked at
_SAMPLED = 1_000  # rows
_LOOKED_AT = 24  # pictures, whose sizes are told
_OPTIONAL = {"on_unreadable": "quarantine", "on_conflict": "quarantine"}
_WHY_OPTIONAL = "what is no whole picture, or stands under two classes, is left out and listed on the page"


def labelled_by_names(look: Look) -> list[Reading]:
    """Pictures whose class is a folder, or stands in each name.

    Args:
        look: what is there.

    Returns:
        Readings, several where more than one is as sure.
    """
    names = look.names(IMAGE_SUFFIXES)
    if len(names) < _LEAST_SHARE * len(look.sizes):
        return []
    if look.is_file:
        return [
            Unusable(f"{look.place} is one picture. Name a folder with many, each class in one of its own.", LIKELY)
        ]
    photographs, pattern = _without_masks(names)
    odd = (f"{len(names) - len(photographs):,} masks beside the pictures are left out",) if pattern else ()
    if (boxes := _boxes(look, names)) is not None:
        return [Unusable(boxes, CERTAIN)]
    try:
        outer = by_folders(photographs, look.path)
    except UserError as error:
        found = by_answers(photographs, look.path, str(error)) or list(by_file_names(photographs, look.path))[:2]
        if found:
            return [_recognised(look, pattern, reading, odd) for reading in found]
        return [Unusable(_why_unlabelled(look, photographs, str(error)), LIKELY)]
    inner = None if outer.splits else by_inner_folders(photographs, look.path, outer)
    return [_recognised(look, pattern, reading, odd) for reading in (outer, inner) if reading is not None]


def listed_in_table(look: Look) -> list[Reading]:
    """Pictures that a column of a table names, with a column of labels.

    Args:
        look: what is there.

    Returns:
        Readings, several where more than one is as sure.
    """
    pictures = look.names(IMAGE_SUFFIXES)
    if not pictures or _boxes(look, pictures) is not None:
        return []
    readings: list[Reading] = []
    for name in tables_of(look):
        table = look_at_table(look, name)
        if table is not None and (paths := find_listed_files(table, pictures)) is not None:
            readings += _of_table(look, table, paths)
    return readings


# --- by names ---------------------------------------------------------------------------------------------------------


def _recognised(look: Look, include: str | None, found: NamedClasses, odd: tuple[str, ...]) -> Recognised:
    found, left_out = found.without_small_classes("pictures")
    arguments: dict[str, Any] = {"path": look.place, **found.arguments}
    reasons = {"preprocess.on_unreadable": _WHY_OPTIONAL}
    if include is not None:
        arguments["include"] = [include]
        reasons["source.include"] = "the photographs, and not the masks beside them"
    where = {None: "a folder a class", "parent": "a class in the folder that each lies in", "first": "a folder a class"}
    meaning = where.get(found.class_from, f"a class in each name ({found.class_from})")
    if "splits" in found.arguments:
        meaning = f"{meaning}, in folders that are splits"
    return Recognised(
        meaning=f"pictures, {meaning}: {_some(sorted(found.counts))}",
        arguments=arguments,
        sureness=LIKELY,
        seen=(*found.seen("pictures"), _sizes(look, found.names)),
        odd=(*odd, *left_out, *found.notes),
        preprocess=_OPTIONAL,
        reasons=reasons,
        group_hints=tuple(group_patterns(found.names)),
        examples=lambda: _examples(look, found),
    )


def _examples(look: Look, found: NamedClasses) -> ImageExamples:
    """As the source would list them, without a copy of the files and without their digests."""
    classes, names = sorted(found.counts), found.names
    label_of = {name: label for label, name in enumerate(classes)}
    return ImageExamples(
        classes=tuple(classes),
        labels=np.array([label_of[place.class_name] for place in found.places], dtype=np.int64),
        load=lambda i: look.read(names[i]),
        decode=decode_image,
        decode_for=decode_for,
        ids=names,
        published_splits=[place.split for place in found.places if place.split is not None] or None,
        names=names,
    )


def _without_masks(names: list[str]) -> tuple[list[str], str | None]:
    """The photographs, and the pattern that takes them, where each has a mask of the same name and another suffix."""
    stems: dict[str, set[str]] = {}
    for name in names:
        stems.setdefault(posixpath.splitext(name)[0], set()).add(suffix_of(name))
    pairs = Counter(tuple(sorted(suffixes)) for suffixes in stems.values())
    (suffixes, count), *_ = pairs.most_common(1)
    if len(suffixes) != 2 or count < 0.9 * len(stems) or ".png" not in suffixes:
        return names, None
    photographs = next(suffix for suffix in suffixes if suffix != ".png")
    kept = [name for name in names if suffix_of(name) == photographs]
    ends = {posixpath.splitext(name)[1] for name in kept}
    return (kept, f"*{ends.pop()}") if len(ends) == 1 else (names, None)


def _boxes(look: Look, pictures: Sequence[str]) -> str | None:
    """What to say of pictures with a file of boxes for each, or one for all; None: there is none."""
    stems = {posixpath.splitext(posixpath.basename(name))[0] for name in pictures}
    beside = [name for name in look.names((".xml", ".txt")) if posixpath.splitext(posixpath.basename(name))[0] in stems]
    listed = [name for name in look.names((".json",)) if b'"annotations"' in look.start(name, 2**20)]
    if 2 * len(beside) < len(stems) and not listed:
        return None
    return (
        f"{look.place} holds pictures with files that say where things are in them ({(listed or beside)[0]}): finding "
        "things is not offered, naming whole pictures is. Cut the things out, each class into a folder of its name"
    )


def _why_unlabelled(look: Look, names: Sequence[str], error: str) -> str:
    if len({posixpath.dirname(name) for name in names}) > 1:
        return error
    return (
        f"{look.place} holds {pluralise(len(names), 'picture')}, and nothing says what is on them. Put each class into "
        "a folder of its name (cat/1.jpg), or a table with the columns path and label beside them"
    )


def _sizes(look: Look, names: Sequence[str]) -> str:
    """How large some of the pictures are, and whether they are grey."""
    shapes, unreadable = [], 0
    for row in np.unique(np.linspace(0, len(names) - 1, min(len(names), _LOOKED_AT)).astype(int)):
        try:
            shapes.append(decode_image(look.read(names[row])).shape)
        except UserError:
            unreadable += 1
    if not shapes:
        raise UserError(f"none of the pictures that were looked at in {look.place} can be read, such as {names[0]!r}")
    colour = "colour" if any(len(shape) == 3 for shape in shapes) else "grey"
    heights, widths = [shape[0] for shape in shapes], [shape[1] for shape in shapes]
    if len(set(shapes)) == 1:
        size = f"{widths[0]}x{heights[0]} pixels"
    else:
        size = f"{min(widths)} to {max(widths)} pixels wide, {min(heights)} to {max(heights)} high"
    broken = f"; {unreadable} of {len(shapes) + unreadable} looked at cannot be read" if unreadable else ""
    return f"{colour}, {size}{broken}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


# --- by a table -------------------------------------------------------------------------------------------------------


def _of_table(look: Look, table: TableLook, paths: ListedFiles) -> list[Reading]:
    splits = table.split_column()
    free = [c for c in table.columns if c is not paths.column and c is not splits and c.name != ""]
    readings = [_recognised_table(look, table, paths, splits, labels) for labels in _labels(table, free)]
    if readings:
        return list(readings)
    texts = next((column.name for column in free if 3 * len(column.counts) > len(column.values)), None)
    unread = ""
    if texts is not None:
        unread = (
            f" Where {texts} is what is written on each, one line of print a picture: `saccade add receipts-crnn`, "
            f"then write path, table and text_column: {texts} into its source"
        )
    why = (
        f"{table.name} names pictures ({paths.column.name}), but no column says what is on them: one with the same few "
        f"words in many rows. Add one.{unread}"
    )
    return [Unusable(why, CERTAIN)]


@dataclass(frozen=True)
class _Labels:
    """One reading of a table's labels."""

    arguments: Mapping[str, Any]
    meaning: str
    columns: tuple[Column, ...]
    seen: tuple[str, ...]
    reasons: Mapping[str, str]


def _labels(table: TableLook, free: Sequence[Column]) -> list[_Labels]:
    """The labels of a table; two readings where numbers may be classes or be predicted."""
    one_hot = [column for column in free if column.is_one_hot and len(column.values) == table.rows]
    if len(one_hot) >= 2:
        return [_of_columns(one_hot)]
    candidates = [column for column in table.label_columns() if column in free]
    numbers = [column for column in free if column.are_numbers and len(column.counts) > _MIN_NUMBERS]
    for column in candidates or [c for c in free if not c.are_numbers]:
        if separator := _labels_separator(column):
            return [_of_cells(column, separator)]
    if candidates:
        first = candidates[0]
        is_float = first.are_numbers and not first.are_whole
        readings = [] if is_float else [_of_classes(first)]
        return readings + ([_of_numbers(first)] if first in numbers else [])
    subjects = group_column_names([str(column.name) for column in free])
    measured = [column for column in numbers if column.name not in subjects and not _is_counted(column)]
    return [_of_numbers(measured[0])] if measured else []


def _of_classes(column: Column) -> _Labels:
    arguments = {} if column.name == "label" else {"label_column": column.name}
    return _Labels(
        arguments,
        f"a class in {column.name}: {_some(sorted(column.counts))}",
        (column,),
        seen_classes(column.counts, None, "pictures"),
        {},
    )


def _of_columns(columns: Sequence[Column]) -> _Labels:
    ones = [sum(_is_one(value) for value in row) for row in zip(*(column.values for column in columns), strict=True)]
    names = [column.name for column in columns]
    counts = ", ".join(f"{c.name} {sum(map(_is_one, c.values)):,}" for c in columns[:8])
    arguments: dict[str, Any] = {"label_columns": names}
    reasons = {"source.label_columns": "a column a class, with one 1 in each row"}
    meaning = f"a class a column: {_some([str(name) for name in names])}"
    if set(ones) != {1}:
        arguments["multilabel"] = True
        several = sum(count > 1 for count in ones)
        reasons["source.label_columns"] = (
            f"a column a class; {several:,} of {len(ones):,} rows have several, {ones.count(0):,} none"
        )
        meaning = f"several classes a picture, a column each: {_some([str(name) for name in names])}"
    return _Labels(arguments, meaning, tuple(columns), (f"classes by columns: {counts}",), reasons)


def _of_cells(column: Column, separator: str) -> _Labels:
    parts = Counter(part for value in column.values for part in _split(value, separator))
    several = sum(len(_split(value, separator)) > 1 for value in column.values)
    sign = "a space" if separator == " " else repr(separator)
    return _Labels(
        {"multilabel": True, "labels_separator": separator}
        | ({} if column.name == "label" else {"label_column": column.name}),
        f"several classes a picture in {column.name}, parted by {sign}: {_some(sorted(parts))}",
        (column,),
        seen_classes(parts, None, "labels"),
        {"source.multilabel": f"{several:,} of {len(column.values):,} cells hold several words that others hold alone"},
    )


def _of_numbers(column: Column) -> _Labels:
    return _Labels(
        {"value_columns": [column.name]},
        f"a number to predict in {column.name}",
        (column,),
        (f"numbers in {column.name}: {', '.join(column.values[:3])}, ...",),
        {"source.value_columns": f"{len(column.counts):,} different numbers: they are predicted, and are no classes"},
    )


def _labels_separator(column: Column) -> str | None:
    """What parts several labels in cells, where each of these labels stands in cells alone, too, but for a few."""
    for separator in ("|", ";", ",", " "):
        several = [value for value in column.counts if len(_split(value, separator)) > 1]
        alone = {value for value in column.counts if len(_split(value, separator)) == 1}
        parts = {part for value in several for part in _split(value, separator)}
        if several and parts and len(parts & alone) >= 0.8 * len(parts) and len(parts | alone) <= len(column.counts):
            return separator
    return None


def _split(value: str, separator: str) -> list[str]:
    return [part.strip() for part in value.split(separator) if part.strip()]


def _is_one(value: str) -> bool:
    return value.lower().removesuffix(".0") in ("1", "true")


def _is_counted(column: Column) -> bool:
    """Whether it numbers the rows."""
    return column.are_whole and len(column.counts) == column.rows


def _recognised_table(
    look: Look, table: TableLook, paths: ListedFiles, splits: Column | None, labels: _Labels
) -> Recognised:
    arguments: dict[str, Any] = place_of_table(look, table, folder=paths.folder) | dict(table.arguments)
    arguments |= {**paths.arguments, **labels.arguments}
    if splits is not None:
        arguments["split_column"] = splits.name

    def sample(folder: Path) -> tuple[dict[str, Any], int]:
        times = spread_lines(look.file(table.name), folder / "part.csv", _SAMPLED)
        files = posixpath.join(look.place, paths.folder).rstrip("/")
        return {**arguments, "table": str(folder / "part.csv"), "path": files}, round(times)

    is_large = look.archive is None and not look.is_file and look.total_bytes > _LARGE and table.rows > 2 * _SAMPLED
    named = {column.name for column in (paths.column, *labels.columns, *([splits] if splits else []))}
    return Recognised(
        meaning=f"pictures that {table.name} names, {labels.meaning}",
        arguments=arguments,
        sureness=CERTAIN,
        seen=(table.in_words(), *labels.seen, *seen_splits(splits.counts if splits else None)),
        preprocess=_OPTIONAL,
        reasons={**labels.reasons, "preprocess.on_unreadable": _WHY_OPTIONAL},
        group_hints=tuple(group_column_names([str(c.name) for c in table.columns if c.name not in named])),
        sample=sample if is_large else None,
    )
