"""Names and labels as people write them: in one Unicode form, and which of several may be meant for the same."""

import re
import unicodedata
from collections.abc import Iterable

_JOINT = re.compile(r"(?<=[^\W\d_])[\s_-]+(?=\w)|(?<=\d)[\s_-]+(?=[^\W\d_])")  # 1-2 and 12 are two things


def composed(text: str) -> str:
    """A text in Unicode's composed form (NFC): an e with an accent is one letter, however it was typed.

    >>> composed("cafe\\u0301") == "caf\\u00e9"
    True
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def alike_names(names: Iterable[str]) -> list[list[str]]:
    """Names that differ in capitals, spaces or dashes alone; single letters may well, and signs of numbers.

    Args:
        names: different names.

    Returns:
        Those of each group, two or more, sorted.

    >>> alike_names(["New York", "new-york", "Yes", "a", "A", "-1", "1", "1-2", "12"])
    [['New York', 'new-york']]
    """
    alike: dict[str, list[str]] = {}
    for name in sorted(names):
        if len(name) > 1:
            alike.setdefault(_JOINT.sub("", " ".join(name.casefold().split())), []).append(name)
    return [found for found in alike.values() if len(found) > 1]
