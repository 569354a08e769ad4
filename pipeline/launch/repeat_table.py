"""What repeated trainings gave, side by side, with mean and standard deviation: on the screen, as JSON and as CSV."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.console import say
from pipeline.stages.evaluate.in_words import interval_text
from pipeline.stages.evaluate.members import summary
from saccade.core.files import replacing_file, write_json

STD = "of the sample: the divisor is the number of trainings less 1"


@dataclass(frozen=True)
class Repeated:
    """One of the trainings.

    Attributes:
        key: its seed, the number of the fold that was its test split, or the share of the training split that it
            learnt from.
        metrics: measures on its test split, the task's main one first.
        about: other values that are kept of it.
    """

    key: float
    metrics: Mapping[str, float]
    about: Mapping[str, Any]


def show_and_keep(
    run: str, what: Literal["seed", "fold"], repeated: Sequence[Repeated], path: Path, pending_reason: str | None
) -> None:
    """Print the table, and write it beside the run's reports.

    Args:
        run: key in ``runs:``.
        what: meaning of the key of each training.
        repeated: the trainings, two at least.
        path: file to write, less the suffix.
        pending_reason: why not all of it is in MLflow; None if it is.
    """
    metrics = summary([each.metrics for each in repeated])
    trainings = [{what: each.key, "metrics": dict(each.metrics), **each.about} for each in repeated]
    write_json(
        path.with_suffix(".json"), {"run": run, "by": what, "std": STD, "metrics": metrics, "trainings": trainings}
    )
    with replacing_file(path.with_suffix(".csv")) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        ends = [f"{next(iter(metrics))}_{end}" for end in ("low", "high")]
        ends = [name for name in ends if any(name in each.metrics for each in repeated)]
        writer.writerow([what, *metrics, *ends])
        for place, each in enumerate(repeated):
            values = [found["values"][place] for found in metrics.values()]
            writer.writerow([each.key, *values, *(each.metrics.get(name, "") for name in ends)])
    _print_table(what, repeated, metrics)
    main = next(iter(metrics))
    found = metrics[main]
    say(
        f"{run}: test {main} {found['mean']:.4f} on average over {len(repeated)} {what}s, standard deviation "
        f"{found['std']:.4f}; see {path.with_suffix('.json')}"
    )
    if pending_reason:
        say(f"not yet in MLflow ({pending_reason}): `saccade sync` sends it later")


def _print_table(what: str, repeated: Sequence[Repeated], metrics: Mapping[str, Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    main, *others = metrics
    intervals = [interval_text(each.metrics, main) for each in repeated]
    table = Table()
    for column in (what, main, *(["95 % interval"] if any(intervals) else []), *others):
        table.add_column(column, justify="right", no_wrap=True)

    def add_row(name: str, interval: str, cells: list[str], *, is_last: bool = False) -> None:
        between = [interval or "-"] if any(intervals) else []
        table.add_row(name, cells[0], *between, *cells[1:], end_section=is_last)

    for place, (each, interval) in enumerate(zip(repeated, intervals, strict=True)):
        cells = [f"{found['values'][place]:.4f}" for found in metrics.values()]
        add_row(str(each.key), interval, cells, is_last=place == len(repeated) - 1)
    for row in ("mean", "std"):
        add_row(row, "", [f"{found[row]:.4f}" for found in metrics.values()])
    console = Console()
    console.width = max(console.width, 20 * (len(metrics) + 2))  # a table that is cut off helps nobody
    console.print(table)
