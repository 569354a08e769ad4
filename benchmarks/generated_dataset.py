"""Generated images of noise, ten classes: any number, at any size. The benchmarks put this file into their copies."""

import json
from pathlib import Path

import numpy as np

from saccade.core.progress import Progress, no_progress
from saccade.readers.examples import ImageExamples

KIND = "image"
LABELS = "classes"

_CLASSES = tuple("0123456789")
_DIFFERENT = 1000  # images; the others repeat them
_HELD_OUT = 100  # examples of validation, and of test


def fetch(folder: Path, *, count: int, side: int, channels: int, progress: Progress = no_progress) -> None:
    """Write what to generate: ``count`` training images of ``side`` x ``side`` pixels."""
    settings = {"count": count, "side": side, "channels": channels}
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    progress("settings.json", 1, 1)


def read(folder: Path) -> ImageExamples:
    """Generate the images when they are asked for; training, validation and test are of the sizes that were wanted."""
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    side, shape = settings["side"], (settings["channels"],) if settings["channels"] == 3 else ()
    images = np.random.default_rng(0).integers(0, 256, (_DIFFERENT, side, side, *shape), dtype=np.uint8)
    splits = ["train"] * settings["count"] + ["validation"] * _HELD_OUT + ["test"] * _HELD_OUT
    return ImageExamples(
        classes=_CLASSES,
        labels=np.arange(len(splits), dtype=np.int64) % len(_CLASSES),
        load=lambda i: _stamped(images[i % _DIFFERENT], i),
        ids=[str(row) for row in range(len(splits))],
        published_splits=splits,
    )


def _stamped(image: np.ndarray, row: int) -> np.ndarray:
    """The image with its row in the first four bytes: no two are equal."""
    stamped = image.copy()
    stamped.reshape(-1)[:4] = np.frombuffer(np.uint32(row).tobytes(), np.uint8)
    return stamped
