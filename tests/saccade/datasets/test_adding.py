"""The adding problem: what is marked is what is summed.

Shapes: N examples, T time steps.
"""

from pathlib import Path

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.datasets import adding


def drawn(folder: Path, **options: int) -> tuple[np.ndarray, np.ndarray]:
    """(series float32 (N, T, 2), sums float32 (N, 1))."""
    folder.mkdir()
    adding.fetch(folder, **options)
    examples = adding.read(folder)
    return np.stack([examples.series(i) for i in range(len(examples.labels))]), examples.labels


@pytest.mark.parametrize("length", [2, 7, 50])
def test_the_sum_is_that_of_one_marked_value_in_each_half(tmp_path: Path, length: int) -> None:
    series_NTF, sums_N1 = drawn(tmp_path / "a", length=length, examples=300)
    assert series_NTF.shape == (300, length, 2) and series_NTF.dtype == sums_N1.dtype == np.float32
    values_NT, marks_NT = series_NTF[..., 0], series_NTF[..., 1]
    assert set(np.unique(marks_NT)) <= {0.0, 1.0}
    half = length // 2
    assert (marks_NT[:, :half].sum(axis=1) == 1).all() and (marks_NT[:, half:].sum(axis=1) == 1).all()
    np.testing.assert_allclose((values_NT * marks_NT).sum(axis=1), sums_N1[:, 0], rtol=1e-6)
    assert values_NT.min() >= 0 and values_NT.max() < 1
    marked_at = {int(step) for step in marks_NT.argmax(axis=1)}
    assert marked_at == set(range(half))  # each step of the first half is marked somewhere


def test_always_answering_the_mean_gets_two_twelfths(tmp_path: Path) -> None:
    _, sums_N1 = drawn(tmp_path / "a", length=10, examples=40_000)
    assert np.square(sums_N1 - 1).mean() == pytest.approx(2 / 12, rel=0.02)  # three deviations of the mean are 1.5 %


def test_the_seed_decides_the_bytes(tmp_path: Path) -> None:
    first, again, other = (
        drawn(tmp_path / name, length=8, examples=5, seed=seed)[0] for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    files = [(tmp_path / name / "series.npy").read_bytes() for name in "ab"]
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 1}, r"length \(1\) must be at least 2"),
        ({"examples": 2}, r"examples \(2\) must be at least 3"),
        ({"seed": -1}, r"seed \(-1\) must be at least 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, options: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        adding.fetch(tmp_path, **options)
    assert not list(tmp_path.iterdir())
