"""What of a run's record is checked by computing again: the answers on the test split, and the whole training."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from pipeline import paths
from pipeline.commands.verify_checks import Check, VerifiedRun, not_evaluated
from pipeline.console import Progress, pluralise
from pipeline.runs.reported import reported_decoder
from pipeline.runs.tables import read_history
from pipeline.stages.evaluate.evaluated import answers_sha256
from pipeline.stages.evaluate.measure import answer, measure
from pipeline.stages.train.run import TrainingRun
from pipeline.stages.train.training import Training
from saccade import kinds
from saccade.bundle import bundle
from saccade.core.errors import UserError
from saccade.core.ranks import Rank
from saccade.data.prepared import open_split, read_dataset_info
from saccade.data.spec import SPLITS
from saccade.evaluate.shortfall import interval_of
from saccade.predict import predictor as prediction
from saccade.transcripts.decoder import ChosenDecoder

_NO_RESULTS = ("member", "kept")  # columns of history.csv that no epoch gives


def check_answers(run: VerifiedRun) -> Check:
    """Let the network answer on the test split, and compare the answers with those that were recorded.

    Args:
        run: with data and weights on this machine.

    Returns:
        Whether every bit is the same; else the largest difference, and whether all decisions are the same.
    """
    if not run.evaluated:
        return not_evaluated(run, "answers")
    block, recorded = run.params.runs[run.name].evaluate, run.evaluated
    torch.set_num_threads(int(recorded["threads"]))
    try:
        predictor = prediction.load(paths.model(run.name), device=block.device)
        test = open_split(paths.prepared(run.dataset), "test")
        answered = answer(predictor, test, recorded["evaluate"]["batch_size"])
    except (UserError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        return Check("answers", "differs", f"the network cannot answer: {reason}", "", "answers")
    if answers_sha256(answered.answers) == recorded["answers_sha256"]:
        return Check("answers", "same", f"every bit of them, on {pluralise(len(test.rows), 'test example')}")
    info = read_dataset_info(paths.prepared(run.dataset))
    shown = kinds.beside_answers(info, [open_split(paths.prepared(run.dataset), split) for split in SPLITS])
    history = read_history(paths.report(run.name) / "history.csv")
    decoder, _ = reported_decoder(run.name)
    without_views = block.model_copy(update={"tta": None})
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        measured = measure(
            folder,
            history,
            predictor,
            test,
            without_views,
            run=run.name,
            trained_on=run.dataset,
            shown_beside=shown,
            answered=answered,
            decoder=None if decoder is None else ChosenDecoder(decoder),
        )
        table = "forecast.csv" if info.spec.horizon else "predictions.csv"
        kept = paths.report(run.name) / "evaluation"
        name = table if (kept / table).exists() and (folder / table).exists() else "outcomes.csv"
        largest, decisions = compare_tables(kept / name, folder / name)
    by = f"by at most {largest:.2g} ({name})" if largest else f"by less than the digits of {name} show"
    detail = f"the answers differ {by}, and {decisions}; {_metric_in_words(run, measured)}"
    return Check("answers", "differs", detail, "", "answers")


def compare_tables(recorded: Path, now: Path) -> tuple[float, str]:
    """Compare two tables of answers cell by cell.

    Args:
        recorded: a CSV file.
        now: a CSV file with the same columns.

    Returns:
        The largest difference between two numbers, infinite where rows or columns are missing; and how many rows hold
        the same words, in words.
    """
    with recorded.open(newline="", encoding="utf-8") as one, now.open(newline="", encoding="utf-8") as other:
        before, after = list(csv.reader(one)), list(csv.reader(other))
    if len(before) != len(after) or before[0] != after[0]:
        return math.inf, "the tables are of other rows"
    largest, changed = 0.0, 0
    for row, new in zip(before[1:], after[1:], strict=True):
        is_changed = False
        for cell, found in zip(row, new, strict=True):
            if cell == found:
                continue
            try:
                largest = max(largest, abs(float(cell) - float(found)))
            except ValueError:
                is_changed = True
        changed += is_changed
    count = len(before) - 1
    return (
        largest,
        f"all {count:,} decisions are the same" if not changed else f"{changed:,} of {count:,} decisions differ",
    )


def _metric_in_words(run: VerifiedRun, measured: Mapping[str, Any]) -> str:
    """The main metric now and then, and whether it lies inside its interval."""
    recorded = read_metrics(run.name)
    main = str(run.evaluated["outcomes"].get("main") or next(iter(recorded), ""))
    if main not in recorded or measured.get(main) is None:
        return "no metric was recorded"
    text = f"{main} is {measured[main]:.4f}, and was {recorded[main]:.4f}"
    interval = interval_of(recorded, main)
    if interval is None:
        return text
    place = "inside" if interval[0] <= measured[main] <= interval[1] else "outside"
    return f"{text}: {place} its interval, {interval[0]:.4f} to {interval[1]:.4f}"


def read_metrics(run: str) -> dict[str, Any]:
    """What metrics.json says; nothing where there is none."""
    import json

    path = paths.report(run) / "metrics.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


# --- training anew ----------------------------------------------------------------------------------------------------


def check_history(run: VerifiedRun) -> Check:
    """Train the run anew, and compare each epoch with history.csv; nothing that is kept of it changes.

    Args:
        run: whose data, params and code are as recorded.

    Returns:
        The first epoch that differs, or the weights.
    """
    processes = int(run.recorded_params.get("train.processes", 1))
    if processes > 1:
        reason = f"it was trained by {processes} processes, and one alone adds in another order"
        return Check("history", "not checked", reason, f"`saccade train {run.name} --fresh` trains it with as many")
    path = paths.report(run.name) / "history.csv"
    if not path.exists():
        return Check("history", "differs", f"{path} is not there", f"`dvc checkout -f {path}`", str(path))
    try:
        history = read_history(path)
    except (ValueError, TypeError) as error:
        return Check("history", "differs", f"{path} is damaged ({error})", f"`dvc checkout -f {path}`", str(path))
    whole = TrainingRun.of(run.params, run.name)
    members = run.trained.get("members", [])
    trainings = [whole.member(number) for number in range(len(members))] if members else [whole]
    for number, each in enumerate(trainings):
        rows = [row for row in history if not members or row["member"] == number]
        expected = members[number]["weights_sha256"] if members else run.trained["weights_sha256"]
        if found := _first_difference(run, each, rows, expected):
            return found
    epochs = pluralise(len(history), "epoch")
    return Check("history", "same", f"{epochs} trained anew gave the same numbers, and the same weights")


def _first_difference(
    run: VerifiedRun, training_run: TrainingRun, rows: Sequence[Mapping[str, float]], weights: str
) -> Check | None:
    torch.set_num_threads(int(run.recorded_params.get("train.threads", torch.get_num_threads())))
    training = Training.prepare(training_run, Rank())
    torch.set_num_threads(int(run.recorded_params.get("train.threads", torch.get_num_threads())))
    path = paths.report(run.name) / "history.csv"
    remedy = f"`dvc checkout -f {path}`, if it was edited"
    if not training_run.block.deterministic:
        remedy = "train.deterministic is false: no two trainings are the same"
    with training.join(Rank()), Progress("epochs", line_every_s=30) as progress:
        training.embed()
        state = training.build_state()
        place = 0
        for place, row in enumerate(_epochs(training, state), start=1):
            progress(f"{training_run.name} trained anew", place, len(rows))
            if place > len(rows):
                return Check("history", "differs", f"{path} ends after {len(rows)} epochs", remedy, f"epoch {place}")
            for name, value in rows[place - 1].items():
                if name not in _NO_RESULTS and row.get(name) != value and not _are_both_nan(row.get(name), value):
                    detail = f"epoch {place}: {name} is {row.get(name)} now, and {value} in {path}"
                    return Check("history", "differs", detail, remedy, f"epoch {place}")
        if place < len(rows):
            detail = f"{path} has {pluralise(len(rows), 'epoch')}, and training anew ends after {place}"
            return Check("history", "differs", detail, remedy, f"epoch {place + 1}")
        network = training.setup.whole_network(state.kept)
        with TemporaryDirectory() as scratch:
            found = bundle.save(Path(scratch), training.setup.config, network)
    if found != weights:
        detail = f"all epochs are the same, and the weights are not ({found[:12]}, not {weights[:12]})"
        return Check("history", "differs", detail, remedy, "weights")
    return None


def _epochs(training: Training, state: Any) -> Iterator[dict[str, float]]:
    for record in training.epochs(state):
        yield record.row()


def _are_both_nan(one: float | None, other: float) -> bool:
    return one is not None and math.isnan(one) and math.isnan(other)
