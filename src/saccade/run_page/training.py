"""How the training went: curves, what the doctor says, and the members of an ensemble."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from saccade.display.page import Code, Line
from saccade.doctor.record import Record, constant_loss
from saccade.doctor.rules import Verdict, diagnose
from saccade.evaluate.shortfall import find_shortfall
from saccade.run_page.blocks import Block, Charts, Curve, DataTable, LineChart, Number, RunSection
from saccade.run_page.files import RunFiles
from saccade.run_page.headline import sentence, words
from saccade.run_page.pictures import Pictures
from saccade.run_page.tables import as_picture

_LOGARITHMIC_FROM = 30  # times the least: as the figure of the learning curves has it
_NO_SCORES = ("epoch", "member", "kept")
_MAX_ROWS = 300  # of the table of epochs
_MAX_MEMBERS = 4  # whose curves are drawn, one colour each


def training_section(files: RunFiles, trained: Mapping[str, Any]) -> RunSection | None:
    """Curves of loss, score and learning rate.

    Args:
        files: the run's folder.
        trained: what run.json says.

    Returns:
        None where there is no history.csv.
    """
    history = files.history()
    if not history:
        return None
    lines: list[Line] = []
    epochs = int(trained.get("epochs") or max(row["epoch"] for row in history))
    kept = trained.get("kept_epoch")
    if kept:
        whose = "the last" if kept == epochs else f"epoch {kept}"
        lines.append((f"{epochs:,} epoch{'s' * (epochs != 1)}; the weights of {whose} are kept.",))
    if trained.get("stopped_early"):
        lines.append((f"{str(trained['stopped_early']).capitalize()}.",))
    marked = float(kept) if kept and kept != epochs else None
    charts = _of_members(history) if any("member" in row for row in history) else _of_one(history, marked)
    table = _epochs(history)
    return RunSection("training", "How it was trained", lines=lines, blocks=[Charts(list(charts)), table])


def _of_one(history: Sequence[Mapping[str, float]], marked: float | None) -> Iterator[LineChart]:
    epochs = [row["epoch"] for row in history]
    for score in _scores(history):
        curves = [
            Curve("training", [row.get(f"train_{score}") for row in history]),
            Curve("validation", [row.get(f"validation_{score}") for row in history], is_dashed=True),
        ]
        yield _chart(score, epochs, curves, marked)
    if any("learning_rate" in row for row in history):
        yield _chart("learning_rate", epochs, [Curve("rate", [row.get("learning_rate") for row in history])], marked)


def _of_members(history: Sequence[Mapping[str, float]]) -> Iterator[LineChart]:
    """Validation alone: two curves for each of several members would be a thicket."""
    members = list(dict.fromkeys(row.get("member", 0.0) for row in history))[:_MAX_MEMBERS]
    own = {member: {row["epoch"]: row for row in history if row.get("member", 0.0) == member} for member in members}
    epochs = sorted({row["epoch"] for row in history})
    for score in _scores(history):
        curves = [
            Curve(f"member {member:.0f}", [own[member].get(at, {}).get(f"validation_{score}") for at in epochs])
            for member in members
        ]
        yield _chart(score, epochs, curves, None, of="on validation")


def _scores(history: Sequence[Mapping[str, float]]) -> list[str]:
    names = dict.fromkeys(name for row in history for name in row)
    found = [name.removeprefix("validation_") for name in names if name.startswith("validation_")]
    return sorted(found, key=lambda name: name != "loss")


def _chart(
    score: str, epochs: Sequence[float], curves: Sequence[Curve], marked: float | None, of: str = ""
) -> LineChart:
    known = [value for curve in curves for value in curve.values if value is not None]
    is_loss = score in ("loss", "mae", "mse")
    is_logarithmic = is_loss and min(known) > 0 and max(known) > _LOGARITHMIC_FROM * min(known)
    title = " ".join([sentence(words(score)), *([of] if of else []), *(["(logarithmic)"] if is_logarithmic else [])])
    return LineChart(title, "epoch", epochs, curves, marked, "kept" if marked else "", is_logarithmic=is_logarithmic)


def _epochs(history: Sequence[Mapping[str, float]]) -> DataTable:
    names = list(dict.fromkeys(name for row in history for name in row if name != "kept"))
    rows = history[:: max(1, math.ceil(len(history) / _MAX_ROWS))]
    caption = "All epochs" if len(rows) == len(history) else f"{len(rows)} of {len(history)} epochs; all: history.csv"
    cells = [[Number(row[name], f"{row[name]:.4g}") if name in row else "" for name in names] for row in rows]
    return DataTable(caption, [words(name) for name in names], cells, is_folded=True)


def doctor_section(
    files: RunFiles, trained: Mapping[str, Any], class_counts: Sequence[int], pictures: Pictures
) -> RunSection | None:
    """What the training suffers from, as ``saccade doctor`` says it.

    Args:
        files: the run's folder.
        trained: what run.json says.
        class_counts: examples of each class in the training split; empty where they are not known.
        pictures: room for the picture of the layers.

    Returns:
        None where no layers were measured.
    """
    history, layers = files.history(), files.layers()
    record = trained.get("record", {})
    if not history or not layers or "params" not in record:
        return None
    is_below = find_shortfall(files.json("metrics.json"), class_counts) is not None
    members = list(dict.fromkeys(row.get("member") for row in history))
    verdicts = []
    for member in members:
        own, measured = ([row for row in rows if row.get("member") == member] for rows in (history, layers))
        if not measured:
            return None
        settings = record["params"]
        known = Record(own, measured, constant_loss(record.get("tags", {}), own), settings, is_below_baseline=is_below)
        verdicts.append((member, diagnose(known)))
    lines = [line for member, verdict in verdicts for line in _lines(member, verdict, str(trained["run"]), settings)]
    headlines = list(dict.fromkeys(verdict.headline for _, verdict in verdicts))
    picture = as_picture(
        files.evaluation / "gradients.png",
        pictures,
        "How gradients, weights, updates and silent units of each layer went over the epochs",
    )
    blocks: list[Block] = [picture] if picture else []
    return RunSection(
        "doctor",
        "What the doctor says",
        "; ".join(headlines),
        is_fine=all(verdict.name == "healthy" for _, verdict in verdicts),
        lines=lines,
        blocks=blocks,
    )


def _lines(member: float | None, verdict: Verdict, run: str, settings: Mapping[str, Any]) -> Iterator[Line]:
    whose = "" if member is None else f"Member {member:.0f}: "
    yield (f"{whose}{verdict.headline}. Found: {verdict.evidence}." if whose else f"Found: {verdict.evidence}.",)
    if verdict.remedy:
        yield (f"Remedy: {verdict.remedy}.",)
    for change in verdict.changes:
        yield ("In params.yaml: ", Code(change.line(run, settings).replace("`", "'")))
    for note in verdict.notes:
        yield (f"{note[:1].upper()}{note[1:]}.",)


def members_section(measured: Mapping[str, Any]) -> RunSection | None:
    """What single members of an ensemble reach.

    Args:
        measured: what metrics.json holds.

    Returns:
        None where the run is no ensemble.
    """
    members = measured.get("members")
    if not isinstance(members, Mapping) or not members:
        return None
    rows = []
    for name, values in members.items():
        std = values.get("std")
        ensemble = measured.get(name)
        rows.append(
            [
                words(name),
                Number(ensemble, f"{ensemble:.4f}") if isinstance(ensemble, int | float) else "",
                Number(values["mean"], f"{values['mean']:.4f}"),
                "" if std is None else Number(std, f"{std:.4f}"),
                ", ".join(f"{value:.4f}" for value in values["values"]),
            ]
        )
    head = ["metric", "ensemble", "mean of members", "standard deviation", "each member"]
    return RunSection(
        "members", "The members of the ensemble", blocks=[DataTable("Metrics, member by member", head, rows)]
    )
