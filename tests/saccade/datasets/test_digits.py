"""The digits that come with scikit-learn."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.datasets import digits


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    digits.fetch(tmp_path)
    return tmp_path


def test_fetch_brings_one_file_with_the_known_bytes(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    digits.fetch(tmp_path / "raw", progress=lambda *call: seen.append(call))
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["digits.csv.gz"]
    assert sha256_of_file(tmp_path / "raw" / "digits.csv.gz").startswith("09f66e6d")
    assert seen == [("digits.csv.gz", 57523, 57523)]


def test_the_examples_are_those_of_scikit_learn(folder: Path) -> None:
    from sklearn.datasets import load_digits

    expected, examples = load_digits(), digits.read(folder)
    images = np.stack([examples.image(i) for i in range(1797)])
    assert images.shape == (1797, 8, 8) and images.dtype == np.uint8
    np.testing.assert_array_equal(images, np.rint(expected.images * 255 / 16))
    np.testing.assert_array_equal(np.rint(images / 255 * 16), expected.images)  # nothing is lost
    np.testing.assert_array_equal(examples.labels, expected.target)
    assert examples.labels.dtype == np.int64
    assert examples.classes == tuple(str(name) for name in expected.target_names)
    assert examples.published_splits is None


def test_values_are_spread_over_all_of_uint8(folder: Path) -> None:
    examples = digits.read(folder)
    found = sorted({int(value) for i in range(1797) for value in np.unique(examples.image(i))})
    assert found == [0, 16, 32, 48, 64, 80, 96, 112, 128, 143, 159, 175, 191, 207, 223, 239, 255]


def test_ids_tell_every_image_apart(folder: Path) -> None:
    ids = digits.read(folder).ids
    assert len(ids) == len(set(ids)) == 1797
    assert all(len(value) == 32 for value in ids)


def test_fetch_does_not_import_scikit_learn(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from saccade.datasets import digits\n"
        "digits.fetch(Path(sys.argv[1])); digits.read(Path(sys.argv[1])); print('sklearn' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert result.stdout == "False\n"


def test_other_bytes_in_scikit_learn_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "packed.csv.gz").write_bytes(b"other")
    monkeypatch.setattr(digits, "_packed_path", lambda: tmp_path / "packed.csv.gz")
    with pytest.raises(UserError, match=r"packed\.csv\.gz must have SHA-256 09f66e6d\w+, but has d9298a10\w+\."):
        digits.fetch(tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_a_scikit_learn_without_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "_packed_path", lambda: tmp_path / "packed.csv.gz")
    with pytest.raises(UserError, match=r"packed\.csv\.gz must be readable: No such file"):
        digits.fetch(tmp_path)


def test_a_missing_scikit_learn_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="scikit-learn, which must be installed"):
        digits.fetch(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"digits\.csv\.gz is missing"):
        digits.read(tmp_path)


GOOD_ROW = ",".join(["0"] * 63 + ["16", "9"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"0,1", "must be a whole gzip file of numbers: Not a gzipped file", id="not gzip"),
        pytest.param(gzip.compress(GOOD_ROW.encode())[:-9], "must be a whole gzip file of numbers", id="cut"),
        pytest.param(gzip.compress(b"a,b\n"), "must be a whole gzip file of numbers", id="words"),
        pytest.param(gzip.compress(b"1,2\n1,2,3\n"), "must be a whole gzip file of numbers", id="ragged"),
        pytest.param(gzip.compress(b"1,2\n"), r"must have 65 columns, but has shape \(1, 2\)", id="columns"),
        pytest.param(gzip.compress(b""), r"must have 65 columns, but has shape \(0,\)", id="empty"),
        pytest.param(
            gzip.compress(GOOD_ROW.replace("16", "17").encode()),
            r"must hold values .* in \[0, 16\], but 17 is there",
            id="bright",
        ),
        pytest.param(
            gzip.compress(GOOD_ROW.replace("16", "0.5").encode()),
            r"must hold values that are whole .* but 0.5",
            id="half",
        ),
        pytest.param(
            gzip.compress(GOOD_ROW.replace("9", "10").encode()),
            r"must hold labels .* in \[0, 9\], but 10 is there",
            id="label",
        ),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "digits.csv.gz").write_bytes(content)
    with pytest.raises(UserError, match=rf"digits\.csv\.gz {message}"):
        digits.read(tmp_path)
