"""What predicted next tokens are worth, against scikit-learn and plain loops.

Shapes: N texts, T tokens of a text, V tokens of the vocabulary.
"""

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from saccade.evaluate.text_metrics import confused_tokens, loss_by_position, next_token_metrics

N, T, V = 7, 5, 6


def answers(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels of unequal lengths, probabilities, nats, predictions; what stands at padding must not count."""
    random = np.random.default_rng(seed)
    labels_NT = random.integers(1, V, (N, T))
    labels_NT[np.arange(T) >= random.integers(1, T + 1, N)[:, None]] = 0
    p_NTV = random.dirichlet(np.full(V, 0.5), (N, T))
    nats_NT = -np.log(np.take_along_axis(p_NTV, labels_NT[:, :, None], axis=2))[:, :, 0]
    return labels_NT, p_NTV, nats_NT.astype(np.float32), p_NTV.argmax(axis=2).astype(np.int32)


def test_metrics_are_means_over_all_tokens_that_were_asked_for() -> None:
    labels_NT, p_NTV, nats_NT, predicted_NT = answers()
    asked_NT = labels_NT != 0
    assert 0 < asked_NT.sum() < N * T
    metrics = next_token_metrics(nats_NT, predicted_NT, labels_NT, "characters")
    loss = log_loss(labels_NT[asked_NT], p_NTV[asked_NT], labels=np.arange(V))
    assert list(metrics) == ["loss", "perplexity", "bits_per_character", "accuracy"]
    assert metrics["loss"] == pytest.approx(loss, rel=1e-6)
    assert metrics["perplexity"] == pytest.approx(math.exp(loss), rel=1e-6)
    assert metrics["bits_per_character"] == pytest.approx(loss / math.log(2), rel=1e-6)
    assert metrics["accuracy"] == accuracy_score(labels_NT[asked_NT], predicted_NT[asked_NT])
    assert "bits_per_character" not in next_token_metrics(nats_NT, predicted_NT, labels_NT, "words")


def test_the_perplexity_of_equal_probabilities_is_how_many_there_are() -> None:
    labels_NT = np.full((2, 3), 4)
    nats_NT = np.full((2, 3), math.log(V))
    assert next_token_metrics(nats_NT, labels_NT, labels_NT, "words")["perplexity"] == pytest.approx(V)


def test_what_cannot_be_measured_is_refused() -> None:
    labels_NT, _, nats_NT, predicted_NT = answers()
    with pytest.raises(ValueError, match=r"nats_NT \(7, 4\), predicted_NT \(7, 5\)"):
        next_token_metrics(nats_NT[:, :4], predicted_NT, labels_NT, "words")
    with pytest.raises(ValueError, match="must hold finite numbers for one token at least"):
        next_token_metrics(nats_NT, predicted_NT, np.zeros_like(labels_NT), "words")
    with pytest.raises(ValueError, match="must hold finite numbers"):
        next_token_metrics(np.full((N, T), np.inf), predicted_NT, labels_NT, "words")


def test_the_loss_of_each_position() -> None:
    labels_NT, _, nats_NT, _ = answers()
    rows = loss_by_position(nats_NT, labels_NT)
    for read, loss, texts in rows:
        here = labels_NT[:, read - 1] != 0
        assert texts == here.sum() and loss == pytest.approx(nats_NT[here, read - 1].mean(), rel=1e-5)
    assert [row[0] for row in rows] == [t + 1 for t in range(T) if (labels_NT[:, t] != 0).any()]
    total = sum(loss * texts for _, loss, texts in rows) / sum(texts for _, _, texts in rows)
    assert total == pytest.approx(next_token_metrics(nats_NT, labels_NT, labels_NT, "words")["loss"], rel=1e-6)


def test_the_most_frequent_mistakes_come_first_with_their_share() -> None:
    labels_NT = np.array([[2, 2, 2, 2, 3], [3, 3, 4, 0, 0]])
    predicted_NT = np.array([[2, 5, 5, 3, 2], [2, 3, 4, 5, 5]])
    assert confused_tokens(predicted_NT, labels_NT) == [(2, 5, 2, 0.5), (3, 2, 2, 2 / 3), (2, 3, 1, 0.25)]
    assert confused_tokens(labels_NT, labels_NT) == []
