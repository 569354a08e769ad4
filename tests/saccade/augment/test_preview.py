"""What a preview shows of transforms: the views that would be stored, and each transform alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from saccade.augment.preview import SheetRow, make_sheet

IMAGE_HWC = np.random.default_rng(0).integers(0, 256, size=(20, 14, 3), dtype=np.uint8)
CROP = {"name": "CenterCrop", "height": 12, "width": 10}
LARGER_CROP = {"name": "RandomCrop", "height": 16, "width": 12}  # not from what CROP leaves
BACK = {"name": "Resize", "height": 20, "width": 14}
FLIP = {"name": "HorizontalFlip", "p": 0.0}


def headings(transforms: Sequence[dict[str, Any]]) -> list[str]:
    sheet = make_sheet([SheetRow("a", IMAGE_HWC, 0)], transforms, None, views=1, seed=0)
    (_, views), (_, alone) = sheet.parts
    assert [heading for heading, _ in views] == ["original", "view 0"]
    assert {images[0].shape for _, images in alone} == {IMAGE_HWC.shape} and len(alone[0][1]) == 1
    assert alone[0][0] == "original"
    return [heading for heading, _ in alone[1:]]


@pytest.mark.parametrize(
    ("transforms", "expected"),
    [
        ([FLIP, {"name": "VerticalFlip"}], ["HorizontalFlip", "VerticalFlip"]),
        ([CROP, FLIP, BACK], ["CenterCrop + HorizontalFlip + Resize"]),
        ([FLIP, CROP, BACK], ["HorizontalFlip", "CenterCrop + Resize"]),
        (
            [{"name": "OneOf", "transforms": [CROP, LARGER_CROP], "p": 1.0}, BACK],
            ["CenterCrop + Resize", "RandomCrop + Resize"],
        ),
        (
            [{"name": "OneOf", "transforms": [{"name": "Sequential", "transforms": [CROP, BACK]}, FLIP]}],
            ["CenterCrop + Resize", "HorizontalFlip"],
        ),
        (
            [CROP, {"name": "OneOf", "transforms": [BACK, {**BACK, "interpolation": 0}], "p": 1.0}, FLIP],
            ["CenterCrop + OneOf", "HorizontalFlip"],
        ),
        (
            [CROP, {"name": "Sequential", "transforms": [FLIP, BACK], "p": 1.0}],
            ["CenterCrop + Sequential"],
        ),
    ],
)
def test_each_transform_is_shown_at_the_size_of_the_images(
    transforms: list[dict[str, Any]], expected: list[str]
) -> None:
    assert headings(transforms) == expected


def test_what_is_seldom_applied_is_shown_always() -> None:
    sheet = make_sheet([SheetRow("a", IMAGE_HWC, 0)], [FLIP], None, views=1, seed=0)
    (_, views), (_, alone) = sheet.parts
    np.testing.assert_array_equal(views[1][1][0], IMAGE_HWC)
    np.testing.assert_array_equal(alone[1][1][0], IMAGE_HWC[:, ::-1])
