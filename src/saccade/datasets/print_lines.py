"""Printed lines, drawn: what invoices say in Portuguese and English, in many fonts, spoilt as scans are.

    source: {name: print_lines, fonts: /usr/share/fonts/truetype, defects: middling}

Names, tax numbers with right check digits, dates, amounts, totals, addresses and goods, all invented. Split by
``group_by: family``, so that the fonts of the test are none of training. Generated: the same arguments and the same
fonts give the same bytes, as far as FreeType draws alike.
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
LABELS = "transcripts"

# Digest of the code that draws: a test compares it, so that other code means another source, fetched anew
DRAWN_BY = "9d2b1586a7624133"

_GROUPS = ("family", "style", "size", "rule")


def fetch(
    folder: Path,
    *,
    fonts: str | None = None,
    lines: int = 20_000,
    sizes: list[int] = [8, 24],  # noqa: B006
    defects: Literal["none", "light", "middling", "heavy", "worst"] = "middling",
    seed: int = 0,
    progress: Progress = no_progress,
) -> None:
    """Draw the lines.

    Args:
        folder: output folder.
        fonts: a folder of .ttf, .otf and .ttc files, read with the folders in it; null: those of matplotlib, four
            families.
        lines: number of lines, from 3.
        sizes: least and greatest height of a capital letter, in pixels.
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
    from saccade.lettering.invoices import LINE_CHARACTERS

    for name, value, least in (("lines", lines, 3), ("seed", seed, 0)):
        if value < least:
            raise UserError(f"{name} ({value}) must be at least {least}")
    found = find_fonts(fonts, characters_of(LINE_CHARACTERS))
    printer = Printer(found, checked_sizes(sizes), strength_of(defects), seed)

    def drawings() -> Iterator[tuple[np.ndarray, dict[str, str]]]:
        for number in range(lines):
            drawn = printer.line(number)
            yield drawn.image, drawn.columns
            if (number + 1) % 200 == 0 or number + 1 == lines:
                progress("lines", number + 1, lines)

    write_pictures(folder, drawings(), found.notes)


def read(folder: Path) -> ImageExamples:
    """Open what ``fetch`` wrote, memory-mapped.

    Args:
        folder: the folder that ``fetch`` filled.

    Returns:
        The lines with their transcripts; groups are family, style, size and rule, the rule of the grammar.

    Raises:
        UserError: a file is missing or damaged.
    """
    stored = open_pictures(folder)
    texts, *grouped = (stored.columns[name] for name in ("text", *_GROUPS))
    groups = dict(zip(_GROUPS, grouped, strict=True))
    return ImageExamples(
        classes=(),
        labels=np.zeros(len(texts), dtype=np.int64),
        load=stored.image,
        ids=[str(number) for number in range(len(texts))],
        groups=groups,
        names=[
            f"line {number}, {family} {style} {size}"
            for number, (family, style, size, _) in enumerate(zip(*grouped, strict=True))
        ],
        notes=stored.notes,
        texts=texts,
    )
