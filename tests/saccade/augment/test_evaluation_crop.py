"""How much evaluation looks at: against where the library's transforms really move points of an image.

Points are followed through the transforms by albumentations itself, which knows nothing of ours.
"""

import inspect
import json
from typing import Any

import albumentations
import numpy as np
import pytest

from pipeline.schema.transforms import TABLE
from saccade.augment import evaluation_crop as module
from saccade.augment.check_transforms import sample_arguments
from saccade.augment.evaluation_crop import evaluation_crop
from saccade.augment.policies import POLICIES, resolve_transforms
from saccade.data.spec import middle
from saccade.transforms.albumentations_adapter import build, transform_class

SIDE = 64
TABLE_ROWS: dict[str, dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))
BACK = {"name": "Resize", "height": SIDE, "width": SIDE, "p": 1.0}


def crop(side: int, name: str = "RandomCrop", **more: Any) -> dict[str, Any]:
    return {"name": name, "height": side, "width": side, **more}


def one_of(*transforms: dict[str, Any], p: float = 1.0, name: str = "OneOf") -> dict[str, Any]:
    return {"name": name, "transforms": list(transforms), "p": p}


def zooms(transforms: list[dict[str, Any]], height: int, width: int, draws: int = 60) -> np.ndarray:
    """How many times as long a line from left to right and one from top to bottom are in views, (draws, 2)."""
    followed = albumentations.KeypointParams("xy", remove_invisible=False)
    applied = albumentations.Compose(build(transforms).transforms, keypoint_params=followed, seed=3)
    half_H, half_W = np.array([0, height / 2]), np.array([width / 2, 0])
    points = np.stack([half_H / 2 + half_W / 2, half_H / 2 + 1.5 * half_W, 1.5 * half_H + half_W / 2])
    image, lengths = np.zeros((height, width, 3), np.uint8), []
    for _ in range(draws):
        view = applied(image=image, keypoints=points)
        assert view["image"].shape == image.shape
        moved = np.array(view["keypoints"])
        lengths.append(np.linalg.norm(moved[1:] - moved[0], axis=1) / [width / 2, height / 2])
    return np.array(lengths)


EXACT: dict[str, tuple[list[dict[str, Any]], float]] = {
    "nothing": ([], 1.0),
    "a crop, enlarged": ([crop(48), BACK], 0.75),
    "enlarged, then cropped": ([{**BACK, "height": 80, "width": 80}, crop(64)], 51 / 64),
    "the middle": ([crop(56, "CenterCrop"), {"name": "HorizontalFlip"}, BACK], 0.875),
    "padded and cropped back": ([{"name": "Pad", "padding": 8}, crop(64)], 1.0),
    "never padded": ([{"name": "Pad", "padding": 8, "p": 0}, {**BACK, "height": 80, "width": 80}, crop(64)], 51 / 64),
    "padded, cropped, enlarged": ([{"name": "Pad", "padding": 8}, crop(48), BACK], 0.75),
    "two crops": ([crop(60), BACK, {"name": "Rotate"}, crop(48), BACK], 45 / 64),
    "smaller": ([{"name": "Resize", "height": 32, "width": 32}, {"name": "PadIfNeeded", "min_height": 64,
                "min_width": 64}], 1.0),
    "the shorter side": ([{"name": "SmallestMaxSize", "max_size": 80}, crop(64)], 51 / 64),
    "the longer side": ([{"name": "LongestMaxSize", "max_size": 80}, crop(64)], 51 / 64),
    "turned between": ([crop(48), {"name": "D4"}, BACK], 0.75),
    "a scale around 1": ([{"name": "Affine", "scale": [0.8, 1.3], "p": 1.0}], 1.0),
    "a scale around 1 beside": ([{"name": "Affine", "scale": [0.8, 1.3]}, crop(48), BACK], 0.75),
    "always larger": ([{"name": "Affine", "scale": {"x": [1.5, 1.6], "y": 1.25}, "p": 1.0}], 51 / 64),
    "smaller, then larger": ([{"name": "Affine", "scale": [0.75, 0.8], "p": 1.0}, crop(32), BACK], 43 / 64),
    "larger in a Sequential": ([one_of(crop(48), BACK, name="Sequential")], 0.75),
    "every branch crops": ([one_of(one_of(crop(40), BACK, p=0.1, name="Sequential"),
                                   one_of(crop(48), BACK, p=0.9, name="Sequential"))], 0.75),
    "a later one is certain": ([one_of(crop(56), crop(52)), crop(48), BACK], 0.75),
}  # fmt: skip
UNCERTAIN: dict[str, list[dict[str, Any]]] = {
    "at times": [one_of(crop(48), BACK, name="Sequential", p=0.99)],
    "by default at times": [{"name": "Sequential", "transforms": [crop(48), BACK]}],
    "one of two": [one_of(one_of(crop(48), BACK, name="Sequential"), {"name": "HorizontalFlip"})],
    "some of two": [one_of(one_of(crop(48), BACK, name="Sequential"), {"name": "Blur"}, name="SomeOf")],
    "a crop at times": [crop(48, p=0.5), BACK],
    "Affine by default": [{"name": "Affine", "scale": [1.2, 1.3]}],
    "one of them at times": [{"name": "OneOf", "transforms": [one_of(crop(48), BACK, name="Sequential")]}],
    "padded by a crop": [{"name": "Crop", "x_max": 80, "y_max": 80, "pad_if_needed": True},
                         {**BACK, "height": 80, "width": 80}, crop(64)],
    "padded where it is needed": [{"name": "PadIfNeeded", "min_height": 80, "min_width": 80},
                                  {**BACK, "height": 80, "width": 80}, crop(64)],
    "all made smaller": [{"name": "RandomScale", "scale_limit": [-0.5, -0.4], "p": 1.0}, crop(24), BACK],
    "made smaller to fit": [{"name": "Perspective", "fit_output": True, "p": 1.0}, crop(48), BACK],
    "some longer side": [{"name": "LongestMaxSize", "max_size": [32, 48]}, crop(24), BACK],
    "some shorter side": [{"name": "SmallestMaxSize", "max_size_hw": [40, None]}, crop(32), BACK],
    "grown to what it holds": [{"name": "Affine", "scale": 1.5, "fit_output": True, "p": 1.0}, BACK],
    "padded, then another size": [{"name": "Pad", "padding": 8}, BACK],
    "padded, then the shorter side": [{"name": "Pad", "padding": 8}, {"name": "SmallestMaxSize", "max_size": 80},
                                      crop(64)],
    "never": [one_of(crop(48), BACK, name="Sequential", p=0.0)],
}  # fmt: skip


@pytest.mark.parametrize("case", EXACT)
def test_things_are_as_large_as_in_the_views(case: str) -> None:
    transforms, share = EXACT[case]
    assert evaluation_crop(transforms, height=SIDE, width=SIDE) == pytest.approx(share)


@pytest.mark.filterwarnings("ignore:Got processor for keypoints")
@pytest.mark.parametrize("case", [case for case in EXACT if "around" not in case and "turned" not in case])
def test_the_expected_shares_are_what_the_library_does(case: str) -> None:
    transforms, share = EXACT[case]
    smallest = zooms(transforms, SIDE, SIDE, draws=400).min()
    assert share == pytest.approx(1 / max(1, smallest), abs=0.6 / SIDE)  # whole pixels, and the draws are not all


@pytest.mark.parametrize("case", UNCERTAIN)
def test_what_is_not_certain_leaves_the_image_whole(case: str) -> None:
    assert evaluation_crop(UNCERTAIN[case], height=SIDE, width=SIDE) == 1.0


def test_at_least_a_pixel_is_looked_at() -> None:
    tiny = [{"name": "Resize", "height": 80, "width": 80}, {"name": "RandomCrop", "height": 2, "width": 2}]
    assert evaluation_crop(tiny, height=2, width=2) == 0.5


def test_a_branch_that_is_never_taken_does_not_count() -> None:
    never = {"name": "HorizontalFlip", "p": 0}
    assert evaluation_crop([one_of(never, crop(56)), BACK], height=SIDE, width=SIDE) == 0.875


@pytest.mark.parametrize(("height", "width"), [(32, 48), (48, 32), (30, 40)])
def test_sides_may_differ(height: int, width: int) -> None:
    back = {"name": "Resize", "height": height, "width": width}
    alike = [{"name": "RandomCrop", "height": height // 2, "width": width // 2}, back]
    assert evaluation_crop(alike, height=height, width=width) == 0.5
    taller = [{"name": "RandomCrop", "height": height // 2, "width": width}, back]
    assert evaluation_crop(taller, height=height, width=width) == 1.0  # one share for both sides: the larger one
    for name, zoom in (("SmallestMaxSize", 1.5), ("LongestMaxSize", 48 / max(height, width) * 1.5)):
        longer = {"name": name, "max_size": round(min(height, width) * 1.5) if name[0] == "S" else 72}
        crop_back = {"name": "RandomCrop", "height": height, "width": width}
        assert evaluation_crop([longer, crop_back], height=height, width=width) == pytest.approx(1 / zoom, abs=0.02)
    for name in ("D4", "RandomRotate90", "SquareSymmetry", "Transpose"):
        assert evaluation_crop([alike[0], {"name": name}, back], height=height, width=width) == 1.0


@pytest.mark.parametrize(
    ("scale", "share"), [(None, 0.875), ([0.08, 1.0], 0.875), ([0.5, 0.6], 0.875), ([0.9, 0.94], 61 / 64), ([1, 1], 1)]
)
def test_crops_of_random_sizes_have_the_usual_share_or_their_own_where_it_is_larger(
    scale: list[float] | None, share: float
) -> None:
    random = {"name": "RandomResizedCrop", "size": [SIDE, SIDE], **({"scale": scale} if scale else {})}
    assert evaluation_crop([random], height=SIDE, width=SIDE) == pytest.approx(share)
    if scale:  # what is drawn is an area: on average its side is no larger than this
        square = {**random, "ratio": [1.0, 1.0]}
        assert zooms([square], SIDE, SIDE).mean() >= 1 / share - 0.6 / SIDE


def test_crops_of_random_heights_likewise() -> None:
    def share(heights: list[int], height: int, width: int, **more: float) -> float:
        random = {"name": "RandomSizedCrop", "min_max_height": heights, "size": [height, width], **more}
        return evaluation_crop([random], height=height, width=width)

    assert share([20, 64], 64, 64) == 0.875 and share([60, 64], 64, 64) == 62 / 64
    assert share([60, 64], 64, 32, w2h_ratio=0.5) == 62 / 64


@pytest.mark.parametrize("name", POLICIES)
def test_policies_keep_the_scale_but_for_alexnet_2012(name: str) -> None:
    for height, width in ((16, 16), (32, 32), (32, 48), (64, 64), (224, 224), (227, 227)):
        share = evaluation_crop(resolve_transforms(name, height=height, width=width), height=height, width=width)
        assert share == (pytest.approx(7 / 8, abs=0.01) if name == "alexnet-2012" else 1.0)
        assert middle(height, share)[1] == round((7 / 8 if name == "alexnet-2012" else 1) * height)


RANDOM_SIZES = ("RandomResizedCrop", "RandomSizedCrop")
GEOMETRIC = [
    name
    for name, row in TABLE_ROWS.items()
    if "refused" not in row and issubclass(transform_class(name), albumentations.DualTransform)
]
WITHOUT_SCALE = ("RandomGridShuffle", "ThinPlateSpline", "PiecewiseAffine")  # tiles change places; lines end anywhere


@pytest.mark.parametrize("side", [pytest.param((SIDE, SIDE), marks=pytest.mark.slow), (48, 80)])
@pytest.mark.parametrize("name", [name for name in GEOMETRIC if name not in (*RANDOM_SIZES, *WITHOUT_SCALE)])
def test_no_view_of_any_transform_shows_more_than_evaluation_looks_at(name: str, side: tuple[int, int]) -> None:
    """Alone, and before a crop that is enlarged: a change of size that is forgotten shows there."""
    height, width = side
    arguments = sample_arguments(name, TABLE_ROWS[name]["arguments"])
    back = {"name": "Resize", "height": height, "width": width}
    half = {"name": "RandomCrop", "height": height // 4, "width": width // 4}
    for more in ({}, {"keep_size": False}, {"crop_border": True}, {"fit_output": True}):
        if not set(more) <= set(TABLE_ROWS[name]["arguments"]):
            continue
        changed: dict[str, Any] = {"name": name, **arguments, **more}
        for transforms in ([changed, back], [changed, half, back]):
            share = evaluation_crop(transforms, height=height, width=width)
            usual = np.median(zooms(transforms, height, width), axis=0).min()  # some waver around 1, by up to 6 %
            assert 1 / share <= max(1.0, usual) * 1.08, transforms


def test_names_and_defaults_are_those_of_the_library() -> None:
    known = {*module._CROPS, *module._TURNS, *module._PADS, *module._OTHER_SCALES, *RANDOM_SIZES, "Resize"}
    known |= {*module._HALF_THE_TIME, "SomeOf"}
    defaults = {name: inspect.signature(transform_class(name)).parameters["p"].default for name in known}
    halves = {name for name, p in defaults.items() if p != 1}
    harmless = {"Transpose", "RandomScale", "SafeRotate"}  # where they are left out, nothing is larger
    assert halves - harmless == set(module._HALF_THE_TIME)
    assert all(defaults[name] == 0.5 for name in halves)


@pytest.mark.parametrize("side", [1, 2, 5, 8, 27, 28, 32, 33, 224, 227])
def test_the_middle_is_where_torchvision_cuts_it_out(side: int) -> None:
    import torch
    from torchvision.transforms.functional import center_crop

    for share in (0.01, 0.3, 0.5, 0.7, 0.875, 0.9, 0.99, 1.0):
        start, length = middle(side, share)
        assert length == max(1, round(share * side))
        pixels = torch.arange(side)[None, None].float()
        assert center_crop(pixels, [1, length]).flatten().tolist() == list(range(start, start + length))
