"""The classic stack beside a forward pass written out.

Shapes: B batch, C channels, H height, W width, K outputs.
"""

import inspect
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import classic_stack
from saccade.nn.inspect import count_parameters

K = 7
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


def spec(height: int, width: int, channels: int = 3, classes: int = K) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def images(batch: int, channels: int, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))


def settled(network: nn.Module, x: Tensor) -> nn.Module:
    """In evaluation mode, with norms that have seen something: neither means of 0 nor deviations of 1."""
    with torch.no_grad():
        for _ in range(3):
            network.train()(0.5 + 2 * x)
    return network.eval()


def test_it_is_in_the_courses_order() -> None:
    network = classic_stack.build(spec(28, 28, 1))
    kinds = [type(layer).__name__ for layer in network]
    course = ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"]
    assert kinds == [*course, "Flatten", "Dropout", "Linear"]


def test_the_number_of_parameters_by_layer() -> None:
    network = classic_stack.build(spec(28, 28, 1, classes=10))
    by_layer = [count_parameters(layer) for layer in network if count_parameters(layer)]
    assert by_layer == [32 * 9 + 32, 32 * 32 * 9 + 32, 64 * 32 * 9 + 64, 64 * 5 * 5 * 10 + 10]
    assert count_parameters(network) == 44_074


def by_hand(
    network: nn.Module, x_BCHW: Tensor, *, padding: int = 0, activation: str = "relu", pooling: str = "max"
) -> Tensor:
    """The logits in evaluation mode, from the weights and torch's functions alone."""
    act = ACTIVATIONS[activation]

    def conv(number: int, x_BCHW: Tensor) -> Tensor:
        layer = network.get_submodule(f"conv{number}")
        h_BCHW = F.conv2d(x_BCHW, layer.weight, layer.bias, padding=padding)
        if not hasattr(network, f"norm{number}"):
            return act(h_BCHW)
        norm = network.get_submodule(f"norm{number}")
        if isinstance(norm, nn.BatchNorm2d):
            assert layer.bias is None
            return act(F.batch_norm(h_BCHW, norm.running_mean, norm.running_var, norm.weight, norm.bias))
        return F.local_response_norm(act(h_BCHW), 5, alpha=5e-4, beta=0.75, k=2.0)

    def pool(x_BCHW: Tensor) -> Tensor:
        match pooling:
            case "average":
                return F.avg_pool2d(x_BCHW, 2)
            case "overlapping":
                return F.max_pool2d(x_BCHW, 3, stride=2)
            case "depth":
                return torch.maximum(x_BCHW[:, ::2], x_BCHW[:, 1::2])
        return F.max_pool2d(x_BCHW, 2)

    h = act(pool(conv(2, conv(1, x_BCHW))))
    h = pool(conv(3, h)).flatten(1)
    if hasattr(network, "hidden"):
        h = act(F.linear(h, network.hidden.weight, network.hidden.bias))
    return F.linear(h, network.fc.weight, network.fc.bias)


CASES: list[dict[str, Any]] = [
    {},
    {"padding": "same"},
    {"kernel_size": 5, "activation": "tanh", "pooling": "average"},
    {"activation": "sigmoid", "pooling": "overlapping", "padding": "same"},
    {"pooling": "depth", "activation": "tanh"},
    {"normalisation": "batch", "pooling": "depth", "activation": "tanh"},
    {"normalisation": "local_response", "activation": "tanh"},
    {"hidden": 9, "activation": "tanh", "dropout": 0.3},
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_what_its_docstring_says(case: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = classic_stack.build(spec(20, 23), channels=[4, 6, 8], **case)
    network = settled(network, images(5, 3, 20, 23, seed=2))
    x_BCHW = images(3, 3, 20, 23)
    expected = by_hand(
        network,
        x_BCHW,
        padding=case.get("kernel_size", 3) // 2 if case.get("padding") == "same" else 0,
        activation=case.get("activation", "relu"),
        pooling=case.get("pooling", "max"),
    )
    torch.testing.assert_close(network(x_BCHW), expected, rtol=1e-5, atol=1e-6)


def test_depth_pooling_halves_what_follows() -> None:
    network = classic_stack.build(spec(20, 23), channels=[4, 6, 8], pooling="depth")
    assert network.conv3.weight.shape == (8, 3, 3, 3)
    assert network.fc.in_features == 4 * (20 - 6) * (23 - 6)


@pytest.mark.parametrize(
    ("case", "least"),
    [
        ({}, 12),
        ({"kernel_size": 5}, 20),
        ({"padding": "same"}, 4),
        ({"pooling": "overlapping"}, 15),
        ({"pooling": "average"}, 12),
        ({"pooling": "depth"}, 7),
    ],
    ids=str,
)
def test_the_least_side_is_named_and_taken(case: dict[str, Any], least: int) -> None:
    message = rf"classic_stack cannot take {least - 1}x40 images: a side must be at least {least}\."
    with pytest.raises(UserError, match=message):
        classic_stack.build(spec(least - 1, 40), **case)
    with pytest.raises(UserError, match=f"40x{least - 1} images: a side must be at least {least}"):
        classic_stack.build(spec(40, least - 1), **case)
    network = classic_stack.build(spec(least, 40), channels=[2, 4, 6], **case)
    assert network(images(2, 3, least, 40)).shape == (2, K)


def test_an_image_too_small_is_told_where_it_runs_out() -> None:
    with pytest.raises(
        UserError, match=r"At pool2 \(window 2, stride 2, padding 0\) 1x13 positions arrive and 0x6 are"
    ):
        classic_stack.build(spec(11, 34))


def test_it_drops_only_while_it_trains() -> None:
    network = classic_stack.build(spec(20, 18), hidden=5, dropout=0.4)
    x_BCHW = images(3, 3, 20, 18)
    assert not torch.equal(network.train()(x_BCHW), network(x_BCHW))
    assert torch.equal(network.eval()(x_BCHW), network(x_BCHW))
    assert [layer.p for layer in network if isinstance(layer, nn.Dropout)] == [0.4, 0.4]
    assert [layer.p for layer in classic_stack.build(spec(20, 18), dropout=0.2) if isinstance(layer, nn.Dropout)] == [
        0.2
    ]


def test_what_cannot_be_built_is_refused() -> None:
    for channels in ([32, 64], [8, 8, 8, 8], [8, 0, 8]):
        with pytest.raises(UserError, match=r"channels \(\[.*\]\) must hold three numbers from 1, such as"):
            classic_stack.build(spec(20, 18), channels=channels)
    with pytest.raises(UserError, match=r"\(depth\) at pool1 must see an even number of channels, not 5: take 6"):
        classic_stack.build(spec(20, 18), channels=[4, 5, 6], pooling="depth")
    with pytest.raises(UserError, match=r"\(depth\) at pool2 must see an even number of channels, not 7: take 8"):
        classic_stack.build(spec(20, 18), channels=[4, 6, 7], pooling="depth")
    with pytest.raises(UserError, match=r"padding \(same\) needs an odd kernel, not 4"):
        classic_stack.build(spec(20, 18), kernel_size=4, padding="same")


def test_building_leaves_the_default_as_it_was() -> None:
    classic_stack.build(spec(28, 28))
    assert inspect.signature(classic_stack.build).parameters["channels"].default == [32, 32, 64]


@pytest.mark.parametrize("classes", [2, 11])
def test_any_number_of_classes(classes: int) -> None:
    assert classic_stack.build(spec(20, 18, 1, classes))(images(2, 1, 20, 18)).shape == (2, classes)
