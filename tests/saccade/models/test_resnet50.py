"""ResNet-50 beside torchvision's own. What it shares with ResNet-18 is tested there.

Shapes: B batch, C channels, H height, W width, K classes.
"""

import pytest
import torch
import torchvision
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import resnet50
from saccade.nn.inspect import count_parameters


def spec(height: int, width: int, channels: int = 3, classes: int = 7) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def images(batch: int, channels: int, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))


def test_the_number_of_parameters_is_the_published_one() -> None:
    assert count_parameters(resnet50.build(spec(224, 224, classes=1000))) == 25_557_032
    # kuangliu/pytorch-cifar, for ten classes
    assert count_parameters(resnet50.build(spec(32, 32, classes=10), stem="small")) == 23_520_842


def test_weights_of_torchvision_fit_and_give_the_same_answers() -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet50(num_classes=7).eval()
    ours = resnet50.build(spec(65, 50)).eval()
    ours.load_state_dict(theirs.state_dict())
    image_BCHW = images(3, 3, 65, 50)
    assert torch.equal(ours(image_BCHW), theirs(image_BCHW))


def test_without_residuals_the_same_convolutions_stand_one_after_the_other() -> None:
    torch.manual_seed(0)
    network = resnet50.build(spec(32, 32), stem="small", residual=False).eval()
    x_BCHW = images(2, 3, 20, 14)
    by_hand = torch.relu(network.bn1(network.conv1(x_BCHW)))
    blocks = [block for layer in (network.layer1, network.layer2, network.layer3, network.layer4) for block in layer]
    assert len(blocks) == 3 + 4 + 6 + 3
    for block in blocks:
        for convolution, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2), (block.conv3, block.bn3)):
            by_hand = torch.relu(norm(convolution(by_hand)))
    torch.testing.assert_close(network(x_BCHW), network.fc(by_hand.mean(dim=(2, 3))), rtol=1e-5, atol=1e-6)


def test_without_residuals_only_the_projections_are_gone() -> None:
    whole = resnet50.build(spec(32, 32)).state_dict()
    plain = resnet50.build(spec(32, 32), residual=False).state_dict()
    assert {name for name in whole if ".downsample." not in name} == set(plain)


def test_a_block_adds_its_input() -> None:
    block = resnet50.build(spec(32, 32)).layer1[1].eval()
    nn.init.zeros_(block.bn3.weight)
    x_BCHW = images(2, 256, 5, 4).abs()
    assert torch.equal(block(x_BCHW), x_BCHW)


@pytest.mark.parametrize(("stem", "least"), [("large", 17), ("small", 5)])
def test_the_least_side_is_named_and_taken(stem: str, least: int) -> None:
    with pytest.raises(
        UserError, match=rf"resnet50 cannot take {least - 1}x70 images: a side must be at least {least}\."
    ):
        resnet50.build(spec(least - 1, 70), stem=stem)
    network = resnet50.build(spec(least, 20, channels=1, classes=2), stem=stem).eval()
    assert network(images(2, 1, least, 20)).shape == (2, 2)
