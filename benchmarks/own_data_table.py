"""What own_data.py's cells amount to: means, intervals, who wins by more than chance, and the tables in Markdown.

A cell is one training, or the baseline beside it, on one split of one set. Splits share test examples, so an interval
counts each example once, however many splits had it in their test parts.
"""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.evaluate.intervals import accuracy_interval

_SECONDS, _SECONDS_HEAD = ("train_s", "whole_s", "cpu_s"), "training s | whole s | processor s"
CERTAIN = 1.96  # standard errors on either side of a 95 % interval
# The same for so few splits, of which the deviation is only estimated.
_STUDENT = {
    2: 12.71,
    3: 4.30,
    4: 3.18,
    5: 2.78,
    6: 2.57,
    7: 2.45,
    8: 2.36,
    9: 2.31,
    10: 2.26,
}

_ONE_OF_EACH = (0.0, 1.0)  # a wrong answer and a right one
# Of two methods: half an example that the first alone has right, and half one that the second alone has right, which
# squared are these two. Source: A. Agresti, Y. Min, "Simple improved confidence intervals for comparing matched
# proportions", Statistics in Medicine, 2005.
_HALF_OF_EACH = (math.sqrt(0.5), -math.sqrt(0.5))

Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Answers:
    """How often each test example was answered rightly, over the splits that tested it.

    Attributes:
        rows: numbers of the examples, sorted.
        classes: class of each, int.
        right: share of right answers of each, in [0, 1].
    """

    rows: np.ndarray
    classes: np.ndarray
    right: np.ndarray


def answers_of(cells: Sequence[Cell]) -> Answers | None:
    """The answers of a method's cells; None where one has kept none, as a baseline has not."""
    if not cells or any(cell.get("answers") is None for cell in cells):
        return None
    tests: dict[int, list[bool]] = {}
    actual: dict[int, str] = {}
    for cell in cells:
        answers = cell["answers"]
        for row, label, predicted in zip(answers["row"], answers["actual"], answers["predicted"], strict=True):
            tests.setdefault(row, []).append(label == predicted)
            actual[row] = label
    rows = sorted(tests)
    names = {name: number for number, name in enumerate(sorted(set(actual.values())))}
    return Answers(
        np.array(rows),
        np.array([names[actual[row]] for row in rows]),
        np.array([float(np.mean(tests[row])) for row in rows]),
    )


def summarise(cells: Sequence[Cell], num_distinct: int) -> dict[str, Any]:
    """One method on one set.

    Args:
        cells: one a split.
        num_distinct: number of different test examples over all splits; 0 for a series.

    Returns:
        Means, their 95 % intervals (None where one split says nothing about it), seconds.
    """
    row: dict[str, Any] = {"splits": [cell["split"] for cell in cells], "main": cells[0]["main"]}
    for metric in ("accuracy", "balanced_accuracy", "mae"):
        values = [cell["metrics"][metric] for cell in cells if metric in cell["metrics"]]
        if len(values) == len(cells):
            row[metric] = statistics.mean(values)
            row[f"{metric}_interval"] = _interval(metric, values, cells, num_distinct)
    for seconds in _SECONDS:
        values = [cell[seconds] for cell in cells if cell.get(seconds) is not None]
        row[seconds] = statistics.mean(values) if values else None
    return row


def _interval(metric: str, values: list[float], cells: Sequence[Cell], num_distinct: int) -> list[float] | None:
    mean = statistics.mean(values)
    if metric == "accuracy":
        return list(accuracy_interval(round(mean * num_distinct), num_distinct))
    answers = answers_of(cells)
    if metric == "balanced_accuracy" and answers is not None:
        half = CERTAIN * math.sqrt(_variance(answers.right, _ONE_OF_EACH, answers.classes, metric))
    elif len(values) < 3:  # of two, the interval would be twelve deviations wide
        return None
    else:
        half = _student(len(values)) * statistics.stdev(values) / math.sqrt(len(values))
    return [max(0.0, mean - half), mean + half if metric == "mae" else min(1.0, mean + half)]


def _student(count: int) -> float:
    return _STUDENT.get(count, CERTAIN)


def compare(first: Sequence[Cell], second: Sequence[Cell]) -> dict[str, Any]:
    """One method against another on the same splits of a set, by the set's main metric.

    Where the answers of both are there, they are compared example by example; against a baseline, whose single answers
    nobody keeps, as if on other examples, which is careful. The differences of the splits among each other count too
    where they say that it is less sure. A series is compared by the splits alone.

    Returns:
        ``difference`` (of a mean absolute error its logarithm, and with the sign turned: more is better), ``noise``
        (half of its 95 % interval, None where nothing can be said), ``verdict``: better, worse, even or unknown.
    """
    main = first[0]["main"]
    pairs = [(a["metrics"][main], b["metrics"][main]) for a, b in _paired(first, second)]
    if main == "mae":
        differences = [math.log(b / a) for a, b in pairs]
        noises = []
    else:
        differences = [a - b for a, b in pairs]
        noises = [CERTAIN * _standard_error(first, second, main)]
    if len(differences) > 2:
        spread = statistics.stdev(differences) / math.sqrt(len(differences))
        noises.append((CERTAIN if noises else _student(len(differences))) * spread)
    difference = statistics.mean(differences)
    if not noises:
        return {"difference": difference, "noise": None, "verdict": "unknown"}
    noise = max(noises)
    verdict = "even" if abs(difference) <= noise else "better" if difference > 0 else "worse"
    return {"difference": difference, "noise": noise, "verdict": verdict}


def _paired(first: Sequence[Cell], second: Sequence[Cell]) -> list[tuple[Cell, Cell]]:
    other = {cell["split"]: cell for cell in second}
    return [(cell, other[cell["split"]]) for cell in first if cell["split"] in other]


def _standard_error(first: Sequence[Cell], second: Sequence[Cell], main: str) -> float:
    """Of the difference of two methods, from the test examples."""
    one, two = answers_of(first), answers_of(second)
    if one is not None and two is not None and np.array_equal(one.rows, two.rows):
        return math.sqrt(_variance(one.right - two.right, _HALF_OF_EACH, one.classes, main))
    known = one or two
    if known is not None:
        return math.sqrt(2 * _variance(known.right, _ONE_OF_EACH, known.classes, main))
    count = first[0]["test_examples"]  # two baselines
    shares = [statistics.mean(cell["metrics"][main] for cell in cells) for cells in (first, second)]
    return math.sqrt(sum(share * (1 - share) / count for share in shares))


def _variance(values: np.ndarray, added: tuple[float, ...], classes: np.ndarray, main: str) -> float:
    """Of the mean over examples, or, of balanced accuracy, over classes.

    A class of five rightly told is not certain of the next: each class counts two more examples, which are as all are.

    Args:
        values: one an example: right or not, or the difference of two methods.
        added: examples added to all: where two methods never differ on few examples, they may on others.
        classes: class of each example.
        main: accuracy or balanced_accuracy.
    """
    whole = np.append(values, added)
    if main != "balanced_accuracy":
        return float(whole.var() / len(whole))
    of_classes = []
    for label in np.unique(classes):
        own = values[classes == label]
        mean, square = ((np.sum(own**n) + 2 * np.mean(whole**n)) / (len(own) + 2) for n in (1, 2))
        of_classes.append((square - mean**2) / len(own))
    return float(sum(of_classes) / len(of_classes) ** 2)


# --- the whole --------------------------------------------------------------------------------------------------------


def results_of(cells: Sequence[Cell], kept_out: Mapping[str, bool]) -> dict[str, Any]:
    """All sets and methods.

    Args:
        cells: those that ended well; a set's cells of one method are of different splits.
        kept_out: whether a set was kept out of tuning.

    Returns:
        ``sets``: for each set ``kept_out``, ``best``, ``methods`` (a summary each) and ``pairs`` (a comparison for
        each two methods); ``duels``: for each two methods wins, losses and draws on tuning sets and on those kept out.
    """
    sets: dict[str, Any] = {}
    for name in dict.fromkeys(cell["set"] for cell in cells):
        of_set = [cell for cell in cells if cell["set"] == name]
        of_method = {
            method: [cell for cell in of_set if cell["method"] == method]
            for method in dict.fromkeys(cell["method"] for cell in of_set)
        }
        rows = [cell["answers"]["row"] for cell in of_set if cell.get("answers")]
        num_distinct = len(set(itertools.chain(*rows)))
        methods = {method: summarise(own, num_distinct) for method, own in of_method.items()}
        main = of_set[0]["main"]
        best = (min if main == "mae" else max)(methods, key=lambda method, of=methods, by=main: of[method][by])
        pairs = {
            f"{first} against {second}": compare(of_method[first], of_method[second])
            for first, second in itertools.permutations(of_method, 2)
            if _paired(of_method[first], of_method[second])
        }
        sets[name] = {
            "kept_out": kept_out[name],
            "test_examples": of_set[0]["test_examples"],
            "train_examples": of_set[0]["train_examples"],
            "best": best,
            "methods": methods,
            "pairs": pairs,
        }
    return {"sets": sets, "duels": _duels(sets)}


def _duels(sets: Mapping[str, Any]) -> dict[str, Any]:
    duels: dict[str, Any] = {}
    for one in sets.values():
        group = "kept_out" if one["kept_out"] else "tuning"
        for pair, compared in one["pairs"].items():
            counts = duels.setdefault(pair, {})
            counts.setdefault(group, dict.fromkeys(("better", "even", "worse", "unknown"), 0))[compared["verdict"]] += 1
    return duels


def markdown(results: Mapping[str, Any], about: Mapping[str, str]) -> str:
    """The tables: one of classes, one of series, one of who wins how often.

    Args:
        results: what ``results_of`` gives.
        about: a few words on each set.
    """
    classes = {name: one for name, one in results["sets"].items() if _main(one) != "mae"}
    series = {name: one for name, one in results["sets"].items() if _main(one) == "mae"}
    parts = []
    if classes:
        head = f"| set | method | accuracy % | 95 % | balanced % | 95 % | {_SECONDS_HEAD} | against the best |"
        parts.append(_table(head, [row for name, one in classes.items() for row in _class_rows(name, one, about)]))
    if series:
        head = f"| series | method | mean absolute error | 95 % | {_SECONDS_HEAD} | against the best |"
        parts.append(_table(head, [row for name, one in series.items() for row in _series_rows(name, one, about)]))
    if results["duels"]:
        head = "| | sets for tuning: wins, draws, losses | sets kept out: wins, draws, losses |"
        parts.append(_table(head, [_duel_row(pair, of) for pair, of in _once(results["duels"]).items()]))
    parts.append(_means(classes))
    return "\n\n".join(part for part in parts if part)


def _main(one: Mapping[str, Any]) -> str:
    return next(iter(one["methods"].values()))["main"]


def _table(head: str, rows: Sequence[str]) -> str:
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *rows])


def _title(name: str, one: Mapping[str, Any], about: Mapping[str, str]) -> str:
    marks = ", kept out" if one["kept_out"] else ""
    return f"{name}{marks}: {about[name]}; {one['train_examples']:,} to learn from, {one['test_examples']:,} test"


def _class_rows(name: str, one: Mapping[str, Any], about: Mapping[str, str]) -> list[str]:
    rows = []
    for number, (method, row) in enumerate(one["methods"].items()):
        cells = [
            _title(name, one, about) if number == 0 else "",
            _method(one, method),
        ]
        for metric in ("accuracy", "balanced_accuracy"):
            value = _percent(row.get(metric))
            cells += [f"**{value}**" if metric == row["main"] else value, _range(row.get(f"{metric}_interval"))]
        rows.append(_row([*cells, *_seconds(row), _against_best(one, method, 100, "points")]))
    return rows


def _series_rows(name: str, one: Mapping[str, Any], about: Mapping[str, str]) -> list[str]:
    rows = []
    for number, (method, row) in enumerate(one["methods"].items()):
        interval = row["mae_interval"]
        cells = [
            _title(name, one, about) if number == 0 else "",
            _method(one, method),
            f"{row['mae']:.4g}",
            "" if interval is None else f"{interval[0]:.4g} to {interval[1]:.4g}",
        ]
        rows.append(_row([*cells, *_seconds(row), _against_best(one, method, 100, "%")]))
    return rows


def _method(one: Mapping[str, Any], method: str) -> str:
    """Its name, bold where the best one does not beat it by more than chance."""
    compared = one["pairs"].get(f"{method} against {one['best']}")
    is_among_best = method == one["best"] or (compared is not None and compared["verdict"] == "even")
    return f"**{method}**" if is_among_best else method


def _against_best(one: Mapping[str, Any], method: str, factor: float, unit: str) -> str:
    compared = one["pairs"].get(f"{method} against {one['best']}")
    if method == one["best"]:
        return "best"
    if compared is None:
        return "other splits"
    noise = "" if compared["noise"] is None else f" ± {factor * compared['noise']:.1f}"
    words = {"even": ", no real difference", "unknown": ", one split says no more"}.get(compared["verdict"], "")
    return f"{factor * compared['difference']:+.1f}{noise} {unit}{words}"


def _seconds(row: Mapping[str, Any]) -> list[str]:
    return ["" if row[key] is None else f"{row[key]:.0f}" for key in _SECONDS]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def _range(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f"{_percent(interval[0])} to {_percent(interval[1])}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _once(duels: Mapping[str, Any]) -> dict[str, Any]:
    """Of each two methods the later one against the earlier one."""
    order = list(dict.fromkeys(method for pair in duels for method in pair.split(" against ")))
    places = {pair: [order.index(method) for method in pair.split(" against ")] for pair in duels}
    return {pair: counts for pair, counts in duels.items() if places[pair][0] > places[pair][1]}


def _duel_row(pair: str, of: Mapping[str, Any]) -> str:
    cells = [pair]
    for group in ("tuning", "kept_out"):
        counts = of.get(group)
        unknown = f" ({counts['unknown']} unknown)" if counts and counts["unknown"] else ""
        cells.append(f"{counts['better']}, {counts['even']}, {counts['worse']}{unknown}" if counts else "")
    return _row(cells)


def _means(classes: Mapping[str, Any]) -> str:
    """The mean of each method's main metric over the sets that all of the methods had."""
    lines = []
    for group, kept_out in (("sets for tuning", False), ("sets kept out", True)):
        chosen = {name: one for name, one in classes.items() if one["kept_out"] == kept_out}
        methods = list(dict.fromkeys(method for one in chosen.values() for method in one["methods"]))
        common = [one for one in chosen.values() if set(one["methods"]) == set(methods)]
        if not common:
            continue
        means = {method: statistics.mean(one["methods"][method][_main(one)] for one in common) for method in methods}
        told = ", ".join(f"{method} {100 * mean:.1f}" for method, mean in means.items())
        lines.append(f"Mean of the main metric over the {group} that have all methods ({len(common)}), %: {told}.")
    return "\n".join(lines)
