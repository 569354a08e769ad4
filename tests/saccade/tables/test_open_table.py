"""Tables of every form, written by other libraries, and what is found out about them."""

import bz2
import csv
import gzip
import io
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from saccade.core.errors import UserError
from saccade.tables import binary_tables, delimited_text
from saccade.tables.file_content import detect_content, is_spreadsheet
from saccade.tables.numbers import RowReader
from saccade.tables.table import Table, open_table
from saccade.tables.table_format import TableFormat

ROWS = [["007", 'crème, "brûlée"', "1.5"], ["8", "two words", ""], ["9", "x;y|z", "-2"]]
HEADER = ["id", "text", "value"]


def opened(path: Path, content: bytes | str, columns: dict[str, Any] | None = None, **form: Any) -> Table:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_table(path, path.name, columns or {}, form=TableFormat(**form))


def cells(table: Table) -> list[list[str]]:
    return [row for _, row in table.rows()]


def delimited(separator: str = ",", quoting: Any = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=quoting).writerows([HEADER, *ROWS])
    return text.getvalue()


def frame() -> pd.DataFrame:
    return pd.DataFrame({"id": ["007", "8", "9"], "text": [row[1] for row in ROWS], "value": [1.5, None, -2.0]})


def as_excel(path: Path) -> bytes:
    frame().to_excel(path.with_suffix(".xlsx"), index=False)
    return path.with_suffix(".xlsx").read_bytes()


def as_parquet(path: Path) -> bytes:
    frame().to_parquet(path.with_suffix(".parquet"))
    return path.with_suffix(".parquet").read_bytes()


FORMS: dict[str, Callable[[Path], bytes]] = {
    "comma": lambda path: delimited().encode(),
    "semicolon": lambda path: delimited(";").encode(),
    "tab": lambda path: delimited("\t").encode(),
    "pipe": lambda path: delimited("|").encode(),
    "all quoted": lambda path: delimited(quoting=csv.QUOTE_ALL).encode(),
    "mark": lambda path: delimited().encode("utf-8-sig"),
    "utf-16": lambda path: delimited().encode("utf-16"),
    "windows": lambda path: delimited(";").replace("\n", "\r\n").encode(),
    "lines": lambda path: frame().to_json(orient="records", lines=True, force_ascii=False).encode(),
    "records": lambda path: frame().to_json(orient="records", indent=1).encode(),
    "excel": as_excel,
    "parquet": as_parquet,
}


@pytest.mark.parametrize("packer", [None, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_by_its_content_whatever_its_name(
    tmp_path: Path, form: str, packer: Callable[[bytes], bytes] | None
) -> None:
    content = FORMS[form](tmp_path / "t")
    table = opened(tmp_path / "wrong.csv", packer(content) if packer else content, {"id_column": "id"})
    assert table.columns == HEADER
    read = table.number_reader("value")
    for (_, row), (id_, text, value) in zip(table.rows(), ROWS, strict=True):
        assert row[:2] == [id_, text]
        assert str(read(row[2], 1)) == str(float(value or "nan"))
    assert cells(table) == cells(table)  # it can be read again


@pytest.mark.parametrize("name", ["AirQuality.csv", "t.tsv", "t.txt", "SMSSpamCollection"])
@pytest.mark.parametrize("form", ["comma", "lines", "excel", "parquet"])
def test_the_ending_is_that_of_the_content(tmp_path: Path, form: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FORMS[form](tmp_path / "x"))
    of_text = Path(name).suffix or ".csv"
    expected = {"comma": of_text, "lines": ".jsonl", "excel": ".xlsx", "parquet": ".parquet"}[form]
    assert detect_content(path, name).suffix == expected
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert detect_content(path, f"{name}.gz").suffix == f"{expected}.gz"
    assert is_spreadsheet(tmp_path / "x.xlsx") if form == "excel" else not is_spreadsheet(path)


@pytest.mark.parametrize(
    ("text", "columns", "rows", "found"),
    [
        pytest.param("a b   c\n1  2 3\n4\t5 6\n", ["a", "b", "c"], [["1", "2", "3"], ["4", "5", "6"]],
            "spaces between the cells", id="runs of spaces"),
        pytest.param("2023-01-01,9.7\n2023-01-02,\n", ["0", "1"], [["2023-01-01", "9.7"], ["2023-01-02", ""]],
            "no header, so columns are called 0 and 1", id="no header"),
        pytest.param("2023-01-01,\n2023-01-02,9.7\n", ["0", "1"], [["2023-01-01", ""], ["2023-01-02", "9.7"]],
            "no header", id="no header, missing at first"),
        pytest.param("ham\tgo\nspam\twin\nham\tcome\n", ["0", "1"], [["ham", "go"], ["spam", "win"], ["ham", "come"]],
            "tabs between the cells, no header", id="texts without a header"),
        pytest.param("text\tlabel\ngo\tham\nwin\tspam\n", ["text", "label"], [["go", "ham"], ["win", "spam"]],
            "tabs", id="texts with a header"),
        pytest.param("country,1990,1991\nPeru,2.5,3.1\nChad,1.5,\n", None, None,
            r"line 1 may name the columns \('country', '1990', '1991'\), or .* header: true or header: false",
            id="years"),
        pytest.param("day,1990,1991\n1,2.5,3.1\n", ["day", "1990", "1991"], [["1", "2.5", "3.1"]], "",
            id="named years"),
        pytest.param("t;a;b;;\n1;2;3;;\n4;5;6;;\n;;;;\n;;;;\n", ["t", "a", "b"], [["1", "2", "3"], ["4", "5", "6"]],
            "2 empty columns at the end are left out", id="empty ends"),
        pytest.param("a\tb\n1\t\"x\n2\ty\n3\tz\"\n4\tw\n", ["a", "b"],
            [["1", '"x'], ["2", "y"], ["3", 'z"'], ["4", "w"]],
            r"quotation marks are text \(as quotes they would join 3 rows\)", id="stray quotes"),
        pytest.param("a,b\n1,\"x\ny\"\n2,z\n", ["a", "b"], [["1", "x\ny"], ["2", "z"]], "", id="a cell of two lines"),
        pytest.param("a,b\n1,\"say \\\"no\\\", now\"\n2,z\n", ["a", "b"], [["1", 'say "no", now'], ["2", "z"]],
            r"\\ before quotation marks", id="backslashes"),
        pytest.param("# made by x\n# t, a\n1,2\n3,4\n", ["t", "a"], [["1", "2"], ["3", "4"]],
            "a comment with the columns' names at the top", id="a commented header"),
        pytest.param("#love it,pos\n#hate it,neg\nmeh,pos\n", ["0", "1"],
            [["#love it", "pos"], ["#hate it", "neg"], ["meh", "pos"]], "no header", id="number signs in texts"),
        pytest.param("01/01/2023;1.394,64\n02/01/2023;1.400,00\n", ["0", "1"],
            [["01/01/2023", "1.394,64"], ["02/01/2023", "1.400,00"]], "semicolons", id="commas in each line"),
        pytest.param("Report 2023;;\n;;\nday;a;b\n2023-01-01;1,5;2\n2023-01-02;1,6;3\n", ["day", "a", "b"],
            [["2023-01-01", "1,5", "2"], ["2023-01-02", "1,6", "3"]], "'Report 2023' above the header",
            id="title"),
        pytest.param("Sales of the year\n\nday,a\n1,5\n2,6\n", ["day", "a"], [["1", "5"], ["2", "6"]],
            "'Sales of the year' above the header left out", id="a title of one cell"),
        pytest.param("sep=;\nname;text\nx;y\nz;w\n", ["name", "text"], [["x", "y"], ["z", "w"]], "semi", id="sep"),
        pytest.param('a, b\n1, "x, y"\n2, "z"\n', ["a", "b"], [["1", "x, y"], ["2", "z"]], "", id="spaces and quotes"),
        pytest.param("x\ty\nr1\t1\t2\nr2\t3\t4\n", ["", "x", "y"], [["r1", "1", "2"], ["r2", "3", "4"]],
            "the first column has no name", id="row names of R"),
        pytest.param("a,b\n1,2,\n3,4,\n", ["a", "b"], [["1", "2"], ["3", "4"]], "rows end with a separator", id="ends"),
        pytest.param(",v\n0,1\n1,2\n", ["", "v"], [["0", "1"], ["1", "2"]], "", id="an index without a name"),
    ],
)  # fmt: skip
def test_what_is_not_stated_is_found(
    tmp_path: Path, text: str, columns: list[str] | None, rows: list[list[str]] | None, found: str
) -> None:
    if columns is None:
        with pytest.raises(UserError, match=found):
            opened(tmp_path / "t.csv", text)
        return
    table = opened(tmp_path / "t.csv", text)
    assert table.columns == columns and cells(table) == rows
    if found:
        assert pd.Series(table.notes).str.contains(found).any(), table.notes
    else:
        assert table.notes == []


@pytest.mark.parametrize(
    ("text", "form", "columns", "rows"),
    [
        ("a,b\n1,2\n", {"header": False}, ["0", "1"], [["a", "b"], ["1", "2"]]),
        ("1,2\n3,4\n", {"header": True}, ["1", "2"], [["3", "4"]]),
        ("a,b;c\n1,2;3\n", {"separator": "comma"}, ["a", "b;c"], [["1", "2;3"]]),
        ("a^b\n1^2\n", {"separator": "^"}, ["a", "b"], [["1", "2"]]),
        ("a,b\n1,'x, y'\n", {"quotes": "single"}, ["a", "b"], [["1", "x, y"]]),
        ('a\tb\n1\t"x"\n', {"quotes": "none"}, ["a", "b"], [["1", '"x"']]),
        ('a\tb\n1\t"x\n2\ty"\n', {"quotes": "double"}, ["a", "b"], [["1", "x\n2\ty"]]),
        ("Preço\n1\n", {"encoding": "utf-8"}, ["Preço"], [["1"]]),
    ],
)
def test_what_is_stated_holds(
    tmp_path: Path, text: str, form: dict[str, Any], columns: list[str], rows: list[list[str]]
) -> None:
    table = opened(tmp_path / "t.csv", text, **form)
    assert table.columns == columns and cells(table) == rows


@pytest.mark.parametrize(
    ("content", "columns", "form", "message"),
    [
        pytest.param("Preço;b\n1;2\n".encode("latin-1"), {}, {},
            r"line 1: the byte 0xe7 is no utf-8; in cp1252 the line reads 'Preço;b'\. Name it: encoding: cp1252",
            id="cp1252"),
        pytest.param("a;b\nmaçã;2\n".encode("cp850"), {}, {}, r"line 2: .* in cp850 the line reads 'maçã;2'",
            id="cp850"),
        pytest.param("a;b\nпривет мир;2\n".encode("cp1251"), {}, {}, r"in cp1251 the line reads 'привет мир;2'",
            id="cp1251"),
        pytest.param("a,b\n東京都渋谷区,2\n".encode("shift_jis"), {}, {}, r"in shift_jis the line", id="shift_jis"),
        pytest.param("a,b\n1,2\n".encode("utf-16-le"), {}, {}, r"in utf-16-le it begins 'a,b'\. Name it: encoding",
            id="utf-16 without a mark"),
        pytest.param("ham\tgo\nspam\twin\nham\tcome\n", {"text_column": "text"}, {},
            r"has no header, so its columns are 0 \('ham'\), 1 \('go'\), but none is 'text'\. Name them by number with "
            "text_column", id="a name without a header"),
        pytest.param("a,b\n1,2\n", {"x_column": "A"}, {}, r"line 1 must have a column 'A', but has 'a', 'b'; .*'a'",
            id="A"),
        pytest.param('{"a": 1}\n{"a": 2\n', {}, {}, r"line \d: the JSON must be whole", id="half a record"),
        pytest.param("[[1, 2], [3, 4]]", {}, {}, r"line 1 must hold an object, such as", id="lists of JSON"),
        pytest.param('{"version": 1, "data": [{"a": 1}, {"a": 2}]}', {}, {}, "in the list under 'data'", id="data"),
        pytest.param("v\n1,5\n2,5\n", {}, {}, "line 2 must have 1 cells, .* such as decimal commas", id="one column"),
        pytest.param("d,v\n1,2,5\n2,3,5\n", {}, {}, "line 2 must have 2 cells, .* such as decimal commas", id="commas"),
        pytest.param("version https://git-lfs.github.com/spec/v1\n", {}, {}, "pointer of Git LFS", id="LFS"),
        pytest.param("{}", {}, {}, "must hold rows, but holds none", id="no keys"),
        pytest.param(b"\x89PNG\r\n\x1a\n", {}, {}, "must be a table, but is a PNG picture", id="a picture"),
        pytest.param("a,b\n1,2\n", {}, {"encoding": "utf-16"}, "must begin with a byte order mark to be", id="mark"),
        pytest.param('{"a":' * 5000, {}, {}, "JSON must not be so deep", id="a deep object"),
        pytest.param(gzip.compress(b"a,b\n1,2\n")[:15] + b"\xff" * 20, {}, {}, "whole packed file", id="damaged"),
        pytest.param(gzip.compress(b"a,b\n1,2\n" * 1000)[:-20], {}, {}, r"must be a whole", id="half a file"),
        pytest.param(b"PAR1" + b"\0" * 50, {}, {}, "must be a whole Parquet file", id="half a Parquet file"),
        pytest.param("a,b\n1,2\n", {}, {"separator": ";;"}, r"separator \(';;'\) must be one sign", id="two signs"),
        pytest.param("a,b\n1,2\n", {}, {"decimal": ",", "thousands": ","}, "must be different signs", id="same"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_its_remedy(
    tmp_path: Path, content: bytes | str, columns: dict[str, Any], form: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        cells(opened(tmp_path / "t.csv", content, columns, **form))


def test_rows_that_quotation_marks_swallow_below_the_first_lines_are_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from saccade.tables import find_separator

    monkeypatch.setattr(find_separator, "_QUOTE_CHARACTERS", 200)
    text = "a\tb\n" + "1\tx\n" * 100 + '2\t"open\n' + "3\ty\n" * 59 + '4\tshut"\n'
    message = (
        r"lines 102 and 162 make one row of 61 lines .* quotes: none \(marks are text, 61 rows\) or quotes: double"
    )
    with pytest.raises(UserError, match=message):
        opened(tmp_path / "t.csv", text)
    assert len(cells(opened(tmp_path / "t.csv", text, quotes="none"))) == 161
    assert len(cells(opened(tmp_path / "t.csv", text, quotes="double"))) == 101


def test_what_unpacks_to_more_than_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited_text, "_MAX_LINE", 1000)
    with pytest.raises(UserError, match=r"must have lines of less than 1,000 characters"):
        opened(tmp_path / "t.csv", gzip.compress(b"a,b\n" + b"x" * 2000))
    monkeypatch.setattr(binary_tables, "_MAX_WORKBOOK_BYTES", 1000)
    with pytest.raises(UserError, match=r"must unpack to at most 1,000 bytes, but to [\d,]+\. Save it as CSV"):
        opened(tmp_path / "t.csv", as_excel(tmp_path / "x"))
    monkeypatch.setattr(binary_tables, "_MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(UserError, match=r"must unpack to at most 1,000 bytes"):
        opened(tmp_path / "t.csv", gzip.compress(as_parquet(tmp_path / "x")))


def test_a_cell_below_an_empty_column_that_was_left_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from saccade.tables import table

    text = "a;b;;\n1;2;;\n3;4;5;\n"
    assert opened(tmp_path / "t.csv", text).columns == ["a", "b", ""]  # seen in time, it is a column without a name
    monkeypatch.setattr(table, "_SAMPLE_ROWS", 1)
    with pytest.raises(UserError, match=r"t\.csv, line 3: cell 3 \('5'\) must be empty, as the column has no name"):
        cells(opened(tmp_path / "t.csv", text))


def test_columns_that_are_named_by_number_have_no_header(tmp_path: Path) -> None:
    named = {"path_column": 0, "label_column": 1}
    table = opened(tmp_path / "train.txt", "a.png 0\nb.png 1\n", named)
    assert cells(table) == [["a.png", "0"], ["b.png", "1"]]
    assert opened(tmp_path / "t.csv", "0,1\na,b\n", named).columns == ["0", "1"]
    assert cells(opened(tmp_path / "t.csv", "0,1\na,b\n", named)) == [["a", "b"]]
    for text in ("label,text\na,b\n", "when,load\n2024-01-01,5\n2024-01-02,6\n"):
        with pytest.raises(UserError, match=r"line 1 may name the columns \('\w+', '\w+'\), or be the first row"):
            opened(tmp_path / "t.csv", text, named)
        assert opened(tmp_path / "t.csv", text, named, header=False).columns == ["0", "1"]


def test_lines_and_rows_are_those_that_programs_show(tmp_path: Path) -> None:
    assert [line for line, _ in opened(tmp_path / "t.csv", '\n\na,b\n1,"x\ny"\n\n2,z\n').rows()] == [4, 7]
    records = json.dumps([{"a": 1}, {"a": 2}], indent=2)
    assert [line for line, _ in opened(tmp_path / "t.json", records).rows()] == [2, 5]
    excel = opened(tmp_path / "t.xlsx", as_excel(tmp_path / "x"))
    assert excel.where(2) == "t.xlsx, row 2" and [line for line, _ in excel.rows()] == [2, 3, 4]


def test_values_of_records_are_text_as_written(tmp_path: Path) -> None:
    text = '{"a": 1.10, "b": true, "c": {"d": "x"}, "e": null}\n{"a": 12345678901234567890, "f": [1, "y"]}\n'
    table = opened(tmp_path / "t.jsonl", text)
    assert table.columns == ["a", "b", "c.d", "e", "f"]
    assert cells(table) == [["1.10", "true", "x", "", ""], ["12345678901234567890", "", "", "", '["1", "y"]']]


def test_times_and_an_index_of_other_programs(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=2, freq="h", name="when")
    pd.DataFrame({"v": [1, 2]}, index=days).to_parquet(tmp_path / "x.parquet")
    table = opened(tmp_path / "t.parquet", (tmp_path / "x.parquet").read_bytes())
    assert table.columns == ["when", "v"]
    assert cells(table) == [["2024-01-01 00:00:00", "1"], ["2024-01-01 01:00:00", "2"]]
    pd.DataFrame({"v": [1, 2]}, index=days).to_excel(tmp_path / "x.xlsx")
    assert cells(opened(tmp_path / "t.xlsx", (tmp_path / "x.xlsx").read_bytes())) == cells(table)


@pytest.mark.parametrize("form", [{}, {"thousands": "."}, {"decimal": ","}, {"missing_values": [976]}])
@pytest.mark.parametrize("kind", ["xlsx", "parquet", "jsonl"])
def test_numbers_that_a_file_holds_as_numbers_are_not_asked_about(
    tmp_path: Path, kind: str, form: dict[str, Any]
) -> None:
    values = pd.DataFrame({"v": [1.113, 976.0, 1e-7, None], "id": list("abcd")})
    writers = {"xlsx": values.to_excel, "parquet": values.to_parquet}
    if kind == "jsonl":
        values.to_json(tmp_path / "x.jsonl", orient="records", lines=True)
    else:
        writers[kind](tmp_path / f"x.{kind}", index=False)
    table = opened(tmp_path / "t.csv", (tmp_path / f"x.{kind}").read_bytes(), **form)
    read = table.number_reader("v")
    expected = [1.113, float("nan") if "missing_values" in form else 976, 1e-7, float("nan")]
    assert [read(row[0], line) for line, row in table.rows()] == pytest.approx(expected, nan_ok=True)
    assert [RowReader([read])(row[:1], line)[0] for line, row in table.rows()] == pytest.approx(expected, nan_ok=True)


def test_a_worksheet_is_chosen(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "x.xlsx") as writer:
        pd.DataFrame({"a": [1]}).to_excel(writer, sheet_name="first", index=False)
        pd.DataFrame({"b": [2]}).to_excel(writer, sheet_name="second", index=False)
    content = (tmp_path / "x.xlsx").read_bytes()
    first = opened(tmp_path / "t.xlsx", content)
    assert first.columns == ["a"] and first.notes == [
        "t.xlsx: worksheet 'first' of 'first', 'second' (sheet names another)"
    ]
    assert opened(tmp_path / "t.xlsx", content, sheet="second").columns == ["b"]
    assert opened(tmp_path / "t.xlsx", content, sheet=1).columns == ["b"]
    with pytest.raises(
        UserError, match=r"sheet \('third'\) must be a worksheet of t\.xlsx, which are 'first', 'second'"
    ):
        opened(tmp_path / "t.xlsx", content, sheet="third")


@pytest.mark.parametrize(
    ("form", "module", "extra"), [("excel", "python_calamine", "excel"), ("parquet", "pyarrow", "parquet")]
)
def test_an_extra_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, module: str, extra: str
) -> None:
    content = FORMS[form](tmp_path / "x")
    for name in (module, f"{module}.parquet", "openpyxl"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=rf"pip install 'saccade\[{extra}\]'"):
        opened(tmp_path / "t.csv", content)


def test_an_id_beyond_the_header_is_one_row(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line 3 must have 2 cells, as the first row has, but has 3"):
        cells(opened(tmp_path / "t.csv", "2023-01-01,5\n2023-01-02,6\n2023-01-03,7,8\n"))
