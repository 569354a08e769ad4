"""The Typer application that the commands join."""

from typing import Annotated

import typer

app = typer.Typer(
    help="From one params.yaml to trained, tracked, reproducible CNNs and LSTMs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_requested: bool) -> None:
    if is_requested:
        from pipeline.console import say
        from saccade import __version__

        say(f"saccade {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """From one params.yaml to trained, tracked, reproducible CNNs and LSTMs."""
