"""Labelled series, many in a file: a row each in a table, .ts, .npz and .npy.

Shapes: N series, T steps, F features.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.datasets import series_rows
from saccade.kinds.series.reading.labelled_files import check_files
from saccade.readers.examples import SeriesFiles

RANDOM = np.random.default_rng(0)
X_NT = np.round(RANDOM.normal(size=(12, 5)), 3).astype(np.float32)
Y_N = np.array([1, 2] * 6)


def read(folder: Path, path: Path, **arguments: Any) -> SeriesFiles:
    where = {key: arguments.pop(key) for key in ("table",) if key in arguments}
    raw = folder / "raw"
    series_rows.fetch(raw, path=str(path), **where)
    return series_rows.read(raw, **arguments)


def values_of(files: SeriesFiles) -> list[list[float]]:
    checked = check_files(files, length=None, missing="error")
    return [checked.examples.series(i)[:, 0].tolist() for i in range(len(files.labels))]


def ucr(path: Path, separator: str, rows: slice = slice(None), form: str = "%.7e") -> Path:
    np.savetxt(path, np.column_stack([Y_N, X_NT])[rows], fmt=form, delimiter=separator)
    return path


@pytest.mark.parametrize("separator", [",", "\t", "  "])
def test_the_archives_of_ucr_have_the_label_first_and_no_header(tmp_path: Path, separator: str) -> None:
    (tmp_path / "Gun").mkdir()
    ucr(tmp_path / "Gun" / "Gun_TRAIN.txt", separator, slice(0, 8))
    ucr(tmp_path / "Gun" / "Gun_TEST.txt", separator, slice(8, 12))
    (tmp_path / "Gun" / "README.md").write_text("Guns.")
    files = read(tmp_path, tmp_path / "Gun")
    assert files.classes == ("1", "2") and files.labels.tolist() == (Y_N - 1).tolist()
    assert files.published_splits == ["train"] * 8 + ["test"] * 4
    np.testing.assert_allclose(values_of(files), X_NT, rtol=1e-6)
    assert any("labels read from the column '0'" in note for note in files.notes)
    assert files.names[8] == "Gun_TEST.txt, line 1"


def test_the_label_may_stand_last_or_be_called_so(tmp_path: Path) -> None:
    last = tmp_path / "beats.csv"
    np.savetxt(last, np.column_stack([X_NT, Y_N]), delimiter=",")
    files = read(tmp_path, last)
    assert files.classes == ("1", "2") and files.published_splits is None
    np.testing.assert_allclose(values_of(files), X_NT, rtol=1e-6)
    named = tmp_path / "named.csv"
    header = "id,activity,person," + ",".join(f"t{t}" for t in range(5))
    rows = [
        f"{i},{'walk' if y == 1 else 'run'},p{i % 3}," + ",".join(map(str, x))
        for i, (x, y) in enumerate(zip(X_NT, Y_N, strict=True))
    ]
    named.write_text("\n".join([header, *rows]))
    (tmp_path / "raw" / "beats.csv").unlink()
    files = read(tmp_path, named, label_column="activity")
    assert files.classes == ("run", "walk") and list(files.groups) == ["id", "person"]
    np.testing.assert_allclose(values_of(files), X_NT, rtol=1e-6)


def test_two_columns_that_may_be_the_label_are_asked_about(tmp_path: Path) -> None:
    table = tmp_path / "counts.csv"
    np.savetxt(table, np.column_stack([Y_N, X_NT, Y_N + 5]), delimiter=",", fmt="%g")
    with pytest.raises(
        UserError, match=r"'0' \(1, 2, 1, \.\.\.\) or '6' \(6, 7, 6, \.\.\.\).*label_column: 0, or label_column: 6"
    ):
        read(tmp_path, table)
    assert series_rows.read(tmp_path / "raw", label_column=6).classes == ("6", "7")
    np.savetxt(tmp_path / "raw" / "counts.csv", X_NT, delimiter=",")
    with pytest.raises(UserError, match=r"must have a column of labels, but neither '0' .* nor '4' .* label_column"):
        series_rows.read(tmp_path / "raw")


def test_rows_of_unequal_length_end_where_their_cells_are_empty(tmp_path: Path) -> None:
    table = tmp_path / "short.csv"
    table.write_text("label,a,b,c\nup,1,2,\ndown,3,4,5\nup,6,NaN,7\ndown,1,5,\n")
    files = read(tmp_path, table)
    assert any("2 of 4 series end before the last column" in note for note in files.notes)
    with pytest.raises(UserError, match=r"short\.csv, line 4, step 2: value must not be missing"):
        values_of(files)
    checked = check_files(files, length=None, missing="interpolate")
    assert checked.lengths.tolist() == [2, 3, 3, 2] and checked.examples.series(2)[:, 0].tolist() == [6, 6.5, 7]


TS = """# comment
@problemName motion
@timeStamps false
@univariate false
@dimensions 2
@classLabel true walk run
@data
1,2,3:4,5,6:walk
7,8:9,10:run
1,?,3:4,5,6:walk
"""


def test_ts_files_hold_several_features_and_lengths(tmp_path: Path) -> None:
    archive = tmp_path / "motion.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("motion/motion_TRAIN.ts", TS)
        file.writestr("motion/motion_TEST.ts", TS.replace("1,2,3:", "0,2,3:"))
        file.writestr("motion/motion_TRAIN.csv", "1,2\n")  # another form of the same
        file.writestr("motion/motion_TEST.csv", "1,2\n")
    files = read(tmp_path, archive)
    assert files.classes == ("run", "walk") and files.published_splits == ["train"] * 3 + ["test"] * 3
    checked = check_files(files, length=None, missing="previous")
    assert checked.examples.features == ("dimension 1", "dimension 2") and checked.lengths.tolist() == [3, 2, 3] * 2
    assert checked.examples.series(2).tolist() == [[1, 4], [1, 5], [3, 6]]
    assert files.ids[1] == files.ids[4]  # copies stay in one split


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@timeStamps false", "@timeStamps true", r"line 3: series must have no time stamps"),
        ("@classLabel true walk run", "@targetLabel true", r"line 6: the labels must be classes, but are numbers"),
        ("7,8:9,10:run", "7,8:run", r"line 9 must have 2 features, as the first series has, but has 1"),
        ("7,8:9,10:run", "7,8:9,x:run", r"line 9 must hold numbers parted by commas, but .*'x'"),
        ("7,8:9,10:run", "7,8:9:run", r"line 9 must have as many steps in each feature, but has 2 and 1"),
        ("@data\n", "", r"line 7 must begin with @, # or stand behind @data"),
    ],
)
def test_what_a_ts_file_must_not_say(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "m.ts").write_text(TS.replace(old, new))
    with pytest.raises(UserError, match=message):
        read(tmp_path, tmp_path / "m.ts")


def test_arrays_of_two_and_three_axes(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, X=X_NT, y=Y_N)
    files = read(tmp_path, path)
    assert files.classes == ("1", "2")
    np.testing.assert_array_equal(values_of(files), X_NT)
    X_NTF = np.stack([X_NT, 2 * X_NT], axis=2)
    one_hot = np.eye(2)[Y_N - 1]
    np.savez(path, X_train=X_NTF[:8], y_train=one_hot[:8], X_test=X_NTF[8:], y_test=one_hot[8:])
    with pytest.raises(
        UserError, match=r"X \(8, 5, 2\) must be .*5 steps of 2 features, or 2 steps of 5 .*steps_axis: 1"
    ):
        read(tmp_path, path)
    for steps_axis in (1, 2):
        files = series_rows.read(tmp_path / "raw", steps_axis=steps_axis)  # type: ignore[arg-type]
        assert files.classes == ("0", "1") and files.published_splits == ["train"] * 8 + ["test"] * 4
        expected_TF = X_NTF[9] if steps_axis == 1 else X_NTF[9].T
        np.testing.assert_array_equal(files.load(9).values, expected_TF)


def test_arrays_of_a_file_each(tmp_path: Path) -> None:
    folder = tmp_path / "arrays"
    folder.mkdir()
    ragged = X_NT.copy()
    ragged[0, 3:] = np.nan
    for split, rows in (("train", slice(0, 8)), ("test", slice(8, 12))):
        np.save(folder / f"X_{split}.npy", ragged[rows, :, None])
        np.save(folder / f"y_{split}.npy", np.array(["no", "yes"])[Y_N[rows] - 1])
    files = read(tmp_path, folder)
    assert files.classes == ("no", "yes") and files.published_splits == ["train"] * 8 + ["test"] * 4
    assert len(files.load(0).values) == 3 and len(files.load(1).values) == 5


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mean": X_NT}, r"must hold an array X of series and an array y of labels .*but holds 'mean'"),
        ({"X": X_NT[0], "y": Y_N}, r"X must hold numbers, \(series, steps\) .* but is float32 \(5,\)"),
        ({"X": X_NT, "y": Y_N[:5]}, r"y must hold a label for each of the 12 series, but holds 5"),
        ({"X": np.array([X_NT[0], 1], dtype=object), "y": Y_N}, r"holds pickled objects, which are not opened"),
        ({"X": X_NT}, r"series 0 must have a label, but has none"),
    ],
)
def test_what_arrays_must_not_be(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=message):
        read(tmp_path, tmp_path / "a.npz")


def test_a_folder_of_several_datasets_is_asked_about(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("a", "b"):
        ucr(folder / f"{name}.csv", ",")
    with pytest.raises(UserError, match=r"several that may be one \(a\.csv, b\.csv\)\. Name one with table"):
        read(tmp_path, folder)
    assert read(tmp_path, folder, table="b.csv").names[0] == "b.csv, line 1"
    with pytest.raises(UserError, match=r"table \(c\.csv\) must be one file in .*, but there are 0"):
        read(tmp_path, folder, table="c.csv")
