"""New series for a trained network, read from files that hold one each, or many.

Shapes: T steps, F features.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds import NewExample, Reading
from saccade.kinds.series.new_examples import read_files

SPEC = Spec("series", (4, 1), ("a", "b"), features=("value",), is_padded=True)
NAN = float("nan")


def read(folder: Path, files: dict[str, str], holds: str, spec: Spec = SPEC, **source: Any) -> list[NewExample]:
    for name, text in files.items():
        (folder / name).write_text(text)
    preprocess = source.pop("preprocess", {})
    new = read_files(Reading("run", spec, list(files), (), folder, source, preprocess, holds))
    return [example for batch in new.batches for example in batch]


def columns(examples: list[NewExample]) -> list[list[float]]:
    found = []
    for example in examples:
        assert isinstance(example.array, np.ndarray) and example.array.dtype == np.float32
        found.append(example.array[:, 0].tolist())
    return found


@pytest.mark.parametrize("text", ["1,2,3,4\n5,6,7,8\n", "1,1,2,3,4\n2,5,6,7,8\n"])
def test_rows_are_read_with_labels_and_without(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, {"new.csv": text}, "rows", label_column=0)
    assert columns(found) == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert [example.name for example in found] == ["new.csv, line 1", "new.csv, line 2"]
    assert found[1].place == {"path": "new.csv", "series": 1}


def test_shorter_ones_are_padded_and_longer_ones_cut(tmp_path: Path) -> None:
    text = "@classLabel false\n@data\n1,2,3\n1,2,3,4,5\n"
    (tmp_path / "new.ts").write_text(text)
    new = read_files(Reading("run", SPEC, ["new.ts"], (), tmp_path, {}, {}, "rows"))
    (short, long), *_ = [list(batch) for batch in new.batches]
    np.testing.assert_array_equal(columns([short, long]), [[1, 2, 3, NAN], [1, 2, 3, 4]])
    assert new.warnings == ["1 of 2 series read up to step 4, as in training"]
    unpadded = Spec("series", (4, 1), ("a", "b"), features=("value",))
    with pytest.raises(UserError, match=r"new\.ts, line 3 must have 4 steps, as all had in training, but has 3"):
        read(tmp_path, {"new.ts": text}, "rows", unpadded)


def test_long_tables_are_read_without_labels_and_by_the_features_of_the_network(tmp_path: Path) -> None:
    spec = Spec("series", (2, 1), ("a", "b"), features=("y",), step="0.5")
    text = "id,time,x,y\np,0.5,9,2\np,0.0,9,1\nq,0.0,9,3\nq,0.5,9,4\n"
    found = read(tmp_path, {"n.csv": text}, "long table", spec, series_column="id", time_column="time")
    assert columns(found) == [[1, 2], [3, 4]] and found[1].name == "n.csv, id q"
    with pytest.raises(UserError, match=r"n\.csv, id p must have a row every 0\.5, as in training, but has no times"):
        read(tmp_path, {"n.csv": text.replace("time", "other")}, "long table", spec, series_column="id")


def test_other_features_and_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"new\.ts must hold value, as in training, but holds dimension 1, dimension 2"):
        read(tmp_path, {"new.ts": "@classLabel false\n@data\n1,2:3,4\n"}, "rows")
    reading = Reading("run", SPEC, ["no.csv"], (), tmp_path, {}, {}, "rows")
    with pytest.raises(UserError, match=r"no\.csv must be a file, but there is none"):
        read_files(reading)
