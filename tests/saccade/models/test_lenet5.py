"""LeNet-5 beside the paper's numbers and a forward pass written out.

Shapes: B batch, C channels, H height, W width, K classes.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import lenet5
from saccade.nn import arguments
from saccade.nn.inspect import count_parameters

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


# --- other poolings and norms -----------------------------------------------------------------------------------------


def test_lenet5_with_depth_pooling_halves_the_maps_and_keeps_the_sides() -> None:
    torch.manual_seed(0)
    network = lenet5.build(spec(12, 14, 3), pooling="depth", activation="tanh").eval()
    c1, _, _, c3, _, _ = network.features
    assert (c1.weight.shape[0], tuple(c3.weight.shape[:2])) == (6, (16, 3))
    assert network.classifier[0].in_features == 8 * (12 - 8) * (14 - 8)
    x_BCHW = images(2, (3, 12, 14))
    h = torch.tanh(nn.functional.conv2d(x_BCHW, c1.weight, c1.bias))
    h = torch.tanh(nn.functional.conv2d(torch.maximum(h[:, ::2], h[:, 1::2]), c3.weight, c3.bias))
    by_hand = torch.maximum(h[:, ::2], h[:, 1::2])
    torch.testing.assert_close(network.features(x_BCHW), by_hand, rtol=1e-5, atol=1e-6)


def test_lenet5_with_overlapping_pooling_and_local_response_norms() -> None:
    torch.manual_seed(0)
    network = lenet5.build(spec(24, 21, 3), pooling="overlapping", normalisation="local_response").eval()
    c1, c3 = (layer for layer in network.features if isinstance(layer, nn.Conv2d))

    def stage(x_BCHW: Tensor, convolution: nn.Conv2d) -> Tensor:
        h_BCHW = torch.relu(nn.functional.conv2d(x_BCHW, convolution.weight, convolution.bias))
        h_BCHW = nn.functional.local_response_norm(h_BCHW, 5, alpha=5e-4, beta=0.75, k=2.0)
        return nn.functional.max_pool2d(h_BCHW, 3, stride=2)

    x_BCHW = images(2, (3, 24, 21))
    torch.testing.assert_close(network.features(x_BCHW), stage(stage(x_BCHW, c1), c3), rtol=1e-5, atol=1e-6)


def test_a_local_response_norm_sees_what_is_there_before_a_maximum() -> None:
    network = lenet5.build(spec(20, 24, 3), normalisation="local_response")
    kinds = [type(layer).__name__ for layer in network.features]
    assert kinds == ["Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"] * 2


@pytest.mark.parametrize(("pooling", "least"), [("overlapping", 19), ("depth", 9), ("average", 16)])
def test_the_least_side_depends_on_the_pooling(pooling: arguments.PoolingName, least: int) -> None:
    with pytest.raises(UserError, match=f"lenet5 cannot take {least - 1}x30 images: a side must be at least {least}"):
        lenet5.build(spec(least - 1, 30, 1), pooling=pooling)
    assert lenet5.build(spec(least, 30, 1), pooling=pooling)(images(2, (1, least, 30))).shape == (2, K)


# --- the form of 1998 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["1998", 1998])
def test_the_form_of_1998_has_its_parameters_by_layer(form: Any) -> None:
    network = lenet5.build(spec(32, 32, 1, classes=10), form=form)
    by_layer = [
        count_parameters(layer) for layer in (*network.features, *network.classifier) if count_parameters(layer)
    ]
    assert by_layer == [156, 12, 2416, 32, 48120, 10164, 850]
    assert count_parameters(network) == 61_750


def test_the_form_of_1998_is_what_the_paper_says() -> None:
    torch.manual_seed(0)
    network = lenet5.build(spec(20, 24, 3), form="1998", padding=1).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-0.5, 0.5)
    c1, _, _, s2, _, c3, _, _, s4, _ = network.features
    f5, _, _, f6, _, _, output = network.classifier

    def squash(x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(2 * x / 3)

    def subsample(x_BCHW: Tensor, scale: nn.Module) -> Tensor:
        """The paper's: the sum of four times a weight a map, plus a bias a map."""
        four = x_BCHW[..., ::2, ::2] + x_BCHW[..., 1::2, ::2] + x_BCHW[..., ::2, 1::2] + x_BCHW[..., 1::2, 1::2]
        return torch.einsum("bchw,c->bchw", four, scale.weight / 4) + scale.bias.reshape(1, -1, 1, 1)

    x_BCHW = images(2, (3, 20, 24))
    h = squash(nn.functional.conv2d(x_BCHW, c1.weight, c1.bias, padding=1))  # 20x24
    h = squash(subsample(h[..., :18, :22], s2))
    h = squash(nn.functional.conv2d(h, c3.weight, c3.bias))  # 5x7
    h = squash(subsample(h[..., :4, :6], s4)).flatten(1)
    h = squash(nn.functional.linear(h, f5.weight, f5.bias))
    h = squash(nn.functional.linear(h, f6.weight, f6.bias))
    by_hand = nn.functional.linear(h, output.weight, output.bias)
    torch.testing.assert_close(network(x_BCHW), by_hand, rtol=1e-5, atol=1e-6)


def test_the_form_of_1998_starts_as_the_paper_says() -> None:
    torch.manual_seed(0)
    network = lenet5.build(spec(32, 32, 1), form="1998")
    weighted = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer, inputs in zip(weighted, (25, 150, 400, 120, 84), strict=True):
        assert 0.9 * 2.4 / inputs < layer.weight.abs().max() <= 2.4 / inputs
        assert layer.weight.std().item() == pytest.approx(2.4 / inputs / 3**0.5, rel=0.2)
        assert not layer.bias.any()
    scales = [layer for layer in network.features if isinstance(layer, lenet5.MapScale)]
    assert [(scale.weight.unique().tolist(), scale.bias.unique().tolist()) for scale in scales] == [([1.0], [0.0])] * 2


def test_the_squashing_keeps_one() -> None:
    ends = lenet5.ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0, 100.0]))
    torch.testing.assert_close(ends, torch.tensor([-1.0, 0.0, 1.0, 1.7159]), rtol=1e-4, atol=0.0)  # 1.7159 is rounded


@pytest.mark.parametrize(
    ("setting", "value"),
    [("activation", "tanh"), ("pooling", "average"), ("normalisation", "batch")],
)
def test_what_would_have_no_effect_in_1998_is_refused(setting: str, value: str) -> None:
    with pytest.raises(
        UserError, match=rf"{setting} \({value}\) has no effect in lenet5's form of 1998.*leave {setting}"
    ):
        lenet5.build(spec(32, 32, 1), form="1998", **{setting: value})


def test_the_form_of_1998_takes_padding_and_dropout() -> None:
    network = lenet5.build(spec(12, 14, 1), form="1998", padding=2, dropout=0.3)
    assert network(images(2, (1, 12, 14))).shape == (2, K)
    assert [layer.p for layer in network.classifier if isinstance(layer, nn.Dropout)] == [0.3, 0.3]
    with pytest.raises(UserError, match="lenet5 cannot take 15x20 images: a side must be at least 16"):
        lenet5.build(spec(15, 20, 1), form="1998")


def test_another_form_is_refused() -> None:
    with pytest.raises(UserError, match=r"form \('1989'\) must be one of modern, 1998"):
        lenet5.build(spec(32, 32, 1), form="1989")  # type: ignore[arg-type]
