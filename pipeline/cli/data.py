"""Commands that make a dataset: its bytes, its splits, its views."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import DatasetName
from pipeline.cli.checked_params import entry, load, warn_of_unused_settings


@app.command()
def fetch(dataset: DatasetName) -> None:
    """Fetch a dataset's bytes, as published, into data/raw."""
    block = entry("datasets", load().datasets, dataset)
    from pipeline.stages.fetch import fetch

    fetch(dataset, source=block.source)


@app.command()
def preprocess(dataset: DatasetName) -> None:
    """Split and resize a dataset into data/prepared."""
    params = load()
    block = entry("datasets", params.datasets, dataset)
    from pipeline.stages.preprocess import preprocess

    preprocess(dataset, source=block.source, split=block.split, block=block.preprocess, seed=params.seed)


@app.command()
def augment(dataset: DatasetName) -> None:
    """Write augmented views of a training split into data/augmented."""
    params = load()
    block = entry("datasets", params.datasets, dataset)
    warn_of_unused_settings(params, "datasets", dataset, "augment")
    from pipeline.stages.augment.stage import augment

    augment(dataset, block=block.augment, seed=params.seed)


@app.command()
def preview(
    dataset: DatasetName,
    policy: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--policy", metavar="NAME", help="show this policy instead of the transforms in params.yaml"),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=1, max=100, help="number of examples, spread over the classes")
    ] = 10,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FILE", help="the .png to write; default: reports/DATASET-preview.png"),
    ] = None,
) -> None:
    """Draw a sheet of what augmentation does to a prepared dataset, before anything is stored."""
    out = out and out.absolute()  # relative to where the command was called, not to the tree
    params = load()
    block = entry("datasets", params.datasets, dataset)
    from pipeline.stages.augment.preview import preview

    preview(dataset, block=block.augment, seed=params.seed, policy=policy, rows=rows, out=out)
