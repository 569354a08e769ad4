"""Files that a source fetches as published, known by their names and lengths."""

import posixpath
from collections.abc import Sequence

from saccade.io.downloads import RemoteFile
from saccade.recognition.look import Look
from saccade.recognition.recognised import CERTAIN, Reading, Recognised, Unusable


def published_files(look: Look, files: Sequence[RemoteFile], meaning: str) -> list[Reading]:
    """A folder, or a file, that holds what a source would fetch from afar: it is its mirror.

    Args:
        look: what is there.
        files: published files of the source.
        meaning: what they are, such as "MNIST as published".

    Returns:
        A reading, if all files are there in their lengths; their digests are checked when they are fetched.
    """
    there = {look.path.name: look.path.stat().st_size} if look.path.is_file() else look.sizes
    if any(there.get(file.name) != file.size for file in files):
        return []
    folder = look.place if look.path.is_dir() else posixpath.dirname(look.place) or "."
    seen = f"{meaning}, by the names and lengths of {', '.join(file.name for file in files)}"
    return [
        Recognised(
            meaning=meaning,
            arguments={"mirror": folder},
            sureness=CERTAIN,
            seen=(seen,),
            reasons={"source.mirror": "the published files, each checked against its SHA-256"},
        )
    ]


def pickled_batches(look: Look, meaning: str, remedy: str) -> list[Reading]:
    """The version in pickles of a published set, which is never opened.

    Args:
        look: what is there.
        meaning: what they are.
        remedy: what to take instead.

    Returns:
        Why they cannot be used, if they are there.
    """
    is_there = any(posixpath.basename(name) in ("data_batch_1", "batches.meta") for name in look.sizes)
    is_there = is_there or {"train", "test", "meta"} <= {posixpath.basename(name) for name in look.sizes}
    is_pickle = is_there and any(
        look.start(name, 2).startswith(b"\x80")
        for name in look.sizes
        if posixpath.basename(name) in ("data_batch_1", "batches.meta", "meta")
    )
    why = f"{look.place} holds {meaning} as pickles, which can run code and are never opened. {remedy}"
    return [Unusable(why, CERTAIN)] if is_pickle else []
