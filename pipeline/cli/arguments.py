"""Arguments that several commands take."""

from enum import StrEnum
from typing import Annotated

import typer

from pipeline.completion import complete_dataset, complete_run

DatasetName = Annotated[
    str,
    typer.Argument(metavar="DATASET", help="a key of datasets: in params.yaml", autocompletion=complete_dataset),
]

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="a key of runs: in params.yaml", autocompletion=complete_run)
]


class Split(StrEnum):
    """Examples of a dataset that `evaluate --on` takes."""

    train = "train"
    validation = "validation"
    test = "test"
    all = "all"
