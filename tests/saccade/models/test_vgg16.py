"""VGG-16 beside torchvision's own.

Shapes: B batch, C channels, H height, W width, K classes.
"""

import subprocess
import sys

import pytest
import torch
import torchvision
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import vgg16
from saccade.nn.images.adaptive_pool import AdaptiveAvgPool2d
from saccade.nn.inspect import count_parameters


def spec(height: int, width: int, channels: int = 3, classes: int = 7) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def images(batch: int, channels: int, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))


def test_the_number_of_parameters_is_the_published_one_and_weights_of_torchvision_give_the_same_answers() -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.vgg16().eval()
    ours = vgg16.build(spec(33, 70, classes=1000)).eval()
    assert count_parameters(ours) == 138_357_544
    ours.load_state_dict(theirs.state_dict(), assign=True)
    image_BCHW = images(2, 3, 33, 70)  # leaves 1x2 positions, which become 7x7
    with torch.no_grad():
        torch.testing.assert_close(ours(image_BCHW), theirs(image_BCHW), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("normalisation", ["none", "batch"])
def test_at_the_side_of_the_paper_the_answers_are_torchvisions_to_the_bit(normalisation: str) -> None:
    torch.manual_seed(0)
    theirs = (torchvision.models.vgg16_bn if normalisation == "batch" else torchvision.models.vgg16)().eval()
    ours = vgg16.build(spec(224, 224, classes=1000), normalisation=normalisation).eval()
    ours.load_state_dict(theirs.state_dict())
    image_BCHW = images(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(ours(image_BCHW), theirs(image_BCHW))


@pytest.mark.parametrize(
    ("before", "after"), [((14, 14), (4, 4)), ((1, 2), (7, 7)), ((7, 7), (7, 7)), ((5, 9), (7, 3))]
)
def test_the_average_to_fixed_positions_is_torchs_with_its_gradient(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    x_BCHW = images(2, 3, *before).requires_grad_()
    weight_BChw = images(2, 3, *after, seed=2)
    results = []
    for pool in (AdaptiveAvgPool2d(*after), nn.AdaptiveAvgPool2d(after)):
        pooled_BChw = pool(x_BCHW)
        (gradient_BCHW,) = torch.autograd.grad((pooled_BChw * weight_BChw).sum(), x_BCHW)
        results.append((pooled_BChw, gradient_BCHW))
    torch.testing.assert_close(results[0], results[1], rtol=1e-5, atol=1e-6)


def test_no_pooling_is_left_that_cuda_refuses_in_deterministic_training() -> None:
    for head in ("large", "small"):
        pools = [
            layer for layer in vgg16.build(spec(32, 32), head=head).modules() if "Adaptive" in type(layer).__name__
        ]
        # torch averages to one position as a mean, whose gradient is deterministic
        assert all(isinstance(pool, AdaptiveAvgPool2d) or pool.output_size == 1 for pool in pools) and len(pools) == 1


def test_the_small_head_is_what_its_table_says() -> None:
    torch.manual_seed(0)
    network = vgg16.build(spec(64, 50, channels=1), head="small").eval()
    assert count_parameters(vgg16.build(spec(32, 32, classes=10), head="small")) == 15_245_130
    image_BCHW = images(2, 1, 64, 50)
    x = image_BCHW
    convolutions = iter([layer for layer in network.features if isinstance(layer, nn.Conv2d)])
    for repeats in (2, 2, 3, 3, 3):
        for _ in range(repeats):
            convolution = next(convolutions)
            x = torch.relu(nn.functional.conv2d(x, convolution.weight, convolution.bias, padding=1))
        x = nn.functional.max_pool2d(x, 2)
    x = x.mean(dim=(2, 3))
    first, _, _, second, _, _, output = network.classifier
    by_hand = output(torch.relu(second(torch.relu(first(x)))))
    torch.testing.assert_close(network(image_BCHW), by_hand, rtol=1e-4, atol=1e-5)  # sums of up to 4608 products


def test_the_small_head_keeps_the_names_and_the_start_of_torchvisions_convolutions() -> None:
    torch.manual_seed(0)
    ours = vgg16.build(spec(32, 32), head="small", normalisation="batch")
    theirs = torchvision.models.vgg16_bn().features.state_dict()
    assert {name: value.shape for name, value in ours.features.state_dict().items()} == {
        name: value.shape for name, value in theirs.items()
    }
    for name, value in ours.features.state_dict().items():
        if value.ndim == 4:
            assert value.std().item() == pytest.approx(theirs[name].std().item(), rel=0.1), name
        elif value.is_floating_point():
            assert torch.equal(value, theirs[name]), name


def test_a_grey_network_begins_as_a_coloured_one() -> None:
    torch.manual_seed(0)
    first = vgg16.build(spec(32, 32, channels=1), head="small").features[0]
    assert first.weight.shape == (64, 1, 3, 3) and not first.bias.any()
    assert first.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.1)  # normal, by the outputs


@pytest.mark.parametrize("head", ["large", "small"])
def test_dropout_comes_before_the_second_and_the_last_linear_layer(head: str) -> None:
    network = vgg16.build(spec(32, 32), head=head, dropout=0.3)
    assert [layer.p if isinstance(layer, nn.Dropout) else None for layer in network.classifier] == [
        None, None, 0.3, None, None, 0.3, None,
    ]  # fmt: skip


@pytest.mark.parametrize("head", ["large", "small"])
def test_the_least_side_is_named_and_taken(head: str) -> None:
    message = (
        r"vgg16 cannot take 31x40 images: a side must be at least 32\. At pooling 5 .* 1x2 positions arrive and 0x1 "
    )
    with pytest.raises(UserError, match=message):
        vgg16.build(spec(31, 40), head=head)
    with pytest.raises(UserError, match="40x31 images: a side must be at least 32"):
        vgg16.build(spec(40, 31), head=head)
    assert vgg16.build(spec(32, 40, classes=2), head=head).eval()(images(1, 3, 32, 40)).shape == (1, 2)


def test_torchvision_is_imported_only_to_build() -> None:
    code = "import sys, saccade.models.vgg16, saccade.models.googlenet; print('torchvision' in sys.modules)"
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path}; {code}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
