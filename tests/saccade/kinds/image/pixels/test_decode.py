"""One image: our size and channels against Pillow's own.

Shapes: H height, W width, C channels.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from saccade.core.errors import UserError
from saccade.data.spec import Fit
from saccade.kinds.image.pixels.decode import decode_for, decode_image
from saccade.kinds.image.pixels.resize import prepare_image

SIZES = [(9, 14), (5, 20), (23, 4), (9, 7), (4, 14)]


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, size=shape, dtype=np.uint8)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


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


@pytest.mark.parametrize("shape", [(9, 14), (14, 9), (9, 14, 3), (31, 4, 3), (5, 5)])
@pytest.mark.parametrize("size", [(6, 6), (4, 11), (20, 10)])
def test_crop_and_pad_keep_proportions_as_pillow_does(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    image, channels = picture(*shape), 3 if len(shape) == 3 else 1
    original, (height, width) = Image.fromarray(image), size
    cropped = ImageOps.fit(original, (width, height), Image.Resampling.BILINEAR)
    result = prepare_image(image, size, channels, "crop")
    assert np.abs(result.squeeze().astype(int) - np.asarray(cropped).squeeze()).max() <= 1  # its box is rounded apart
    inner_size = ImageOps.contain(original, (width, height)).size
    inner = original.resize(inner_size, Image.Resampling.BILINEAR, reducing_gap=3.0)
    result = prepare_image(image, size, channels, "pad")
    top, left = (height - inner.height) // 2, (width - inner.width) // 2
    shown = result[top : top + inner.height, left : left + inner.width]
    np.testing.assert_array_equal(shown.reshape(np.asarray(inner).shape), np.asarray(inner))
    assert result.sum() == shown.sum()  # black around it


def test_shrinking_in_two_steps_is_hard_to_tell_from_one() -> None:
    from sklearn.datasets import load_sample_image

    for name in ("china.jpg", "flower.jpg"):
        image_HWC = load_sample_image(name)
        difference = np.abs(prepare_image(image_HWC, (48, 48), 3).astype(int) - pillow(image_HWC, (48, 48)))
        assert 0 < difference.mean() < 0.4 and (difference > 2).mean() < 0.01


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_what_has_the_right_proportions_is_the_same_whatever_the_fit(fit: Fit) -> None:
    image_HWC = picture(12, 20, 3)
    np.testing.assert_array_equal(prepare_image(image_HWC, (6, 10), 3, fit), pillow(image_HWC, (6, 10)))


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


@pytest.mark.parametrize("shape", [(0, 4), (5, 0, 3)])
def test_an_image_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"of shape \(.*0.*\) must have at least one pixel"):
        prepare_image(np.zeros(shape, np.uint8), (4, 4), 1)


# --- decoding


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("shape", [(9, 14), (9, 14, 3)])
def test_a_file_is_decoded_as_pillow_does(kind: str, shape: tuple[int, ...]) -> None:
    content = file_of(Image.fromarray(picture(*shape)), kind)
    with Image.open(io.BytesIO(content)) as image:
        expected = np.asarray(image.convert("L" if image.mode == "L" else "RGB"))
    result = decode_image(content)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, expected)
    if kind in ("PNG", "BMP", "TIFF"):  # those lose nothing
        np.testing.assert_array_equal(result, picture(*shape))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(orientation: int) -> None:
    image = Image.fromarray(picture(9, 14, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    assert expected.shape == ((14, 9, 3) if orientation > 4 else (9, 14, 3))
    np.testing.assert_array_equal(decode_image(file_of(image, exif=exif)), expected)


def test_transparent_parts_show_white() -> None:
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[..., 0] = 200  # red
    pixels[0, :, 3] = [255, 0, 127]
    result = decode_image(file_of(Image.fromarray(pixels, "RGBA")))
    assert result.shape == (2, 3, 3)
    assert result[0].tolist() == [[200, 0, 0], [255, 255, 255], [228, 128, 128]]
    assert (result[1] == 255).all()


@pytest.mark.parametrize("mode", ["LA", "P"])
def test_other_transparency_shows_white_too(mode: str) -> None:
    image = Image.fromarray(np.array([[10, 20], [30, 40]], np.uint8))
    if mode == "LA":
        image.putalpha(Image.fromarray(np.array([[255, 0], [255, 255]], np.uint8)))
        content = file_of(image)
    else:
        image = image.convert("P")
        content = file_of(image, transparency=20)
    assert decode_image(content).tolist() == [[[10] * 3, [255] * 3], [[30] * 3, [40] * 3]]


def test_a_palette_becomes_its_colours() -> None:
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    image.putpalette([250, 0, 0, 0, 240, 0])
    assert decode_image(file_of(image)).tolist() == [[[250, 0, 0], [0, 240, 0]], [[0, 240, 0], [250, 0, 0]]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_to_eight(kind: str) -> None:
    values = np.array([[0, 128, 129], [257, 32896, 65535]], np.uint16)
    result = decode_image(file_of(Image.fromarray(values), kind))
    assert result.dtype == np.uint8 and result.tolist() == [[0, 0, 1], [1, 128, 255]]


def test_one_bit_and_cmyk_are_read() -> None:
    assert decode_image(file_of(Image.fromarray(np.array([[True, False]])))).tolist() == [[255, 0]]
    ink = file_of(Image.new("CMYK", (16, 8), (0, 255, 255, 0)), "JPEG", quality=100)
    assert np.abs(decode_image(ink).astype(int) - [255, 0, 0]).max() <= 2  # JPEG's rounding


def test_the_first_of_several_frames_is_taken() -> None:
    frames = [Image.new("L", (4, 3), value) for value in (50, 200)]
    content = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decode_image(content) == 50).all()


WHOLE = file_of(Image.fromarray(picture(90, 140, 3)), "JPEG")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "must be a picture: its 0 bytes are none that Pillow knows", id="empty"),
        pytest.param(b"<html>" * 1000, "must be a picture: its 6,000 bytes are none", id="a web page"),
        pytest.param(WHOLE[: len(WHOLE) // 2], "must be a whole picture: image file is truncated", id="cut"),
        pytest.param(file_of(Image.fromarray(picture(9, 14)))[:-30], "must be a whole picture: ", id="PNG cut"),
    ],
)
def test_what_cannot_be_decoded_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        decode_image(content)


def test_a_picture_of_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UserError, match=r"must be a whole picture: Image size .* exceeds limit of 200 pixels"):
        decode_image(WHOLE)


@pytest.mark.parametrize("shape", [(700, 900, 3), (900, 700)])
def test_a_jpeg_for_a_small_image_is_decoded_small_and_tells_its_own_size(shape: tuple[int, ...]) -> None:
    from sklearn.datasets import load_sample_image

    photograph = Image.fromarray(load_sample_image("flower.jpg")).resize((shape[1], shape[0]))
    content = file_of(photograph if len(shape) == 3 else photograph.convert("L"), "JPEG", quality=90)
    image, sides = decode_for(content, (12, 9))
    whole = decode_image(content)
    assert (
        sides == shape[:2] == whole.shape[:2] and image.size == whole.size / 16
    )  # 4 x 128 pixels fit into 700, 8 do not
    difference = np.abs(prepare_image(image, (12, 9), 3).astype(int) - prepare_image(whole, (12, 9), 3))
    assert difference.mean() < 1 and difference.max() <= 6
    image, sides = decode_for(content, (12, 140))  # three times 140 fit once
    assert image.shape == whole.shape and sides == shape[:2]


@pytest.mark.parametrize("turn", range(1, 9))
def test_turned_jpegs_are_upright_when_decoded_small_and_tell_their_upright_size(turn: int) -> None:
    exif = Image.Exif()
    exif[274] = turn
    content = file_of(Image.fromarray(np.kron(picture(7, 11, 3), np.ones((100, 100, 1), np.uint8))), "JPEG", exif=exif)
    image, sides = decode_for(content, (10, 10))
    whole = decode_image(content)
    assert sides == whole.shape[:2] == ((700, 1100) if turn < 5 else (1100, 700))
    assert image.shape == (sides[0] // 4, sides[1] // 4, 3)
    assert np.abs(prepare_image(image, (10, 10), 3).astype(int) - prepare_image(whole, (10, 10), 3)).mean() < 1


@pytest.mark.parametrize("progressive", [False, True])
def test_damage_is_found_at_a_reduced_size_as_at_the_full_one(progressive: bool) -> None:
    noise = np.kron(picture(30, 40, 3), np.ones((20, 20, 1), np.uint8))
    content = file_of(Image.fromarray(noise), "JPEG", progressive=progressive)
    random = np.random.default_rng(0)

    def is_read(decode: Callable[..., Any], damaged: bytes, *size: tuple[int, int]) -> bool:
        try:
            decode(damaged, *size)
        except UserError:
            return False
        return True

    refused = 0
    for i in range(30):
        damaged = bytearray(content[: int(random.integers(300, len(content)))] if i % 2 else content)
        for _ in range(0 if i % 2 else 20):
            damaged[int(random.integers(len(damaged)))] = int(random.integers(256))
        read = is_read(decode_image, bytes(damaged))
        assert is_read(decode_for, bytes(damaged), (16, 16)) == read
        refused += not read
    assert refused >= 10


def test_what_is_no_jpeg_is_decoded_whole() -> None:
    image, sides = decode_for(file_of(Image.fromarray(picture(900, 700, 3))), (8, 8))
    assert image.shape == (900, 700, 3) and sides == (900, 700)
