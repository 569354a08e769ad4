"""What character comes next in a line, by counts of the training transcripts: for the beam search.

The counts are those of ``kinds.tokens.baselines.ngram_model``, interpolated Kneser-Ney. A line begins and ends with a
token of its own, so that the model knows how lines begin and that they end.

Shapes: N lines, L characters, V ids of the vocabulary; id V stands for the beginning and the end of a line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from saccade.data.spec import PAD
from saccade.kinds.tokens.baselines.ngram_model import NgramModel, fit_ngrams

ORDER = 6  # characters of an n-gram: five that are known, and the next
_MAX_KEPT = 100_000  # contexts whose answers are kept
_PARTS = ("contexts", "pairs", "kept", "taken", "followed")


@dataclass
class CharacterModel:
    """Probabilities of the next character.

    Attributes:
        counts: counts of contexts and of what followed them.
        num_ids: V.
        order: characters of an n-gram.
    """

    counts: NgramModel
    num_ids: int
    order: int
    _kept: dict[tuple[int, ...], list[float]] = field(default_factory=dict, repr=False)

    @property
    def end(self) -> int:
        """The id of the beginning and the end of a line."""
        return self.num_ids

    def context(self, ids: Sequence[int]) -> tuple[int, ...]:
        """What of a line's beginning the next character depends on."""
        return (self.end, *ids)[-(self.order - 1) :] if self.order > 1 else ()

    def log_probabilities(self, context: tuple[int, ...]) -> list[float]:
        """Logarithms of the probabilities of what comes next.

        Args:
            context: what ``context`` gives.

        Returns:
            V + 1 numbers by id, of which the last is that of the line's end, and the first, of padding, means nothing.
        """
        found = self._kept.get(context)
        if found is None:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            found = self._kept[context] = self._computed(context)
        return found

    def _computed(self, context: tuple[int, ...]) -> list[float]:
        next_V = np.arange(self.num_ids + 1)
        tokens_VT = np.tile(np.array(context or (self.end,), np.int64), (len(next_V), 1))
        labels_VT = np.zeros_like(tokens_VT)
        labels_VT[:, -1] = next_V
        logs: list[float] = np.log(self.counts.probabilities(tokens_VT, labels_VT)[:, -1]).tolist()
        return logs

    def log_probability(self, ids: Sequence[int]) -> float:
        """The logarithm of the probability of a whole line, its end counted."""
        return sum(self.log_probabilities(self.context(ids[:place]))[k] for place, k in enumerate((*ids, self.end)))

    def nats_per_character(self, labels_NL: np.ndarray) -> float:
        """The mean of the negative logarithms over the characters of lines, their ends counted.

        Args:
            labels_NL: ids, int64, filled up with 0.

        Returns:
            Nats.
        """
        tokens_NT, next_NT = _windows(labels_NL, self.end)
        p_NT = self.counts.probabilities(tokens_NT, next_NT)
        return float(-np.log(p_NT[next_NT != PAD]).mean())

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain arrays, from which ``from_arrays`` makes the model again."""
        arrays = {"about": np.array([self.num_ids, self.order], np.int64)}
        for name in ("whole", "part"):
            for length, order in enumerate(getattr(self.counts, name)):
                arrays |= {f"{name}/{length}/{part}": getattr(order, part) for part in _PARTS}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "CharacterModel":
        """The inverse of ``to_arrays``.

        Args:
            arrays: name to array.

        Returns:
            The model.

        Raises:
            KeyError: an array is missing.
        """
        from saccade.kinds.tokens.baselines.ngram_model import ContextCounts

        num_ids, order = (int(value) for value in arrays["about"])

        def orders(name: str, count: int) -> tuple[ContextCounts, ...]:
            return tuple(
                ContextCounts(**{part: arrays[f"{name}/{length}/{part}"] for part in _PARTS}) for length in range(count)
            )

        return cls(NgramModel(orders("whole", order), orders("part", order - 1), num_ids + 1), num_ids, order)


def fit_characters(labels_NL: np.ndarray, num_ids: int, order: int = ORDER) -> CharacterModel:
    """Count the characters of training transcripts.

    Args:
        labels_NL: ids, int64, filled up with 0.
        num_ids: V.
        order: characters of an n-gram, from 1.

    Returns:
        The model.
    """
    return CharacterModel(fit_ngrams([_windows(labels_NL, num_ids)], num_ids=num_ids + 1, order=order), num_ids, order)


def _windows(labels_NL: np.ndarray, end: int) -> tuple[np.ndarray, np.ndarray]:
    """What stands before each character and the line's end, (N, L + 1), and these themselves, 0 behind the end."""
    labels_NL = np.asarray(labels_NL, np.int64)
    N, L = labels_NL.shape
    length_N = (labels_NL != PAD).sum(axis=1)
    tokens_NT, next_NT = (np.zeros((N, L + 1), np.int64) for _ in range(2))
    tokens_NT[:, 0], tokens_NT[:, 1:] = end, labels_NL
    next_NT[:, :-1] = labels_NL
    next_NT[np.arange(N), length_N] = end
    return tokens_NT, next_NT
