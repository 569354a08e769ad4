"""Gates, cells and outputs of recurrent layers at each step, computed one step at a time from the weights.

torch's own layers give their outputs alone. The arithmetic is that of the course and of ``nn.unrolled``; the inputs of
each recurrence are taken where the network hands them over, so that stacked layers, two directions, padding and
ensembles need no care of their own.

Shapes: B batch, T time steps, F features, D units of one direction of one layer.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.explain.sequences.answers import Trained
from saccade.explain.sequences.steps import require_evaluation_mode
from saccade.nn.padding import reverse_padded, sequence_lengths
from saccade.nn.text_networks import BidirectionalRNN

FORGET, INPUT, CANDIDATE, CELL, OUTPUT, HIDDEN = "forget", "input", "candidate", "cell", "output", "hidden"
RESET, UPDATE = "reset", "update"
IN_01 = (FORGET, INPUT, OUTPUT, RESET, UPDATE)  # gates: 0 is closed, 1 is open

Values = dict[str, Tensor]  # name to (B, D), of one step


@dataclass(frozen=True)
class LayerStates:
    """What one direction of one recurrent layer did over a sequence.

    Attributes:
        name: such as "layer 1" or "layer 2 backwards".
        values: name of a gate or state to float32 (T, D). Of an LSTM forget, input, candidate, cell, output, hidden; of
            a GRU reset, update, candidate, hidden; of a plain recurrence hidden.
    """

    name: str
    values: Mapping[str, np.ndarray]

    @property
    def memory(self) -> str:
        """What keeps something over time: the cell, or else the output."""
        return CELL if CELL in self.values else HIDDEN


def read_states(trained: Trained, stored_1T: Tensor, *, keep: Collection[str] | None = None) -> list[LayerStates]:
    """Gates, cells and outputs of all recurrent layers for one example, up to its end.

    Args:
        trained: network in evaluation mode; nothing of it changes.
        stored_1T: the example as a split holds it, a batch of one.
        keep: names of values that are wanted; None: all.

    Returns:
        A layer and direction each, in the order of the network; a backward direction's step t is the one that read step
        t of the sequence.

    Raises:
        UserError: nothing recurs in the network.
    """
    require_evaluation_mode(trained)
    stored_1T = stored_1T.to(trained.device)
    length = int(sequence_lengths(stored_1T)[0]) if trained.config.spec.has_lengths else None
    found = []
    for name, values in _recurrences(trained, stored_1T):
        kept = {key: value_1TD for key, value_1TD in values.items() if keep is None or key in keep}
        found.append(LayerStates(name, {key: one[0, :length].cpu().numpy() for key, one in kept.items()}))
    if not found:
        raise UserError(
            f"model ({trained.config.model}) must recur to have gates and cells: take a run of lstm, gru or rnn"
        )
    return found


@torch.no_grad()
def _recurrences(trained: Trained, stored: Tensor) -> Iterator[tuple[str, Values]]:
    """Name and values (B, T, D) of each layer and direction."""
    inputs: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        inputs[module] = arguments[0]

    directions = {
        layer[direction]: (number, direction)
        for module in trained.network.modules()
        if isinstance(module, BidirectionalRNN)
        for number, layer in enumerate(module.layers, start=1)
        for direction in ("forwards", "backwards")
        if isinstance(layer, nn.ModuleDict)
    }
    recurrent = [module for module in trained.network.modules() if isinstance(module, nn.RNNBase)]
    handles = [module.register_forward_pre_hook(keep) for module in recurrent]
    try:
        trained.network(stored)
    finally:
        for handle in handles:
            handle.remove()
    members = trained.config.members
    for place, (module, x_BTF) in enumerate(inputs.items()):
        assert isinstance(module, nn.RNNBase)
        found = unroll_gates(module, x_BTF)
        if module in directions:  # a layer and direction of its own, the second one over reversed steps
            (number, direction), ((_, values),) = directions[module], found
            if direction == "backwards":
                length_B = sequence_lengths(trained.network[0](stored))
                values = {key: reverse_padded(value_BTD, length_B) for key, value_BTD in values.items()}
            found = [(f"layer {number} {direction}", values)]
        member = f"member {place * members // len(inputs) + 1}, " if members > 1 else ""
        yield from ((f"{member}{name}", values) for name, values in found)


def unroll_gates(recurrent: nn.RNNBase, x_BTF: Tensor) -> list[tuple[str, Values]]:
    """Compute what ``recurrent`` does in evaluation mode, step by step, and keep every gate and state.

    Args:
        recurrent: torch's RNN, GRU or LSTM, batch first.
        x_BTF: input.

    Returns:
        For each layer and direction its name, and name to values (B, T, D); a backward direction computed its steps
        from the end.
    """
    step, T = _step_of(recurrent), x_BTF.shape[1]
    weights = iter(recurrent.all_weights)  # layer by layer, in each the directions
    directions = ("forwards", "backwards") if recurrent.bidirectional else ("",)
    found = []
    for layer in range(1, recurrent.num_layers + 1):
        outputs = []
        for direction in directions:
            w_x, w_h, *biases = next(weights)
            zero_BD = x_BTF.new_zeros(x_BTF.shape[0], recurrent.hidden_size)
            values: Values = {HIDDEN: zero_BD, CELL: zero_BD}
            # What the input adds is the same whatever came before: one product for all steps
            from_x_BTG = x_BTF @ w_x.T + (biases[0] if biases else 0.0)
            by_step: list[Values] = [{}] * T
            for t in reversed(range(T)) if direction == "backwards" else range(T):
                from_h_BG = values[HIDDEN] @ w_h.T + (biases[1] if biases else 0.0)
                values = by_step[t] = step(from_x_BTG[:, t], from_h_BG, values)
            stacked = {key: torch.stack([one[key] for one in by_step], dim=1) for key in by_step[0]}
            found.append((f"layer {layer} {direction}".strip(), stacked))
            outputs.append(stacked[HIDDEN])
        x_BTF = torch.cat(outputs, dim=2)
    return found


def lstm_gates(from_x_BG: Tensor, from_h_BG: Tensor, before: Values) -> Values:
    """One step of a long short-term memory, G = 4 D: the rows of torch's weights are input, forget, candidate, output.

        forget, input, output = sigmoid(W x + b)    candidate = tanh(W x + b)    x: the step's input and h of before
        cell = forget * cell of before + input * candidate
        hidden = output * tanh(cell)

    Args:
        from_x_BG: what the step's input adds, its bias included.
        from_h_BG: what the output of the step before adds, its bias included.
        before: values of the step before; hidden and cell are read.

    Returns:
        Name to (B, D).
    """
    i_BD, f_BD, g_BD, o_BD = (from_x_BG + from_h_BG).chunk(4, dim=1)
    forget_BD, input_BD, output_BD = torch.sigmoid(f_BD), torch.sigmoid(i_BD), torch.sigmoid(o_BD)
    candidate_BD = torch.tanh(g_BD)
    cell_BD = forget_BD * before[CELL] + input_BD * candidate_BD
    return {
        FORGET: forget_BD,
        INPUT: input_BD,
        CANDIDATE: candidate_BD,
        CELL: cell_BD,
        OUTPUT: output_BD,
        HIDDEN: output_BD * torch.tanh(cell_BD),
    }


def gru_gates(from_x_BG: Tensor, from_h_BG: Tensor, before: Values) -> Values:
    """One step of a gated recurrent unit, G = 3 D: rows of reset, update, candidate; update 1 keeps all as it was.

    Args:
        from_x_BG: what the step's input adds, its bias included.
        from_h_BG: what the output of the step before adds, its bias included.
        before: values of the step before; hidden is read.

    Returns:
        Name to (B, D).
    """
    x_r, x_z, x_n = from_x_BG.chunk(3, dim=1)
    h_r, h_z, h_n = from_h_BG.chunk(3, dim=1)
    reset_BD, update_BD = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    candidate_BD = torch.tanh(x_n + reset_BD * h_n)
    hidden_BD = (1 - update_BD) * candidate_BD + update_BD * before[HIDDEN]
    return {RESET: reset_BD, UPDATE: update_BD, CANDIDATE: candidate_BD, HIDDEN: hidden_BD}


def _step_of(recurrent: nn.RNNBase) -> Callable[[Tensor, Tensor, Values], Values]:
    match recurrent.mode:
        case "LSTM":
            return lstm_gates
        case "GRU":
            return gru_gates
        case "RNN_TANH":
            return lambda from_x, from_h, _: {HIDDEN: torch.tanh(from_x + from_h)}
    return lambda from_x, from_h, _: {HIDDEN: torch.relu(from_x + from_h)}
