"""Networks that are no chain of layers, or share, freeze, branch, or multiply by themselves: each is told as it is.

Shapes: B batch, C channels, H height, W width, T time steps, F features.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.explain.architecture.summary import describe
from saccade.models import lenet5


class Headed(nn.Module):
    """A network with an auxiliary head that only training computes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(12, 5, bias=False)
        self.head = nn.Linear(5, 2)
        self.auxiliary = nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 2))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        h = self.body(x.flatten(1))
        return (self.head(h), self.auxiliary(h)) if self.training else self.head(h)


def test_auxiliary_heads_count_apart() -> None:
    description = describe(Headed, (1, 3, 4))
    assert (description.parameters, description.macs) == (60 + 12, 60 + 10)
    assert (description.training_only_parameters, description.training_only_macs) == (18 + 8, 15 + 6)
    assert [layer.name for layer in description.layers] == ["body", "head"]
    assert description.memory.weights == 4 * (72 + 26)  # training holds them


class Twice(nn.Module):
    """One convolution used twice, and a weight that two layers share."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.activation = nn.ReLU()
        self.one = nn.Linear(6, 6, bias=False)
        self.other = nn.Linear(6, 6)
        self.other.weight = self.one.weight
        self.never = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.activation(self.conv(x))
        return self.other(self.one(self.activation(self.conv(h))))


def test_what_is_shared_or_used_again_is_counted_once() -> None:
    description = describe(Twice, (2, 5, 6))
    lines = [(layer.name, layer.parameters, layer.macs, layer.uses) for layer in description.layers]
    assert lines == [
        ("conv", 38, 2 * 36 * 30, 2),
        ("activation", 0, 0, 1),
        ("activation", 0, 0, 1),
        ("one", 36, 36 * 10, 1),
        ("other", 6, 36 * 10, 1),
    ]
    assert description.layers[0].receptive_field == (5, 5)
    assert description.layers[1].receptive_field == (3, 3)
    assert description.parameters == 38 + 42 + 12  # what no layer uses can be loaded and saved


class Functional(nn.Module):
    """Multiplies outside of its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2)
        self.kernel = nn.Parameter(torch.ones(4, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        h = F.conv2d(self.pool(x), self.kernel).flatten(2)
        return (h @ h.transpose(1, 2)).flatten(1)


def test_what_a_network_multiplies_itself_is_a_line_too() -> None:
    description = describe(Functional, (3, 10, 8))
    last = description.layers[-1]
    assert (last.name, last.kind, last.parameters) == ("(network)", "Functional", 108)
    assert last.macs == 4 * 27 * 6 + 4 * 4 * 6
    assert (last.output_shape, last.receptive_field) == ((16,), None)


def test_attention_has_one_line_with_all_of_its_weights() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.attention(x, x, x, need_weights=False)[0].mean(1)

    description = describe(Attending, (5, 8))
    (layer,) = description.layers
    assert layer.parameters == description.parameters == 4 * 8 * 8 + 4 * 8
    assert layer.macs == 5 * 4 * 64 + 2 * 25 * 8
    assert layer.receptive_field is None


class NeedsValues(nn.Module):
    """Cannot run where tensors have no values."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.recurrent = nn.LSTM(3, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        scale = float(x.abs().max()) + 1
        return self.recurrent(self.layer(x / scale))[0][:, -1]


def test_a_network_that_needs_values_is_described_on_the_cpu() -> None:
    description = describe(NeedsValues, (6, 4))
    assert [(layer.name, layer.macs) for layer in description.layers] == [
        ("layer", 6 * 12),
        ("recurrent", 6 * 4 * (6 + 4)),
    ]
    assert description.layers[0].receptive_field == (1,) and description.layers[1].receptive_field is None
    assert description.memory.activations > 0


def test_frozen_parameters_have_no_gradient_and_no_memory_of_the_optimiser() -> None:
    def build() -> nn.Module:
        network = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Linear(4, 2))
        network[1].requires_grad_(False)
        return network

    description = describe(build, (1, 2, 3))
    assert (description.parameters, description.trainable) == (28 + 10, 10)
    assert (description.memory.gradients, description.memory.optimizer) == (40, 40)


def test_the_error_of_a_model_that_cannot_take_the_input_is_its_own() -> None:
    with pytest.raises(UserError, match=r"lenet5 cannot take 8x9 images: a side must be at least 16"):
        describe(lambda: lenet5.build(Spec("image", (8, 9, 1), ("a", "b"))), (1, 8, 9))


def test_an_input_is_an_image_a_series_or_a_text() -> None:
    for shape in ((), (2, 3, 4, 5)):
        with pytest.raises(ValueError, match=r"must be \(C, H, W\), \(T, F\) or \(T,\)"):
            describe(Headed, shape)


def test_describing_leaves_no_trace() -> None:
    network = NeedsValues()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    describe(lambda: network, (6, 4))
    describe(NeedsValues, (6, 4))
    assert torch.equal(torch.rand(3), expected)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
