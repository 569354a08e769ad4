"""Labelled series, a file each."""

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.datasets import series_folder
from saccade.readers.examples import SeriesFiles

FILES = {
    "up/1.csv": "t,x,y\n0,1,2\n1,3,4\n",
    "down 2.csv": "t;x;y\n0;1,5;2\n1;3;4\n2;5;6\n",
    "flat.csv": "t,x,y\n0,1,\n1,1,1\n",
}
TABLE = "path,label,person\nup/1.csv,up,ann\ndown 2.csv,down,bob\nflat.csv,up,bob\n"


def fetched(folder: Path, table: str = TABLE, files: dict[str, str] = FILES, **arguments: Any) -> SeriesFiles:
    for name, text in {**files, "labels.csv": table, "other.csv": "x"}.items():
        (folder / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "set" / name).write_text(text)
    path = str(folder / "set" / "labels.csv")
    series_folder.fetch(folder / "raw", table=path)
    return series_folder.read(folder / "raw", table=path, **arguments)


def test_each_file_is_an_example(tmp_path: Path) -> None:
    files = fetched(tmp_path)
    assert files.classes == ("down", "up") and files.labels.tolist() == [1, 0, 1]
    assert list(files.names) == ["up/1.csv", "down 2.csv", "flat.csv"] and files.groups == {
        "person": ["ann", "bob", "bob"]
    }
    assert len(set(files.ids)) == 3
    for i in (1, 0, 2, 1):
        assert files.load(i).name == files.names[i] and files.load(i).features == ("t", "x", "y")
    np.testing.assert_array_equal(files.load(1).values, [[0, 1.5, 2], [1, 3, 4], [2, 5, 6]])
    assert np.isnan(files.load(2).values[0, 2]) and files.load(0).time_column is None
    with tarfile.open(tmp_path / "raw" / "series.tar") as tar:
        assert sorted(tar.getnames()) == sorted(FILES)


def test_times_and_columns_by_name(tmp_path: Path) -> None:
    one = fetched(tmp_path, time_column="t", value_columns=["y"]).load(1)
    assert (one.time_column, one.times, one.features) == ("t", ["0", "1", "2"], ("y",))


def test_what_is_wrong_with_a_file_is_named_by_its_path_in_the_table(tmp_path: Path) -> None:
    files = fetched(tmp_path, files={**FILES, "flat.csv": "t,x,y\n0,1,2\n1,off,3\n"})
    with pytest.raises(UserError, match=r"^flat\.csv, line 3: x \('off'\) must be a number"):
        files.load(2)
    with pytest.raises(UserError, match=r"^up/1\.csv must have a column 'z' of numbers, but has 't', 'x', 'y'"):
        fetched(tmp_path, value_columns=["z"]).load(0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE.replace("label", "class"), r"line 1 must have a column 'label', but has"),
        (TABLE.replace("flat.csv", "none.csv"), r"line 4: 'none\.csv' must be a file in .*set, but is not there"),
        (TABLE.replace("down,", "up,"), r"must have at least two classes, but there is only 'up'"),
        (
            TABLE.replace("flat.csv", "../raw"),
            r"line 4: path \('\.\./raw'\) must be a path below the folder of the files",
        ),
    ],
)
def test_what_the_table_must_not_say(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fetched(tmp_path, table)


def test_a_path_may_hold_columns_of_the_table(tmp_path: Path) -> None:
    """As the movement data of UCI have it: the files' names are made of a number, and headers begin with #."""
    (tmp_path / "dataset").mkdir()
    for i in range(1, 5):
        rows = "".join(f"{i / 10},{-step / 4}\n" for step in range(i + 2))
        (tmp_path / f"dataset/RSS_{i}.csv").write_text(f"#RSS_anchor1, RSS_anchor2\n{rows}")
    (tmp_path / "dataset/target.csv").write_text("#sequence_ID, class_label\n1, 1\n2, -1\n3, 1\n4, -1\n")
    given = {
        "table": str(tmp_path / "dataset/target.csv"),
        "path": f"{tmp_path}/dataset/RSS_{{sequence_ID}}.csv",
        "label_column": "class_label",
    }
    series_folder.fetch(tmp_path / "raw", **given)
    files = series_folder.read(tmp_path / "raw", **given)
    assert files.classes == ("-1", "1") and list(files.names) == [f"RSS_{i}.csv" for i in range(1, 5)]
    assert files.load(3).features == ("RSS_anchor1", "RSS_anchor2") and len(files.load(3).values) == 6
    assert files.load(3).values[2].tolist() == [0.4, -0.5]


def test_arrays_may_be_listed(tmp_path: Path) -> None:
    for i in range(3):
        np.save(tmp_path / f"{i}.npy", np.arange(6.0).reshape(3, 2) + i)
    (tmp_path / "labels.csv").write_text("path,label\n0.npy,a\n1.npy,b\n2.npy,a\n")
    given = {"table": str(tmp_path / "labels.csv")}
    series_folder.fetch(tmp_path / "raw", **given)
    files = series_folder.read(tmp_path / "raw", **given)
    assert files.load(2).values.tolist() == [[2, 3], [4, 5], [6, 7]] and files.load(2).features == ("0", "1")
    one = series_folder.read(tmp_path / "raw", **given, value_columns=[1])
    assert one.load(0).values.tolist() == [[1], [3], [5]]
    with pytest.raises(UserError, match=r"0\.npy must have a feature 7, but has 0 to 1"):
        series_folder.read(tmp_path / "raw", **given, value_columns=[7]).load(0)
