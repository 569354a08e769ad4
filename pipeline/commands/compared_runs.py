"""Runs that are compared: what their reports say, how they differ, and what paired tests make of them."""

import functools
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.console import pluralise
from pipeline.runs.evaluations import outcomes_path, read_evaluated
from pipeline.schema.renamed import recorded_with_new_names
from pipeline.stages.evaluate.in_words import interval_text, numbers_of, verdict_on_baseline
from saccade.evaluate.outcomes import Outcomes, read_outcomes
from saccade.evaluate.paired_tests import NO_DIFFERENCE, PairedTest, adjust, compare_pairs, is_error, shared_metric

_FEATURES = "on features"  # a second baseline, which not all kinds of data have; "against it" is of the better one


_MAX_ALL_PAIRS = 5  # runs; of more, each is compared with the best alone, for a correction for all pairs finds nothing


@dataclass(frozen=True)
class ComparedRun:
    """What the reports of a run say.

    Attributes:
        name: key in ``runs:``.
        trained: content of run.json; empty where it is not trained.
        measured: content of metrics.json; empty where it is not evaluated.
        evaluated: content of evaluated.json; empty where an earlier version evaluated it.
    """

    name: str
    trained: Mapping[str, Any]
    measured: Mapping[str, Any]
    evaluated: Mapping[str, Any]

    @classmethod
    def read(cls, name: str) -> "ComparedRun":
        """Read the reports of a run."""
        report = paths.report(name)
        return cls(name, _read(report / "run.json"), _read(report / "metrics.json"), read_evaluated(name))

    @property
    def metric(self) -> str | None:
        """The task's main metric; None where nothing was measured."""
        return next(iter(self.measured), None)

    @property
    def test_set(self) -> str | None:
        """What names the test examples: a digest of their arrays; None where nothing does."""
        data = self.evaluated.get("data", {})
        if "test.npy" in data:
            return str(data["test.npy"])
        datasets = self.trained.get("record", {}).get("datasets", [])
        return next((each["digest"] for each in datasets if each["context"] == "test"), None)

    @property
    def dataset(self) -> str:
        """Key in ``datasets:``."""
        return str(self.trained.get("dataset", "a dataset"))

    @property
    def why_not_paired(self) -> str | None:
        """Why its single answers cannot be compared with another's; None where they can."""
        if not self.measured:
            return "is not evaluated yet"
        if not self.evaluated or not outcomes_path(self.name).exists():
            return "was evaluated by an earlier version, which kept no outcomes"
        if self.evaluated["weights_sha256"] != self.trained.get("weights_sha256"):
            return "was evaluated with other weights than it has now"
        return None

    @functools.cached_property
    def outcomes(self) -> Outcomes:
        """What it got on each test example."""
        return read_outcomes(outcomes_path(self.name))


@dataclass(frozen=True)
class RunPair:
    """Two runs and what came of their paired test: the second beside the first."""

    first: str
    second: str
    test: PairedTest

    @property
    def better(self) -> str | None:
        """The better run; None where there is no real difference."""
        return {"better": self.second, "worse": self.first}.get(self.test.verdict)


def by_test_set(runs: Sequence[ComparedRun]) -> list[list[ComparedRun]]:
    """Runs that were measured on the same test examples, together; those that were not trained, with the first."""
    groups: dict[str | None, list[ComparedRun]] = {}
    for run in runs:
        groups.setdefault(run.test_set, []).append(run)
    unknown = groups.pop(None, [])
    found = list(groups.values())
    if found:
        found[0].extend(unknown)
        return found
    return [unknown]


def paired_tests(group: Sequence[ComparedRun]) -> list[RunPair]:
    """Compare runs of one test set in pairs, p values adjusted for their number.

    Args:
        group: runs that were measured on the same test examples.

    Returns:
        A test for each pair; of more than ``_MAX_ALL_PAIRS`` runs one for each but the best, beside that.
    """
    able = [run for run in group if run.why_not_paired is None]
    labels = {run.evaluated["data"].get("test_labels.npy") for run in able}
    if len(able) < 2 or len(labels) > 1:
        return []
    if len(able) <= _MAX_ALL_PAIRS:
        chosen = list(itertools.combinations(able, 2))
    else:
        best = _best(able)
        chosen = [(best, run) for run in able if run is not best]
    tests = []
    for first, second in chosen:
        metric = shared_metric(first.metric or "", first.outcomes, second.outcomes)
        if metric is not None:
            block_length = first.evaluated["outcomes"]["block_length"]
            test = compare_pairs(first.outcomes, second.outcomes, metric, block_length=block_length)
            tests.append(RunPair(first.name, second.name, test))
    adjusted = adjust([pair.test for pair in tests])
    return [replace(pair, test=test) for pair, test in zip(tests, adjusted, strict=True)]


def _best(runs: Sequence[ComparedRun]) -> ComparedRun:
    metric = runs[0].metric or ""
    sign = -1 if is_error(metric) else 1
    return max(runs, key=lambda run: sign * float(run.measured.get(metric, -sign * float("inf"))))


def differing(runs: Sequence[ComparedRun]) -> dict[str, dict[str, list[Any]]]:
    """What differs between runs that were trained.

    Args:
        runs: runs to compare.

    Returns:
        ``params``: dotted key to the value of each run; ``data``: array to its digests; ``code``: folder or file to its
        digests, and the commit; None where a run knows no such thing.
    """
    trained = [run for run in runs if run.trained]
    records = [run.trained.get("record", {}) for run in trained]
    params = [recorded_with_new_names(record.get("params", {})) for record in records]
    data = [{**run.trained.get("data", {}), **run.evaluated.get("data", {})} for run in trained]
    commits = [{"git commit": record.get("tags", {}).get("mlflow.source.git.commit")} for record in records]
    code = [{**run.evaluated.get("code", {}), **run.trained.get("code", {})} for run in trained]
    is_known = all("code" in run.trained for run in trained)
    return {
        "params": _unequal(params),
        "data": _unequal(data),
        "code": _unequal(code if is_known else commits),
        "commit": _unequal(commits),
    }


def _unequal(values: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    keys = dict.fromkeys(itertools.chain(*values))
    rows = {key: [each.get(key) for each in values] for key in keys}
    return {key: row for key, row in rows.items() if any(value != row[0] for value in row)}


def verdict_in_words(pair: RunPair) -> str:
    """Such as "no real difference" or "lenet5 is better"."""
    if pair.test.p is None:
        return f"too few examples to tell, {NO_DIFFERENCE} found"
    return NO_DIFFERENCE if pair.better is None else f"{pair.better} is better"


def p_in_words(test: PairedTest, of_several: int = 1) -> str:
    """Such as "p = 0.021" or "p below 0.001", after Holm's correction where several tests are read together."""
    p = test.p if test.adjusted is None else test.adjusted
    if p is None:
        return "p not known"
    text = "p below 0.001" if p < 0.001 else f"p = {p:.3f}"
    return f"{text} (Holm, {of_several} tests)" if of_several > 1 else text


def shown(value: Any) -> str:
    """A value of params.yaml, or a digest, in a cell; "-" where a run has none."""
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)


def metric_rows(runs: Sequence[ComparedRun]) -> tuple[list[str], list[list[str]]]:
    """All metrics of runs side by side, each with its 95 % interval where it has one; not those of baselines.

    Args:
        runs: runs to compare.

    Returns:
        Names of the runs that were measured, and a row a metric: its name and a text for each run.
    """
    measured = [run for run in runs if run.measured]
    ends = ("_low", "_high")
    numbers = [numbers_of(run.measured) for run in measured]
    names = [name for name in dict.fromkeys(itertools.chain(*numbers)) if not name.startswith("baseline_")]
    shown_names = [name for name in names if not any(name.endswith(end) and name[: -len(end)] in names for end in ends)]

    def cell(values: Mapping[str, float], name: str) -> str:
        if name not in values:
            return "-"
        interval = interval_text(values, name)
        return f"{values[name]:.4f}" + (f" ({interval})" if interval else "")

    return [run.name for run in measured], [[name, *(cell(v, name) for v in numbers)] for name in shown_names]


def beside_best(run: ComparedRun, group: Sequence[ComparedRun], pairs: Sequence[RunPair]) -> str:
    """How a run stands beside the best of its test set: "the best", "no real difference", "worse"; "-": not known."""
    able = [each for each in group if each.name in {name for pair in pairs for name in (pair.first, pair.second)}]
    if run not in able:
        return "-"
    best = _best(able)
    if run is best:
        return "the best"
    for pair in pairs:
        if {pair.first, pair.second} == {run.name, best.name}:
            return NO_DIFFERENCE if pair.better is None else "worse" if pair.better == best.name else "better"
    return "-"


def row_of(run: ComparedRun) -> dict[str, str]:
    """Column to text; ``else`` is that of columns that are not named."""
    if not run.trained:
        return {"run": run.name, "model": "not trained yet"}
    metric, measured = run.metric or "-", run.measured

    def number(values: Mapping[str, Any], key: str, form: str) -> str:
        return format(values[key], form) if key in values else "-"

    paired = None
    if run.evaluated and run.why_not_paired is None:
        paired = (run.evaluated.get("beside_baseline") or {}).get("verdict")
    row = {
        "run": run.name,
        "model": run.trained["model"],
        "parameters": number(run.trained, "parameters", ","),
        "metric": metric,
        "test": number(measured, metric, ".4f"),
        "95 % interval": interval_text(measured, metric) or "-",
        "baseline": number(measured, f"baseline_{metric}", ".4f"),
        "against it": verdict_on_baseline(measured, metric, paired) or "-",
        "train s": number(run.trained, "train_elapsed_s", ".1f"),
        "else": "-",
    }
    on_features = number(measured, f"baseline_features_{metric}", ".4f")
    return row if on_features == "-" else row | {_FEATURES: on_features}


def title_of(group: Sequence[ComparedRun]) -> str:
    """Such as "test set of digits, 269 examples (6c77d0e0)"."""
    first = next((run for run in group if run.test_set), None)
    if first is None:
        return "not trained yet"
    count = first.evaluated.get("examples")
    many = f", {pluralise(count, 'example')}" if count else ""
    return f"test set of {first.dataset}{many} ({(first.test_set or '')[:8]})"


def answer_s_per_example(run: ComparedRun) -> float | None:
    """Seconds that the network took for a test example when it was evaluated; None where nobody measured."""
    if "answer_elapsed_s" not in run.evaluated:
        return None
    return float(run.evaluated["answer_elapsed_s"]) / max(1, int(run.evaluated["examples"]))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
