"""Where a network errs more often than elsewhere: its errors by the size of a class, of an image, by length, by group.

The examples are cut into slices by each property, numbers at quantiles, names one by one, and each slice is compared
with all other examples. Of many comparisons some come out badly by chance alone, so the p values are corrected for how
many there are (Holm 1979), over all properties together.

Shapes: N examples.
"""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from saccade.evaluate.intervals import accuracy_interval

MIN_COUNT = 20  # examples of a slice; of 20 without an error the interval ends at 0.16 already
MAX_BINS = 4  # of a property in numbers
MAX_NAMES = 20  # slices of a property in names, the largest
ALIKE = 1.25  # numbers of which the largest is no more than so many times the smallest are no property to tell apart by
LEVEL = 0.05  # of the corrected p values below which a slice is said to be worse
COLUMNS = ("by", "value", "count", "error", "low", "high", "rest", "p", "note")


@dataclass(frozen=True)
class Property:
    """What examples differ in.

    Attributes:
        name: name of it, such as length.
        values: float (N,), NaN where it has no value; or str (N,).
        unit: unit of the numbers, such as pixels; empty: none.
    """

    name: str
    values: np.ndarray
    unit: str = ""


@dataclass(frozen=True)
class Slice:
    """Examples that are alike in one property.

    Attributes:
        by: name of the property.
        value: value that they share, or the range of their values.
        count: number of examples.
        error: share of wrong answers, or mean absolute error; None where the slice is too small to tell.
        low: lower end of its 95 % interval.
        high: upper end of it.
        rest: error of all other examples of the property.
        p: probability of an error at least this much above the rest's by chance, corrected by Holm; 1 at most.
        note: reason why nothing was measured, or what was merged.
    """

    by: str
    value: str
    count: int
    error: float | None = None
    low: float | None = None
    high: float | None = None
    rest: float | None = None
    p: float | None = None
    note: str = ""

    @property
    def is_worse(self) -> bool:
        """Whether it errs more than the rest, beyond chance."""
        return self.p is not None and self.p < LEVEL


def class_sizes(labels: np.ndarray, train_counts: Sequence[int]) -> Property:
    """How many training examples the class of each example has; where it has several, its rarest one.

    Args:
        labels: int64 (N,) class indices; where an example may have several classes, uint8 (N, K).
        train_counts: K numbers of training examples.

    Returns:
        Property without a value where an example has no class.

    >>> class_sizes(np.array([0, 1, 1]), [30, 500]).values
    array([ 30., 500., 500.])
    >>> class_sizes(np.array([[1, 1], [0, 1], [0, 0]], dtype=np.uint8), [30, 500]).values
    array([ 30., 500.,  nan])
    """
    count_K = np.array(train_counts, dtype=np.float64)
    if labels.ndim == 1:
        return Property("class size", count_K[labels], "training examples")
    count_N = np.where(labels > 0, count_K, np.inf).min(axis=1)
    return Property("class size", np.where(np.isinf(count_N), np.nan, count_N), "training examples")


def slices_of(errors_N: np.ndarray, properties: Sequence[Property]) -> list[Slice]:
    """Measure the errors slice by slice.

    Args:
        errors_N: bool, whether each answer is wrong: errors are shares, with Wilson's interval, compared by Fisher's
            exact test. Or float, how far each is off, from 0: errors are means, with Student's interval, compared by
            Welch's test.
        properties: what the examples differ in, each with N values.

    Returns:
        Slices, property by property; none of a property in which all examples are much alike.
    """
    found: list[Slice] = []
    for each in properties:
        found += [_measured(each.name, value, rows, errors_N, among, note) for value, rows, among, note in cut(each)]
    return _corrected(found)


_Cut = tuple[str, np.ndarray, np.ndarray, str]  # value, its rows, rows of the whole property, note


def cut(of: Property) -> list[_Cut]:
    """Cut the examples into slices by a property.

    Args:
        of: what they differ in.

    Returns:
        For each slice the value or range that it shares, its rows, the rows of all slices, and what was merged; none
        where all are much alike.
    """
    values_N = np.asarray(of.values)
    return _cut_numbers(values_N, of.unit) if values_N.dtype.kind in "fiu" else _cut_names(values_N)


def _cut_numbers(values_N: np.ndarray, unit: str) -> list[_Cut]:
    """At quantiles, as many as give slices of ``MIN_COUNT``; equal values stay together."""
    rows = np.flatnonzero(np.isfinite(values_N.astype(np.float64)))
    values_n = values_N[rows]
    bins = min(MAX_BINS, len(rows) // MIN_COUNT)
    if not len(rows):
        return []
    low, high = float(values_n.min()), float(values_n.max())
    if high <= low * ALIKE:
        return []
    if bins < 2:
        return [(_range(low, high, unit), rows, rows, f"fewer than {2 * MIN_COUNT} examples cannot be compared")]
    edges = np.unique(np.quantile(values_n, np.arange(1, bins) / bins, method="higher"))
    slice_n = np.searchsorted(edges, values_n, side="right")
    parts = [np.flatnonzero(slice_n == s) for s in np.unique(slice_n)]
    merged: list[np.ndarray] = []
    for part in parts:  # many equal values make a slice large, and its neighbour small
        if merged and min(len(part), len(merged[-1])) < MIN_COUNT:
            merged[-1] = np.concatenate([merged[-1], part])
        else:
            merged.append(part)
    if len(merged) < 2:
        return [(_range(low, high, unit), rows, rows, f"all but fewer than {MIN_COUNT} examples are alike in it")]
    return [
        (_range(float(values_n[part].min()), float(values_n[part].max()), unit), rows[part], rows, "")
        for part in merged
    ]


def _range(low: float, high: float, unit: str) -> str:
    text = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
    return f"{text} {unit}" if unit else text


def _cut_names(values_N: np.ndarray) -> list[_Cut]:
    """A slice a name, the largest first; those of fewer than ``MIN_COUNT`` examples together."""
    names, name_N, count_M = np.unique(values_N.astype(str), return_inverse=True, return_counts=True)
    if len(names) < 2:
        return []
    everything = np.arange(len(values_N))
    large = [m for m in np.argsort(-count_M, kind="stable").tolist() if count_M[m] >= MIN_COUNT][:MAX_NAMES]
    cut: list[_Cut] = [(str(names[m]), np.flatnonzero(name_N == m), everything, "") for m in large]
    others = np.flatnonzero(~np.isin(name_N, large))
    if len(others):
        merged = len(names) - len(large)
        what = f"{merged:,} others" if large else f"all {merged:,}"
        few = f"fewer than {MIN_COUNT} examples" + (" each" if merged > 1 else "")
        too_few = len(others) < MIN_COUNT or not large
        cut.append((what, others, everything, f"{few}: not measured" if too_few else f"{few} or not among the largest"))
    return cut


def _measured(by: str, value: str, rows: np.ndarray, errors_N: np.ndarray, among: np.ndarray, note: str) -> Slice:
    others = np.setdiff1d(among, rows, assume_unique=True)
    if len(rows) < MIN_COUNT or len(others) == 0:
        return Slice(by, value, len(rows), note=note)
    own, rest = errors_N[rows], errors_N[others]
    low, high = _interval(own)
    p = _by_chance(own, rest)
    return Slice(by, value, len(rows), float(own.mean()), low, high, float(rest.mean()), p, note)


def _interval(errors_n: np.ndarray) -> tuple[float, float]:
    if errors_n.dtype == bool:
        return accuracy_interval(int(errors_n.sum()), len(errors_n))
    from scipy.stats import t

    mean, spread = float(errors_n.mean()), float(errors_n.std(ddof=1)) / math.sqrt(len(errors_n))
    reach = float(t.ppf(0.975, len(errors_n) - 1)) * spread
    return max(0.0, mean - reach), mean + reach


def _by_chance(own: np.ndarray, rest: np.ndarray) -> float:
    """The one-sided p value of a higher error than the rest's, of one comparison alone."""
    from scipy import stats

    if own.dtype == bool:
        wrong, all_wrong = int(own.sum()), int(own.sum() + rest.sum())
        return float(stats.hypergeom.sf(wrong - 1, len(own) + len(rest), all_wrong, len(own)))  # Fisher's exact test
    if len(rest) < 2 or (own.std() == 0 and rest.std() == 0):
        return 1.0
    return float(stats.ttest_ind(own, rest, equal_var=False, alternative="greater").pvalue)


def _corrected(found: Sequence[Slice]) -> list[Slice]:
    """With the p values of Holm's procedure: each times the number of those that are not smaller, and never falling."""
    values = {i: each.p for i, each in enumerate(found) if each.p is not None}
    corrected, least = dict[int, float](), 0.0
    for place, i in enumerate(sorted(values, key=values.__getitem__)):
        least = max(least, min(1.0, values[i] * (len(values) - place)))
        corrected[i] = least
    return [replace(each, p=corrected[i]) if i in corrected else each for i, each in enumerate(found)]


def write_slices(path: Path, found: Sequence[Slice]) -> None:
    """Write slices.csv, a line a slice; what was not measured stays empty, and ``note`` says why. None: no file."""
    if not found:
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in found:
            numbers = (each.error, each.low, each.high, each.rest, each.p)
            texts = ("" if number is None else f"{number:.6g}" for number in numbers)
            writer.writerow([each.by, each.value, each.count, *texts, each.note])


def read_slices(path: Path) -> list[Slice]:
    """The lines of a slices.csv; nothing where there is none."""
    if not path.exists():
        return []

    def number(text: str) -> float | None:
        return float(text) if text else None

    with path.open(newline="", encoding="utf-8") as file:
        return [
            Slice(
                by=row["by"],
                value=row["value"],
                count=int(row["count"]),
                error=number(row["error"]),
                low=number(row["low"]),
                high=number(row["high"]),
                rest=number(row["rest"]),
                p=number(row["p"]),
                note=row["note"],
            )
            for row in csv.DictReader(file)
        ]


def worse_in_words(found: Iterable[Slice], *, is_share: bool) -> list[str]:
    """A line for each slice that is worse than the rest beyond chance, the worst first.

    Args:
        found: slices of one evaluation.
        is_share: whether errors are shares of wrong answers, and not means in a unit.

    Returns:
        Lines for people; none where chance explains it all.
    """
    worse = sorted((each for each in found if each.is_worse), key=lambda each: each.p or 0.0)

    def text(error: float | None) -> str:
        return "" if error is None else f"{100 * error:.1f} %" if is_share else f"{error:.4g}"

    return [
        f"{each.by} {each.value}: error {text(each.error)} ({text(each.low)} to {text(each.high)}) over {each.count:,} "
        f"examples, elsewhere {text(each.rest)}: worse beyond chance (p {each.p:.2g}, Holm)"
        for each in worse
    ]
