"""EfficientNet-Lite0 with the weights that were published for it.

Shapes: B batch, C channels, H height, W width.
"""

import functools

import cv2
import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import efficientnet_lite0
from saccade.nn.inspect import count_parameters
from saccade.transfer.load_weights import load_into
from saccade.transfer.published_weights import published_normalisation, published_weights
from saccade.transfer.weight_files import read_weights


def spec(height: int, width: int, channels: int = 3, classes: int = 1000) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


@functools.cache
def published() -> dict[str, Tensor]:
    return efficientnet_lite0.from_published(read_weights(published_weights("efficientnet_lite0")))


def photograph(name: str, side: int) -> Tensor:
    """The middle of one of scikit-learn's photographs, as the weights want it: float (1, C, H, W)."""
    image_HWC = load_sample_image(name)
    height, width, _ = image_HWC.shape
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    small_HWC = cv2.resize(image_HWC[top : top + edge, left : left + edge], (side, side), interpolation=cv2.INTER_AREA)
    mean, std = published_normalisation("efficientnet_lite0", 3)
    x_HWC = torch.from_numpy(np.ascontiguousarray(small_HWC)).float() / 255
    return ((x_HWC - torch.tensor(mean)) / torch.tensor(std)).permute(2, 0, 1)[None]


def test_the_number_of_parameters_is_the_published_one() -> None:
    assert count_parameters(efficientnet_lite0.build(spec(224, 224))) == 4_652_008


@pytest.mark.parametrize(("name", "expected"), [("china.jpg", 698), ("flower.jpg", 985)])  # palace, daisy
def test_published_weights_recognise_photographs(name: str, expected: int) -> None:
    network = efficientnet_lite0.build(spec(224, 224)).eval()
    network.load_state_dict(published())
    with torch.no_grad():
        assert int(network(photograph(name, 224)).argmax()) == expected


def test_small_images_are_enlarged_first() -> None:
    enlarging = efficientnet_lite0.build(spec(64, 64), input_side=224).eval()
    enlarging.load_state_dict(published())
    plain = efficientnet_lite0.build(spec(224, 224)).eval()
    plain.load_state_dict(published())
    small = photograph("china.jpg", 64)
    large = torch.nn.functional.interpolate(small, size=(224, 224), mode="bilinear", antialias=True)
    with torch.no_grad():
        assert torch.equal(enlarging(small), plain(large))


def test_a_grey_network_sees_a_grey_image_as_a_coloured_one_does() -> None:
    coloured = efficientnet_lite0.build(spec(64, 48)).eval()
    coloured.load_state_dict(published())
    grey = efficientnet_lite0.build(spec(64, 48, channels=1)).eval()
    lines = load_into(grey, published(), origin="published")
    assert "features.0.conv.weight is summed over its three colours" in lines[1]
    image_B1HW = torch.randn(2, 1, 64, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = coloured(image_B1HW.expand(-1, 3, -1, -1))
        torch.testing.assert_close(grey(image_B1HW), expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_odd_sides_keep_a_position_for_every_started_pair() -> None:
    network = efficientnet_lite0.build(spec(75, 61)).eval()
    with torch.no_grad():
        assert network.features(torch.zeros(1, 3, 75, 61)).shape == (1, 1280, 3, 2)  # 75, 38, 19, 10, 5, 3


def test_too_small_images_are_refused_with_the_remedy() -> None:
    with pytest.raises(UserError, match=r"cannot take 31x40 images: a side must be at least 32.*`input_side: 224`"):
        efficientnet_lite0.build(spec(31, 40))
