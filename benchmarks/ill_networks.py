"""Networks that are ill on purpose, the doctor's verdict on each, and what becomes of it when its remedy is followed.

    python benchmarks/ill_networks.py

Six illnesses, six seeds each: 20 layers of sigmoids; a plain RNN on the adding problem at 100 steps; a learning rate
100 times too high; ReLUs with a large negative bias; shuffled labels; rare classes under inverse class weights, where
each seed draws other classes, examples and noise. The data are scikit-learn's digits and generated sequences, in
memory. Before and after are whole trainings; in between, the lines that the verdict names are changed,
and nothing else: for the labels, the examples get their own ones back. Rare classes in noise are hard for any network:
there the remedy has helped where the weights that are kept beat a constant answer on validation. docs/doctor.md gets
the table between its comments, docs/images/ a picture of each, benchmarks/results/ill_networks.json what was found.

``--quick`` takes one seed, leaves the adding problem out, whose cure takes minutes, and writes into the working folder.
"""

import datetime
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from figures import report, report_skipped, tell
from healthy_runs import margins
from ill_cases import CASES, Case
from pages import machine, put_between
from recipe_seeds import ROOT
from torch import nn
from workbench import HERE, parser_of

from saccade.batching.batches import Batches
from saccade.bundle.inputs import input_for
from saccade.core import registry
from saccade.core.errors import NonFiniteError
from saccade.display.layer_statistics import draw_layer_statistics
from saccade.doctor.record import Record
from saccade.doctor.remedies import Change
from saccade.doctor.rules import Verdict, diagnose
from saccade.optim import optimizers
from saccade.optim.class_weights import class_weights
from saccade.optim.losses import LOSSES, constant_prediction_loss
from saccade.optim.objective import Objective
from saccade.train.loop import FitSettings, fit
from saccade.train.state import TrainingState

DRAWN = ("sigmoids", "plain-rnn")  # before and after the remedy, seed 0

# --- running ----------------------------------------------------------------------------------------------------------


def main() -> None:
    """Parse the command line, train, print, write."""
    parser = parser_of(__doc__, pairs=1)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4, 5])
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES), help="these; others' rows stay")
    options = parser.parse_args()
    torch.set_num_threads(1)
    docs = ROOT / "docs"
    results, page, images = HERE / "results" / "ill_networks.json", docs / "doctor.md", docs / "images"
    if options.quick:
        options.seeds, work = [0], options.work / "ill_networks"
        work.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, work)
        results, page, images = work / results.name, work / page.name, work
    found = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {"cases": {}}
    for name in options.only:
        if options.quick and name == "plain-rnn":
            report_skipped(CASES[name].title, "its cure takes minutes")
            continue
        rows = [of_seed(name, CASES[name], seed, images) for seed in options.seeds]
        found["cases"][name] = rows
        found |= {"date": datetime.date.today().isoformat(), "machine": machine()}
        results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        report_case(CASES[name], rows)
    order = [name for name in CASES if name in found["cases"]]
    put_between(
        page, "ill networks", "benchmarks/ill_networks.py", table({name: found["cases"][name] for name in order}, found)
    )


def of_seed(name: str, case: Case, seed: int, images: Path) -> dict[str, Any]:
    """Train it ill, follow the remedy, train it again: what was found."""
    started_at = time.perf_counter()
    ill, before = train(case, seed)
    followed = before.changes if before.name == case.expected else ()
    well, after = train(cured(case, followed), seed)
    if seed == 0 and name in DRAWN:
        draw(ill, f"{case.title}: {before.headline}", images / f"doctor-{name}.png")
        lines = ", ".join(f"{change.key}: {change.value}" for change in before.changes)
        draw(well, f"the same with {lines}: {after.headline}", images / f"doctor-{name}-cured.png")
    tell(f"  {case.title}, seed {seed}: {before.headline}, then {after.headline}")
    return {
        "seed": seed,
        "before": kept(ill, before),
        "after": kept(well, after),
        "seconds": round(time.perf_counter() - started_at, 1),
    }


def kept(record: Record, verdict: Verdict) -> dict[str, Any]:
    """A verdict, and what it was taken from, as JSON has it."""
    changes = [f"{change.key}: {change.value}" for change in verdict.changes]
    validation = record.losses("validation")
    loss = min(validation) if record.settings.get("train.keep") == "best" else validation[-1]
    measured = margins(record) | {"kept": loss / record.constant_loss}
    return vars(verdict) | {"changes": changes, "measured": measured}


def cured(case: Case, changes: Sequence[Change]) -> Case:
    """The case with the lines of params.yaml that a verdict names changed."""
    for change in changes:
        section, _, key = change.key.partition(".")
        match section:
            case "datasets":
                assert case.cured_data is not None, f"{case.title}: the data are in order"
                case = replace(case, data=case.cured_data)
            case "model":
                values = {key: change.value} if key != "name" else {}
                case = replace(
                    case, model=change.value if key == "name" else case.model, arguments={**case.arguments, **values}
                )
            case "train":
                case = replace(case, **{key.removeprefix("optimizer."): change.value})
    return case


def train(case: Case, seed: int) -> tuple[Record, Verdict]:
    """One training, and the verdict on it."""
    data = case.data(seed)
    loss = "cross_entropy" if data.spec.classes else "mse"
    torch.manual_seed(seed)
    module = registry.module("models", case.model)
    model = module.build(data.spec, **case.arguments)
    case.spoil(model)
    network = nn.Sequential(input_for(data.spec, data.mean, data.std), model)
    state = TrainingState(network, optimizers.build("adam", network, lr=case.lr))
    broke = None
    try:
        batches, settings = (
            Batches(data.train, case.batch_size, seed=seed),
            FitSettings(case.epochs, clip_norm=case.clip_norm),
        )
        weights = None
        if case.class_weights != "none":
            weights = class_weights(data.train.labels.bincount().tolist(), case.class_weights)
        objective = Objective(LOSSES[loss], score="accuracy" if data.spec.classes else "mae", class_weights=weights)
        for _ in fit(state, batches, data.validation, objective, lambda step: case.lr, settings):
            pass
    except NonFiniteError as error:
        broke = error.found
    epochs = {record.epoch: record.layers for record in state.history}
    if broke:
        epochs[broke["epoch"]] = broke["layers"]
    rows = [{"epoch": epoch, **row} for epoch, layers in epochs.items() for row in layers]
    constant = constant_prediction_loss(loss, data.validation.labels)
    assert constant is not None
    record = Record([one.row() for one in state.history], rows, constant, settings_of(case), broke)
    return record, diagnose(record)


def settings_of(case: Case) -> dict[str, Any]:
    """Resolved params, as a stage would hand them over."""
    defaults = registry.keyword_arguments("models", case.model, "build")
    arguments = {key: argument.default for key, argument in defaults.items()} | dict(case.arguments)
    train = {
        "optimizer.lr": case.lr,
        "optimizer.weight_decay": 0.0,
        "clip_norm": case.clip_norm,
        "schedule.name": "constant",
        "class_weights": case.class_weights,
        "sampler": "shuffle",
        "keep": case.keep,
    }
    return (
        {"model.name": case.model, "dataset.name": "data"}
        | {f"model.{key}": value for key, value in arguments.items()}
        | {f"train.{key}": value for key, value in train.items()}
    )


# --- telling ----------------------------------------------------------------------------------------------------------


def draw(record: Record, title: str, path: Path) -> None:
    """The picture of ``saccade doctor``."""
    epochs: dict[int, list[dict[str, Any]]] = {}
    for row in record.layers:
        epochs.setdefault(row["epoch"], []).append({key: value for key, value in row.items() if key != "epoch"})
    draw_layer_statistics(epochs, path, title)


def report_case(case: Case, rows: Sequence[Mapping[str, Any]]) -> None:
    """Two figures: how many seeds were named, and how many were healthy after the remedy."""
    unit = f"of {len(rows)} seeds"
    named = sum(row["before"]["name"] == case.expected for row in rows)
    report(f"{case.title}: called {case.expected}", unit, [named], target=("at least", len(rows)))
    if case.class_weights != "none":
        helped = sum(row["after"]["measured"]["kept"] < 1 for row in rows)
        report(f"{case.title}: better than a constant answer after the remedy", unit, [helped])
        return
    healthy = sum(row["after"]["name"] == "healthy" for row in rows)
    report(f"{case.title}: healthy after the remedy", unit, [healthy], target=("at least", len(rows)))


def table(cases: Mapping[str, Sequence[Mapping[str, Any]]], found: Mapping[str, Any]) -> list[str]:
    """A row an illness."""
    lines = [
        "| ill on purpose | verdict, by seed | late loss | lines that it changes | after them | late loss | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, rows in cases.items():
        before = [
            row["before"]["name"] + (f", in layer `{row['before']['layer']}`" if row["before"]["layer"] else "")
            for row in rows
        ]
        changes = list(dict.fromkeys(", ".join(f"`{line}`" for line in row["before"]["changes"]) for row in rows))
        after = [row["after"]["name"] for row in rows]
        seconds = sum(row["seconds"] for row in rows)
        lines.append(
            f"| {CASES[name].title} | {together(before)} | {losses(rows, 'before')} | {'; '.join(changes)} "
            f"| {together(after)} | {losses(rows, 'after')} | {seconds:.0f} |"
        )
    return [*lines, "", f"Seeds {', '.join(str(row['seed']) for row in rows)}; {found['date']}; {found['machine']}."]


def losses(rows: Sequence[Mapping[str, Any]], when: str) -> str:
    """The late losses, a seed each; of weighed classes the validation losses of the weights that are kept."""
    is_weighed = any("train.class_weights: none" in row["before"]["changes"] for row in rows)
    values = [row[when]["measured"]["kept" if is_weighed else "late"] for row in rows]
    return ", ".join(f"{value:.2g}" for value in values) + " (kept)" * is_weighed


def together(verdicts: Sequence[str]) -> str:
    """Equal ones once, with how many there are."""
    return "; ".join(f"{one} ({verdicts.count(one)} of {len(verdicts)})" for one in dict.fromkeys(verdicts))


if __name__ == "__main__":
    main()
