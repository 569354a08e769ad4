"""Where prepared examples come from: written, read back, asked for by rows, and named by rows without names."""

from pathlib import Path

import numpy as np

from saccade import kinds
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.kinds.mistakes import write_mistakes
from saccade.kinds.origins import FILE, Origins, read_origins, write_origins

ROWS_OF = {"train": np.array([4, 0, 3]), "validation": np.array([2]), "test": np.array([6, 3])}  # 1, 5 are in none
NAMES = ["a/0.png", "a/1.png", 'b/"2", x.png', "b/3\n.png", "c/4.png", "c/5.png", "d/\udcff6.png"]
GROUPS = ["p0", "p1", "0", "p3", "", "p5", "p6"]


def test_what_is_written_is_read_back_for_any_rows(tmp_path: Path) -> None:
    sides = {"height": np.arange(10, 17), "width": np.arange(20, 27)}
    write_origins(tmp_path, ROWS_OF, name=NAMES.__getitem__, groups=GROUPS, measures=sides)
    lines = (tmp_path / FILE).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    assert [line.split(",")[0] for line in lines if line[0].isdigit()] == ["0", "2", "3", "4", "6"]  # those in a split
    some = read_origins(tmp_path, np.array([6, 2, 4]))
    assert [some.name(i) for i in range(3)] == [NAMES[6], NAMES[2], NAMES[4]]
    assert list(some.groups) == ["p6", "0", ""] and some.measures["width"].tolist() == [26, 22, 24]


def test_rows_are_all_that_is_known_where_nothing_was_written(tmp_path: Path) -> None:
    none = read_origins(tmp_path, np.array([7, 5]))
    assert (none.name(0), none.names, none.groups, none.measures) == ("row 7", (), (), {})
    write_origins(tmp_path, ROWS_OF, name=None)
    found = read_origins(tmp_path, np.array([3]))
    assert (tmp_path / FILE).read_text(encoding="utf-8").splitlines()[:2] == ["row,name,group", "0,,"]
    assert found.names == () and found.groups == () and found.name(0) == "row 3"
    write_origins(tmp_path, ROWS_OF, name=NAMES.__getitem__)
    assert (
        read_origins(tmp_path, np.array([3, 1])).name(0) == "row 3"
    )  # prepared anew since: no name is better than another's


def test_examples_differ_by_size_length_and_group() -> None:
    rows, labels = np.arange(2), np.zeros(2, np.int64)
    sides = {"height": np.array([10.0, 40.0]), "width": np.array([40.0, 90.0])}
    image = Split(np.zeros((2, 4, 4, 1), np.uint8), labels, rows)
    found = kinds.properties(image, Spec("image", (4, 4, 1), ("a", "b")), Origins(rows, measures=sides))
    assert [(each.name, each.values.tolist(), each.unit) for each in found] == [
        ("image size", [20.0, 60.0], "pixels a side")
    ]
    assert kinds.properties(image, Spec("image", (4, 4, 1), ("a", "b")), Origins(rows)) == []
    texts = Split(np.array([[5, 6, 0], [5, 0, 0]], np.int32), labels, rows)
    spec = Spec("tokens", (3,), ("a", "b"), vocabulary=tuple("0123456"), unit="words")
    length, group = kinds.properties(texts, spec, Origins(rows, groups=["x", "y"]))
    assert (length.name, length.values.tolist(), length.unit) == ("length", [2, 1], "words")
    assert (group.name, group.values.tolist()) == ("group", ["x", "y"])
    series = np.array([[[1.0], [2.0], [3.0]], [[1.0], [np.nan], [np.nan]]], np.float32)
    padded = kinds.properties(
        Split(series, labels, rows), Spec("series", (3, 1), ("a", "b"), is_padded=True), Origins(rows)
    )
    assert [(each.values.tolist(), each.unit) for each in padded] == [([3, 1], "steps")]
    assert kinds.properties(Split(series[:1], labels, rows), Spec("series", (3, 1), ("a", "b")), Origins(rows)) == []


def test_mistakes_are_listed_the_surest_first_with_what_each_is_found_by(tmp_path: Path) -> None:
    p_NK = np.array([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2]])
    test = Split(np.zeros((3, 2)), np.array([1, 1, 1]), np.array([11, 12, 13]))
    spec = Spec("counts", (2,), ("cat", "dog"), layout="vector")
    write_mistakes(tmp_path / "rows.csv", p_NK, test, spec, (), ())
    assert (tmp_path / "rows.csv").read_text().splitlines() == [
        "name,actual,predicted,confidence,row",
        "row 13,dog,cat,0.800000,13",
        "row 11,dog,cat,0.600000,11",
    ]
    write_mistakes(tmp_path / "names.csv", p_NK, test, spec, (), ["a", "b", "c"])
    assert [line.split(",")[0] for line in (tmp_path / "names.csv").read_text().splitlines()] == ["name", "c", "a"]


def test_wrong_classes_of_several_are_listed_by_how_far_off_they_are(tmp_path: Path) -> None:
    p_NK = np.array([[0.6, 0.1], [0.1, 0.9], [0.2, 0.3]])
    test = Split(np.zeros((3, 2)), np.array([[1, 0], [1, 1], [0, 0]], np.uint8), np.array([11, 12, 13]))
    spec = Spec("counts", (2,), ("cat", "dog"), layout="vector", multilabel=True)
    write_mistakes(tmp_path / "mistakes.csv", p_NK, test, spec, (0.5, 0.25), ())
    assert (tmp_path / "mistakes.csv").read_text().splitlines() == [
        "name,actual,predicted,furthest off,row",
        'row 12,"cat, dog",dog,0.900000,12',
        "row 13,none,dog,0.300000,13",
    ]
