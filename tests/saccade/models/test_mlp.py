"""The multilayer perceptron beside products written out.

Shapes: B batch, C channels, H height, W width, T time steps, F features, K outputs.
"""

import inspect

import pytest
import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import mlp
from saccade.nn.inspect import count_parameters

K = 7
CLASSES = tuple(f"class {k}" for k in range(K))
IMAGE = Spec("image", (5, 4, 3), CLASSES)
SERIES = Spec("series", (9, 2), CLASSES)


def x_of(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def settled(network: nn.Module, x: Tensor) -> nn.Module:
    """In evaluation mode, with norms that have seen something: neither means of 0 nor deviations of 1."""
    with torch.no_grad():
        for _ in range(3):
            network.train()(0.5 + 2 * x)
    return network.eval()


def test_the_number_of_parameters_by_layer() -> None:
    network = mlp.build(Spec("image", (28, 28, 1), tuple("0123456789")))
    by_layer = [count_parameters(layer) for layer in network if count_parameters(layer)]
    assert by_layer == [784 * 256 + 256, 256 * 128 + 128, 128 * 10 + 10]
    assert count_parameters(network) == 235_146


def test_an_image_is_read_channel_by_channel_and_row_by_row() -> None:
    torch.manual_seed(0)
    network = mlp.build(IMAGE, hidden=[6, 5], activation="tanh").eval()
    first, second, last = (layer for layer in network if isinstance(layer, nn.Linear))
    x_BCHW = x_of(4, 3, 5, 4)
    h = torch.tanh(torch.einsum("bchw,dchw->bd", x_BCHW, first.weight.reshape(6, 3, 5, 4)) + first.bias)
    h = torch.tanh(h @ second.weight.T + second.bias)
    torch.testing.assert_close(network(x_BCHW), h @ last.weight.T + last.bias, rtol=1e-5, atol=1e-6)


def test_a_series_is_read_step_by_step() -> None:
    torch.manual_seed(0)
    network = mlp.build(SERIES, hidden=[6], activation="sigmoid").eval()
    first, last = (layer for layer in network if isinstance(layer, nn.Linear))
    x_BTF = x_of(4, 9, 2)
    h_BD = torch.sigmoid(torch.einsum("btf,dtf->bd", x_BTF, first.weight.reshape(6, 9, 2)) + first.bias)
    torch.testing.assert_close(network(x_BTF), h_BD @ last.weight.T + last.bias, rtol=1e-5, atol=1e-6)


def test_the_memory_format_changes_nothing() -> None:
    torch.manual_seed(0)
    network = mlp.build(IMAGE).eval()
    x_BCHW = x_of(4, 3, 5, 4)
    channels_last = x_BCHW.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network(channels_last), network(x_BCHW), rtol=1e-5, atol=1e-6)


def test_batch_norms_stand_before_the_activations_in_place_of_biases() -> None:
    torch.manual_seed(0)
    network = settled(mlp.build(IMAGE, hidden=[6, 5], normalisation="batch"), x_of(8, 3, 5, 4, seed=2))
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    norms = [layer for layer in network if isinstance(layer, nn.BatchNorm1d)]
    assert [layer.bias is None for layer in linear] == [True, True, False]
    h = x_of(4, 3, 5, 4).flatten(1)
    for layer, norm in zip(linear, norms, strict=False):
        h = (h @ layer.weight.T - norm.running_mean) / torch.sqrt(norm.running_var + 1e-5)
        h = torch.relu(h * norm.weight + norm.bias)
    by_hand = h @ linear[2].weight.T + linear[2].bias
    torch.testing.assert_close(network(x_of(4, 3, 5, 4)), by_hand, rtol=1e-5, atol=1e-6)


def test_without_hidden_layers_it_is_a_softmax_regression() -> None:
    network = mlp.build(IMAGE, hidden=[], dropout=0.5)
    assert [type(layer) for layer in network] == [nn.Flatten, nn.Linear]
    assert count_parameters(network) == 60 * K + K


def test_numbers_may_be_predicted() -> None:
    network = mlp.build(Spec("series", (9, 2), targets=("sum", "product")))
    assert network(x_of(4, 9, 2)).shape == (4, 2)


def test_it_drops_only_while_it_trains() -> None:
    network = mlp.build(IMAGE, dropout=0.4)
    x_BCHW = x_of(4, 3, 5, 4)
    assert not torch.equal(network.train()(x_BCHW), network(x_BCHW))
    assert torch.equal(network.eval()(x_BCHW), network(x_BCHW))
    assert [layer.p for layer in network if isinstance(layer, nn.Dropout)] == [0.4, 0.4]


def test_building_leaves_the_default_as_it_was() -> None:
    mlp.build(IMAGE)
    assert inspect.signature(mlp.build).parameters["hidden"].default == [256, 128]


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(UserError, match=r"hidden \(\[8, 0\]\) must hold numbers of units from 1; leave the 0 out"):
        mlp.build(IMAGE, hidden=[8, 0])
    with pytest.raises(UserError, match=r"normalisation \('local_response'\) must be none or batch"):
        mlp.build(IMAGE, normalisation="local_response")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"activation \('gelu'\) must be one of"):
        mlp.build(IMAGE, activation="gelu")  # type: ignore[arg-type]


@pytest.mark.parametrize("classes", [2, 11])
def test_any_number_of_classes(classes: int) -> None:
    spec = Spec("image", (1, 1, 1), tuple(f"class {k}" for k in range(classes)))
    assert mlp.build(spec)(x_of(2, 1, 1, 1)).shape == (2, classes)


def test_a_vector_goes_through_the_layers_as_it_is() -> None:
    spec = Spec("counts", (5,), ("a", "b", "c"), layout="vector")
    network = mlp.build(spec, hidden=[4])
    x_BF = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    first, last = (layer for layer in network if isinstance(layer, nn.Linear))
    torch.testing.assert_close(network.eval()(x_BF), last(first(x_BF).relu()))
