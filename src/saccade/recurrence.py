"""What the recurrent networks share: reading, putting together, and one step of each recurrence written out.

torch's own modules do the work in training, where a GPU runs all steps in one call. The equations here are the same
arithmetic one step at a time, so that it can be read, tested, and asked for the gradient at a single step.

Shapes: B batch, T time steps, F features, L layers, D units of one direction of one layer, W width of a step's output
(D, or twice that when bidirectional), K outputs: one logit a class, or one number a target.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from saccade.errors import UserError
from saccade.forecast_start import start_of
from saccade.layers import ImageRows
from saccade.padding import lengths_of
from saccade.pooling import pool_over_time
from saccade.spec import Spec
from saccade.token_networks import NextTokenNetwork, OwnEnds, TextNetwork
from saccade.tokens import PAD

EMBEDDING_SIZE = 64  # numbers that a token becomes, unless a model is told otherwise

State = tuple[Tensor, ...]  # what goes from step to step, each (B, D): (h,), and (h, c) in an LSTM

# --- from an example to an answer -------------------------------------------------------------------------------------


class SequenceNetwork(nn.Module):
    """Read, recur, pool over time, answer: x to (B, K); x is (B, C, H, W) for images and (B, T, F) for series.

    Args:
        reader: from x to (B, T, F).
        recurrent: torch's RNN, GRU or LSTM, batch first.
        pool: from (B, T, W) to (B, W).
        head: from (B, W) to (B, K).
        start: from x to what is added to the answer, (B, K); None adds nothing.
    """

    def __init__(
        self, reader: nn.Module, recurrent: nn.RNNBase, pool: nn.Module, head: nn.Module, start: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.reader = reader
        self.recurrent = recurrent
        self.pool = pool
        self.head = head
        self.start = start

    def forward(self, x: Tensor) -> Tensor:
        h_BTW, _ = self.recurrent(self.reader(x))
        return self.answer(h_BTW, x)

    def answer(self, h_BTW: Tensor, x: Tensor) -> Tensor:
        """From the outputs of the recurrence over x to (B, K)."""
        answer_BK = self.head(self.pool(h_BTW))
        return answer_BK if self.start is None else answer_BK + self.start(x)


Network = SequenceNetwork | TextNetwork | NextTokenNetwork


def steps_of(spec: Spec, embedding_size: int | None = None) -> tuple[nn.Module, int]:
    """A module that makes steps (B, T, F) of a batch, and F.

    Args:
        spec: an image is read by its rows, a series by its steps, a text by its tokens, each of which becomes a vector.
        embedding_size: numbers in such a vector, None: ``EMBEDDING_SIZE``; of images and series it must be None.

    Returns:
        The module, and how many numbers it gives a step.

    Raises:
        UserError: there is nothing to embed.
    """
    if spec.kind == "tokens":
        size = EMBEDDING_SIZE if embedding_size is None else embedding_size
        return nn.Embedding(len(spec.vocabulary), size, padding_idx=PAD), size
    if embedding_size is not None:
        raise UserError(
            f"embedding_size ({embedding_size}) must be left out for {spec.plural}: only the tokens of a text become "
            "vectors that are learnt"
        )
    if spec.kind == "image":
        _, width, channels = spec.shape
        return ImageRows(), width * channels
    return nn.Identity(), spec.shape[1]


def assemble(
    spec: Spec, reader: nn.Module, recurrent: nn.RNNBase, pool: str, dropout: float, *, from_last: bool = False
) -> Network:
    """Put pooling and a linear layer behind a recurrence.

    Args:
        spec: decides what is answered: once an example, or at each step what comes next.
        reader: from a batch to (B, T, F).
        recurrent: torch's RNN, GRU or LSTM over F features, batch first.
        pool: last, mean, max or attention: see ``pooling.pool_over_time``.
        dropout: share of the values before the last layer that training drops, in [0, 1).
        from_last: add the last step to a forecast: see ``forecast_start.LastStepAhead``.

    Returns:
        A module from what ``reader`` takes to (B, K), or to (B, T, V) where each step is answered.

    Raises:
        UserError: the pool is not one of these; each step is answered, and there is a pool or a second direction; or
            ``from_last`` where nothing is forecast.
    """
    start = start_of(spec, from_last=from_last)
    width = recurrent.hidden_size * (2 if recurrent.bidirectional else 1)
    if spec.answers == "each_step":
        _refuse_what_sees_the_answer(recurrent, pool)
        return NextTokenNetwork(reader, recurrent, _head(width, dropout, spec.num_outputs))
    head = _head(width, dropout, spec.num_outputs)
    pooled = pool_over_time(pool, width, recurrent.bidirectional)
    if spec.kind == "tokens":
        return TextNetwork(reader, OwnEnds(recurrent) if recurrent.bidirectional else recurrent, pooled, head)
    return SequenceNetwork(reader, recurrent, pooled, head, start)


def _head(width: int, dropout: float, num_outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, num_outputs))


def _refuse_what_sees_the_answer(recurrent: nn.RNNBase, pool: str) -> None:
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
def open_gates(recurrent: nn.LSTM | nn.GRU) -> None:
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


# --- one step, written out --------------------------------------------------------------------------------------------


def rnn_step(
    x_BF: Tensor, state: State, w_x_DF: Tensor, w_h_DD: Tensor, b_x_D: Tensor, b_h_D: Tensor, *, nonlinearity: str
) -> State:
    """``h' = tanh(W_x x + b_x + W_h h + b_h)``, or relu in place of tanh.

    Args:
        x_BF: the step's input.
        state: (h,) of the step before.
        w_x_DF: ``weight_ih_l0`` in torch.
        w_h_DD: ``weight_hh_l0``.
        b_x_D: ``bias_ih_l0``.
        b_h_D: ``bias_hh_l0``.
        nonlinearity: tanh or relu.

    Returns:
        (h',), (B, D).
    """
    (h_BD,) = state
    total_BD = x_BF @ w_x_DF.T + b_x_D + h_BD @ w_h_DD.T + b_h_D
    return (torch.tanh(total_BD) if nonlinearity == "tanh" else torch.relu(total_BD),)


def gru_step(
    x_BF: Tensor, state: State, w_x_GF: Tensor, w_h_GD: Tensor, b_x_G: Tensor, b_h_G: Tensor
) -> State:  # G = 3 D
    """One step of a gated recurrent unit; r resets, z keeps, n is new.

        r = sigmoid(W_xr x + b_xr + W_hr h + b_hr)
        z = sigmoid(W_xz x + b_xz + W_hz h + b_hz)
        n = tanh(W_xn x + b_xn + r * (W_hn h + b_hn))
        h' = (1 - z) * n + z * h

    Args:
        x_BF: the step's input.
        state: (h,) of the step before.
        w_x_GF: ``weight_ih_l0`` in torch: the rows of r, z, n.
        w_h_GD: ``weight_hh_l0``, likewise.
        b_x_G: ``bias_ih_l0``, likewise.
        b_h_G: ``bias_hh_l0``, likewise.

    Returns:
        (h',), (B, D).

    Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014. As torch, and unlike the
    paper, r acts on W_hn h and not on h.
    """
    (h_BD,) = state
    x_r, x_z, x_n = (x_BF @ w_x_GF.T + b_x_G).chunk(3, dim=1)
    h_r, h_z, h_n = (h_BD @ w_h_GD.T + b_h_G).chunk(3, dim=1)
    r_BD, z_BD = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n_BD = torch.tanh(x_n + r_BD * h_n)
    return ((1 - z_BD) * n_BD + z_BD * h_BD,)


def lstm_step(
    x_BF: Tensor, state: State, w_x_GF: Tensor, w_h_GD: Tensor, b_x_G: Tensor, b_h_G: Tensor
) -> State:  # G = 4 D
    """One step of a long short-term memory; i lets in, f keeps (forgets at 0), g is new, o lets out.

        i, f, o = sigmoid(W_x x + b_x + W_h h + b_h), each with rows of its own
        g = tanh(W_xg x + b_xg + W_hg h + b_hg)
        c' = f * c + i * g
        h' = o * tanh(c')

    Args:
        x_BF: the step's input.
        state: (h, c) of the step before.
        w_x_GF: ``weight_ih_l0`` in torch: the rows of i, f, g, o.
        w_h_GD: ``weight_hh_l0``, likewise.
        b_x_G: ``bias_ih_l0``, likewise.
        b_h_G: ``bias_hh_l0``, likewise.

    Returns:
        (h', c'), each (B, D).

    Source: S. Hochreiter, J. Schmidhuber, 1997; f by F. Gers et al., "Learning to forget", 2000.
    """
    h_BD, c_BD = state
    i_BD, f_BD, g_BD, o_BD = (x_BF @ w_x_GF.T + b_x_G + h_BD @ w_h_GD.T + b_h_G).chunk(4, dim=1)
    c_BD = torch.sigmoid(f_BD) * c_BD + torch.sigmoid(i_BD) * torch.tanh(g_BD)
    return torch.sigmoid(o_BD) * torch.tanh(c_BD), c_BD


def unroll(recurrent: nn.RNNBase, x_BTF: Tensor) -> list[list[State]]:
    """Compute what ``recurrent`` does, step by step, and keep every state of its last layer.

    Each state is a node of its own: what follows is computed from it, so autograd can be asked for the gradient of
    anything with respect to it, later steps included.

    Args:
        recurrent: torch's RNN, GRU or LSTM, batch first; between its layers it drops as it does itself.
        x_BTF: input.

    Returns:
        For each direction the states of the steps 0 to T - 1 of the input; the second direction computed them from the
        end. States of layers below are not kept.
    """
    T, step = x_BTF.shape[1], _step_of(recurrent)
    zero_BD = x_BTF.new_zeros(x_BTF.shape[0], recurrent.hidden_size, requires_grad=True)  # even if weights are frozen
    start: State = (zero_BD, zero_BD) if recurrent.mode == "LSTM" else (zero_BD,)
    weights = iter(recurrent.all_weights)  # layer by layer, in each the directions
    states: list[list[State]] = []
    for layer in range(recurrent.num_layers):
        if layer:
            x_BTF = nn.functional.dropout(outputs(states), recurrent.dropout, recurrent.training)
        states = []
        for direction in range(_directions(recurrent)):
            own, state, by_step = next(weights), start, [start] * T
            for t in range(T) if direction == 0 else reversed(range(T)):
                state = by_step[t] = step(x_BTF[:, t], state, *own)
            states.append(by_step)
    return states


def outputs(states: list[list[State]]) -> Tensor:
    """The first of what torch's module returns, h_BTW, from the states of one layer's directions."""
    return torch.cat([torch.stack([state[0] for state in by_step], dim=1) for by_step in states], dim=2)


def _step_of(recurrent: nn.RNNBase) -> Callable[..., State]:
    match recurrent.mode:
        case "LSTM":
            return lstm_step
        case "GRU":
            return gru_step
    return lambda *args: rnn_step(*args, nonlinearity=recurrent.mode.removeprefix("RNN_").lower())


def _directions(recurrent: nn.RNNBase) -> int:
    return 2 if recurrent.bidirectional else 1


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
        network: of rnn, gru, lstm or cnn_lstm; of a bundle, what stands behind its normalisation.
        x: a batch of what the network takes; texts of one length.
        loss: from the network's output for the batch to a scalar.
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
            "network must read from one end where it reads texts: of both, each text's own end is not written out"
        )
    if not isinstance(network, SequenceNetwork) and len(set(lengths_of(x).tolist())) > 1:
        raise UserError("texts must be of one length here: step t is else the end of one and the middle of another")
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
    if isinstance(network, TextNetwork):
        return network.head(network.pool(h_BTW, lengths_of(x)))
    return network.answer(h_BTW, x)
