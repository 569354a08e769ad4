"""What predicted next tokens are worth.

Shapes: N texts, T tokens of a text, n tokens that were asked for.
"""

import math

import numpy as np

from saccade.data.spec import PAD, Unit
from saccade.evaluate.outcomes import Outcomes


def next_token_metrics(
    nats_NT: np.ndarray, predicted_NT: np.ndarray, labels_NT: np.ndarray, unit: Unit
) -> dict[str, float]:
    """The numbers that predictions of what comes next are judged by; each token counts the same.

    Args:
        nats_NT: float, the negative logarithm of each true token's probability.
        predicted_NT: integers, the most probable token.
        labels_NT: integers, the true one; where it is padding, nothing was asked.
        unit: unit of a token: characters or words.

    Returns:
        ``loss`` (mean, nats a token), ``perplexity`` (its exponential: among how many equally probable tokens the
        network would be as unsure), ``bits_per_character`` where tokens are characters, and ``accuracy``.

    Raises:
        ValueError: shapes differ, no token is asked for, or a value is not finite.
    """
    if not nats_NT.shape == predicted_NT.shape == labels_NT.shape or labels_NT.ndim != 2:
        raise ValueError(
            f"nats_NT {nats_NT.shape}, predicted_NT {predicted_NT.shape} and labels_NT {labels_NT.shape} must be the "
            "same (N, T)"
        )
    asked_NT = labels_NT != PAD
    nats_n = nats_NT[asked_NT].astype(np.float64)
    if len(nats_n) == 0 or not np.isfinite(nats_n).all():
        raise ValueError(
            f"nats_NT must hold finite numbers for one token at least, not {len(nats_n)} with some that are not"
        )
    loss = float(nats_n.mean())
    metrics = {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}  # beyond it, a float is infinite
    if unit == "characters":
        metrics["bits_per_character"] = loss / math.log(2)
    metrics["accuracy"] = float((predicted_NT == labels_NT)[asked_NT].mean())
    return metrics


def loss_by_position(nats_NT: np.ndarray, labels_NT: np.ndarray) -> list[tuple[int, float, int]]:
    """How much less surprising a token is the more of the text was read before it.

    Args:
        nats_NT: float, as above.
        labels_NT: integers, as above.

    Returns:
        For each position that was asked for: how many tokens had been read, from 1; the mean loss there, in nats; and
        over how many texts.
    """
    asked_NT = labels_NT != PAD
    count_T = asked_NT.sum(axis=0)
    sum_T = np.where(asked_NT, nats_NT, 0).sum(axis=0, dtype=np.float64)
    return [(t + 1, float(sum_T[t] / count_T[t]), int(count_T[t])) for t in np.flatnonzero(count_T).tolist()]


def outcomes_of_texts(
    rows_N: np.ndarray, nats_NT: np.ndarray, predicted_NT: np.ndarray, labels_NT: np.ndarray
) -> Outcomes:
    """What a network got on each text, or on each window of a long one; those that ask for nothing are left out.

    Args:
        rows_N: number of each text in the source, integers.
        nats_NT: float, as above.
        predicted_NT: integers, as above.
        labels_NT: integers, as above.

    Returns:
        ``loss`` and ``accuracy``, means over the tokens of each; weights are the numbers of these tokens.
    """
    asked_NT = labels_NT != PAD
    count_N = asked_NT.sum(axis=1)
    some = count_N > 0
    loss_N = np.where(asked_NT, nats_NT, 0).sum(axis=1, dtype=np.float64)[some] / count_N[some]
    right_N = ((predicted_NT == labels_NT) & asked_NT).sum(axis=1)[some] / count_N[some]
    return Outcomes(rows_N[some], {"loss": loss_N, "accuracy": right_N}, weights=count_N[some].astype(np.float64))


def confused_tokens(predicted_NT: np.ndarray, labels_NT: np.ndarray) -> list[tuple[int, int, int, float]]:
    """Which tokens are taken for which, the most frequent mistakes first.

    Args:
        predicted_NT: integers, as above.
        labels_NT: integers, as above.

    Returns:
        True token, predicted one, how often, and which share of the true one's occurrences that is.
    """
    wrong_NT = (labels_NT != PAD) & (predicted_NT != labels_NT)
    tokens, occurrences = np.unique(labels_NT[labels_NT != PAD], return_counts=True)
    total = dict(zip(tokens.tolist(), occurrences.tolist(), strict=True))
    pairs, counts = np.unique(np.stack([labels_NT[wrong_NT], predicted_NT[wrong_NT]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [
        (true, predicted, count, count / total[true])
        for true, predicted, count in zip(*pairs[:, order].tolist(), counts[order].tolist(), strict=True)
    ]
