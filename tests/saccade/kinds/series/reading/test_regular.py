"""Series brought to regular times: holes refused, or filled in and counted.

Shapes: T steps, F features.
"""

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.kinds.series.reading.regular import refuse_coarse, refuse_constant, regular_series
from saccade.readers.examples import FileSeries

NAN = float("nan")


def series(values: list[list[float]], times: list[str] | None = None) -> FileSeries:
    features = ("wind", "sun")[: len(values[0])]
    lines = range(2, len(values) + 2)
    return FileSeries("a.csv", features, np.array(values), lines, "when" if times else None, times or ())


def test_a_series_without_holes_stays_as_it_is() -> None:
    regular = regular_series(series([[1, 2], [3, 4]], ["2024-01", "2024-02"]), "error")
    assert regular.values.dtype == np.float32 and regular.values.tolist() == [[1, 2], [3, 4]]
    assert not regular.is_filled.any() and regular.missing_rows == 0
    assert regular.calendar is not None and regular.calendar.step == "1 month"
    assert regular_series(series([[1], [2]]), "error").calendar is None


def test_holes_are_refused_with_line_and_column() -> None:
    holes = series([[1, 2], [3, NAN], [NAN, NAN], [4, 5]], ["1", "2", "3", "4"])
    with pytest.raises(
        UserError, match=r"a\.csv, line 3: sun must not be missing \(and 2 more\).*missing: interpolate"
    ):
        regular_series(holes, "error")
    with pytest.raises(UserError, match=r"a\.csv, line 4: wind must not be missing\. Fill"):
        regular_series(series([[1], [2], [NAN], [4]]), "error")


def test_straight_lines_take_the_place_of_holes_and_are_counted() -> None:
    months = ["2024-01", "2024-02", "2024-03", "2024-05", "2024-07"]
    holes = series([[1, 2], [3, NAN], [NAN, NAN], [6, 5.6], [9, 8]], months)
    regular = regular_series(holes, "interpolate")
    assert regular.calendar is not None
    assert [regular.calendar.text(i) for i in range(7)][-1] == "2024-07"
    expected_TF: list[list[float]] = [[1, 2], [3, 2.9], [4, 3.8], [5, 4.7], [6, 5.6], [7.5, 6.8], [9, 8]]
    np.testing.assert_allclose(regular.values, expected_TF, rtol=1e-6)
    assert regular.is_filled.sum(axis=0).tolist() == [3, 4] and regular.missing_rows == 2


def test_ends_without_a_value_are_cut_off_and_said() -> None:
    months = [f"2024-0{month}" for month in range(1, 8)]
    holes = series([[NAN, 1], [2, NAN], [3, 4], [NAN, 5], [5, 6], [6, 7], [7, NAN]], months)
    regular = regular_series(holes, "interpolate")
    assert regular.values.tolist() == [[2, 2.5], [3, 4], [4, 5], [5, 6], [6, 7]]
    assert regular.calendar is not None and regular.calendar.first == "2024-02"
    assert regular.is_filled.sum(axis=0).tolist() == [1, 1]
    assert regular.notes == (
        "the first step cut off: wind is missing there",
        "the last step cut off: sun is missing there",
    )
    with pytest.raises(UserError, match=r"a\.csv, line 3: sun must not be missing \(and 1 more\)\."):
        regular_series(holes, "error")
    rows = regular_series(series([[NAN], [1], [2], [3]]), "error")
    assert rows.values.tolist() == [[1], [2], [3]] and rows.calendar is None
    with pytest.raises(UserError, match=r"sun begins at row 3 and wind ends at row 2, of row 1 to row 4"):
        regular_series(series([[1, NAN], [2, NAN], [NAN, 1], [NAN, 2]]), "interpolate")
    with pytest.raises(UserError, match=r"a\.csv: sun must hold a number in some row"):
        regular_series(series([[1, NAN], [2, NAN]]), "interpolate")


def test_the_value_before_takes_the_place_of_holes() -> None:
    holes = series([[1], [NAN], [NAN], [4], [5]], ["1", "2", "3", "4", "6"])
    regular = regular_series(holes, "previous")
    assert regular.values[:, 0].tolist() == [1, 1, 1, 4, 4, 5] and regular.missing_rows == 1
    assert regular.is_filled[:, 0].tolist() == [False, True, True, False, True, False]


def test_gaps_that_are_too_long_are_named() -> None:
    holes = series([[1, 2], [NAN, 2.5], [NAN, NAN], [NAN, 4], [5, 4.5]], [f"2024-0{m}" for m in range(1, 6)])
    assert regular_series(holes, "interpolate", longest_gap=3).is_filled.sum() == 4
    message = r"wind must not be missing for more than 2 steps .*longest_gap\), but is for 3, from 2024-02 to 2024-04"
    with pytest.raises(UserError, match=message):
        regular_series(holes, "interpolate", longest_gap=2)


def test_rows_are_sorted_and_equal_times_decided_about() -> None:
    rows = series([[4], [3], [NAN], [2], [1]], ["3", "2", "2", "2", "1"])
    assert regular_series(rows, "error", on_repeat="mean").values[:, 0].tolist() == [1, 2.5, 4]
    last = regular_series(rows, "error", on_repeat="last")
    assert last.values[:, 0].tolist() == [1, 2, 4] and last.missing_rows == 0
    assert last.notes == (
        "rows stood from the newest to the oldest: sorted by time",
        "2 rows of a time that another row has: left out for the last of each time",
    )
    with pytest.raises(UserError, match=r"stands in line 3 \(3\) and line 4 \(nan\)"):
        regular_series(rows, "error")


def test_one_row_is_no_series() -> None:
    with pytest.raises(UserError, match=r"a\.csv must have at least two rows, but has 1"):
        regular_series(series([[1]], ["2024-01"]), "error")


def test_what_never_changes_is_named() -> None:
    refuse_constant(np.array([[1.0, 5], [2, 5.001]]), ("wind", "sun"), "a.csv")
    with pytest.raises(UserError, match=r"a\.csv: sun must not be constant, but is 5 throughout"):
        refuse_constant(np.array([[1.0, 5], [2, 5]]), ("wind", "sun"), "a.csv")


@pytest.mark.parametrize("missing", [[], [NAN]])
def test_what_32_bits_cannot_tell_apart_is_named(missing: list[float]) -> None:
    """A counter about a billion stands in steps of 64; ten thousand of them are plain, ten are not."""
    fine = np.array([[1e9 + 6_400.0 * i, 0.1] for i in range(7)] + [[NAN, 0.1] for _ in missing])
    refuse_coarse(fine, ("meter", "flat"), "a.csv")  # a column that never changes is another matter
    coarse = np.array([[2.0, 1e9 + 64 * i] for i in range(7)] + [[1.0, NAN] for _ in missing])
    message = r"a\.csv: meter must differ by .*about 1e\+09, 64 apart there, with a deviation of 128\. Subtract a"
    with pytest.raises(UserError, match=message):
        refuse_coarse(coarse, ("wind", "meter"), "a.csv")
    refuse_coarse(coarse - [0, 1e9], ("wind", "meter"), "a.csv")
