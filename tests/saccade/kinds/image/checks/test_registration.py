"""Windows of pictures: areas to the part of a pixel, and windows that were cut are found again.

Shapes: M pairs, S side.
"""

import numpy as np
import pytest

from saccade.kinds.image.checks.registration import area_weights, compare_details, register


def test_areas_take_parts_of_pixels() -> None:
    weights = area_weights(np.array(0.5), np.array(3.5), pixels=4, areas=2)  # two areas of 1.5 pixels
    np.testing.assert_allclose(weights, np.array([[0.5, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.5]]) / 1.5, rtol=1e-6)


def test_areas_beyond_the_line_add_up_to_less() -> None:
    weights = area_weights(np.array([-2.0, 0.0]), np.array([2.0, 6.0]), pixels=4, areas=4)
    np.testing.assert_allclose(weights.sum(2), [[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 2 / 3, 0.0]], atol=1e-6)


def seen_through(picture_SS: np.ndarray, window_22: np.ndarray, side: int) -> np.ndarray:
    """The window at ``side``, by counting points of a grid so fine that its error is below the tests' bounds."""
    rows, columns = (np.linspace(first, last, side * 40, endpoint=False) for first, last in window_22)
    points = picture_SS[np.ix_((rows + 1e-9).astype(int), (columns + 1e-9).astype(int))]
    return points.reshape(side, 40, side, 40).mean((1, 3))


WINDOWS_M22 = np.array([[[3, 61], [1, 55]], [[0, 55], [7, 62]], [[5, 60], [4, 64]], [[0, 64], [0, 64]]], np.float32)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """float (M, 64, 64): noise that is smooth over a few pixels, as photographs are."""
    noise = np.random.default_rng(seed).normal(size=(count, 64, 64))
    kernel = np.exp(-(np.minimum(np.arange(64), 64 - np.arange(64)) ** 2) / 18)
    smooth = np.fft.ifft2(np.fft.fft2(noise) * np.fft.fft2(np.outer(kernel, kernel))).real
    return 128 + 40 * smooth / smooth.std()


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.6, 50.0)])
def test_the_window_is_found_again_whatever_the_brightness(gain: float, offset: float) -> None:
    sources_MSS = pictures(len(WINDOWS_M22))
    wholes_MSS = gain * np.stack([seen_through(*pair, side=64) for pair in zip(sources_MSS, WINDOWS_M22, strict=True)])
    guesses = WINDOWS_M22 + np.array([[3, -2], [-2, 3]], np.float32)
    found = register(sources_MSS, wholes_MSS + offset, guesses, grid=16, steps=10)
    assert np.abs(found.windows - WINDOWS_M22).max() < 0.1  # pixels
    assert found.difference.max() < 0.3  # grey levels
    np.testing.assert_allclose(found.contrast, 40 * np.sqrt(gain), rtol=0.35)  # the window's, not the picture's


def test_the_difference_is_the_root_mean_square_of_grey_levels() -> None:
    whole_MSS = pictures(1)
    noise_SS = np.random.default_rng(1).normal(scale=2, size=(16, 16)).repeat(4, 0).repeat(4, 1)
    found = register(whole_MSS, whole_MSS + noise_SS, WINDOWS_M22[3:], grid=16, steps=0)
    assert found.difference[0] == pytest.approx(noise_SS.std(), rel=0.03)  # gain and offset take a little of it


def test_other_pictures_are_far_apart_and_the_best_guess_is_kept() -> None:
    guesses = np.repeat(WINDOWS_M22[3:], 20, axis=0)
    first, later = (register(pictures(20), pictures(20, seed=1), guesses, grid=16, steps=s) for s in (0, 6))
    assert (later.difference <= first.difference).all() and later.difference.min() > 15


def test_no_pairs_give_no_windows() -> None:
    none = np.zeros((0, 64, 64), np.uint8)
    assert register(none, none, np.zeros((0, 2, 2)), grid=16, steps=2).windows.shape == (0, 2, 2)


def test_details_are_what_an_area_has_beyond_its_neighbours() -> None:
    """A board of +-5 levels in areas of 2x2 pixels, on large forms that do not count: its copy, inverse, another."""
    sign_GG = np.where(np.indices((32, 32)).sum(axis=0) % 2 == 0, 1, -1)
    stripes_GG = np.where(np.arange(32) % 2 == 0, 1, -1) * np.ones((32, 1))
    large_SS = np.linspace(0, 100, 16).repeat(4)[:, None] * np.ones(64)
    board, inverse, stripes = (
        large_SS + 5 * pattern.repeat(2, 0).repeat(2, 1) for pattern in (sign_GG, -sign_GG, stripes_GG)
    )
    sources, wholes = np.stack([board] * 3), np.stack([0.5 * board, inverse, stripes])
    correlation, strength = compare_details(sources, wholes, np.repeat(WINDOWS_M22[3:], 3, axis=0), grid=32)
    np.testing.assert_allclose(correlation, [1, -1, 0], atol=0.1)
    np.testing.assert_allclose(strength, [2.5, 5, 5], atol=0.5)
