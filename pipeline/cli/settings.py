"""Commands that read, list and write params.yaml."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from pipeline.cli.app import app
from pipeline.cli.checked_params import load, load_and_try_transforms, tell_missing_commit
from pipeline.completion import complete_recipe, complete_run


@app.command()
def check() -> None:
    """Check the whole of params.yaml and print every error at once."""
    from pipeline.console import say
    from saccade.core.messages import pluralise

    params = load_and_try_transforms()
    tell_missing_commit()
    say(f"params.yaml is fine: {pluralise(len(params.datasets), 'dataset')}, {pluralise(len(params.runs), 'run')}")


@app.command(name="list")
def list_() -> None:
    """List datasets, models, tasks, recipes and runs."""
    from pipeline.commands.index_page import say_index
    from pipeline.commands.listing import show_list

    show_list(load())
    say_index()


@app.command()
def add(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="[NAME]",
            help="a recipe; with --copy the new run's name; with --auto a dataset",
            autocompletion=complete_recipe,
        ),
    ] = None,
    as_: Annotated[Optional[str], typer.Option("--as", metavar="NAME", help="call the recipe's run so")] = None,  # noqa: UP045
    copy: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--copy", metavar="RUN", help="copy this run instead", autocompletion=complete_run),
    ] = None,
    auto: Annotated[bool, typer.Option("--auto", help="decide settings for the fetched dataset NAME")] = False,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.1, help="with --auto: minutes that a training may take on this machine")
    ] = 10.0,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="with --auto: without weights that others trained")
    ] = False,
    baseline: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--baseline",
            metavar="RUN",
            help="add RUN-baseline: the better of the simple models that RUN is compared with, as a run of its own",
            autocompletion=complete_run,
        ),
    ] = None,
) -> None:
    """Merge a recipe into params.yaml, comments kept; copy a run; decide settings for a dataset; add a baseline."""
    from pipeline import paths
    from pipeline.commands.add import add_copy, add_recipe
    from pipeline.commands.add_auto import add_auto
    from pipeline.commands.add_baseline import add_baseline

    if baseline is not None:
        if name is not None or copy is not None or as_ is not None or auto:
            raise typer.BadParameter("--baseline stands alone: the new run is called RUN-baseline")
        paths.enter_tree()
        add_baseline(paths.PARAMS, baseline)
        return
    if name is None:
        raise typer.BadParameter("NAME, or --baseline RUN, must be given")
    if copy is not None and as_ is not None:
        raise typer.BadParameter("with --copy, NAME is the new run; --as is for recipes and --auto")
    if from_scratch and not auto:
        raise typer.BadParameter("--from-scratch goes with --auto")
    if copy is not None and auto:
        raise typer.BadParameter("--copy and --auto must not both be given")
    paths.enter_tree()
    if auto:
        add_auto(paths.PARAMS, name, minutes=minutes, as_=as_, from_scratch=from_scratch)
    elif copy is not None:
        add_copy(paths.PARAMS, copy, name)
    else:
        add_recipe(paths.PARAMS, name, as_)


@app.command()
def start(
    path: Annotated[str, typer.Argument(metavar="PATH", help="a folder, an archive, a table or a text file")],
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--name", metavar="NAME", help="name of the dataset and of the run; default: made of PATH"),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="ask nothing: where two readings are as sure, take the first")
    ] = False,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.1, help="minutes that the training may take on this machine")
    ] = 10.0,
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--set", metavar="KEY=VALUE", help="an argument of the source, as in params.yaml; may be repeated"
        ),
    ] = None,
) -> None:
    """Look at files, say what they are, and write a dataset and a run for them into params.yaml."""
    place = Path(path).expanduser().absolute()  # relative to where the command was called, not to the tree
    from pipeline import paths
    from pipeline.commands.start import start, stated_arguments
    from pipeline.console import choose_on_terminal

    paths.enter_tree()
    stated = stated_arguments(set_ or [])
    start(paths.PARAMS, place, name, minutes=minutes, ask=choose_on_terminal(), takes_first=yes, stated=stated)
