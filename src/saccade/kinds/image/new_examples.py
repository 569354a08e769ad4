"""Image files that a trained network is asked about: found by their paths, decoded ahead by threads, nothing kept.

Shapes: H height, W width, C channels.
"""

import glob
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from saccade.core.cpu import usable_cores
from saccade.core.errors import UserError
from saccade.core.messages import pluralise, printable
from saccade.data.spec import Spec
from saccade.kinds import NewExample, NewExamples, Reading
from saccade.kinds.image.pixels.decode import IMAGE_SUFFIXES, decode_values
from saccade.kinds.image.pixels.dicom import is_dicom
from saccade.kinds.image.pixels.frames import Frame, frame_numbers
from saccade.kinds.image.pixels.grey_levels import scale_of
from saccade.kinds.image.pixels.line import prepare_line, refuse_page
from saccade.kinds.image.pixels.resize import prepare_image
from saccade.kinds.image.pixels.stored_values import MAX_PIXELS

BATCH_SIZE = 64  # small, so that answers come soon; decoding takes longer than computing, larger ones gain nothing


def read_files(reading: Reading) -> NewExamples:
    """Image files, each batch decoded while the one before is answered.

    Args:
        reading: files, folders and patterns, and the network's spec.

    Returns:
        The images.

    Raises:
        UserError: a path stands for nothing, or all of them together for no file.
    """
    files = find_images(reading.paths, reading.here)
    asked: list[tuple[str, int | None]] = [(path, None) for path in files]
    if reading.source.get("frames") == "all":
        asked = [(path, frame) for path in files for frame in _frames_of(reading.here / path)]
    names = [path if frame is None else f"{path} (frame {frame + 1})" for path, frame in asked]
    seen = Seen()
    new = NewExamples("picture", names, (), len(names), batch_size=BATCH_SIZE, files=files)
    if any(frame is not None for _, frame in asked):
        new.columns = {"path": str, "frame": int}

    def pick(numbers: Sequence[int]) -> Iterator[list[NewExample]]:
        done = 0
        paths, frames = [asked[i][0] for i in numbers], [asked[i][1] for i in numbers]
        for batch in decode_ahead(reading.spec, paths, here=reading.here, frames=frames, seen=seen):
            last = done + len(batch)
            yield [
                _new_example(names[i], decoded, frame)
                for i, decoded, frame in zip(numbers[done:last], batch, frames[done:last], strict=True)
            ]
            done = last
        new.warnings += seen.lines()

    new.batches, new.pick = pick(range(len(asked))), pick
    return new


def _new_example(name: str, decoded: "Decoded", frame: int | None) -> NewExample:
    place = {"path": decoded[0]} if frame is None else {"path": decoded[0], "frame": frame + 1}
    return NewExample(name, place, decoded[1])


def _frames_of(path: Path) -> list[int | None]:
    """The frames of a file that holds several; None of one that does not, or cannot be read."""
    try:
        numbers = frame_numbers(path.read_bytes()) if stat.S_ISREG(path.stat().st_mode) else [0]
    except OSError:
        return [None]  # decoding says what is wrong
    return list(numbers) if len(numbers) > 1 else [None]


@dataclass
class Seen:
    """What people should know of the files that were read.

    Attributes:
        deep: pictures of more than 8 bits, where the training data had none.
        several: files of which one frame of several was taken.
    """

    deep: list[str] = field(default_factory=list)
    several: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """A line on each."""
        lines = []
        if self.deep:
            lines.append(
                f"{pluralise(len(self.deep), 'picture')} of more than 8 bits, such as {printable(self.deep[0])}, and "
                "training had none: the type's range was scaled to 0 to 255"
            )
        if self.several:
            lines.append(
                f"{pluralise(len(self.several), 'file')} of several frames, such as {printable(self.several[0])}: the "
                "first of each was taken, as in training"
            )
        return lines


def find_images(paths: Iterable[str], here: Path = Path()) -> list[str]:
    """List the files that paths stand for, each once.

    A folder stands for the files below it whose names end as images' do (``decode.IMAGE_SUFFIXES``), sorted; not for
    hidden ones, and links to other folders are not followed. A path that does not exist is a pattern: ``*`` any text
    but a slash, ``?`` any character, ``[ab]`` one of a and b, ``**`` any folders. A file that is named, by itself or by
    a pattern, is taken whatever its name.

    Args:
        paths: files, folders and patterns.
        here: folder that they are relative to.

    Returns:
        Paths of files, in the order of ``paths``, relative as these are.

    Raises:
        UserError: a path stands for nothing, or all of them together for no file.
        OSError: a folder cannot be listed.
    """
    paths = list(paths)
    found: list[str] = []
    for path in paths:
        # pathlib's own globbing takes no absolute patterns
        is_there = os.path.lexists(here / path)
        named = [path] if is_there else sorted(glob.glob(path, root_dir=here, recursive=True))  # noqa: PTH207
        if not named:
            raise UserError(
                f"path ({path}) must be a file, a folder or a pattern such as 'photos/*.jpg', but there is nothing of "
                f"that name in {here.absolute()}. Correct it."
            )
        for name in named:
            found += _below(name, here) if (here / name).is_dir() else [name]
    if not found:
        raise UserError(
            f"{', '.join(paths[:5])} must hold pictures ({', '.join(IMAGE_SUFFIXES)}), but holds none. "
            "Name a file whose name ends otherwise by itself."
        )
    return list(dict.fromkeys(found))


def _below(folder: str, here: Path) -> list[str]:
    found, root = [], here / folder
    for parent, folders, names in os.walk(root, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        images = (name for name in names if _is_image(Path(parent, name)))
        inside = Path(folder) / Path(parent).relative_to(root)
        found += [str(inside / name) for name in images if not name.startswith(".")]
    return sorted(found)


def _is_image(path: Path) -> bool:
    """By its suffix; what has none may be a DICOM, as scanners write them."""
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES or (suffix and not suffix[1:].isdigit()) or not path.is_file():
        return suffix in IMAGE_SUFFIXES
    with path.open("rb") as file:
        return is_dicom(file.read(132))


def _raise(error: OSError) -> None:
    raise error


Decoded = tuple[str, np.ndarray | UserError]
"""A path, and its image as the network takes it, uint8 (H, W, C), or what is wrong with the file."""


def decode_ahead(
    spec: Spec,
    paths: Sequence[str],
    *,
    here: Path = Path(),
    batch_size: int = BATCH_SIZE,
    threads: int | None = None,
    frames: Sequence[int | None] | None = None,
    seen: Seen | None = None,
) -> Iterator[list[Decoded]]:
    """Decode image files. While one batch is in use, the next is decoded; no more are read ahead.

    Args:
        spec: what the network takes.
        paths: files.
        here: folder that they are relative to.
        batch_size: images at once.
        threads: how many decode; None takes one a core. (Pillow decodes and resizes outside Python's lock. Processes
            were slower: see docs/log.md.)
        frames: number of the frame of each file, from 0; None takes the first.
        seen: what gathers oddities of the files; None: nobody asks.

    Yields:
        The images of a batch, in the order of the paths.
    """
    pool = ThreadPoolExecutor(threads or usable_cores(), thread_name_prefix="decode")
    try:
        ahead: deque[list[Future[Decoded]]] = deque()
        for start in range(0, len(paths), batch_size):
            ahead.append(
                [
                    pool.submit(_read, spec, paths[i], here, frames[i] if frames else None, seen)
                    for i in range(start, min(start + batch_size, len(paths)))
                ]
            )
            if len(ahead) > 1:
                yield _results(ahead.popleft())
        while ahead:
            yield _results(ahead.popleft())
    finally:  # also when the caller stops in the middle
        pool.shutdown(cancel_futures=True)


def _results(waiting: list["Future[Decoded]"]) -> list[Decoded]:
    return [one.result() for one in waiting]


def _read(spec: Spec, path: str, here: Path, frame: int | None, seen: Seen | None) -> Decoded:
    try:
        place = here / path
        if not stat.S_ISREG(place.stat().st_mode):
            return path, UserError("must be a file; a pipe or a device may never end")
        return path, read_image(spec, place.read_bytes(), name=path, frame=frame, seen=seen)
    except OSError as error:
        return path, UserError(f"must be readable: {error.strerror or error}")
    except UserError as error:
        return path, error


def read_image(
    spec: Spec,
    content: bytes,
    *,
    name: str = "",
    frame: int | None = None,
    seen: Seen | None = None,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """Bring the bytes of an image file to what a network takes.

    Args:
        spec: what the network takes.
        content: bytes of the file.
        name: name of the file, for ``seen``.
        frame: number of the frame, from 0; None takes the first.
        seen: what gathers oddities of the file; None: nobody asks.
        max_pixels: most pixels that the file may have; it is not decoded where it says that it has more.

    Returns:
        uint8 (H, W, C).

    Raises:
        UserError: it is no image, damaged, or too large; the message goes on after the file's name.
    """
    height, width, channels = spec.shape
    if frame is None:
        numbers = frame_numbers(content)
        frame = numbers[0]
        if seen is not None and len(numbers) > 1:
            seen.several.append(name)
    values = decode_values(Frame(content, frame), (height, width), max_pixels)
    if seen is not None and values.is_deep and values.scale is None and not spec.value_range:
        seen.deep.append(name)
    image = scale_of(spec.value_range, spec.ignores_file_range).apply(values)
    if spec.is_padded:
        refuse_page(values.sides, height)
        return prepare_line(image, (height, width, channels))
    return prepare_image(image, (height, width), channels, spec.fit)
