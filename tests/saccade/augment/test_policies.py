"""Named policies: they fit images of any size, and what they do keeps its proportions."""

import subprocess
import sys

import numpy as np
import pytest

from saccade.augment.check_transforms import find_transform_problems
from saccade.augment.policies import POLICIES, resolve_transforms
from saccade.core.errors import UserError
from saccade.transforms.albumentations_adapter import build, colors_for
from saccade.transforms.views import ViewMaker

SIZES = [(8, 8), (28, 28), (32, 48), (227, 227)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_takes_images_of_any_size(name: str, channels: int, size: tuple[int, int]) -> None:
    height, width = size
    found = find_transform_problems(
        resolve_transforms(name, height=height, width=width), height=height, width=width, channels=channels
    )
    if channels == 1 and POLICIES[name].only_colour:
        assert found and "3 channels" in found[0][1]
    else:
        assert found == []


OF_ONE_SIZE = ("alexnet-2012", "cifar-standard")  # they crop to it


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", [name for name in POLICIES if name not in ("none", *OF_ONE_SIZE)])
def test_a_policy_leaves_what_fills_a_line_up_as_it_is(name: str, channels: int) -> None:
    """The line alone is transformed, and keeps its width: no pixel of it becomes 0, none behind it anything else."""
    if channels == 1 and POLICIES[name].only_colour:
        pytest.skip("takes colour alone")
    random = np.random.default_rng(0)
    stored = np.zeros((3, 32, 96, channels), np.uint8)
    for image_HWC, width in zip(stored, (96, 41, 7), strict=True):
        image_HWC[:, :width] = random.integers(1, 256, size=(32, width, channels))
    transforms = resolve_transforms(name, height=32, width=96)
    make = ViewMaker(build(transforms, colors_for(transforms, stored)), seed=0, is_padded=True)
    changed = 0
    for index, (image_HWC, width) in enumerate(zip(stored, (96, 41, 7), strict=True)):
        for view in range(4):
            view_HWC = make(image_HWC, view=view, index=index)
            assert view_HWC.shape == image_HWC.shape and view_HWC.dtype == np.uint8
            assert (view_HWC[:, :width] > 0).all() and not view_HWC[:, width:].any()
            changed += bool((view_HWC != image_HWC).any())
    assert changed > 0


@pytest.mark.parametrize("name", OF_ONE_SIZE)
def test_a_policy_that_cuts_to_one_size_is_refused_for_lines_at_once(name: str) -> None:
    whole_HWC = np.full((32, 96, 1), 200, np.uint8)  # as wide as the array: this one could be cut
    transforms = resolve_transforms(name, height=32, width=96)
    compose = build(transforms, colors_for(transforms, whole_HWC[None]))
    with pytest.raises(UserError, match=r"Lines differ in width: take transforms that keep .* cifar-standard and"):
        ViewMaker(compose, seed=0, is_padded=True).check(whole_HWC)
    assert (whole_HWC == 200).all()


@pytest.mark.parametrize("name", [name for name in POLICIES if name != "none"])
def test_a_policy_says_what_it_is_for_and_what_each_transform_does(name: str) -> None:
    policy = POLICIES[name]
    assert 20 < len(policy.summary) < 110 and not policy.summary.endswith(".")
    steps = policy.steps(32, 32)
    assert steps and all(step.note for step in steps)
    assert name == "industrial" or "http" in policy.docstring  # that one is ours


def test_pixels_are_shares_of_the_side() -> None:
    def pad(side: int) -> int:
        return next(t for t in resolve_transforms("cifar-standard", height=side, width=side) if t["name"] == "Pad")[
            "padding"
        ]

    assert [pad(side) for side in (4, 32, 64, 96, 224)] == [1, 4, 8, 12, 28]
    large = resolve_transforms("alexnet-2012", height=224, width=224)
    assert large[0] == {"name": "Resize", "height": 256, "width": 256, "p": 1.0}


@pytest.mark.parametrize("side", [28, 112])
def test_the_elastic_field_of_digits_moves_pixels_by_the_same_share_of_any_side(side: int) -> None:
    from scipy.ndimage import gaussian_filter

    elastic = next(t for t in resolve_transforms("digits", height=side, width=side) if t["name"] == "ElasticTransform")
    noise = np.random.default_rng(0).uniform(-1, 1, size=(1500, 1500))
    moved = gaussian_filter(noise, elastic["sigma"]).std() * elastic["alpha"] / side
    assert moved == pytest.approx(0.029, rel=0.1)


def test_a_list_stays_as_it_is_and_a_policy_is_made_anew_each_time() -> None:
    listed = [{"name": "HorizontalFlip"}]
    assert resolve_transforms(listed, height=3, width=3) == listed
    assert resolve_transforms("none", height=3, width=3) == []
    resolve_transforms("digits", height=28, width=28)[0]["p"] = 0.0
    assert resolve_transforms("digits", height=28, width=28)[0]["p"] == 0.9
    with pytest.raises(UserError, match="no policy is called 'cifar'; known: none, alexnet-2012"):
        resolve_transforms("cifar", height=3, width=3)


def test_reading_the_policies_imports_nothing_heavy() -> None:
    script = "import sys, saccade.augment.policies; print(*sorted(m.split('.')[0] for m in sys.modules))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"albumentations", "cv2", "torch", "numpy", "pydantic"} & set(ended.stdout.split())
