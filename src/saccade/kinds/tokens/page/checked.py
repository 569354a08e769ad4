"""What is known of texts on their way from the source into splits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from saccade.data.spec import SPLITS
from saccade.display.page import Name
from saccade.kinds.tokens.corpus.arrays import TokenCounts
from saccade.kinds.tokens.corpus.checks import TextFindings
from saccade.readers.examples import TextExamples, TextStream


@dataclass(frozen=True)
class CheckedTexts:
    """Labelled texts, compared with each other and split.

    Attributes:
        examples: as the source gives them.
        findings: what comparing them found.
        splits: str (N,), "train", "validation", "test", or "" for what is in none.
        tokens: what they consist of.
        max_length: tokens that are kept of a longer text.
    """

    examples: TextExamples
    findings: TextFindings
    splits: np.ndarray
    tokens: TokenCounts
    max_length: int

    @property
    def notes(self) -> Sequence[str]:
        """What the source left out."""
        return self.examples.notes

    def name(self, row: int) -> Name:
        """What people call an example."""
        return Name(self.examples.name(row))

    def text(self, row: int) -> Name:
        """The example itself."""
        return Name(self.examples.texts[row])

    def class_name(self, row: int) -> Name:
        """What the source says that it is: its class, or its classes."""
        return Name(self.examples.label(row))

    def where(self, rows: Sequence[int]) -> str:
        """The splits that examples are in, for people."""
        found = set(self.splits[list(rows)].tolist())
        return ", ".join(split for split in SPLITS if split in found) or "no split"


@dataclass(frozen=True)
class CheckedStream:
    """A long text, cut into parts and windows.

    Attributes:
        stream: as the source gives it.
        tokens: what it consists of.
        parts: each split to its first token and the one after its last.
        stride: tokens from one training window to the next.
        is_overfit: all three splits are the whole text.
    """

    stream: TextStream
    tokens: TokenCounts
    parts: Mapping[str, tuple[int, int]]
    stride: int
    is_overfit: bool

    @property
    def notes(self) -> Sequence[str]:
        """What the source left out."""
        return self.stream.notes
