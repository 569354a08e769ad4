"""What may be known of each character of a text: its place in line and word, brackets, quotation marks, capitals.

Shapes: N characters.
"""

import unicodedata
from collections.abc import Callable

import numpy as np

_OPENING, _CLOSING = "([{⟨«“„", ")]}⟩»”"
_SENTENCE_ENDS = ".!?;"


def text_features(text: str) -> dict[str, np.ndarray]:
    """Numbers that a unit may follow, one a character, each counted with the character itself read.

    Args:
        text: as a network reads it, one code point a token.

    Returns:
        Name to float32 (N,). What never changes in this text is not among them.
    """
    found = {name: np.array(make(text), dtype=np.float32) for name, make in _FEATURES.items()}
    return {name: values_N for name, values_N in found.items() if values_N.size and np.ptp(values_N) > 0}


def absent_features(text: str) -> list[str]:
    """Names of features that never change in a text, such as brackets where there are none."""
    return [name for name in _FEATURES if name not in text_features(text)]


def _since(starts: Callable[[str], bool]) -> Callable[[str], list[int]]:
    """Characters since the last one that starts anew."""

    def count(text: str) -> list[int]:
        found, number = [], 0
        for character in text:
            number = 0 if starts(character) else number + 1
            found.append(number)
        return found

    return count


def _until_line_end(text: str) -> list[int]:
    """Characters that are left of the line; the network has not read them."""
    return _since(lambda character: character == "\n")(text[::-1])[::-1]


def _lines_since_blank(text: str) -> list[int]:
    found, number, length = [], 0, 0
    for character in text:
        if character == "\n":
            number, length = (number + 1 if length else 0), 0
        else:
            length += 1
        found.append(number)
    return found


def _in_first_line(text: str) -> list[bool]:
    """In the first line after an empty one, up to its colon, as in a play's name of who speaks."""
    found, is_head, before = [], True, "\n\n"
    for character in text:
        if character == "\n":
            is_head = before.endswith("\n")
        elif character == ":":
            is_head = False
        before = (before + character)[-2:]
        found.append(is_head and character != "\n")
    return found


def _depth(text: str) -> list[bool]:
    found, depth = [], 0
    for character in text:
        depth = max(0, depth + (character in _OPENING) - (character in _CLOSING))
        found.append(depth > 0)
    return found


def _in_quotation(text: str) -> list[bool]:
    """Between straight double quotation marks; an empty line ends a quotation that nobody closed."""
    found, inside, before = [], False, ""
    for character in text:
        if character == '"':
            inside = not inside
        elif character == before == "\n":
            inside = False
        before = character
        found.append(inside)
    return found


def _is(category: Callable[[str], bool]) -> Callable[[str], list[bool]]:
    return lambda text: [category(character) for character in text]


def _is_letter(character: str) -> bool:
    return character.isalpha() or character == "'"


_FEATURES: dict[str, Callable[[str], list]] = {
    "characters since the line began": _since(lambda character: character == "\n"),
    "characters until the line ends": _until_line_end,
    "letters of the word so far": _since(lambda character: not _is_letter(character)),
    "characters since a sentence ended": _since(lambda character: character in _SENTENCE_ENDS),
    "lines since an empty one": _lines_since_blank,
    "in the first line of a part, before its colon": _in_first_line,
    "inside brackets": _depth,
    "inside quotation marks": _in_quotation,
    "is a space": _is(lambda character: character == " "),
    "is a line's end": _is(lambda character: character == "\n"),
    "is a capital": _is(str.isupper),
    "is a vowel": _is(lambda character: character.casefold() in "aeiou"),
    "is punctuation": _is(lambda character: unicodedata.category(character).startswith("P")),
}
