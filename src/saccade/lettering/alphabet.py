"""Characters of Portuguese and English print, and which of them look alike.

Who looks alike was decided by looking at clean drawings in the fonts of ``benchmarks/print_fonts.py`` before anything
was trained: those that common typefaces draw as one stroke, or as one ring, and that only their neighbours tell apart.
Letters that differ by an accent, or by their height on the line (o and O), are not counted as one.
"""

from collections.abc import Sequence

from saccade.core.errors import UserError
from saccade.core.names import composed

ASCII = "".join(map(chr, range(0x21, 0x7F)))
PORTUGUESE = "áàâãçéêíóôõúüÁÀÂÃÇÉÊÍÓÔÕÚÜ"
CURRENCY = "€£"  # the dollar is in ASCII
ALPHABET = ASCII + PORTUGUESE + CURRENCY

LOOK_ALIKES: tuple[str, ...] = ("Il1|", "O0")
"""Groups of characters that are counted as one where accuracy is counted by looks."""


def characters_of(alphabet: str | None) -> tuple[str, ...]:
    """The characters of an alphabet, each once, in the order of Unicode.

    Args:
        alphabet: the characters, in any Unicode form; None: ``ALPHABET``.

    Returns:
        Two or more.

    Raises:
        UserError: fewer than two are left, or one has no picture (a space, a control character).
    """
    characters = sorted(set(composed(ALPHABET if alphabet is None else alphabet)))
    if blank := [character for character in characters if character.isspace() or not character.isprintable()]:
        raise UserError(f"alphabet must hold characters with a picture, but holds {blank[0]!r}. Take it out.")
    if len(characters) < 2:
        raise UserError(f"alphabet ({alphabet!r}) must hold at least two different characters")
    return tuple(characters)


def look_alike_groups(classes: Sequence[str]) -> list[int]:
    """The group of each class: those that look alike have the same number.

    >>> look_alike_groups(["0", "1", "O", "a", "l"])
    [0, 1, 0, 3, 1]
    """
    first: dict[str, int] = {}
    groups = []
    for number, name in enumerate(classes):
        looks = next((group for group in LOOK_ALIKES if name in group), name)
        groups.append(first.setdefault(looks, number))
    return groups
