"""MobileNetV3, EfficientNet-B0 and ConvNeXt beside torchvision's own networks.

Shapes: B batch, C channels, H height, W width.
"""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn.inspect import count_parameters
from saccade.transfer.embeddings import only_head_learns, without_head
from saccade.transfer.freeze import backbone_parameters, freeze
from saccade.transfer.load_weights import load_into
from saccade.transfer.published_weights import published_normalisation

THEIRS = {
    "mobilenet_v3": torchvision.models.mobilenet_v3_large,
    "efficientnet_b0": torchvision.models.efficientnet_b0,
    "convnext_tiny": torchvision.models.convnext_tiny,
}
each = pytest.mark.parametrize("name", list(THEIRS))


def build(name: str, height: int, width: int, channels: int = 3, classes: int = 7, **arguments: Any) -> Any:
    spec = Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))
    return registry.module("models", name).build(spec, **arguments)


def images(batch: int, channels: int, height: int, width: int) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("name", "count"), [("mobilenet_v3", 5_483_032), ("efficientnet_b0", 5_288_548), ("convnext_tiny", 28_589_128)]
)
def test_the_number_of_parameters_is_the_published_one(name: str, count: int) -> None:
    assert count_parameters(build(name, 224, 224, classes=1000)) == count
    published = torchvision.models.get_weight(registry.constant("models", name, "PRETRAINED"))
    assert published.meta["num_params"] == count
    assert published_normalisation(name, 3) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


@each
def test_weights_of_torchvision_fit_and_give_the_same_answers_on_images_enlarged_before(name: str) -> None:
    torch.manual_seed(0)
    theirs = THEIRS[name](num_classes=7).eval()
    ours = build(name, 33, 20, input_side=66, **({} if name == "convnext_tiny" else {"dropout": 0.5})).eval()
    ours.load_state_dict(theirs.state_dict())
    image_BCHW = images(2, 3, 33, 20)
    enlarged_BCHW = F.interpolate(image_BCHW, size=(66, 40), mode="bilinear", antialias=True)
    torch.testing.assert_close(ours(image_BCHW), theirs(enlarged_BCHW), rtol=1e-4, atol=1e-5)  # means in another order


@each
def test_colours_are_summed_for_grey_images_and_a_new_head_is_for_other_classes(name: str) -> None:
    theirs, ours = THEIRS[name](num_classes=5), build(name, 40, 40, channels=1)
    lines = load_into(ours, theirs.state_dict(), origin="torchvision")
    assert any("is summed over its three colours" in line for line in lines)
    assert any("is new: 7 outputs here, 5 there" in line for line in lines)
    grey_B1HW = images(2, 1, 40, 40)
    torch.testing.assert_close(
        ours.eval().features(grey_B1HW), theirs.eval().features(grey_B1HW.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-4
    )


@each
def test_a_held_backbone_gives_its_head_the_same_in_training(name: str) -> None:
    network = build(name, 40, 33)
    assert not only_head_learns(network, "classifier")
    freeze(network, list(backbone_parameters(network, "classifier")))
    assert only_head_learns(network, "classifier")
    whole = torch.nn.Sequential(torch.nn.Identity(), network).eval()
    features_BD = without_head(whole, "classifier")(images(2, 3, 40, 33))
    torch.testing.assert_close(network.classifier(features_BD), whole(images(2, 3, 40, 33)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["efficientnet_b0", "convnext_tiny"])
def test_a_backbone_that_skips_blocks_in_training_has_no_embeddings(name: str) -> None:
    network = build(name, 40, 33, stochastic_depth=0.2)
    freeze(network, list(backbone_parameters(network, "classifier")))
    assert not only_head_learns(network, "classifier")


@each
def test_an_image_that_is_too_small_says_how_to_enlarge_it(name: str) -> None:
    with pytest.raises(UserError, match=rf"{name} cannot take 31x40 images: .*at least 32.*`input_side: 224`"):
        build(name, 31, 40)
    assert build(name, 31, 40, input_side=64).size == (50, 64)
