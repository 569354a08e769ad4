"""Networks over sequences: a reader, a recurrence, a pooling and a head, put together for a dataset.

torch's own modules do the work in training, where a GPU runs all steps in one call. The equations here are the same
arithmetic one step at a time, so that it can be read, tested, and asked for the gradient at a single step.

Shapes: B batch, T time steps, F features, L layers, D units of one direction of one layer, W width of a step's output
(D, or twice that when bidirectional), K outputs: one logit a class, or one number a target.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import PAD, Spec
from saccade.nn.last_value_skip import LinearForecast, build_skip, set_to_zero
from saccade.nn.layers import ImageRows
from saccade.nn.padding import ZeroPadding, sequence_lengths
from saccade.nn.pooling import pool_over_time
from saccade.nn.text_networks import BidirectionalRNN, NextTokenNetwork, PaddedNetwork
from saccade.nn.unrolled import outputs, unroll

EMBEDDING_SIZE = 64  # numbers that a token becomes, unless a model is told otherwise


# --- from an example to an answer -------------------------------------------------------------------------------------


class SequenceNetwork(nn.Module):
    """Read, recur, pool over time, answer: x to (B, K); x is (B, C, H, W) for images and (B, T, F) for series.

    Args:
        reader: module from x to (B, T, F).
        recurrent: torch's RNN, GRU or LSTM, batch first.
        pool: module from (B, T, W) to (B, W).
        head: module from (B, W) to (B, K).
        skip: module from x to what is added to the answer, (B, K); None adds nothing.
    """

    def __init__(
        self, reader: nn.Module, recurrent: nn.RNNBase, pool: nn.Module, head: nn.Module, skip: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.reader = reader
        self.recurrent = recurrent
        self.pool = pool
        self.head = head
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        h_BTW, _ = self.recurrent(self.reader(x))
        return self.answer(h_BTW, x)

    def answer(self, h_BTW: Tensor, x: Tensor) -> Tensor:
        """From the outputs of the recurrence over x to (B, K)."""
        answer_BK = self.head(self.pool(h_BTW))
        return answer_BK if self.skip is None else answer_BK + self.skip(x)


Network = SequenceNetwork | PaddedNetwork | NextTokenNetwork


def build_reader(spec: Spec, embedding_size: int | None = None) -> tuple[nn.Module, int]:
    """Build the module that turns a batch into steps (B, T, F).

    Args:
        spec: an image is read by its rows, a series by its steps, a text by its tokens, each of which becomes a vector.
        embedding_size: numbers in such a vector, None: ``EMBEDDING_SIZE``; of images and series it must be None.

    Returns:
        The module, and how many numbers it gives a step.

    Raises:
        UserError: there is nothing to embed.
    """
    if spec.layout == "tokens":
        size = EMBEDDING_SIZE if embedding_size is None else embedding_size
        return nn.Embedding(len(spec.vocabulary), size, padding_idx=PAD), size
    if embedding_size is not None:
        raise UserError(
            f"embedding_size ({embedding_size}) must be left out for {spec.plural}: only the tokens of a text become "
            "vectors that are learnt"
        )
    if spec.layout == "image":
        _, width, channels = spec.shape
        return ImageRows(), width * channels
    return ZeroPadding() if spec.is_padded else nn.Identity(), spec.shape[1]


def build_network(
    spec: Spec,
    reader: nn.Module,
    recurrent: nn.RNNBase,
    pool: str,
    dropout: float,
    *,
    from_last: bool = False,
    linear_skip: bool = False,
) -> Network:
    """Put pooling and a linear layer behind a recurrence.

    Args:
        spec: decides what is answered: once an example, or at each step what comes next.
        reader: module from a batch to (B, T, F).
        recurrent: torch's RNN, GRU or LSTM over F features, batch first.
        pool: last, mean, max or attention: see ``pooling.pool_over_time``.
        dropout: share of the values before the last layer that training drops, in [0, 1).
        from_last: whether the last step is added to a forecast: see ``last_value_skip.LastValueSkip``.
        linear_skip: whether a linear map of the window is added to a forecast, and the head begins at zero; with
            ``from_last``, the recurrence reads what it reads, too: see ``last_value_skip.LinearForecast``.

    Returns:
        A module from what ``reader`` takes to (B, K), or to (B, T, V) where each step is answered.

    Raises:
        UserError: the pool is not one of these; each step is answered, and there is a pool or a second direction; or
            ``from_last`` or ``linear_skip`` where nothing is forecast.
    """
    skip = build_skip(spec, from_last=from_last, linear_skip=linear_skip)
    width = recurrent.hidden_size * (2 if recurrent.bidirectional else 1)
    if spec.output == "per_token":
        _refuse_seeing_the_next_token(recurrent, pool)
        return NextTokenNetwork(reader, recurrent, _head(width, dropout, spec.num_outputs))
    head = _head(width, dropout, spec.num_outputs)
    if isinstance(skip, LinearForecast):
        reader = skip.reader
        set_to_zero(head[-1])
    pooled = pool_over_time(pool, width, recurrent.bidirectional)
    if spec.has_lengths:
        return PaddedNetwork(
            reader, BidirectionalRNN(recurrent) if recurrent.bidirectional else recurrent, pooled, head
        )
    return SequenceNetwork(reader, recurrent, pooled, head, skip)


def _head(width: int, dropout: float, num_outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, num_outputs))


def _refuse_seeing_the_next_token(recurrent: nn.RNNBase, pool: str) -> None:
    if recurrent.bidirectional:
        raise UserError(
            "bidirectional (true) must be false where each step is asked for the next token: who reads from the end "
            "has seen it"
        )
    if pool != "last":
        raise UserError(
            f"pool ({pool!r}) must be left out where each step is asked for the next token: there is an answer a step, "
            "and nothing to pool"
        )


# --- first weights ----------------------------------------------------------------------------------------------------


@torch.no_grad()
def init_gate_biases(recurrent: nn.LSTM | nn.GRU) -> None:
    """Set the bias of the gates that keep the memory to 1: the forget gates of an LSTM, the update gates of a GRU.

    With 0, as torch draws it, half of the memory would be gone after each step before anything is learnt; with 1, a
    quarter. torch adds two biases, of which the second becomes 0. Its order is i, f, g, o in an LSTM and r, z, n in a
    GRU, so that the gate is the second one of both.

    Args:
        recurrent: changed in place.

    Source: R. Jozefowicz, W. Zaremba, I. Sutskever, "An empirical exploration of recurrent network architectures",
    2015, for the LSTM; C. Tallec, Y. Ollivier, "Can recurrent neural networks warp time?", 2018, for both.
    """
    size = recurrent.hidden_size
    for name, bias in recurrent.named_parameters():
        if name.startswith("bias_ih"):
            bias[size : 2 * size] = 1.0
        elif name.startswith("bias_hh"):
            bias[size : 2 * size] = 0.0


# --- how far a gradient reaches ---------------------------------------------------------------------------------------


def gradient_norms_over_time(
    network: Network, x: Tensor, loss: Callable[[Tensor], Tensor], *, of: Literal["h", "c"] = "h"
) -> Tensor:
    """The L2 norm of dL/dh_t for each step t: how much an early step can still learn from the answer.

    h_t is the output of the last recurrent layer at step t. The gradient goes through everything that depends on it:
    the pooling, and through W_h every later step (in a backward direction, every earlier one); the gradient that
    autograd gives for the output of a whole ``nn.LSTM`` would leave the later steps out. An LSTM hands on two things:
    dL/dh_t holds c_t fixed, as it is computed beside h_t, and is only what flows through the gates. What flows along
    the memory is dL/dc_t (``of="c"``), which contains it.

    Weights keep the ``.grad`` that they have. The network runs in the mode it is in: in training mode it drops.

    Args:
        network: an rnn, gru, lstm or cnn_lstm; of a bundle, the part behind its normalisation.
        x: a batch of what the network takes; texts of one length.
        loss: function from the network's output for the batch to a scalar.
        of: h, or c (LSTM only).

    Returns:
        (T,), from the first step to the last: the root of the sum of squares over the batch, the units and, where there
        are two, the directions. A loss that is a mean over the batch makes it small where the batch is large.

    Raises:
        UserError: ``of`` is c and the network has no memory cells; it reads texts from both ends; or texts
            differ in length.
    """
    if not isinstance(network.recurrent, nn.RNNBase):
        raise UserError(
            "network must read from one end where lengths differ: of both, each sequence's own end is not written out"
        )
    if not isinstance(network, SequenceNetwork) and len(set(sequence_lengths(x).tolist())) > 1:
        raise UserError("sequences must be of one length here: step t is else the end of one and the middle of another")
    if of == "c" and network.recurrent.mode != "LSTM":
        raise UserError(f"of ('c') must be 'h' for this network: {network.recurrent.mode} has no memory cells")
    with torch.enable_grad():
        states = unroll(network.recurrent, network.reader(x))
        value = loss(_answer(network, x, outputs(states)))
        wanted = [state[0 if of == "h" else 1] for by_step in states for state in by_step]
        gradients = torch.autograd.grad(value, wanted)
    squares = torch.stack([gradient.square().sum() for gradient in gradients])
    return squares.view(len(states), -1).sum(dim=0).sqrt()  # directions T, then T


def _answer(network: Network, x: Tensor, h_BTW: Tensor) -> Tensor:
    """What the network makes of the outputs of all steps."""
    if isinstance(network, NextTokenNetwork):
        return network.head(h_BTW)
    if isinstance(network, PaddedNetwork):
        return network.head(network.pool(h_BTW, sequence_lengths(x)))
    return network.answer(h_BTW, x)
