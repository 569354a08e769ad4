"""AlexNet beside the paper's numbers and a forward pass written out.

Shapes: B batch, C channels, H height, W width, K outputs.
"""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import alexnet
from saccade.nn.inspect import count_parameters

K = 7
LEAST = 67
LIFTED = {"conv2", "conv4", "conv5", "fc6", "fc7"}
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


def spec(height: int, width: int, channels: int = 3, classes: int = K) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def images(batch: int, channels: int, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))


def built(channels: int = 3, height: int = LEAST, width: int = 75, **arguments: Any) -> nn.Sequential:
    torch.manual_seed(0)
    return alexnet.build(spec(height, width, channels), **arguments)


def weighted(network: nn.Module) -> dict[str, nn.Module]:
    return {name: layer for name, layer in network.named_children() if isinstance(layer, nn.Conv2d | nn.Linear)}


@pytest.fixture(scope="module")
def published() -> nn.Sequential:
    with torch.device("meta"):  # shapes without numbers
        return alexnet.build(spec(227, 227, classes=1000))


def test_it_has_the_papers_number_of_parameters(published: nn.Sequential) -> None:
    by_layer = {name: count_parameters(layer) for name, layer in weighted(published).items()}
    assert by_layer == {
        "conv1": 96 * 3 * 11 * 11 + 96,
        "conv2": 256 * 48 * 5 * 5 + 256,
        "conv3": 384 * 256 * 3 * 3 + 384,
        "conv4": 384 * 192 * 3 * 3 + 384,
        "conv5": 256 * 192 * 3 * 3 + 256,
        "fc6": 4096 * 256 * 6 * 6 + 4096,
        "fc7": 4096 * 4096 + 4096,
        "fc8": 1000 * 4096 + 1000,
    }
    assert count_parameters(published) == 60_965_224


def test_its_maps_have_the_papers_sides(published: nn.Sequential) -> None:
    x = torch.empty(2, 3, 227, 227, device="meta")
    sides = {}
    for name, layer in published.named_children():
        x = layer(x)
        sides[name] = tuple(x.shape[1:])
    assert {name: sides[name] for name in ("conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5")} == {
        "conv1": (96, 55, 55),
        "pool1": (96, 27, 27),
        "conv2": (256, 27, 27),
        "pool2": (256, 13, 13),
        "conv3": (384, 13, 13),
        "conv4": (384, 13, 13),
        "conv5": (256, 13, 13),
        "pool5": (256, 6, 6),
    }
    assert sides["fc8"] == (1000,)


def test_its_layers_are_in_the_papers_order(published: nn.Sequential) -> None:
    convolution, hidden = ["Conv2d", "ReLU"], ["Linear", "ReLU", "Dropout"]
    normalised = [*convolution, "LocalResponseNorm", "MaxPool2d"]
    expected = [*normalised * 2, *convolution * 3, "MaxPool2d", "Flatten", *hidden * 2, "Linear"]
    assert [type(layer).__name__ for layer in published] == expected


def test_one_group_has_a_million_parameters_more() -> None:
    with torch.device("meta"):
        network = alexnet.build(spec(227, 227, classes=1000), groups=1)
    assert count_parameters(network) == 60_965_224 + 1_413_120


def by_hand(network: nn.Module, x_BCHW: Tensor, activation: str) -> Tensor:
    """The logits in evaluation mode: two halves side by side, from the weights and torch's functions alone."""
    act, layer = ACTIVATIONS[activation], weighted(network)

    def in_two(name: str, x_BCHW: Tensor, padding: int) -> Tensor:
        weights, biases = layer[name].weight.chunk(2), layer[name].bias.chunk(2)
        halves = zip(x_BCHW.chunk(2, dim=1), weights, biases, strict=True)
        return act(torch.cat([F.conv2d(half, w, b, padding=padding) for half, w, b in halves], dim=1))

    def norm(x_BCHW: Tensor) -> Tensor:
        return F.local_response_norm(x_BCHW, 5, alpha=5e-4, beta=0.75, k=2.0)

    h = norm(act(F.conv2d(x_BCHW, layer["conv1"].weight, layer["conv1"].bias, stride=4)))
    h = norm(in_two("conv2", F.max_pool2d(h, 3, 2), padding=2))
    h = act(F.conv2d(F.max_pool2d(h, 3, 2), layer["conv3"].weight, layer["conv3"].bias, padding=1))
    h = in_two("conv5", in_two("conv4", h, padding=1), padding=1)
    h = F.max_pool2d(h, 3, 2).flatten(1)
    for name in ("fc6", "fc7"):
        h = act(F.linear(h, layer[name].weight, layer[name].bias))
    return F.linear(h, layer["fc8"].weight, layer["fc8"].bias)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_what_the_paper_says(activation: str, channels: int) -> None:
    network = built(channels, activation=activation, initialisation="he").eval()  # 0.01 would hide what happens below
    with torch.no_grad():
        for layer in weighted(network).values():
            layer.bias.uniform_(-0.5, 0.5)
        x_BCHW = images(2, channels, LEAST, 75)
        torch.testing.assert_close(network(x_BCHW), by_hand(network, x_BCHW, activation), rtol=1e-4, atol=1e-5)  # sums


@pytest.mark.parametrize("name", ["conv2", "conv4", "conv5"])
@pytest.mark.parametrize("groups", [1, 2])
def test_a_half_sees_only_its_half(name: str, groups: int) -> None:
    convolution = built(groups=groups).get_submodule(name)
    x_BCHW = images(2, convolution.in_channels, 5, 4)
    changed = x_BCHW.clone()
    changed[:, : convolution.in_channels // 2] += 1
    is_other_BCHW = convolution(changed) != convolution(x_BCHW)
    first, second = is_other_BCHW.chunk(2, dim=1)
    assert first.any(dim=(2, 3)).all()
    assert second.any(dim=(2, 3)).all() if groups == 1 else not second.any()


def test_conv1_and_conv3_see_everything() -> None:
    network = built()
    assert (network.conv1.groups, network.conv3.groups) == (1, 1)


def test_it_starts_as_the_paper_does() -> None:
    network = built()
    for name, layer in weighted(network).items():
        count = layer.weight.numel()
        assert layer.weight.std().item() == pytest.approx(0.01, rel=4 / count**0.5), name
        assert abs(layer.weight.mean().item()) < 5 * 0.01 / count**0.5, name
        assert layer.bias.unique().tolist() == [1.0 if name in LIFTED else 0.0], name


def test_only_relus_need_the_lift() -> None:
    for arguments in ({"activation": "tanh"}, {"initialisation": "he"}):
        assert not any(layer.bias.any() for layer in weighted(built(**arguments)).values())


def test_he_keeps_the_size_of_the_signal() -> None:
    network = built(initialisation="he")
    for name, layer in weighted(network).items():
        inputs = layer.weight[0].numel()
        assert layer.weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.03), name


def test_batch_norms_stand_behind_every_convolution_in_place_of_biases() -> None:
    network = built(normalisation="batch")
    convolutions = [layer for layer in network if isinstance(layer, nn.Conv2d)]
    norms = [layer.num_features for layer in network if isinstance(layer, nn.BatchNorm2d)]
    assert norms == [96, 256, 384, 384, 256]
    assert [layer.bias for layer in convolutions] == [None] * 5
    names = [name for name, _ in network.named_children()]
    assert [names[names.index(f"conv{n}") + 1] for n in range(1, 6)] == [f"norm{n}" for n in range(1, 6)]


def test_norms_may_be_left_out() -> None:
    kinds = [type(layer).__name__ for layer in built(normalisation="none")]
    assert not any("Norm" in kind for kind in kinds) and kinds.count("Conv2d") == 5


@pytest.mark.parametrize(("pooling", "least"), [("overlapping", LEAST), ("max", 39), ("average", 39), ("depth", 11)])
def test_the_least_side_is_named_and_taken(pooling: Any, least: int) -> None:
    message = rf"alexnet cannot take {least - 1}x90 images: a side must be at least {least}\."
    with pytest.raises(UserError, match=message):
        alexnet.build(spec(least - 1, 90), pooling=pooling)
    with pytest.raises(UserError, match=f"90x{least - 1} images: a side must be at least {least}"):
        alexnet.build(spec(90, least - 1), pooling=pooling)
    network = built(height=least, width=least + 4, pooling=pooling).eval()
    assert network(images(1, 3, least, least + 4)).shape == (1, K)


def test_an_image_too_small_is_told_where_it_runs_out() -> None:
    with pytest.raises(UserError, match=r"At pool5 \(window 3, stride 2, padding 0\) 2x3 positions arrive"):
        alexnet.build(spec(66, 70))
    with pytest.raises(UserError, match=r"At conv1 \(window 11, stride 4, padding 0\) 10x70 positions arrive"):
        alexnet.build(spec(10, 70))


def test_it_drops_half_of_the_hidden_units_and_only_while_it_trains() -> None:
    network = built(initialisation="he")
    x_BCHW = images(2, 3, LEAST, 75)
    assert not torch.equal(network.train()(x_BCHW), network(x_BCHW))
    assert torch.equal(network.eval()(x_BCHW), network(x_BCHW))
    assert {name: layer.p for name, layer in network.named_children() if isinstance(layer, nn.Dropout)} == {
        "dropout6": 0.5,
        "dropout7": 0.5,
    }


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(UserError, match=r"groups \(3\) must be 1 or 2"):
        built(groups=3)
    with pytest.raises(UserError, match=r"initialisation \('xavier'\) must be one of paper, he"):
        built(initialisation="xavier")
    with pytest.raises(UserError, match=r"activation \('gelu'\) must be one of"):
        built(activation="gelu")


@pytest.mark.parametrize("classes", [2, 11])
def test_any_number_of_classes(classes: int) -> None:
    network = alexnet.build(spec(LEAST, LEAST, 1, classes)).eval()
    assert network(images(2, 1, LEAST, LEAST)).shape == (2, classes)
