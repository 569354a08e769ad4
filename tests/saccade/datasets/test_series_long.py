"""Labelled series below each other in one table."""

from pathlib import Path
from typing import Any

import pytest

from saccade.core.errors import UserError
from saccade.datasets import series_long
from saccade.kinds.series.reading.labelled_files import check_files
from saccade.readers.examples import SeriesFiles

TEXT = """recording,time,activity,who,x,y
a,0.0,walk,eve,1,10
b,0.0,run,bob,3,30
a,0.5,walk,eve,2,20
b,0.5,run,bob,4,40
a,1.0,walk,eve,3,30
c,0.5,walk,eve,8,80
c,0.0,walk,eve,7,70
"""


def read(folder: Path, text: str = TEXT, **arguments: Any) -> SeriesFiles:
    (folder / "motion.csv").write_text(text)
    series_long.fetch(folder / "raw", path=str(folder / "motion.csv"))
    return series_long.read(
        folder / "raw", **{"path": "motion.csv", "series_column": "recording", "label_column": "activity"} | arguments
    )


def test_rows_are_put_together_by_the_name_of_their_series(tmp_path: Path) -> None:
    files = read(tmp_path)
    assert files.classes == ("run", "walk") and files.labels.tolist() == [1, 0, 1]
    assert files.names == [f"motion.csv, recording {name}" for name in "abc"] and files.groups == {
        "who": ["eve", "bob", "eve"]
    }
    checked = check_files(files, length=None, missing="error")
    assert checked.examples.features == ("x", "y") and checked.examples.step == "0.5"
    assert [checked.examples.series(i)[:, 0].tolist() for i in range(3)] == [[1, 2, 3], [3, 4], [7, 8]]  # c is sorted
    assert checked.said == ["motion.csv, recording c: rows stood from the newest to the oldest: sorted by time"]
    assert "motion.csv: times read from the column 'time'" in files.notes


def test_columns_can_be_named(tmp_path: Path) -> None:
    files = read(tmp_path, value_columns=["y"], time_column="time")
    assert files.load(0).values[:, 0].tolist() == [10, 20, 30] and list(files.groups) == ["who", "x"][:1]
    files = read(
        tmp_path, TEXT.replace("who", "split").replace("eve", "train").replace("bob", "test"), split_column="split"
    )
    assert files.published_splits == ["train", "test", "train"]


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (
            TEXT.replace("a,0.5,walk", "a,0.5,run"),
            {},
            r"recording a must have one activity .*'walk' in line 2 and 'run' in line 4",
        ),
        (TEXT, {"series_column": "no"}, r"must have a column 'no'"),
        (TEXT.replace("b,0.5", ",0.5"), {}, r"line 5: the name of the series must not be empty"),
        ("recording,activity,x\na,u,1\nb,v,2\n", {}, r"each of the 2 rows of motion\.csv has a name of its own"),
        (TEXT.replace("run", "walk"), {}, r"at least two classes, but there is only 'walk'"),
    ],
)
def test_what_such_a_table_must_not_say(tmp_path: Path, text: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, text, **arguments)


def test_text_that_changes_within_a_series_is_left_out_and_said(tmp_path: Path) -> None:
    files = read(tmp_path, TEXT.replace("a,0.5,walk,eve", "a,0.5,walk,ann"))
    assert files.groups == {} and any(
        "'who' holds no numbers, and changes within series" in note for note in files.notes
    )
