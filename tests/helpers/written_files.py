"""Small files as people have them, written for ``saccade start`` and its recognition."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

WORDS = ("lunch", "bus", "meeting", "later", "sorry", "home", "mum", "see", "tonight", "love", "work", "train")


def write_pictures(folder: Path, names: Sequence[str], *, side: int = 12) -> None:
    """A small picture in colour under each name, no two alike.

    Args:
        folder: root of the names.
        names: paths below it; their suffix says the format.
        side: height and width in pixels.
    """
    random = np.random.default_rng(len(names))
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (side, side, 3), dtype=np.uint8)).save(path)


def class_folders(classes: Sequence[str], count: int, before: str = "") -> list[str]:
    """Names such as train/cat/3.png."""
    return [f"{before}{name}/{number}.png" for name in classes for number in range(count)]


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """A text file under each name."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def sentence(number: int, length: int = 8) -> str:
    """Some words that no other number gives."""
    random = np.random.default_rng(number)
    return " ".join([*random.choice(WORDS, length), str(number)])


def days(count: int, first: str = "2023-01-01") -> list[str]:
    """Days one after the other, such as 2023-01-01."""
    return [str(np.datetime64(first) + number) for number in range(count)]


def wave(count: int, period: int = 7) -> list[float]:
    """A season with some noise."""
    noise = np.random.default_rng(count).normal(0, 0.3, count)
    return [round(float(value), 2) for value in 10 + 3 * np.sin(2 * np.pi * np.arange(count) / period) + noise]
