"""One image: our size and channels against Pillow's own.

Shapes: H height, W width, C channels.
"""

import numpy as np
import pytest
from PIL import Image

from saccade.errors import UserError
from saccade.images import prepare_image

SIZES = [(9, 14), (5, 20), (23, 4), (9, 7), (4, 14)]


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, size=shape, dtype=np.uint8)


def pillow(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


@pytest.mark.parametrize("size", SIZES)
def test_grey_is_resized_as_pillow_does(size: tuple[int, int]) -> None:
    image_HW = picture(9, 14)
    expected_HW = pillow(image_HW, size)
    for image in (image_HW, image_HW[..., None]):
        result = prepare_image(image, size, 1)
        assert result.dtype == np.uint8 and result.shape == (*size, 1)
        np.testing.assert_array_equal(result[..., 0], expected_HW)


@pytest.mark.parametrize("size", SIZES)
def test_colour_is_resized_as_pillow_does(size: tuple[int, int]) -> None:
    image_HWC = picture(9, 14, 3)
    result = prepare_image(image_HWC, size, 3)
    assert result.dtype == np.uint8 and result.shape == (*size, 3)
    np.testing.assert_array_equal(result, pillow(image_HWC, size))


def test_an_image_of_that_size_and_those_channels_stays_as_it_is() -> None:
    for channels in (1, 3):
        image_HWC = picture(9, 14, channels)
        np.testing.assert_array_equal(prepare_image(image_HWC, (9, 14), channels), image_HWC)


@pytest.mark.parametrize("size", SIZES)
def test_grey_becomes_rgb_by_repetition(size: tuple[int, int]) -> None:
    image_HW = picture(9, 14)
    result = prepare_image(image_HW, size, 3)
    assert result.shape == (*size, 3)
    for channel in range(3):
        np.testing.assert_array_equal(result[..., channel], pillow(image_HW, size))


def test_rgb_becomes_grey_as_pillow_does() -> None:
    image_HWC = picture(90, 140, 3)
    expected_HW = np.asarray(Image.fromarray(image_HWC).convert("L")).astype(int)
    result_HW = prepare_image(image_HWC, (90, 140), 1)[..., 0].astype(int)
    assert np.abs(result_HW - expected_HW).max() <= 1  # Pillow rounds the weights to 16 bits
    assert (result_HW == expected_HW).mean() > 0.999


def test_the_weights_of_red_green_and_blue_are_not_swapped() -> None:
    image_HWC = np.zeros((1, 3, 3), np.uint8)
    image_HWC[0, [0, 1, 2], [0, 1, 2]] = 255
    assert prepare_image(image_HWC, (1, 3), 1).ravel().tolist() == [76, 150, 29]


def test_grey_given_as_rgb_keeps_every_value() -> None:
    image_HW = np.arange(256, dtype=np.uint8).reshape(8, 32)
    result = prepare_image(np.stack([image_HW] * 3, axis=2), (8, 32), 1)
    np.testing.assert_array_equal(result[..., 0], image_HW)


@pytest.mark.parametrize("size", SIZES)
def test_rgb_to_grey_and_another_size_is_both(size: tuple[int, int]) -> None:
    image_HWC = picture(9, 14, 3)
    expected_HW = pillow(np.asarray(Image.fromarray(image_HWC).convert("L")), size).astype(int)
    result = prepare_image(image_HWC, size, 1)
    assert result.shape == (*size, 1)
    assert np.abs(result[..., 0].astype(int) - expected_HW).max() <= 1  # as above: one grey level


def test_shrinking_averages_and_does_not_pick() -> None:
    board_HW = (np.indices((64, 48)).sum(axis=0) % 2 * 255).astype(np.uint8)
    result = prepare_image(board_HW, (8, 6), 1)
    assert np.abs(result.astype(int) - 127).max() <= 2


@pytest.mark.parametrize(
    ("image", "named"),
    [
        pytest.param(np.zeros((5, 4), np.float32), r"float32 and shape \(5, 4\)", id="float"),
        pytest.param(np.zeros((5, 4), np.uint16), r"uint16 and shape \(5, 4\)", id="16 bits"),
        pytest.param(np.zeros((5, 4), bool), r"bool and shape \(5, 4\)", id="bool"),
        pytest.param(np.zeros((5, 4, 4), np.uint8), r"uint8 and shape \(5, 4, 4\)", id="alpha"),
        pytest.param(np.zeros((3, 5, 4), np.uint8), r"uint8 and shape \(3, 5, 4\)", id="channels first"),
        pytest.param(np.zeros(5, np.uint8), r"uint8 and shape \(5,\)", id="a row"),
        pytest.param(np.zeros((1, 5, 4, 3), np.uint8), r"uint8 and shape \(1, 5, 4, 3\)", id="a batch"),
    ],
)
def test_what_is_no_image_is_refused(image: np.ndarray, named: str) -> None:
    with pytest.raises(UserError, match=rf"dtype {named} must be uint8 and \(H, W\), \(H, W, 1\) or \(H, W, 3\)"):
        prepare_image(image, (5, 4), 1)
