"""``saccade compare``: runs side by side, and whether they differ by more than chance on the same test examples.

It reads the local reports alone and needs no server.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.commands.compared_runs import (
    ComparedRun,
    RunPair,
    answer_s_per_example,
    beside_best,
    by_test_set,
    differing,
    metric_rows,
    p_in_words,
    paired_tests,
    row_of,
    shown,
    title_of,
    verdict_in_words,
)
from pipeline.commands.comparison_page import write_page
from pipeline.console import pluralise, say, warn
from saccade.evaluate.shortfall import interval_of

_COLUMNS = ("run", "model", "parameters", "metric", "test", "95 % interval", "baseline", "against it", "train s")


_FEATURES = "on features"  # a second baseline, which not all kinds of data have; "against it" is of the better one


_BESIDE_BEST = "beside the best"


_WIDTH = 150  # columns


def compare(runs: Sequence[str], *, named: bool, html: Path | None = None, as_json: bool = False) -> int:
    """Print runs side by side, those of one test set in one table; of runs that were named, what differs between them.

    Args:
        runs: keys in ``runs:``.
        named: whether the user named them; else they are all there are.
        html: file for the page; None writes none.
        as_json: print one JSON object in place of tables.

    Returns:
        Exit code: 2 where runs that were named were measured on different test sets, else 0.
    """
    read = [ComparedRun.read(name) for name in dict.fromkeys(runs)]
    groups = by_test_set(read)
    pairs = [paired_tests(group) for group in groups]
    differences = differing(read) if named and len(read) > 1 else {}
    if as_json:
        say(json.dumps(_as_json(read, groups, pairs, differences), allow_nan=False))
    else:
        for group, tested in zip(groups, pairs, strict=True):
            _print_table(group, tested, title=title_of(group) if len(groups) > 1 else None)
        if named and len(read) > 1:
            _say_differences(differences, [run.name for run in read if run.trained])
            for group in groups:
                names, rows = metric_rows(group)
                if len(names) > 1:
                    _print_rows(["metric (95 % interval)", *names], rows)
            for line in itertools.chain(*(lines_of(tested) for tested in pairs)):
                say(line)
    if html is not None:
        write_page(html, groups, pairs, differing(read) if len(read) > 1 else {})
        (warn if as_json else say)(f"written: {html}")
    return _refuse(groups) if named else 0


def lines_of(pairs: Sequence[RunPair]) -> list[str]:
    """A line a paired test, such as "b beside a: accuracy 0.98 against 0.99, ...: no real difference"."""
    return [line_of(pair, of_several=len(pairs)) for pair in pairs]


def line_of(pair: RunPair, *, of_several: int = 1) -> str:
    """What came of a paired test, in words.

    Args:
        pair: two runs and their test.
        of_several: number of tests that are read together.

    Returns:
        One line.
    """
    test = pair.test
    interval = "" if test.low is None else f" (95 %: {test.low:+.4f} to {test.high:+.4f})"
    only = ""
    if test.discordant is not None:
        only = f", only {pair.first} right on {test.discordant[0]:,}, only {pair.second} on {test.discordant[1]:,}"
    return (
        f"{pair.second} beside {pair.first}: {test.metric} {test.second:.4f} against {test.first:.4f} on "
        f"{pluralise(test.examples, 'test example')}, difference {test.difference:+.4f}{interval}; {test.method}"
        f"{only}, {p_in_words(test, of_several)}: {verdict_in_words(pair)}"
    )


def _say_differences(differences: Mapping[str, Mapping[str, Sequence[Any]]], runs: Sequence[str]) -> None:
    if not differences:
        return
    if differences["params"]:
        rows = [[key, *map(shown, values)] for key, values in differences["params"].items()]
        _print_rows(["params that differ", *runs], rows)
    else:
        say("params: the same")
    names = ", ".join(differences["data"])
    say(f"data: {names} differ{'s' if len(differences['data']) == 1 else ''}" if names else "data: the same bytes")
    names = ", ".join(differences["code"])
    say(f"code: {names} differ{'s' if len(differences['code']) == 1 else ''}" if names else "code: the same")
    for key, values in differences["commit"].items():
        say(f"{key}: " + ", ".join(f"{run} {str(value)[:12]}" for run, value in zip(runs, values, strict=True)))


def _print_table(group: Sequence[ComparedRun], pairs: Sequence[RunPair], title: str | None) -> None:
    rows = [row_of(run) | {_BESIDE_BEST: beside_best(run, group, pairs)} for run in group]
    columns = list(_COLUMNS)
    if any(_FEATURES in row for row in rows):
        columns.insert(columns.index("baseline") + 1, _FEATURES)
    if pairs:
        columns.insert(columns.index("train s"), _BESIDE_BEST)
    _print_rows(columns, [[row.get(column, row.get("else", "")) for column in columns] for row in rows], title)


def _print_rows(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        is_text = column in (*_COLUMNS[:2], columns[0])
        table.add_column(column, no_wrap=is_text, justify="left" if is_text else "right")
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    console = Console()
    console.width = max(console.width, _WIDTH)  # a pipe has no width; a table cut at 80 columns helps nobody
    console.print(table)


def _refuse(groups: Sequence[Sequence[ComparedRun]]) -> int:
    """Say which runs were named that cannot be compared in pairs, and why; returns the exit code."""
    for run in itertools.chain(*groups):
        if reason := run.why_not_paired:
            warn(f"{run.name} {reason}: `saccade evaluate {run.name}`" if run.trained else f"{run.name} is not trained")
    if len(groups) < 2:
        return 0
    sets = "; ".join(f"{', '.join(run.name for run in group)}: {title_of(group)}" for group in groups)
    warn(
        f"error: runs must be measured on the same test examples to be compared in pairs, but these were not: {sets}. "
        "Name runs of one test set, or measure one on the other's data: `saccade evaluate RUN --on DATASET`"
    )
    return 2


def _as_json(
    runs: Sequence[ComparedRun],
    groups: Sequence[Sequence[ComparedRun]],
    pairs: Sequence[Sequence[RunPair]],
    differences: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "runs": [_run_as_json(run) for run in runs],
        "test_sets": [
            {
                "title": title_of(group),
                "test_set": group[0].test_set,
                "runs": [run.name for run in group],
                "pairs": [
                    {"runs": [pair.first, pair.second], **asdict(pair.test), "verdict": verdict_in_words(pair)}
                    for pair in tested
                ],
            }
            for group, tested in zip(groups, pairs, strict=True)
        ],
        "trained": [run.name for run in runs if run.trained],  # whose values ``differences`` lists, in this order
        "differences": differences,
    }


def _run_as_json(run: ComparedRun) -> dict[str, Any]:
    interval = interval_of(run.measured, run.metric) if run.metric else None
    return {
        "run": run.name,
        "metric": run.metric,
        "value": run.measured.get(run.metric) if run.metric else None,
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
        "parameters": run.trained.get("parameters"),
        "train_elapsed_s": run.trained.get("train_elapsed_s"),
        "answer_s_per_example": answer_s_per_example(run),
        "metrics": dict(run.measured),
        "why_not_paired": run.why_not_paired,
    }
