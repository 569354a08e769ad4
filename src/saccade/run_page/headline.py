"""The first thing that the page says: the run's main figure, how sure it is, and what simple models get."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from saccade.display.page import Line
from saccade.evaluate.shortfall import BASELINES, ERRORS, interval_of
from saccade.run_page.blocks import Block, Cell, Comparison, DataTable, Fact, Number, Range, RunSection

_OTHERS = {"baseline_constant_": "a constant answer", "tta_": "averaged over views"}
_PARTS = ("_low", "_high", "_reason")  # of a metric: its interval, and why there is none
_VERDICTS = {
    "better": "better than the baseline, beyond chance",
    "worse": "worse than the baseline, beyond chance",
    "no real difference": "no real difference from the baseline",
}
_INTERVALS_DECIDE = "judged by whether the 95 % intervals touch; a test in pairs finds smaller differences"
_ABBREVIATIONS = {
    "brier": "Brier",
    "ece": "ECE",
    "f1": "F1",
    "mae": "MAE",
    "mase": "MASE",
    "mse": "MSE",
    "nll": "NLL",
    "rmse": "RMSE",
    "smape": "sMAPE",
}
_MEANINGS = {
    "accuracy": "share of examples whose class is told rightly",
    "balanced_accuracy": "mean of the classes' recalls: rare classes count as much as common ones",
    "macro_f1": "mean of the classes' F1",
    "micro_f1": "F1 over all answers together",
    "samples_f1": "mean of the examples' F1",
    "mean_average_precision": "mean over the classes of the area under precision and recall",
    "loss": "cross entropy in nats",
    "ece": "distance between confidence and accuracy, as the network answers",
    "ece_calibrated": "the same after the temperature is applied",
    "nll_calibrated": "loss after the temperature is applied",
    "temperature": "divisor of the logits, fitted on validation",
    "brier": "mean squared distance of the probabilities from the truth",
    "perplexity": "among how many tokens the network hesitates",
    "bits_per_character": "bits that a character costs when the network compresses the text",
    "mae": "mean absolute error",
    "baseline_mae_difference": "error of the best baseline less that of this run",
    "r2": "share of the variance that is explained",
    "mse": "mean squared error",
    "rmse": "root of the mean squared error",
    "mase": "error by that of the naive forecast on the training part",
    "smape": "symmetric error in per cent",
    "band_coverage": "share of what came that lay within the band",
    "reject_threshold": "probability below which the answer is refused",
    "reject_coverage": "share of examples that are answered all the same",
    "reject_error": "share of wrong answers among those",
}


def headline(
    measured: Mapping[str, Any], verdict: str, examples: int | None, paired: Mapping[str, Any] | None = None
) -> tuple[list[Fact], RunSection | None]:
    """The figures in large letters, and the section that compares them.

    Args:
        measured: what metrics.json holds, the main metric first.
        verdict: words of ``difference_in_words`` on the main metric and the better baseline; empty where it is unknown.
        examples: number of test examples; None where it is not known.
        paired: paired test of the run and the better baseline, as evaluated.json holds it; None: none was made.

    Returns:
        Facts, and the section; None where nothing was measured.
    """
    values = numbers(measured)
    if not values:
        return [], None
    main = next(iter(values))
    interval = interval_of(measured, main)
    beside = f"95 %: {number_text(interval[0])} to {number_text(interval[1])}" if interval else ""
    facts = [Fact(f"test {words(main)}", number_text(values[main]), beside)]
    others = list(others_of(measured, main))
    if others:
        name, _, value = others[0]
        facts.append(Fact(name, number_text(value)))
    if examples is not None:
        facts.append(Fact("test examples", f"{examples:,}"))
    how = _INTERVALS_DECIDE
    if paired and paired.get("verdict"):
        verdict, how = str(paired["verdict"]), _in_pairs(paired)
    return facts, _section(measured, values, main, others, verdict, how)


def _in_pairs(paired: Mapping[str, Any]) -> str:
    """How a paired test judged, such as "judged on the same 269 examples in pairs (McNemar's test, p = 0.5)"."""
    p, examples = paired.get("p"), paired.get("examples")
    chance = f", p = {p:.2g}" if isinstance(p, int | float) else ""
    same = f"the same {examples:,} examples" if isinstance(examples, int) else "the same examples"
    return f"judged on {same} in pairs ({paired.get('method', 'a paired test')}{chance})"


def numbers(measured: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are numbers, without the ends of intervals."""
    return {
        name: float(value)
        for name, value in measured.items()
        if isinstance(value, int | float) and not name.endswith(_PARTS)
    }


def others_of(measured: Mapping[str, Any], metric: str) -> Iterator[tuple[str, str, float]]:
    """What simple models get, and the run itself in other ways.

    Args:
        measured: what metrics.json holds.
        metric: name of a metric.

    Yields:
        Name in words, key in ``measured``, and value; the best baseline first.
    """
    found = []
    for prefix, name in {**BASELINES, **_OTHERS}.items():
        if isinstance(measured.get(prefix + metric), int | float):
            found.append((name.removeprefix("the "), prefix + metric))
    known = {key for _, key in found}
    if metric in ERRORS:  # a task's own baselines, such as persistence_mae; of a score, balanced_accuracy is none
        for key, value in measured.items():
            if key.endswith(f"_{metric}") and key not in known and isinstance(value, int | float):
                found.append((words(key.removesuffix(f"_{metric}")), key))
    own = [key for _, key in found if not key.startswith("baseline_")]
    if any(measured[key] == measured.get(f"baseline_{metric}") for key in own):
        found = [one for one in found if one[1] != f"baseline_{metric}"]  # the best of them, told once
    found.sort(key=lambda one: one[1].startswith("tta_"))
    if metric in ERRORS:
        found.sort(key=lambda one: measured[one[1]])
    yield from ((name, key, float(measured[key])) for name, key in found)


def words(metric: str) -> str:
    """A metric as one says it.

    >>> words("balanced_accuracy"), words("macro_f1")
    ('balanced accuracy', 'macro F1')
    """
    return " ".join(_ABBREVIATIONS.get(word, word) for word in metric.split("_"))


def sentence(text: str) -> str:
    """The text with a capital at its start, and no other change.

    >>> sentence("mean MAE")
    'Mean MAE'
    """
    return text[:1].upper() + text[1:]


def _section(
    measured: Mapping[str, Any],
    values: Mapping[str, float],
    main: str,
    others: Sequence[tuple[str, str, float]],
    verdict: str,
    how: str,
) -> RunSection:
    better = "the lower, the better" if main in ERRORS else "the higher, the better"
    beside = f" Beside the better baseline: {verdict}, {how}." if verdict else ""
    lines: list[Line] = [(f"{sentence(words(main))} on the test split: {better}.{beside}",)]
    known = {words(name) for name in values}
    for name, reason in measured.items():
        if name.endswith("_reason") and isinstance(reason, str) and reason:
            metric = words(name.removesuffix("_reason").removesuffix("_interval"))
            what = "No interval of " if name.endswith("_interval_reason") else "" if metric in known else "No "
            lines.append((sentence(f"{what}{metric}: {reason.rstrip('.')}."),))
    lone = values.keys() - {key for _, key, _ in others}
    blocks: list[Block] = [_table(measured, [*_in_order(values, lone)])]
    if others or interval_of(measured, main):
        blocks.insert(0, _comparison(measured, values[main], main, others))
    return RunSection(
        "figures",
        "What it reaches",
        _result(values[main], main, others, verdict),
        is_fine=verdict != "worse" and not (others and not verdict and _is_worse(values[main], others[0][2], main)),
        lines=lines,
        blocks=blocks,
    )


def _result(value: float, main: str, others: Sequence[tuple[str, str, float]], verdict: str) -> str:
    if verdict or not others:
        return _VERDICTS.get(verdict, verdict) or "no baseline to compare with"
    name, _, other = others[0]
    name = f"the {name}" if name.startswith("baseline") else name
    if value == other:
        return f"equal to {name}"
    what = "worse" if _is_worse(value, other, main) else "better"
    return f"{what} than {name}; whether by more than chance is not known"


def _is_worse(value: float, other: float, metric: str) -> bool:
    return value > other if metric in ERRORS else value < other


def _in_order(values: Mapping[str, float], chosen: "set[str]") -> Iterator[tuple[str, float]]:
    yield from ((name, value) for name, value in values.items() if name in chosen)


def _comparison(
    measured: Mapping[str, Any], value: float, main: str, others: Sequence[tuple[str, str, float]]
) -> Comparison:
    rows = [("this run", value, interval_of(measured, main), True)]
    rows += [(name, other, interval_of(measured, key), False) for name, key, other in others]
    ends = [end for _, at, interval, _ in rows for end in (at, *(interval or ()))]
    low, high = min(ends), max(ends)
    pad = 0.08 * (high - low) or abs(high) * 0.1 or 1.0
    is_share = main not in ERRORS and low >= 0 and high <= 1
    low, high = (max(0.0, low - pad), min(1.0, high + pad)) if is_share else (max(0.0, low - pad), high + pad)
    ranges = []
    for name, at, interval, is_own in rows:
        text = number_text(at) + (f" ({number_text(interval[0])} to {number_text(interval[1])})" if interval else "")
        places = [(end - low) / (high - low) for end in interval] if interval else [None, None]
        ranges.append(Range(name, text, (at - low) / (high - low), places[0], places[1], is_own))
    return Comparison(
        f"{sentence(words(main))}, with 95 % intervals where known", ranges, (number_text(low), number_text(high))
    )


def _table(measured: Mapping[str, Any], values: Sequence[tuple[str, float]]) -> DataTable:
    """All metrics; those of baselines stand beside the metric that they are compared with."""
    names = {name for name, _ in values}
    rows: list[list[Cell]] = []
    for name, value in values:
        if any(name.startswith(prefix) and name.removeprefix(prefix) in names for prefix in {**BASELINES, **_OTHERS}):
            continue
        interval = interval_of(measured, name)
        between = f"{number_text(interval[0])} to {number_text(interval[1])}".replace(" ", "\u00a0") if interval else ""
        baseline = measured.get(f"baseline_{name}")
        beside: str | Number = Number(baseline, number_text(baseline)) if isinstance(baseline, int | float) else ""
        rows.append([words(name), Number(value, number_text(value)), between, beside, _MEANINGS.get(name, "")])
    head = ["metric", "value", "95 % interval", "baseline", "meaning"]
    keeps = [c for c in range(len(head)) if any(row[c] != "" for row in rows)]
    return DataTable(
        "All metrics of the test split", [head[c] for c in keeps], [[row[c] for c in keeps] for row in rows]
    )


def number_text(value: float) -> str:
    """A figure: four decimals of what lies near 1, four digits of others.

    >>> number_text(0.98765), number_text(17.3456), number_text(12345.6)
    ('0.9877', '17.35', '12,345.6')
    """
    if value == 0 or 0.001 <= abs(value) < 10:
        return f"{value:.4f}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
