"""ResNet-18 beside torchvision's own.

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
from saccade.models import resnet18
from saccade.nn.inspect import count_parameters

STEMS = {"large": 17, "small": 5}  # least side


def spec(height: int, width: int, channels: int = 3, classes: int = 7) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def images(batch: int, channels: int, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))


def sides_at(network: nn.Module, layer: str, image_BCHW: Tensor) -> tuple[int, int]:
    """Height and width of what a layer gives."""
    seen: list[tuple[int, int]] = []
    hook = network.get_submodule(layer).register_forward_hook(lambda *call: seen.append(tuple(call[2].shape[2:])))
    network.eval()(image_BCHW)
    hook.remove()
    return seen[0]


def test_the_number_of_parameters_is_the_published_one() -> None:
    assert count_parameters(resnet18.build(spec(224, 224, classes=1000))) == 11_689_512
    # kuangliu/pytorch-cifar and its many descendants, for ten classes
    assert count_parameters(resnet18.build(spec(32, 32, classes=10), stem="small")) == 11_173_962


def test_weights_of_torchvision_fit_and_give_the_same_answers() -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(num_classes=7).eval()
    ours = resnet18.build(spec(65, 50)).eval()
    ours.load_state_dict(theirs.state_dict())
    image_BCHW = images(3, 3, 65, 50)
    assert torch.equal(ours(image_BCHW), theirs(image_BCHW))


def test_the_large_stem_of_a_grey_network_is_that_of_a_coloured_one() -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(num_classes=7).eval()
    ours = resnet18.build(spec(65, 50, channels=1)).eval()
    weights = theirs.state_dict()
    weights["conv1.weight"] = weights["conv1.weight"].sum(dim=1, keepdim=True)
    ours.load_state_dict(weights)
    grey_B1HW = images(3, 1, 65, 50)
    torch.testing.assert_close(ours(grey_B1HW), theirs(grey_B1HW.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-5)  # sums


def test_the_small_stem_is_one_convolution_at_full_resolution() -> None:
    torch.manual_seed(0)
    network = resnet18.build(spec(20, 14, channels=2), stem="small").eval()
    image_BCHW = images(3, 2, 20, 14)
    by_hand = nn.functional.conv2d(image_BCHW, network.conv1.weight, padding=1)
    by_hand = torch.relu(network.bn1(by_hand))
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        by_hand = layer(by_hand)
    by_hand = network.fc(by_hand.mean(dim=(2, 3)))
    torch.testing.assert_close(network(image_BCHW), by_hand, rtol=1e-5, atol=1e-6)
    assert sides_at(network, "layer1", image_BCHW) == (20, 14)


@pytest.mark.parametrize(("stem", "channels"), [("small", 3), ("large", 1)])
def test_a_replaced_convolution_starts_as_torchvisions_do(stem: str, channels: int) -> None:
    torch.manual_seed(0)
    weight = resnet18.build(spec(40, 40, channels=channels), stem=stem).conv1.weight
    expected = (2 / (64 * weight.shape[2] ** 2)) ** 0.5  # normal, by the outputs that an input reaches
    assert weight.std().item() == pytest.approx(expected, rel=0.05)


def test_a_block_adds_its_input() -> None:
    torch.manual_seed(0)
    block = resnet18.build(spec(32, 32), stem="small").layer1[1].eval()
    x_BCHW = images(2, 64, 5, 4).abs()
    assert (block(x_BCHW) - x_BCHW).abs().max() > 0.1
    nn.init.zeros_(block.bn2.weight)
    nn.init.zeros_(block.bn2.bias)
    assert torch.equal(block(x_BCHW), x_BCHW)


def test_blocks_may_start_as_the_identity() -> None:
    def last_norms(zero_init_residual: bool) -> list[float]:
        network = resnet18.build(spec(32, 32), stem="small", zero_init_residual=zero_init_residual)
        return [w.abs().max().item() for name, w in network.named_parameters() if name.endswith("bn2.weight")]

    assert last_norms(True) == [0.0] * 8
    assert last_norms(False) == [1.0] * 8


def test_without_residuals_the_same_convolutions_stand_one_after_the_other() -> None:
    torch.manual_seed(0)
    network = resnet18.build(spec(32, 32), stem="small", residual=False).eval()
    x_BCHW = images(2, 3, 20, 14)
    by_hand = torch.relu(network.bn1(network.conv1(x_BCHW)))
    strides = []
    for block in (
        block for layer in (network.layer1, network.layer2, network.layer3, network.layer4) for block in layer
    ):
        strides.append(block.conv1.stride[0])
        by_hand = torch.relu(block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(by_hand))))))
    assert strides == [1, 1, 2, 1, 2, 1, 2, 1]
    torch.testing.assert_close(network(x_BCHW), network.fc(by_hand.mean(dim=(2, 3))), rtol=1e-5, atol=1e-6)


def test_without_residuals_a_block_that_gives_nothing_passes_nothing_on() -> None:
    for residual in (True, False):
        block = resnet18.build(spec(32, 32), stem="small", residual=residual).layer1[1].eval()
        nn.init.zeros_(block.bn2.weight)
        x_BCHW = images(2, 64, 5, 4).abs()
        assert torch.equal(block(x_BCHW), x_BCHW if residual else torch.zeros_like(x_BCHW))


def test_without_residuals_only_the_projections_are_gone() -> None:
    whole = resnet18.build(spec(224, 224, classes=1000)).state_dict()
    plain = resnet18.build(spec(224, 224, classes=1000), residual=False)
    kept = {name: value.shape for name, value in whole.items() if ".downsample." not in name}
    assert {name: value.shape for name, value in plain.state_dict().items()} == kept
    assert count_parameters(plain) == 11_689_512 - (64 * 128 + 128 * 256 + 256 * 512) - 2 * (128 + 256 + 512)


def test_blocks_that_start_at_zero_need_their_sum() -> None:
    with pytest.raises(UserError, match=r"zero_init_residual \(true\) must go with residual: true"):
        resnet18.build(spec(32, 32), stem="small", residual=False, zero_init_residual=True)


@pytest.mark.parametrize(("stem", "least"), STEMS.items())
def test_the_least_side_is_named_and_taken(stem: str, least: int) -> None:
    message = rf"resnet18 cannot take {least - 1}x70 images: a side must be at least {least}\. At layer3 .*enlarge them"
    with pytest.raises(UserError, match=message):
        resnet18.build(spec(least - 1, 70), stem=stem)
    with pytest.raises(UserError, match=f"70x{least - 1} images: a side must be at least {least}"):
        resnet18.build(spec(70, least - 1), stem=stem)
    network = resnet18.build(spec(least, 70), stem=stem)
    assert sides_at(network, "layer3", images(1, 3, least, 70))[0] == 2
    assert sides_at(network, "layer3", images(1, 3, least - 1, 70))[0] == 1


def test_an_image_too_small_for_the_large_stem_is_told_of_the_small_one() -> None:
    with pytest.raises(UserError, match="stem: small takes 5 and more; or enlarge"):
        resnet18.build(spec(16, 16))
    with pytest.raises(UserError, match=r"needed; enlarge"):
        resnet18.build(spec(4, 4), stem="small")


@pytest.mark.parametrize("classes", [2, 11])
def test_any_number_of_classes(classes: int) -> None:
    network = resnet18.build(spec(32, 32, classes=classes), stem="small").eval()
    assert network(images(2, 3, 32, 32)).shape == (2, classes)


def test_torchvision_is_imported_only_to_build() -> None:
    code = "import sys, saccade.models.resnet18; print('torchvision' in sys.modules)"
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path}; {code}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
