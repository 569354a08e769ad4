"""Texts as arrays of ids: labelled ones, and the windows of a long one. ``prepare/arrays.py`` writes them.

Shapes: N examples, T tokens of an example, M tokens of all texts, V tokens of the vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import PAD, SPLITS, UNKNOWN, Spec
from saccade.kinds.tokens.corpus.token_store import TokenStore
from saccade.prepare.arrays import ArrayBuilder
from saccade.readers.examples import TextExamples


@dataclass(frozen=True)
class TokenCounts:
    """How often the tokens occur in each split, as far as a network gets to see them.

    Attributes:
        spool: whose numbers are counted.
        vocabulary: of the training split.
        ids_of_numbers: int32, from the numbers of the spool to ids.
        counts: each split to how often each number occurs: int64.
        cut: each split to how many examples were longer than ``max_length``.
    """

    spool: TokenStore
    vocabulary: tuple[str, ...]
    ids_of_numbers: np.ndarray
    counts: Mapping[str, np.ndarray]
    cut: Mapping[str, int]

    def total(self, split: str) -> int:
        """Tokens of a split."""
        return int(self.counts[split].sum())

    def unknown(self, split: str) -> int:
        """Those of them that the vocabulary does not have."""
        return int(self.counts[split][self.ids_of_numbers == UNKNOWN].sum())

    def most_frequent(self, split: str, most: int, *, only_unknown: bool = False) -> list[tuple[str, int]]:
        """The most frequent tokens of a split, and how often they occur; those of one count by code point.

        Args:
            split: train, validation or test.
            most: how many.
            only_unknown: those that the vocabulary does not have.

        Returns:
            Tokens and counts.
        """
        counts = np.where(self.ids_of_numbers == UNKNOWN, self.counts[split], 0) if only_unknown else self.counts[split]
        named = self.spool.named(counts)
        return sorted(named.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


def text_arrays(
    examples: TextExamples,
    spool: TokenStore,
    rows_of: Mapping[str, np.ndarray],
    *,
    max_length: int,
    max_vocabulary: int,
) -> tuple[ArrayBuilder, TokenCounts]:
    """How labelled texts become arrays.

    Args:
        examples: from a file in ``datasets/``.
        spool: their tokens.
        rows_of: each split to the rows that it holds.
        max_length: tokens that are kept of a longer text: the first ones.
        max_vocabulary: most ids.

    Returns:
        The builder, and what the tokens are.
    """
    lengths_N = spool.lengths
    counts = {split: spool.count_rows(rows_of[split], max_length) for split in SPLITS}
    made = _count(spool, counts, max_vocabulary, {s: int((lengths_N[rows_of[s]] > max_length).sum()) for s in SPLITS})
    longest = max(int(lengths_N[rows_of[split]].max(initial=1)) for split in SPLITS)
    spec = Spec(
        "tokens",
        (min(longest, max_length),),
        tuple(examples.classes),
        vocabulary=made.vocabulary,
        unit=spool.unit,
        lower_case=spool.lower_case,
        multilabel=examples.labels.ndim == 2,
    )
    labels = examples.labels if spec.multilabel else examples.labels.astype(np.int64)

    def encode(rows: np.ndarray) -> np.ndarray:
        return spool.padded(rows, made.ids_of_numbers, spec.shape[0])

    return ArrayBuilder(spec, np.int32, encode, labels.__getitem__), made


def cut_stream(num_tokens: int, *, test: float, validation: float) -> dict[str, tuple[int, int]]:
    """The parts of a text: the first is for training, then comes validation, and the last is for the test.

    Args:
        num_tokens: M.
        test: share in (0, 1) of all tokens.
        validation: likewise.

    Returns:
        Each split to its first token, and to the one after its last.
    """
    test_count, validation_count = round(test * num_tokens), round(validation * num_tokens)
    ends = (num_tokens - test_count - validation_count, num_tokens - test_count, num_tokens)
    return dict(zip(SPLITS, zip((0, *ends[:2]), ends, strict=True), strict=True))


def windows(start: int, end: int, length: int, stride: int, name: str) -> np.ndarray:
    """Where windows begin that are asked for what comes after each of their tokens, up to the last one of a part.

    Each begins ``stride`` after the one before, until one reaches the end, where it may be shorter.

    Args:
        start: first token of the part.
        end: the one after its last.
        length: T of a window, from 1.
        stride: from 1; with ``length``, windows do not overlap, and all tokens but the first are asked for once.
        name: of the part, for the message.

    Returns:
        int64 (n,), n at least 1.

    Raises:
        UserError: the part has less than two tokens, so that nothing comes after the first.
    """
    if end - start < 2:
        raise UserError(
            f"the {name} part must hold 2 tokens at least, one to read and one to predict, but holds "
            f"{max(0, end - start)}. Give more text, raise that split's share, or learn all of it with split.overfit: "
            "true"
        )
    more = max(0, -(-(end - 1 - start - length) // stride))
    return start + stride * np.arange(more + 1, dtype=np.int64)


def stream_arrays(
    spool: TokenStore, parts: Mapping[str, tuple[int, int]], *, length: int, stride: int, max_vocabulary: int
) -> tuple[ArrayBuilder, dict[str, np.ndarray], TokenCounts]:
    """How a long text becomes arrays: windows, and beside each token of a window the next one.

    Rows are the tokens that windows begin with.

    Args:
        spool: its tokens.
        parts: each split to its first token and the one after its last; parts are the same or do not overlap.
        length: T; less where the longest part is shorter.
        stride: tokens from one training window to the next.
        max_vocabulary: most ids.

    Returns:
        The builder, the rows of each split, and what the tokens are.

    Raises:
        UserError: a part is too short.
    """
    counts = {split: spool.count(*parts[split]) for split in SPLITS}
    made = _count(spool, counts, max_vocabulary, dict.fromkeys(SPLITS, 0))
    length = min(length, max(end - start for start, end in parts.values()) - 1)
    rows_of = {
        split: windows(start, end, length, min(stride, length) if split == "train" else length, split)
        for split, (start, end) in parts.items()
    }
    spec = Spec(
        "tokens",
        (length,),
        vocabulary=made.vocabulary,
        unit=spool.unit,
        lower_case=spool.lower_case,
        output="per_token",
    )
    ends = np.unique([end for _, end in parts.values()])

    def read(starts: np.ndarray, shift: int) -> np.ndarray:
        places_NT = starts[:, None] + np.arange(length)
        is_real_NT = places_NT < (ends[np.searchsorted(ends, starts, side="right")] - 1)[:, None]
        ids_NT = made.ids_of_numbers[spool.numbers[np.where(is_real_NT, places_NT + shift, 0)]]
        return np.where(is_real_NT, ids_NT, PAD)

    builder = ArrayBuilder(
        spec, np.int32, lambda rows: read(rows, 0).astype(np.int32), lambda rows: read(rows, 1).astype(np.int64)
    )
    return builder, rows_of, made


def _count(
    spool: TokenStore, counts: Mapping[str, np.ndarray], max_vocabulary: int, cut: Mapping[str, int]
) -> TokenCounts:
    vocabulary = spool.vocabulary(counts["train"], max_vocabulary)
    return TokenCounts(spool, vocabulary, spool.ids_of_numbers(vocabulary), counts, cut)
