"""One table read as one series or several: whose rows are whose, and what each column is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.datasets.series_table import read_series
from saccade.readers.examples import LongSeries, SeriesPanel

SALES = """\
day,shop,sales,price,region
2024-01-01,north,1,10,a
2024-01-01,south,5,20,b
2024-01-02,south,6,21,b
2024-01-02,north,2,11,a
2024-01-03,north,,12,
"""


def read(folder: Path, text: str, **columns: Any) -> LongSeries | SeriesPanel:
    path = folder / "sales.csv"
    path.write_text(text, encoding="utf-8")
    return read_series(path, "sales.csv", **columns)


def panel(folder: Path, text: str = SALES, **columns: Any) -> SeriesPanel:
    found = read(folder, text, **{"series_column": "shop", "known": ["price"], "static": ["region"], **columns})
    assert isinstance(found, SeriesPanel)
    return found


def test_rows_go_to_their_series_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = panel(tmp_path)
    north, south = found.series
    assert (north.name, south.name, found.series_column, found.targets) == ("north", "south", "shop", ("sales",))
    np.testing.assert_array_equal(north.series.values, [[1, 10], [2, 11], [np.nan, 12]])
    np.testing.assert_array_equal(south.series.values, [[5, 20], [6, 21]])
    assert north.series.features == ("sales", "price") and north.known == ("price",)
    assert list(north.series.lines) == [2, 5, 6] and list(south.series.times) == ["2024-01-01", "2024-01-02"]
    assert (north.static, south.static) == ({"region": "a"}, {"region": "b"})  # a row ahead may leave it empty
    assert north.series.name == "sales.csv, shop north"


def test_what_is_known_stands_behind_what_is_measured_wherever_its_column_is(tmp_path: Path) -> None:
    found = read(tmp_path, "day,price,sales\n1,10,1\n2,11,2\n", known=["price"])
    assert isinstance(found, LongSeries) and found.series.features == ("sales", "price")
    np.testing.assert_array_equal(found.series.values, [[1, 10], [2, 11]])
    assert found.targets == ("sales",)


def test_the_column_that_names_the_series_may_stand_first(tmp_path: Path) -> None:
    text = "shop,day,sales\nnorth,2024-01-01,1\nsouth,2024-01-01,2\nnorth,2024-01-02,3\nsouth,2024-01-02,4\n"
    found = panel(tmp_path, text, known=None, static=None)
    assert found.series[0].series.time_column == "day" and list(found.series[0].series.values[:, 0]) == [1, 3]


def test_the_series_itself_may_be_what_never_changes(tmp_path: Path) -> None:
    found = panel(tmp_path, static=["shop"], value_columns=["sales"])
    assert [one.static for one in found.series] == [{"shop": "north"}, {"shop": "south"}]


def test_each_column_may_be_a_series(tmp_path: Path) -> None:
    text = "day,a,b,price\n1,10,20,5\n2,11,21,6\n"
    found = read(tmp_path, text, series_columns=["a", "b"], known=["price"])
    assert isinstance(found, SeriesPanel) and [one.name for one in found.series] == ["a", "b"]
    np.testing.assert_array_equal(found.series[1].series.values, [[20, 5], [21, 6]])
    assert found.series[1].series.features == ("value", "price") and found.targets == ("value",)


@pytest.mark.parametrize("order", [1, -1])
def test_columns_that_begin_and_end_at_different_times_are_cut_to_what_was_measured(tmp_path: Path, order: int) -> None:
    rows = ["1,10,,5", "2,11,,6", "3,12,22,7", "4,,23,8", "5,,,9"][::order]
    found = read(tmp_path, "\n".join(["day,a,b,price", *rows]), series_columns=["a", "b"], known=["price"])
    assert isinstance(found, SeriesPanel)
    a, b = ([list(map(float, row)) for row in one.series.values[::order]] for one in found.series)
    np.testing.assert_array_equal(a, [[10, 5], [11, 6], [12, 7], [np.nan, 8], [np.nan, 9]])
    np.testing.assert_array_equal(b, [[22, 7], [23, 8], [np.nan, 9]])  # the fifth day is planned
    rows = ["1,10,", "2,11,", "3,12,22", "4,,23"][::order]
    found = read(tmp_path, "\n".join(["day,a,b", *rows]), series_columns=["a", "b"])
    assert isinstance(found, SeriesPanel)
    assert [len(one.series.values) for one in found.series] == [3, 2]
    assert list(found.series[1].series.times) == ["3", "4"][::order]


def test_a_word_where_a_number_is_expected_may_name_a_series(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line 2: shop \('north'\) must be a number\. .* series_column names it"):
        read(tmp_path, SALES)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (
            SALES.replace(",a\n", ",c\n", 1),
            {},
            r"static \(region\) must be the same .* shop north, but is 'c' in line 2",
        ),
        (SALES.replace("02,north", "02,"), {}, r"sales\.csv, line 5: shop must not be empty, for it says which series"),
        (SALES, {"known": ["price", "cost"]}, r"known \('cost'\) must be a column of numbers of sales\.csv"),
        (SALES, {"targets": ["price"]}, r"known \('price'\) must not stand in targets too"),
        (SALES, {"series_column": None}, r"static \(region\) must be left out where there is one series"),
        (SALES, {"known": ["price", "price"]}, r"known \(price, price\) must name each column once"),
        (SALES, {"series_columns": ["sales", "price"]}, r"series_column must be left out with series_columns"),
        (SALES, {"known": ["sales", "price"]}, r"must have a column of numbers beside those of known \(sales, price\)"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        panel(tmp_path, text, **columns)


def test_a_column_that_names_each_row_names_no_series(tmp_path: Path) -> None:
    text = "day,id,sales\n1,a,1\n2,b,2\n"
    with pytest.raises(
        UserError, match=r"series_column \(id\) must name a series in many rows, but each of the 2 rows"
    ):
        read(tmp_path, text, series_column="id")
