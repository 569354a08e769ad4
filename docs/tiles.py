"""Make a folder of pictures to try things with: 1,370 grey photographs of tiles, most of them free of defects.

    python docs/tiles.py tiles

They are drawn, not taken: a grain of its own for each tile, uneven light, and on five of the six classes a defect. As
in the folders that cameras and inspectors leave behind, sizes and proportions differ, the classes are very unequal, a
mask (PNG) lies beside each photograph (JPEG), and three photographs are of one part (named before the underscore).
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

COUNTS = {"Free": 900, "Blowhole": 200, "Crack": 100, "Break": 80, "Fray": 60, "Uneven": 30}
PHOTOGRAPHS_OF_A_PART = 3

Pen = Callable[[np.random.Generator, ImageDraw.ImageDraw, int, int], None]
"""``pen(random, draw, height, width)`` draws where a defect is: 255 on a mask of zeros."""


def main() -> None:
    """Parse the command line and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"{make_tiles(options.folder, options.seed):,} photographs in {options.folder}")


def make_tiles(folder: Path, seed: int = 0, counts: dict[str, int] = COUNTS) -> int:
    """Write MT_<class>/Imgs/<part>_<number>.jpg and .png; the same files for the same seed.

    Returns:
        How many photographs there are.
    """
    random = np.random.default_rng(seed)
    for name, count in counts.items():
        images = folder / f"MT_{name}" / "Imgs"
        images.mkdir(parents=True)
        for i in range(count):
            photograph, mask = tile(random, name)
            path = images / f"part{name[:2].lower()}{i // PHOTOGRAPHS_OF_A_PART:03}_{i}"
            photograph.save(path.with_suffix(".jpg"), quality=90)
            mask.save(path.with_suffix(".png"))
    return sum(counts.values())


def tile(random: np.random.Generator, name: str) -> tuple[Image.Image, Image.Image]:
    """A photograph and its mask, grey, 90 to 220 pixels a side."""
    height, width = (int(side) for side in random.integers(90, 221, size=2))
    grain_HW = random.normal(0, random.uniform(6, 14), size=(height, width))
    stripes_H = random.normal(0, 5, size=(height, 1))
    slope_y, slope_x = random.normal(0, 12, size=2)
    light_HW = slope_y * np.linspace(-1, 1, height)[:, None] + slope_x * np.linspace(-1, 1, width)[None]
    pixels_HW = random.uniform(90, 150) + grain_HW + stripes_H + light_HW
    mask = Image.new("L", (width, height))
    if name in PENS:
        PENS[name](random, ImageDraw.Draw(mask), height, width)
        depth = -random.uniform(35, 70) if name != "Fray" else random.uniform(30, 60)
        soft_HW = np.asarray(mask.filter(ImageFilter.GaussianBlur(0.8)), dtype=float) / 255
        pixels_HW += depth * soft_HW * (1 if name != "Fray" else random.uniform(0.3, 1, size=(height, width)))
    return Image.fromarray(pixels_HW.clip(0, 255).astype(np.uint8)), mask


def _blowhole(random: np.random.Generator, draw: ImageDraw.ImageDraw, height: int, width: int) -> None:
    y, x, radius = random.uniform(0.2, 0.8) * height, random.uniform(0.2, 0.8) * width, random.uniform(5, 12)
    draw.ellipse((x - radius, y - 0.8 * radius, x + radius, y + 0.8 * radius), fill=255)


def _crack(random: np.random.Generator, draw: ImageDraw.ImageDraw, height: int, width: int) -> None:
    steps = np.cumsum(random.normal(0, 0.06, size=12)) * height + random.uniform(0.25, 0.75) * height
    points = list(zip(np.linspace(0.05, 0.95, 12) * width, steps.clip(0, height), strict=True))
    draw.line(points, fill=255, width=int(random.integers(2, 5)))


def _break(random: np.random.Generator, draw: ImageDraw.ImageDraw, height: int, width: int) -> None:
    reach_y, reach_x = random.uniform(0.3, 0.6) * height, random.uniform(0.3, 0.6) * width
    y, x = random.choice([0, height]), random.choice([0, width])
    draw.polygon([(x, y), (abs(x - reach_x), y), (x, abs(y - reach_y))], fill=255)


def _fray(random: np.random.Generator, draw: ImageDraw.ImageDraw, height: int, width: int) -> None:
    top, left = random.uniform(0.1, 0.5) * height, random.uniform(0.1, 0.5) * width
    draw.rectangle((left, top, left + 0.4 * width, top + 0.4 * height), fill=255)


def _uneven(random: np.random.Generator, draw: ImageDraw.ImageDraw, height: int, width: int) -> None:
    for y in range(int(random.integers(4, 9)), height, int(random.integers(14, 24))):
        draw.rectangle((0, y, width, y + 4), fill=255)


PENS: dict[str, Pen] = {"Blowhole": _blowhole, "Crack": _crack, "Break": _break, "Fray": _fray, "Uneven": _uneven}

if __name__ == "__main__":
    main()
