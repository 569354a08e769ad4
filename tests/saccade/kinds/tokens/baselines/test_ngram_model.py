"""The model of next tokens, against the same smoothing written out with dictionaries."""

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from saccade.data.spec import PAD
from saccade.kinds.tokens.baselines.ngram_model import NgramModel, fit_ngrams

Tables = dict[int, dict[tuple[int, ...], Counter[int]]]


def counted(text: list[int], order: int) -> tuple[Tables, Tables]:
    """What followed each context; and in how many ways that was preceded, for contexts that stand for longer ones."""
    whole: Tables = {n: defaultdict(Counter) for n in range(order)}
    part: Tables = {n: defaultdict(Counter) for n in range(order - 1)}
    for i in range(1, len(text)):  # the first token follows nothing
        for n in range(min(order, i + 1)):
            whole[n][tuple(text[i - n : i])][text[i]] += 1
    for n in range(1, order):
        for context, following in whole[n].items():
            for token in following:
                part[n - 1][context[1:]][token] += 1
    return whole, part


def discounts(table: dict[tuple[int, ...], Counter[int]]) -> list[float]:
    n = Counter(count for following in table.values() for count in following.values())
    if not all(n[k] for k in (1, 2, 3, 4)):
        return [0.0, 0.5, 1.0, 1.5]
    y = n[1] / (n[1] + 2 * n[2])
    raw = [1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
    return [0.0, *(min(max(value, 0.1), k) for k, value in enumerate(raw, start=1))]


def literally(text: list[int], order: int, num_ids: int, history: list[int], token: int) -> float:
    """p(token | history), as the module's docstring says it."""
    whole, part = counted(text, order)
    longest = min(order - 1, len(history))
    p = 1 / (num_ids - 1)
    for n in range(longest + 1):
        table = (whole if n == longest else part)[n]
        following = table.get(tuple(history[len(history) - n :]))
        if following is None:
            continue
        d = discounts(table)
        taken = sum(d[min(count, 3)] for count in following.values())
        kept = max(following[token] - d[min(following[token], 3)], 0)
        p = (kept + taken * p) / following.total()
    return p


def fitted(text: list[int], order: int, num_ids: int) -> NgramModel:
    array = np.array([text])
    return fit_ngrams([(array[:, :-1], array[:, 1:])], num_ids=num_ids, order=order)


def drawn(count: int, num_ids: int, seed: int) -> list[int]:
    """Tokens that depend on those before, rare ones among them."""
    random, text = np.random.default_rng(seed), [2, 3]
    for _ in range(count - 2):
        shares = np.arange(1.0, num_ids) ** -1.5
        text.append(
            1 + (int(random.choice(num_ids - 1, p=shares / shares.sum())) + text[-1] * text[-2]) % (num_ids - 1)
        )
    return text


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [3, 12, 400])
def test_the_same_as_written_out(order: int, count: int) -> None:
    num_ids = 7
    text, other = drawn(count, num_ids, seed=1), drawn(9, num_ids, seed=2)
    model = fitted(text, order, num_ids)
    for window in (text[:8], other):
        tokens = np.array([window[:-1]])
        got = model.probabilities(tokens, np.array([window[1:]]))[0]
        expected = [literally(text, order, num_ids, window[: i + 1], window[i + 1]) for i in range(len(window) - 1)]
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("count", [4, 30, 3000])
def test_it_is_a_distribution(count: int) -> None:
    num_ids = 9
    model = fitted(drawn(count, num_ids, seed=3), 5, num_ids)
    windows = np.random.default_rng(4).integers(1, num_ids, size=(50, 6))
    each = [model.probabilities(windows, np.full_like(windows, token)) for token in range(1, num_ids)]
    assert min(one.min() for one in each) > 0
    np.testing.assert_allclose(np.sum(each, axis=0), 1, rtol=1e-12)


def test_windows_are_read_one_by_one_and_padding_is_left_out() -> None:
    num_ids, first, second = 7, drawn(30, 7, seed=5), drawn(20, 7, seed=6)
    apart = fit_ngrams(
        [(np.array([text[:-1]]), np.array([text[1:]])) for text in (first, second)], num_ids=num_ids, order=3
    )
    tokens, labels = np.full((2, 29), PAD), np.full((2, 29), PAD)
    for row, text in enumerate((first, second)):
        tokens[row, : len(text) - 1], labels[row, : len(text) - 1] = text[:-1], text[1:]
    together = fit_ngrams([(tokens, labels)], num_ids=num_ids, order=3)
    asked = np.array([drawn(15, 7, seed=7)])
    np.testing.assert_array_equal(
        apart.probabilities(asked[:, :-1], asked[:, 1:]), together.probabilities(asked[:, :-1], asked[:, 1:])
    )
    padded = np.concatenate([asked, np.full((1, 4), PAD)], axis=1)
    np.testing.assert_array_equal(
        together.probabilities(padded[:, :-1], padded[:, 1:])[:, :14],
        together.probabilities(asked[:, :-1], asked[:, 1:]),
    )


def test_longer_contexts_help_on_real_text(real_data: Callable[[str], Path]) -> None:
    text = np.frombuffer(real_data("tinyshakespeare.txt").read_bytes(), np.uint8).astype(np.int64)
    train, test = text[None, :300_000], text[None, 300_000:320_000]
    nats = []
    for order in (1, 2, 3, 5):
        model = fit_ngrams([(train[:, :-1], train[:, 1:])], num_ids=128, order=order)
        nats.append(float(-np.log(model.probabilities(test[:, :-1], test[:, 1:])).mean()))
    frequencies = np.bincount(train[0], minlength=128) + 1
    entropy = float(-np.log(frequencies / frequencies.sum())[test[0]].mean())  # letters one by one
    assert nats[0] == pytest.approx(entropy, abs=0.01)
    assert nats[0] > nats[1] + 0.5 > nats[2] + 0.7 > nats[3] + 0.9 and nats[3] < 1.8
