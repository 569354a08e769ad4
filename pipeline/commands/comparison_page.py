"""The page of ``saccade compare --html``: tables, paired tests, and figures against size and seconds."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.commands.compared_runs import (
    ComparedRun,
    RunPair,
    answer_s_per_example,
    beside_best,
    metric_rows,
    p_in_words,
    row_of,
    shown,
    title_of,
    verdict_in_words,
)
from saccade.core.files import replacing_file
from saccade.core.messages import pluralise
from saccade.display.page import Cell, Chart, Line, Name, Page, PageBlock, Section, Table
from saccade.evaluate.shortfall import interval_of
from saccade.report.rendering import to_html
from saccade.report.scatter import CostPoint, scatter_svg

_COSTS: tuple[tuple[str, Callable[[ComparedRun], Any]], ...] = (
    ("parameters", lambda run: run.trained.get("parameters")),
    ("seconds of training", lambda run: run.trained.get("train_elapsed_s")),
    ("seconds to answer 1,000 examples", lambda run: (answer_s_per_example(run) or 0) * 1000),
)
_COLUMNS = ("run", "model", "parameters", "metric", "test", "95 % interval", "baseline", "on features", "against it")


def write_page(
    path: Path,
    groups: Sequence[Sequence[ComparedRun]],
    pairs: Sequence[Sequence[RunPair]],
    differences: Mapping[str, Mapping[str, Sequence[Any]]],
) -> None:
    """Write the page: one file, without scripts, that needs nothing beside itself.

    Args:
        path: where to write.
        groups: runs of one test set together.
        pairs: paired tests of each group.
        differences: what differs between the runs; empty: there is one alone.
    """
    names = [run.name for group in groups for run in group]
    sections = [_group_section(i, group, tested) for i, (group, tested) in enumerate(zip(groups, pairs, strict=True))]
    if differences:
        sections.append(_differences_section(differences, [run.name for g in groups for run in g if run.trained]))
    title = " and ".join(names) if len(names) < 4 else pluralise(len(names), "run")
    sets = pluralise(len(groups), "test set")
    page = Page(Name(title), (f"Compared on {sets}; from the local reports.",), [], sections, what="comparison of runs")
    with replacing_file(path) as partial:
        partial.write_text(to_html(page), encoding="utf-8")


def _group_section(number: int, group: Sequence[ComparedRun], pairs: Sequence[RunPair]) -> Section:
    blocks: list[PageBlock] = [_runs_table(group, pairs)]
    if pairs:
        blocks.append(_pairs_table(pairs))
    names, rows = metric_rows(group)
    if rows:
        blocks.append(Table(["metric", *names], [list(row) for row in rows]))
    blocks += [chart for title, cost_of in _COSTS if (chart := _chart(group, title, cost_of)) is not None]
    real = [pair for pair in pairs if pair.better is not None]
    found = "no real difference" if not real else f"{pluralise(len(real), 'real difference')} of {len(pairs)}"
    if len(pairs) == 1:
        found = verdict_in_words(pairs[0])
    lines: list[Line] = [
        (Name(run.name), f" {run.why_not_paired}: its answers are not compared one by one.")
        for run in group
        if run.why_not_paired
    ]
    return Section(f"test-set-{number + 1}", title_of(group), found if pairs else "", lines=lines, blocks=blocks)


def _runs_table(group: Sequence[ComparedRun], pairs: Sequence[RunPair]) -> Table:
    rows = [row_of(run) | {"beside the best": beside_best(run, group, pairs)} for run in group]
    columns = [column for column in (*_COLUMNS, "beside the best", "train s") if any(column in row for row in rows)]
    cells: list[list[Cell]] = [
        [Name(row["run"]), *(row.get(column, row.get("else", "")) for column in columns[1:])] for row in rows
    ]
    return Table(columns, cells)


def _pairs_table(pairs: Sequence[RunPair]) -> Table:
    rows: list[list[Cell]] = []
    for pair in pairs:
        test = pair.test
        interval = "" if test.low is None else f"{test.low:+.4f} to {test.high:+.4f}"
        only = "" if test.discordant is None else f"{test.discordant[0]:,} and {test.discordant[1]:,}"
        cells: list[Cell] = [Name(pair.second), Name(pair.first), verdict_in_words(pair), test.metric]
        cells += [f"{test.difference:+.4f}", interval, p_in_words(test, len(pairs)), only, test.method]
        rows.append(cells)
    head = ["run", "beside", "", "metric", "difference", "95 % interval", "p", "only the other, only it right", "test"]
    return Table(head, rows)


def _chart(group: Sequence[ComparedRun], title: str, cost_of: Callable[[ComparedRun], Any]) -> Chart | None:
    """One metric against one cost; None where nobody knows it."""
    metric = next((run.metric for run in group if run.metric), None)
    points = []
    for run in group:
        cost, value = cost_of(run), run.measured.get(metric or "")
        if run.metric == metric and cost and value is not None:
            low, high = interval_of(run.measured, metric or "") or (None, None)
            points.append(CostPoint(run.name, float(cost), float(value), low, high))
    if not points:
        return None
    what = (metric or "").replace("_", " ")
    return Chart(f"{what} against {title}", scatter_svg(points, title, what))


def _differences_section(differences: Mapping[str, Mapping[str, Sequence[Any]]], runs: Sequence[str]) -> Section:
    def table(what: str, rows: Mapping[str, Sequence[Any]], most: int | None = None) -> Table:
        cells: list[list[Cell]] = [
            [key, *(Name(shown(value)[:most]) for value in values)] for key, values in rows.items()
        ]
        return Table([what, *runs], cells)

    blocks: list[PageBlock] = []
    lines: list[Line] = []
    for what, same in (
        ("params", "Params are the same."),
        ("data", "Data are the same bytes."),
        ("code", "Code is the same."),
    ):
        if differences[what]:
            blocks.append(
                table(
                    {"params": "params that differ"}.get(what, f"{what}: digests"),
                    differences[what],
                    None if what == "params" else 12,
                )
            )
        else:
            lines.append((same,))
    if differences["commit"]:
        blocks.append(table("commit", differences["commit"], 12))
    return Section("differences", "What differs", lines=lines, blocks=blocks)
