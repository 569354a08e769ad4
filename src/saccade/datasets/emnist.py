"""EMNIST: handwritten digits and letters from where MNIST comes from too, grey, 28 x 28, in six subsets to choose from.

balanced  131,600 of 47 classes, equally many of each; a letter whose two forms look alike has one class
byclass   814,255 of 62 classes: digits, capitals, small letters, as often as people wrote them
bymerge   the same images, with the 47 classes of balanced
digits    280,000 digits, equally many of each
letters   145,600 of 26 classes, each capital together with its small letter
mnist     70,000 digits, made to take the place of MNIST

Source: https://www.nist.gov/itl/products-and-services/emnist-dataset, one zip for all subsets; made from NIST's Special
Database 19.
Citation: G. Cohen, S. Afshar, J. Tapson and A. van Schaik, "EMNIST: an extension of MNIST to handwritten letters",
2017, https://arxiv.org/abs/1702.05373.
"""

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.io.downloads import RemoteFile, fetch_file
from saccade.kinds.image.pixels.idx import read_examples
from saccade.readers.examples import ImageExamples

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "image"
LABELS = "classes"
LICENCE = "none named by its publisher"

_FILE = RemoteFile(
    "gzip.zip",
    "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
    561753746,
    (
        "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
    ),
)
_FOLDER = "gzip"  # in the zip
_REMEDY = "Fetch the dataset again."


def fetch(folder: Path, *, mirror: str | None = None, progress: Progress = no_progress) -> None:
    """Bring the published zip, 562 MB with all subsets, into ``folder``.

    Args:
        folder: output folder of ``gzip.zip``, which is left alone when it is there and right.
        mirror: a local folder or an http(s) URL that holds a file of the same name.
        progress: callback, called with the file's name, the bytes there and its size.

    Raises:
        UserError: the file could not be had, or is not the published one.
    """
    fetch_file(_FILE, folder, mirror=mirror, progress=progress)


def read(
    folder: Path, *, subset: Literal["balanced", "byclass", "bymerge", "digits", "letters", "mnist"] = "balanced"
) -> ImageExamples:
    """Read one subset out of the zip: uint8 (28, 28) images, background 0, training images first.

    The files hold the images column by column; here they are upright. A class is named by the first of the characters
    that the subset's mapping gives to it: the capital, where two forms share a class.

    Args:
        folder: the folder that ``fetch`` filled.
        subset: one of the six subsets; ``byclass`` and ``bymerge`` take 640 MB of memory.

    Returns:
        The examples in the published order; ids are digests of the pixels.

    Raises:
        UserError: the zip, or a file in it, is missing or damaged, or of another form.
    """
    path = folder / _FILE.name
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing. {_REMEDY}") from error
    except zipfile.BadZipFile as error:
        raise UserError(f"{path} must be a whole zip file: {error}. {_REMEDY}") from error
    with archive:
        members = zipfile.Path(archive, f"{_FOLDER}/")
        first_label, classes = _read_mapping(members / f"emnist-{subset}-mapping.txt")
        split_files = {
            split: (
                members / f"emnist-{subset}-{split}-images-idx3-ubyte.gz",
                members / f"emnist-{subset}-{split}-labels-idx1-ubyte.gz",
            )
            for split in ("train", "test")
        }
        return read_examples(split_files, classes, first_label=first_label, transposed=True)


def _read_mapping(source: zipfile.Path) -> tuple[int, tuple[str, ...]]:
    """The first label, 0 or 1, and the names of the classes: each line is a label and its characters' codes."""
    try:
        lines = source.read_bytes().decode("ascii").splitlines()
        rows = [[int(number) for number in line.split()] for line in lines if line.strip()]
        labels, classes = [row[0] for row in rows], tuple(chr(row[1]) for row in rows)
    except FileNotFoundError as error:
        raise UserError(f"{source} is missing. {_REMEDY}") from error
    except (ValueError, IndexError, OverflowError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UserError(
            f"{source} must hold a label and a character's code in each line: {error}. {_REMEDY}"
        ) from error
    if not labels or labels[0] not in (0, 1) or labels != list(range(labels[0], labels[0] + len(labels))):
        raise UserError(f"{source} must number the classes from 0 or 1 on, without gaps, but has {labels}. {_REMEDY}")
    if len(set(classes)) < len(classes) or not all(name.isalnum() for name in classes):
        raise UserError(f"{source} must give each class a digit or letter of its own, but has {classes}. {_REMEDY}")
    return labels[0], classes


def recognise(look: "Look") -> "list[Reading]":
    """The published zip; see ``saccade.recognition``."""
    from saccade.recognition.published import published_files

    return published_files(look, [_FILE], "EMNIST as published, its subset balanced")
