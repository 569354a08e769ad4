"""Commands that send what waits and remove what nothing needs."""

from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.checked_params import load


@app.command()
def sync(
    purge_diffs: Annotated[
        bool,
        typer.Option("--purge-diffs", help="first remove the diffs that earlier versions sent, here and from MLflow"),
    ] = False,
) -> None:
    """Send pending runs to the tracking server."""
    from pipeline import paths
    from pipeline.commands.listing import show_purge, show_sync

    paths.enter_tree()
    if purge_diffs:
        show_purge(paths.home() / ".saccade" / "runs")
    show_sync(paths.home() / ".saccade" / "runs")


@app.command()
def clean(
    yes: Annotated[bool, typer.Option("--yes", help="remove it; without, nothing is removed")] = False,
    all_: Annotated[
        bool,
        typer.Option("--all", help="also what the runs of params.yaml need and can make again, and what is not synced"),
    ] = False,
) -> None:
    """Show what takes space and no run of params.yaml needs: trainings, folds, stored views, DVC's cache."""
    params = load()
    from pipeline.commands.clean import clean

    clean(params, removes=yes, includes_needed=all_)
