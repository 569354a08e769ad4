"""Numbers in every writing, and what must be asked."""

import math
from typing import Any

import pytest

from saccade.core.errors import UserError
from saccade.tables.numbers import NumberReader, RowReader
from saccade.tables.table_format import TableFormat


def reader(cells: list[str], separator: str = ",", sample: int | None = None, **form: Any) -> NumberReader:
    """The reader of a column, which has seen the first cells."""
    lines = list(enumerate(cells, start=2))[:sample]
    return NumberReader("v", TableFormat(**form), lines, lambda line: f"t.csv, line {line}", separator)


def read(cells: list[str], separator: str = ",", sample: int | None = None, **form: Any) -> list[float]:
    column = reader(cells, separator, sample, **form)
    return [column(cell, line) for line, cell in enumerate(cells, start=2)]


@pytest.mark.parametrize("sample", [None, 0, 1])
@pytest.mark.parametrize(
    ("cells", "separator", "form", "numbers"),
    [
        pytest.param(["1.5", "-2", ".25", "3.", "1e3", "+4"], ",", {}, [1.5, -2, 0.25, 3, 1000, 4], id="plain"),
        pytest.param(["12,5", "3"], ";", {}, [12.5, 3], id="decimal comma"),
        pytest.param(["1.394,64", "9,73"], ";", {}, [1394.64, 9.73], id="Brazil"),
        pytest.param(["1,123.55", "976.5"], ",", {}, [1123.55, 976.5], id="England"),
        pytest.param(["1 234,5", "7"], ";", {}, [1234.5, 7], id="France"),
        pytest.param(["1\u00a0234\u202f567", "7"], ";", {}, [1234567, 7], id="spaces that do not break"),
        pytest.param(["1'234.5", "7"], ",", {}, [1234.5, 7], id="Switzerland"),
        pytest.param(["12,34,567.8", "1.5"], ",", {}, [1234567.8, 1.5], id="India"),
        pytest.param(["1.234.567", "1.234.568"], ";", {}, [1234567, 1234568], id="two points"),
        pytest.param(["9.491", "11.520"], ";", {}, [9.491, 11.52], id="three decimals each"),
        pytest.param(["0.123", "5"], ";", {}, [0.123, 5], id="a zero leads"),
        pytest.param(["1.113", "976"], ";", {"thousands": "."}, [1113, 976], id="thousands stated"),
        pytest.param(["1.113", "976"], ";", {"decimal": "."}, [1.113, 976], id="decimal stated"),
        pytest.param(["1,113", "976"], ",", {"thousands": ","}, [1113, 976], id="a comma stated"),
        pytest.param(["15.0", "14.4"], ";", {"decimal": ","}, [15, 14.4], id="a column with points all the same"),
        pytest.param(["10,5", "-200", "-200,0"], ";", {"missing_values": [-200]}, [10.5, math.nan, math.nan],
            id="-200"),
        pytest.param(["10.5", "-200"], ",", {"missing_values": -200}, [10.5, math.nan], id="one number"),
        pytest.param(["10.5", "-200", "-200.0"], ",", {"missing_values": ["-200"]}, [10.5, math.nan, math.nan],
            id="text"),
        pytest.param(["1", "Gap"], ",", {"missing_values": ["gap"]}, [1, math.nan], id="a word"),
        pytest.param(["?", "1", "-", "NA", "", "null", "#N/A"], ",", {}, [math.nan, 1, *[math.nan] * 5], id="missing"),
        pytest.param(["\u22125", "3"], ",", {}, [-5, 3], id="a sign of typesetters"),
        pytest.param(["1_000"], ",", {"thousands": "_"}, [1000], id="underscores"),
        pytest.param(["R$ 1.234,50", "R$ -99,00"], ";", {}, [1234.5, -99], id="a currency"),
        pytest.param(["12.5%", "?", "7 %"], ",", {}, [12.5, math.nan, 7], id="per cent"),
    ],
)  # fmt: skip
def test_numbers_are_read(
    cells: list[str], separator: str, form: dict[str, Any], numbers: list[float], sample: int | None
) -> None:
    if sample is not None and cells[0].startswith(("10", "9")) and "20" in cells[1]:
        sample = None
    assert read(cells, separator, sample, **form) == pytest.approx(numbers, rel=1e-12, nan_ok=True)


BOTH = r"thousands, {0} if decimals follow it\. Say which: thousands: '\{1}' or decimal: '\{1}'"


@pytest.mark.parametrize("sample", [None, 0, 1])
@pytest.mark.parametrize(
    ("cells", "separator", "message"),
    [
        pytest.param(["1.113", "976"], ";", r"line 2: v holds '1\.113' and '976' in line 3\. '1\.113' is 1113 if the "
            r"point parts thousands, 1\.113 if decimals follow it\. Say which: thousands: '\.' or decimal: '\.'",
            id="point"),
        pytest.param(["976", "1.113"], ";", r"line 3: v holds '1\.113' and '976' in line 2", id="the other way round"),
        pytest.param(["1,123", "976"], ",", r"'1,123' is 1123 if the comma parts thousands, 1\.123 if", id="comma"),
        pytest.param(["1.5", "1.234.567"], ";", r"written in one way, but '\.' stands before decimals in '1\.5'",
            id="both"),
        pytest.param(["1.5", "1,5"], ";", r"line 3: v must have one sign before its decimals, but they are '1\.5' "
            "in line 2 and '1,5' here", id="two signs"),
        pytest.param(["12%", "0.12"], ",", r"v .*('12%'|'0\.12')", id="per cent and none"),
        pytest.param(["5 €", "$5"], ",", r"v .*('5 €'|'\$5')", id="two currencies"),
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_asked(
    cells: list[str], separator: str, message: str, sample: int | None
) -> None:
    with pytest.raises(UserError, match=message):
        read(cells, separator, sample)


def test_what_was_assumed_is_asked_about_when_a_later_row_speaks_against_it() -> None:
    for later in ("976", "12,5", "1.234.567"):
        column = reader(["9.491", "11.520"], ";")
        assert column("9.491", 2) == 9.491
        with pytest.raises(UserError, match=r"line (2|900)\b"):
            column(later, 900)


@pytest.mark.parametrize(
    ("cell", "form", "message"),
    [
        ("gale", {}, r"v \('gale'\) must be a number\. .* \(missing_values: \['gale'\]\)"),
        ("1_000", {}, r"v \('1_000'\) must be a number"),
        ("١٢", {}, r"must be a number"),
        ("-inf", {}, r"must be a finite number"),
        ("1e39", {}, r"must lie within ±3\.4e\+38"),
        ("1,5", {"thousands": ","}, r"must be a number as thousands: ',' says"),
        ("2024-01-01", {}, r"must be a number"),
    ],
)
def test_what_is_no_number_is_named(cell: str, form: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"^t\.csv, line 7: .*{message}"):
        reader([], **form)(cell, 7)


def test_a_row_of_many_columns_is_read_in_its_order() -> None:
    row = RowReader([reader([f"{place}.5"]) for place in range(450)])
    assert row([f"{place}.5" for place in range(450)], 2) == [place + 0.5 for place in range(450)]
    with pytest.raises(UserError, match=r"line 3: v \('x'\) must be a number"):
        row(["1.5"] * 449 + ["x"], 3)


def test_what_was_found_is_said() -> None:
    column = reader(["1.394,64", "?"], ";")
    column("1.394,64", 2), column("?", 3)
    assert column.findings == [
        "a comma before the decimals in",
        "'.' between thousands ('1.394,64' is 1394.64) in",
        "'?' read as missing in",
    ]
    assert reader(["1.5", "2"]).findings == [] and reader(["1.394,64"], ";", decimal=",", thousands=".").findings == []
    rare = ["-200", *(f"{12 + i % 7 / 10:.1f}" for i in range(9))] * 3
    assert reader(rare).findings == [
        "-200 (3 of the first 30 rows) far from all other numbers: if it stands for none, missing_values: [-200]; in"
    ]
    assert reader(rare, missing_values=[-200]).findings == []
    assert reader([*rare[1:10], "-200"] * 2).findings == [] and reader(["0", "1", "1", "0", "0"] * 9).findings == []
    assert reader(["12%"]).findings == ["'%' left out in"]
    (assumed,) = reader(["9.491"], ";").findings
    assert assumed.startswith("'9.491' read as 9.491")


def test_a_row_is_read_as_its_cells_are() -> None:
    columns = [["1", "2.5", "9,5"], ["2", "1e3", "?"], ["-3", ".5", ""], ["1-2", "1", "1"], ["3", "1e39", "1"]]
    forms = [reader([column[place] for column in columns[:1]]) for place in range(3)]
    row, alone = RowReader(forms[:2]), [reader(["1"]), reader(["2.5"])]
    for line, cells in enumerate(columns[:3], start=2):
        assert row(cells[:2], line) == [read(cell, line) for read, cell in zip(alone, cells[:2], strict=True)]
    for line, message in ((3, r"v \('1-2'\) must be a number"), (4, r"v \(1e39\) must lie within")):
        with pytest.raises(UserError, match=rf"line {line}: {message}"):
            row(columns[line][:2], line)
    assert math.isnan(RowReader(forms)(["1", "2.5", "?"], 9)[2]) and RowReader(forms)(["1", "2.5", "9,5"], 9)[2] == 9.5
    with pytest.raises(UserError, match=r"line 8: v holds '1\.113' and '1' in line 2"):
        RowReader([reader(["1"])])(["1.113"], 8)  # not yet told: thousands or decimals
