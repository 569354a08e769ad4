"""Recurrent networks over texts: padding changes nothing, and what comes next is asked at each step.

Reading forwards, no step knows of those behind it, so padding at the end needs no care but in the pooling. Reading
backwards, each text must begin at its own end. torch's packed sequences would see to that, but they need the lengths on
the host, which makes it wait for a GPU in every update, and on a CPU they leave the fused kernels: an LSTM over 400
steps took 7 to 10 times as long, over the 5 to 14 letters of names 1.6 times, and in no case less
(benchmarks/length_buckets.py). So sequences are padded, and turned around by index.

Shapes: B batch, T time steps, E numbers that a token becomes, L layers, D units of one direction of one layer, W width
of a step's output (D, or twice that), K outputs, V tokens of the vocabulary.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from saccade.nn.padding import reverse_padded, sequence_lengths


class PaddedNetwork(nn.Module):
    """Read, recur, pool over time, answer: x to (B, K).

    x is token ids int64 (B, T), or series float (B, T, F) with NaN behind their ends.

    Args:
        reader: the embedding of texts; of series, ``ZeroPadding``.
        recurrent: torch's RNN, GRU or LSTM, batch first, of one direction; or ``BidirectionalRNN`` of one with two.
        pool: module from (B, T, W) and lengths to (B, W).
        head: module from (B, W) to (B, K).
    """

    def __init__(
        self, reader: nn.Module, recurrent: "nn.RNNBase | BidirectionalRNN", pool: nn.Module, head: nn.Sequential
    ) -> None:
        super().__init__()
        self.reader = reader
        self.recurrent = recurrent
        self.pool = pool
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        length_B = sequence_lengths(x)
        x_BTE = self.reader(x)
        if isinstance(self.recurrent, BidirectionalRNN):
            h_BTW = self.recurrent(x_BTE, length_B)
        else:
            h_BTW, _ = self.recurrent(x_BTE)
        return self.head(self.pool(h_BTW, length_B))


class NextTokenNetwork(nn.Module):
    """Look up, recur, and say at each step what comes next: token ids int64 (B, T) to logits (B, T, V).

    Args:
        reader: the embedding.
        recurrent: torch's RNN, GRU or LSTM, batch first, of one direction.
        head: module from (..., W) to (..., V).
    """

    def __init__(self, reader: nn.Module, recurrent: nn.RNNBase, head: nn.Sequential) -> None:
        super().__init__()
        self.reader = reader
        self.recurrent = recurrent
        self.head = head

    def forward(self, token_BT: Tensor) -> Tensor:
        return self.advance(token_BT)[0]

    def advance(self, token_BT: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Read on from where ``state`` stands: what a token more costs must not grow with the text before it.

        Args:
            token_BT: ids, int64, without padding where the state will be used.
            state: state that the call before gave; None at the beginning of a text.

        Returns:
            Logits (B, T, V) of what follows each token, and the state after the last one.
        """
        h_BTW, state = self.recurrent(self.reader(token_BT), state)
        return self.head(h_BTW), state


class BidirectionalRNN(nn.Module):
    """A bidirectional recurrence over padded texts, whose backward direction begins at each text's own end.

    Args:
        recurrent: torch's RNN, GRU or LSTM, bidirectional, batch first; its weights are copied.
    """

    def __init__(self, recurrent: nn.RNNBase) -> None:
        super().__init__()
        self.dropout = recurrent.dropout
        weights = iter(recurrent.all_weights)  # layer by layer, in each the directions
        self.layers = nn.ModuleList(
            nn.ModuleDict({direction: _single(recurrent, next(weights)) for direction in ("forwards", "backwards")})
            for _ in range(recurrent.num_layers)
        )

    def forward(self, x_BTF: Tensor, length_B: Tensor) -> Tensor:
        """The outputs of the last layer.

        Args:
            x_BTF: input.
            length_B: int64, each in [1, T].

        Returns:
            (B, T, W): at a real step what torch's module gives for this text alone; behind it, anything.
        """
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, nn.ModuleDict)
            if number:
                x_BTF = nn.functional.dropout(x_BTF, self.dropout, self.training)
            forwards_BTD, _ = layer["forwards"](x_BTF)
            backwards_BTD, _ = layer["backwards"](reverse_padded(x_BTF, length_B))
            x_BTF = torch.cat([forwards_BTD, reverse_padded(backwards_BTD, length_B)], dim=2)
        return x_BTF


def _single(recurrent: nn.RNNBase, weights: list[nn.Parameter]) -> nn.RNNBase:
    """One layer and direction of a module of torch's, with its weights."""
    options = {"nonlinearity": recurrent.nonlinearity} if isinstance(recurrent, nn.RNN) else {}
    kind: Callable[..., nn.RNNBase] = type(recurrent)
    single = kind(weights[0].shape[1], recurrent.hidden_size, batch_first=True, **options)
    with torch.no_grad():
        for own, given in zip(single.all_weights[0], weights, strict=True):
            own.copy_(given)
    return single
