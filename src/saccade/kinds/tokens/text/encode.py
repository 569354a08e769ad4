"""New texts as a network takes them: stripped, encoded, cut and padded as preprocess does.

Shapes: N texts, T tokens of the longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import PAD, UNKNOWN, Spec
from saccade.kinds.tokens.text.tokenizer import tokenizer_of


@dataclass(frozen=True)
class ReadTexts:
    """Texts as ids, and what of them a network does not get to see.

    Attributes:
        tokens: int32 (N, T), padding behind each text's end.
        cut: rows of the texts that were longer than those of the training data.
        unknown: of each text, how many tokens the vocabulary does not have.
    """

    tokens: np.ndarray
    cut: tuple[int, ...]
    unknown: tuple[int, ...]

    @property
    def total(self) -> int:
        """Tokens of all texts, as far as they are kept."""
        return int((self.tokens != PAD).sum())


def read_texts(texts: Sequence[str], spec: Spec) -> ReadTexts:
    """Bring texts to what a network takes.

    Args:
        texts: any, at least one; what is white around them is left out.
        spec: of a network that classifies texts.

    Returns:
        Their ids, and what was cut or is unknown.

    Raises:
        UserError: texts is a single one, or a text holds no token.
    """
    if isinstance(texts, str):
        raise UserError(f"texts ({texts[:30]!r}) must be several: for a single one, pass [text]")
    tokenizer, longest = tokenizer_of(spec), spec.shape[0]
    encoded = []
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"texts[{row}] ({type(text).__name__}) must be text: the network classifies texts")
        encoded.append(tokenizer.encode(text.strip()))
        if len(encoded[-1]) == 0:
            raise UserError(f"texts[{row}] ({text[:30]!r}) must hold one of the {spec.unit} at least: leave it out")
    tokens_NT = np.full((len(encoded), min(max(map(len, encoded)), longest)), PAD, dtype=np.int32)
    for row, ids in enumerate(encoded):
        tokens_NT[row, : len(ids)] = ids[:longest]
    return ReadTexts(
        tokens_NT,
        cut=tuple(row for row, ids in enumerate(encoded) if len(ids) > longest),
        unknown=tuple(int((ids[:longest] == UNKNOWN).sum()) for ids in encoded),
    )
