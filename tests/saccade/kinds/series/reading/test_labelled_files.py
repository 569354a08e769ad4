"""Labelled series of files, brought to one form.

Shapes: T steps, F features.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from saccade.batching.length_buckets import stored_lengths
from saccade.bundle.bundle import NetworkConfig
from saccade.core.errors import UserError
from saccade.data.prepared import open_split
from saccade.data.spec import Spec
from saccade.kinds.series.arrays import series_arrays
from saccade.kinds.series.reading.labelled_files import CheckedFiles, check_files
from saccade.prepare.arrays import write_arrays
from saccade.readers.examples import FileSeries, SeriesFiles

NAN = float("nan")


def a_file(name: str, values: list[list[float]], times: list[str] | None = None, **changes: Any) -> FileSeries:
    features = changes.get("features", ("x", "y")[: len(values[0])])
    return FileSeries(name, features, np.array(values), range(2, len(values) + 2), "t" if times else None, times or ())


def checked(*files: FileSeries, labels: list[int] | None = None, **options: Any) -> CheckedFiles:
    N = len(files)
    ids = options.pop("ids", [str(i) for i in range(N)])
    published = options.get("published")
    source = SeriesFiles(
        classes=("down", "up"),
        labels=np.array(labels or [i % 2 for i in range(N)]),
        load=files.__getitem__,
        ids=ids,
        names=[file.name for file in files],
        published_splits=published,
    )
    return check_files(source, **{"length": None, "missing": "error", **options})


def test_files_of_one_length_are_taken_as_they_are() -> None:
    found = checked(a_file("a", [[1, 2], [3, 4]]), a_file("b", [[5, 6], [7, 8]]))
    assert (found.examples.features, found.examples.classes, found.examples.step) == (("x", "y"), ("down", "up"), "")
    np.testing.assert_array_equal(found.examples.series(1), np.array([[5, 6], [7, 8]], np.float32))
    assert found.examples.series(0).dtype == np.float32 and found.lengths.tolist() == [2, 2]
    assert not found.left_out.any() and found.notes == [] and not found.is_constant.any()


def test_longer_ones_are_cut_after_their_first_steps() -> None:
    found = checked(a_file("a", [[1], [2], [3]]), a_file("b", [[4], [5]]), length=2)
    assert found.examples.series(0).tolist() == [[1], [2]] and found.lengths.tolist() == [3, 2]


def test_shorter_ones_are_padded_where_they_are_written(tmp_path: Path) -> None:
    files = [a_file(name, [[float(i + step), 1] for step in range(2 + i)]) for i, name in enumerate("abcd")]
    found = checked(*files)
    assert found.length == found.examples.length == 5 and found.lengths.tolist() == [2, 3, 4, 5]
    builder = series_arrays(found.examples)
    assert builder.spec.shape == (5, 2) and builder.spec.is_padded and builder.spec.has_lengths
    rows = {"train": np.array([0, 2]), "validation": np.array([1]), "test": np.array([3])}
    info = write_arrays(tmp_path, builder, rows)
    train = open_split(tmp_path, "train").examples
    assert train[0, :2].tolist() == [[0, 1], [1, 1]] and np.isnan(train[0, 2:]).all() and np.isnan(train[1, 4]).all()
    assert stored_lengths(torch.from_numpy(train)).tolist() == [2, 4]
    np.testing.assert_allclose(info.mean, [np.mean([0, 1, 2, 3, 4, 5]), 1])  # of real steps alone
    np.testing.assert_allclose(info.std, [np.std([0, 1, 2, 3, 4, 5]), 1])
    assert Spec.from_dict(info.spec.to_dict()) == info.spec
    cut = checked(*files, length=2)
    assert cut.examples.length is None and not series_arrays(cut.examples).spec.is_padded
    assert "is_padded" not in series_arrays(cut.examples).spec.to_dict()
    config = NetworkConfig("mlp", {}, info.spec, "classify", info.mean, info.std, "")
    with pytest.raises(UserError, match=r"model \(mlp\) must be one that knows where a series ends.* rnn, or cut"):
        config.build_network()


def test_what_is_found_out_of_many_files_is_said_once() -> None:
    backwards = [a_file(f"{i}.csv", [[i], [1]], ["2", "1"]) for i in range(3)]
    assert checked(*backwards).said == ["0.csv and 2 more: rows stood from the newest to the oldest: sorted by time"]


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        (
            [a_file("a", [[1, 2], [3, 4]]), a_file("b", [[1, 2], [3, 4]], features=("y", "x"))], {},
            r"b must have the columns of a in the same order \('x', 'y'\), but has 'y', 'x'",
        ),
        ([a_file("a", [[1], [2]]), a_file("b", [[1], [NAN], [3]])], {}, r"b, line 3: x must not be missing"),
        (
            [a_file("a", [[1], [2]], ["0", "1"]), a_file("b", [[1], [2]], ["0", "2"])], {},
            r"b must have a row every 1, as a has, but has one every 2\. Bring all files to one step",
        ),
        (
            [a_file("a", [[1], [2]], ["1", "1"]), a_file("b", [[1], [2]])], {},
            r"a, column 't': the time '1' must stand once, but stands in line 2 \(1\) and line 3 \(2\)",
        ),
        (
            [a_file("a", [[1], [2]]), a_file("b", [[1], [2]])], {},
            r"the same in every step that is read \(1\):\n  a \(down\) = b \(up\)\n.*on_conflict: quarantine",
        ),
        (
            [a_file("a", [[1], [i % 2]]) for i in range(3)] + [a_file("d", [[1], [9]])],
            {"published": ["train", "train", "test", "test"]},
            r"in several of the published splits \(1\):\n.* \(test\) = .* \(train\)\n.*split\.allow_leakage: true",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(files: list[FileSeries], options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        checked(*files, **options)


def test_what_was_decided_is_told() -> None:
    found = checked(
        *(a_file(name, [[1], [last]]) for name, last in zip("abcd", (2, 2, 3, 4), strict=True)),
        on_conflict="quarantine",
    )
    assert found.left_out.tolist() == [True, True, False, False] and found.conflicting == [[0, 1]]
    assert found.notes == [
        "files that are in several classes, the same in every step that is read (1): left out, 2 copies"
    ]
    found = checked(*(a_file(name, [[1], [last]]) for name, last in zip("abcd", (2, 3, 2, 4), strict=True)))
    assert found.repeated == [[0, 2]] and found.same == [[0, 2]] and not found.left_out.any()


def test_holes_are_counted_and_flat_series_found() -> None:
    times = ["0", "1", "2", "3"]
    found = checked(
        a_file("a", [[1, 1], [NAN, 1], [3, 1], [4, 1]], times),
        a_file("b", [[2, 2], [2, 2], [2, 2], [2, 2]], times),
        a_file("c", [[0, 0], [1, 1], [2, 2], [4, 8]], ["0", "1", "2", "4"]),
        missing="interpolate",
        length=4,
    )
    assert found.filled.tolist() == [1, 0, 2] and found.missing_rows.tolist() == [0, 0, 1]
    assert found.examples.series(0).tolist() == [[1, 1], [2, 1], [3, 1], [4, 1]] and found.examples.step == "1"
    assert found.examples.series(2).tolist() == [[0, 0], [1, 1], [2, 2], [3, 5]] and found.lengths.tolist() == [4, 4, 5]
    assert found.is_constant.tolist() == [False, True, False]


def test_series_are_equal_where_what_is_read_of_them_is() -> None:
    """Not where the bytes of the files are: 1.0 is 1, 0 is -0, and what is cut off does not count."""
    files = [a_file(name, [[0, 1], [2, 3], [last, 5]]) for name, last in (("a", 4), ("b", 4.5), ("c", 4))]
    files.append(a_file("d", [[-0.0, 1], [2, 3], [4, 5]]))
    assert checked(*files, labels=[0] * 4, length=2).repeated == [[0, 1, 2, 3]]
    assert checked(*files, labels=[0] * 4).repeated == [[0, 2, 3]]
    found = checked(*files, labels=[0, 1, 0, 0], length=2, on_conflict="quarantine")
    assert found.conflicting == [[0, 1, 2, 3]] and found.left_out.all()
