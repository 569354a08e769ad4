"""All tokens of a dataset, cut once and kept on the disk, before there is a vocabulary.

The vocabulary is that of the training split; which texts are in it is known only once equal ones were found, and those
are found by their tokens. So each token gets a number for the time being: a character its code point, a word its place
in the order in which words came. What follows are lookups in tables of numbers.

Shapes: N texts, M tokens of all texts, V tokens of the vocabulary.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.core.progress import Progress, no_progress
from saccade.data.spec import PAD, UNKNOWN
from saccade.kinds.tokens.text.tokenizer import MAX_CODE_POINTS, Unit, build_vocabulary, cut, normalise

_CHUNK_TOKENS = 2**20
_CHUNK_ROWS = 2**12
_DIGEST_BYTES = 16
_TOKEN_BYTES = 4


@dataclass(frozen=True)
class TokenStore:
    """The tokens of texts, one text after the other.

    Attributes:
        numbers: int32 (M,), memory-mapped; not yet ids of a vocabulary.
        ends: int64 (N + 1,): text ``i`` is ``numbers[ends[i]:ends[i + 1]]``.
        digests: bytes (N,), 16 of each: equal where the tokens are, as far as a network gets to see them.
        words: the token of each number; empty for characters, where it is the code point.
        unit: what a token is.
        lower_case: whether capitals were made small.
    """

    numbers: np.ndarray
    ends: np.ndarray
    digests: np.ndarray
    words: tuple[str, ...]
    unit: Unit
    lower_case: bool

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, int64 (N,)."""
        return np.diff(self.ends)

    @property
    def num_numbers(self) -> int:
        """How many numbers there are for the time being."""
        return len(self.words) if self.unit == "words" else MAX_CODE_POINTS

    def token(self, number: int) -> str:
        """The token that a number stands for."""
        return self.words[number] if self.unit == "words" else chr(number)

    def count(self, first: int, last: int) -> np.ndarray:
        """How often each number occurs among the tokens ``first`` to ``last - 1``: int64, a few MiB at a time."""
        counts = np.zeros(self.num_numbers, dtype=np.int64)
        for start in range(first, last, _CHUNK_TOKENS):
            counts += np.bincount(self.numbers[start : min(start + _CHUNK_TOKENS, last)], minlength=len(counts))
        return counts

    def count_rows(self, rows: np.ndarray, most: int | None = None) -> np.ndarray:
        """How often each number occurs in the named texts, of each the first ``most`` tokens: int64."""
        counts = np.zeros(self.num_numbers, dtype=np.int64)
        for some in np.array_split(rows, max(1, len(rows) // _CHUNK_ROWS)):
            parts = [self.numbers[self.ends[row] : self.ends[row + 1]][:most] for row in some.tolist()]
            if parts:
                numbers, found = np.unique(np.concatenate(parts), return_counts=True)
                counts[numbers] += found
        return counts

    def vocabulary(self, counts: np.ndarray, max_vocabulary: int) -> tuple[str, ...]:
        """The vocabulary of the counted tokens, as ``tokens.build_vocabulary`` makes it."""
        return build_vocabulary(Counter(self.named(counts)), max_vocabulary)

    def named(self, counts: np.ndarray) -> dict[str, int]:
        """Tokens that occur, and how often."""
        return {self.token(number): int(counts[number]) for number in np.flatnonzero(counts).tolist()}

    def ids_of_numbers(self, vocabulary: tuple[str, ...]) -> np.ndarray:
        """The id of each number in a vocabulary, UNKNOWN where it is not in there: int32."""
        id_of = {token: i for i, token in enumerate(vocabulary) if i > UNKNOWN}
        if self.unit == "words":
            return np.array([id_of.get(word, UNKNOWN) for word in self.words], dtype=np.int32)
        ids = np.full(MAX_CODE_POINTS, UNKNOWN, dtype=np.int32)
        ids[[ord(token) for token in id_of]] = list(id_of.values())
        return ids

    def padded(self, rows: np.ndarray, ids_of_numbers: np.ndarray, length: int) -> np.ndarray:
        """Texts as ids, cut at ``length`` or filled up with PAD at the end: int32 (n, length)."""
        made = np.full((len(rows), length), PAD, dtype=np.int32)
        for i, row in enumerate(rows.tolist()):
            numbers = self.numbers[self.ends[row] : self.ends[row + 1]][:length]
            made[i, : len(numbers)] = ids_of_numbers[numbers]
        return made


def tokenize_all(
    texts: Iterable[str],
    folder: Path,
    *,
    unit: Unit,
    lower_case: bool,
    most: int | None = None,
    total: int | None = None,
    progress: Progress = no_progress,
) -> TokenStore:
    """Cut texts into tokens, one at a time.

    Args:
        texts: as ``tokens.normalise`` made them.
        folder: for a file, tokens.bin, which must stay there as long as the result is used.
        unit: characters or words.
        lower_case: make capitals small, too.
        most: tokens of each that a network gets to see, the first ones; two texts are equal where these are. None: all.
        total: how many texts there are, where it is known.
        progress: called with texts done so far.

    Returns:
        Their tokens.
    """
    pluralise: dict[str, int] = {}
    ends, digests = array("q", [0]), bytearray()
    path = folder / "tokens.bin"
    with path.open("wb", buffering=_CHUNK_TOKENS) as file:
        for done, text in enumerate(texts, start=1):
            small = normalise(text, lower_case=True) if lower_case else text
            if unit == "characters":
                content = small.encode("utf-32-le", "surrogatepass")
            else:
                numbers = [pluralise.setdefault(word, len(pluralise)) for word in cut(small, unit)]
                content = np.array(numbers, dtype="<i4").tobytes()
            file.write(content)
            ends.append(ends[-1] + len(content) // _TOKEN_BYTES)
            seen = content if most is None else content[: most * _TOKEN_BYTES]
            digests += hashlib.blake2b(seen, digest_size=_DIGEST_BYTES).digest()
            progress("texts read", done, total)
    numbers_M = np.memmap(path, dtype="<i4", mode="r") if ends[-1] else np.zeros(0, dtype=np.int32)
    return TokenStore(
        np.asarray(numbers_M),  # as a plain array: slicing a memmap takes three times as long
        np.array(ends, dtype=np.int64),
        np.frombuffer(bytes(digests), dtype=f"S{_DIGEST_BYTES}"),
        tuple(pluralise),
        unit,
        lower_case,
    )
