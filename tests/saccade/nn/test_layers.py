"""The parts that models share, beside torch and formulas written out.

Shapes: B batch, C channels, H height, W width.
"""

import pytest
import torch
from torch import Tensor, nn

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn import arguments, geometry, layers
from saccade.nn.geometry import Window


def x_of(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# --- arithmetic of sides ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "kernel_size", "stride", "padding"),
    [(32, 5, 1, 0), (227, 11, 4, 0), (28, 5, 1, 2), (9, 3, 2, 1), (7, 2, 2, 0)],
)
def test_an_output_side_is_torchs(side: int, kernel_size: int, stride: int, padding: int) -> None:
    convolution = nn.Conv1d(1, 1, kernel_size, stride, padding)
    assert (
        geometry.output_side(side, kernel_size, stride=stride, padding=padding)
        == convolution(x_of(1, 1, side)).shape[2]
    )


def test_sides_are_followed_through_a_chain() -> None:
    windows = [Window("a", 5), Window("b", 2, stride=2), Window("c", 3, padding=1)]
    assert geometry.output_sides("net", (20, 13), windows) == (8, 4)


def test_a_side_that_runs_out_names_the_layer_and_the_least_one() -> None:
    windows = [Window("a", 5), Window("b", 3, stride=2), Window("c", 2)]
    message = (
        r"net cannot take 40x8 images: a side must be at least 9\. At c \(window 2, stride 1, padding 0\) "
        r"17x1 positions arrive and 16x0 are left; use padding; or enlarge them with preprocess\.size"
    )
    with pytest.raises(UserError, match=message):
        geometry.output_sides("net", (40, 8), windows, remedy="use padding; or ")
    assert geometry.output_sides("net", (40, 9), windows) == (16, 1)
    with pytest.raises(UserError, match=r"net cannot take 3 steps: there must be at least 5\. .*take longer sequences"):
        geometry.output_sides("net", (3,), windows[:1])


def test_more_than_one_position_can_be_asked_for() -> None:
    windows = [Window("a", 5), Window("b", 3, stride=2)]
    with pytest.raises(UserError, match=r"at least 9\. At b .* 16x1 are left, of 2 needed"):
        geometry.output_sides("net", (38, 8), windows, min_left=2)
    assert geometry.output_sides("net", (9, 9), windows, min_left=2) == (2, 2)


def test_same_padding_keeps_the_side_of_odd_kernels_and_refuses_even_ones() -> None:
    assert [geometry.padding_size("same", size) for size in (1, 3, 5)] == [0, 1, 2]
    assert geometry.padding_size("valid", 4) == 0
    with pytest.raises(UserError, match=r"padding \(same\) needs an odd kernel, not 4: choose 3, or valid"):
        geometry.padding_size("same", 4)


# --- pooling ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max", "average", "overlapping", "depth"])
@pytest.mark.parametrize("side", [5, 8])
def test_a_pooling_leaves_the_sides_and_channels_it_is_said_to_leave(name: arguments.PoolingName, side: int) -> None:
    pooled = layers.pooling(name)(x_of(2, 6, side, 7))
    window = layers.pooling_window(name, "pool")
    assert pooled.shape == (2, layers.pooled_channels(name, 6, "pool"), window.output_side(side), window.output_side(7))


def test_poolings_by_hand() -> None:
    x_BCHW = torch.tensor([[1.0, 3, 2, 1], [2, 9, 1, 1], [1, 3, 2, 3], [5, 6, 1, 2]]).reshape(1, 1, 4, 4)
    assert layers.pooling("max")(x_BCHW).flatten().tolist() == [9, 2, 6, 3]
    assert layers.pooling("average")(x_BCHW).flatten().tolist() == [3.75, 1.25, 3.75, 2]
    assert layers.pooling("overlapping")(x_BCHW).flatten().tolist() == [9]
    assert layers.pooling("overlapping")(nn.functional.pad(x_BCHW, (1, 0, 1, 0))).flatten().tolist() == [9, 9, 9, 9]


def test_depth_pooling_takes_the_larger_of_two_neighbouring_channels() -> None:
    x_BCHW = x_of(3, 6, 2, 5)
    by_hand = torch.stack([torch.maximum(x_BCHW[:, c], x_BCHW[:, c + 1]) for c in (0, 2, 4)], dim=1)
    assert torch.equal(layers.pooling("depth")(x_BCHW), by_hand)


def test_depth_pooling_needs_an_even_number_of_channels() -> None:
    with pytest.raises(UserError, match=r"\(depth\) at pool2 must see an even number of channels, not 7: take 8"):
        layers.pooled_channels("depth", 7, "pool2")
    assert layers.pooled_channels("overlapping", 7, "pool2") == 7


# --- norms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_local_response_norm_is_the_papers(memory_format: torch.memory_format) -> None:
    x_BCHW = (3 * x_of(2, 7, 3, 4)).to(memory_format=memory_format)
    (norm,) = layers.normalisation("local_response", 7)
    by_hand = torch.empty_like(x_BCHW)
    for c in range(7):
        neighbours = x_BCHW[:, max(c - 2, 0) : c + 3]
        by_hand[:, c] = x_BCHW[:, c] / (2 + 1e-4 * (neighbours**2).sum(dim=1)) ** 0.75
    torch.testing.assert_close(norm(x_BCHW), by_hand, rtol=1e-5, atol=1e-6)
    assert norm(x_BCHW).is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_local_response_norm_and_its_gradient_are_torchs(size: int) -> None:
    ours, theirs = (kind(size, alpha=0.7, beta=0.6, k=1.5) for kind in (layers.LocalResponseNorm, nn.LocalResponseNorm))
    x_BCHW, weight_BCHW = x_of(2, 4, 3, 5).requires_grad_(), x_of(2, 4, 3, 5, seed=2)
    torch.testing.assert_close(ours(x_BCHW), theirs(x_BCHW), rtol=1e-5, atol=1e-6)
    gradients = [torch.autograd.grad((norm(x_BCHW) * weight_BCHW).sum(), x_BCHW)[0] for norm in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)


def test_each_norm_stands_where_its_authors_put_it() -> None:
    order = {name: list(layers.activation_and_norm("tanh", name, 4)) for name in ("none", "batch", "local_response")}
    assert order == {
        "none": ["activation"],
        "batch": ["norm", "activation"],
        "local_response": ["activation", "norm"],
    }
    parts = layers.activation_and_norm("tanh", "batch", 4)
    assert isinstance(parts["activation"], nn.Tanh)
    assert isinstance(parts["norm"], nn.BatchNorm2d) and parts["norm"].num_features == 4


def test_unknown_parts_are_refused() -> None:
    with pytest.raises(UserError, match=r"activation \('gelu'\) must be one of relu, tanh, sigmoid"):
        layers.activation("gelu")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"pooling \('min'\) must be one of max, average, overlapping, depth"):
        layers.pooling("min")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"normalisation \('layer'\) must be one of none, batch, local_response"):
        layers.normalisation("layer", 4)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "setting", "known"),
    [
        ("vgg16", "head", "large, small"),
        ("vgg16", "normalisation", "none, batch"),
        ("resnet18", "stem", "large, small"),
        ("resnet50", "stem", "large, small"),
        ("googlenet", "stem", "large, small"),
        ("alexnet", "initialisation", "paper, he"),
        ("lenet5", "form", "modern, 1998"),
        ("classic_stack", "padding", "valid, same"),
        ("conv1d", "padding", "valid, same"),
        ("conv1d", "normalisation", "none, batch"),
        ("conv1d", "pooling", "max, average, none"),
        ("conv1d", "pool", "mean, max"),
    ],
)
def test_a_model_takes_no_other_name_for_one_it_knows(name: str, setting: str, known: str) -> None:
    spec = Spec("image", (70, 70, 3), ("a", "b"))
    with torch.device("meta"), pytest.raises(UserError, match=rf"{setting} \('other'\) must be one of {known}$"):
        registry.module("models", name).build(spec, **{setting: "other"})
