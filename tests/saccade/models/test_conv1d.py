"""Convolutions over time, beside sums over a window written out and torch's own functions.

Shapes: B batch, C channels, H height, W width, T time steps, F features, K classes.
"""

import itertools

import pytest
import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import conv1d
from saccade.nn.inspect import count_parameters

CLASSES = tuple("abcdefg")
K = len(CLASSES)
SERIES = Spec("series", (13, 4), CLASSES)


def inputs(batch: int, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))


def settled(network: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """In evaluation mode, with weights that are not small, and norms that have seen something and shift."""
    with torch.no_grad():
        for number, parameter in enumerate(network.parameters()):
            parameter.copy_(0.5 * inputs(1, parameter.shape, seed=number)[0])
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.weight.copy_(1 + 0.3 * inputs(1, (len(layer.weight),), seed=3)[0])
                layer.bias.copy_(0.3 * inputs(1, (len(layer.bias),), seed=4)[0])
        for step in range(3):
            network.train()(0.5 + 2 * inputs(5, shape, seed=step))
    return network.eval()


def test_the_number_of_parameters() -> None:
    spec = Spec("image", conv1d.TYPICAL_SHAPE, tuple("0123456789"))
    expected = (5 * 28 + 2) * 64 + (5 * 64 + 2) * 128 + (128 + 1) * 10
    assert count_parameters(conv1d.build(spec)) == expected == 51_594


@pytest.mark.parametrize(("padding", "steps"), [("valid", 11), ("same", 13)])
def test_a_convolution_over_time_is_a_sum_over_steps_and_features(padding: str, steps: int) -> None:
    torch.manual_seed(0)
    network = conv1d.build(
        SERIES, channels=[5], kernel_size=3, padding=padding, normalisation="none", pool="mean"
    ).eval()
    x_BTF = inputs(2, (13, 4))
    weight_OFk, bias_O = network.features[0].weight, network.features[0].bias
    zeros_BF = torch.zeros(2, 4)
    x_steps = [*x_BTF.unbind(1)] if padding == "valid" else [zeros_BF, *x_BTF.unbind(1), zeros_BF]
    h_steps = []
    for t in range(len(x_steps) - 2):
        sums = [x_steps[t + k] @ weight_OFk[:, :, k].T for k in range(3)]
        h_steps.append(torch.relu(sum(sums) + bias_O))
    assert len(h_steps) == steps
    logits_BK = (sum(h_steps) / steps) @ network.head[1].weight.T + network.head[1].bias
    torch.testing.assert_close(network(x_BTF), logits_BK, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("padding", "activation", "normalisation", "pooling", "pool"),
    [
        *itertools.product(["valid", "same"], ["relu", "tanh"], ["none", "batch"], ["max", "average", "none"], ["max"]),
        ("same", "sigmoid", "batch", "max", "mean"),
        ("valid", "relu", "none", "none", "mean"),
    ],
)
def test_it_is_what_torchs_functions_make(
    padding: str, activation: str, normalisation: str, pooling: str, pool: str
) -> None:
    shape = (23, 4)
    built = conv1d.build(
        Spec("series", shape, CLASSES), channels=[5, 6, 3], kernel_size=3, padding=padding, activation=activation,
        normalisation=normalisation, pooling=pooling, pool=pool,
    )  # fmt: skip
    network = settled(built, shape)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv1d)]
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d)]
    assert len(convolutions) == 3 and len(norms) == (3 if normalisation == "batch" else 0)
    x_BTF = inputs(2, shape)
    h_BFT = x_BTF.permute(0, 2, 1)
    for number, convolution in enumerate(convolutions):
        if number and pooling != "none":
            h_BFT = (fn.max_pool1d if pooling == "max" else fn.avg_pool1d)(h_BFT, 2, stride=2)
        h_BFT = fn.conv1d(h_BFT, convolution.weight, convolution.bias, padding=1 if padding == "same" else 0)
        if normalisation == "batch":
            norm = norms[number]
            assert convolution.bias is None and norm.running_mean.abs().min() > 0
            h_BFT = (h_BFT - norm.running_mean[:, None]) / torch.sqrt(norm.running_var[:, None] + 1e-5)
            h_BFT = h_BFT * norm.weight[:, None] + norm.bias[:, None]
        h_BFT = getattr(torch, activation)(h_BFT)
    pooled_BF = h_BFT.max(dim=2).values if pool == "max" else h_BFT.mean(dim=2)
    logits_BK = pooled_BF @ network.head[1].weight.T + network.head[1].bias
    torch.testing.assert_close(network(x_BTF), logits_BK, rtol=1e-5, atol=1e-6)
    assert logits_BK.std(dim=0).max() > 1e-2


def test_the_steps_of_an_image_are_its_rows() -> None:
    torch.manual_seed(0)
    image_BCHW = inputs(2, (3, 8, 5))
    of_images = settled(conv1d.build(Spec("image", (8, 5, 3), CLASSES), channels=[5, 6]), (3, 8, 5))
    of_series = conv1d.build(Spec("series", (8, 15), CLASSES), channels=[5, 6]).eval()
    of_series.load_state_dict(of_images.state_dict())
    rows_BTF = torch.stack([torch.cat([image_BCHW[:, c, row] for c in range(3)], dim=1) for row in range(8)], dim=1)
    torch.testing.assert_close(of_images(image_BCHW), of_series(rows_BTF), rtol=1e-5, atol=1e-6)
    turned = image_BCHW.transpose(2, 3)
    with pytest.raises(RuntimeError, match="to have 15 channels, but got 24"):
        of_images(turned)


def test_a_pattern_is_found_wherever_it_stands_and_its_order_counts() -> None:
    torch.manual_seed(0)
    network = settled(conv1d.build(SERIES, channels=[5], kernel_size=3, padding="valid"), (13, 4))
    pattern = inputs(2, (3, 4))

    def placed(pattern: Tensor, at: int) -> Tensor:
        return fn.pad(pattern, (0, 0, at, 13 - 3 - at))

    torch.testing.assert_close(network(placed(pattern, 2)), network(placed(pattern, 7)), rtol=1e-5, atol=1e-6)
    assert (network(placed(pattern, 2)) - network(placed(pattern.flip(1), 2))).abs().max() > 1e-2


@pytest.mark.parametrize(
    ("channels", "kernel_size", "padding", "pooling", "least"),
    [
        ([4, 4, 4], 3, "valid", "max", 18),
        ([4, 4, 4], 3, "valid", "none", 7),
        ([4, 4, 4], 3, "same", "max", 4),
        ([4, 4], 5, "valid", "average", 14),
        ([4], 6, "valid", "max", 6),
        ([4], 5, "same", "none", 1),
    ],
)
def test_the_least_length_is_named_and_taken(
    channels: list[int], kernel_size: int, padding: str, pooling: str, least: int
) -> None:
    def of_length(steps: int) -> nn.Module:
        return conv1d.build(
            Spec("series", (steps, 3), CLASSES), channels=channels, kernel_size=kernel_size, padding=padding,
            pooling=pooling,
        ).eval()  # fmt: skip

    assert of_length(least)(inputs(2, (least, 3))).shape == (2, K)
    if least > 1:
        with pytest.raises(UserError, match=rf"conv1d cannot take {least - 1} steps: there must be at least {least}\."):
            of_length(least - 1)
        with pytest.raises(RuntimeError):  # torch agrees
            of_length(least)(inputs(2, (least - 1, 3)))


def test_the_layer_where_the_length_runs_out_is_named_and_so_is_the_remedy() -> None:
    message = (
        r"conv1d cannot take 9 steps: there must be at least 14\. At convolution 2 \(window 5, stride 1, padding 0\) "
        r"2 positions arrive and 0 are left; use fewer channels or padding: same; or take longer sequences"
    )
    with pytest.raises(UserError, match=message):
        conv1d.build(Spec("series", (9, 3), CLASSES), padding="valid")
    message = r"conv1d cannot take 1 steps.* At pooling 1 .*; enlarge the images with preprocess\.size, or use fewer"
    with pytest.raises(UserError, match=message):
        conv1d.build(Spec("image", (1, 40, 3), CLASSES))


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(UserError, match=r"channels \(\[\]\) must hold at least one number"):
        conv1d.build(SERIES, channels=[])
    with pytest.raises(UserError, match=r"padding \(same\) needs an odd kernel, not 4"):
        conv1d.build(SERIES, kernel_size=4)


def test_it_drops_before_the_output_and_only_in_training() -> None:
    network = conv1d.build(SERIES, normalisation="none", dropout=0.4)
    assert network.head[0].p == 0.4
    x_BTF = inputs(3, (13, 4))
    assert not torch.equal(network.train()(x_BTF), network(x_BTF))
    assert torch.equal(network.eval()(x_BTF), network(x_BTF))


def test_it_takes_series_of_any_length_that_is_long_enough() -> None:
    network = conv1d.build(SERIES).eval()
    for steps in (2, 13, 50):
        assert network(inputs(3, (steps, 4))).shape == (3, K)
