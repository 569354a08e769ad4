"""What comes next by counting: a letter or word model of the last few tokens, smoothed so that it is a distribution.

Interpolated Kneser-Ney smoothing with three discounts: after a context h,

    p(w | h) = (max(c(h, w) - D(c(h, w)), 0) + g(h) p(w | h')) / c(h),

where c(h, w) counts how often w followed h, and of contexts that stand for a longer one how many different tokens stand
before h where w follows; c(h) is its sum over w; D takes a little from counts of 1, of 2 and of 3 or more; g(h)
is all that was taken; and h' is h without its first token. A context that was never seen says what h' says; the empty
one leans on a uniform distribution over all tokens but padding. So probabilities are positive and sum to 1.

Source: S. F. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling", 1996, section 3
(https://aclanthology.org/P96-1041.pdf) and its longer report TR-10-98, with the discounts of section 4.1.6 there. We
differ: a discount lies in [0.1, count], also where the text is too short to estimate it.

Shapes: N windows, T tokens of a window, V ids of the vocabulary, C contexts of one length, R pairs of a context and
what followed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.data.spec import PAD

_NEVER = -1  # a context that training did not hold
_LEAST_DISCOUNT = 0.1  # something must be left for what did not follow
_GUESSED = (0.5, 1.0, 1.5)  # discounts of counts of 1, 2, 3 and more where they cannot be estimated

Windows = tuple[np.ndarray, np.ndarray]
"""Ids (N, T), and the token that followed each (N, T), PAD where none did."""


@dataclass(frozen=True)
class ContextCounts:
    """What followed the contexts of one length. A context's number is its place in ``contexts``.

    Attributes:
        contexts: int64 (C,), sorted: number of the context that lacks the first token, times V, plus that token.
        pairs: int64 (R,), sorted: number of a context, times V, plus the token that followed.
        kept: float64 (R,), the count of each, less the discount.
        taken: float64 (C,), the discounts of a context together.
        followed: float64 (C,), the counts of a context together; 0 where it is of no use.
    """

    contexts: np.ndarray
    pairs: np.ndarray
    kept: np.ndarray
    taken: np.ndarray
    followed: np.ndarray


@dataclass(frozen=True)
class NgramModel:
    """Counts of contexts of 0, 1, 2... tokens, and of what followed.

    Attributes:
        whole: by the length of the context, where it is all there is: the longest, or a shorter one as far as the
            window's start.
        part: by the length, for contexts that stand for a longer one; one less of them.
        num_ids: V.
    """

    whole: tuple[ContextCounts, ...]
    part: tuple[ContextCounts, ...]
    num_ids: int

    def probabilities(self, tokens_NT: np.ndarray, labels_NT: np.ndarray) -> np.ndarray:
        """The probability of each label after the tokens up to it, none of another window.

        Args:
            tokens_NT: ids.
            labels_NT: the token that followed each; what is said beside PAD means nothing.

        Returns:
            float64 (N, T).
        """
        made_NT = np.full(tokens_NT.shape, 1 / (self.num_ids - 1))
        contexts_NT = np.zeros(tokens_NT.shape, dtype=np.int64)
        pairs_NT = labels_NT.astype(np.int64)
        for length, whole in enumerate(self.whole):
            if length:
                contexts_NT = _longer(contexts_NT, tokens_NT, length, whole.contexts, self.num_ids)
                pairs_NT = contexts_NT * self.num_ids + labels_NT
            longest = length == len(self.part)
            start = max(0, length - 1)  # where the window holds so many tokens
            end = tokens_NT.shape[1] if longest else length  # from here on, it holds more
            made_NT[:, start:end] = _mix(
                whole, contexts_NT[:, start:end], pairs_NT[:, start:end], made_NT[:, start:end]
            )
            if not longest:
                made_NT[:, end:] = _mix(self.part[length], contexts_NT[:, end:], pairs_NT[:, end:], made_NT[:, end:])
        return made_NT


def fit_ngrams(texts: Sequence[Windows], *, num_ids: int, order: int) -> NgramModel:
    """Count.

    Args:
        texts: one or more, each of any number and length of windows; contexts lie within a window.
        num_ids: V.
        order: tokens of an n-gram, from 1: the context has one less.

    Returns:
        The model.
    """
    numbers = [[np.zeros(tokens.shape, dtype=np.int64) for tokens, _ in texts]]  # of contexts, by their length
    known = [np.zeros(1, dtype=np.int64)]
    for length in range(1, order):
        keys = [
            _keys(before, tokens, length, num_ids)[
                (before[:, length - 1 :] != _NEVER) & (labels[:, length - 1 :] != PAD)
            ]
            for before, (tokens, labels) in zip(numbers[-1], texts, strict=True)
        ]
        known.append(np.unique(np.concatenate(keys)))
        numbers.append(
            [
                _longer(before, tokens, length, known[-1], num_ids)
                for before, (tokens, _) in zip(numbers[-1], texts, strict=True)
            ]
        )
    whole, part = [], []
    for length in range(order):
        counted = _count_pairs(numbers[length], texts, num_ids)
        whole.append(_discounted(known[length], *counted, num_ids))
        if length:
            pairs, _ = counted
            shorter = known[length][pairs // num_ids] // num_ids
            before = np.unique(shorter * num_ids + pairs % num_ids, return_counts=True)
            part.append(_discounted(known[length - 1], *before, num_ids))
    return NgramModel(tuple(whole), tuple(part), num_ids)


def _count_pairs(
    contexts: Sequence[np.ndarray], texts: Sequence[Windows], num_ids: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a context and what followed, sorted, and how often each occurred."""
    followed = [
        (context * num_ids + labels)[(context != _NEVER) & (labels != PAD)]
        for context, (_, labels) in zip(contexts, texts, strict=True)
    ]
    pairs, times = np.unique(np.concatenate(followed), return_counts=True)
    return pairs, times


def _discounted(contexts: np.ndarray, pairs_R: np.ndarray, times_R: np.ndarray, num_ids: int) -> ContextCounts:
    discounts = np.array([0.0, *_discounts(times_R)])
    taken_R = discounts[np.minimum(times_R, 3)]
    context_R = pairs_R // num_ids
    taken_C = np.bincount(context_R, weights=taken_R, minlength=len(contexts))
    followed_C = np.bincount(context_R, weights=times_R, minlength=len(contexts))
    return ContextCounts(contexts, pairs_R, times_R - taken_R, taken_C, followed_C)


def _discounts(times_R: np.ndarray) -> list[float]:
    """What to take from counts of 1, 2, and 3 or more."""
    seen = np.bincount(np.minimum(times_R, 5), minlength=6)[1:5].tolist()  # how many have a count of 1, 2, 3, 4
    if 0 in seen:
        return list(_GUESSED)
    share = seen[0] / (seen[0] + 2 * seen[1])
    estimated = [count - (count + 1) * share * seen[count] / seen[count - 1] for count in (1, 2, 3)]
    return [min(max(value, _LEAST_DISCOUNT), count) for count, value in enumerate(estimated, start=1)]


def _keys(before_NT: np.ndarray, tokens_NT: np.ndarray, length: int, num_ids: int) -> np.ndarray:
    """What contexts of a length are found by: (N, T - length + 1), the first that lies within the window first."""
    return before_NT[:, length - 1 :] * num_ids + tokens_NT[:, : max(0, tokens_NT.shape[1] - length + 1)]


def _longer(before_NT: np.ndarray, tokens_NT: np.ndarray, length: int, known: np.ndarray, num_ids: int) -> np.ndarray:
    """The numbers of the contexts that are one token longer; _NEVER where there are none, or too few tokens before."""
    made_NT = np.full(tokens_NT.shape, _NEVER, dtype=np.int64)
    if len(known):
        keys = _keys(before_NT, tokens_NT, length, num_ids)
        places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        is_known = (before_NT[:, length - 1 :] != _NEVER) & (known[places] == keys)
        made_NT[:, length - 1 :] = np.where(is_known, places, _NEVER)
    return made_NT


def _mix(order: ContextCounts, contexts: np.ndarray, pairs: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """What contexts say, and what shorter ones said where they say nothing."""
    made = lower.copy()
    is_known = contexts != _NEVER
    is_known[is_known] = order.followed[contexts[is_known]] > 0
    if not is_known.any():
        return made
    context_Q, pairs_Q = contexts[is_known], pairs[is_known]
    places_Q = np.minimum(np.searchsorted(order.pairs, pairs_Q), len(order.pairs) - 1)
    kept_Q = np.where(order.pairs[places_Q] == pairs_Q, order.kept[places_Q], 0.0)
    made[is_known] = (kept_Q + order.taken[context_Q] * lower[is_known]) / order.followed[context_Q]
    return made
