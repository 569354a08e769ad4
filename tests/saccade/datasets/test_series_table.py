"""One long series in a CSV file."""

import csv
import io
import math
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.datasets import series_table
from saccade.kinds.series.reading.regular import regular_series
from saccade.readers.examples import LongSeries

TEXT = "when,wind,sun\n2024-01,1.5,10\n2024-02,-2,2e1\n2024-03,.25,30\n"


def of_bytes(folder: Path, content: bytes, **arguments: Any) -> LongSeries:
    folder.mkdir(exist_ok=True)
    (folder / "a.csv").write_bytes(content)
    series_table.fetch(folder / "raw", path=str(folder / "a.csv"), **arguments)
    return series_table.read(folder / "raw", path=str(folder / "a.csv"), **arguments)


def of_text(folder: Path, text: str, written_in: str = "utf-8", **arguments: Any) -> LongSeries:
    return of_bytes(folder, text.encode(written_in), **arguments)


def test_a_table_is_read_in_the_order_of_its_rows(tmp_path: Path) -> None:
    read = of_text(tmp_path, TEXT)
    assert (read.series.features, read.targets, read.series.time_column) == (("wind", "sun"), ("wind", "sun"), "when")
    assert read.series.times == ["2024-01", "2024-02", "2024-03"] and list(read.series.lines) == [2, 3, 4]
    np.testing.assert_array_equal(read.series.values, [[1.5, 10], [-2, 20], [0.25, 30]])
    assert (tmp_path / "raw" / "series.csv").read_bytes() == TEXT.encode()
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["series.csv"]


def test_columns_are_chosen_by_their_headers(tmp_path: Path) -> None:
    text = "station,wind,sun,day\nA,1,10,2024-01-01\nA,2,20,2024-01-02\n"
    read = of_text(tmp_path, text, time_column="day", value_columns=["sun", "wind"], targets=["wind"])
    assert (read.series.features, read.targets) == (("sun", "wind"), ("wind",))
    np.testing.assert_array_equal(read.series.values, [[10, 1], [20, 2]])
    assert read.series.times == ["2024-01-01", "2024-01-02"]


@pytest.mark.parametrize(
    ("text", "written_in", "arguments"),
    [
        (TEXT.replace(",", ";"), "utf-8", {}),
        (TEXT.replace(",", ";").replace(".", ","), "utf-8", {}),  # a comma for the point
        (TEXT.replace(",", "\t"), "utf-8", {}),
        (TEXT.replace("\n", "\r\n"), "utf-8-sig", {}),
        (TEXT, "utf-16", {"encoding": "utf-16"}),
        (TEXT.replace("2024-02", '"2024-02"').replace("\n", "\n\n"), "utf-8", {}),
    ],
)
def test_tables_as_programs_write_them(tmp_path: Path, text: str, written_in: str, arguments: dict[str, str]) -> None:
    read = of_text(tmp_path, text, written_in, **arguments)
    np.testing.assert_array_equal(read.series.values, [[1.5, 10], [-2, 20], [0.25, 30]])
    assert read.series.times == ["2024-01", "2024-02", "2024-03"]


@pytest.mark.parametrize(
    ("text", "time_format", "times", "values"),
    [
        ("1749,58\n1750,62\n", None, ["1749", "1750"], [[58], [62]]),
        (
            "2024-01-01 13:00,58\n2024-01-01 14:00,62\n",
            None,
            ["2024-01-01 13:00", "2024-01-01 14:00"],
            [[58], [62]],
        ),
        ("1749;58,1;3\n1750;62,5;4\n", None, ["1749", "1750"], [[58.1, 3], [62.5, 4]]),
        ("01/31/1749,58\n02/28/1749,62\n", "%m/%d/%Y", ["01/31/1749", "02/28/1749"], [[58], [62]]),
    ],
)
def test_a_table_without_a_header_has_columns_by_number(
    tmp_path: Path, text: str, time_format: str | None, times: list[str], values: list[list[float]]
) -> None:
    read = of_text(tmp_path, text, time_format=time_format)
    assert read.series.times == times and read.series.time_column == "0"
    assert read.series.features == tuple(str(place) for place in range(1, len(values[0]) + 1))
    np.testing.assert_array_equal(read.series.values, values)
    assert "no header, so columns are called 0" in read.notes[0]


def test_what_was_not_measured_is_nan(tmp_path: Path) -> None:
    text = "when,wind\n1,\n2,NA\n3,NaN\n4,null\n5,n/a\n6,0\n"
    assert np.isnan(of_text(tmp_path, text).series.values[:, 0]).tolist() == [True] * 5 + [False]


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        pytest.param("", {}, r"a\.csv, line 1 must be a header, but the table is empty", id="empty"),
        pytest.param("\n \n", {}, r"a\.csv, line 1 must be a header, but the table is empty", id="blank"),
        pytest.param("when,wind\n", {}, r"a\.csv must have rows below its header, but has none", id="header alone"),
        pytest.param("when,wind,\n1,2,3\n", {}, r"each column of numbers, but cell 3 is empty\. Fill it", id="unnamed"),
        pytest.param("when\n1\n2\n", {}, r"must name a column of numbers beside 'when'", id="times alone"),
        pytest.param(
            TEXT,
            {"value_columns": ["Sun"]},
            r"must have a column 'Sun' of numbers, but has 'when', .*; the nearest is 'sun'",
            id="no such column",
        ),
        pytest.param(
            TEXT,
            {"time_column": "day"},
            r"line 1 must have a column 'day', but has 'when'.*\. Name it with time_column\.$",
            id="no such time",
        ),
        pytest.param(
            TEXT,
            {"targets": ["rain"]},
            r"targets \('rain'\) must be columns of numbers .* 'wind', 'sun'",
            id="no such target",
        ),
        pytest.param(TEXT, {"targets": []}, r"targets \(\[\]\) must name a column, and each once", id="no target"),
        pytest.param(
            TEXT,
            {"value_columns": ["sun", "sun"]},
            r"must name different columns, but 'sun' stands there twice",
            id="twice",
        ),
        pytest.param(TEXT, {"value_columns": ["when"]}, r"'when' must not hold both the times and numbers", id="both"),
        pytest.param(
            "when,a,a\n1,2,3\n",
            {},
            r"line 1 must name each column once, but 'a' stands there 2 times",
            id="a header twice",
        ),
        pytest.param(TEXT.replace("-2,", "gale,"), {}, r"a\.csv, line 3: wind \('gale'\) must be a number", id="text"),
        pytest.param(
            TEXT.replace("-2,", '"1,5",'), {}, r"line 3: wind .* are '1\.5' in line 2 and '1,5' here", id="a comma"
        ),
        pytest.param(
            TEXT.replace("-2,", "1_000,"), {}, r"line 3: wind \('1_000'\) must be a number", id="an underscore"
        ),
        pytest.param(TEXT.replace("-2,", "-inf,"), {}, r"line 3: wind \(-inf\) must be a finite number", id="infinite"),
        pytest.param(
            TEXT.replace("-2,", "1e39,"), {}, r"line 3: wind \(1e39\) must lie within ±3\.4e\+38", id="too large"
        ),
        pytest.param(TEXT.replace("2024-02,", ","), {}, r"line 3: when must not be empty", id="no time"),
        pytest.param(
            TEXT.replace("-2,", "-2,7,"),
            {},
            r"line 3 must have 3 cells, as the header has, but has 4",
            id="too many cells",
        ),
        pytest.param(
            TEXT.replace("-2,2e1", '"-2,"2,1"'), {}, r"the row that begins in line 3 must be whole", id="an open quote"
        ),
        pytest.param(TEXT, {"time_format": "%Y-%Y"}, r"time_format \('%Y-%Y'\) must be a form", id="no form"),
        pytest.param(TEXT, {"encoding": "klingon"}, r"encoding \(klingon\) must be", id="no encoding"),
    ],
)
def test_what_a_table_must_not_say(tmp_path: Path, text: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        of_text(tmp_path, text, **arguments)


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"a\.csv, line 3: the byte 0xff is no utf-8; in cp1252 the line reads '2024-02,ÿ,2e1'"
    ):
        of_bytes(tmp_path, TEXT.encode().replace(b"-2,", b"\xff,"))
    with pytest.raises(UserError, match=r"a\.csv must be a table, but is a PNG picture"):
        of_bytes(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    with pytest.raises(UserError, match=r"line 2"):
        of_bytes(tmp_path, b"when,wind\n1,2\0\n")


# --- where it comes from ----------------------------------------------------------------------------------------------


def packed(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    target = folder / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("set/a.csv", TEXT)
    else:
        with tarfile.open(target, "w:gz") as tar:
            info = tarfile.TarInfo("set/a.csv")
            info.size = len(TEXT)
            tar.addfile(info, io.BytesIO(TEXT.encode()))
    return target


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_table_in_an_archive(tmp_path: Path, name: str) -> None:
    path = str(packed(tmp_path, name))
    series_table.fetch(tmp_path / "raw", path=path, table="a.csv")
    assert (tmp_path / "raw" / "series.csv").read_text() == TEXT
    series_table.fetch(tmp_path / "only file", path=path)
    assert (tmp_path / "only file" / "series.csv").read_text() == TEXT
    with pytest.raises(UserError, match=r"table \(b\.csv\) must be a file in "):
        series_table.fetch(tmp_path / "raw", path=path, table="b.csv")


def test_a_table_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.csv").write_text(TEXT)
    series_table.fetch(tmp_path / "raw", path=str(tmp_path), table="set/a.csv")
    assert (tmp_path / "raw" / "series.csv").read_text() == TEXT


def test_a_table_at_an_address(tmp_path: Path, serve: Callable[[Path], str]) -> None:
    source = tmp_path / "published"
    source.mkdir()
    (source / "a.csv").write_text(TEXT)
    remote: dict[str, Any] = {
        "url": f"{serve(source)}/a.csv",
        "sha256": sha256_of_file(source / "a.csv"),
        "size": len(TEXT),
    }
    series_table.fetch(tmp_path / "raw", **remote)
    assert (tmp_path / "raw" / "series.csv").read_text() == TEXT
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["series.csv"]
    away = {**remote, "url": "http://127.0.0.1:9/a.csv"}
    series_table.fetch(tmp_path / "raw2", **away, mirror=str(source))
    assert (tmp_path / "raw2" / "series.csv").read_text() == TEXT
    with pytest.raises(UserError, match=r"must have SHA-256 0000"):
        series_table.fetch(tmp_path / "raw3", **{**away, "sha256": "0" * 64}, mirror=str(source))
    assert not (tmp_path / "raw3" / "series.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"series_table needs path .* or url, and not both"),
        ({"path": "a.csv", "url": "http://x/a.csv"}, r"and not both"),
        ({"path": "nowhere.csv"}, r"path \(nowhere\.csv\) must be a folder or a file, but .* does not exist"),
        ({"url": "http://x/a.csv"}, r"needs sha256 and size beside it"),
        ({"path": "a.csv", "mirror": "x"}, r"belong to url"),
        ({"path": "a.csv", "table": "b.csv"}, r"table \(b\.csv\) must be in an archive or a folder"),
        ({"path": "a.csv", "max_file_bytes": 5}, r"must be at most 5 bytes long \(max_file_bytes\)"),
    ],
)
def test_where_nothing_can_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(TEXT)
    with pytest.raises(UserError, match=message):
        series_table.fetch(tmp_path / "raw", **arguments)


def test_the_sunspots(tmp_path: Path, real_data: Callable[[str], Path]) -> None:
    path = real_data("monthly-sunspots.csv")
    read = of_bytes(tmp_path, path.read_bytes())
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert read.series.values[:, 0].tolist() == [float(row["Sunspots"]) for row in rows] and len(rows) == 2820
    calendar = regular_series(read.series, "error").calendar
    assert calendar is not None and calendar.step == "1 month"
    assert [calendar.text(i) for i in range(2821)] == [*(row["Month"] for row in rows), "1984-01"]
    assert math.isclose(read.series.values.mean(), 51.27, abs_tol=0.01)


def test_columns_may_be_called_by_numbers(tmp_path: Path) -> None:
    assert of_text(tmp_path, "nm,400,410\n1,2,3\n").series.features == ("400", "410")
    assert of_text(tmp_path, ",400,410\n1,2,3\n").series.features == ("400", "410")  # times without a name
    assert of_text(tmp_path, "1,nm,\n1,2,3\n", value_columns=["nm"]).series.features == ("nm",)
