"""Your own texts, in a folder or an archive: a folder a class with a file an example, or a file a class with lines.

    source: {name: text_folder, path: reviews.tar.gz}
    source: {name: text_folder, path: names, examples: lines}

``pos/1.txt``, or ``train/pos/1.txt``, is an example of the class pos; with ``examples: lines`` each line of
``French.txt``, or ``train/French.txt``, is one of the class French. ``class_from`` reads other layouts.
"""

import io
import posixpath
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, ArchiveLimits, exclude_file_hint
from saccade.io.archives import Archive, NameFilter, open_archive
from saccade.io.encodings import codec_name, decode_text
from saccade.kinds.tokens.corpus.class_texts import ClassTexts
from saccade.kinds.tokens.text.tokenizer import normalise
from saccade.readers.class_names import without_small_classes
from saccade.readers.examples import TextExamples
from saccade.readers.fetch_archive import fetch_archive, name_filter, single_file
from saccade.readers.labels_from_paths import LabelledPaths, PathLabels, check_class_from, labels_from_paths
from saccade.readers.split_folders import check_splits

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "tokens"
LABELS = "classes"

_PACKED = "texts.tar"
_SUFFIXES = (".txt", ".text")  # that count where ``include`` does not say which files do
_LAYOUTS = {
    "files": "Put each class into a folder of its name: pos/1.txt, or train/pos/1.txt",
    "lines": "Put each class into a file of its name: French.txt, or train/French.txt",
}


def fetch(
    folder: Path,
    *,
    path: str | None = None,
    url: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    mirror: str | None = None,
    examples: Literal["files", "lines"] = "files",
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    class_from: str | None = None,
    splits: dict[str, str | int | list[str | int]] | None = None,
    rename_classes: dict[str, str | int] | None = None,
    names_encoding: str | None = None,
    min_per_class: int = 1,
    encoding: str = "utf-8",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    progress: Progress = no_progress,
) -> None:
    """Bring the texts into ``folder`` as one archive: a folder packed into a tar, an archive as it is.

    Args:
        folder: output folder.
        path: a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) on this machine.
        url: address of such an archive, in place of path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        examples: unit that is an example, files or lines; ``read`` uses it and the next ones, and here they are
            checked, before an hour's download.
        include: patterns of the files to take.
        exclude: patterns of the files to leave out.
        class_from: part of a path that is the class.
        splits: folders that are splits, as {train: Training, test: [2023, 2024]}: a folder's name or pattern, or
            several; None takes those called train, valid, test, seg_train or the like.
        rename_classes: class name to the name to take in its place, as {Dog: dog}; classes of one name become one.
        names_encoding: encoding of names that are not UTF-8, as Python names it, such as cp850; None finds it.
        min_per_class: least number of examples of a class; classes of fewer are left out.
        encoding: encoding of the texts.
        max_files: most members of an archive, or files of a folder.
        max_file_bytes: most bytes of one file.
        max_bytes: most bytes of all files together.
        progress: callback, called with the archive's name, the bytes there and its size.

    Raises:
        UserError: not exactly one of path and url; nothing that can be read is there; the bytes are not the named ones;
            class_from, encoding, a pattern or a limit is none.
    """
    limits = ArchiveLimits(max_files, max_file_bytes, max_bytes)
    _check(examples, class_from, encoding)
    check_splits(splits)
    fetch_archive(
        folder,
        _PACKED,
        who="text_folder",
        path=path,
        url=url,
        sha256=sha256,
        size=size,
        mirror=mirror,
        wanted=name_filter(include, exclude),
        limits=limits,
        names_encoding=names_encoding,
        progress=progress,
    )


def read(
    folder: Path,
    *,
    examples: Literal["files", "lines"] = "files",
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    class_from: str | None = None,
    splits: dict[str, str | int | list[str | int]] | None = None,
    rename_classes: dict[str, str | int] | None = None,
    names_encoding: str | None = None,
    min_per_class: int = 1,
    encoding: str = "utf-8",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
) -> TextExamples:
    """Read the texts, one file at a time; memory stays flat however many there are.

    Patterns, and the files that are never taken, are those of ``image_folder``. White space around a text does not
    count; empty lines are left out and counted.

    Args:
        folder: the folder that ``fetch`` filled.
        examples: unit that is an example: each of the files, or each of their lines.
        include: patterns of the files to take; None takes those called .txt or .text.
        exclude: patterns of the files to leave out.
        class_from: part of a path that is the class: ``first`` (the first folder, or the first one in train, val or
            test), ``parent`` (the folder that the file is in), ``file`` (the file's own name, less its suffix), or a
            pattern such as ``{class}_[0-9]*.txt``, in which ``*`` and {class} are any text but a slash; None takes
            ``first`` where files are examples, and asks where those folders hold the same folders, and ``file`` where
            lines are.
        splits: folders that are splits, as {train: Training, test: [2023, 2024]}: a folder's name or pattern, or
            several; None takes those called train, valid, test, seg_train or the like.
        rename_classes: class name to the name to take in its place, as {Dog: dog}; classes of one name become one.
        names_encoding: encoding of names that are not UTF-8, as Python names it, such as cp850; None finds it.
        min_per_class: least number of examples of a class; classes of fewer are left out.
        encoding: encoding of the texts, as Python names it; a byte order mark is left out.
        max_files: most members of the archive.
        max_file_bytes: most bytes of one file.
        max_bytes: most bytes of all files together.

    Returns:
        The examples in the archive's order; classes sorted by name; ids are digests of the texts. Files that cannot be
        read, or are empty, are among them, as ``unreadable``.

    Raises:
        UserError: the archive is damaged or exceeds a limit, its names do not say classes and splits, or a file whose
            lines are examples cannot be read, with the line.
    """
    path = single_file(folder)
    _check(examples, class_from, encoding)
    archive = open_archive(path, ArchiveLimits(max_files, max_file_bytes, max_bytes), names_encoding)
    wanted = name_filter(include, exclude)
    paths, notes = _list_texts(archive, wanted, by_suffix=include is None)
    by_file = class_from == "file" or (class_from is None and examples == "lines")
    labelled = _labels(paths, path, "file" if by_file else class_from, _LAYOUTS[examples], splits, rename_classes)
    place_of, notes = labelled.places, (*archive.notes, *notes, *labelled.notes)
    if min_per_class != 1:
        is_by_line = examples == "lines"
        of_each = (
            _classes_of_lines(archive, wanted, place_of, encoding)
            if is_by_line
            else [place.class_name for place in place_of.values()]
        )
        large, left_out = without_small_classes(of_each, min_per_class, path)
        place_of = {name: place for name, place in place_of.items() if place.class_name in large}
        notes = (*notes, *left_out)
    warnings = (*archive.warnings, *labelled.warnings)
    if examples == "lines":
        return _told(_read_lines(archive, wanted, place_of, encoding, notes), warnings)
    texts, names = ClassTexts(), []
    for name, content in _contents(archive, wanted, place_of):
        names.append(name)
        try:
            texts.add(normalise(decode_text(content, encoding)), place_of[name].class_name)
        except UserError as error:
            texts.add_unreadable(content, place_of[name].class_name, str(error))
    splits_N = _splits(place_of[name] for name in names)
    found = texts.examples(names.__getitem__, paths=names, published_splits=splits_N, notes=notes)
    return _told(found, warnings)


def _told(examples: TextExamples, warnings: tuple[str, ...]) -> TextExamples:
    return replace(examples, warnings=warnings, small_class_option="source.min_per_class")


def _check(examples: str, class_from: str | None, encoding: str) -> None:
    if examples not in _LAYOUTS:
        raise UserError(f"examples ({examples}) must be files or lines")
    if class_from not in (None, "file"):
        check_class_from(class_from)
    codec_name(encoding)


def _list_texts(archive: Archive, wanted: NameFilter, by_suffix: bool) -> tuple[list[str], tuple[str, ...]]:
    """The names of the texts, and what to tell of the files that are none."""
    names: list[str] = []
    others: Counter[str] = Counter()
    for member in archive.members(wanted):
        suffix = posixpath.splitext(member.name)[1].lower()
        if by_suffix and suffix not in _SUFFIXES:
            others[suffix or "without a suffix"] += 1
        else:
            names.append(member.name)
    counts = ", ".join(f"{suffix} {count:,}" for suffix, count in sorted(others.items()))
    if not names:
        raise UserError(
            f"{archive.path} must hold texts ({', '.join(_SUFFIXES)}), but holds {counts or 'none'}. Correct path, "
            "include or exclude; include takes files whatever they are called."
        )
    return names, (f"left out files that are no texts by their names: {counts}",) if others else ()


def _labels(
    paths: list[str],
    archive: Path,
    class_from: str | None,
    layout: str,
    splits: Mapping[str, object] | None,
    rename: Mapping[str, object] | None,
) -> LabelledPaths:
    if class_from != "file":
        return labels_from_paths(paths, archive, class_from, layout, splits=splits, rename=rename)
    as_folder = {path: f"{posixpath.splitext(path)[0]}/lines" for path in paths}
    labelled = labels_from_paths(list(as_folder.values()), archive, "parent", layout, splits=splits, rename=rename)
    places = {path: labelled.places[name] for path, name in as_folder.items() if name in labelled.places}
    return replace(labelled, places=places)


def _contents(archive: Archive, wanted: NameFilter, place_of: Mapping[str, PathLabels]) -> Iterator[tuple[str, bytes]]:
    for member in archive.members(wanted):
        if member.name in place_of:
            yield member.name, archive.read(member)


def _classes_of_lines(
    archive: Archive, wanted: NameFilter, place_of: Mapping[str, PathLabels], encoding: str
) -> list[str]:
    """The class of each line that holds text."""
    return [
        place_of[name].class_name
        for name, content in _contents(archive, wanted, place_of)
        for _, line in _lines(archive.path, name, content, encoding)
        if not line.isspace()
    ]


def _read_lines(
    archive: Archive, wanted: NameFilter, place_of: Mapping[str, PathLabels], encoding: str, notes: tuple[str, ...]
) -> TextExamples:
    texts, lines, firsts, names, empty = ClassTexts(), array("q"), array("q"), [], 0
    places: list[PathLabels] = []
    for name, content in _contents(archive, wanted, place_of):
        firsts.append(len(texts))
        names.append(name)
        for number, line in _lines(archive.path, name, content, encoding):
            text = normalise(line)
            if text.isspace() or not text:
                empty += 1
                continue
            texts.add(text, place_of[name].class_name)
            lines.append(number)
            places.append(place_of[name])
        if firsts[-1] == len(texts):
            raise UserError(
                f"{archive.path}: {name!r} must hold a line with text, but is empty. Fill it, or "
                f"{exclude_file_hint(name)}"
            )
    if empty:
        notes = (*notes, f"left out {empty:,} empty line{'' if empty == 1 else 's'}")

    def called(i: int) -> str:
        first = int(np.searchsorted(firsts, i, side="right")) - 1
        return f"{names[first]}, line {lines[i]}"

    return texts.examples(called, published_splits=_splits(places), notes=notes)


def _lines(archive: Path, name: str, content: bytes, encoding: str) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers from 1, decoded a few at a time."""
    try:
        with io.TextIOWrapper(io.BytesIO(content), codec_name(encoding), newline=None) as lines:
            for number, line in enumerate(lines, start=1):
                if "\0" in line:
                    break
                yield number, line
            else:
                return
    except UnicodeDecodeError:
        pass
    try:
        decode_text(content, encoding)  # says where it is
    except UserError as error:
        raise UserError(f"{archive}: {name!r} {error}, or {exclude_file_hint(name)}") from error
    raise AssertionError(f"{name} could not be read line by line, but whole")


def _splits(places: Iterable[PathLabels]) -> list[str] | None:
    """The published split of each; they all have one, or none has."""
    return [place.split for place in places if place.split is not None] or None


def recognise(look: "Look") -> "list[Reading]":
    """Texts whose class is a folder, or a file of lines; see ``saccade.recognition``."""
    from saccade.recognition.texts import labelled_by_names

    return labelled_by_names(look)
