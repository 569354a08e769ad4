"""Commands that register what was trained, and show what is registered."""

from typing import Annotated, Optional

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import RunName
from pipeline.cli.checked_params import entry, load


@app.command()
def register(
    run: RunName,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="name of the registered model; default: that of the run")
    ] = "",
    alias: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--alias", metavar="ALIAS", help="alias that the version gets, such as champion; may be repeated"),
    ] = None,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="although its code, params.yaml or dvc.yaml differ from the commit")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="although the champion is better, or was measured on another test set")
    ] = False,
) -> None:
    """Register the model of a run in MLflow, with its metrics and its card, unless the champion is better."""
    params = load()
    entry("runs", params.runs, run)
    from pipeline.commands.register import RegisterOptions, register

    register(run, RegisterOptions(name, tuple(alias or ()), allow_dirty, force))


@app.command()
def registered(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="a registered model; default: all")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object per line: a version")] = False,
) -> None:
    """Print the versions of registered models: aliases, runs, metrics, commits."""
    from pipeline import paths
    from pipeline.commands.registered import show_registered

    paths.enter_tree()
    show_registered(name, as_json=as_json)
