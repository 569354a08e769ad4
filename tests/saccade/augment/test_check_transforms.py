"""What is found out about transforms by trying them."""

from typing import Any

import pytest

from saccade.augment.check_transforms import _chains, describe_transforms, find_transform_problems

FLIP, CROP = {"name": "HorizontalFlip", "p": 0.5}, {"name": "RandomCrop", "height": 5, "width": 6, "p": 1.0}
BACK = {"name": "Resize", "height": 20, "width": 24, "p": 1.0}


def found(transforms: list[dict[str, Any]], channels: int = 3) -> list[tuple[Any, str]]:
    return find_transform_problems(transforms, height=20, width=24, channels=channels)


def test_transforms_that_need_more_than_an_image_or_give_no_bytes_are_told_apart() -> None:
    described = describe_transforms()
    refused = {name: row["refused"] for name, row in described.items() if "refused" in row}
    assert refused["MaskDropout"] == refused["CropNonEmptyMaskIfExists"] == "needs a mask"
    assert refused["BBoxSafeRandomCrop"] == refused["RandomSizedBBoxSafeCrop"] == "needs boxes"
    assert refused["Pad3D"] == refused["ToTensor3D"] == "needs a stack of slices"
    assert refused["ConstrainedCoarseDropout"] == "needs a mask or boxes"
    for name in ("FDA", "HistogramMatching", "PixelDistributionAdaptation", "Mosaic", "OverlayElements", "TextImage"):
        assert refused[name].startswith("needs other data than the image"), name
    for name in ("ToFloat", "Normalize", "FromFloat"):
        assert refused[name].startswith("gives float"), name
    assert refused["ToTensorV2"].startswith("gives a tensor")
    assert not [name for name, reason in refused.items() if reason.startswith("refuses such an image")]
    assert {"Affine", "ChannelDropout", "ToGray", "D4", "RandomCrop", "InkSpread"}.isdisjoint(refused)
    assert {name for name, row in described.items() if row.get("only_colour")} >= {"HEStain", "ISONoise", "StainJitter"}
    assert {"rotate", "shear", "scale", "p"} <= set(described["Affine"]["arguments"])
    assert described["InkSpread"]["arguments"] == ["amount_range", "p"]
    assert not {"Compose", "OneOf", "Lambda", "DualTransform", "ImageOnlyTransform"} & set(described)


@pytest.mark.parametrize(
    ("transforms", "place", "message"),
    [
        ([{"name": "Affine", "rotate": "far"}], (0, "rotate"), "'far': Affine refuses it: must be a valid tuple"),
        (
            [FLIP, {"name": "CoarseDropout", "num_holes_range": [3, 1]}],
            (1, "num_holes_range"),
            r"\[3, 1\]: CoarseDropout",
        ),
        ([{"name": "CenterCrop", "height": 5}], (0, "width"), "CenterCrop refuses it: Field required"),
        ([{"name": "InkSpread", "amount_range": [0, 9]}], (0,), r"amount_range \(\[0, 9\]\) must"),
        (
            [
                {
                    "name": "OneOf",
                    "transforms": [{"name": "Sequential", "transforms": [{"name": "Blur", "blur_limit": "x"}]}],
                }
            ],
            (0, "transforms", 0, "transforms", 0, "blur_limit"),
            "'x': Blur refuses it",
        ),
        ([FLIP, CROP], (1,), "RandomCrop makes 5x6 of 20x24; views must have the size of preprocess, 20x24"),
        ([CROP, {**BACK, "p": 0.9}], (0,), "RandomCrop makes 5x6"),  # now and then it does not come back
        ([{"name": "OneOf", "transforms": [FLIP, CROP], "p": 0.01}], (0, "transforms", 1), "RandomCrop makes 5x6"),
        ([{"name": "SomeOf", "n": 2, "transforms": [FLIP, FLIP, CROP]}], (0, "transforms", 2), "RandomCrop makes 5x6"),
        ([{"name": "RandomCrop", "height": 30, "width": 6}], (0,), "RandomCrop cannot take an image of 20x24"),
        ([{"name": "ToGray", "num_output_channels": 1}], (0,), r"ToGray makes uint8 \(20, 24\) of an image"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(transforms: list[dict[str, Any]], place: Any, message: str) -> None:
    import re

    ((at, said),) = found(transforms)
    assert at == place
    assert re.search(message, said), said


def test_channels_that_a_transform_does_not_take_are_found() -> None:
    stain = [{"name": "HEStain", "p": 0.1}]
    assert found(stain) == []
    assert found(stain, channels=1)[0][0] == (0,)


@pytest.mark.parametrize(
    "transforms",
    [
        [CROP, BACK],
        [CROP, FLIP, {"name": "Affine", "rotate": [-5, 5]}, {**BACK, "p": 1.0}],
        [{"name": "OneOf", "transforms": [CROP, FLIP], "p": 0.5}, BACK],
        [{"name": "OneOf", "transforms": [{**BACK, "p": 0.2}, {"name": "CenterCrop", "height": 20, "width": 24}]}],
        [{"name": "Sequential", "transforms": [CROP, BACK], "p": 0.3}],
        # what a OneOf chose is applied, whatever its own p, which is its weight
        [CROP, {"name": "OneOf", "transforms": [{**BACK, "p": 0.3}, {**BACK, "interpolation": 0, "p": 0.7}], "p": 1.0}],
        [{"name": "ToGray"}, {"name": "ChannelDropout"}, FLIP],
    ],
)
def test_a_size_may_change_when_it_comes_back(transforms: list[dict[str, Any]]) -> None:
    assert found(transforms) == []


def test_chains_take_every_branch_and_leave_out_whatever_may_be_left_out() -> None:
    always = {"name": "Blur", "p": 1.0}
    nest = {
        "name": "OneOf",
        "transforms": [always, {"name": "Sequential", "transforms": [FLIP, always], "p": 1}],
        "p": 0.5,
    }
    chains = [tuple(chain) for chain in _chains([FLIP, nest, always])]
    a, b = (1, "transforms", 0), (1, "transforms", 1, "transforms")
    assert set(chains) == {
        ((0,), a, (2,)),
        (a, (2,)),
        ((0,), (2,)),
        ((0,), (*b, 0), (*b, 1), (2,)),
        ((*b, 0), (*b, 1), (2,)),
        ((0,), (*b, 1), (2,)),
    }
