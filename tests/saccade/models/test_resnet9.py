"""ResNet-9.

Shapes: B batch, C channels, H height, W width, D features, K classes.
"""

import pytest
import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import resnet9
from saccade.nn.inspect import count_parameters


def spec(height: int, width: int, channels: int = 3, classes: int = 7) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def images(batch: int, channels: int, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))


def settled(network: nn.Module, channels: int) -> nn.Module:
    """In evaluation mode, with norms that have seen something: neither means of 0 nor deviations of 1."""
    with torch.no_grad():
        for step in range(3):
            network.train()(0.5 + 2 * images(5, channels, 18, 22, seed=step))
    return network.eval()


def test_the_number_of_parameters_is_that_of_the_dawnbench_entry() -> None:
    assert count_parameters(resnet9.build(spec(32, 32, classes=10))) == 6_573_120


def test_the_width_scales_every_layer() -> None:
    network = resnet9.build(spec(32, 32), width=3)
    shapes = [tuple(layer.weight.shape[:2]) for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert shapes == [(3, 3), (6, 3), (6, 6), (6, 6), (12, 6), (24, 12), (24, 24), (24, 24)]
    assert network.classifier.weight.shape == (7, 24)


@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_what_its_table_says(channels: int) -> None:
    torch.manual_seed(0)
    network = settled(resnet9.build(spec(18, 22, channels), width=4, logit_scale=0.5), channels)
    convolutions = iter([layer for layer in network.modules() if isinstance(layer, nn.Conv2d)])
    norms = iter([layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)])

    def conv(x_BCHW: Tensor) -> Tensor:
        weight, norm = next(convolutions).weight, next(norms)
        h_BCHW = nn.functional.conv2d(x_BCHW, weight, padding=1)
        mean_C, variance_C = (stat[:, None, None] for stat in (norm.running_mean, norm.running_var))
        return torch.relu((h_BCHW - mean_C) / torch.sqrt(variance_C + 1e-5))

    image_BCHW = images(3, channels, 18, 22)
    x = conv(image_BCHW)
    x = nn.functional.max_pool2d(conv(x), 2)
    x = x + conv(conv(x))
    x = nn.functional.max_pool2d(conv(x), 2)
    x = nn.functional.max_pool2d(conv(x), 2)
    x = x + conv(conv(x))
    logits_BK = 0.5 * x.flatten(2).max(dim=2).values @ network.classifier.weight.T
    torch.testing.assert_close(network(image_BCHW), logits_BK, rtol=1e-4, atol=1e-5)  # eight layers of sums


def test_a_residual_adds_its_input() -> None:
    torch.manual_seed(0)
    network = resnet9.build(spec(32, 32), width=4).eval()
    blocks = [layer for layer in network.modules() if isinstance(layer, resnet9.Residual)]
    assert len(blocks) == 2
    for block, channels in zip(blocks, (8, 32), strict=True):
        x_BCHW = images(2, channels, 5, 3)
        assert (block(x_BCHW) - x_BCHW).abs().max() > 0.1
        norm = [layer for layer in block.modules() if isinstance(layer, nn.BatchNorm2d)][-1]
        nn.init.zeros_(norm.weight)
        nn.init.zeros_(norm.bias)
        assert torch.equal(block(x_BCHW), x_BCHW)


def test_the_memory_format_changes_nothing() -> None:
    torch.manual_seed(0)
    network = settled(resnet9.build(spec(18, 22), width=4), 3)
    image_BCHW = images(3, 3, 18, 22)
    expected = network(image_BCHW)
    network.to(memory_format=torch.channels_last)
    seen: list[bool] = []
    for layer in network.features:
        layer.register_forward_hook(
            lambda _, inputs, output: seen.append(output.is_contiguous(memory_format=torch.channels_last))
        )
    got = network(image_BCHW.contiguous(memory_format=torch.channels_last))
    assert seen == [True] * 9  # no layer falls back to the other layout
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)  # eight layers of sums, in another order


def test_the_logits_are_scaled() -> None:
    torch.manual_seed(0)
    network = resnet9.build(spec(16, 16), width=4).eval()
    image_BCHW = images(2, 3, 16, 16)
    logits_BK = network(image_BCHW)
    network.logit_scale = 1.0
    torch.testing.assert_close(network(image_BCHW), 8 * logits_BK)


@pytest.mark.parametrize("scale", [0.0, -0.125])
def test_a_scale_that_is_not_positive_is_refused(scale: float) -> None:
    with pytest.raises(UserError, match=rf"logit_scale \({scale:g}\) must be above 0, such as 0\.125"):
        resnet9.build(spec(32, 32), logit_scale=scale)


def test_the_least_side_is_named_and_taken() -> None:
    message = r"resnet9 cannot take 7x40 images: a side must be at least 8; enlarge them with preprocess\.size"
    with pytest.raises(UserError, match=message):
        resnet9.build(spec(7, 40))
    with pytest.raises(UserError, match="40x7 images: a side must be at least 8"):
        resnet9.build(spec(40, 7))
    assert resnet9.build(spec(8, 40), width=2).eval()(images(2, 3, 8, 40)).shape == (2, 7)


@pytest.mark.parametrize("classes", [2, 11])
def test_any_number_of_classes(classes: int) -> None:
    network = resnet9.build(spec(32, 32, classes=classes), width=2).eval()
    assert network(images(2, 3, 32, 32)).shape == (2, classes)
