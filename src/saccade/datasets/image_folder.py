"""Your own pictures, in a folder or an archive with one folder a class: ``cat/1.jpg``, or ``train/cat/1.jpg``.

    source: {name: image_folder, path: photos.zip}

Classes and the published split are read from the names of folders, or, with ``class_from``, from a pattern. Pictures
are decoded straight from the archive, one at a time and in its order.
"""

import functools
import hashlib
import posixpath
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.core.progress import Progress, no_progress
from saccade.io.archive_limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, ArchiveLimits
from saccade.io.archives import ARCHIVE_SUFFIXES, Archive, Member, NameFilter, open_archive
from saccade.kinds.image.pixels.decode import IMAGE_SUFFIXES, decode_for, decode_image, decode_values
from saccade.kinds.image.pixels.dicom import is_dicom
from saccade.kinds.image.pixels.frames import Frame, frame_numbers
from saccade.readers.class_names import without_small_classes
from saccade.readers.examples import ImageExamples
from saccade.readers.fetch_archive import fetch_archive, name_filter, single_file
from saccade.readers.labels_from_paths import check_class_from, labels_from_paths

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "image"
LABELS = "classes"

_PACKED = "images.tar"


def fetch(
    folder: Path,
    *,
    path: str | None = None,
    url: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    mirror: str | None = None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    class_from: str | None = None,
    splits: dict[str, str | int | list[str | int]] | None = None,
    rename_classes: dict[str, str | int] | None = None,
    names_encoding: str | None = None,
    min_per_class: int = 1,
    frames: Literal["first", "all"] = "first",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
    progress: Progress = no_progress,
) -> None:
    """Bring the pictures into ``folder`` as one archive: a folder packed into a tar, an archive as it is.

    Args:
        folder: output folder.
        path: a folder, a .zip or a .tar (.tar.gz, .tar.bz2, .tar.xz) on this machine.
        url: address of such an archive, in place of path.
        sha256: SHA-256 of the file at url, 64 hexadecimal digits.
        size: length of the file at url in bytes.
        mirror: a local folder or an http(s) URL that holds a file of the same name, asked in place of url.
        include: patterns of the files to take from a folder; None takes all. ``read`` says what a pattern is.
        exclude: patterns of the files to leave out.
        class_from: part of a path that is the class; ``read`` uses it, and here it is checked, before an hour's
            download.
        splits: folders that are splits, where their names do not say so, as {train: Training, test: [2023, 2024]}:
            a folder's name or pattern, or several; ``read`` uses it and the next, and here they are checked.
        rename_classes: class name to the name to take in its place, as {Dog: dog}; classes of one name become one.
        names_encoding: encoding of names that are not UTF-8, as Python names it, such as cp850; None finds it.
        min_per_class: least number of examples of a class; classes of fewer are left out.
        frames: of files of several frames (pages of a TIFF, an animation, a DICOM series) first takes the first, and
            all takes each as an example; those of a file stay in one split.
        max_files: most members of an archive, or files of a folder.
        max_file_bytes: most bytes of one file.
        max_bytes: most bytes of all files together.
        progress: callback, called with the archive's name, the bytes there and its size.

    Raises:
        UserError: not exactly one of path and url; nothing that can be read is there; the bytes are not the named ones;
            class_from, a pattern or a limit is none.
    """
    limits = ArchiveLimits(max_files, max_file_bytes, max_bytes)
    check_class_from(class_from, splits, rename_classes)
    fetch_archive(
        folder,
        _PACKED,
        who="image_folder",
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
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    class_from: str | None = None,
    splits: dict[str, str | int | list[str | int]] | None = None,
    rename_classes: dict[str, str | int] | None = None,
    names_encoding: str | None = None,
    min_per_class: int = 1,
    frames: Literal["first", "all"] = "first",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
) -> ImageExamples:
    """List the pictures; each is read and decoded when it is asked for, so memory stays flat.

    A pattern is compared with the name in the archive, as ``tar tf`` shows it, or in the folder: with the whole of it,
    or with what follows any of its slashes; one that begins with a slash with the whole alone. ``*`` is any text,
    slashes too, ``?`` any character, ``[ab]`` one of a and b. ``include: ["MT_*/Imgs/*.jpg"]`` takes the photographs,
    whatever folder is around, and leaves the masks (.png) beside them; ``exclude: ["thumbs/", "*.gif"]``.

    Names that begin with a dot are left out (macOS and others put files of their own beside the pictures). So are files
    that are no pictures by their names; ``notes`` counts those.

    Args:
        folder: the folder that ``fetch`` filled.
        include: patterns of the files to take; None takes all.
        exclude: patterns of the files to leave out.
        class_from: part of a path that is the class: ``first`` (the first folder, or the first one in train, val or
            test), ``parent`` (the folder that the file is in), or a pattern such as ``MT_{class}/Imgs/*`` or
            ``{class}_[0-9]*.jpg``, in which ``*`` and {class} are any text but a slash; None takes ``first``, and asks
            where those folders hold the same folders.
        splits: folders that are splits, as {train: Training, test: [2023, 2024]}: a folder's name or pattern, or
            several; None takes those called train, valid, test, seg_train or the like.
        rename_classes: class name to the name to take in its place, as {Dog: dog}; classes of one name become one.
        names_encoding: encoding of names that are not UTF-8, as Python names it, such as cp850; None finds it.
        min_per_class: least number of examples of a class; classes of fewer are left out.
        frames: of files of several frames (pages of a TIFF, an animation, a DICOM series) first takes the first, and
            all takes each as an example; those of a file stay in one split.
        max_files: most members of the archive.
        max_file_bytes: most bytes of one file.
        max_bytes: most bytes of all files together.

    Returns:
        The examples in the archive's order, in which they are read fastest; classes sorted by name; ids are digests of
        the files' bytes, so that copies of a picture stay in one split; names are those in the archive.

    Raises:
        UserError: the archive is damaged or exceeds a limit, or its names do not say classes and splits.
    """
    path = single_file(folder)
    archive = open_archive(path, ArchiveLimits(max_files, max_file_bytes, max_bytes), names_encoding)
    pictures, notes = _list_pictures(archive, name_filter(include, exclude))
    labelled = labels_from_paths(
        [picture.name for picture in pictures], path, class_from, splits=splits, rename=rename_classes
    )
    names_of_classes = [place.class_name for place in labelled.places.values()]
    large, left_out = without_small_classes(names_of_classes, min_per_class, path)
    pictures = [
        picture
        for picture in pictures
        if picture.name in labelled.places and labelled.places[picture.name].class_name in large
    ]
    several = [picture for picture in pictures if len(picture.frames) > 1]
    taken = [picture.frames if frames == "all" else picture.frames[:1] for picture in pictures]
    numbers = np.array([number for each in taken for number in each], dtype=np.int32)
    shown = [picture for picture, each in zip(pictures, taken, strict=True) for _ in each]
    places = [labelled.places[picture.name] for picture in shown]
    read_member = functools.lru_cache(maxsize=1)(archive.read)  # going back to it may unpack all that is before
    classes = sorted({place.class_name for place in places})
    label_of = {name: label for label, name in enumerate(classes)}
    return ImageExamples(
        classes=tuple(classes),
        labels=np.array([label_of[place.class_name] for place in places], dtype=np.int64),
        load=lambda i: Frame(read_member(shown[i].member), int(numbers[i])),
        decode=decode_image,
        decode_for=decode_for,
        decode_values=decode_values,
        ids=[picture.digest for picture in shown],
        published_splits=[place.split for place in places if place.split is not None] or None,  # all have one, or none
        names=[_frame_name(picture, int(n), frames) for picture, n in zip(shown, numbers, strict=True)],
        paths=[picture.name for picture in shown] if frames == "all" and several else (),
        notes=(*archive.notes, *notes, *labelled.notes, *left_out, *_frame_notes(several, frames)),
        warnings=(*archive.warnings, *labelled.warnings),
        small_class_option="source.min_per_class",
    )


class _Picture(NamedTuple):
    """A picture file: its place in the archive, a digest of its bytes, and the numbers of its frames."""

    member: Member
    digest: str
    frames: Sequence[int]

    @property
    def name(self) -> str:
        return self.member.name


def _frame_name(picture: _Picture, number: int, frames: str) -> str:
    is_one_of_several = frames == "all" and len(picture.frames) > 1
    return f"{picture.name} (frame {number + 1})" if is_one_of_several else picture.name


def _frame_notes(several: list[_Picture], frames: str) -> tuple[str, ...]:
    if not several:
        return ()
    total = sum(len(picture.frames) for picture in several)
    what = f"{pluralise(len(several), 'file')} of several frames ({total:,} in all), such as {several[0].name!r}"
    how = "each frame is an example" if frames == "all" else "the first of each is taken; frames: all takes all of them"
    return (f"{what}: {how}",)


def _list_pictures(archive: Archive, wanted: NameFilter) -> tuple[list[_Picture], tuple[str, ...]]:
    """The pictures, and what to tell of the files that are none."""
    pictures: list[_Picture] = []
    others: Counter[str] = Counter()
    for member in archive.members(wanted):
        suffix = posixpath.splitext(member.name)[1].lower()
        may_be_dicom = not suffix or suffix[1:].isdigit()  # 1.2.840.113619.2.55 is a name without a suffix
        content = archive.read(member) if suffix in IMAGE_SUFFIXES or may_be_dicom else b""
        if suffix in IMAGE_SUFFIXES or is_dicom(content):
            digest = hashlib.blake2b(content, digest_size=16).hexdigest()
            pictures.append(_Picture(member, digest, frame_numbers(content)))
        else:
            others[suffix or "without a suffix"] += 1
    counts = ", ".join(f"{suffix} {count:,}" for suffix, count in sorted(others.items()))
    if not pictures and others.keys() & ARCHIVE_SUFFIXES:
        raise UserError(
            f"{archive.path} holds archives in place of pictures ({counts}), which are not looked into: unpack it, and "
            "set path to one of them, or to the folder with all of them unpacked"
        )
    if not pictures:
        raise UserError(
            f"{archive.path} must hold pictures ({', '.join(IMAGE_SUFFIXES)}), but holds {counts or 'none'}. "
            "Correct path, include or exclude."
        )
    return pictures, (f"left out files that are no pictures by their names: {counts}",) if others else ()


def recognise(look: "Look") -> "list[Reading]":
    """Pictures in a folder or an archive: a folder a class, or a class in each name; see ``saccade.recognition``."""
    from saccade.recognition.pictures import labelled_by_names

    return labelled_by_names(look)
