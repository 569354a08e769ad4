"""What the cells of a table say: one class, several, or numbers; what can be read two ways is asked about."""

from collections.abc import Sequence

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.readers.row_labels import (
    EncodedLabels,
    LabelColumns,
    encode_columns,
    encode_labels,
    read_flag_or_number,
)
from saccade.tables.numbers import NumberReader
from saccade.tables.table_format import TableFormat


def where(row: int) -> str:
    return f"leaves.csv, line {row + 2}"


def read(*texts: str, multilabel: bool = False, separator: str | None = None) -> EncodedLabels:
    return encode_labels(texts, where, "leaves.csv", LabelColumns("labels", (), (), multilabel, separator))


def read_columns(*rows: Sequence[str], multilabel: bool = False, numbers: bool = False) -> EncodedLabels:
    headers = tuple("abc"[: len(rows[0])])
    columns = LabelColumns("label", () if numbers else headers, headers if numbers else (), multilabel)
    cells = [[(number + 2, cells[k]) for number, cells in enumerate(rows)] for k in range(len(headers))]
    readers = [
        NumberReader(header, TableFormat(), column, lambda line: f"leaves.csv, line {line}")
        for header, column in zip(headers, cells, strict=True)
    ]
    values = [
        [read_flag_or_number(cell, read, line) for line, cell in column]
        for read, column in zip(readers, cells, strict=True)
    ]
    return encode_columns(np.array(values).T, where, "leaves.csv", columns)


def test_one_label_a_cell() -> None:
    found = read("rust", "scab", "rust", "hot scab")
    assert found.classes == ("hot scab", "rust", "scab") and found.targets == () and found.notes == ()
    assert found.values.dtype == np.int64 and found.values.tolist() == [1, 2, 1, 0]
    with pytest.raises(UserError, match=r"leaves\.csv must have at least two classes, but there is only 'rust'"):
        read("rust", "rust")


@pytest.mark.parametrize(
    ("texts", "separator"),
    [
        (["healthy", "scab rust", "scab", "", "rust  scab"], " "),
        (["healthy", "scab, rust", "scab", "", "rust,scab,"], ","),
        (["healthy", "scab|rust", "scab", "", "rust | scab"], "|"),
        (["healthy", "scab;rust", "scab", "", "rust;scab"], ";"),
    ],
)
@pytest.mark.parametrize("is_named", [False, True])
def test_several_labels_a_cell(texts: list[str], separator: str, is_named: bool) -> None:
    found = read(*texts, multilabel=not is_named, separator=separator if is_named else None)
    assert found.classes == ("healthy", "rust", "scab") and found.values.dtype == np.uint8
    assert found.values.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0], [0, 1, 1]]
    (note,) = found.notes
    assert "3 of them (healthy, rust, scab); 2 of 5 rows have several" in note


@pytest.mark.parametrize(
    "texts",
    [
        ['["rust", "hot scab"]', "[]", '["rust"]', ""],
        ["['rust', 'hot scab']", "[]", "['rust']", ""],
        ["[rust, hot scab]", "[]", "[rust]", ""],
    ],
)
def test_lists_in_square_brackets(texts: list[str]) -> None:
    found = read(*texts, multilabel=True)
    assert found.classes == ("hot scab", "rust") and found.values.tolist() == [[1, 1], [0, 0], [0, 1], [0, 0]]
    assert "in square brackets: 2 of them" in found.notes[0]
    with pytest.raises(UserError, match=r"line 2: .* is a list\. Several .* row: multilabel: true .*\(2 labels\)"):
        read(*texts)


def test_another_sign_between_labels_can_be_named() -> None:
    found = read("a+b", "b", "c d", separator="+")
    assert found.classes == ("a", "b", "c d") and found.values.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_several_columns_of_labels_that_hold_one_each_are_one_a_cell() -> None:
    found = read("rust", "scab", "", multilabel=True)
    assert found.values.tolist() == [[1, 0], [0, 1], [0, 0]] and "one a cell" in found.notes[0]


def test_cells_that_can_be_parted_two_ways_are_asked_about_with_both_readings() -> None:
    with pytest.raises(UserError) as raised:
        read("dark blue,red", "red", "light blue", multilabel=True)
    text = str(raised.value)
    assert "leaves.csv, line 2: 'dark blue,red' can be read in several ways" in text
    assert "labels_separator: \",\" reads 'dark blue', 'red'" in text
    assert "labels_separator: \" \" reads 'dark', 'blue,red'. Say which" in text
    remedied = read("dark blue,red", "red", "light blue", separator=",")
    assert remedied.classes == ("dark blue", "light blue", "red")


@pytest.mark.parametrize(
    ("texts", "separator", "line", "several", "classes"),
    [
        (["scab", "", "rust", "scab rust"], " ", 5, 2, None),
        (["healthy", "scab", "rust", "scab rust"], " ", 5, 3, 4),
        (["a|b", "b|c", "a|c"], "|", 2, 3, 3),
        (["a", "a, b", "b"], ",", 3, 2, 3),
    ],
)
def test_labels_that_look_like_several_others_are_no_class_of_their_own_without_a_word(
    texts: list[str], separator: str, line: int, several: int, classes: int | None
) -> None:
    with pytest.raises(UserError) as raised:
        read(*texts)
    text = str(raised.value)
    assert f"leaves.csv, line {line}: {texts[line - 2]!r} looks like several labels" in text
    assert f'labels_separator: "{separator}" and the task multilabel ({several} labels)' in text
    # both remedies are followed
    assert len(read(*texts, separator=separator).classes) == several
    if classes is None:  # a picture without a label is of no class
        assert text.endswith("(3 classes), with the empty rows filled or taken out")
        with pytest.raises(UserError, match=r"line 3: labels must not be empty\. Fill it, or take the row out"):
            read(*texts, separator="")
        return
    assert f'labels_separator: "" ({classes} classes)' in text
    assert len(read(*texts, separator="").classes) == classes


@pytest.mark.parametrize(
    "texts",
    [
        ["hot dog", "dog", "cat"],
        ["Paris, France", "Lyon, France", "Rome"],
        ["N/A", "N", "A"],
        ["sea lion", "lion fish", "sea fish"],
    ],
)
def test_labels_of_several_words_are_classes(texts: list[str]) -> None:
    assert read(*texts).classes == tuple(sorted(texts))


def test_columns_that_are_a_class_each() -> None:
    one = read_columns(["1.0", "0,0", "0"], ["0", "1,0", "False"], ["no", "0,0", "true"])
    assert one.classes == ("a", "b", "c") and one.values.dtype == np.int64 and one.values.tolist() == [0, 1, 2]
    several = read_columns(["1", "1", "0"], ["0", "0", "0"], ["0", "1", "1"], multilabel=True)
    assert several.classes == ("a", "b", "c") and several.values.dtype == np.uint8
    assert several.values.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 1]]


def test_rows_with_several_classes_or_none_are_asked_about() -> None:
    rows = [["1", "0", "0"], ["1", "1", "0"], ["0", "0", "0"], ["0", "0", "1"]]
    with pytest.raises(UserError, match=r"line 3: label_columns .* 1 rows hold several and 1 none.*multilabel: true"):
        read_columns(*rows)
    assert read_columns(*rows, multilabel=True).values.sum(axis=1).tolist() == [1, 2, 0, 1]


def test_a_cell_that_is_neither_yes_nor_no_is_named_with_its_line() -> None:
    with pytest.raises(UserError, match=r"leaves\.csv, line 3: b \(2\) must be 1 or 0"):
        read_columns(["1", "0"], ["0", "2"])
    with pytest.raises(UserError, match=r"leaves\.csv, line 3: b \(empty\) must be 1 or 0"):
        read_columns(["1", "0"], ["0", ""])
    with pytest.raises(UserError, match="c must be 1 in some rows and 0 in others, but is 0 in all"):
        read_columns(["1", "0", "0"], ["1", "1", "0"], ["0", "0", "0"], multilabel=True)


def test_numbers_to_predict() -> None:
    found = read_columns(["20.5", "-3"], ["1e2", "4"], numbers=True)
    assert found.targets == ("a", "b") and found.classes == () and found.values.dtype == np.float32
    assert found.values.tolist() == [[20.5, -3.0], [100.0, 4.0]]


@pytest.mark.parametrize("cell", ["", "old", "nan", "inf"])
def test_what_is_no_number_is_named_with_its_line(cell: str) -> None:
    with pytest.raises(UserError, match=r"leaves\.csv, line 3: b .*must (hold|be) a (finite )?number"):
        read_columns(["20.5", "-3"], ["1e2", cell], numbers=True)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label_columns": ["a", "b"], "value_columns": ["c"]}, "must not both be given"),
        ({"value_columns": ["c"], "multilabel": True}, "multilabel must be left out"),
        ({"value_columns": ["c"], "separator": " "}, "labels_separator must be left out"),
        ({"label_columns": ["a", "b"], "separator": " "}, r"labels_separator \(' '\) must be left out"),
        ({"label_columns": ["a", "a"]}, "a, a must be different columns"),
    ],
)
def test_arguments_that_contradict_each_other(columns: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        LabelColumns("label", **columns)  # type: ignore[arg-type]
