"""Commands that train a run, and what is asked before and after it."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import RunName
from pipeline.cli.checked_params import (
    entry,
    load,
    load_and_try_transforms,
    print_verdict,
    say_after_training,
    tell_missing_commit,
    warn_of_unused_settings,
)
from pipeline.completion import complete_run


@app.command()
def train(
    run: RunName,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="start over, even if this training was done or begun before")
    ] = False,
) -> None:
    """Train a run, or resume it where it stopped; write into models and reports."""
    params = load()
    entry("runs", params.runs, run)
    warn_of_unused_settings(params, "runs", run, "train")
    tell_missing_commit()
    from pipeline.launch.launch import start_training

    start_training(params, run, fresh=fresh, after_training=print_verdict)
    say_after_training(params, run)


@app.command(name="find-lr")
def find_lr(
    run: RunName,
    updates: Annotated[
        int, typer.Option("--updates", metavar="N", min=50, help="updates of each of three repeats; more show more")
    ] = 200,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FILE", help="the .png to write; default: reports/RUN-learning-rate.png"),
    ] = None,
) -> None:
    """Suggest a learning rate for a run, from a short test with a rising rate; the run itself is not changed."""
    out = out and out.absolute()  # relative to where the command was called, not to the tree
    params = load()
    entry("runs", params.runs, run)
    from pipeline.commands.find_lr import find_lr
    from pipeline.stages.train.run import TrainingRun

    find_lr(TrainingRun.of(params, run), updates=updates, out=out)


@app.command(context_settings={"allow_extra_args": True})
def repeat(
    context: typer.Context,
    run: RunName,
    seeds: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--seeds", metavar="N", min=2, help="train it N times, with seed, seed + 1, ..."),
    ] = None,
    folds: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--folds", metavar="K", min=2, help="train it K times; each K-th of the data is the test split once"
        ),
    ] = None,
    fractions: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--fractions",
            metavar="F F ...",
            help="train it on shares of its training data, such as 0.25 0.5 1.0: should I collect more? May be given "
            "with --seeds N, for N trainings of each share",
        ),
    ] = None,
) -> None:
    """Train and measure a run several times; print the mean and standard deviation of its metrics."""
    if context.args and fractions is None:
        raise typer.BadParameter(f"{' '.join(context.args)!r} belongs to no option; only --fractions takes several")
    if (fractions is not None and folds is not None) or (seeds is None and folds is None and fractions is None):
        raise typer.BadParameter(
            "choose what differs between the trainings: --seeds N, or --folds K, or --fractions F F ..."
        )
    if seeds is not None and folds is not None:
        raise typer.BadParameter("choose what differs between the trainings: --seeds N, or --folds K")
    params = load()
    entry("runs", params.runs, run)
    tell_missing_commit()
    if fractions is not None:
        from pipeline.launch.fractions import repeat_fractions

        shares = _shares(" ".join([fractions, *context.args]))
        repeat_fractions(params, run, shares, seeds or 1, after_training=print_verdict)
    elif seeds is not None:
        from pipeline.launch.seeds import repeat_seeds

        repeat_seeds(params, run, seeds, after_training=print_verdict)
    else:
        from pipeline.launch.folds import repeat_folds

        assert folds is not None
        repeat_folds(params, run, folds, after_training=print_verdict)


def _shares(text: str) -> list[float]:
    """Numbers with spaces or commas between them."""
    try:
        return [float(share) for share in text.replace(",", " ").split()]
    except ValueError:
        raise typer.BadParameter(f"--fractions ({text}) must be numbers, such as 0.25 0.5 1.0") from None


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def repro(context: typer.Context) -> None:
    """Check params.yaml, run `dvc repro` with the same arguments, then compare the runs."""
    params = load_and_try_transforms()
    from pipeline.commands.repro import repro

    repro(params, context.args)


@app.command()
def doctor(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="a key of runs: that was trained, finished or not", autocompletion=complete_run
        ),
    ],
) -> None:
    """Diagnose a training: what went wrong, in which layer, and which line of params.yaml to change."""
    load()
    from pipeline.commands.doctor import doctor

    doctor(run)
