"""Text as numbers: characters or words, a vocabulary of them, and the way there and back.

Preprocess, predict and generation all read text through here, so that they cannot disagree about it.

A character is one code point of the text in Unicode's composed form (NFC), where an e with an accent is one, however it
was typed. A word is the longest run of letters, digits, marks and underscores, with single apostrophes inside (don't);
any other character that is not white space is a word of its own. White space parts words and is not kept.

Shapes: T tokens.
"""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import PAD, RESERVED, UNKNOWN, Spec

Unit = Literal["characters", "words"]

SHOWN_UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # what UNKNOWN becomes in text
MAX_CODE_POINTS = 0x110000


def normalise(text: str, *, lower_case: bool = False) -> str:
    """Texts that look the same become the same: composed (NFC), every line ended by a line feed alone.

    Args:
        text: as read.
        lower_case: make capitals small, too.

    Returns:
        The text; doing it again changes nothing.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    composed = unicodedata.normalize("NFC", lines)
    return unicodedata.normalize("NFC", composed.lower()) if lower_case else composed


def cut(text: str, unit: Unit) -> Sequence[str]:
    """The tokens of a normalised text, as text: its characters, or its words.

    >>> cut("Don't stop, 2 be_or!", "words")
    ["Don't", 'stop', ',', '2', 'be_or', '!']
    """
    return text if unit == "characters" else _word().findall(text)


def count_tokens(texts: Iterable[str], unit: Unit) -> Counter[str]:
    """How often each token occurs; one text at a time is looked at.

    Args:
        texts: normalised.
        unit: characters or words.

    Returns:
        Token to count.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(cut(text, unit))
    return counts


def build_vocabulary(counts: Counter[str], max_vocabulary: int) -> tuple[str, ...]:
    """The most frequent tokens, in the order of their ids.

    Args:
        counts: of the training split alone: what validation and test hold must not be known beforehand.
        max_vocabulary: most ids, PAD and UNKNOWN among them; from 3.

    Returns:
        PAD, UNKNOWN, and the tokens, most frequent first; those of one count by code point.

    Raises:
        UserError: there is no token, or ``max_vocabulary`` is below 3.
    """
    if max_vocabulary <= len(RESERVED):
        raise UserError(f"max_vocabulary ({max_vocabulary}) must be at least 3: padding and unknown take two of them")
    if not counts:
        raise UserError("the training split holds no token, but a vocabulary must have one: only white space is there")
    ordered = sorted(counts, key=lambda token: (-counts[token], token))
    return (*RESERVED, *ordered[: max_vocabulary - len(RESERVED)])


@dataclass(frozen=True)
class Tokenizer:
    """The way from text to ids and back.

    Attributes:
        vocabulary: tokens in the order of their ids, PAD and UNKNOWN first.
        unit: what a token is.
        lower_case: whether capitals are made small.
    """

    vocabulary: tuple[str, ...]
    unit: Unit
    lower_case: bool = False

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, which need not be normalised; UNKNOWN for what the vocabulary does not have.

        Args:
            text: any.

        Returns:
            int32 (T,), never PAD; T is 0 where the text has no token.
        """
        return self.encode_normalised(normalise(text, lower_case=self.lower_case))

    def encode_normalised(self, text: str) -> np.ndarray:
        """As ``encode``, of a text that ``normalise`` made."""
        if self.unit == "characters":
            points_T = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
            return self._id_of_point[points_T]
        id_of = self._id_of_token
        return np.array([id_of.get(token, UNKNOWN) for token in cut(text, self.unit)], dtype=np.int32)

    def decode(self, ids_T: Iterable[int]) -> str:
        """Text of ids: characters one after the other, words with a space between any two.

        PAD becomes nothing, UNKNOWN the character U+FFFD. Characters come back exactly as ``normalise`` left them; of
        words, the white space is not kept. In both, what ``encode`` gave is encoded to the same ids again.

        Args:
            ids_T: each in [0, V).

        Returns:
            The text.
        """
        tokens = (SHOWN_UNKNOWN if i == UNKNOWN else self.vocabulary[i] for i in map(int, ids_T) if i != PAD)
        return ("" if self.unit == "characters" else " ").join(tokens)

    @functools.cached_property
    def _id_of_token(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.vocabulary) if i > UNKNOWN}

    @functools.cached_property
    def _id_of_point(self) -> np.ndarray:
        """int32 (MAX_CODE_POINTS,): a table of 4 MB, with which a million characters take milliseconds."""
        ids = np.full(MAX_CODE_POINTS, UNKNOWN, dtype=np.int32)
        for token, i in self._id_of_token.items():
            ids[ord(token)] = i
        return ids


def tokenizer_of(spec: Spec) -> Tokenizer:
    """The way into and out of the ids of a prepared dataset, or of a network trained on it.

    Args:
        spec: of kind tokens.

    Returns:
        Its tokenizer.
    """
    assert spec.kind == "tokens" and spec.unit, spec
    return Tokenizer(spec.vocabulary, spec.unit, spec.lower_case)


@functools.cache
def _word() -> re.Pattern[str]:
    """What a word is; Python's ``\\w`` lacks the marks without which the words of Hindi or Thai fall apart."""
    points = map(chr, (*range(0x300, 0x1F000), *range(0xE0100, 0xE01F0)))
    marks = "".join(point for point in points if unicodedata.category(point).startswith("M"))
    joiners = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
    # The set is searched one by one: asked of every ASCII character, too, it takes eight times as long.
    # No possessive quantifiers: Python before 3.11.5 takes the quote behind 'quoted' for a part of it then.
    inside = rf"(?:\w+|(?=[^\x00-\x7f])[{marks}{joiners}]+)+"
    return re.compile(rf"{inside}(?:['\N{{RIGHT SINGLE QUOTATION MARK}}]{inside})*|\S")
