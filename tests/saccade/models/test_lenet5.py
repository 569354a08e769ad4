"""LeNet-5 beside the paper's numbers and a forward pass written out.

Shapes: B batch, C channels, H height, W width, K classes.
"""

import pytest
import torch
from torch import Tensor, nn

from saccade.errors import UserError
from saccade.layers import count_parameters
from saccade.models import lenet5
from saccade.spec import Spec

K = 7


def spec(height: int, width: int, channels: int, classes: int = K) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def images(batch: int, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("size", "padding"), [(32, 0), (28, 2)])
def test_lenet5_has_the_papers_number_of_parameters(size: int, padding: int) -> None:
    network = lenet5.build(spec(size, size, 1, classes=10), padding=padding)
    by_layer = [
        count_parameters(layer) for layer in (*network.features, *network.classifier) if count_parameters(layer)
    ]
    assert by_layer == [156, 2416, 48120, 10164, 850]
    assert count_parameters(network) == 61_706
    assert network(images(2, (1, size, size))).shape == (2, 10)


def test_lenet5_is_what_its_table_says() -> None:
    torch.manual_seed(0)
    network = lenet5.build(spec(20, 24, 3), padding=1, activation="tanh", pooling="average").eval()
    c1, _, _, c3, _, _ = network.features
    f5, _, _, f6, _, _, output = network.classifier
    x = images(2, (3, 20, 24))
    by_hand = nn.functional.avg_pool2d(torch.tanh(nn.functional.conv2d(x, c1.weight, c1.bias, padding=1)), 2)
    by_hand = nn.functional.avg_pool2d(torch.tanh(nn.functional.conv2d(by_hand, c3.weight, c3.bias)), 2)
    by_hand = torch.tanh(by_hand.flatten(1) @ f5.weight.T + f5.bias)
    by_hand = torch.tanh(by_hand @ f6.weight.T + f6.bias) @ output.weight.T + output.bias
    torch.testing.assert_close(network(x), by_hand, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_lenet5_activates_behind_a_maximum_what_everyone_activates_before_it(activation: str) -> None:
    network = lenet5.build(spec(20, 24, 3), activation=activation).eval()
    c1, _, _, c3, _, _ = network.features
    act = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[activation]
    x_BCHW = torch.randn(2, 3, 20, 24)
    s2_BCHW = nn.functional.max_pool2d(act(c1(x_BCHW)), 2)
    assert torch.equal(network.features(x_BCHW), nn.functional.max_pool2d(act(c3(s2_BCHW)), 2))


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_lenet5_has_a_norm_before_each_activation_and_no_bias_that_it_would_take_away(pooling: str) -> None:
    network = lenet5.build(spec(20, 24, 3), pooling=pooling, normalisation="batch")
    kinds = [type(layer).__name__.rstrip("2d") for layer in network.features]
    conv, norm, pool = "Conv", "BatchNorm", {"max": "MaxPool", "average": "AvgPool"}[pooling]
    assert kinds == ([conv, pool, norm, "ReLU"] if pooling == "max" else [conv, norm, "ReLU", pool]) * 2
    convolutions = [layer for layer in network.features if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in network.features if isinstance(layer, nn.BatchNorm2d)]
    assert [layer.bias for layer in convolutions] == [None, None]
    assert [layer.num_features for layer in norms] == [6, 16]


@pytest.mark.parametrize(("padding", "least"), [(0, 16), (1, 14), (2, 12)])
def test_lenet5_names_the_least_side_and_takes_it(padding: int, least: int) -> None:
    message = rf"lenet5 cannot take {least - 1}x40 images: a side must be at least {least}"
    with pytest.raises(UserError, match=message):
        lenet5.build(spec(least - 1, 40, 1), padding=padding)
    with pytest.raises(UserError, match=f"40x{least - 1} images: a side must be at least {least}"):
        lenet5.build(spec(40, least - 1, 1), padding=padding)
    network = lenet5.build(spec(least, 40, 1), padding=padding)
    assert network(images(2, (1, least, 40))).shape == (2, K)


def test_lenet5_drops_only_while_it_trains() -> None:
    network = lenet5.build(spec(20, 18, 1), dropout=0.5)
    x = images(3, (1, 20, 18))
    assert not torch.equal(network.train()(x), network(x))
    assert torch.equal(network.eval()(x), network(x))
    assert [layer.p for layer in network.classifier if isinstance(layer, nn.Dropout)] == [0.5, 0.5]


def test_lenet5_refuses_unknown_parts() -> None:
    with pytest.raises(UserError, match=r"activation \('gelu'\) must be one of relu, tanh, sigmoid"):
        lenet5.build(spec(20, 18, 1), activation="gelu")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"pooling \('min'\) must be one of max, average"):
        lenet5.build(spec(20, 18, 1), pooling="min")  # type: ignore[arg-type]
