"""``saccade drift``: are new inputs like the data that a run knows."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import RunName
from pipeline.cli.checked_params import entry, load

if TYPE_CHECKING:
    from pipeline.params.load import Params
    from saccade.kinds import Reading


@app.command()
def drift(
    run: RunName,
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[NEW]...", help="new inputs, as `predict` takes them: folders, files, patterns"),
    ] = None,
    text: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--text", metavar="TEXT", help="a new text; may be repeated"),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FILE", help="page to write; default: reports/RUN/drift.html"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object in place of lines")] = False,
) -> None:
    """Tell whether new inputs look like the data that a run was measured on; a hint, with a page."""
    if not paths and not text:
        raise typer.BadParameter("name new inputs: files, folders, or --text TEXT")
    here, out = Path.cwd(), out and out.absolute()  # relative to where the command was called, not to the tree
    params = load()
    block = entry("runs", params.runs, run)
    from pipeline.commands.drift import drift

    reading = reading_of(params, run, paths or (), text or (), here)
    drift(reading, dataset=block.dataset, device=block.evaluate.device, page=out, as_json=as_json)


def reading_of(params: "Params", run: str, paths: Sequence[str], texts: Sequence[str], here: Path) -> "Reading":
    """New inputs, read as the source and the preparation of the run's dataset say.

    Args:
        params: the whole file.
        run: key in ``runs:``.
        paths: files, folders and patterns.
        texts: texts themselves.
        here: folder that paths are relative to.

    Returns:
        What is to be read.
    """
    from pipeline.commands.predict import spec_of
    from saccade.core import registry
    from saccade.kinds import Reading

    dataset = params.datasets[params.runs[run].dataset]
    holds = registry.constant_or("", "datasets", dataset.source.name, "NEW_EXAMPLES")
    return Reading(run, spec_of(run), paths, texts, here, dataset.source.arguments, dataset.preprocess.options, holds)
