"""The temperature of a classifier, which makes its probabilities as sure as its answers are right: fitted on the
validation split.

Shapes: N examples, B of them at a time, K classes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from saccade.batching.arrays import take
from saccade.batching.length_buckets import measured_batches, stored_lengths

LOWEST, HIGHEST = 0.02, 50.0  # bounds of the search; a least value at one of them is none
MIN_MISTAKES = 5  # fewer do not say that answers may be surer; and as many right answers
_LEAST_DROP = 1.0  # nats over all examples: what one fitted number gains by chance, as in Akaike's criterion
_BATCH_SIZE = 256  # examples; affects only speed and memory
_MAX_LOGITS = 2**22  # of those that a temperature is fitted on: one number needs no more


@dataclass(frozen=True)
class Temperature:
    """What a classifier's logits are divided by.

    Attributes:
        value: temperature, above 0; above 1 makes answers less sure, below 1 surer.
        reason: why it was kept at 1; empty where it was fitted.
    """

    value: float = 1.0
    reason: str = ""


def negative_log_likelihood(logits_NK: np.ndarray, labels_N: np.ndarray, temperature: float = 1.0) -> float:
    """Mean of ``-log softmax(logits / temperature)[label]`` in nats.

    Args:
        logits_NK: unnormalised scores, float, finite.
        labels_N: true classes, int64 in [0, K).
        temperature: number that the logits are divided by, above 0.

    Returns:
        The mean over the examples.
    """
    scaled_NK = logits_NK.astype(np.float64) / temperature
    scaled_NK -= scaled_NK.max(axis=1, keepdims=True)
    return float((np.log(np.exp(scaled_NK).sum(axis=1)) - scaled_NK[np.arange(len(labels_N)), labels_N]).mean())


def fit_temperature(logits_NK: np.ndarray, labels_N: np.ndarray) -> Temperature:
    """The temperature with the least negative log-likelihood (NLL) on these examples, with four digits.

    It stays 1 where these examples do not tell it: fewer than 5 right answers; answers that would become surer by fewer
    than 5 mistakes (without any, it would run to 0); or an NLL that falls by less than one fitted number lets it fall
    by chance. docs/calibration.md has the simulation that these rules come from.

    Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2
    (https://arxiv.org/abs/1706.04599). There it is fitted in any case.

    Args:
        logits_NK: unnormalised scores on the validation split, float.
        labels_N: true classes, integers in [0, K). Classes may be absent.

    Returns:
        The temperature, or 1 and the reason.

    Raises:
        ValueError: shapes do not fit.
    """
    from scipy.optimize import minimize_scalar

    if logits_NK.ndim != 2 or logits_NK.shape[1] < 2 or labels_N.shape != (len(logits_NK),):
        raise ValueError(
            f"logits_NK {logits_NK.shape} must be (N, K), K at least 2, and labels_N {labels_N.shape} (N,)"
        )
    N = len(labels_N)
    examples = f"{N:,} validation example{'' if N == 1 else 's'}"
    if not np.isfinite(logits_NK).all():
        rows = int((~np.isfinite(logits_NK).all(axis=1)).sum())
        return Temperature(reason=f"the logits of {rows:,} of {examples} are not finite")
    right = int((logits_NK.argmax(axis=1) == labels_N).sum())
    if right < MIN_MISTAKES:
        return Temperature(reason=f"{right} of {examples} answered right: fewer than {MIN_MISTAKES} tell nothing")
    found = minimize_scalar(
        lambda log: negative_log_likelihood(logits_NK, labels_N, float(np.exp(log))),
        bounds=(np.log(LOWEST), np.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-5},
    )
    temperature = float(f"{np.exp(found.x):.4g}")
    wrong = N - right
    if temperature < 1 and wrong < MIN_MISTAKES:
        return Temperature(
            reason=f"{wrong} of {examples} answered wrong: fewer than {MIN_MISTAKES} do not tell that it may be surer"
        )
    if not 1.05 * LOWEST < temperature < HIGHEST / 1.05:
        return Temperature(reason=f"no temperature from {LOWEST:g} to {HIGHEST:g} has the least NLL on {examples}")
    before, after = (negative_log_likelihood(logits_NK, labels_N, each) for each in (1.0, temperature))
    if N * (before - after) < _LEAST_DROP:
        return Temperature(
            reason=f"on {examples} {temperature:g} lowers the NLL from {before:.4f} to {max(0.0, after):.4f} nats, "
            "no more than chance does"
        )
    return Temperature(temperature)


@torch.no_grad()
def measure_temperature(
    network: nn.Module,
    examples: Tensor,
    labels_N: np.ndarray,
    *,
    device: torch.device,
    have_lengths: bool = False,
) -> Temperature:
    """``fit_temperature`` on the logits that a network gives in evaluation mode, without a temperature.

    Of more examples than the fit needs, those at equal distances are taken.

    Args:
        network: stored examples in, logits out, or the logit of the second of two classes; on the device.
        examples: examples of the validation split, as stored.
        labels_N: true classes, int64.
        device: device of the network.
        have_lengths: whether examples may end before their array does; they are trimmed to the longest of a batch.

    Returns:
        The temperature.
    """
    network.eval()
    most = max(1, _MAX_LOGITS // max(2, int(labels_N.max(initial=0)) + 1))
    chosen = torch.arange(len(labels_N))[:: -(-len(labels_N) // most)]
    lengths = stored_lengths(examples)[chosen] if have_lengths else None
    parts, order = [], []
    for places, steps in measured_batches(len(chosen), lengths, _BATCH_SIZE):
        logits_BK = network(take(examples, chosen[places], device)[:, :steps]).float().cpu()
        if logits_BK.shape[1] == 1:  # the other class's logit is 0
            logits_BK = torch.cat((torch.zeros_like(logits_BK), logits_BK), dim=1)
        parts.append(logits_BK)
        order.append(chosen[places])
    return fit_temperature(torch.cat(parts).numpy(), np.asarray(labels_N)[torch.cat(order).numpy()])
