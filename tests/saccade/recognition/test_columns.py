"""What a column seems to hold."""

import gzip
from pathlib import Path

import pytest
from written_files import days, sentence

from saccade.recognition.columns import Column, TableLook, look_at_table
from saccade.recognition.look import look_at


def column(values: list[str], name: str = "x") -> Column:
    return Column(name, values, len(values))


@pytest.mark.parametrize(
    ("values", "name", "traits"),
    [
        (["1.5", "2,5", "-3e2", "4"], "x", {"are_numbers"}),
        (["1", "2", "3", "4"], "x", {"are_numbers", "are_whole"}),
        (["2001", "2002", "2003"], "Year", {"are_numbers", "are_whole", "are_times"}),
        (days(5), "x", {"are_times"}),
        (["2022-10-01T00:00:00Z", "2022-10-01T01:00:00Z", "2022-10-01T02:00:00Z"], "x", {"are_times"}),
        (["train", "Val", "TEST", "train"], "x", {"are_splits"}),
        (["0", "1", "1.0", "0.0"], "x", {"are_numbers", "are_whole", "is_one_hot"}),
        (["True", "False", "True"], "x", {"is_one_hot"}),
        ([sentence(n) for n in range(9)], "x", {"are_sentences"}),
        (["cat", "dog"] * 6, "x", {"may_be_classes"}),
        (["great dane"] * 6 + ["brown bear"] * 6, "x", {"may_be_classes"}),
        ([f"id{n}" for n in range(12)], "x", set()),
    ],
)
def test_traits(values: list[str], name: str, traits: set[str]) -> None:
    one = column(values, name)
    asked = ("are_numbers", "are_whole", "are_times", "are_splits", "are_sentences", "is_one_hot")
    found = {trait for trait in asked if getattr(one, trait)}
    assert found == traits - {"may_be_classes"}
    if "may_be_classes" in traits:
        assert one.may_be_classes


def test_labels_are_ranked_by_their_header_and_subjects_are_none() -> None:
    cells = ["a", "b", "c"] * 6
    names = ("patient", "colour", "Target", "class", "split")
    table = TableLook("t", tuple(column(["train", "test"] * 9 if n == "split" else cells, n) for n in names), 18, True)
    assert [each.name for each in table.label_columns()] == ["class", "Target", "colour"]
    assert table.split_column() is table.columns[4]


@pytest.mark.parametrize(
    ("content", "columns", "arguments"),
    [
        (b"a;b\n1,5;x\n2,5;y\n3,5;y\n", ["a", "b"], {}),
        ("preço;dia\n1;segunda\n2;terça\n".encode("cp1252"), ["preço", "dia"], {"encoding": "cp1252"}),
        (b"2023-01-01,9.5\n2023-01-02,8.5\n2023-01-03,8.75\n", [0, 1], {}),
        (gzip.compress(b"a,b\n1,x\n2,y\n", mtime=0), ["a", "b"], {}),
    ],
)
def test_a_table_is_read_by_what_it_says_itself(
    tmp_path: Path, content: bytes, columns: list[str | int], arguments: dict[str, str]
) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    table = look_at_table(look_at(tmp_path / "t.csv", "t.csv"), "t.csv")
    assert table is not None and [each.name for each in table.columns] == columns
    assert dict(table.arguments) == arguments and table.is_whole


def test_one_column_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("once upon a time\nthere was\na file of words\n")
    assert look_at_table(look_at(tmp_path / "t.txt", "t.txt"), "t.txt") is None
