"""Pictures of any sizes in one file, with texts beside them: written one by one, read through a memory map."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.core.files import read_json, replacing_file, write_json
from saccade.data.arrays import open_array, write_array

_FORMAT = 1
_PIXELS, _SIDES, _TABLE = "pixels.bin", "sides.npy", "pictures.json"


@dataclass(frozen=True)
class PictureFile:
    """What ``write_pictures`` wrote.

    Attributes:
        pixels: uint8, one picture behind the other, memory-mapped.
        sides: int64 (N, 2), height and width of each.
        starts: int64 (N,), place of each one's first pixel.
        columns: texts, one a picture, by the name of their column.
        notes: lines for people.
    """

    pixels: np.ndarray
    sides: np.ndarray
    starts: np.ndarray
    columns: Mapping[str, Sequence[str]]
    notes: Sequence[str]

    def image(self, i: int) -> np.ndarray:
        """Picture ``i``: uint8 (H, W)."""
        height, width = self.sides[i]
        start = self.starts[i]
        return np.array(self.pixels[start : start + height * width]).reshape(height, width)


def write_pictures(
    folder: Path, pictures: Iterable[tuple[np.ndarray, Mapping[str, str]]], notes: Sequence[str] = ()
) -> None:
    """Write grey pictures as they come: one is held at a time.

    Args:
        folder: output folder.
        pictures: pictures, uint8 (H, W), each with its texts by the name of their column, the same in all.
        notes: lines for people, kept beside them.
    """
    sides: list[tuple[int, int]] = []
    columns: dict[str, list[str]] = {}
    with replacing_file(folder / _PIXELS) as partial, partial.open("wb") as file:
        for image_HW, texts in pictures:
            file.write(np.ascontiguousarray(image_HW, dtype=np.uint8).tobytes())
            sides.append((image_HW.shape[0], image_HW.shape[1]))
            for name, text in texts.items():
                columns.setdefault(name, []).append(text)
    write_array(folder / _SIDES, np.array(sides, dtype=np.int64).reshape(-1, 2))
    write_json(folder / _TABLE, {"format": _FORMAT, "columns": columns, "notes": list(notes)})


def open_pictures(folder: Path) -> PictureFile:
    """Open what ``write_pictures`` wrote.

    Args:
        folder: the folder.

    Returns:
        The pictures and their texts.

    Raises:
        UserError: a file is missing or damaged.
    """
    table = read_json(folder / _TABLE, format_number=_FORMAT, make_with="saccade fetch")
    sides_N2 = open_array(folder / _SIDES)
    counts_N = sides_N2.prod(axis=1)
    path = folder / _PIXELS
    if not path.is_file() or path.stat().st_size != counts_N.sum():
        raise UserError(f"{path} must hold {counts_N.sum():,} bytes. Make it again: `saccade fetch`.")
    return PictureFile(
        pixels=np.memmap(path, np.uint8, mode="r"),
        sides=np.array(sides_N2),
        starts=np.concatenate([[0], np.cumsum(counts_N)[:-1]]).astype(np.int64),
        columns=table["columns"],
        notes=table["notes"],
    )
