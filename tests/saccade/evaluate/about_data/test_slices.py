"""Errors slice by slice: right counts and intervals, worse only beyond chance, small slices merged or left out."""

import numpy as np
import pytest
from scipy import stats

from saccade.evaluate.about_data.slices import (
    Property,
    read_slices,
    slices_of,
    worse_in_words,
    write_slices,
)
from saccade.evaluate.intervals import accuracy_interval


def errors_by_length(share_short: float, share_long: float, N: int = 400) -> tuple[np.ndarray, Property]:
    random = np.random.default_rng(0)
    length_N = random.integers(1, 101, N)
    return random.random(N) < np.where(length_N <= 25, share_short, share_long), Property("length", length_N, "words")


def test_a_slice_that_errs_more_is_said_and_counted_as_scipy_does() -> None:
    wrong_N, length = errors_by_length(0.5, 0.05)
    found = slices_of(wrong_N, [length])
    assert [each.by for each in found] == ["length"] * 4 and sum(each.count for each in found) == 400
    first = found[0]
    inside_N = length.values <= int(first.value.split(" to ")[1].split()[0])
    assert first.value.startswith("1 to ") and first.value.endswith(" words") and first.count == inside_N.sum()
    assert first.error == wrong_N[inside_N].mean() and first.rest == wrong_N[~inside_N].mean()
    assert (first.low, first.high) == accuracy_interval(int(wrong_N[inside_N].sum()), first.count)
    table = [[wrong_N[rows].sum(), (~wrong_N[rows]).sum()] for rows in (inside_N, ~inside_N)]
    assert first.p == pytest.approx(
        4 * stats.fisher_exact(table, alternative="greater").pvalue, abs=0
    )  # the least of 4
    assert [each.is_worse for each in found] == [True, False, False, False]
    (line,) = worse_in_words(found, is_share=True)
    assert line.startswith(f"length {first.value}: error {100 * first.error:.1f} % (")
    assert f"over {first.count} examples, elsewhere {100 * first.rest:.1f} %: worse beyond chance (p " in line


def test_chance_alone_is_said_in_five_of_a_hundred_evaluations_at_most() -> None:
    random = np.random.default_rng(1)
    said = 0
    for _ in range(100):
        properties = [
            Property("length", random.integers(1, 100, 200)),
            Property("group", random.choice(list("abcd"), 200)),
        ]
        said += bool(worse_in_words(slices_of(random.random(200) < 0.2, properties), is_share=True))
    assert said <= 100 * 0.05 + 2 * np.sqrt(100 * 0.05)


def test_holm_never_falls_and_counts_all_properties() -> None:
    wrong_N, length = errors_by_length(0.3, 0.1)
    alone, both = slices_of(wrong_N, [length]), slices_of(wrong_N, [length, Property("again", length.values)])
    assert [each.p for each in both[:4]] == [each.p for each in both[4:]]
    least = min(each.p for each in alone)
    assert min(each.p for each in both) == pytest.approx(2 * least)


def test_groups_of_few_examples_are_merged_or_left_out_with_the_reason() -> None:
    group_N = np.array(["a"] * 40 + ["b"] * 30 + ["c"] * 12 + ["d"] * 13)
    wrong_N = np.arange(95) % 7 == 0
    found = slices_of(wrong_N, [Property("group", group_N)])
    assert [(each.value, each.count) for each in found] == [("a", 40), ("b", 30), ("2 others", 25)]
    assert found[2].error is not None and found[2].note.startswith("fewer than 20 examples each")
    few = slices_of(wrong_N[:82], [Property("group", group_N[:82])])[2]
    assert (few.value, few.count, few.error, few.p) == ("1 others", 12, None, None)
    assert few.note == "fewer than 20 examples: not measured"
    (all_few,) = slices_of(wrong_N[70:], [Property("group", group_N[70:])])
    assert all_few.value == "all 2" and all_few.error is None


def test_what_is_alike_or_too_little_is_not_compared() -> None:
    wrong_N = np.arange(60) % 5 == 0
    assert slices_of(wrong_N, [Property("length", np.full(60, 8))]) == []
    assert slices_of(wrong_N, [Property("class size", np.linspace(120, 140, 60))]) == []  # within a quarter
    assert slices_of(wrong_N, [Property("length", np.full(60, np.nan))]) == []
    assert slices_of(wrong_N, [Property("group", np.array(["one"] * 60))]) == []
    (few,) = slices_of(wrong_N[:30], [Property("length", np.arange(1, 31))])
    assert few.error is None and few.note == "fewer than 40 examples cannot be compared"
    (rare,) = slices_of(wrong_N, [Property("length", np.array([1] * 5 + [9] * 55))])
    assert rare.error is None and rare.note == "all but fewer than 20 examples are alike in it"


def test_errors_in_a_unit_are_means_compared_by_welch() -> None:
    random = np.random.default_rng(2)
    size_N = np.repeat([16.0, 32.0, 64.0, 128.0], 50)
    off_N = np.abs(random.normal(size=200)) * np.where(size_N == 16, 3.0, 1.0)
    found = slices_of(off_N, [Property("image size", size_N, "pixels a side")])
    own, rest = off_N[:50], off_N[50:]
    assert found[0].value == "16 pixels a side" and found[0].error == pytest.approx(own.mean())
    interval = stats.t.interval(0.95, 49, own.mean(), stats.sem(own))
    assert (found[0].low, found[0].high) == pytest.approx(interval)
    p = stats.ttest_ind(own, rest, equal_var=False, alternative="greater").pvalue
    assert found[0].p == pytest.approx(4 * p) and found[0].is_worse
    (line,) = worse_in_words(found, is_share=False)
    assert line.startswith(f"image size 16 pixels a side: error {own.mean():.4g} (")


def test_slices_are_read_back_as_written(tmp_path) -> None:
    wrong_N, length = errors_by_length(0.4, 0.1)
    group = Property("group", np.array(["many"] * 390 + ["few"] * 10))
    found = slices_of(wrong_N, [length, group])
    write_slices(tmp_path / "slices.csv", found)
    again = read_slices(tmp_path / "slices.csv")
    assert [(each.by, each.value, each.count, each.note) for each in again] == [
        (each.by, each.value, each.count, each.note) for each in found
    ]
    for name in ("error", "low", "high", "rest", "p"):
        for one, other in zip(again, found, strict=True):
            assert getattr(one, name) == (getattr(other, name) and pytest.approx(getattr(other, name), rel=1e-5))
    write_slices(tmp_path / "none.csv", [])
    assert not (tmp_path / "none.csv").exists() and read_slices(tmp_path / "none.csv") == []
