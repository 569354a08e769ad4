"""Printed characters, drawn: ASCII, Portuguese letters and currencies in many fonts, spoilt as scans are.

    source: {name: print_characters, fonts: /usr/share/fonts/truetype, defects: middling}

A character stands on a square twice as high as its capitals, at its place on the line. Split by ``group_by: family``:
bold letters of a font in training would tell what its regular ones are in test. Generated: the same arguments and the
same fonts give the same bytes, as far as FreeType draws alike.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.kinds.image.pixels.picture_file import open_pictures, write_pictures
from saccade.readers.examples import ImageExamples

KIND = "image"
LABELS = "classes"

# Digest of the code that draws: a test compares it, so that other code means another source, fetched anew
DRAWN_BY = "9d2b1586a7624133"


def fetch(
    folder: Path,
    *,
    fonts: str | None = None,
    alphabet: str | None = None,
    sizes: list[int] = [8, 24],  # noqa: B006
    per_class: int = 200,
    defects: Literal["none", "light", "middling", "heavy", "worst"] = "middling",
    seed: int = 0,
    progress: Progress = no_progress,
) -> None:
    """Draw the characters, one class after the other.

    Args:
        folder: output folder.
        fonts: a folder of .ttf, .otf and .ttc files, read with the folders in it; null: those of matplotlib, four
            families.
        alphabet: characters, each a class; null: printable ASCII, Portuguese letters with accents, euro and pound.
        sizes: least and greatest height of a capital letter, in pixels.
        per_class: examples of each character, from 3.
        defects: greatest strength of the defects of ``print-defects``: none, light, middling, heavy or worst.
        seed: seed of the drawings, from 0.
        progress: callback, called now and then with the number of drawings.

    Raises:
        UserError: the folder holds no font that can be read, none has one of the characters, or an argument is none.
    """
    from saccade.augment.print_defects import strength_of
    from saccade.lettering.alphabet import characters_of
    from saccade.lettering.fonts import find_fonts
    from saccade.lettering.generate import Printer, checked_sizes

    for name, value, least in (("per_class", per_class, 3), ("seed", seed, 0)):
        if value < least:
            raise UserError(f"{name} ({value}) must be at least {least}")
    characters = characters_of(alphabet)
    found = find_fonts(fonts, characters)
    printer = Printer(found, checked_sizes(sizes), strength_of(defects), seed)
    total = len(characters) * per_class

    def drawings() -> Iterator[tuple[np.ndarray, dict[str, str]]]:
        for number in range(total):
            drawn = printer.character(characters[number // per_class], number)
            yield drawn.image, drawn.columns
            if (number + 1) % 1000 == 0 or number + 1 == total:
                progress("characters", number + 1, total)

    write_pictures(folder, drawings(), found.notes)


def read(folder: Path) -> ImageExamples:
    """Open what ``fetch`` wrote, memory-mapped.

    Args:
        folder: the folder that ``fetch`` filled.

    Returns:
        The examples; classes are the characters, in the order of Unicode; groups are family, style and size.

    Raises:
        UserError: a file is missing or damaged.
    """
    stored = open_pictures(folder)
    texts, families, styles, sizes = (stored.columns[name] for name in ("text", "family", "style", "size"))
    classes = tuple(sorted(set(texts)))
    label_of = {name: label for label, name in enumerate(classes)}
    names = [
        # The code and not the character, which may be a slash, a dot or a quotation mark: names end up in paths
        f"U+{ord(text):04X} {family} {style} {size} #{number}"
        for number, (text, family, style, size) in enumerate(zip(texts, families, styles, sizes, strict=True))
    ]
    return ImageExamples(
        classes=classes,
        labels=np.array([label_of[text] for text in texts], dtype=np.int64),
        load=stored.image,
        ids=[str(number) for number in range(len(names))],
        groups={"family": families, "style": styles, "size": sizes},
        names=names,
        notes=stored.notes,
    )
