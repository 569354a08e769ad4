"""The steps of an RNN, a GRU and an LSTM written out, equal to torch's own layers.

Shapes: B batch, T time steps, F features, D units of one direction of one layer.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]  # what goes from step to step, each (B, D): (h,), and (h, c) in an LSTM


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
        w_h_GD: ``weight_hh_l0``, rows in the same order.
        b_x_G: ``bias_ih_l0``, in the same order.
        b_h_G: ``bias_hh_l0``, in the same order.

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
        w_h_GD: ``weight_hh_l0``, rows in the same order.
        b_x_G: ``bias_ih_l0``, in the same order.
        b_h_G: ``bias_hh_l0``, in the same order.

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
