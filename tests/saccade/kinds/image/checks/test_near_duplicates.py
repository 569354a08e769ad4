"""Near duplicates: planted ones are found, what merely looks alike is not.

Shapes: N pictures, H height, W width, S side of a thumbnail.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

from saccade.datasets import mnist
from saccade.kinds.image.checks.near_duplicates import THUMBNAIL_SIDE, NearPair, find_near_duplicates, thumbnail

S = THUMBNAIL_SIDE


def by_area(image_HW: np.ndarray) -> np.ndarray:
    """The mean of each area, by repeating each pixel so often that areas hold whole ones: (S, S)."""
    H, W = image_HW.shape
    return image_HW.repeat(S, axis=0).repeat(S, axis=1).reshape(S, H, S, W).mean((1, 3))


@pytest.mark.parametrize(("shape", "bound"), [((5, 7), 0.51), ((64, 28), 0.51), ((67, 100), 0.51), ((301, 190), 1.51)])
def test_a_thumbnail_holds_the_mean_of_each_area(shape: tuple[int, int], bound: float) -> None:
    """Half a level of rounding; one more where pixels were averaged first and such a mean is shared by two areas."""
    smooth = np.add.outer(np.linspace(0, 120, shape[0]), np.linspace(0, 120, shape[1]))
    image_HW = (smooth + np.random.default_rng(0).integers(0, 8, shape)).astype(np.uint8)
    assert np.abs(thumbnail(image_HW) - by_area(image_HW)).max() < bound


def test_a_thumbnail_of_colour_is_that_of_its_grey() -> None:
    colour_HW3 = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    grey_HW = np.asarray(Image.fromarray(colour_HW3).convert("L"))
    for image in (colour_HW3, grey_HW, grey_HW[..., None]):
        made = thumbnail(image)
        assert made.dtype == np.uint8 and made.shape == (S, S)
        np.testing.assert_array_equal(made, thumbnail(grey_HW))


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def resized(image: np.ndarray, factor: float) -> np.ndarray:
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "JPEG 30": lambda image: jpeg(image, 30),
    "JPEG 95": lambda image: jpeg(image, 95),
    "half the size": lambda image: resized(image, 0.5),
    "half as large again": lambda image: resized(image, 1.5),
    "brighter": lambda image: np.clip(image * 1.3, 0, 255).astype(np.uint8),
    "duller": lambda image: (image * 0.7 + 0.3 * image.mean()).astype(np.uint8),
    "top left cut": lambda image: image[len(image) // 6 :, image.shape[1] // 12 :],
    "right and bottom cut": lambda image: image[: len(image) * 8 // 10, : image.shape[1] * 9 // 10],
    "cut and JPEG 50": lambda image: jpeg(image[len(image) // 10 :, : image.shape[1] * 85 // 100].copy(), 50),
}


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    """Pieces of two photographs, none overlapping another: uint8 (70, 71, 3)."""
    china, flower = load_sample_images().images
    height, width = 70, 71
    return [
        np.ascontiguousarray(photograph[top : top + height, left : left + width])
        for photograph in (china, flower)
        for top in range(0, photograph.shape[0] - height + 1, height)
        for left in range(0, photograph.shape[1] - width + 1, width)
        if photograph[top : top + height, left : left + width].mean(2).std() > 15  # sky is too dull to tell apart
    ]


def find(images: list[np.ndarray], **options: Any) -> list[NearPair]:
    sides_N2 = np.array([image.shape[:2] for image in images])
    return find_near_duplicates(np.stack([thumbnail(image) for image in images]), sides_N2=sides_N2, **options)


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found(kind: str, photographs: list[np.ndarray]) -> None:
    N = len(photographs)
    pairs = {(pair.first, pair.second) for pair in find([*photographs, *map(COPIES[kind], photographs)])}
    planted = {(row, row + N) for row in range(N)}
    assert N > 50 and len(pairs & planted) >= 0.9 * N
    assert not pairs - planted


def test_pairs_are_ordered_and_their_difference_is_in_grey_levels(photographs: list[np.ndarray]) -> None:
    noise = np.random.default_rng(0).normal(scale=15, size=photographs[0].shape[:2])[..., None]
    noisy = np.clip(photographs[7] + noise, 0, 255).astype(np.uint8)
    pairs = find([noisy, jpeg(photographs[30], 90), *photographs])
    assert [(pair.first, pair.second) for pair in pairs] == [(1, 32), (0, 9)]
    assert 0 < pairs[0].difference < 0.5
    # 15 levels, averaged over areas of 70 x 71 pixels / 16 x 16, a little less where the alignment follows the noise
    assert pairs[1].difference == pytest.approx(15 / np.sqrt(70 * 71) * 16, rel=0.15)


def test_equal_ones_are_paired_with_the_first_and_flat_ones_only_when_equal() -> None:
    flat = [np.full((9, 9), level, np.uint8) for level in (0, 200, 201, 200, 200)]
    assert find(flat) == [NearPair(1, 3, 0.0), NearPair(1, 4, 0.0)]
    faint = np.random.default_rng(0).integers(100, 102, (300, 64, 64), dtype=np.uint8)
    assert find_near_duplicates(faint) == []


def test_only_rows_asked_for_are_compared(photographs: list[np.ndarray]) -> None:
    images = [photographs[5], photographs[5], photographs[9], jpeg(photographs[9], 80), jpeg(photographs[5], 70)]
    among = np.array([False, True, True, False, True])
    assert [(pair.first, pair.second) for pair in find(images, among=among)] == [(1, 4)]
    assert find(images, among=np.array([1, 2, 4])) == find(images, among=among)
    assert find(images, among=np.zeros(5, dtype=bool)) == []


def test_the_same_every_time_and_progress_reaches_its_totals(photographs: list[np.ndarray]) -> None:
    images = [*photographs, *(jpeg(image, 40) for image in photographs)]
    last: dict[str, tuple[int, int | None]] = {}

    def progress(what: str, done: int, total: int | None) -> None:
        last[what] = (done, total)

    assert find(images, progress=progress) == find(images)
    assert last["pictures compared"] == (len(images), len(images))
    done, total = last["pairs compared"]
    assert done == total and done >= len(photographs)


def test_tiles_of_one_material_are_no_copies_and_copies_of_them_are_found() -> None:
    random = np.random.default_rng(2)
    down_H1, across_W = np.linspace(-1, 1, 150)[:, None], np.linspace(-1, 1, 120)
    tiles = [
        (120 + random.normal(0, 12) * down_H1 + random.normal(0, 12) * across_W + random.normal(0, 10, (150, 120)))
        .clip(0, 255)
        .astype(np.uint8)
        for _ in range(60)
    ]
    assert find(tiles) == []
    found = {(pair.first, pair.second) for pair in find([*tiles, *(jpeg(tile, 80) for tile in tiles)])}
    assert found <= {(row, row + 60) for row in range(60)} and len(found) >= 54


def test_small_pictures_are_compared_over_larger_areas(photographs: list[np.ndarray]) -> None:
    small = [resized(image, 0.4) for image in photographs]
    images = [*small, *(resized(image, 0.6) for image in small)]  # 28 pixels, and 17
    thumbnails_NSS = np.stack([thumbnail(image) for image in images])
    assert len(find(images)) >= 0.95 * len(small) > 1.05 * len(find_near_duplicates(thumbnails_NSS))


def test_handwritten_digits_are_no_copies_of_each_other() -> None:
    images_NHW = np.rint(load_digits().images * 255 / 16).astype(np.uint8)
    assert find(list(images_NHW)) == []


@pytest.mark.slow
def test_hardly_an_mnist_test_image_is_a_copy_of_a_training_image(real_data: Callable[[str], Path]) -> None:
    examples = mnist.read(real_data("mnist"))
    pairs = find([examples.image(row) for row in range(len(examples.labels))])
    flagged = {pair.second for pair in pairs if pair.first < 60_000 <= pair.second}
    assert 0 < len(flagged) <= 50  # of 10,000
