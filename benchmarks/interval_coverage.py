"""How many of 100 intervals hold the true value: all methods of src/saccade/evaluate, on data whose truth is known.

    python benchmarks/interval_coverage.py [--repeats 1000] [--draws 400]

writes benchmarks/results/interval_coverage.md. Of shares of independent answers every outcome is weighed by its
probability, which is exact; the others are simulated, seeded, each time with the functions that `saccade evaluate`
calls. ``draws`` are those of each bootstrap, 2,000 in `saccade evaluate`.
"""

import argparse
import contextlib
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from saccade.evaluate import bootstrap
from saccade.evaluate.bootstrap import bootstrap_interval, ratio_of_sums, units_of_groups
from saccade.evaluate.intervals import accuracy_interval
from saccade.evaluate.metric_intervals import classes as of_classes
from saccade.evaluate.metric_intervals import shares
from saccade.evaluate.metric_intervals.classes import (
    drawn_mean_average_precision,
    mean_of_examples,
    multilabel_intervals,
)
from saccade.evaluate.metric_intervals.interval import Interval
from saccade.evaluate.metric_intervals.over_time import mean_over_windows, windows_of_forecast
from saccade.evaluate.metric_intervals.shares import (
    balanced_accuracy_dependence,
    balanced_accuracy_interval,
    macro_f1_interval,
    share_interval,
)
from saccade.evaluate.multilabel_metrics import multilabel_metrics

RESULT = Path(__file__).with_name("results") / "interval_coverage.md"
SEED = 12

Case = tuple[str, str, Callable[[np.random.Generator], Iterator[tuple[str, Interval, float]]]]
"""Section, what is drawn, and a function that draws it once: method, interval and true value."""


def exact_coverage(share: float, count: int) -> float:
    """The share of Wilson's intervals that hold the true share."""
    from scipy.stats import binom

    likely = range(int(binom.ppf(1e-10, count, share)), int(binom.ppf(1 - 1e-10, count, share)) + 1)
    ends = ((right, accuracy_interval(right, count)) for right in likely)
    return float(sum(binom.pmf(right, count, share) for right, (low, high) in ends if low <= share <= high))


def simulated_coverage(case: Case, repeats: int) -> dict[str, tuple[float, float, float, int]]:
    """Method to the shares of intervals that hold the true value, lie above and below it; and how many are none."""
    rng = np.random.default_rng(SEED)
    counts: dict[str, list[int]] = {}
    for _ in range(repeats):
        for method, one, true in case[2](rng):
            found = counts.setdefault(method, [0, 0, 0, 0])
            if one.low is None or one.high is None:
                found[3] += 1
            else:
                found[(1 if one.low > true + 1e-12 else 2 if one.high < true - 1e-12 else 0)] += 1
    return {
        method: (*(n / max(1, repeats - none) for n in (held, above, below)), none)  # type: ignore[misc]
        for method, (held, above, below, none) in counts.items()
    }


@contextlib.contextmanager
def patched(module: Any, name: str, value: Any) -> Iterator[None]:
    """Another value of a module's constant for a while."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def plain(ends: tuple[float, float]) -> Interval:
    return Interval(*ends) if all(map(math.isfinite, ends)) else Interval(None, None, "no number")


# --- classes ----------------------------------------------------------------------------------------------------------


def classes(right: list[float], counts: list[int]) -> Case:
    """Classes of so many test examples, of which such shares are right; wrong ones go to any other class."""
    share_K, count_K, K = np.array(right), np.array(counts), len(counts)
    rows_KK = np.diag(share_K) + (1 - np.eye(K)) * (1 - share_K)[:, None] / (K - 1)
    expected_KK = rows_KK * count_K[:, None]
    true_f1 = float((2 * np.diagonal(expected_KK) / (expected_KK.sum(axis=0) + count_K)).mean())

    def once(rng: np.random.Generator) -> Iterator[tuple[str, Interval, float]]:
        counts_KK = np.stack([rng.multinomial(n, row_K) for n, row_K in zip(count_K, rows_KK, strict=True)])
        # Also below the class size from which `saccade evaluate` gives an interval, for that was found here
        with patched(shares, "MIN_CLASS", 0):
            yield "balanced accuracy, stratified Wilson", balanced_accuracy_interval(counts_KK), float(share_K.mean())
            yield "macro F1, resampled counts", macro_f1_interval(counts_KK, draws=bootstrap.DRAWS), true_f1
        drawn = rng.binomial(count_K, np.diagonal(counts_KK) / count_K, size=(400, K)) / count_K
        low, high = np.quantile(drawn.mean(axis=1), [0.025, 0.975])
        yield "balanced accuracy, stratified bootstrap", plain((float(low), float(high))), float(share_K.mean())

    sorts = Counter(zip(counts, right, strict=True))
    said = ", ".join(f"{n} classes of {count} at {share:g}" for (count, share), n in sorts.items())
    said = re.sub(r"\b1 classes of ", "", said)
    return "Classes", said, once


def groups(number: int, share: float, alike: float) -> Case:
    """Groups of 3 to 19 answers each, whose shares differ: ``alike`` is the correlation within one."""

    def once(rng: np.random.Generator) -> Iterator[tuple[str, Interval, float]]:
        size_G = rng.integers(3, 20, number)
        spread = (1 - alike) / alike
        share_G = rng.beta(share * spread, (1 - share) * spread, number)
        group_N = np.repeat(np.arange(number), size_G)
        right_N = rng.random(len(group_N)) < share_G[group_N]
        yield "accuracy, Wilson of the effective number", share_interval(right_N, group_N), share
        yield "accuracy, Wilson as if independent", share_interval(right_N), share
        sums_G2 = units_of_groups(np.stack([right_N, np.ones(len(right_N))], axis=1), group_N)
        yield "accuracy, cluster bootstrap", plain(bootstrap_interval(ratio_of_sums, sums_G2, draws=400)), share
        label_N = group_N % 2  # a patient is of one class
        if len(np.unique(label_N)) == 2:
            dependent = balanced_accuracy_dependence(right_N, label_N, group_N)
            counts_KK = np.zeros((2, 2), int)
            np.add.at(counts_KK, (label_N, np.where(right_N, label_N, 1 - label_N)), 1)
            yield "balanced accuracy, by groups", balanced_accuracy_interval(counts_KK, dependent), share

    return "Groups", f"{number} groups, {share:g} right, correlation {alike:g}", once


# --- losses and errors ------------------------------------------------------------------------------------------------


def losses(count: int, wrong: float) -> Case:
    """Losses of a classifier: 0.01 nats on average, and 2 where it is wrong."""

    def once(rng: np.random.Generator) -> Iterator[tuple[str, Interval, float]]:
        nats_N = rng.exponential(np.where(rng.random(count) < wrong, 2.0, 0.01))
        yield from both_means(nats_N, None, 2 * wrong + 0.01 * (1 - wrong), "loss")

    return "Losses and errors", f"loss, {count:,} examples, {wrong:.0%} wrong", once


def errors(count: int) -> Case:
    """Absolute errors of normal ones."""

    def once(rng: np.random.Generator) -> Iterator[tuple[str, Interval, float]]:
        yield from both_means(np.abs(rng.normal(size=count)), None, math.sqrt(2 / math.pi), "mae")

    return "Losses and errors", f"mae, {count} examples", once


def errors_of_groups(number: int) -> Case:
    """Absolute errors of which half the variance is that of the group."""

    def once(rng: np.random.Generator) -> Iterator[tuple[str, Interval, float]]:
        group_N = np.repeat(np.arange(number), rng.integers(3, 20, number))
        errors_N = np.abs(rng.normal(size=number)[group_N] + rng.normal(size=len(group_N)))
        yield from both_means(errors_N, group_N, math.sqrt(2) * math.sqrt(2 / math.pi), "mae")

    return "Losses and errors", f"mae, {number} groups of 3 to 19", once


def both_means(
    values_N: np.ndarray, group_N: np.ndarray | None, true: float, metric: str
) -> Iterator[tuple[str, Interval, float]]:
    yield f"{metric}, studentised bootstrap", mean_of_examples(values_N, group_N), true
    values_N2 = np.stack([values_N, np.ones(len(values_N))], axis=1)
    sums_U2 = values_N2 if group_N is None else units_of_groups(values_N2, group_N)
    yield f"{metric}, expanded percentiles", plain(bootstrap_interval(ratio_of_sums, sums_U2)), true


def average_precision(count: int, having: list[float]) -> Case:
    """Mean average precision of classes with such having, scores being 2 apart in units of their deviation."""
    rng = np.random.default_rng(5)
    many_NK = (rng.random((200_000, len(having))) < having).astype(np.uint8)
    scores = 1 / (1 + np.exp(-(rng.normal(size=many_NK.shape) + 2 * many_NK - 1)))
    true = multilabel_metrics(scores, many_NK, [0.5] * len(having))

    def once(rng: np.random.Generator) -> Iterator[tuple[str, Interval, float]]:
        has_NK = (rng.random((count, len(having))) < having).astype(np.uint8)
        p_NK = 1 / (1 + np.exp(-(rng.normal(size=has_NK.shape) + 2 * has_NK - 1)))
        measured = multilabel_metrics(p_NK, has_NK, [0.5] * len(having))
        with patched(of_classes, "MIN_POSITIVES", 2):  # also below the number that was found here
            found = multilabel_intervals(p_NK, has_NK, [0.5] * len(having), measured)
        for name in ("mean_average_precision", "macro_f1", "micro_f1"):
            yield name.replace("_", " "), found[name], true[name]

    return "Several classes", f"{count} examples, classes with {', '.join(f'{s:.0%}' for s in having)}", once


def forecasts(windows: int, horizon: int, memory: float, *, changing: bool = False) -> Case:
    """Errors of the best forecasts of an autoregressive series, whose noise may have quiet and loud times."""

    def mean_errors(rng: np.random.Generator, count: int) -> np.ndarray:
        noise_T = rng.normal(size=count + horizon)
        if changing:
            level_T = np.zeros(count + horizon)
            for t in range(1, count + horizon):
                level_T[t] = 0.95 * level_T[t - 1] + 0.7 * math.sqrt(1 - 0.95**2) * rng.normal()
            noise_T *= np.exp(level_T)
        error_N, total_N = np.zeros(count), np.zeros(count)
        for step in range(1, horizon + 1):
            error_N = memory * error_N + noise_T[step : step + count]
            total_N += np.abs(error_N)
        return total_N / horizon

    true = float(np.mean([mean_errors(np.random.default_rng(900 + i), 100_000).mean() for i in range(3)]))
    in_time = windows_of_forecast(np.arange(windows), horizon, None)
    as_if_apart = windows_of_forecast(np.arange(windows), 1, None)

    def once(rng: np.random.Generator) -> Iterator[tuple[str, Interval, float]]:
        errors_N = mean_errors(rng, windows)
        yield "mae, blocks of windows", mean_over_windows(errors_N, np.ones(windows), in_time), true
        shuffled_N = rng.permutation(errors_N)
        yield "mae, windows as if apart", mean_over_windows(shuffled_N, np.ones(windows), as_if_apart), true

    said = f"{windows} windows, {horizon} steps, memory {memory:g}" + (", quiet and loud times" if changing else "")
    return "Forecasts", said, once


def all_cases() -> list[Case]:
    return [
        classes([0.99] * 10, [27] * 10),
        classes([0.9] * 10, [27] * 10),
        classes([0.98] * 100, [10] * 100),
        classes([0.8, 0.95], [5, 200]),
        classes([0.7, 0.98], [20, 500]),
        classes([0.5, 0.6, 0.8, 0.9, 0.97], [5, 10, 30, 100, 300]),
        *(classes([0.5, 0.9, 0.9], [count, 50, 50]) for count in (2, 3, 4, 5, 8)),
        classes([0.9] * 20, [2] + [30] * 19),
        *(groups(number, share, 0.2) for number in (5, 10, 20, 50) for share in (0.7, 0.9, 0.98)),
        groups(20, 0.9, 0.6),
        *(errors(count) for count in (5, 10, 20, 50, 269)),
        *(errors_of_groups(number) for number in (3, 5, 8, 10, 20, 50)),
        *(losses(count, wrong) for count in (50, 269, 1_000) for wrong in (0.1, 0.01)),
        average_precision(300, [0.1] * 5),
        average_precision(300, [0.05, 0.1, 0.2, 0.4]),
        *(average_precision(500, [having]) for having in (0.01, 0.02, 0.03, 0.05)),
        average_precision(1_000, [0.3]),
        forecasts(60, 1, 0.0),
        forecasts(150, 12, 0.9),
        forecasts(600, 12, 0.9),
        forecasts(2_000, 12, 0.9),
        forecasts(600, 24, 0.5),
        forecasts(600, 12, 0.9, changing=True),
        forecasts(2_000, 12, 0.9, changing=True),
    ]


def table(repeats: int, report: Callable[[str], Any]) -> list[str]:
    """Lines of Markdown."""
    lines = ["# How many of 100 intervals of 95 % hold the true value", ""]
    lines += [f"`python benchmarks/interval_coverage.py --repeats {repeats} --draws {bootstrap.DRAWS}`", ""]
    lines += ["## Accuracy, Wilson, exact", "", "| true accuracy | 50 examples | 269 | 10,000 |", "|---|---|---|---|"]
    for share in (0.7, 0.9, 0.99):
        row = " | ".join(f"{100 * exact_coverage(share, count):.1f}" for count in (50, 269, 10_000))
        lines.append(f"| {share:g} | {row} |")
    lines += [
        "",
        "Of 50 answers at 0.99, 48 or more are right with probability 0.911, and 47 or more with 0.986. The interval",
        "of 47 holds 0.99 or it does not, so that no method lies between: those of Clopper and Pearson, Jeffreys,",
        "mid-P, and Agresti and Coull hold it (98.6), Wilson's does not.",
    ]
    section = ""
    for case in all_cases():
        if case[0] != section:
            section = case[0]
            lines += ["", f"## {section}", "", "| data | method | hold it | above it | below it | no interval |"]
            lines.append("|---|---|---|---|---|---|")
        for method, (held, above, below, none) in simulated_coverage(case, repeats).items():
            row = " | ".join(f"{100 * share:.1f}" for share in (held, above, below))
            row = "- | - | -" if none == repeats else row
            lines.append(f"| {case[1]} | {method} | {row} | {100 * none / repeats:.0f} |")
            report(lines[-1])
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1_000, help="data sets of each sort")
    parser.add_argument("--draws", type=int, default=400, help="draws of each bootstrap")
    options = parser.parse_args()
    use_draws(options.draws)
    lines = table(options.repeats, lambda line: print(line, file=sys.stderr, flush=True))
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def use_draws(draws: int) -> None:
    """Let each bootstrap draw so often: a simulation repeats it a thousand times."""
    bootstrap.DRAWS = draws
    drawing = (bootstrap.bootstrap_interval, bootstrap.drawn_sums, bootstrap.mean_interval)
    for function in (*drawing, drawn_mean_average_precision):
        (function.__kwdefaults__ or {})["draws"] = draws


if __name__ == "__main__":
    main()
