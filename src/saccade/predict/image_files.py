"""Classifying picture files by their paths: found, decoded ahead by threads, answered batch by batch, nothing kept.

Shapes: B batch, K classes.
"""

import glob
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from saccade.core.cpu import usable_cores
from saccade.core.errors import UserError
from saccade.kinds.image.decode import PICTURE_SUFFIXES, decode_for
from saccade.predict.predictor import Predictor

BATCH_SIZE = 64  # small, so that answers come soon; decoding takes longer than computing, larger ones gain nothing


def find_pictures(paths: Iterable[str]) -> list[str]:
    """List the files that paths stand for, each once.

    A folder stands for the files below it whose names end as pictures' do (``images.PICTURE_SUFFIXES``), sorted; not
    for hidden ones, and links to other folders are not followed. A path that does not exist is a pattern: ``*`` any
    text but a slash, ``?`` any character, ``[ab]`` one of a and b, ``**`` any folders. A file that is named, by itself
    or by a pattern, is taken whatever its name.

    Args:
        paths: files, folders and patterns.

    Returns:
        Paths of files, in the order of ``paths``.

    Raises:
        UserError: a path stands for nothing, or all of them together for no file.
        OSError: a folder cannot be listed.
    """
    paths = list(paths)
    found: list[str] = []
    for path in paths:
        # pathlib's own globbing takes no absolute patterns
        named = [path] if os.path.lexists(path) else sorted(glob.glob(path, recursive=True))  # noqa: PTH207
        if not named:
            raise UserError(
                f"path ({path}) must be a file, a folder or a pattern such as 'photos/*.jpg', but there is nothing of "
                f"that name in {Path.cwd()}. Correct it."
            )
        for name in named:
            found += _below(name) if Path(name).is_dir() else [name]
    if not found:
        raise UserError(
            f"{', '.join(paths[:5])} must hold pictures ({', '.join(PICTURE_SUFFIXES)}), but holds none. "
            "Name a file whose name ends otherwise by itself."
        )
    return list(dict.fromkeys(found))


def _below(folder: str) -> list[str]:
    found = []
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        pictures = (name for name in names if Path(name).suffix.lower() in PICTURE_SUFFIXES)
        found += [str(Path(parent, name)) for name in pictures if not name.startswith(".")]
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def classify_files(
    predictor: Predictor, paths: Sequence[str], *, batch_size: int = BATCH_SIZE, threads: int | None = None
) -> Iterator[tuple[str, np.ndarray | UserError]]:
    """Classify picture files. While one batch is answered, the next is decoded; no more are read ahead.

    Args:
        predictor: of a network that classifies images.
        paths: the files.
        batch_size: pictures at once; changes nothing but speed and memory.
        threads: how many decode; None takes one a core. (Pillow decodes and resizes outside Python's lock. Processes
            were slower: see docs/log.md.)

    Yields:
        Each path, in order, with its probabilities float32 (K,) in the order of ``predictor.spec.classes``, or with
        what is wrong with the file; that message goes on after the file's name.

    Raises:
        UserError: the network does not classify images.
    """
    predictor.require_image_classes()
    pool = ThreadPoolExecutor(threads or usable_cores(), thread_name_prefix="decode")
    try:
        ahead: deque[Iterator[tuple[str, np.ndarray | UserError]]] = deque()
        for start in range(0, len(paths), batch_size):
            batch = paths[start : start + batch_size]
            # `map` submits at once, and its iterator lets go of each result that it gives
            ahead.append(zip(batch, pool.map(lambda path: _read(predictor, path), batch), strict=True))
            if len(ahead) > 1:
                yield from _answer(predictor, list(ahead.popleft()))
        while ahead:
            yield from _answer(predictor, list(ahead.popleft()))
    finally:  # also when the caller stops in the middle
        pool.shutdown(cancel_futures=True)


def _read(predictor: Predictor, path: str) -> np.ndarray | UserError:
    """The picture as the network takes it, uint8 (H, W, C), or what is wrong with the file."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return UserError("must be a file; a pipe or a device may never end")
        height, width, _ = predictor.spec.shape
        return predictor.prepare(decode_for(Path(path).read_bytes(), (height, width))[0])
    except OSError as error:
        return UserError(f"must be readable: {error.strerror or error}")
    except UserError as error:
        return error


def _answer(
    predictor: Predictor, batch: Sequence[tuple[str, np.ndarray | UserError]]
) -> Iterator[tuple[str, np.ndarray | UserError]]:
    images = [image for _, image in batch if isinstance(image, np.ndarray)]
    answers_BK = iter(predictor.outputs(torch.from_numpy(np.stack(images))) if images else ())
    for path, image in batch:
        yield path, image if isinstance(image, UserError) else next(answers_BK)
