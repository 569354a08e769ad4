"""Draw small pictures with several shapes in each, or none, and a table of them: to try multilabel and regress.

    python docs/shapes.py shapes

writes shapes/img/0.png ... and shapes/labels.csv with the columns path, shapes (such as "circle square"), circle,
cross, square (1 or 0 each) and covered (share of the picture that shapes cover, in per cent).
"""

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 32  # pixels
COUNT = 600
SHARES = {"circle": 0.5, "cross": 0.25, "square": 0.4}  # of the pictures that have each


def draw(shapes: list[str], random: np.random.Generator) -> tuple[Image.Image, float]:
    """A noisy picture with these shapes, of any colours and places, and the share that they cover in per cent."""
    image = Image.fromarray(random.integers(0, 60, (SIDE, SIDE, 3), dtype=np.uint8))
    mask = Image.new("1", (SIDE, SIDE))
    for shape in shapes:
        x, y = (int(place) for place in random.integers(8, SIDE - 8, 2))
        radius = int(random.integers(4, 8))
        colour = tuple(int(level) for level in random.integers(150, 255, 3))
        box = (x - radius, y - radius, x + radius, y + radius)
        for pen, fill in ((ImageDraw.Draw(image), colour), (ImageDraw.Draw(mask), 1)):
            if shape == "circle":
                pen.ellipse(box, outline=fill, width=2)
            elif shape == "square":
                pen.rectangle(box, fill=fill)
            else:
                pen.line(box, fill=fill, width=2)
                pen.line((box[0], box[3], box[2], box[1]), fill=fill, width=2)
    return image, 100 * float(np.asarray(mask).mean())


def main(folder: Path) -> None:
    """Draw all pictures into a folder, and write the table.

    Args:
        folder: folder to make.
    """
    random = np.random.default_rng(0)
    (folder / "img").mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "shapes", *SHARES, "covered"])
        for number in range(COUNT):
            shapes = [name for name, share in SHARES.items() if random.random() < share]
            image, covered = draw(shapes, random)
            image.save(folder / "img" / f"{number}.png")
            flags = [int(name in shapes) for name in SHARES]
            writer.writerow([f"img/{number}.png", " ".join(shapes), *flags, f"{covered:.2f}"])
    print(f"{COUNT} pictures in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
