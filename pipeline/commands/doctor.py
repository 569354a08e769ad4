"""``saccade doctor RUN``: what a training suffers from, in which layer, and which line of params.yaml to change.

The verdict is ``saccade.doctor.rules``'s. Here it is found what is known of the run, finished, killed or failed: from
its journal, or from the published results where the journal is on another machine.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.console import pluralise, say
from pipeline.params.prepared_datasets import find_dataset_info
from pipeline.runs.journal import FILE_NAME, Journal, JournalState
from pipeline.runs.run_store import journal_folder
from pipeline.runs.tables import read_gradients, read_history, write_gradients
from saccade.core.errors import UserError
from saccade.doctor.record import Record, constant_loss
from saccade.doctor.rules import Verdict, diagnose
from saccade.evaluate.shortfall import find_shortfall

_MAX_ROWS = 60
_NORM_COLUMNS = ("gradient_norm", "weight_norm", "update_ratio")


@dataclass(frozen=True)
class Case:
    """One training of a run.

    Attributes:
        run: key in ``runs:``.
        ended: end of the training, in words; empty for a finished one.
        record: record that the verdict is taken from.
        layers: epoch to its rows, as gradients.csv has them.
        batch: file with the batch at which the loss broke; None where it did not.
        member: member of an ensemble, such as "seed3"; else empty.
    """

    run: str
    ended: str
    record: Record
    layers: Mapping[int, Sequence[Mapping[str, Any]]]
    batch: Path | None = None
    member: str = ""

    @property
    def title(self) -> str:
        """Such as "digits" or "digits, seed3"."""
        return self.run + (f", {self.member}" if self.member else "")

    @property
    def folder(self) -> Path:
        """Folder of its figures."""
        return paths.report(self.run) / "doctor" / self.member


def find_cases(run: str) -> list[Case]:
    """The newest training of a run; of an ensemble those of its members, finished or not.

    Args:
        run: key in ``runs:``, or name of a folder in reports.

    Returns:
        What is known of each.

    Raises:
        UserError: it was never trained, or by a version that measured no layers.
    """
    published = paths.report(run) / "run.json"
    trained = json.loads(published.read_text(encoding="utf-8")) if published.exists() else {}
    if "members" in trained:
        return [_of_member(run, trained, number) for number in range(len(trained["members"]))]
    try:
        return [find_case(run)]
    except UserError:
        begun = {
            state.run
            for _, state in _journals()
            if state.run and re.fullmatch(rf"{re.escape(run)}\.seed\d+", state.run)
        }
        if not begun:
            raise
    by_seed = sorted(begun, key=lambda name: int(name.rpartition(".seed")[2]))
    return [replace(find_case(name), run=run, member=name.removeprefix(f"{run}.")) for name in by_seed]


def _of_member(run: str, trained: Mapping[str, Any], number: int) -> Case:
    member = trained["members"][number]
    folder = journal_folder(member)
    return replace(_read(run, folder, trained, number), member=f"seed{member['seed']}")


def find_case(run: str) -> Case:
    """The newest training of a run of which anything is known.

    Args:
        run: key in ``runs:``, or name of a folder in reports.

    Returns:
        What is known of it.

    Raises:
        UserError: it was never trained, or by a version that measured no layers.
    """
    published = paths.report(run) / "run.json"
    trained = json.loads(published.read_text(encoding="utf-8")) if published.exists() else None
    own = journal_folder(trained) if trained else None
    found = [(published.stat().st_mtime, own)] if own else []
    for path, state in _journals():
        if state.run == run and not (trained and state.run_uid == trained["run_uid"]):
            found.append((path.stat().st_mtime, path.parent))
    if not found:
        raise UserError(f"nothing is known of a training of {run}: begin one with `saccade train {run}`")
    folder = max(found, key=lambda one: one[0])[1]
    return _read(run, folder, trained or {})


def _journals() -> Iterator[tuple[Path, JournalState]]:
    """Of single trainings: that of an ensemble has no epochs, and those of its members are among these."""
    for path in (paths.home() / ".saccade" / "runs").glob(f"*/{FILE_NAME}"):
        journal = Journal(path.parent)
        start = next(journal.events(), {})
        if start.get("params", {}).get("train.ensemble", 1) == 1:
            yield path, journal.state()


def _read(run: str, folder: Path, trained: Mapping[str, Any], member: int | None = None) -> Case:
    """From the journal in a folder; where it is on another machine, from the published results."""
    case = _from_journal(run, folder) if (folder / FILE_NAME).exists() else _from_reports(run, trained, member)
    if case.record.history and not any(case.layers.values()):
        raise UserError(f"{run} was trained before layers were measured. Train it again: `saccade train {run} --fresh`")
    return replace(case, record=replace(case.record, is_below_baseline=_is_below_baseline(run, folder, trained)))


def _is_below_baseline(run: str, folder: Path, trained: Mapping[str, Any]) -> bool | None:
    """Whether the training in a folder was evaluated as worse than a simple model; None where another one was."""
    measured = paths.report(run) / "metrics.json"
    if not trained or not measured.exists() or folder != journal_folder(trained):
        return None
    info = find_dataset_info(trained["dataset"])
    counts = info.class_counts.get("train", []) if info else []
    return find_shortfall(json.loads(measured.read_text(encoding="utf-8")), counts) is not None


def _from_journal(run: str, folder: Path) -> Case:
    journal = Journal(folder)
    start, state = next(journal.events()), journal.state()
    history = [{"epoch": epoch, **state.epochs[epoch]} for epoch in sorted(state.epochs)]
    layers: dict[int, Sequence[Mapping[str, Any]]] = {epoch: state.layers[epoch] for epoch in sorted(state.layers)}
    if state.broke:  # what was measured of the epoch that it gave up
        layers[state.broke["epoch"]] = state.broke["layers"]
    ends = [event for event in journal.events() if event["event"] == "end"]
    ended = "" if state.status == "FINISHED" else f"{pluralise(len(history), 'epoch')} done, "
    match state.status:
        case "FAILED":
            ended += "then it failed"
        case "KILLED":
            ended += f"then it was stopped: {ends[-1]['reason']}"
        case "RUNNING":
            ended += "not finished"
    record = Record(history, _flat(layers), constant_loss(start["tags"], history), start["params"], state.broke)
    batch = folder / "non_finite" / state.broke["batch"] if state.broke else None
    return Case(run, ended, record, layers, batch)


def _from_reports(run: str, trained: Mapping[str, Any], member: int | None = None) -> Case:
    report, start = paths.report(run), trained["record"]
    if not (report / "history.csv").exists():
        raise UserError(f"{report / 'history.csv'} does not exist. Bring it back with `dvc checkout`.")
    history, layers = read_history(report / "history.csv"), read_gradients(report / "gradients.csv", member)
    history = [row for row in history if row.pop("member", None) in (None, member)]
    return Case(run, "", Record(history, _flat(layers), constant_loss(start["tags"], history), start["params"]), layers)


def _flat(layers: Mapping[int, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    return [{"epoch": epoch, **row} for epoch, rows in layers.items() for row in rows]


# --- printing ---------------------------------------------------------------------------------------------------------


def print_verdict(run: str, name: str, folder: Path) -> None:
    """Print the verdict at the end of a training.

    Args:
        run: key in ``runs:``.
        name: the run's, or that of a member.
        folder: folder of its journal.
    """
    try:
        verdict = diagnose((_read(name, folder, {}) if (folder / FILE_NAME).exists() else find_case(name)).record)
    except UserError as error:  # an earlier version trained it, and it was only published again
        say(f"doctor: {error}")
        return
    more = "" if verdict.name == "healthy" else f"; `saccade doctor {run}` says more"
    say(f"doctor: {verdict.headline}{more}")


def doctor(run: str) -> None:
    """Print the verdict on a training with its reasons, and draw the pictures into reports/<run>/doctor.

    Args:
        run: key in ``runs:``.
    """
    for case in find_cases(run):
        _print_verdict(case, diagnose(case.record))


def _print_verdict(case: Case, verdict: Verdict) -> None:
    say(f"{case.title}: {verdict.headline}" + (f" ({case.ended})" if case.ended else ""))
    say(f"  found: {verdict.evidence}")
    if verdict.remedy:
        say(f"  remedy: {verdict.remedy}")
    for change in verdict.changes:
        say(f"  params.yaml: {change.line(case.run, case.record.settings)}")
    for note in verdict.notes:
        say(f"  note: {note}")
    if case.batch:
        say(f"  batch: {case.batch}")
    if any(case.layers.values()):
        _print_table(case)
        say(f"drawn: {', '.join(str(path) for path in _draw(case, verdict))}")


def _draw(case: Case, verdict: Verdict) -> list[Path]:
    from saccade.display.figures import draw_learning_curves
    from saccade.display.layer_statistics import draw_layer_statistics

    folder = case.folder
    drawn = [folder / "gradients.png"]
    draw_layer_statistics(case.layers, drawn[0], f"{case.title}: {verdict.headline}")
    if case.record.history:
        drawn.append(folder / "learning_curves.png")
        draw_learning_curves(case.record.history, drawn[1])
    if case.ended:  # a finished one has it beside the folder
        drawn.append(folder / "gradients.csv")
        write_gradients(drawn[-1], case.layers)
    return drawn


def _print_table(case: Case) -> None:
    from rich.console import Console
    from rich.table import Table

    first, last = min(case.layers), max(case.layers)
    epochs = f"epoch {first} > epoch {last}" if first < last else f"epoch {first}"
    table = Table(caption=f"{epochs}; all of it: gradients.csv", caption_justify="left")
    table.add_column("layer", no_wrap=True)
    for column in ("gradient norm", "weight norm", "moved by an update", "units always 0"):
        table.add_column(column, justify="right", no_wrap=True)
    begun, ended = ({row["layer"]: row for row in case.layers[at] if "step" not in row} for at in (first, last))
    for layer, row in list(ended.items())[:_MAX_ROWS]:
        before = begun.get(layer, {}) if first < last else {}
        cells = [" > ".join(f"{it[key]:.2g}" for it in (before, row) if key in it) for key in _NORM_COLUMNS]
        table.add_row(layer, *cells, f"{row['dead_share']:.0%}" if "dead_share" in row else "")
    if len(ended) > _MAX_ROWS:
        table.add_row(f"... {len(ended) - _MAX_ROWS} more", "", "", "", "")
    console = Console(highlight=False)
    console.width = max(console.width, 110)
    console.print(table, markup=False)
