"""``saccade describe``: networks layer by layer, and augmentation policies."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from pipeline.cli.app import app
from pipeline.cli.checked_params import load
from pipeline.completion import complete_model, complete_run

describe_app = typer.Typer(
    help="Describe a network layer by layer, with receptive fields and memory; or an augmentation policy.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(describe_app, name="describe")

AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of tables")]
Figure = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--figure", "--picture", metavar="FILE", help="draw the network as blocks to scale: .png, .svg or .pdf"
    ),
]


@describe_app.command("model")
def describe_model(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="a file in src/saccade/models, without .py", autocompletion=complete_model),
    ],
    input_: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--input", metavar="SHAPE", help="CxHxW for images, TxF for series, T for texts; default: typical"
        ),
    ] = None,
    classes: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--classes", metavar="K", min=2, help="number of classes; default: what is typical"),
    ] = None,
    vocabulary: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--vocabulary",
            metavar="N",
            min=3,
            help="for texts: number of tokens in the vocabulary; default: 10,000. For lines of print: of characters, "
            "with two reserved ones; default: typical",
        ),
    ] = None,
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", metavar="KEY=VALUE", help="an argument of the model, as in params.yaml; may be repeated"),
    ] = None,
    as_json: AsJson = False,
    figure: Figure = None,
) -> None:
    """Describe a model as params.yaml would build it."""
    from pipeline.commands.describe import network_of_model, show

    show(network_of_model(name, input_, classes, set_ or [], vocabulary), as_json=as_json, figure=figure)


@describe_app.command("run")
def describe_run(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="a trained run: a folder in models", autocompletion=complete_run)
    ],
    as_json: AsJson = False,
    figure: Figure = None,
) -> None:
    """Describe the network of a trained run."""
    figure = figure and figure.absolute()  # relative to where the command was called, not to the tree
    params = load()
    from pipeline.commands.describe import network_of_run, show

    show(network_of_run(run, params), as_json=as_json, figure=figure)


@describe_app.command("policy")
def describe_policy(
    name: Annotated[Optional[str], typer.Argument(metavar="[NAME]", help="default: list them all")] = None,  # noqa: UP045
    size: Annotated[
        str, typer.Option("--size", metavar="HxW", help="size of the images, on which arguments in pixels depend")
    ] = "32x32",
) -> None:
    """Print an augmentation policy as YAML to paste into params.yaml, with a note on each transform."""
    from pipeline.commands.describe_policy import show_policies, show_policy

    if name is None:
        show_policies()
    else:
        show_policy(name, size)
