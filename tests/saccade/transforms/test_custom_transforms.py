"""Our own transforms, against what their formulas say."""

import numpy as np
import pytest

from saccade.transforms.custom_transforms import (
    BrokenStrokes,
    InkSpread,
    PrincipalColorShift,
    StainJitter,
    UnevenLight,
    principal_colors,
)

NO_COLORS = np.zeros((3, 3))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pictures(count: int = 40, side: int = 9, channels: int = 3) -> np.ndarray:
    """Of correlated colours, far from black and white."""
    mix = np.array([[30.0, 0, 0], [20, 12, 0], [5, -8, 4]])[:channels, :channels]
    colours = 128 + rng(1).normal(size=(count, side, side + 2, channels)) @ mix.T
    return np.rint(colours.clip(0, 255)).astype(np.uint8)


def test_principal_colours_are_eigenvectors_of_numpy_s_covariance_times_eigenvalues() -> None:
    images = pictures()
    covariance = np.cov(images.reshape(-1, 3).T / 255.0, bias=True)
    components = principal_colors(images)
    values = np.linalg.norm(components, axis=0)
    np.testing.assert_allclose(covariance @ components, components * values, atol=1e-12)
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(covariance), rtol=1e-9)


def test_of_many_images_some_are_measured_and_the_last_among_them() -> None:
    few = pictures(count=5)
    many = np.repeat(few, 1000, axis=0)
    np.testing.assert_allclose(principal_colors(many), principal_colors(few), rtol=1e-2)
    many[-1] = 0
    assert not np.allclose(principal_colors(many), principal_colors(np.repeat(few, 1000, axis=0)), rtol=1e-9, atol=0)


def test_the_shift_has_the_covariance_of_the_paper_s_formula() -> None:
    colors = principal_colors(pictures())
    image = np.full((1, 1, 3), 128, np.uint8)
    shift, random = PrincipalColorShift(std=3.0), rng()  # of 3, so that rounding to bytes does not matter
    shifts = np.array([shift(image, random, colors)[0, 0].astype(float) - 128 for _ in range(20_000)])
    expected = (255 * 3.0) ** 2 * colors @ colors.T
    np.testing.assert_allclose(np.cov(shifts.T), expected, rtol=0.05, atol=0.05 * np.abs(expected).max())


def test_one_shift_moves_every_pixel_alike_and_grey_images_too() -> None:
    for channels in (1, 3):
        images = pictures(channels=channels)
        moved = PrincipalColorShift(std=4.0)(images[0], rng(3), principal_colors(images)).astype(int) - images[0]
        inside = moved[(images[0] > 60).all(axis=2) & (images[0] < 195).all(axis=2)]
        assert len(inside) > 50 and (inside == inside[0]).all() and (inside != 0).any()


def letter(paper: int, ink: int) -> np.ndarray:
    image = np.full((20, 24, 1), paper, np.uint8)
    image[4:16, 10:13] = ink
    return image


@pytest.mark.parametrize(("paper", "ink"), [(240, 20), (20, 240)])
def test_ink_swells_and_thins_whichever_it_is(paper: int, ink: int) -> None:
    image = letter(paper, ink)

    def inked(picture: np.ndarray) -> float:
        return float(((picture.astype(float) - paper) / (ink - paper)).sum())

    swollen, thinned = (InkSpread((amount, amount))(image, rng(), NO_COLORS) for amount in (0.5, -0.5))
    assert inked(thinned) < inked(image) < inked(swollen)
    assert swollen[10, 9, 0] == round(paper + 0.5 * (ink - paper))  # half a pixel
    np.testing.assert_array_equal(InkSpread((0, 0))(image, rng(), NO_COLORS), image)


@pytest.mark.parametrize(("paper", "ink"), [(240, 20), (20, 240)])
def test_a_cut_takes_ink_away_and_leaves_most_of_it(paper: int, ink: int) -> None:
    image = letter(paper, ink)
    for seed in range(50):
        cut = BrokenStrokes((1, 1), (1, 1))(image, rng(seed), NO_COLORS)
        changed = cut != image
        assert (cut[changed] == paper).all() and (image[changed] == ink).all()
        assert 1 <= changed.sum() <= 0.3 * (image == ink).sum()
    blank = np.full((9, 9, 3), 77, np.uint8)
    np.testing.assert_array_equal(BrokenStrokes()(blank, rng(), NO_COLORS), blank)


def test_stains_are_put_together_as_they_were_and_more_of_them_is_darker() -> None:
    image = rng(2).integers(1, 256, size=(12, 15, 3), dtype=np.uint8)
    same = StainJitter((1, 1), (0, 0))(image, rng(), NO_COLORS)
    np.testing.assert_array_equal(same, image)
    tissue = np.full((4, 5, 3), (180, 120, 170), np.uint8)
    assert StainJitter((1.2, 1.2), (0, 0))(tissue, rng(), NO_COLORS).mean() < tissue.mean()
    with pytest.raises(ValueError, match="StainJitter takes 3 channels"):
        StainJitter()(letter(0, 9), rng(), NO_COLORS)


def test_stains_are_those_of_the_published_table() -> None:
    """Pure hematoxylin, of the published colour, stays on the ray of that colour when its amount changes."""
    density = np.array([0.65, 0.70, 0.29])
    pixel = np.rint(255 * np.exp(-density)).astype(np.uint8).reshape(1, 1, 3)
    more = StainJitter((1.5, 1.5), (0, 0))(pixel, rng(), NO_COLORS)
    np.testing.assert_allclose(-np.log(more[0, 0] / 255.0), 1.5 * density, atol=0.02)


def test_light_is_uneven_within_its_strength_and_does_not_move_anything() -> None:
    image = np.full((30, 40, 1), 100, np.uint8)
    kinds = set()
    for seed in range(40):
        lit = UnevenLight((0.2, 0.2))(image, rng(seed), NO_COLORS)[..., 0].astype(float)
        assert 79.5 <= lit.min() < lit.max() <= 120.5
        kinds.add(np.abs(np.diff(lit, n=2, axis=0)).max() <= 1)  # a slope has no second difference but rounding
    assert kinds == {True, False}


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (PrincipalColorShift, {"std": -0.1}, r"std \(-0.1\) must be a number in \[0, 10\]"),
        (PrincipalColorShift, {"std": True}, r"std \(True\) must be a number"),
        (InkSpread, {"amount_range": [0.5, 0.1]}, r"amount_range \(\[0.5, 0.1\]\) must be in ascending order"),
        (InkSpread, {"amount_range": [-2, 0]}, r"lie in \[-1, 1\]"),
        (InkSpread, {"amount_range": 0.5}, r"amount_range \(0.5\) must be two numbers"),
        (BrokenStrokes, {"count_range": [0, 2]}, r"count_range \(\[0, 2\]\) must .* lie in \[1, 1000\]"),
        (BrokenStrokes, {"width_range": [1, 1.5]}, r"width_range \(\[1, 1.5\]\) must hold whole numbers"),
        (StainJitter, {"scale_range": ["a", 1]}, r"scale_range \(\['a', 1\]\) must be two numbers"),
        (StainJitter, {"shift_range": [-2, 0]}, r"shift_range \(\[-2, 0\]\) must"),
        (UnevenLight, {"strength_range": [0, 1.1]}, r"strength_range \(\[0, 1.1\]\) must"),
    ],
)
def test_arguments_out_of_range_are_refused(kind: type, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**arguments)
