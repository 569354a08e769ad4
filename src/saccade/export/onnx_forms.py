"""Layers in a form that ONNX has, in place of those whose torch form cannot be exported with every length.

Shapes: B batch, T time steps, F features, D units of one direction of one layer, N n-grams of a text.
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.models.bag_of_ngrams import BagOfNgrams
from saccade.models.conv1d import PaddedConv1dNetwork
from saccade.nn.pooling import LastStep


def in_onnx_form(network: nn.Module) -> nn.Module:
    """A copy of a network whose layers can all be exported; it is for the exporter, and answers in ONNX alone.

    Args:
        network: any network of ``models/``, with its input and output layers; it stays as it is.

    Returns:
        The copy.
    """
    forms: dict[type[nn.Module], Callable[..., nn.Module]] = {
        nn.RNN: OnnxRNN,
        BagOfNgrams: CountedNgrams,
        LastStep: GatheredLastStep,
        nn.MaxPool1d: MaxPoolOfRows,
        PaddedConv1dNetwork: LongEnough,
    }
    copied = copy.deepcopy(network)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            form = forms.get(type(child))
            if form is not None:
                setattr(parent, name, form(child))
    return copied.eval()


class OnnxRNN(nn.Module):
    """ONNX's operator ``RNN`` in place of torch's module, which the exporter writes out for one number of steps alone.

    Args:
        rnn: a plain recurrence, batch first, of any number of layers and directions.
    """

    def __init__(self, rnn: nn.RNN) -> None:
        super().__init__()
        self.hidden_size, self.num_layers = rnn.hidden_size, rnn.num_layers
        self.directions = 2 if rnn.bidirectional else 1
        self.activation = {"tanh": "Tanh", "relu": "Relu"}[rnn.nonlinearity]
        weights = rnn.all_weights  # layer by layer, in each the directions
        for layer in range(rnn.num_layers):
            own = weights[layer * self.directions : (layer + 1) * self.directions]
            self.register_buffer(f"w_{layer}", torch.stack([each[0].detach() for each in own]))
            self.register_buffer(f"r_{layer}", torch.stack([each[1].detach() for each in own]))
            both = [torch.cat([bias.detach() for bias in each[2:4]]) for each in own]
            self.register_buffer(f"b_{layer}", torch.stack(both))

    def forward(self, x_BTF: Tensor, state: None = None) -> tuple[Tensor, Tensor]:
        """As of torch's module: the outputs of the last layer, (B, T, directions * D), and the last states."""
        assert state is None, "an exported network reads from the beginning"
        steps, batch = x_BTF.shape[1], x_BTF.shape[0]
        x_TBF, states = x_BTF.transpose(0, 1), []
        for layer in range(self.num_layers):
            weights = [getattr(self, f"{name}_{layer}") for name in "wrb"]
            y_TdBD, h_dBD = torch.onnx.ops.symbolic_multi_out(
                "RNN",
                (x_TBF, *weights),
                {
                    "hidden_size": self.hidden_size,
                    "direction": "bidirectional" if self.directions == 2 else "forward",
                    "activations": [self.activation] * self.directions,
                },
                dtypes=(torch.float32, torch.float32),
                shapes=(
                    (steps, self.directions, batch, self.hidden_size),
                    (self.directions, batch, self.hidden_size),
                ),
            )
            x_TBF = y_TdBD.permute(0, 2, 1, 3).flatten(2)  # T B, then directions and D as one
            states.append(h_dBD)
        return x_TBF.transpose(0, 1), torch.cat(states)


class CountedNgrams(BagOfNgrams):
    """A bag of n-grams that counts equal ones by adding up, where torch's form searches, which ONNX cannot.

    Args:
        bag: the bag whose weights it takes.
    """

    def __init__(self, bag: BagOfNgrams) -> None:
        nn.Module.__init__(self)
        self.longest, self.buckets, self.dropout = bag.longest, bag.buckets, bag.dropout
        self.weight, self.bias = bag.weight, bag.bias

    def weights_of(self, bucket_BN: Tensor) -> Tensor:
        differs_BN = F.pad((bucket_BN[:, 1:] != bucket_BN[:, :-1]).long(), (1, 0), value=1)
        number_BN = differs_BN.cumsum(dim=1) - 1  # of equal ones, which stand together, the same
        ones_BN = torch.ones_like(number_BN)
        count_BN = torch.zeros_like(number_BN).scatter_add(1, number_BN, ones_BN).gather(1, number_BN)
        is_first_BN = (differs_BN == 1) & (bucket_BN < self.buckets)
        return F.normalize((1 + count_BN.float().log()) * is_first_BN, dim=1)


class LongEnough(PaddedConv1dNetwork):
    """Convolutions over sequences that all have some padding behind them, so that no window finds nothing.

    Padding changes no answer. torch's form adds it where it is missing, and the exporter would settle for one of both.

    Args:
        network: the network whose layers it takes.
    """

    def __init__(self, network: PaddedConv1dNetwork) -> None:
        super().__init__(network.reader, network.features, network.pool, network.head, network.min_length)

    def missing_steps(self, steps: int) -> int:
        """As many as the windows need, however many there are."""
        return self.min_length


class GatheredLastStep(LastStep):
    """The last step picked without naming the rows of the batch, whose number the exporter would settle.

    Args:
        pool: the pooling in torch's form.
    """

    def __init__(self, pool: LastStep) -> None:
        super().__init__(pool.bidirectional)

    def forward(self, h_BTW: Tensor, length_B: Tensor | None = None) -> Tensor:
        if length_B is None:
            return super().forward(h_BTW)
        at_B1W = (length_B - 1)[:, None, None].expand(-1, 1, h_BTW.shape[2])
        last_BW = h_BTW.gather(1, at_B1W)[:, 0]
        if not self.bidirectional:
            return last_BW
        D = h_BTW.shape[2] // 2
        return torch.cat([last_BW[:, :D], h_BTW[:, 0, D:]], dim=1)


class MaxPoolOfRows(nn.MaxPool1d):
    """Maxima over time as those of an image of one row: torch's own form settles the number of steps.

    Args:
        pool: the pooling in torch's form.
    """

    def __init__(self, pool: nn.MaxPool1d) -> None:
        assert isinstance(pool.kernel_size, int) and isinstance(pool.stride, int), pool
        super().__init__(pool.kernel_size, pool.stride)
        self.window, self.step = (1, pool.kernel_size), (1, pool.stride)

    def forward(self, x_BFT: Tensor) -> Tensor:
        return F.max_pool2d(x_BFT[:, :, None], self.window, self.step)[:, :, 0]
