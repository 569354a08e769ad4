"""``reports/index.html``: all runs that were evaluated, each with its main figure and a link to its page.

It is made anew whenever a run was evaluated, and by ``saccade list``; it belongs to no run, so DVC does not track it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.console import say
from pipeline.stages.evaluate.in_words import interval_text, verdict_on_baseline
from saccade.core.files import replacing_file
from saccade.display.page import Name
from saccade.run_page.blocks import Cell, DataTable, Fact, Link, Number, RunPage, RunSection
from saccade.run_page.headline import number_text, others_of, words
from saccade.run_page.page import FILE_NAME
from saccade.run_page.rendering import to_html

REPORTS = Path("reports")
INDEX = REPORTS / "index.html"
_HEAD_BYTES = 4_000  # of a page, in which its date stands
_HEAD = ["run", "model", "dataset", "metric", "test", "95 % interval", "best baseline", "beside it", "evaluated"]


def write_index() -> Path | None:
    """Write the page of all runs.

    Returns:
        The page; None where no run was evaluated.
    """
    rows = list(_rows())
    if not rows:
        return None
    table = DataTable("A click on a head sorts them", _HEAD, rows)
    section = RunSection("runs", "One row a run", blocks=[table])
    lead = ("Every run that was evaluated in this project, on the test split of its dataset.",)
    datasets = {row[2] for row in rows}
    facts = [Fact("runs", f"{len(rows):,}"), Fact("datasets", f"{len(datasets):,}")]
    with replacing_file(INDEX) as partial:
        partial.write_text(to_html(RunPage(Name("All runs"), lead, facts, [section])), encoding="utf-8")
    return INDEX


def say_pages(run: str) -> None:
    """Renew the page of all runs, and say where both pages are.

    Args:
        run: key in ``runs:``, evaluated.
    """
    index = write_index()
    say(f"page: {REPORTS / run / FILE_NAME}" + (f"; all runs: {index}" if index else ""))


def say_index() -> None:
    """Renew the page of all runs, and say where it is; nothing where no run was evaluated."""
    if index := write_index():
        say(f"page of all runs: {index}")


def _rows() -> Iterator[list[Cell]]:
    for path in sorted(REPORTS.glob("*/metrics.json")):
        folder = path.parent
        trained, measured = _read(folder / "run.json"), _read(path)
        main = next(iter(measured), None)
        if not trained or main is None or not isinstance(measured[main], int | float):
            continue
        page, name = folder / FILE_NAME, folder.name
        best = next(iter(others_of(measured, main)), None)
        paired = _read(folder / "evaluated.json").get("beside_baseline") or {}
        yield [
            Link(f"{name}/{FILE_NAME}", name) if page.exists() else Name(name),
            str(trained.get("model", "")),
            Name(str(trained.get("dataset", ""))),
            words(main),
            Number(measured[main], number_text(measured[main])),
            interval_text(measured, main).replace(" ", "\u00a0"),
            Number(best[2], number_text(best[2])) if best else "",
            verdict_on_baseline(measured, main, paired.get("verdict")),
            _date(page),
        ]


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _date(page: Path) -> str:
    """The day and time at which a page was made, as it says itself: that of the file is when DVC put it there."""
    if not page.exists():
        return ""
    with page.open(encoding="utf-8") as file:
        found = re.search(r'<meta name="date" content="(\d{4}-\d\d-\d\d)T(\d\d:\d\d)', file.read(_HEAD_BYTES))
    return f"{found[1]} {found[2]}" if found else ""
