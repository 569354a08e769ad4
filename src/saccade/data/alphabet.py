"""Transcripts as ids of characters, and back.

Id 0 is padding, and the blank of what a network says; id 1 is a character that the alphabet does not have, which no
network can read: it counts as an error.
"""

import itertools
from collections.abc import Iterable, Sequence

from saccade.core.names import composed
from saccade.data.spec import PAD, RESERVED, UNKNOWN


def normalise(text: str) -> str:
    """A transcript in the one form in which transcripts are compared: NFC, one space between words, none at the ends.

    >>> normalise("  cafe\\u0301 \\n bar ")
    'café bar'
    """
    return " ".join(composed(text).split())


def vocabulary_of(characters: Iterable[str]) -> tuple[str, ...]:
    """The reserved tokens, then each character once, in the order of their code points.

    >>> vocabulary_of("b a")
    ('<pad>', '<unknown>', ' ', 'a', 'b')
    """
    return (*RESERVED, *sorted(set(characters)))


def encode(text: str, vocabulary: Sequence[str]) -> list[int]:
    """Ids of the characters of a normalised transcript.

    >>> encode("ab!", ("<pad>", "<unknown>", "a", "b"))
    [2, 3, 1]
    """
    id_of = {character: number for number, character in enumerate(vocabulary)}
    return [id_of.get(character, UNKNOWN) for character in text]


def decode(ids: Iterable[int], vocabulary: Sequence[str]) -> str:
    """The transcript of ids; padding is passed over, and what the alphabet does not have becomes U+FFFD.

    >>> decode([2, 3, 1, 0], ("<pad>", "<unknown>", "a", "b"))
    'ab\\ufffd'
    """
    return "".join("\ufffd" if one == UNKNOWN else vocabulary[one] for one in ids if one != PAD)


def least_steps(transcript: Sequence[object]) -> int:
    """How many steps a transcript needs at least: one a character, and one between two that are the same.

    >>> least_steps("abbb"), least_steps("")
    (6, 0)
    """
    return len(transcript) + sum(a == b for a, b in itertools.pairwise(transcript))
