"""Commands that write a trained run for other programs: as a file, and as a page that runs the file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from pipeline.cli.app import app
from pipeline.cli.checked_params import load
from pipeline.completion import complete_run


class Format(StrEnum):
    """Files that ``export`` writes."""

    onnx = "onnx"
    safetensors = "safetensors"
    state_dict = "state_dict"


@app.command()
def export(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="a trained run: a folder in models; or a registered model such as models:/NAME@champion",
            autocompletion=complete_run,
        ),
    ],
    format_: Annotated[
        Format,
        typer.Option(
            "--format", help="onnx: the network with its answers; the others: its tensors by name, for your own code"
        ),
    ] = Format.onnx,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--out", metavar="PATH", help="file to write, or folder of tensors; default: in models, RUN and the format"
        ),
    ] = None,
    quantise: Annotated[
        bool,
        typer.Option("--quantise", help="weights of 8 bits, where accuracy on the validation split hardly falls"),
    ] = False,
) -> None:
    """Write a trained run as a file that runs without saccade: ONNX, compared with torch before it is put in place."""
    out = out and out.absolute()  # relative to where the command was called, not to the tree
    if quantise and format_ is not Format.onnx:
        raise typer.BadParameter("--quantise needs --format onnx: tensors for torch stay as they were trained")
    params = load()
    from pipeline.commands.export import ExportOptions, export

    export(params, run, ExportOptions(format_.value, out, quantise))


@app.command()
def page(
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="a file that `export` wrote, about pictures")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="folder to write the page into")],
    onnxruntime_web: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--onnxruntime-web",
            metavar="FOLDER",
            help="where npm put onnxruntime-web; default: node_modules here or above",
        ),
    ] = None,
) -> None:
    """Write a page that runs an exported file in the browser: draw or drop a picture and see the answer."""
    from pipeline.commands.page import page

    page(file, folder, onnxruntime_web)
