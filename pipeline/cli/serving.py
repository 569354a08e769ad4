"""Commands that let others use what was trained."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.checked_params import asked_network
from pipeline.completion import complete_run


@app.command()
def serve(
    model: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE.onnx",
            help="a trained run, a registered model such as models:/NAME@champion, or a file of `saccade export`",
            autocompletion=complete_run,
        ),
    ],
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0: any that is free")] = 8000,
    batch: Annotated[
        int, typer.Option("--batch", metavar="N", min=1, help="inputs that are answered at once; 1: each by itself")
    ] = 64,
    max_request_mb: Annotated[
        int, typer.Option("--max-request-mb", metavar="MB", min=1, max=1024, help="size of a request")
    ] = 16,
    max_megapixels: Annotated[
        float, typer.Option("--max-megapixels", metavar="MP", min=0.001, max=178.9, help="pixels of a picture")
    ] = 50.0,
    max_waiting: Annotated[
        int, typer.Option("--max-waiting", metavar="N", min=1, help="inputs that wait; of more, requests get a 429")
    ] = 1024,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="until a request that arrived is answered")
    ] = 30.0,
) -> None:
    """Answer over HTTP: pictures, texts, series and arrays, one or several; with a page to try it."""
    network = None if model.endswith(".onnx") else asked_network(model, Path.cwd())
    from pipeline.commands.serve import serve_file, serve_run
    from pipeline.serving.limits import Limits

    limits = Limits(
        request_bytes=max_request_mb * 2**20,
        pixels=round(max_megapixels * 1e6),
        waiting=max_waiting,
        answer_s=timeout,
        batch=batch,
    )
    if network is None:
        serve_file(Path(model), host, port, limits)
    else:
        serve_run(network, model, host, port, limits)
