"""From stored uint8 images to what a network takes, against the plain formula.

Shapes: B batch, H height, W width, C channels.
"""

import numpy as np
import pytest
import torch

from saccade.inputs import ImageInput

MEAN, STD = [0.1307, 0.5, 0.9], [0.3081, 1 / 255, 0.25]


@pytest.mark.parametrize("channels", [1, 3])
def test_each_pixel_is_normalised_by_its_channel(channels: int) -> None:
    image_BHWC = np.random.default_rng(0).integers(0, 256, size=(2, 5, 4, channels), dtype=np.uint8)
    image_BHWC[0, 0, :2] = [[0] * channels, [255] * channels]
    mean_C, std_C = np.array(MEAN[:channels]), np.array(STD[:channels])
    expected_BCHW = ((image_BHWC / 255 - mean_C) / std_C).transpose(0, 3, 1, 2)
    result = ImageInput(MEAN[:channels], STD[:channels])(torch.from_numpy(image_BHWC))
    assert result.dtype == torch.float32 and result.shape == (2, channels, 5, 4)
    atol = 1e-5 * np.abs(expected_BCHW).max()  # a pixel close to the mean is a small difference of large numbers
    np.testing.assert_allclose(result.numpy(), expected_BCHW, rtol=1e-5, atol=atol)


def test_the_result_lies_in_memory_as_convolutions_like_it() -> None:
    result = ImageInput(MEAN, STD)(torch.zeros(2, 5, 4, 3, dtype=torch.uint8))
    assert result.shape == (2, 3, 5, 4) and result.is_contiguous(memory_format=torch.channels_last)


def test_nothing_of_it_is_a_weight() -> None:
    module = ImageInput(MEAN, STD)
    assert not module.state_dict() and not list(module.parameters())
    assert {name for name, _ in module.named_buffers()} == {"scale_C", "shift_C"}  # they move with the network
