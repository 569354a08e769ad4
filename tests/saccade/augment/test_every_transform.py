"""Every transform that params.yaml may name makes the same view wherever and whenever, and different views elsewhere.

Whether a transform draws at random is seen at p: 0.5, where each one that changes an image at all is applied or not;
those that draw nothing besides are found by a rule, from the methods that they have.
"""

import functools
import json
import random
from collections.abc import Callable
from typing import Any

import albumentations
import numpy as np
import pytest

from pipeline.schema.transforms import TABLE
from saccade.augment.check_transforms import sample_arguments
from saccade.augment.policies import POLICIES, resolve_transforms
from saccade.transforms.albumentations_adapter import (
    apply_transforms,
    augment_image,
    build,
    colors_for,
    transform_class,
    walk_transforms,
)
from saccade.transforms.custom_transforms import CUSTOM_TRANSFORMS, principal_colors

TABLE_ROWS: dict[str, dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))
USABLE = [name for name, row in TABLE_ROWS.items() if "refused" not in row]
SIDE, VIEWS = 16, 24

# With their defaults these change nothing, or nothing that an image of 16 pixels shows, or always the same.
LOUDER: dict[str, dict[str, Any]] = {
    "Affine": {"rotate": [-20, 20]},
    "Crop": {"x_max": 12, "y_max": 12},
    "CropAndPad": {"px": [-3, 3]},
    "Downscale": {"scale_range": [0.2, 0.8]},
    "ImageCompression": {"quality_range": [5, 95]},
    "MedianBlur": {"blur_limit": [3, 7]},
    "Morphological": {"scale": [2, 5]},
    "Pad": {"padding": 2},
    "PadIfNeeded": {"min_height": 20, "min_width": 18},
    "Posterize": {"num_bits": [1, 6]},
    "RandomGravel": {"gravel_roi": [0.0, 0.0, 1.0, 1.0], "number_of_patches": 5},
    "Solarize": {"threshold_range": [0.2, 0.8]},
    "Superpixels": {"n_segments": [4, 12], "p_replace": [0.5, 1.0]},
    "CLAHE": {"tile_grid_size": [2, 2], "clip_limit": [1, 60]},
    "XYMasking": {"num_masks_x": [1, 2], "mask_x_length": [2, 6], "num_masks_y": 1, "mask_y_length": [2, 4]},
}
LARGER = {"RandomGravel": 64}  # its patches are a tenth of the side, and hold a stone for each ten pixels
STILL = ("NoOp", "ToRGB")  # they change no image of 3 channels


@functools.cache
def image(side: int = SIDE) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    slopes = np.stack([40 + 10 * y, 30 + 8 * x + 40 * (y // 4 % 2), 250 - 6 * x - 7 * y], axis=-1)
    return (slopes + np.random.default_rng(0).integers(-6, 7, size=slopes.shape)).clip(0, 255).astype(np.uint8)


def with_p(name: str, p: float) -> list[dict[str, Any]]:
    """The transform, and what brings its images back to the size."""
    side = LARGER.get(name, SIDE)
    arguments = {"height": 12, "width": 12, "size": [12, 12], "min_max_height": [8, 12], "max_size": 12}
    chosen = sample_arguments(name, TABLE_ROWS[name]["arguments"])
    chosen = {key: arguments.get(key, value) for key, value in chosen.items()} | LOUDER.get(name, {})
    return [{"name": name, **chosen, "p": p}, {"name": "Resize", "height": side, "width": side, "p": 1.0}]


def views(transforms: list[dict[str, Any]], places: list[tuple[int, int]], picture: np.ndarray) -> list[bytes]:
    compose = build(transforms, principal_colors(picture[None]))
    made: list[bytes] = []
    for view, index in places:
        np.random.seed(len(made))  # whatever else is random in the process, it must not matter
        random.seed(len(made))
        made.append(augment_image(compose, picture, seed=3, view=view, index=index).tobytes())
    return made


PLACES = [(view, index) for view in range(VIEWS // 4) for index in range(4)]


def assert_reproducible(transforms: list[dict[str, Any]], picture: np.ndarray) -> list[bytes]:
    before = picture.copy()
    made = views(transforms, PLACES, picture)
    assert views(transforms, PLACES[::-1], picture)[::-1] == made
    assert views(transforms, PLACES[7:9], picture) == made[7:9]
    np.testing.assert_array_equal(picture, before)  # a view must not change what the next one is made of
    return made


@pytest.mark.parametrize("name", USABLE)
def test_a_transform_depends_on_its_place_alone_and_differs_from_place_to_place(name: str) -> None:
    picture = image(LARGER.get(name, SIDE))
    at_times, always = (assert_reproducible(with_p(name, p), picture) for p in (0.5, 1.0))
    assert name in STILL or len(set(at_times)) > 1, "applied or not, it is the same"
    assert name in STILL or not draws_at_random(name) or len(set(always)) > 1, "always applied, it is always the same"


# --- beside albumentations' own Compose, which goes through its transforms more slowly ----------------------------


def assert_as_compose_makes_it(transforms: list[dict[str, Any]], picture: np.ndarray) -> None:
    """The same pixels from the same generators, which are left where the Compose leaves them."""
    compose = build(transforms, colors_for(transforms, picture[None]))

    def with_states(seed: int, make: Callable[[], Any]) -> tuple[Any, str, Any]:
        compose.random_generator.bit_generator.state = np.random.PCG64(seed).state
        compose.py_random.seed(seed)
        made = make()
        return made, repr(compose.random_generator.bit_generator.state), compose.py_random.getstate()

    for seed in range(3):
        lean, *lean_states = with_states(seed, lambda: apply_transforms(compose, picture))
        theirs, *their_states = with_states(seed, lambda: compose(image=picture)["image"])
        assert type(lean) is type(theirs) and lean.dtype == theirs.dtype
        if isinstance(lean, np.ndarray):
            assert lean.flags.c_contiguous
        np.testing.assert_array_equal(lean, theirs)
        assert lean_states == their_states


@pytest.mark.parametrize("name", USABLE)
def test_a_transform_makes_what_it_makes_within_a_compose(name: str) -> None:
    for p in (0.0, 0.5, 1.0):
        assert_as_compose_makes_it(with_p(name, p), image(LARGER.get(name, SIDE)))


@pytest.mark.parametrize("name", ["Normalize", "ToFloat", "ToTensorV2", "ToTensor3D"])
def test_what_makes_no_image_of_bytes_does_so_as_within_a_compose(name: str) -> None:
    assert_as_compose_makes_it([{"name": "HorizontalFlip"}, {"name": name, "p": 1.0}], image())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", [name for name in POLICIES if name != "none"])
def test_a_policy_makes_what_it_makes_within_a_compose(name: str, channels: int) -> None:
    if POLICIES[name].only_colour and channels == 1:
        pytest.skip(f"{name} takes colour alone")
    for height, width in ((SIDE, SIDE), (40, 28)):
        picture = np.resize(image(64)[:height, :width, :channels], (height, width, channels))
        assert_as_compose_makes_it(resolve_transforms(name, height=height, width=width), picture)


def test_nested_transforms_and_images_that_are_not_contiguous_are_as_within_a_compose() -> None:
    inner = [{"name": name} for name in ("GaussNoise", "ElasticTransform", "ColorJitter", "InkSpread")]
    nested: list[dict[str, Any]] = [
        {"name": "OneOf", "transforms": inner, "p": 0.8},
        {"name": "SomeOf", "n": 2, "transforms": inner, "p": 0.8},
        {"name": "Sequential", "transforms": [{"name": "D4"}, {"name": "OneOf", "transforms": inner}], "p": 0.8},
        {"name": "CoarseDropout"},
    ]
    assert_as_compose_makes_it(nested, image())
    assert_as_compose_makes_it(nested, image()[::-1, 1:-2])
    assert_as_compose_makes_it([{"name": "HorizontalFlip"}, {"name": "UnevenLight"}], image()[:, ::-1])


@pytest.mark.parametrize("name", STILL)
def test_those_said_to_change_nothing_change_nothing(name: str) -> None:
    assert set(views(with_p(name, 1.0), PLACES, image())) == {image().tobytes()}


def draws_at_random(name: str) -> bool:
    """Whether it has a method of its own that draws parameters, and draws more than which of equal things to take."""
    if name in CUSTOM_TRANSFORMS:
        return True
    kind, base = transform_class(name), albumentations.BasicTransform
    methods = ("get_params", "get_params_dependent_on_data")
    compose = build(with_p(name, 1.0)[:1])
    compose.random_generator.bit_generator.state = np.random.PCG64(1).state
    compose.py_random.seed(1)
    transform = compose.transforms[0]
    if all(getattr(kind, method) is getattr(base, method) for method in methods):
        return False
    before = (repr(compose.random_generator.bit_generator.state), compose.py_random.getstate())
    shape = {"shape": image().shape, "cols": SIDE, "rows": SIDE}
    transform.get_params()
    transform.get_params_dependent_on_data({**shape}, {"image": image()})
    return before != (repr(compose.random_generator.bit_generator.state), compose.py_random.getstate())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", [name for name in POLICIES if name != "none"])
def test_a_policy_depends_on_its_place_alone_and_differs_elsewhere(name: str, channels: int) -> None:
    if POLICIES[name].only_colour and channels == 1:
        pytest.skip(f"{name} takes colour alone")
    transforms = resolve_transforms(name, height=SIDE, width=SIDE)
    picture = np.ascontiguousarray(image()[..., :channels])
    made = assert_reproducible(transforms, picture)
    assert len(set(made)) > VIEWS / 2
    for _, transform in walk_transforms(transforms):
        chain = [{**transform, "p": 0.5}, {"name": "Resize", "height": SIDE, "width": SIDE, "p": 1.0}]
        alone = assert_reproducible(chain, picture)
        if transform["name"] not in ("Resize", "RandomCrop"):  # alone, to this size: nothing to crop
            assert len(set(alone)) > 1, transform


def test_transforms_nested_three_deep_depend_on_their_place_alone() -> None:
    inner = [{"name": name, "p": 1.0} for name in ("GaussNoise", "ElasticTransform", "ColorJitter", "InkSpread")]
    some = {"name": "SomeOf", "n": 2, "transforms": inner, "p": 0.9}
    one = {"name": "OneOf", "transforms": [some, {"name": "PrincipalColorShift", "std": 1.0}], "p": 0.9}
    made = assert_reproducible([{"name": "Sequential", "transforms": [one, {"name": "D4"}], "p": 0.9}], image())
    assert len(set(made)) > VIEWS / 2
