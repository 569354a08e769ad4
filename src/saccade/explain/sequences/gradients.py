"""How much each step of a recurrence could still be taught by the answer: the norm of dL/dh_t over a batch.

The doctor measures the same during training, for a few examples; here it is that of a trained network.

Shapes: B batch, T time steps, K classes, O numbers.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.bundle.bundle import NetworkConfig
from saccade.bundle.ensemble import Ensemble
from saccade.core.errors import UserError
from saccade.data.spec import PAD
from saccade.explain.sequences.answers import Trained
from saccade.explain.sequences.steps import require_evaluation_mode
from saccade.nn.padding import sequence_lengths
from saccade.nn.sequence_networks import Network, SequenceNetwork, gradient_norms_over_time


def gradients_over_time(trained: Trained, stored: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
    """The norms of dL/dh_t and, of an LSTM, of dL/dc_t of its last recurrent layer.

    L is the mean cross entropy of classes or tokens, and the mean absolute error of numbers, each in units of the
    targets' deviation where the network knows it. Of sequences of unequal length the longer half is taken, cut to one
    length: a step is then the same step for all of them.

    Args:
        trained: network in evaluation mode; nothing of it changes.
        stored: examples as a split holds them, a batch.
        labels: their labels, as a split holds them.

    Returns:
        "dL/dh_t" and, of an LSTM, "dL/dc_t" to float64 (T,).

    Raises:
        UserError: nothing recurs in the network, it reads sequences of unequal length from both ends, or several
            networks answer together.
    """
    require_evaluation_mode(trained)
    before, model, after = trained.network[0], trained.network[1], trained.network[2:]
    if isinstance(model, Ensemble):
        raise UserError("gradients over time are those of one network, but several answer here together: take a member")
    if not isinstance(model, Network):
        raise UserError(f"model ({trained.config.model}) must recur to have gradients over time: take lstm, gru or rnn")
    stored, labels = stored.to(trained.device), labels.to(trained.device)
    x = before(stored)
    if not isinstance(model, SequenceNetwork):
        length_B = sequence_lengths(x)
        middle = int(length_B.median())
        x, labels = x[length_B >= middle][:, :middle], labels[length_B >= middle]
        labels = labels[:, :middle] if trained.config.spec.output == "per_token" else labels
    loss = _loss_of(trained.config, after, labels)
    is_lstm = isinstance(model.recurrent, nn.RNNBase) and model.recurrent.mode == "LSTM"
    found = {"dL/dh_t": gradient_norms_over_time(model, x, loss, of="h")}
    if is_lstm:
        found["dL/dc_t"] = gradient_norms_over_time(model, x, loss, of="c")
    return {name: norm_T.double().cpu().numpy() for name, norm_T in found.items()}


def _loss_of(config: NetworkConfig, after: nn.Sequential, labels: Tensor) -> Callable[[Tensor], Tensor]:
    spec = config.spec
    if spec.output == "per_token":
        return lambda output_BTV: F.cross_entropy(output_BTV.flatten(0, 1), labels.long().flatten(), ignore_index=PAD)
    if spec.multilabel:
        return lambda output_BK: F.binary_cross_entropy_with_logits(output_BK, labels.float())
    if config.one_output:
        return lambda output_B1: F.binary_cross_entropy_with_logits(output_B1[:, 0], labels.float())
    if spec.classes:
        return lambda output_BK: F.cross_entropy(output_BK, labels.long())
    std = torch.tensor(1.0)
    for layer in after:
        std = getattr(layer, "std_O", std)
    return lambda output_BO: ((after(output_BO) - labels) / std.to(labels.device)).abs().mean()
