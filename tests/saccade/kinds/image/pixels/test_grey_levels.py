"""Values of more than 8 bits, and what is left of them.

Shapes: H height, W width.
"""

import numpy as np
import pytest

from saccade.kinds.image.pixels.grey_levels import GreyScale, ImageValues, Range, ValueStatistics, scale_of


def values(array: np.ndarray, scale: Range | None = None, is_inverted: bool = False) -> ImageValues:
    return ImageValues(array, (array.shape[0], array.shape[1]), scale, is_inverted)


def deep(*rows: list[float], dtype: type = np.uint16) -> ImageValues:
    return values(np.array(rows, dtype))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_values_between_the_limits_become_grey_levels_by_the_formula(dtype: type) -> None:
    array_HW = np.array([[0, 100, 1000], [2999, 3000, 4095]], dtype)
    expected = np.rint(np.clip((array_HW.astype(np.float64) - 100) / 2900, 0, 1) * 255)
    levels_HW = GreyScale((100, 3000)).apply(values(array_HW))
    assert levels_HW.dtype == np.uint8
    np.testing.assert_array_equal(levels_HW, expected)
    np.testing.assert_array_equal(GreyScale((100, 3000)).apply(values(array_HW, is_inverted=True)), 255 - expected)


def test_what_limits_go_first() -> None:
    window = values(np.array([[0, 50, 100]], np.uint16), scale=(0, 100))
    assert GreyScale((0, 200)).apply(window).tolist() == [[0, 128, 255]]  # the file's own
    assert GreyScale((0, 200), goes_first=True).apply(window).tolist() == [[0, 64, 128]]
    assert GreyScale().apply(deep([0, 257, 65535])).tolist() == [[0, 1, 255]]  # the type's
    assert GreyScale().apply(deep([0, 0.5, 1, 7, np.nan, np.inf, -np.inf], dtype=np.float32)).tolist() == [
        [0, 128, 255, 255, 0, 255, 0]
    ]
    grey = values(np.array([[3, 4]], np.uint8))
    assert GreyScale((0, 4), goes_first=True).apply(grey) is grey.array
    assert scale_of((), False) == GreyScale() and scale_of((1.0, 2.0), True) == GreyScale((1.0, 2.0), True)


@pytest.mark.parametrize(
    ("pictures", "limits"),
    [
        pytest.param([deep([0, 200])], (0, 255), id="8 bits in 16"),
        pytest.param([deep([0, 3000]), deep([80, 4095])], (0, 4095), id="12 bits"),
        pytest.param([deep([0, 4096])], (0, 16383), id="14 bits"),
        pytest.param([deep([0, 65535])], (0, 65535), id="16 bits"),
        pytest.param([deep([0, 70000], dtype=np.int32)], (0, 2**24 - 1), id="24 bits"),
        pytest.param([deep([-1000, 50], dtype=np.int32), deep([3000])], (-1000, 3000), id="signed"),
        pytest.param([deep([0.1, 0.9], dtype=np.float32)], (0, 1), id="shares"),
        pytest.param([deep([-0.5, 0.9], dtype=np.float32)], (-1, 1), id="around 0"),
        pytest.param([deep([0, 254.5], dtype=np.float32)], (0, 255), id="grey levels as floats"),
        pytest.param([deep([2, 1000.5, np.nan, np.inf], dtype=np.float32)], (2, 1000.5), id="floats"),
        pytest.param([deep([np.nan], dtype=np.float32)], None, id="nothing"),
        pytest.param([deep([500.5], dtype=np.float32)], (500.5, 501.5), id="one value"),
    ],
)
def test_the_limits_that_are_found(pictures: list[ImageValues], limits: Range | None) -> None:
    statistics = ValueStatistics()
    for picture in pictures:
        statistics.add_range(picture)
    assert statistics.found_limits() == limits


def test_what_was_lost_is_counted_and_said() -> None:
    picture = values(np.arange(4096, dtype=np.uint16).reshape(64, 64))
    for scale, after, lost in ((GreyScale((0, 4095)), 256, False), (GreyScale(), 17, True)):
        statistics = ValueStatistics()
        statistics.add_range(picture)
        statistics.add_levels(picture, scale, scale.apply(picture))
        limits = "0 to 4,095" if scale.limits else "the type's range"
        assert statistics.line(scale.limits) == (
            f"1 picture of more than 8 bits: values 0 to 4,095; {limits} scaled to 0 to 255; of 4,096 grey levels a "
            f"picture, {after} are left (preprocess.value_range sets other limits)"
        )
        assert statistics.lost_most is lost
    statistics = ValueStatistics()
    narrow, window = GreyScale((0, 1023), goes_first=True), GreyScale()
    statistics.add_levels(picture, narrow, narrow.apply(picture))
    assert ", 75.0% of pixels are clipped (" in statistics.line(narrow.limits)
    by_file = ValueStatistics()
    own = values(picture.array, scale=(0, 2047))
    by_file.add_levels(own, window, window.apply(own))
    assert "1 picture of more than 8 bits: 1 by what the file says itself" in by_file.line(None)
    assert ValueStatistics().line(None) == ""
