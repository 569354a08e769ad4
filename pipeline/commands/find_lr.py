"""``saccade find-lr RUN``: a learning rate for a run, from a range test. The run itself is left as it is."""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from pipeline import paths
from pipeline.console import Progress, pluralise, say
from pipeline.params.yaml_lines import line_of, read_yaml
from pipeline.stages.train.run import TrainingRun
from pipeline.stages.train.training import Training
from saccade.core import progress as progressing
from saccade.core.devices import derive_seed
from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.core.ranks import Rank
from saccade.lr_finder.plot import draw_range
from saccade.lr_finder.range_test import HIGHEST, LOWEST, rates_between, rising_losses
from saccade.lr_finder.suggest import Reading, read_range

REPEATS = 3  # their median is read: of two, one that starts badly would be half
_NEAR = 2.0  # a rate so close to the suggestion, as a factor, trains about as well


def find_lr(run: TrainingRun, *, updates: int, out: Path | None) -> None:
    """Test learning rates, draw what they did, and suggest one.

    The picture goes beside the reports of the runs, as that of ``saccade preview`` does: a run's own folder belongs to
    its stages. No run can be in its way, for their names hold no dot.

    Args:
        run: whose rate is sought.
        updates: number of updates of each repeat.
        out: the PNG, beside which goes a CSV of the same name; None: reports/<run>-learning-rate.png.

    Raises:
        UserError: the file's name is wrong, data are missing, or the test shows no rate to suggest.
    """
    if out is not None and out.suffix.lower() != ".png":
        raise UserError(f"--out ({out.name}) must end in .png")
    losses = repeated_losses(run, updates)
    if not all(losses):
        raise UserError(
            f"the loss of {run.name} is not finite before the first update: no learning rate helps. "
            "`saccade preprocess` reports what the data hold."
        )
    rates = rates_of(updates)
    reading = read_range(rates, losses)
    picture = out or Path("reports") / f"{run.name}-learning-rate.png"
    table = picture.with_suffix(".csv")
    with replacing_file(table) as partial_table:  # the picture comes first: without it there is no table either
        _write(partial_table, rates, losses, reading)
        draw_range(rates, losses, reading, run.block.optimizer.lr, run.name, picture)
    drawn = f"drawn: {picture}; its numbers: {table}"
    if reading.suggestion is None:
        raise UserError(
            f"no learning rate can be suggested for {run.name}: {reading.doubt}.\n"
            f"More updates may show one (--updates {5 * updates}), trainings with a few rates will; {drawn}"
        )
    say(f"{run.name}: the loss falls from {reading.first:.4g} to {reading.least:.4g} in {pluralise(updates, 'update')}")
    say(f"suggested learning rate: {reading.suggestion:g}")
    say(_line_to_change(run, reading.suggestion))
    say(drawn)


def rates_of(updates: int) -> list[float]:
    """The learning rate of each update."""
    return rates_between(LOWEST, HIGHEST, updates)


def repeated_losses(run: TrainingRun, updates: int) -> list[list[float]]:
    """The losses of each repeat; the first one begins with the weights and the batches of the run's own training."""
    losses = []
    with Progress("updates") as progress:
        for number in range(REPEATS):

            def show(_: str, done: int, total: int | None, number: int = number) -> None:
                progress(f"repeat {number + 1} of {REPEATS}", done, total)

            seed = derive_seed(run.seed, "find-lr", number) if number else run.seed
            training = Training.prepare(dataclasses.replace(run, seed=seed), Rank())
            losses.append(_rising_losses(training, rates_of(updates), show))
    return losses


def _rising_losses(training: Training, rates: Sequence[float], progress: progressing.Progress) -> list[float]:
    """The losses under rising rates, from the first weights and the first batches of a training; nothing is written."""
    training.setup = training.setup.without_head_epochs()
    training.embed()
    setup, runtime = training.setup, training.runtime
    state = training.build_state()
    with setup.open_batches(runtime) as batches:
        objective, settings = setup.objective(runtime.device), setup.fit_settings()
        return list(
            rising_losses(
                state,
                batches,
                objective,
                rates,
                runtime,
                clip_norm=settings.clip_norm,
                fixed_norms=settings.fixed_norms,
                progress=progress,
            )
        )


def _line_to_change(run: TrainingRun, suggestion: float) -> str:
    """The line of params.yaml that names the rate, and what it says now."""
    present = run.block.optimizer.lr
    line = line_of(("runs", run.name, "train", "optimizer", "lr"), read_yaml(paths.PARAMS)[1])
    at = f"{paths.PARAMS}, line {line}"
    if 1 / _NEAR <= present / suggestion <= _NEAR:
        return f"{at}: lr: {present:g} is about the same, and may stay"
    return f"{at}: lr: {suggestion:g} in place of {present:g}"


def _write(path: Path, rates: Sequence[float], losses: Sequence[Sequence[float]], reading: Reading) -> None:
    """A row an update; cells are empty where a repeat had ended."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["learning_rate", *(f"loss_{number + 1}" for number in range(len(losses))), "smoothed_median"])
        for update, rate in enumerate(rates):
            drawn = (f"{values[update]:.6g}" if update < len(values) else "" for values in losses)
            rows.writerow([f"{rate:.6g}", *drawn, f"{reading.smoothed[update]:.6g}"])
